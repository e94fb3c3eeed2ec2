package statetest

import (
	"reflect"
	"time"

	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// singleMessage: one that was asked for goes beside the person's reminders, to an address that is nobody's, under the same bars, past
// the frequency cap, and leaves nothing to be told, asked ahead or kept.
func singleMessage(w *world) {
	w.certify(time.Minute)
	p := person(1)
	w.fold(p, booked(appointment(1), p, 1, "A", noon.AddDate(0, 0, 1)))
	single := func(n int) state.Planned {
		x := booked(appointment(n), p, 0, "code", noon)
		x.Plan.Order, x.Plan.Status, x.Plan.Notice, x.System = reminder.Order{SourceTime: noon}, plan.Single, plan.Notice{}, ""
		x.Plan.Reminders[0].Purpose, x.Plan.Reminders[0].Expires = reminder.Verify, noon.Add(10*time.Minute)
		return x
	}
	before, err := w.Persons(w.ctx, []reminder.PersonKey{p})
	w.ok(err)
	w.fold(p, single(2))
	after, err := w.Persons(w.ctx, []reminder.PersonKey{p})
	w.ok(err)
	if !reflect.DeepEqual(before, after) {
		w.Errorf("what is known of the person was %+v and is %+v", before, after)
	}
	n := 0
	w.ok(w.Agenda(w.ctx, state.Unasked, noon.AddDate(0, 0, 9), func(*state.Person) error { n++; return nil }))
	if n != 1 {
		w.Errorf("%d to be asked about ahead, want the one with an appointment", n)
	}
	l := w.leaseOne()
	if l.Purpose != reminder.Verify || string(l.Sealed) != "sealed code" || len(l.Told) > 0 || !l.Expires.Equal(noon.Add(10*time.Minute)) {
		w.Fatalf("%+v", l)
	}
	i, c := w.intend(l, address(7))
	w.bar(address(7), false)
	w.is(w.confirm(c), state.ErrBarred)
	w.wantMarks(address(7), 0)
	w.bar(address(7), true)
	w.ok(w.confirm(c))
	w.wantMarks(address(7), 1)
	w.fold(p, outcome(i, receipt.Accepted))
	w.ok(w.Done(w.ctx, l.Lease))
	w.wantMarks(address(7), 0)

	// A cap that the reminders go by is still whole, and a single one that was taken back is not handed out.
	w.fold(p, single(3), receipt.Verdict{Reminder: remind(appointment(3), "code"), Person: p, Status: receipt.Cancelled})
	l = w.leaseOne()
	if l.Purpose != reminder.Remind {
		w.Fatalf("%+v", l)
	}
	_, c = w.intend(l, address(1))
	c.CapMax, c.CapPer = 1, 24*time.Hour
	w.ok(w.confirm(c))
	counts, err := w.Counts(w.ctx)
	w.ok(err)
	if counts[receipt.Accepted] != 1 || counts[receipt.Cancelled] != 1 || counts[receipt.Intended] != 1 {
		w.Errorf("%v", counts)
	}
}
