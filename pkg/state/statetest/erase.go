package statetest

import (
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// foldErased journals and folds that a person was erased, in both streams.
func (w *world) foldErased(p reminder.PersonKey, at time.Time) {
	w.Helper()
	for _, s := range []state.Stream{state.People, state.Journal} {
		from := w.applied(p.Shard())
		to := from
		w.seq[s]++
		to[s] = w.seq[s]
		c := state.Change{Stream: s, Seq: to[s], At: at, Person: p, Body: state.Erased{At: at}}
		w.ok(w.Fold(w.ctx, state.Run{Shard: p.Shard(), From: from, To: to, Changes: []state.Change{c}})[0])
	}
}

// whole is everything that is folded of a person; the zero Person is nobody.
func (w *world) whole(p reminder.PersonKey) state.Person {
	w.Helper()
	var out state.Person
	w.ok(w.View(w.ctx, p, func(x *state.Person) error {
		out = *x
		return nil
	}))
	return out
}

func (w *world) behind(a reminder.AddressHash) int {
	w.Helper()
	as, err := w.Behind(w.ctx, []reminder.AddressHash{a})
	w.ok(err)
	return as[0].Persons
}

func erased(w *world) {
	p, q, x := person(1), person(2), appointment(1)
	_, intent, c := w.ready(p, 1)
	w.fold(p, word("c", p, consent.Granted), number("n", p, address(1), contact.Verified, noon), number("m", p, address(3), contact.Added, noon))
	w.fold(p, booked(appointment(2), p, 1, "A", noon.Add(time.Hour)))
	w.fold(q, number("o", q, address(1), contact.Verified, noon), booked(appointment(5), q, 1, "A", noon.Add(time.Hour)))
	w.bar(address(7), false)
	c.PersonVersion = w.version(p)
	w.ok(w.confirm(c))
	w.wantMarks(address(1), 1)

	at := noon.Add(time.Minute)
	w.foldErased(p, at)
	y := w.whole(p)
	if len(y.Consent)+len(y.Contact)+len(y.Flags)+len(y.Sealed) > 0 || !y.Erased.Equal(at) || !y.Cut.Equal(at) {
		w.Errorf("left of the person: %+v", y)
	}
	for key, a := range y.Appointments {
		if len(a.Sealed)+len(a.ToldOf) > 0 || a.Status != state.Forgotten || a.Told != "" {
			w.Errorf("left of %s: %+v", key, a)
		}
	}
	if n := w.behind(address(1)); n != 1 {
		w.Errorf("%d persons behind the address, want the other one", n)
	}
	if n := w.behind(address(3)); n != 0 {
		w.Errorf("%d persons behind the second address", n)
	}
	if s := w.status(p, remind(appointment(2), "A")); s != receipt.Cancelled {
		w.Errorf("what waited is %s", s)
	}
	for _, l := range w.lease(9) {
		if l.Person == p {
			w.Error("a reminder of the erased is handed out")
		}
	}
	// What was on the wire is settled as always, and its mark goes.
	w.wantMarks(address(1), 1)
	w.fold(p, outcome(intent, receipt.Accepted))
	w.wantMarks(address(1), 0)
	if s := w.status(p, remind(x, "A")); s != receipt.Accepted {
		w.Errorf("what was on the wire is %s", s)
	}
	if a := w.whole(p).Appointments[x]; a.Told != "" || len(a.ToldOf) > 0 {
		w.Errorf("it is told of again: %+v", a)
	}
	// Where what had gone out went stays by its hash, also when it was settled before, so that an unsubscription in it bars; no more does.
	w.foldErased(p, at)
	kept := w.whole(p).Reminders[remind(x, "A")].Attempts
	if len(kept) != 1 || kept[0].Address != address(1) || kept[0].Claim != intent.Claim || kept[0].Person != "" || kept[0].Template != "" || kept[0].CarrierID != "" {
		w.Errorf("left of what had gone out: %+v", kept)
	}
	if ps, err := w.Claimants(w.ctx, []string{intent.Claim}); err != nil || ps[0] != p {
		w.Errorf("the attempt is %v's, %v", ps, err)
	}

	// What was said before does not come back, by whatever way.
	before := booked(x, p, 2, "B", noon.Add(2*time.Hour))
	before.Plan.PlannedAt = at
	w.fold(p, before, word("d", p, consent.Granted), number("p", p, address(1), contact.Verified, at))
	if y := w.whole(p); len(y.Consent)+len(y.Contact)+len(y.Sealed) > 0 || y.Appointments[x].Status != state.Forgotten {
		w.Errorf("it came back: %+v", y)
	}
	// What is said after it does. What was sent is not sent again.
	after := at.Add(time.Minute)
	again := booked(x, p, 3, "A", noon.Add(2*time.Hour))
	again.Plan.PlannedAt = after
	yes := word("e", p, consent.Granted)
	yes.EventTime, yes.Recorded = after, after
	w.fold(p, again, yes, number("q", p, address(1), contact.Verified, after))
	y = w.whole(p)
	if len(y.Consent) != 1 || len(y.Contact) != 1 || y.Appointments[x].Status == state.Forgotten || w.behind(address(1)) != 2 {
		w.Errorf("who came back is %+v, %d behind the address", y, w.behind(address(1)))
	}
	if s := w.status(p, remind(x, "A")); s != receipt.Accepted {
		w.Errorf("what was sent is %s", s)
	}
	as, err := w.Behind(w.ctx, []reminder.AddressHash{address(7)})
	if w.ok(err); !as[0].Barred {
		w.Error("a bar is gone")
	}
}

func erasedMovesOn(w *world) {
	p := person(1)
	_, _, c := w.ready(p, 1)
	w.fold(p, number("n", p, address(1), contact.Verified, noon))
	c.PersonVersion = w.version(p)
	w.foldErased(p, noon.Add(time.Minute))
	if err := w.confirm(c); err == nil {
		w.Error("confirmed after the person was erased")
	}
	w.wantMarks(address(1), 0)
	// A trim takes the rest.
	w.foldAt(p.Shard(), "", noon, state.Trim{Before: noon.AddDate(1, 0, 0)})
	if y := w.whole(p); y.Erased.IsZero() {
		w.Errorf("a trim took the note: %+v", y)
	}
}

func merged(w *world) {
	w.certify(time.Minute)
	p, q, x := person(1), person(2), appointment(1)
	w.fold(p, word("y", p, consent.Granted), word("n", p, consent.Refused), number("a", p, address(1), contact.Verified, noon),
		booked(x, p, 1, "A", noon.Add(time.Hour)), receipt.Preview{Reminder: remind(x, "A"), Person: p, Version: 1})
	was := w.version(p)
	at := noon.Add(time.Minute)
	w.fold(p, state.Merged{Into: q, At: at})
	w.fold(q, state.Merged{From: p, At: at}, state.Merged{From: p, At: at})
	y := w.whole(p)
	if y.Into != q || len(y.Contact) != 0 || len(y.Consent) != 1 || y.Consent[0].ID != "n" || y.Version <= was {
		w.Errorf("given up: %+v", y)
	}
	if w.behind(address(1)) != 0 {
		w.Error("the one given up is behind an address")
	}
	if r := y.Reminders[remind(x, "A")]; r.Status != receipt.Planned || r.Previewed {
		w.Errorf("its reminder %+v", r)
	}
	if z := w.whole(q); len(z.From) != 1 || z.From[0] != p || z.Into != "" {
		w.Errorf("the other: %+v", z)
	}
	// It gets no yes and no address any more, but a no.
	w.fold(p, word("z", p, consent.Granted), number("b", p, address(1), contact.Verified, at), word("m", p, consent.Withdrawn))
	if y := w.whole(p); len(y.Contact) != 0 || len(y.Consent) != 2 || y.Consent[1].ID != "m" {
		w.Errorf("afterwards: %+v", y)
	}
	found := 0
	w.ok(w.Agenda(w.ctx, state.Unasked, time.Time{}, func(z *state.Person) error {
		if z.Key == p {
			found++
		}
		return nil
	}))
	if found != 1 {
		w.Error("the gate is not to be asked again")
	}
}
