package statetest

import (
	"errors"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// onAgenda wants these persons, whole, on an agenda until minutes after noon.
func (w *world) onAgenda(what string, a state.Agenda, until time.Time, want ...reminder.PersonKey) {
	w.Helper()
	var got []reminder.PersonKey
	w.ok(w.Agenda(w.ctx, a, until, func(p *state.Person) error {
		if got = append(got, p.Key); len(p.Appointments) == 0 || p.Version == 0 {
			w.Errorf("%s: a person who is not whole: %d appointments, version %d", what, len(p.Appointments), p.Version)
		}
		return nil
	}))
	slices.Sort(got)
	if !slices.Equal(got, want) {
		w.Errorf("%s: %v\nwant %v", what, got, want)
	}
}

// ends is when the reminders that book makes for so many minutes after noon expire.
func ends(minutes int) time.Time {
	return noon.Add(time.Duration(minutes)*time.Minute + 46*time.Hour)
}

func expiring(w *world) {
	w.certify(time.Minute)
	look := func(what string, minutes int, want ...int) {
		w.Helper()
		keys := make([]reminder.PersonKey, len(want))
		for i, n := range want {
			keys[i] = person(n)
		}
		w.onAgenda(what, state.Expiring, ends(minutes), keys...)
	}
	look("empty", 1000)
	for n := 1; n <= 4; n++ {
		w.book(n, 10*n)
	}
	w.fold(person(1), booked(appointment(11), person(1), 1, "A", noon.Add(35*time.Minute))) // its second
	look("before all", 9)
	look("the first, to the minute", 10, 1)
	look("three", 39, 1, 2, 3)
	w.fold(person(2), receipt.Verdict{Reminder: remind(appointment(2), "A"), Person: person(2), Status: receipt.Held})
	w.fold(person(3), receipt.Verdict{Reminder: remind(appointment(3), "A"), Person: person(3), Status: receipt.Denied})
	look("held expires too, denied does not", 39, 1, 2)
	w.fold(person(2), receipt.Verdict{Reminder: remind(appointment(2), "A"), Person: person(2), Status: receipt.Expired})
	w.fold(person(1), receipt.Verdict{Reminder: remind(appointment(1), "A"), Person: person(1), Status: receipt.Expired})
	look("the next of the same person", 34)
	look("the next of the same person, then", 35, 1)
	w.fold(person(1), cancelled(appointment(11), person(1), 2))
	look("cancelled", 39)
	l := w.leaseOne()
	i, _ := w.intend(l, address(4))
	look("on its way", 1000)
	w.fold(person(4), outcome(i, receipt.NotBegun))
	look("back", 1000, 4)
	w.fold(person(4), booked(appointment(4), person(4), 2, "B", noon.Add(50*time.Minute)))
	look("moved", 49)
	look("moved, then", 50, 4)
}

func unasked(w *world) {
	p, q := person(1), person(2)
	first, second := w.book(1, 0), w.book(2, 10)
	early := noon.AddDate(-1, 0, 0)
	w.onAgenda("not asked", state.Unasked, early, p, q)
	w.fold(p, receipt.Preview{Reminder: first, Person: p, Version: 2}) // of another plan
	w.onAgenda("asked of another plan", state.Unasked, early, p, q)
	w.fold(p, receipt.Preview{Reminder: first, Person: p, Version: 1})
	w.onAgenda("asked early", state.Unasked, ends(-1), q)
	w.onAgenda("asked early, late", state.Unasked, ends(0), p, q)
	w.fold(p, receipt.Preview{Reminder: first, Person: p, Version: 1, Late: true})
	w.onAgenda("asked late", state.Unasked, time.Time{}, q)
	w.fold(q, receipt.Verdict{Reminder: second, Person: q, Status: receipt.Denied})
	w.onAgenda("denied", state.Unasked, time.Time{})
	w.fold(p, booked(appointment(1), p, 2, "B", noon))
	w.onAgenda("a new start", state.Unasked, early, p)
}

func remembered(w *world) {
	p, q := person(1), person(2)
	far := func(a reminder.AppointmentKey, p reminder.PersonKey, days int) state.Planned {
		x := booked(a, p, 1, "A", noon)
		x.Plan.Status, x.Plan.Reminders, x.Plan.Ends = plan.Remembered, nil, noon.AddDate(0, 0, days)
		return x
	}
	w.fold(p, far(appointment(1), p, 200), far(appointment(2), p, 300))
	w.fold(q, far(appointment(3), q, 250))
	w.book(3, 0)
	w.onAgenda("all", state.Remembered, time.Time{}, p, q)
	w.onAgenda("some", state.Remembered, noon.AddDate(0, 0, 249), p)
	w.fold(p, booked(appointment(1), p, 1, "A", noon.AddDate(0, 0, 198))) // its time has come
	w.onAgenda("one planned", state.Remembered, noon.AddDate(0, 0, 299), q)
	w.fold(q, state.Owned{Appointment: appointment(3), Order: order(2)})
	w.onAgenda("one given away", state.Remembered, time.Time{}, p)
	w.fold(p, cancelled(appointment(2), p, 2))
	w.onAgenda("cancelled", state.Remembered, time.Time{})
}

// agendaOfMany is more than a store reads at a time, all in one shard and some in others.
func agendaOfMany(w *world) {
	var want []reminder.PersonKey
	for n := range 250 {
		p := person(5 + reminder.Shards*n)
		if n%50 == 0 {
			p = person(n)
		}
		w.fold(p, booked(appointment(n), p, 1, "A", noon.Add(time.Duration(n)*time.Minute)))
		want = append(want, p)
	}
	slices.Sort(want)
	w.onAgenda("many", state.Unasked, noon, want...)
	enough, calls := errors.New("enough"), 0
	w.is(w.Agenda(w.ctx, state.Expiring, time.Time{}, func(*state.Person) error {
		calls++
		return enough
	}), enough)
	if calls != 1 {
		w.Errorf("%d calls after an error", calls-1)
	}
}

func doubtful(w *world) {
	p := person(1)
	_, i, _ := w.ready(p, 1)
	w.ready(person(2), 2)
	seen := func(until time.Time) int {
		w.Helper()
		n := 0
		w.ok(w.Agenda(w.ctx, state.Doubtful, until, func(x *state.Person) error {
			if n++; x.Key != p {
				w.Errorf("%s is on it", x.Key)
			}
			return nil
		}))
		return n
	}
	if seen(time.Time{}) != 0 {
		w.Error("what is on its way is in doubt")
	}
	w.fold(p, outcome(i, receipt.Unknown))
	if seen(noon.Add(-time.Second)) != 0 || seen(noon) != 1 || seen(time.Time{}) != 1 {
		w.Error("a doubt is not there since it is one")
	}
	w.fold(p, outcome(i, receipt.Accepted))
	if seen(time.Time{}) != 0 {
		w.Error("what is settled is in doubt")
	}
}
