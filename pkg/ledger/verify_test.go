package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	policies "github.com/husk-reminders/husk/config/policy"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/krr"
	"github.com/husk-reminders/husk/pkg/contact/krr/maskinporten"
	"github.com/husk-reminders/husk/pkg/contact/nemsms"
	"github.com/husk-reminders/husk/pkg/contact/register"
	"github.com/husk-reminders/husk/pkg/contact/verifytest"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// What the fake register has of a synthetic person.
const (
	nordmann   = "20914695016"
	nordmannNo = "+4791234567"
	entry      = `"reservasjon":"NEI","status":"AKTIV","varslingsstatus":"KAN_VARSLES","spraak":"nb",` +
		`"kontaktinformasjon":{"mobiltelefonnummer":"91234567","mobiltelefonnummer_oppdatert":"2025-08-05T10:45:15.768Z"}`
	reserved = `"reservasjon":"JA","reservasjonstidspunkt":"2025-11-02T10:45:15+01:00","status":"AKTIV","varslingsstatus":"KAN_IKKE_VARSLES"`
)

// registry is a ledger beside the fake registers, all by one clock.
type registry struct {
	*world
	bench   *verifytest.Bench
	krr     *verifytest.KRR
	nemsms  *verifytest.NemSMS
	metrics *prometheus.Registry
	v       *ledger.Verification
	wants   func(known []contact.State, due time.Time) bool
}

// newRegistry also books the person, so that the national id is known.
func newRegistry(t *testing.T) *registry {
	t.Helper()
	b := verifytest.NewBench(t)
	b.Clock.Advance(noon.Sub(b.Clock.Now()))
	r := &registry{world: newWorld(t, func(o *ledger.Options) { o.Log = b.Logger }), bench: b, metrics: prometheus.NewRegistry()}
	r.wants = func([]contact.State, time.Time) bool { return true }
	key := verifytest.RSAKey(t)
	r.krr = b.KRR("husk-test", &key.PublicKey, "key-1")
	r.krr.Put(nordmann, entry)
	c, err := register.New(register.Options{Roots: b.Authority.Pool, Timeout: b.Timeout, Now: b.Clock.Now})
	r.ok(err)
	t.Cleanup(c.Close)
	src, err := maskinporten.New(maskinporten.Options{
		Environment: maskinporten.Environment{TokenURL: r.krr.TokenURL, Audience: r.krr.Audience}, ClientID: "husk-test", Scope: krr.Scope,
		Key: key, KeyID: "key-1", Client: c, Now: b.Clock.Now,
	})
	r.ok(err)
	k, err := krr.New(krr.Options{URL: r.krr.URL, Tokens: src, Client: c, Logger: b.Logger})
	r.ok(err)
	cert := b.Authority.Client(t, "region")
	r.nemsms = b.NemSMS("12345678", cert.Leaf)
	n, err := nemsms.New(nemsms.Options{
		Environment: nemsms.Environment{STSURL: r.nemsms.STSURL, TokenURL: r.nemsms.TokenURL, URL: r.nemsms.URL}, CVR: "12345678",
		Certificate: &cert, Roots: b.Authority.Pool, Timeout: b.Timeout, PerSecond: 1000, Now: b.Clock.Now, Logger: b.Logger,
	})
	r.ok(err)
	t.Cleanup(n.Close)
	r.verifies(ledger.Register{Verifier: k, Country: "NO", Batch: 2, Objection: consent.KRR}, ledger.Register{Verifier: n, Country: "DK", Batch: 50})
	r.accept(r.norwegian(1, nordmann))
	return r
}

func (r *registry) verifies(rs ...ledger.Register) {
	r.Helper()
	var err error
	r.v, err = ledger.NewVerification(ledger.VerifyOptions{
		Ledger: r.Ledger, Registers: rs, PerSecond: 1e6, Metrics: r.metrics,
		Wants: func(_ reminder.Appointment, known []contact.State, due, _ time.Time) bool { return r.wants(known, due) },
	})
	r.ok(err)
}

func (r *registry) norwegian(n int, id string) reminder.Appointment {
	return r.appointment(n, func(a *reminder.Appointment) {
		a.NationalID = reminder.NewNationalID("NO", id)
		a.Person = r.p.Person(a.NationalID)
	})
}

func (r *registry) key(id string) reminder.PersonKey {
	return r.p.Person(reminder.NewNationalID("NO", id))
}

// advance moves both clocks.
func (r *registry) advance(d time.Duration) {
	r.bench.Clock.Advance(d)
	r.at(r.now().Add(d))
}

func (r *registry) ask(keys ...reminder.PersonKey) []ledger.Verified {
	r.Helper()
	vs, err := r.v.Verify(r.ctx, "karen", keys...)
	r.ok(err)
	return vs
}

func (r *registry) one(k reminder.PersonKey) ledger.Person {
	r.Helper()
	ps, err := r.People(r.ctx, []reminder.PersonKey{k})
	r.ok(err)
	return ps[0]
}

func (r *registry) counted(method, verdict, reason string) float64 {
	r.Helper()
	ms, err := r.metrics.Gather()
	r.ok(err)
	for _, m := range ms[0].GetMetric() {
		l := map[string]string{}
		for _, p := range m.GetLabel() {
			l[p.GetName()] = p.GetValue()
		}
		if l["method"] == method && l["verdict"] == verdict && l["reason"] == reason {
			return m.GetCounter().GetValue()
		}
	}
	r.Fatalf("no series %s %s %s", method, verdict, reason)
	return 0
}

func TestVerifyTakesDownWhatTheRegisterVouchesFor(t *testing.T) {
	r := newRegistry(t)
	k := r.key(nordmann)
	vs := r.ask(k, k)
	if len(vs) != 1 || vs[0].Verdict != "yes" || vs[0].Method != "krr" || vs[0].Recorded != 1 || len(vs[0].Addresses) != 1 {
		t.Fatalf("%+v", vs)
	}
	states := contact.Fold(r.one(k).Contact, r.now())
	if len(states) != 1 || !states[0].Usable() || states[0].Address.Reveal() != nordmannNo || states[0].Hash != vs[0].Addresses[0] {
		t.Fatalf("%+v", states)
	}
	p, _ := states[0].Best()
	if p.Method != policy.KRR || p.Level != policy.Registered || !p.At.Equal(time.Date(2025, 8, 5, 10, 45, 15, 768e6, time.UTC)) || p.By != "krr" {
		t.Errorf("%+v", p)
	}
	if n := r.counted("krr", "yes", ""); n != 1 {
		t.Errorf("counted %v", n)
	}
	var audits []ledger.Audit
	r.ok(r.Audits(r.ctx, func(a ledger.Audit) error { audits = append(audits, a); return nil }))
	if len(audits) != 1 || audits[0].Action != "verify krr" || audits[0].Actor != "karen" || audits[0].Person != k || audits[0].Address != "" {
		t.Errorf("%+v", audits)
	}

	end := r.last(journal.StreamPeople)
	if vs := r.ask(k); vs[0].Verdict != "yes" || vs[0].Recorded != 0 || r.last(journal.StreamPeople) != end {
		t.Errorf("the same evidence was journalled twice: %+v", vs)
	}
	r.krr.Put(nordmann, strings.Replace(entry, "2025-08-05", "2026-02-05", 1))
	if vs := r.ask(k); vs[0].Recorded != 1 || r.last(journal.StreamPeople) != end+1 {
		t.Errorf("newer evidence was not: %+v", vs)
	}
}

func TestVerifyAsksTheRegisterOfTheCountryInBatches(t *testing.T) {
	r := newRegistry(t)
	r.accept(r.norwegian(2, "17828499914"), r.norwegian(3, "41828499953"), r.appointment(4))
	r.nemsms.Put(nationalID(4).Reveal(), true)
	unknown := r.p.Person(reminder.NewNationalID("NO", "01010112345"))
	vs := r.ask(r.key(nordmann), r.key("17828499914"), unknown, r.key("41828499953"), r.person(4))
	by := map[string]int{}
	for _, v := range vs {
		by[v.Method+" "+v.Verdict]++
		if v.Person == unknown {
			t.Error("asked about somebody of whom nothing is known")
		}
		if v.Method == "nemsms" && (v.Person != r.person(4) || v.Recorded != 0 || len(v.Addresses) != 0) {
			t.Errorf("NemSMS proved a number: %+v", v)
		}
	}
	if by["krr yes"] != 1 || by["krr yes"]+by["krr no"] != 3 || by["nemsms yes"] != 1 {
		t.Errorf("%v", by)
	}
	if b := r.krr.Batches(); slices.Max(b) > 2 {
		t.Errorf("batches %v", b)
	}
}

func TestVerifyTakesAReservationForAnObjection(t *testing.T) {
	r := newRegistry(t)
	k := r.key(nordmann)
	word := r.word(k, consent.Noticed)
	word.Notice = consent.Notice{ID: "n", Hash: strings.Repeat("ab", 32), Language: "nb"}
	r.ok(r.Consent(r.ctx, word))
	r.advance(time.Hour)
	r.krr.Put(nordmann, reserved)
	if vs := r.ask(k); vs[0].Verdict != "no" || vs[0].Reason != contact.Reserved || !vs[0].Reserved {
		t.Fatalf("%+v", vs)
	}
	objections := func() (out []consent.Record) {
		for _, c := range r.one(k).Consent {
			if c.Type == consent.Withdrawn {
				out = append(out, c)
			}
		}
		return out
	}
	os := objections()
	if len(os) != 1 || os[0].Method != consent.KRR || os[0].Actor.Kind != consent.Registry || os[0].Scope.Kind != policy.ControllerScope ||
		len(os[0].Channels)+len(os[0].Purposes) != 0 || !os[0].EventTime.Equal(time.Date(2025, 11, 2, 9, 45, 15, 0, time.UTC)) {
		t.Fatalf("%+v", os)
	}
	packs, err := policy.Load(policies.FS)
	r.ok(err)
	pack, _ := packs.For("NO", r.now())
	q := consent.Query{Purpose: reminder.Remind, Channel: reminder.SMS, Unit: reminder.Unit{ID: "u"}, BirthDate: reminder.Date{Year: 1970, Month: 1, Day: 1}, Pack: pack}
	if s := consent.Fold(r.one(k).Consent, q, r.now()); s.Kind != consent.Revoked {
		t.Errorf("after the reservation: %s", s.Kind)
	}

	r.advance(time.Hour)
	r.ask(k)
	if n := len(objections()); n != 1 {
		t.Errorf("the same reservation stands %d times", n)
	}
	r.advance(time.Hour)
	r.ok(r.Consent(r.ctx, r.word(k, consent.Granted)))
	r.ask(k)
	if s := consent.Fold(r.one(k).Consent, q, r.now()); s.Kind != consent.Yes {
		t.Errorf("a yes given after the reservation is %s", s.Kind)
	}
	r.krr.Put(nordmann, strings.Replace(reserved, "2025-11-02T10:45:15+01:00", r.now().Format(time.RFC3339), 1))
	r.advance(time.Hour)
	r.ask(k)
	if s := consent.Fold(r.one(k).Consent, q, r.now()); s.Kind != consent.Revoked {
		t.Errorf("after a newer reservation: %s", s.Kind)
	}
}

// A reservation without a date is of today: it ends a yes that was given since it was last heard of, and is not repeated otherwise.
func TestVerifyTakesAReservationWithoutADate(t *testing.T) {
	r := newRegistry(t)
	k := r.key(nordmann)
	r.krr.Put(nordmann, `"reservasjon":"JA","status":"AKTIV","varslingsstatus":"KAN_IKKE_VARSLES"`)
	for range 3 {
		r.ask(k)
		r.advance(time.Hour)
	}
	if n := len(r.one(k).Consent); n != 1 {
		t.Errorf("%d objections", n)
	}
	r.ok(r.Consent(r.ctx, r.word(k, consent.Granted)))
	r.advance(time.Hour)
	r.ask(k)
	if cs := r.one(k).Consent; len(cs) != 3 {
		t.Errorf("%d words, want two objections and the yes between", len(cs))
	}
}

func TestVerifyWhileTheRegisterIsDown(t *testing.T) {
	for _, f := range verifytest.Faults() {
		if f.Slow {
			continue // what a timeout comes to is the verifier's own test
		}
		t.Run(f.Name, func(t *testing.T) {
			r := newRegistry(t)
			k := r.key(nordmann)
			r.known(k, reminder.NewAddress(reminder.SMS, nordmannNo))
			before, end := r.dump(), r.last(journal.StreamPeople)
			r.due()
			r.bench.Clock.Advance(r.now().Sub(r.bench.Clock.Now()))
			r.bench.Break(verifytest.KRRStage, &f)
			n, err := r.v.Sweep(r.ctx)
			r.ok(err)
			if n != 1 || r.last(journal.StreamPeople) != end {
				t.Errorf("asked %d, and the journal went from %d to %d", n, end, r.last(journal.StreamPeople))
			}
			r.wantDump(r.dump(), before)
			if n, err := r.v.SweepAgain(r.ctx); n != 0 || err != nil {
				t.Errorf("asked again at once: %d %v", n, err)
			}
			if n, err := r.v.Sweep(r.ctx); n != 0 || err != nil {
				t.Errorf("another sweep asked before the time: %d %v", n, err)
			}
			r.bench.Break(verifytest.KRRStage, nil)
			r.advance(2 * time.Hour)
			n, err = r.v.SweepAgain(r.ctx)
			r.ok(err)
			if n != 1 || r.last(journal.StreamPeople) != end+1 || r.counted("krr", "yes", "") != 1 {
				t.Errorf("mended: asked %d, the journal went from %d to %d", n, end, r.last(journal.StreamPeople))
			}
			if n, err := r.v.SweepAgain(r.ctx); n != 0 || err != nil {
				t.Errorf("asked again although it was answered: %d %v", n, err)
			}
		})
	}
}

func TestVerifySweepAsksOfWhomItMust(t *testing.T) {
	r := newRegistry(t)
	r.accept(r.appointment(4)) // Danish: the register there proves nothing
	if n, err := r.v.Sweep(r.ctx); n != 0 || err != nil {
		t.Fatalf("nothing is due within the week, and it asked %d: %v", n, err)
	}
	r.due()
	r.bench.Clock.Advance(r.now().Sub(r.bench.Clock.Now()))
	r.wants = func(known []contact.State, due time.Time) bool {
		if due.Before(r.now()) {
			t.Errorf("due %s", due)
		}
		return len(known) > 0
	}
	if n, err := r.v.Sweep(r.ctx); n != 0 || err != nil {
		t.Fatalf("it asked %d that nobody wants: %v", n, err)
	}
	r.wants = func([]contact.State, time.Time) bool { return true }
	if n, err := r.v.Sweep(r.ctx); n != 1 || err != nil {
		t.Fatalf("it asked %d: %v", n, err)
	}
	if _, _, asked := r.nemsms.Counts(); asked != 0 {
		t.Errorf("a register that is not usable was asked %d times", asked)
	}
	r.advance(time.Hour)
	if n, err := r.v.Sweep(r.ctx); n != 0 || err != nil {
		t.Errorf("the answer holds, and it asked %d: %v", n, err)
	}
	r.advance(22 * time.Hour)
	if n, err := r.v.Sweep(r.ctx); n != 1 || err != nil {
		t.Errorf("the next day it asked %d: %v", n, err)
	}
}

// A sweep that has no more time for its pace stops between two batches, and what was told is kept.
func TestVerifySweepKeepsItsPace(t *testing.T) {
	r := newRegistry(t)
	r.accept(r.norwegian(2, "17828499914"), r.norwegian(3, "41828499953"))
	r.due()
	r.bench.Clock.Advance(r.now().Sub(r.bench.Clock.Now()))
	slow, err := ledger.NewVerification(ledger.VerifyOptions{
		Ledger: r.Ledger, Registers: r.v.Registers(), PerSecond: 0.001,
		Wants: func(reminder.Appointment, []contact.State, time.Time, time.Time) bool { return true },
	})
	r.ok(err)
	// Of all registers the largest batch may go at once: the Danish one's 50.
	if n, err := slow.Sweep(r.ctx); n != 3 || err != nil {
		t.Errorf("asked %d: %v", n, err)
	}
	own := r.v.Registers()[:1]
	slow, err = ledger.NewVerification(ledger.VerifyOptions{
		Ledger: r.Ledger, Registers: own, PerSecond: 0.001,
		Wants: func(reminder.Appointment, []contact.State, time.Time, time.Time) bool { return true },
	})
	r.ok(err)
	ctx, cancel := contextFor(t, 30*time.Second)
	defer cancel()
	if n, err := slow.Sweep(ctx); n != 2 || err == nil {
		t.Errorf("asked %d in no time: %v", n, err)
	}
	if vs, err := slow.Verify(ctx, "karen", r.key(nordmann)); len(vs) != 1 || err != nil {
		t.Errorf("a clerk waits for the sweep's pace: %d %v", len(vs), err)
	}
}

// failing is a verifier that must not be asked.
type failing struct{ t *testing.T }

func (f failing) Verify(context.Context, time.Time, []contact.Question) []contact.Answer {
	f.t.Error("asked without an audit")
	return nil
}

func (failing) Fitness() contact.Fitness { return contact.Fitness{Method: policy.KRR, Usable: true} }

func TestVerifyAsksNobodyWithoutAnAudit(t *testing.T) {
	r := newRegistry(t)
	r.metrics = prometheus.NewRegistry()
	r.verifies(ledger.Register{Verifier: failing{t}, Country: "NO", Batch: 10})
	r.nc.Close()
	ctx, cancel := contextFor(t, 5*time.Second)
	defer cancel()
	if _, err := r.v.Verify(ctx, "karen", r.key(nordmann)); err == nil {
		t.Error("no error")
	}
}

func TestVerifyLeavesNoIDAnywhere(t *testing.T) {
	r := newRegistry(t)
	k := r.key(nordmann)
	canaries := []string{nordmann, nordmannNo, nordmannNo[3:]}
	var errs []string
	r.bench.Break(verifytest.KRRStage, &verifytest.Faults()[0])
	vs := r.ask(k)
	r.bench.Break(verifytest.KRRStage, nil)
	r.advance(2 * time.Hour)
	vs = append(vs, r.ask(k)...)
	r.krr.Put(nordmann, reserved)
	vs = append(vs, r.ask(k)...)
	cancelled, cancel := context.WithCancel(r.ctx)
	cancel()
	if _, err := r.v.Verify(cancelled, "karen", k); err != nil {
		errs = append(errs, err.Error())
	}
	if vs[0].Verdict != "unknown" || vs[1].Verdict != "yes" || vs[2].Verdict != "no" {
		t.Fatalf("%+v", vs)
	}
	b, err := json.Marshal(vs)
	r.ok(err)
	ms, err := r.metrics.Gather()
	r.ok(err)
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %+v %v %s", b, vs, errs, ms)
	for _, s := range []journal.Stream{journal.StreamStop, journal.StreamPeople, journal.StreamJournal, journal.StreamAudit} {
		for _, e := range r.entries(s) {
			fmt.Fprintf(&text, "%s %s %s %s", e.Clear, e.Person, e.Sealed, e.Flags)
		}
	}
	text.WriteString(r.dump())
	for _, c := range canaries {
		if strings.Contains(text.String(), c) {
			t.Errorf("a canary is in an answer, an error, a metric, the journal or the state")
		}
	}
	r.bench.Quiet(canaries)
}

func TestNewVerification(t *testing.T) {
	r := newRegistry(t)
	wants := func(reminder.Appointment, []contact.State, time.Time, time.Time) bool { return false }
	good := ledger.Register{Verifier: failing{t}, Country: "NO", Batch: 10}
	for name, o := range map[string]ledger.VerifyOptions{
		"no ledger":   {Wants: wants},
		"no wants":    {Ledger: r.Ledger},
		"no country":  {Ledger: r.Ledger, Wants: wants, Registers: []ledger.Register{{Verifier: failing{t}, Batch: 1}}},
		"no verifier": {Ledger: r.Ledger, Wants: wants, Registers: []ledger.Register{{Country: "NO", Batch: 1}}},
		"no batch":    {Ledger: r.Ledger, Wants: wants, Registers: []ledger.Register{{Verifier: failing{t}, Country: "NO"}}},
		"backwards":   {Ledger: r.Ledger, Wants: wants, PerSecond: -1},
		"twice":       {Ledger: r.Ledger, Wants: wants, Registers: []ledger.Register{good}, Metrics: r.metrics},
	} {
		if _, err := ledger.NewVerification(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	none, err := ledger.NewVerification(ledger.VerifyOptions{Ledger: r.Ledger, Wants: wants})
	r.ok(err)
	if n, err := none.Sweep(r.ctx); n != 0 || err != nil {
		t.Errorf("%d %v", n, err)
	}
}
