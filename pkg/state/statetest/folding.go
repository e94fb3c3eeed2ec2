package statetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

func (w *world) applied(shard int) state.Vector {
	w.Helper()
	v, err := w.Applied(w.ctx, shard)
	w.ok(err)
	return v
}

// version is the person's version; it needs a certified state.
func (w *world) version(p reminder.PersonKey) uint64 {
	w.Helper()
	ps, err := w.Persons(w.ctx, []reminder.PersonKey{p})
	w.ok(err)
	return ps[0].Version
}

func applied(w *world) {
	w.certify(time.Minute)
	p := person(3)
	for _, shard := range []int{0, 3, reminder.Shards - 1} {
		if v := w.applied(shard); v != (state.Vector{}) {
			w.Fatalf("an empty store has applied %v", v)
		}
	}
	c := state.Change{Stream: state.People, Seq: 7, At: noon, Person: p, Body: word("a", p, consent.Granted)}
	w.ok(w.Fold(w.ctx, state.Run{Shard: 3, To: state.Vector{state.People: 7}, Changes: []state.Change{c}})[0])
	if v := w.applied(3); v != (state.Vector{state.People: 7}) {
		w.Errorf("applied %v", v)
	}
	if v := w.applied(4); v != (state.Vector{}) {
		w.Errorf("another shard moved to %v", v)
	}
	c.Seq, c.Body = 8, word("b", p, consent.Granted)
	for _, from := range []state.Vector{{}, {state.People: 6}, {state.People: 8}, {state.People: 7, state.Stop: 1}} {
		w.is(w.Fold(w.ctx, state.Run{Shard: 3, From: from, To: state.Vector{state.People: 8}, Changes: []state.Change{c}})[0], state.ErrStale)
	}
	if v := w.applied(3); v != (state.Vector{state.People: 7}) || w.version(p) != 1 {
		w.Errorf("a stale fold left applied %v and version %d", v, w.version(p))
	}
	w.ok(w.Fold(w.ctx, state.Run{Shard: 3, From: state.Vector{state.People: 7}, To: state.Vector{state.People: 8}, Changes: []state.Change{c}})[0])
	if w.version(p) != 2 {
		w.Errorf("version %d after two records", w.version(p))
	}
}

func skipped(w *world) {
	w.certify(time.Minute)
	p := person(1)
	change := func(s state.Stream, seq uint64, body any) state.Change {
		return state.Change{Stream: s, Seq: seq, At: noon, Person: p, Body: body}
	}
	to := state.Vector{state.Stop: 4, state.People: 9}
	w.ok(w.Fold(w.ctx, state.Run{Shard: 1, To: to, Changes: []state.Change{
		change(state.People, 9, word("a", p, consent.Granted)), change(state.Stop, 4, word("b", p, consent.Withdrawn)),
	}})[0])
	// A second reading of the journal: the same numbers again, one of them with another body, and one that is new.
	w.ok(w.Fold(w.ctx, state.Run{Shard: 1, From: to, To: state.Vector{state.Stop: 5, state.People: 9}, Changes: []state.Change{
		change(state.People, 8, word("c", p, consent.Granted)), change(state.People, 9, word("d", p, consent.Granted)),
		change(state.Stop, 4, word("e", p, consent.Withdrawn)), change(state.Stop, 5, word("f", p, consent.Withdrawn)),
	}})[0])
	ps, err := w.Persons(w.ctx, []reminder.PersonKey{p})
	w.ok(err)
	got := ""
	for _, r := range ps[0].Consent {
		got += r.ID
	}
	if got != "abf" {
		w.Errorf("records %q were folded, want abf in this order", got)
	}
}

func bodyless(w *world) {
	w.certify(time.Minute)
	p := person(2)
	w.fold(p, nil, nil)
	if v := w.applied(2); v != (state.Vector{state.Journal: 2}) {
		w.Errorf("applied %v", v)
	}
	if w.version(p) != 0 {
		w.Error("an entry without a body made a person")
	}
}

func await(w *world) {
	w.ok(w.Await(w.ctx, 5, state.Journal, 0))
	gone, cancel := context.WithCancel(w.ctx)
	cancel()
	w.is(w.Await(gone, 5, state.Journal, 1), context.Canceled)

	returned := make(chan error, 1)
	go func() { returned <- w.Await(w.ctx, 5, state.Journal, 2) }()
	w.ok(w.Fold(w.ctx, state.Run{Shard: 5, To: state.Vector{state.Stop: 9, state.People: 9, state.Journal: 1}})[0])
	w.ok(w.Fold(w.ctx, state.Run{Shard: 6, To: state.Vector{state.Journal: 9}})[0])
	select {
	case err := <-returned:
		w.Fatalf("returned before its entry was folded: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	w.ok(w.Fold(w.ctx, state.Run{Shard: 5, From: w.applied(5), To: state.Vector{state.Stop: 9, state.People: 9, state.Journal: 2}})[0])
	select {
	case err := <-returned:
		w.ok(err)
	case <-time.After(5 * time.Second):
		w.Fatal("does not return although its entry is folded")
	}
	soon, cancel := context.WithTimeout(w.ctx, 50*time.Millisecond)
	defer cancel()
	w.is(w.Await(soon, 5, state.Journal, 3), context.DeadlineExceeded)
}

// racingProjectors folds the same journal by several writers at once: every entry counts once.
func racingProjectors(w *world) {
	w.certify(time.Minute)
	const entries = 200
	p := person(9)
	var stale atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				from, err := w.Applied(w.ctx, 9)
				if err != nil {
					w.Error(err)
					return
				}
				n := from[state.People]
				if n == entries {
					return
				}
				c := state.Change{Stream: state.People, Seq: n + 1, At: noon, Person: p, Body: word(string(rune('0'+n)), p, consent.Granted)}
				err = w.Fold(w.ctx, state.Run{Shard: 9, From: from, To: state.Vector{state.People: n + 1}, Changes: []state.Change{c}})[0]
				switch {
				case errors.Is(err, state.ErrStale):
					stale.Add(1)
				case err != nil:
					w.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if v := w.version(p); v != entries {
		w.Errorf("%d entries counted, want %d (%d writers were stale)", v, entries, stale.Load())
	}
}

func uncertified(w *world) {
	p, a := person(1), address(1)
	w.fold(p, booked(appointment(1), p, 1, "A", noon), number("n", p, a, contact.Verified, noon))
	w.is(w.Certified(w.ctx), state.ErrNotCertified)
	if ls, err := w.Lease(w.ctx, route, noon, 9, time.Minute); !errors.Is(err, state.ErrNotCertified) || len(ls) > 0 {
		w.Errorf("Lease answers %v, %v", ids(ls), err)
	}
	if ps, err := w.Persons(w.ctx, []reminder.PersonKey{p}); !errors.Is(err, state.ErrNotCertified) || len(ps) > 0 {
		w.Errorf("Persons answers %d persons, %v", len(ps), err)
	}
	if as, err := w.Behind(w.ctx, []reminder.AddressHash{a}); !errors.Is(err, state.ErrNotCertified) || len(as) > 0 {
		w.Errorf("Behind answers %v, %v", as, err)
	}
	if ps, err := w.Whose(w.ctx, a); !errors.Is(err, state.ErrNotCertified) || len(ps) > 0 {
		w.Errorf("Whose answers %v, %v", ps, err)
	}
	if ps, err := w.Claimants(w.ctx, []string{reminder.NewClaim(p), "no claim"}); !errors.Is(err, state.ErrNotCertified) || len(ps) > 0 {
		w.Errorf("Claimants answers %v, %v", ps, err)
	}
	if ps, err := w.Claimants(w.ctx, []string{"no claim"}); !errors.Is(err, state.ErrNotCertified) || len(ps) > 0 {
		w.Errorf("Claimants answers of no claim %v, %v", ps, err)
	}
	w.is(w.confirm(state.Confirmation{Person: p, Claim: "x", Address: a}), state.ErrNotCertified)
	if ws, err := w.Wires(w.ctx, a, ""); !errors.Is(err, state.ErrNotCertified) || len(ws) > 0 {
		w.Errorf("Wires of an address answers %v, %v", ws, err)
	}
	if ws, err := w.Wires(w.ctx, "", p); !errors.Is(err, state.ErrNotCertified) || len(ws) > 0 {
		w.Errorf("Wires of a person answers %v, %v", ws, err)
	}
	if _, err := w.Needs(w.ctx); !errors.Is(err, state.ErrNotCertified) {
		w.Errorf("Needs: %v", err)
	}
	w.certify(time.Minute)
	w.wantMarks(a, 0)
	w.ok(w.Certified(w.ctx))
	if got := len(w.lease(9)); got != 1 {
		w.Errorf("%d leases once certified, want 1", got)
	}
}

func lapses(w *world) {
	w.certify(time.Minute)
	w.certify(short) // the latest word counts, also when it is the shorter
	w.ok(w.Certified(w.ctx))
	time.Sleep(past)
	w.is(w.Certified(w.ctx), state.ErrNotCertified)
	if _, err := w.Lease(w.ctx, route, noon, 9, time.Minute); !errors.Is(err, state.ErrNotCertified) {
		w.Errorf("Lease after the lapse: %v", err)
	}
	w.certify(time.Minute)
	w.ok(w.Certified(w.ctx))
}
