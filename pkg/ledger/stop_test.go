package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
)

// audits are the audit entries with an action.
func (w *world) audits(action string) []ledger.Audit {
	w.Helper()
	var out []ledger.Audit
	w.ok(w.Audits(w.ctx, func(a ledger.Audit) error {
		if a.Action == action {
			out = append(out, a)
		}
		return nil
	}))
	return out
}

// waitsForTheWire wants of a no that it is acknowledged when the attempt on the wire to number is settled, and not before.
func (w *world) waitsForTheWire(no func(*world) error) {
	w.Helper()
	x := w.wire(number)
	done := make(chan error, 1)
	go func() { done <- no(w) }()
	select {
	case err := <-done:
		w.Fatalf("acknowledged while an attempt is on the wire: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	w.settle(x, receipt.Accepted)
	select {
	case err := <-done:
		w.ok(err)
	case <-time.After(3 * time.Second):
		w.Fatal("not acknowledged although the attempt is settled")
	}
}

func (w *world) barred(a reminder.Address) bool {
	w.Helper()
	as, err := w.state.Behind(w.ctx, []reminder.AddressHash{w.p.Address(a)})
	w.ok(err)
	return as[0].Barred
}

func TestStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	x := w.intend(number)
	began := time.Now()
	w.ok(w.Stop(w.ctx, number, "outbox"))
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("a STOP with nothing on the wire took %v", d)
	}
	if !w.barred(number) {
		t.Fatal("acknowledged and not barred")
	}
	w.is(w.confirm(x), state.ErrBarred)
	// Whoever comes behind the address later is barred too.
	w.known(w.person(2), number)
	ps, err := w.People(w.ctx, []reminder.PersonKey{w.person(2)})
	w.ok(err)
	if h := w.p.Address(number); !ps[0].Barred[h] || ps[0].Shared[h] != 2 {
		t.Errorf("the next holder: barred %v, shared %v", ps[0].Barred, ps[0].Shared)
	}
	w.ok(w.Stop(w.ctx, number, "outbox")) // again

	// START lifts the bar and grants nothing.
	stranger := reminder.NewAddress(reminder.SMS, "+4520777777")
	w.ok(w.Start(w.ctx, number, "outbox"))
	w.ok(w.Start(w.ctx, stranger, "outbox"))
	if w.barred(number) || w.barred(stranger) {
		t.Error("barred after START")
	}
	if n := w.last(journal.StreamPeople); n != 4 {
		t.Errorf("%d entries in people, want the 2 consents and 2 numbers from before", n)
	}
	want := w.dump()
	w.restart()
	w.wantDump(w.dump(), want)
}

// A withdrawal of any kind waits for what is on the wire, and is acknowledged when that is settled.
func TestWithdrawalWaitsForTheWire(t *testing.T) {
	t.Parallel()
	for name, withdraw := range map[string]func(*world) error{
		"stop":         func(w *world) error { return w.Stop(w.ctx, number, "outbox") },
		"withdrawn":    func(w *world) error { return w.Consent(w.ctx, w.word(w.person(1), consent.Withdrawn)) },
		"refused":      func(w *world) error { return w.Consent(w.ctx, w.word(w.person(1), consent.Refused)) },
		"wrong number": func(w *world) error { return w.WrongNumber(w.ctx, number, "outbox") },
		"removed":      func(w *world) error { return w.Contact(w.ctx, w.against(contact.Removed)) },
		"wrong":        func(w *world) error { return w.Contact(w.ctx, w.against(contact.Wrong)) },
		"failed":       func(w *world) error { return w.Contact(w.ctx, w.against(contact.Failed)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.accept(w.appointment(1))
			w.known(w.person(1), number)
			w.due()
			w.waitsForTheWire(withdraw)
			for _, a := range []string{"stop", "withdrawn", "wrong_number", "address.removed", "address.wrong", "address.failed"} {
				for _, e := range w.audits(a) {
					if len(e.Left) > 0 {
						t.Errorf("the audit names %v as left before", e.Left)
					}
				}
			}
		})
	}
}

// against is a record that speaks against the first person's number.
func (w *world) against(t contact.Type) contact.Record {
	return contact.Record{Person: w.person(1), Type: t, Hash: w.p.Address(number), Channel: reminder.SMS}
}

// A record against an address names what left before, and is written until it stands.
func TestRecordAgainstAnAddressInsists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	x := w.wire(number)
	w.ok(w.Contact(w.ctx, w.against(contact.Removed)))
	if as := w.audits("address.removed"); len(as) != 1 || as[0].Address != w.p.Address(number) || !slices.Equal(as[0].Left, []string{x.intent.Claim}) {
		t.Errorf("audit %+v, want the claim %s", as, x.intent.Claim)
	}
	before := w.last(journal.StreamPeople)
	ctx, cancel := contextFor(t, 600*time.Millisecond)
	defer cancel()
	w.is(w.uncertain().Contact(ctx, w.against(contact.Wrong)), context.DeadlineExceeded)
	w.folded(journal.StreamPeople)
	if n := w.last(journal.StreamPeople) - before; n < 2 {
		t.Errorf("written %d times in 600 ms", n)
	}
	ps, err := w.People(w.ctx, []reminder.PersonKey{w.person(1)})
	w.ok(err)
	if n := len(ps[0].Contact); n != 3 {
		t.Errorf("%d records of the number, want the proof and the two against it: one that is written twice folds once", n)
	}
}

func TestStopNamesWhatLeftBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1), w.appointment(2))
	w.known(w.person(1), number)
	w.known(w.person(2), number)
	w.due()
	x, y := w.wire(number), w.wire(number)
	began := time.Now()
	w.ok(w.Stop(w.ctx, number, "outbox"))
	if d := time.Since(began); d < 5*time.Second || d > 9*time.Second {
		t.Errorf("acknowledged after %v, want five seconds past the write deadline", d)
	}
	as := w.audits("stop")
	want := []string{x.intent.Claim, y.intent.Claim}
	slices.Sort(want)
	if len(as) != 1 || as[0].Address != w.p.Address(number) || !slices.Equal(slices.Sorted(slices.Values(as[0].Left)), want) {
		t.Errorf("audit %+v, want both claims %v", as, want)
	}
}

func TestStopThatIsGivenUpIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	w.wire(number)
	ctx, cancel := contextFor(t, 200*time.Millisecond)
	defer cancel()
	w.is(w.Stop(ctx, number, "outbox"), context.DeadlineExceeded)
	if !w.barred(number) {
		t.Error("not barred")
	}
}

// After a STOP was acknowledged nothing begins to leave to its address, whoever raced it.
func TestStopAgainstHandOver(t *testing.T) {
	t.Parallel()
	const people = 25
	w := newWorld(t)
	to := func(n int) reminder.Address {
		return reminder.NewAddress(reminder.SMS, fmt.Sprintf("+45201000%02d", n))
	}
	place := map[reminder.PersonKey]int{}
	for n := range people {
		w.accept(w.appointment(n))
		w.known(w.person(n), to(n))
		place[w.person(n)] = n
	}
	w.due()
	var mu sync.Mutex
	stopped := map[int]bool{}
	late, left := 0, 0
	var wg sync.WaitGroup
	for _, l := range w.lease(people) {
		n := place[l.Person]
		x := attempt{lease: l, intent: intentOf(l, w.p.Address(to(n)))}
		w.ok(w.Intend(w.ctx, []receipt.Intent{x.intent}))
		wg.Go(func() {
			time.Sleep(time.Duration(n%7) * time.Millisecond)
			if w.confirm(x) != nil {
				return
			}
			mu.Lock()
			left++
			if stopped[n] {
				late++
			}
			mu.Unlock()
			if err := w.Settle(w.ctx, []receipt.Outcome{outcome(x, receipt.Accepted)}); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := w.Stop(w.ctx, to(n), "outbox"); err != nil {
				t.Error(err)
			}
			mu.Lock()
			stopped[n] = true
			mu.Unlock()
		})
	}
	wg.Wait()
	if late > 0 {
		t.Errorf("%d messages began to leave after their STOP was acknowledged", late)
	}
	t.Logf("%d of %d left before their STOP", left, people)
}

// A START whose answer was lost is not written again: it could undo a STOP that came between.
func TestStartIsNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unsure := w.uncertain()
	w.is(unsure.Start(w.ctx, number, "outbox"), journal.ErrUncertain)
	w.is(unsure.Switch(w.ctx, state.Switch{Name: "all", On: false}), journal.ErrUncertain)
	w.folded(journal.StreamStop)
	if n := w.last(journal.StreamStop); n != 2 {
		t.Errorf("%d entries for one START and one switch that lets go on", n)
	}
	// A STOP is: being barred twice harms nobody.
	ctx, cancel := contextFor(t, 3*time.Second)
	defer cancel()
	w.is(unsure.Stop(ctx, number, "outbox"), context.DeadlineExceeded)
	w.folded(journal.StreamStop)
	if n := w.last(journal.StreamStop); n < 4 || !w.barred(number) {
		t.Errorf("%d entries, barred %v: a STOP insists", n, w.barred(number))
	}
}

// unwalked is a state of which nobody may ask for all persons.
type unwalked struct{ *memory.State }

func (unwalked) Each(context.Context, func(*state.Person) error) error {
	return errors.New("all persons are looked at")
}

func TestWrongNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *ledger.Options) { o.State = unwalked{o.State.(*memory.State)} })
	mine := reminder.NewAddress(reminder.SMS, "+4520777777")
	w.known(w.person(1), number)
	w.known(w.person(2), number)
	w.known(w.person(3), mine)
	w.at(noon.Add(time.Hour))
	w.ok(w.WrongNumber(w.ctx, number, "outbox"))
	as, err := w.state.Behind(w.ctx, []reminder.AddressHash{w.p.Address(number), w.p.Address(mine)})
	w.ok(err)
	if as[0].Persons != 0 || as[0].Barred || as[1].Persons != 1 {
		t.Errorf("behind the addresses: %+v", as)
	}
	if a := w.audits("wrong_number"); len(a) != 1 || a[0].Actor != "outbox" {
		t.Errorf("audit %+v", a)
	}
	w.ok(w.WrongNumber(w.ctx, number, "outbox")) // again
	w.ok(w.Other(w.ctx, number, "outbox"))
	if a := w.audits("reply"); len(a) != 1 || a[0].Address != w.p.Address(number) {
		t.Errorf("audit %+v", a)
	}
}

// WrongNumber that was broken off after it was journalled waits for the wire when it is said again.
func TestWrongNumberAgainStillWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	x := w.wire(number)
	for range 2 {
		ctx, cancel := contextFor(t, 200*time.Millisecond)
		w.is(w.WrongNumber(ctx, number, "outbox"), context.DeadlineExceeded)
		cancel()
	}
	w.settle(x, receipt.Accepted)
	w.ok(w.WrongNumber(w.ctx, number, "outbox"))
}

func TestSwitch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	x := w.intend(number)
	w.ok(w.Switch(w.ctx, state.Switch{Name: "all", On: true, Reason: "drill"}))
	w.is(w.confirm(x), state.ErrStopped)
	s, err := w.Status(w.ctx)
	w.ok(err)
	if s.Stopped["all"] != "drill" || !s.Certified {
		t.Errorf("status %+v", s)
	}
	w.ok(w.Switch(w.ctx, state.Switch{Name: "all"}))
	w.ok(w.confirm(x))
}

func TestPeopleReadTheirOwnWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.person(1)
	look := func() ledger.Person {
		ps, err := w.People(w.ctx, []reminder.PersonKey{w.person(2), p})
		w.ok(err)
		if len(ps) != 2 || ps[0].Known || ps[0].Key != w.person(2) || ps[1].Key != p {
			t.Fatalf("people %+v", ps)
		}
		return ps[1]
	}
	w.ok(w.Consent(w.ctx, w.word(p, consent.Granted)))
	if x := look(); !x.Known || x.Version != 1 || len(x.Consent) != 1 || x.Consent[0].Type != consent.Granted || x.Consent[0].ID == "" {
		t.Errorf("after a yes: %+v", x)
	}
	w.ok(w.Contact(w.ctx, w.proof(p, number)))
	if x := look(); x.Version != 2 || len(x.Contact) != 1 || x.Contact[0].Address.Reveal() != number.Reveal() || x.Contact[0].Hash != w.p.Address(number) {
		t.Errorf("after a number: version %d, %d numbers", x.Version, len(x.Contact))
	}
	w.ok(w.Consent(w.ctx, w.word(p, consent.Withdrawn)))
	if x := look(); x.Version != 3 || len(x.Consent) != 2 || x.Consent[1].Type != consent.Withdrawn {
		t.Errorf("after a withdrawal: %+v", x)
	}
	if n := w.last(journal.StreamStop); n != 1 {
		t.Errorf("%d entries in %s: a withdrawal goes there", n, journal.StreamStop)
	}
	w.accept(w.appointment(1, func(a *reminder.Appointment) { a.Protected = true }))
	if x := look(); !x.Protected || x.Deceased || x.BirthDate.IsZero() {
		t.Errorf("after an event: protected %v", x.Protected)
	}
	for name, err := range map[string]error{
		"a consent of nobody": w.Consent(w.ctx, consent.Record{Type: consent.Granted}),
		"a number of nobody":  w.Contact(w.ctx, w.proof("", number)),
		"no address":          w.Contact(w.ctx, w.proof(p, reminder.Address{})),
	} {
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
