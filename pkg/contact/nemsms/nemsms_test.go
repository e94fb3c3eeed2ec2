package nemsms_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/nemsms"
	"github.com/husk-reminders/husk/pkg/contact/verifytest"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const (
	anna = "0101701234"
	bo   = "6702803456" // a replacement number
	cvr  = "12345678"
)

var phone = reminder.NewAddress(reminder.SMS, "+4520123456")

func about(cpr string) contact.Question {
	return contact.Question{NationalID: reminder.NewNationalID("DK", cpr)}
}

type world struct {
	*verifytest.Bench
	nemsms   *verifytest.NemSMS
	verifier *nemsms.Verifier
}

func open(b *verifytest.Bench, change ...func(*nemsms.Options)) world {
	b.T.Helper()
	cert := b.Authority.Client(b.T, "region")
	n := b.NemSMS(cvr, cert.Leaf)
	n.Put(anna, true)
	o := nemsms.Options{
		Environment: nemsms.Environment{STSURL: n.STSURL, TokenURL: n.TokenURL, URL: n.URL},
		CVR:         cvr, Certificate: &cert, Roots: b.Authority.Pool, Timeout: b.Timeout, PerSecond: 1000, Now: b.Clock.Now, Logger: b.Logger,
	}
	for _, f := range change {
		f(&o)
	}
	v, err := nemsms.New(o)
	if err != nil {
		b.T.Fatal(err)
	}
	b.T.Cleanup(v.Close)
	return world{b, n, v}
}

func (w world) ask(qs ...contact.Question) []contact.Answer {
	w.T.Helper()
	return contact.Ask(w.T.Context(), w.verifier, w.Clock.Now(), qs)
}

func brief(a contact.Answer) string {
	return strings.TrimSpace(a.Verdict.String() + " " + string(a.Reason))
}

func TestConformance(t *testing.T) {
	verifytest.Run(t, verifytest.Harness{
		Open:     func(b *verifytest.Bench) contact.Verifier { return open(b).verifier },
		Stages:   []string{verifytest.STSStage, verifytest.AccessTokenStage, verifytest.NemSMSStage},
		Question: about(anna),
		Canaries: []string{anna, "cprNumber", "Holder-of-key"},
	})
}

func TestAnswers(t *testing.T) {
	w := open(verifytest.NewBench(t))
	w.nemsms.Put(bo, false)
	numbered := about(anna)
	numbered.Address = phone
	as := w.ask(about(anna), about(bo), numbered, about("0202701234"), about(anna))
	var got []string
	for _, a := range as {
		got = append(got, brief(a))
	}
	// Asked about a number the register can't say yes: it never tells which it has.
	if want := []string{"yes", "no not_registered", "no not_told", "no not_registered", "yes"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if _, _, asked := w.nemsms.Counts(); asked != 3 {
		t.Errorf("%d questions for three persons", asked)
	}
	for _, a := range as {
		if len(a.Records("1-0123456789abcdef0123456789abcdef", nil, nil, w.Clock.Now())) != 0 {
			t.Error("evidence of a number that was not told")
		}
	}
	if got := w.nemsms.Refusals(); len(got) > 0 {
		t.Errorf("refused: %v", got)
	}
	f := w.verifier.Fitness()
	if f.Usable || f.Method != policy.NemSMS || f.Do == "" {
		t.Errorf("%+v", f)
	}
}

// The service answers false to nonsense, as to a person without NemSMS: so nonsense is told apart before, and never leaves.
func TestIDs(t *testing.T) {
	w := open(verifytest.NewBench(t))
	for _, id := range []string{"FooBar", "010170123", "01017012345", "0101701WQ3", "3201701234", "0113701234", "0000000000", "010170-1234", "٠١٠١٧٠١٢٣٤"} {
		if a := w.ask(about(id))[0]; brief(a) != "no malformed_id" {
			t.Errorf("%q: %s", id, brief(a))
		}
	}
	if a := w.ask(contact.Question{NationalID: reminder.NewNationalID("NO", "20914695016")})[0]; brief(a) != "no other_country" {
		t.Error(brief(a))
	}
	if a := w.ask(contact.Question{})[0]; brief(a) != "unknown no_id" {
		t.Error(brief(a))
	}
	if n := w.Asked(verifytest.NemSMSStage) + w.Asked(verifytest.STSStage); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// One person's error is no other's.
func TestPartialFailure(t *testing.T) {
	w := open(verifytest.NewBench(t))
	var qs []contact.Question
	for i := range 40 {
		cpr := fmt.Sprintf("%02d0270%04d", 1+i%28, i)
		w.nemsms.Put(cpr, true)
		if i == 7 || i == 23 {
			w.nemsms.Fail(cpr, map[int]int{7: 404, 23: 500}[i])
		}
		qs = append(qs, about(cpr))
	}
	for i, a := range w.ask(qs...) {
		want := "yes"
		switch i {
		case 7:
			want = "unknown refused"
		case 23:
			want = "unknown broken"
		}
		if brief(a) != want {
			t.Errorf("%d: %s, want %s", i, brief(a), want)
		}
	}
	if w.Logs.Len() == 0 {
		t.Error("nothing is logged")
	}
	for _, q := range qs {
		w.Quiet([]string{q.NationalID.Reveal()})
	}
}

func TestTokensAreKeptAndRenewed(t *testing.T) {
	w := open(verifytest.NewBench(t))
	ask := func(saml, access int, why string) {
		t.Helper()
		if a := w.ask(about(anna))[0]; a.Verdict != contact.Yes {
			t.Fatalf("%s: %s %v", why, brief(a), w.nemsms.Refusals())
		}
		if s, a, _ := w.nemsms.Counts(); s != saml || a != access {
			t.Errorf("%s: %d SAML and %d access tokens, want %d and %d", why, s, a, saml, access)
		}
	}
	ask(1, 1, "first")
	w.Clock.Advance(54 * time.Minute)
	ask(1, 1, "within its life")
	w.Clock.Advance(2 * time.Minute)
	ask(1, 2, "shortly before its end")
	w.nemsms.Revoke(false)
	ask(2, 3, "401 then yes")
	w.nemsms.Revoke(true)
	ask(3, 4, "401 then yes, all gone")
	w.Clock.Advance(8*time.Hour - 10*time.Minute)
	ask(4, 5, "the SAML token has run out")
}

func TestCredentials(t *testing.T) {
	b := verifytest.NewBench(t)
	other := b.Authority.Client(t, "other")
	for name, change := range map[string]func(*nemsms.Options){
		"another's certificate": func(o *nemsms.Options) { o.Certificate = &other },
		"another's CVR":         func(o *nemsms.Options) { o.CVR = "87654321" },
		"an unknown authority's": func(o *nemsms.Options) {
			c := verifytest.NewAuthority(t).Client(t, "stranger")
			o.Certificate = &c
		},
	} {
		w := open(verifytest.NewBench(t), change)
		a := w.ask(about(anna))[0]
		verifytest.NeverYes(t, w.Clock.Now(), a, contact.Unauthorised, contact.Refused, contact.Insecure, contact.Unreachable)
		if _, _, asked := w.nemsms.Counts(); asked != 0 {
			t.Errorf("%s: the question was answered", name)
		}
	}
}

func TestDownIsLeftAlone(t *testing.T) {
	w := open(verifytest.NewBench(t))
	f := verifytest.Faults()[0]
	w.Break(verifytest.NemSMSStage, &f)
	var qs []contact.Question
	for i := range 200 {
		qs = append(qs, about(fmt.Sprintf("%02d0270%04d", 1+i%28, i)))
	}
	for _, a := range w.ask(qs...) {
		verifytest.NeverYes(t, w.Clock.Now(), a, contact.Broken)
	}
	if n := w.Asked(verifytest.NemSMSStage); n > 10 {
		t.Errorf("%d calls to a service that is down", n)
	}
}

func TestPace(t *testing.T) {
	w := open(verifytest.NewBench(t), func(o *nemsms.Options) { o.PerSecond, o.Parallel = 0.001, 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // the pace knows at once that it can't be kept
	defer cancel()
	as := contact.Ask(ctx, w.verifier, w.Clock.Now(), []contact.Question{about(anna), about(bo)})
	if brief(as[0]) != "yes" || brief(as[1]) != "unknown interrupted" {
		t.Errorf("%s; %s", brief(as[0]), brief(as[1]))
	}
}

func TestOptions(t *testing.T) {
	cert := verifytest.NewAuthority(t).Client(t, "region")
	good := nemsms.Options{Environment: nemsms.Production, CVR: cvr, Certificate: &cert}
	if _, err := nemsms.New(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*nemsms.Options){
		"http":        func(o *nemsms.Options) { o.URL = "http://prod.serviceplatformen.dk/service/PostForespoerg_1/nemsms" },
		"query":       func(o *nemsms.Options) { o.URL += "?cprNumber=" + anna },
		"CVR":         func(o *nemsms.Options) { o.CVR = anna },
		"none":        func(o *nemsms.Options) { o.Certificate = nil },
		"empty":       func(o *nemsms.Options) { o.Certificate = &tls.Certificate{} },
		"parallel":    func(o *nemsms.Options) { o.Parallel = 1000 },
		"sts missing": func(o *nemsms.Options) { o.STSURL = "" },
	} {
		o := good
		change(&o)
		if _, err := nemsms.New(o); !errors.Is(err, nemsms.ErrOptions) || strings.Contains(err.Error(), anna) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
