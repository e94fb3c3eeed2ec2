package statetest

import (
	"reflect"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

func order(rev uint64) reminder.Order { return reminder.Order{Revision: rev, Sequence: rev} }

func held(w *world) {
	p := person(1)
	w.fold(p, booked(appointment(1), p, 3, "A", noon), cancelled(appointment(2), p, 1))
	remembered := booked(appointment(3), p, 1, "A", noon)
	remembered.Plan.Status, remembered.Plan.Reminders = plan.Remembered, nil
	w.fold(p, remembered, booked(appointment(1), p, 2, "B", noon)) // the last is out of order
	got, err := w.Appointments(w.ctx, []reminder.AppointmentKey{appointment(2), appointment(9), appointment(1), appointment(3)})
	w.ok(err)
	if want := []state.Held{
		{Person: p, Order: order(1), Status: plan.Cancelled}, {},
		{Person: p, Order: order(3), Status: plan.Booked}, {Person: p, Order: order(1), Status: plan.Remembered},
	}; !reflect.DeepEqual(got, want) {
		w.Errorf("held %+v\nwant %+v", got, want)
	}
}

// taken gives an appointment from one person to another, and back. The two are in different shards, which a projector
// may fold in any order.
func taken(w *world) {
	w.certify(time.Minute)
	for n, first := range []string{"giver", "taker"} {
		a, giver, taker := appointment(n), person(2*n+1), person(2*n+2)
		look := func(what string, p reminder.PersonKey, rev uint64) {
			w.Helper()
			got, err := w.Appointments(w.ctx, []reminder.AppointmentKey{a})
			if w.ok(err); !reflect.DeepEqual(got[0], state.Held{Person: p, Order: order(rev), Status: plan.Booked}) {
				w.Errorf("the %s first, %s: %+v", first, what, got[0])
			}
		}
		give := []any{booked(a, giver, 1, "A", noon), state.Owned{Appointment: a, Order: order(2)}}
		take := booked(a, taker, 2, "A", noon)
		if first == "giver" {
			w.fold(giver, give...)
			w.fold(taker, take)
		} else {
			w.fold(taker, take)
			w.fold(giver, give...)
		}
		look("given", taker, 2)
		if s := w.status(giver, remind(a, "A")); s != receipt.Cancelled {
			w.Errorf("the %s first: the giver's reminder is %s", first, s)
		}
		w.fold(giver, booked(a, giver, 1, "A", noon)) // an old plan comes again
		look("an old plan", taker, 2)
		back, lost := booked(a, giver, 3, "B", noon), state.Owned{Appointment: a, Order: order(3)}
		if first == "giver" {
			w.fold(giver, back)
			w.fold(taker, lost)
		} else {
			w.fold(taker, lost)
			w.fold(giver, back)
		}
		look("given back", giver, 3)
	}
	if ls := w.lease(9); len(ls) != 2 || ls[0].Person == ls[1].Person {
		w.Errorf("leased %v, want one reminder for each of the two givers", ids(ls))
	}
}

// shared has several persons hold one appointment, as processes leave it that took in its events at the same moment. Which
// shard is folded first makes no difference.
func shared(w *world) {
	for n, persons := range [][]int{{1, 2, 3}, {3, 2, 1}, {2, 3, 1}} {
		a := appointment(n)
		look := func(what string, others ...int) { // beside 3, who has the newest
			w.Helper()
			want := state.Held{Person: person(3), Order: order(3), Status: plan.Booked}
			for _, o := range others {
				want.Others = append(want.Others, person(o))
			}
			got, err := w.Appointments(w.ctx, []reminder.AppointmentKey{appointment(40), a})
			w.ok(err)
			slices.Sort(got[1].Others)
			if !reflect.DeepEqual(got[0], state.Held{}) || !reflect.DeepEqual(got[1], want) {
				w.Errorf("%s: %+v\nwant %+v", what, got, want)
			}
		}
		for _, p := range persons {
			w.fold(person(p), booked(a, person(p), uint64(p), "A", noon))
		}
		look("three", 1, 2)
		w.fold(person(1), state.Owned{Appointment: a, Order: order(3)})
		look("taken from one", 2)
		w.fold(person(3), state.Owned{Appointment: a, Order: order(2)}) // an older word than what it has
		look("an older word", 2)
		w.fold(person(2), state.Owned{Appointment: a, Order: order(3)})
		look("taken from two")
		for p, want := range map[int]receipt.Status{1: receipt.Cancelled, 2: receipt.Cancelled, 3: receipt.Planned} {
			if s := w.status(person(p), remind(a, "A")); s != want {
				w.Errorf("person %d's reminder is %s", p, s)
			}
		}
	}
}

// sharedByOneOrder has two persons hold an appointment under one order: the first entry counts, and the other's can be taken.
func sharedByOneOrder(w *world) {
	a, first, second := appointment(1), person(2), person(1)
	w.fold(first, booked(a, first, 7, "A", noon))
	w.fold(second, booked(a, second, 7, "A", noon))
	look := func(others ...reminder.PersonKey) {
		w.Helper()
		got, err := w.Appointments(w.ctx, []reminder.AppointmentKey{a})
		if w.ok(err); got[0].Person != first || !slices.Equal(got[0].Others, others) {
			w.Errorf("held %+v", got[0])
		}
	}
	look(second)
	w.fold(second, state.Owned{Appointment: a, Order: order(7)})
	look()
	if s := w.status(second, remind(a, "A")); s != receipt.Cancelled {
		w.Errorf("the second's reminder is %s", s)
	}
	w.fold(second, booked(a, second, 7, "A", noon)) // said again
	look()
}

// needs is the oldest first plan entry of what is held.
func needs(w *world) {
	w.certify(time.Minute)
	look := func(what string, want uint64) {
		w.Helper()
		if got, err := w.Needs(w.ctx); err != nil || got != want {
			w.Errorf("%s: %d, %v, want %d", what, got, err, want)
		}
	}
	look("nothing", 0)
	w.fold(person(1), nil, nil)
	w.fold(person(2), booked(appointment(1), person(2), 1, "A", noon.AddDate(0, 0, 9)))
	w.fold(person(3), booked(appointment(2), person(3), 1, "A", noon), cancelled(appointment(2), person(3), 2))
	w.fold(person(3), booked(appointment(3), person(3), 1, "A", noon.AddDate(0, 0, 9)))
	look("three", 3)
	w.fold(person(2), booked(appointment(1), person(2), 2, "B", noon.AddDate(0, 0, 9)))
	look("planned anew", 3)
	off := cancelled(appointment(1), person(2), 3)
	w.fold(person(2), off)
	w.foldAt(person(2).Shard(), "", noon, state.Trim{Before: off.Plan.Ends.Add(time.Hour)})
	look("the oldest trimmed", 4)
}

// claimants finds persons by their claims.
func claimants(w *world) {
	p, q := person(1), person(2)
	w.certify(time.Minute)
	w.fold(p, booked(appointment(1), p, 1, "A", noon))
	w.fold(q, booked(appointment(2), q, 1, "A", noon))
	claim := func(p reminder.PersonKey, n int, attempt int) receipt.Intent {
		return receipt.Intent{Reminder: remind(appointment(n), "A"), Person: p, Attempt: attempt, Claim: reminder.NewClaim(p), Version: 1, Address: address(n)}
	}
	first, rival, other := claim(p, 1, 1), claim(p, 1, 1), claim(q, 2, 1)
	look := func(what string, want ...reminder.PersonKey) {
		w.Helper()
		got, err := w.Claimants(w.ctx, []string{first.Claim, rival.Claim, "no claim", other.Claim, "", reminder.NewClaim(p)})
		if w.ok(err); !slices.Equal(got, append(want, "", "")) {
			w.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	look("before", "", "", "", "")
	w.fold(p, first, rival)
	look("the first claim counts", p, "", "", "")
	w.fold(q, other)
	look("two", p, "", "", q)
	w.fold(p, outcome(first, receipt.Accepted))
	w.fold(q, outcome(other, receipt.Refused))
	look("settled", p, "", "", q)
	w.fold(q, claim(q, 2, 2))
	look("tried again", p, "", "", q)
	cut := state.Trim{Before: noon.AddDate(0, 0, 5)}
	w.foldAt(p.Shard(), "", noon, cut)
	w.foldAt(q.Shard(), "", noon, cut)
	look("trimmed, but for what is open", "", "", "", q)
	if none, err := w.Claimants(w.ctx, nil); err != nil || len(none) != 0 {
		w.Errorf("no claims: %v, %v", none, err)
	}
}
