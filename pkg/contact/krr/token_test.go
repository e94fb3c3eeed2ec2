package krr_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/krr/maskinporten"
	"github.com/husk-reminders/husk/pkg/contact/verifytest"
)

func TestTokenIsKeptAndRenewed(t *testing.T) {
	w := open(verifytest.NewBench(t))
	ask := func(want int, why string) {
		t.Helper()
		if a := w.ask(about(anna))[0]; a.Verdict != contact.Yes {
			t.Fatalf("%s: %s", why, brief(a))
		}
		if n := w.krr.Tokens(); n != want {
			t.Errorf("%s: %d tokens, want %d", why, n, want)
		}
	}
	ask(1, "first")
	ask(1, "again")
	w.Clock.Advance(8 * time.Minute)
	ask(1, "within its life")
	w.Clock.Advance(70 * time.Second)
	ask(2, "shortly before its end")
	w.krr.Revoke()
	ask(3, "401 then yes")
	if got := w.krr.Refusals(); !slices.Equal(got, []string{"token"}) {
		t.Errorf("refusals %v", got)
	}
}

func TestGrantIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*maskinporten.Options)
		want   string
	}{
		"audience": {func(o *maskinporten.Options) { o.Audience = maskinporten.Production.Audience }, "MP-110 aud"},
		"client":   {func(o *maskinporten.Options) { o.ClientID = "other" }, "MP-100 client"},
		"scope":    {func(o *maskinporten.Options) { o.Scope = "krr:global/digitalpost.read" }, "MP-200 scope"},
		"key id":   {func(o *maskinporten.Options) { o.KeyID = "other" }, "kid or x5c"},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(verifytest.NewBench(t), c.change)
			a := w.ask(about(anna))[0]
			verifytest.NeverYes(t, w.Clock.Now(), a, contact.Unauthorised)
			if got := w.krr.Refusals(); !slices.Equal(got, []string{c.want}) {
				t.Errorf("refusals %v, want %s", got, c.want)
			}
		})
	}
}

func TestBusinessCertificate(t *testing.T) {
	b := verifytest.NewBench(t)
	cert := b.Authority.Client(t, "organisation")
	w := open(b, func(o *maskinporten.Options) { o.KeyID, o.Chain = "", append(o.Chain, cert.Leaf) })
	if a := w.ask(about(anna))[0]; a.Verdict != contact.Yes {
		t.Errorf("%s %v", brief(a), w.krr.Refusals())
	}
}

// With our clock off by more than ten seconds every grant is refused, and the answer names the clock.
func TestClockSkew(t *testing.T) {
	for _, off := range []time.Duration{-15 * time.Second, 15 * time.Second, 24 * time.Hour} {
		w := open(verifytest.NewBench(t))
		servers := verifytest.NewClock()
		servers.Advance(off)
		w.krr.Clock = servers
		a := w.ask(about(anna))[0]
		verifytest.NeverYes(t, w.Clock.Now(), a, contact.ClockWrong)
	}
	w := open(verifytest.NewBench(t))
	servers := verifytest.NewClock()
	servers.Advance(8 * time.Second)
	w.krr.Clock = servers
	if a := w.ask(about(anna))[0]; a.Verdict != contact.Yes {
		t.Errorf("8 s: %s", brief(a))
	}
}

func TestBusyIsLeftAlone(t *testing.T) {
	w := open(verifytest.NewBench(t))
	for _, f := range verifytest.Faults() {
		if f.Name == "429 with Retry-After" {
			w.Break(verifytest.KRRStage, &f)
		}
	}
	start := w.Clock.Now()
	for range 20 {
		a := w.ask(about(anna))[0]
		verifytest.NeverYes(t, w.Clock.Now(), a, contact.Busy)
		if !a.Retry.Equal(start.Add(120 * time.Second)) {
			t.Errorf("ask again at %s", a.Retry.Sub(start))
		}
		w.Clock.Advance(time.Second)
	}
	if n := w.Asked(verifytest.KRRStage); n != 1 {
		t.Errorf("%d calls while it asked for patience", n)
	}
	w.Break(verifytest.KRRStage, nil)
	w.Clock.Advance(101 * time.Second)
	if a := w.ask(about(anna))[0]; a.Verdict != contact.Yes {
		t.Error(brief(a))
	}
}

func TestBrokenIsLeftAloneAfterAWhile(t *testing.T) {
	w := open(verifytest.NewBench(t))
	f := verifytest.Faults()[0]
	w.Break(verifytest.KRRStage, &f)
	for range 100 {
		verifytest.NeverYes(t, w.Clock.Now(), w.ask(about(anna))[0], contact.Broken)
		w.Clock.Advance(100 * time.Millisecond)
	}
	if n := w.Asked(verifytest.KRRStage); n > 5 {
		t.Errorf("%d calls in ten seconds", n)
	}
	w.Break(verifytest.KRRStage, nil)
	w.Clock.Advance(10 * time.Minute)
	if a := w.ask(about(anna))[0]; a.Verdict != contact.Yes {
		t.Error(brief(a))
	}
}

func TestManyAtOnceFetchOneToken(t *testing.T) {
	w := open(verifytest.NewBench(t))
	done := make(chan string)
	for range 8 {
		go func() {
			done <- brief(contact.Ask(context.Background(), w.verifier, w.Clock.Now(), []contact.Question{about(anna)})[0])
		}()
	}
	for range 8 {
		if got := <-done; got != "yes" {
			t.Error(got)
		}
	}
	if n := w.krr.Tokens(); n != 1 {
		t.Errorf("%d tokens", n)
	}
}
