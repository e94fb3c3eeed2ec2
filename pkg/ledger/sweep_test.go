package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

const day = 24 * time.Hour

func TestSweepExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1), w.appointment(2, later(30*day)))
	w.due()
	l := w.lease(1)[0]
	w.ok(w.Rule(w.ctx, []receipt.Verdict{{Reminder: l.Reminder, Person: l.Person, Version: l.Version, Status: receipt.Held, Decision: receipt.Decision{Reason: "content"}}}))
	if n, err := w.SweepExpired(w.ctx); n != 0 || err != nil {
		t.Fatalf("%d swept before their time, %v", n, err)
	}
	w.at(noon.AddDate(0, 0, 15).Add(-time.Hour)) // an hour before the start: too late for a reminder
	n, err := w.SweepExpired(w.ctx)
	w.ok(err)
	if n != 2 {
		t.Errorf("%d swept, want the held and the planned one", n)
	}
	w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Expired: 2})
	w.wantCounts(w.person(2), map[receipt.Status]int{receipt.Planned: 2})
	list, err := w.Letters(w.ctx, ledger.LetterFilter{}, nil)
	w.ok(err)
	letters := list.Letters
	if len(letters) != 1 || letters[0].Appointment != "A-1" {
		t.Errorf("letters %+v: the clinic must hear of it", letters)
	}
	if n, err = w.SweepExpired(w.ctx); n != 0 || err != nil {
		t.Errorf("%d swept twice, %v", n, err)
	}
}

func TestSweepExpiredOfMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	as := make([]reminder.Appointment, 600) // more than one round of the sweep
	for n := range as {
		as[n] = w.appointment(n)
	}
	w.accept(as...)
	w.at(noon.AddDate(0, 0, 16))
	if n, err := w.SweepExpired(w.ctx); n != 1200 || err != nil {
		t.Errorf("%d swept, %v", n, err)
	}
}

func TestSweepRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	far := w.appointment(1, later(300*day))
	w.accept(far)
	w.wantCounts(w.person(1), map[receipt.Status]int{})
	if n, err := w.SweepRemembered(w.ctx); n != 0 || err != nil {
		t.Fatalf("%d planned beyond the horizon, %v", n, err)
	}
	w.at(noon.Add(200 * day))
	if n, err := w.SweepRemembered(w.ctx); n != 1 || err != nil {
		t.Fatalf("%d planned, %v", n, err)
	}
	w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Planned: 2})
	w.accept(far) // the booking system says the same again
	if n, err := w.SweepRemembered(w.ctx); n != 0 || err != nil {
		t.Errorf("%d planned twice, %v", n, err)
	}
	w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Planned: 2})
	want := w.dump()
	w.restart()
	w.wantDump(w.dump(), want)
}

func TestSweepRetention(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *ledger.Options) { o.Decisions = 100 * day })
	// Old ones that ended, one that ended with an attempt still open, then ones that are to come.
	w.accept(w.appointment(1), w.appointment(2))
	for _, n := range []int{1, 2} {
		w.known(w.person(n), reminder.NewAddress(reminder.SMS, fmt.Sprintf("+452012345%d", n)))
	}
	w.due()
	ls := w.lease(9)
	open := ls[0]
	w.ok(w.Intend(w.ctx, []receipt.Intent{intentOf(open, w.p.Address(number))}))
	w.at(noon.AddDate(0, 0, 20))
	w.ok(second(w.SweepExpired(w.ctx)))
	w.at(noon.AddDate(0, 0, 90))
	w.accept(w.appointment(3, later(150*day)), w.appointment(4, later(160*day)))
	w.at(noon.AddDate(0, 0, 130))
	before := w.last(journal.StreamJournal)
	w.ok(w.SweepRetention(w.ctx))
	e, err := w.journal.End(w.ctx, journal.StreamJournal)
	w.ok(err)
	if e.First != 1 && open.Person == w.person(1) {
		t.Errorf("the journal begins at %d: the plan of an open attempt is gone", e.First)
	}
	kept, gone := open.Person, w.person(1)
	if kept == gone {
		gone = w.person(2)
	}
	w.wantCounts(kept, map[receipt.Status]int{receipt.Intended: 1, receipt.Expired: 1})
	w.wantCounts(gone, map[receipt.Status]int{})
	w.wantCounts(w.person(3), map[receipt.Status]int{receipt.Planned: 2})

	// Settled, it may go too, and the journal is cut up to what is to come.
	a := open.Reminder
	vs := w.reminders(kept)[receipt.Intended]
	w.ok(w.Settle(w.ctx, []receipt.Outcome{{Reminder: a, Person: kept, Attempt: 1, Claim: vs[0].Attempts[0].Claim, Status: receipt.Unknown}}))
	w.ok(w.SweepRetention(w.ctx))
	w.wantCounts(kept, map[receipt.Status]int{})
	if e, err = w.journal.End(w.ctx, journal.StreamJournal); err != nil || e.First < 3 || e.First > before {
		t.Errorf("the journal begins at %d of %d, %v", e.First, before, err)
	}
	// Consent and numbers are not the journal's to forget.
	ps, err := w.People(w.ctx, []reminder.PersonKey{gone, kept})
	w.ok(err)
	for _, p := range ps {
		if len(p.Consent) != 1 || len(p.Contact) != 1 {
			t.Errorf("%d consents, %d numbers after the sweep", len(p.Consent), len(p.Contact))
		}
	}
	// What is to come is the same after a replay of what is left.
	want := [][]ledger.ReminderView{w.reminders(w.person(3))[receipt.Planned], w.reminders(w.person(4))[receipt.Planned]}
	w.ok(w.end())
	w.dropSnapshot()
	w.open()
	for i, n := range []int{3, 4} {
		got := w.reminders(w.person(n))[receipt.Planned]
		if fmt.Sprint(got) != fmt.Sprint(want[i]) {
			t.Errorf("person %d: %v, want %v", n, got, want[i])
		}
	}
	w.wantCounts(kept, map[receipt.Status]int{})
}

// A journal cut to nothing is still caught up with after a crash, when there is no snapshot to begin from.
func TestStartAfterTheJournalWasCutToNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *ledger.Options) { o.Decisions = day })
	w.accept(w.appointment(1))
	w.at(noon.AddDate(0, 0, 30))
	w.ok(second(w.SweepExpired(w.ctx)))
	w.ok(w.SweepRetention(w.ctx))
	e, err := w.journal.End(w.ctx, journal.StreamJournal)
	w.ok(err)
	if e.First != e.Last+1 {
		t.Fatalf("the journal goes from %d to %d: want it empty", e.First, e.Last)
	}
	w.ok(w.end())
	w.dropSnapshot()
	w.open()
	w.accept(w.appointment(2, later(30*day)))
	w.wantCounts(w.person(2), map[receipt.Status]int{receipt.Planned: 2})
}

// beside is a state beside which an appointment is planned just after somebody has looked at what it needs.
type beside struct {
	state.State
	then func()
}

func (b beside) Needs(ctx context.Context) (uint64, error) {
	n, err := b.State.Needs(ctx)
	b.then()
	return n, err
}

// What comes into the journal while it is cut stays.
func TestRetentionBesideANewPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *ledger.Options) { o.Decisions = day })
	w.accept(w.appointment(1))
	w.at(noon.AddDate(0, 0, 30))
	w.ok(second(w.SweepExpired(w.ctx)))
	l := w.process(beside{w.state, func() { w.accept(w.appointment(2, later(30*day))) }})
	w.ok(l.SweepRetention(w.ctx))
	w.ok(w.end())
	w.dropSnapshot()
	w.open()
	w.wantCounts(w.person(1), map[receipt.Status]int{})
	w.wantCounts(w.person(2), map[receipt.Status]int{receipt.Planned: 2})
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	var back [][3]string
	refuse := errors.New("full")
	w := newWorld(t, func(o *ledger.Options) {
		o.Republish = func(_ context.Context, d ledger.DeadLetter) error {
			if refuse != nil {
				return refuse
			}
			back = append(back, [3]string{d.Subject, d.Type, string(d.Data)})
			return nil
		}
	})
	w.ok(w.Bury(w.ctx, nil))
	var ds []ledger.DeadLetter
	for n := range 3 {
		ds = append(ds, ledger.DeadLetter{
			Station: "intake", Reason: "malformed", Detail: "patient.id: want 10 digits", Shape: "12 bytes, not JSON", Received: noon, Sequence: uint64(n + 1),
			Subject: "husk.events.cosmic.rh-ortho", Type: "application/json", Data: fmt.Appendf(nil, "event %d", n),
		})
	}
	w.ok(w.Bury(w.ctx, ds))
	list, err := w.DeadLetters(w.ctx)
	w.ok(err)
	if len(list) != 3 {
		t.Fatalf("%d dead letters", len(list))
	}
	for i, d := range list {
		if d.System != "cosmic" || d.Reason != "malformed" || d.Sequence != uint64(i+1) || len(d.Data) > 0 || d.Subject != "" {
			t.Errorf("in the listing: %+v", d)
		}
	}
	d, err := w.DeadLetter(w.ctx, list[1].ID)
	w.ok(err)
	if string(d.Data) != "event 1" || d.Subject != "husk.events.cosmic.rh-ortho" || d.Type != "application/json" {
		t.Errorf("with its content: %+v", d)
	}
	// Not published, it stays; published, it goes.
	w.is(w.Replay(w.ctx, d.ID), refuse)
	if list, err = w.DeadLetters(w.ctx); err != nil || len(list) != 3 {
		t.Fatalf("%d dead letters, %v: one that was not published is gone", len(list), err)
	}
	refuse = nil
	for _, d := range list {
		w.ok(w.Replay(w.ctx, d.ID))
	}
	if len(back) != 3 || back[2] != [3]string{"husk.events.cosmic.rh-ortho", "application/json", "event 2"} {
		t.Errorf("published %v", back)
	}
	if list, err = w.DeadLetters(w.ctx); err != nil || len(list) != 0 {
		t.Errorf("%d dead letters left, %v", len(list), err)
	}
	w.is(w.Replay(w.ctx, d.ID), journal.ErrNotFound)
	_, err = w.DeadLetter(w.ctx, 99)
	w.is(err, journal.ErrNotFound)

	// Its day's key gone, its content is too.
	w.ok(w.Bury(w.ctx, ds[:1]))
	list, err = w.DeadLetters(w.ctx)
	w.ok(err)
	w.erase(reminder.PersonKey("day-" + w.now().Format(time.DateOnly)))
	w.restart()
	_, err = w.DeadLetter(w.ctx, list[0].ID)
	w.is(err, journal.ErrErased)
	if list, err = w.DeadLetters(w.ctx); err != nil || len(list) != 1 || list[0].Reason != "malformed" {
		t.Errorf("listing %+v, %v", list, err)
	}
	o := w.options()
	o.Republish = nil
	l, err := ledger.New(o)
	w.ok(err)
	w.is(l.Replay(w.ctx, list[0].ID), ledger.ErrNoReplay)
}
