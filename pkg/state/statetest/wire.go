package statetest

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

func confirmMarks(w *world) {
	p := person(1)
	l, i, c := w.ready(p, 1)
	w.wantMarks(address(1), 0)
	w.ok(w.confirm(c))
	ws, err := w.Wires(w.ctx, address(1), "")
	w.ok(err)
	if want := []state.Wire{{Claim: c.Claim, Reminder: c.Reminder, Person: p, Address: address(1)}}; !slices.Equal(ws, want) {
		w.Errorf("marks %+v, want %+v", ws, want)
	}
	// Whoever asks again may have written already: no second yes, and the mark of the first stays.
	w.is(w.confirm(c), state.ErrClaim)
	w.wantMarks(address(1), 1)
	// Neither the end of the lease nor a STOP nor a new plan takes the mark: only the outcome does.
	w.ok(w.Done(w.ctx, l.Lease))
	w.bar(address(1), false)
	w.fold(p, cancelled(appointment(1), p, 2))
	w.wantMarks(address(1), 1)
	w.fold(p, outcome(i, receipt.Accepted))
	w.wantMarks(address(1), 0)
	w.is(w.confirm(c), state.ErrBarred)
	w.bar(address(1), true)
	if err := w.confirm(c); err == nil {
		w.Error("a settled attempt is confirmed again")
	}
	w.wantMarks(address(1), 0)
}

func reportTakesMark(w *world) {
	p := person(1)
	_, i, c := w.ready(p, 1)
	w.ok(w.confirm(c))
	w.fold(p, receipt.Report{Claim: "01ffffffffffffffffffffffffff", Person: p, Status: receipt.Delivered})
	w.wantMarks(address(1), 1)
	w.fold(p, receipt.Report{Claim: i.Claim, Person: p, Status: receipt.Delivered})
	w.wantMarks(address(1), 0)
	if s := w.status(p, i.Reminder); s != receipt.Delivered {
		w.Errorf("status %s", s)
	}
}

func confirmRefuses(w *world) {
	p, q := person(1), person(2)
	_, i, c := w.ready(p, 1)
	with := func(change func(*state.Confirmation)) state.Confirmation {
		x := c
		change(&x)
		return x
	}
	refuse := func(what string, x state.Confirmation, want ...error) {
		w.Helper()
		err := w.confirm(x)
		if !slices.ContainsFunc(want, func(e error) bool { return errors.Is(err, e) }) {
			w.Errorf("%s: %v, want %v", what, err, want)
		}
		if ws, err := w.Wires(w.ctx, x.Address, ""); err != nil || len(ws) > 0 {
			w.Errorf("%s: left %v on the wire, %v", what, ws, err)
		}
	}
	refuse("another's token", with(func(x *state.Confirmation) { x.Token = "another" }), state.ErrLost)
	refuse("no token", with(func(x *state.Confirmation) { x.Token = "" }), state.ErrLost)
	refuse("an older plan", with(func(x *state.Confirmation) { x.Version-- }), state.ErrLost, state.ErrMoved)
	refuse("an older person", with(func(x *state.Confirmation) { x.PersonVersion-- }), state.ErrMoved)
	refuse("a person to come", with(func(x *state.Confirmation) { x.PersonVersion++ }), state.ErrMoved)
	refuse("somebody unknown", with(func(x *state.Confirmation) { x.Person, x.PersonVersion = person(30), 0 }), state.ErrMoved)
	refuse("another's claim", with(func(x *state.Confirmation) { x.Claim = "01ffffffffffffffffffffffffff" }), state.ErrClaim)
	refuse("an attempt to come", with(func(x *state.Confirmation) { x.Attempt++ }), state.ErrClaim)
	refuse("no attempt", with(func(x *state.Confirmation) { x.Attempt = 0 }), state.ErrClaim)
	refuse("an unknown reminder", with(func(x *state.Confirmation) { x.Reminder = remind(appointment(7), "A") }), state.ErrLost)
	refuse("too late", with(func(x *state.Confirmation) { x.At = x.NotAfter.Add(time.Second) }), state.ErrTooLate)

	w.bar(address(1), false)
	refuse("a barred address", c, state.ErrBarred)
	w.bar(address(1), true)
	for _, name := range []string{"all", "unit:ortho"} {
		w.foldAt(0, "", noon, state.Switch{Name: name, On: true})
		refuse("the switch "+name, c, state.ErrStopped)
		w.foldAt(0, "", noon, state.Switch{Name: name})
	}
	w.foldAt(0, "", noon, state.Switch{Name: "unit:eye", On: true}) // somebody else's
	w.bar(address(2), false)
	w.fold(q, word("q", q, consent.Withdrawn))

	// None of it spoiled the right one.
	w.ok(w.confirm(with(func(x *state.Confirmation) { x.At = x.NotAfter })))
	w.fold(p, outcome(i, receipt.Accepted))

	// The person's word between the decision and the wire.
	_, _, c = w.ready(q, 2)
	w.bar(address(2), true)
	w.fold(q, word("r", q, consent.Withdrawn))
	refuse("a withdrawal since", c, state.ErrMoved)
}

func refusedLeavesNoMark(w *world) {
	p := person(1)
	_, _, c := w.ready(p, 1)
	w.bar(address(1), false)
	w.is(w.confirm(c), state.ErrBarred)
	w.wantMarks(address(1), 0)
	w.bar(address(1), true)
	w.ok(w.confirm(c)) // refused without a trace: the same claim may still go
	w.wantMarks(address(1), 1)
}

func confirmMovedPlan(w *world) {
	p, a := person(1), appointment(1)
	for n, moved := range []state.Planned{booked(a, p, 2, "B", noon), booked(a, p, 3, "B", noon.Add(time.Hour)), cancelled(a, p, 4)} {
		w.certify(time.Minute)
		if n == 0 {
			w.fold(p, booked(a, p, 1, "A", noon))
		}
		l := w.leaseOne()
		i, c := w.intend(l, address(1))
		w.fold(p, moved)
		if err := w.confirm(c); !errors.Is(err, state.ErrLost) && !errors.Is(err, state.ErrMoved) {
			w.Errorf("plan %d: %v, want ErrLost or ErrMoved", n, err)
		}
		w.wantMarks(address(1), 0)
		w.fold(p, outcome(i, receipt.NotBegun))
		w.ok(w.Done(w.ctx, l.Lease))
	}
	if ls := w.lease(9); len(ls) > 0 {
		w.Errorf("%v is handed out after the cancellation", ids(ls))
	}
}

func confirmExpiredLease(w *world) {
	w.certify(time.Minute)
	p := person(1)
	w.fold(p, booked(appointment(1), p, 1, "A", noon))
	ls, err := w.Lease(w.ctx, route, noon, 1, short)
	if w.ok(err); len(ls) != 1 {
		w.Fatalf("leased %d", len(ls))
	}
	_, c := w.intend(ls[0], address(1))
	time.Sleep(past)
	w.is(w.confirm(c), state.ErrLost)
	w.wantMarks(address(1), 0)
}

func confirmUncertified(w *world) {
	_, _, c := w.ready(person(1), 1)
	w.certify(short)
	time.Sleep(past)
	w.is(w.confirm(c), state.ErrNotCertified)
	w.certify(time.Minute)
	w.wantMarks(address(1), 0)
	w.ok(w.confirm(c))
}

func frequencyCap(w *world) {
	w.certify(time.Minute)
	p := person(1)
	for n := range 5 {
		w.fold(p, booked(appointment(n), p, 1, "A", noon.Add(time.Duration(n)*time.Minute)))
	}
	send := func(after time.Duration, limit int, want error) {
		w.Helper()
		l := w.leaseOne()
		i, c := w.intend(l, address(1))
		c.CapMax, c.CapPer, c.At = limit, 24*time.Hour, noon.Add(after)
		w.is(w.confirm(c), want)
		if want != nil {
			w.wantMarks(address(1), 0)
			w.is(w.confirm(c), want) // asking costs nothing
			c.CapMax = 0             // and without a cap it may go
			w.ok(w.confirm(c))
		}
		w.fold(p, outcome(i, receipt.Accepted))
		w.ok(w.Done(w.ctx, l.Lease))
	}
	send(0, 2, nil)
	send(time.Hour, 2, nil)
	send(2*time.Hour, 2, state.ErrCapped)
	send(24*time.Hour, 2, nil)                         // the first has left the window
	send(24*time.Hour+time.Minute, 1, state.ErrCapped) // a cap that was lowered since
}

// capSpared: what surely did not leave is given back to the frequency cap, and what its carrier had taken, whatever it answered, is not.
func capSpared(w *world) {
	w.certify(time.Minute)
	for n, s := range []receipt.Status{receipt.Refused, receipt.NotBegun, receipt.Rejected} {
		for m, before := range []receipt.Status{"", receipt.Accepted, receipt.Delivered} {
			if s == receipt.Rejected && before != "" {
				continue // that stands
			}
			p := person(10*n + m)
			w.fold(p, booked(appointment(100*n+10*m), p, 1, "A", noon), booked(appointment(100*n+10*m+1), p, 1, "A", noon.Add(time.Minute)))
			l := w.leaseOne()
			i, c := w.intend(l, address(1))
			c.CapMax, c.CapPer = 1, 24*time.Hour
			w.ok(w.confirm(c))
			if before != "" {
				w.fold(p, receipt.Report{Claim: i.Claim, Person: p, Carrier: "smpp", CarrierID: "id of " + i.Claim, Status: before})
			}
			o := outcome(i, s)
			o.Retry = noon.AddDate(1, 0, 0)
			w.fold(p, o)
			w.ok(w.Done(w.ctx, l.Lease))
			l = w.leaseOne()
			next, c := w.intend(l, address(1))
			c.CapMax, c.CapPer = 1, 24*time.Hour
			var want error
			if before != "" {
				want = state.ErrCapped
			}
			w.is(w.confirm(c), want)
			w.fold(p, outcome(next, receipt.Accepted))
			w.ok(w.Done(w.ctx, l.Lease))
		}
	}
}

func confirmBatch(w *world) {
	w.certify(time.Minute)
	var cs []state.Confirmation
	for n := range 4 {
		p := person(n)
		w.fold(p, booked(appointment(n), p, 1, "A", noon))
		_, c := w.intend(w.leaseOne(), address(n))
		cs = append(cs, c)
	}
	w.bar(address(1), false)
	cs[2].Token = "another"
	cs = append(cs, cs[0])
	errs, err := w.Confirm(w.ctx, cs)
	if w.ok(err); len(errs) != len(cs) {
		w.Fatalf("%d answers to %d", len(errs), len(cs))
	}
	for i, want := range []error{nil, state.ErrBarred, state.ErrLost, nil, state.ErrClaim} {
		if !errors.Is(errs[i], want) {
			w.Errorf("answer %d: %v, want %v", i, errs[i], want)
		}
	}
	for n, want := range []int{1, 0, 0, 1} {
		w.wantMarks(address(n), want)
	}
}

func wires(w *world) {
	p, q := person(1), person(2)
	shared := address(5)
	_, i, c := w.ready(p, 1)
	c.Address = shared
	_, _, d := w.ready(q, 2)
	d.Address = shared
	w.ok(w.confirm(c))
	w.ok(w.confirm(d))
	look := func(a reminder.AddressHash, p reminder.PersonKey, want ...string) {
		w.Helper()
		ws, err := w.Wires(w.ctx, a, p)
		w.ok(err)
		var got []string
		for _, x := range ws {
			got = append(got, x.Claim)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			w.Errorf("marks behind %q of %q: %v, want %v", a, p, got, want)
		}
	}
	both := []string{c.Claim, d.Claim}
	slices.Sort(both)
	look(shared, "", both...)
	look(shared, p, both...) // the address decides, whoever is behind it
	look("", p, c.Claim)
	look("", q, d.Claim)
	look(address(1), "")
	look("", person(3))
	w.fold(p, outcome(i, receipt.Unknown))
	look(shared, "", d.Claim)
	look("", p)
}

// stopRace sets STOP against Confirm, again and again: a confirmation that succeeds is seen by a STOP that finds the wire
// empty only after its outcome.
func stopRace(w *world) {
	w.certify(time.Minute)
	confirmed, barred := 0, 0
	for round := range 60 {
		p, a := person(round), address(round)
		w.fold(p, booked(appointment(round), p, 1, "A", noon))
		_, c := w.intend(w.leaseOne(), a)
		var err error
		var clear bool
		var wg sync.WaitGroup
		wg.Go(func() {
			if round%3 == 0 {
				time.Sleep(20 * time.Microsecond)
			}
			err = w.confirm(c)
		})
		wg.Go(func() {
			w.bar(a, false)
			ws, err := w.Wires(w.ctx, a, "")
			if err != nil {
				w.Error(err)
			}
			clear = len(ws) == 0
		})
		wg.Wait()
		switch {
		case err == nil && clear:
			w.Fatal("confirmed, and the STOP saw nothing on the wire")
		case err == nil:
			confirmed++
		case errors.Is(err, state.ErrBarred):
			barred++
		default:
			w.Fatal(err)
		}
	}
	w.Logf("%d confirmed before the STOP, %d barred", confirmed, barred)
}
