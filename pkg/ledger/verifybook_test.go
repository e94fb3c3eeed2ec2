package ledger_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/husk-reminders/husk/pkg/contact/verifytest"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Each process asks for what its own decisions wait for: who leads is told nothing of it.
func TestVerifyAwaitsInEachProcess(t *testing.T) {
	r := newRegistry(t)
	k := r.key(nordmann)
	leader := r.v
	r.metrics = prometheus.NewRegistry()
	r.verifies(leader.Registers()...)
	r.krr.Put(nordmann, reserved) // a no, of which nothing is journalled but the objection
	if got, _ := r.v.Awaits(k, "NO"); got != "krr" {
		t.Fatalf("awaited: %q", got)
	}
	if n, err := leader.SweepAgain(r.ctx); n != 0 || err != nil {
		t.Errorf("the leader asked %d: %v", n, err)
	}
	if vs, err := leader.Verify(r.ctx, "karen", k); err != nil || vs[0].Verdict != "no" {
		t.Errorf("%+v, %v", vs, err)
	}
	if got, _ := r.v.Awaits(k, "NO"); got != "krr" {
		t.Error("another process' no was heard here")
	}
	if n, err := r.v.SweepAgain(r.ctx); n != 1 || err != nil {
		t.Errorf("asked %d: %v", n, err)
	}
	if got, _ := r.v.Awaits(k, "NO"); got != "" {
		t.Errorf("awaited after its answer: %q", got)
	}
}

// Of whom no register can be asked, for there is no national id of its country, nobody waits for one.
func TestVerifyAwaitsNobodyWithoutAnID(t *testing.T) {
	r := newRegistry(t)
	r.accept(r.appointment(4)) // Danish
	strange := r.p.Person(reminder.NewNationalID("NO", "01010112345"))
	for _, k := range []reminder.PersonKey{r.person(4), strange} {
		if got, _ := r.v.Awaits(k, "NO"); got != "krr" {
			t.Fatalf("awaited: %q", got)
		}
	}
	if n, err := r.v.SweepAgain(r.ctx); n != 0 || err != nil {
		t.Errorf("asked %d: %v", n, err)
	}
	for _, k := range []reminder.PersonKey{r.person(4), strange} {
		if got, _ := r.v.Awaits(k, "NO"); got != "" {
			t.Errorf("still awaited: %q", got)
		}
	}
	if n, err := r.v.SweepAgain(r.ctx); n != 0 || err != nil {
		t.Errorf("asked %d: %v", n, err)
	}
}

// A register is awaited until it has answered, and again when its answer holds no longer; one that can't be relied on never is. Who
// is awaited is asked about, also where no sweep would.
func TestVerifyAwaits(t *testing.T) {
	r := newRegistry(t)
	k := r.key(nordmann)
	since := r.now()
	awaits := func(want bool) {
		t.Helper()
		if got, at := r.v.Awaits(k, "NO"); (got == "krr") != want || (want && !at.Equal(since)) || (!want && got != "") {
			t.Errorf("awaited: %q since %v", got, at)
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
		if got, _ := r.v.Awaits(k, c); got != "" {
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
	since = r.now()
	awaits(true)
	asks(1)
	awaits(false)

	// Where nobody asks, the book does not grow for good.
	for n := range 30_000 {
		if n%1000 == 0 {
			r.advance(10 * time.Minute)
		}
		p := r.p.Person(reminder.NewNationalID("NO", time.Duration(n).String()))
		if got, _ := r.v.Awaits(p, "NO"); got == "" {
			t.Fatal("nobody is awaited")
		}
	}
	if n := r.v.Booked(); n > 20_000 {
		t.Errorf("%d are remembered", n)
	}
}
