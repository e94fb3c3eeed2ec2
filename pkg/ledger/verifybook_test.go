package ledger_test

import (
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact/verifytest"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// A register is awaited until it has answered, and again when its answer holds no longer; one that can't be relied on never is. Who
// is awaited is asked about, also where no sweep would.
func TestVerifyAwaits(t *testing.T) {
	r := newRegistry(t)
	k := r.key(nordmann)
	awaits := func(want bool) {
		t.Helper()
		if got := r.v.Awaits(k, "NO"); got != want {
			t.Errorf("awaited: %v", got)
		}
	}
	asks := func(want int) {
		t.Helper()
		if n, err := r.v.SweepAgain(r.ctx); n != want || err != nil {
			t.Errorf("asked %d: %v", n, err)
		}
	}
	asks(0)
	for _, c := range []reminder.Country{"DK", "SE", ""} { // NemSMS is not usable
		if r.v.Awaits(k, c) {
			t.Errorf("somebody is awaited for %q", c)
		}
	}
	asks(0)

	var silent verifytest.Fault
	for _, f := range verifytest.Faults() {
		if f.Name == "500 that quotes the question" {
			silent = f
		}
	}
	r.bench.Break(verifytest.KRRStage, &silent)
	awaits(true)
	asks(1)
	awaits(true) // it did not answer
	asks(0)      // and is left alone for a while
	r.bench.Break(verifytest.KRRStage, nil)
	r.advance(time.Hour)
	asks(1)
	awaits(false)
	asks(0)
	r.advance(25 * time.Hour)
	awaits(true)
	asks(1)
	awaits(false)

	// Where nobody asks, the book does not grow for good.
	for n := range 30_000 {
		if n%1000 == 0 {
			r.advance(10 * time.Minute)
		}
		p := r.p.Person(reminder.NewNationalID("NO", time.Duration(n).String()))
		if !r.v.Awaits(p, "NO") {
			t.Fatal("nobody is awaited")
		}
	}
	if n := r.v.Booked(); n > 20_000 {
		t.Errorf("%d are remembered", n)
	}
}
