package statetest

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/husk-reminders/husk/pkg/state"
)

// Linear records what workers, citizens, clerks, strangers and the keeper of the records do to a store at the same time, and asks
// porcupine whether there is an order of all of it, true to who waited for whom, in which a store that does one thing at a time
// would have given the same answers. In that order nothing may be handed over behind an acknowledged no of any kind: a STOP, a
// clerk's bar, a withdrawal, a wrong number, the end of a custody, an erasure; to a guardian, about a child, neither behind the
// child's nor behind the guardian's own. A START ends a STOP, and no other no; a wrong number ends by a fresh proof alone.
type Linear struct {
	// Open returns a store of its own, as the projector sees it and as everybody else does.
	Open       func(t *testing.T) (projector, others state.State)
	Operations int // that are recorded
	Spoilt     int // that are recorded of a store which is wrong
	Addresses  int
	Workers    int
	Citizens   int           // and as many clerks
	Look       time.Duration // the gate looks at everybody and every address so often
	Compose    time.Duration // so long a worker takes between decision and intent, every other time
	Rest       time.Duration // so long people leave things as they are
	Erased     time.Duration // so long the keeper waits between one erasure and the next
	// Pause is how long the store that looks before it marks waits between the two: time for a STOP.
	Pause time.Duration
	// EarlyMarks says that a mark is written before the person's side is looked at, so that an attempt which will be refused may
	// be seen as well: a STOP waits for it in vain.
	EarlyMarks bool
}

// live has everybody at a store, which spoil may wrap, until the workers have done so many operations, and returns what happened.
func (l Linear) live(t *testing.T, operations int, spoil fault) *town {
	t.Helper()
	projector, others := l.Open(t)
	if err := projector.Certify(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	w := &town{Linear: l, t: t, folds: projector, s: others, start: time.Now(), tally: map[string]int{}}
	w.booked = operations/(50*residents*l.Addresses) + 4
	for h := range l.Addresses {
		for p := range residents {
			for _, v := range [...]verb{book, grant, prove} {
				if v == prove && p == child {
					v = custody
				}
				w.say(0, act{verb: v, address: h, person: p})
			}
		}
	}
	w.history, w.tally = nil, map[string]int{} // the first house has it all
	w.folds, w.s = spoil(projector, others)

	var workers, rest sync.WaitGroup
	who := 0
	begin := func(g *sync.WaitGroup, do func(who int)) {
		n := who
		who++
		g.Go(func() { do(n) })
	}
	for range l.Workers {
		begin(&workers, func(who int) { w.work(who, operations) })
	}
	for n := range l.Citizens {
		var own []int
		for a := n; a < l.Addresses; a += l.Citizens {
			own = append(own, a)
		}
		var at atomic.Int64
		at.Store(int64(n))
		begin(&rest, func(who int) { w.citizen(who, own, &at) })
		begin(&rest, func(who int) { w.clerk(who, own, &at) })
	}
	begin(&rest, w.stranger)
	begin(&rest, w.stranger)
	begin(&rest, w.keeper)
	begin(&rest, w.gate)
	workers.Wait()
	w.over.Store(true)
	rest.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return w
}

// late are the hand-overs that the history by itself shows to be too late, by the no that they are behind: begun after it was
// acknowledged, and over before anything that ends it.
func (w *town) late() map[string]int {
	out := map[string]int{}
	houses := make([][]porcupine.Operation, w.Addresses)
	for _, o := range w.history {
		houses[asked(o).address] = append(houses[asked(o).address], o)
	}
	for _, ops := range houses {
		for _, ack := range ops {
			a := asked(ack)
			if a.verb != acknowledge {
				continue
			}
			all := a.no&(byStop|byClerk) != 0
			until := func(ends []verb) int64 {
				first := int64(math.MaxInt64)
				for _, o := range ops {
					b := asked(o)
					if (all || b.person == a.person) && slices.Contains(ends, b.verb) && o.Return > a.since {
						first = min(first, o.Call)
					}
				}
				return first
			}
			own, childs := until(lifts[a.no]), until(frees[a.no])
			for _, o := range ops {
				b := asked(o)
				about := (all || b.person == a.person) && o.Return < own
				about = about || (!all && a.person == guardian && b.person == child && o.Return < childs)
				if b.verb == leave && about && o.Call > ack.Return {
					out[nos[a.no]]++
				}
			}
		}
	}
	return out
}

// Run holds a store to be linearizable.
func (l Linear) Run(t *testing.T) {
	w := l.live(t, l.Operations, sound)
	t.Logf("%d operations: %v", len(w.history), w.tally)
	// A quiet town proves nothing.
	if len(w.history) < l.Operations {
		t.Errorf("only %d operations", len(w.history))
	}
	if w.waited() == 0 {
		t.Error("no no had to wait")
	}
	want := []string{
		"leave", "leave to a guardian", "refuse: " + state.ErrBarred.Error(), "refuse: " + state.ErrMoved.Error(),
	}
	for _, v := range []verb{stop, start, bar, lift, grant, withdraw, wrong, prove, repeat, custody, custodyEnds, eraseWords, eraseVisits, book, has, whole} {
		want = append(want, verbs[v])
	}
	for _, no := range nos {
		want = append(want, verbs[acknowledge]+" "+no)
	}
	for _, what := range want {
		if w.tally[what] == 0 {
			t.Errorf("no %q in the history", what)
		}
	}
	if n := w.late(); len(n) > 0 {
		t.Errorf("too late by the clock alone: %v", n)
	}
	begin := time.Now()
	if got := porcupine.CheckOperationsTimeout(l.law(), w.history, time.Minute); got != porcupine.Ok {
		t.Errorf("history: %s", got)
	}
	t.Logf("checked in %.1f s", time.Since(begin).Seconds())
}

// Faults shows that Run would notice a store that is wrong.
func (l Linear) Faults(t *testing.T) {
	for name, spoil := range l.faults() {
		t.Run(name, func(t *testing.T) {
			// Whether a fault shows depends on who is when: a busy machine may hide it for a while.
			for range 8 {
				w := l.live(t, l.Spoilt, spoil)
				got := porcupine.CheckOperationsTimeout(l.law(), w.history, time.Minute)
				t.Logf("%d operations of a store that %s: %s; too late by the clock alone: %v", len(w.history), name, got, w.late())
				if got == porcupine.Illegal {
					return
				}
			}
			t.Error("not found")
		})
	}
}
