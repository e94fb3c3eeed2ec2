package statetest

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Linear records what workers, citizens and clerks do to a store at the same time, and asks porcupine whether there is an order
// of all of it, true to who waited for whom, in which a store that does one thing at a time would have given the same answers.
// In that order no confirmation may stand behind an acknowledged STOP.
type Linear struct {
	// Open returns a store of its own, as the projector sees it and as everybody else does.
	Open       func(t *testing.T) (projector, others state.State)
	Operations int // that are recorded
	Spoilt     int // that are recorded of a store which is wrong
	Addresses  int
	Workers    int
	Citizens   int
	Look       time.Duration // the gate looks at everybody and every address so often
	// Pause is how long the store that looks before it marks waits between the two: time for a STOP.
	Pause time.Duration
	// EarlyMarks says that a mark is written before the person's side is looked at, so that an attempt which will be refused may
	// be seen as well: a STOP waits for it in vain.
	EarlyMarks bool
}

// live has workers, citizens, a clerk and a gate at a store, which wrapped may spoil, until they have done so many operations,
// and returns what happened.
func (l Linear) live(t *testing.T, operations int, wrapped func(state.State) state.State) (*town, house) {
	t.Helper()
	projector, others := l.Open(t)
	if err := projector.Certify(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	w := &town{Linear: l, t: t, folds: projector, s: wrapped(others), start: time.Now(), tally: map[string]int{}}
	persons := l.Addresses * residents
	for n := range persons {
		p := person(1 + n)
		var visits []any
		for visit := range operations/(50*persons) + 4 {
			visits = append(visits, booked(reminder.AppointmentKey(fmt.Sprintf("1-%016x%016x", n, visit)), p, 1, "A", noon))
		}
		Fold(t, projector, p, visits...)
		var err error
		if w.at[p.Shard()], err = projector.Applied(t.Context(), p.Shard()); err != nil {
			t.Fatal(err)
		}
	}
	var first house
	for i := range first.residents {
		first.residents[i].version = 1 // the plans of one booking system
	}
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
		begin(&rest, func(who int) { w.citizen(who, own) })
	}
	begin(&rest, w.clerk)
	begin(&rest, w.gate)
	workers.Wait()
	w.over.Store(true)
	rest.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return w, first
}

// late are the confirmations that the history by itself shows to be too late: begun after a STOP was acknowledged, and
// answered before the START that followed it.
func (w *town) late() (n int) {
	for a := range w.Addresses {
		var ops []porcupine.Operation
		for _, o := range w.history {
			if asked(o).address == a {
				ops = append(ops, o)
			}
		}
		slices.SortFunc(ops, func(x, y porcupine.Operation) int { return int(x.Call - y.Call) })
		for i, ack := range ops {
			if asked(ack).verb != acknowledge {
				continue
			}
			until := int64(math.MaxInt64)
			if next := slices.IndexFunc(ops[i:], func(o porcupine.Operation) bool { return asked(o).verb == lift }); next >= 0 {
				until = ops[i+next].Call
			}
			for _, o := range ops[i+1:] {
				if asked(o).verb == confirm && answered(o).err == nil && o.Call > ack.Return && o.Return < until {
					n++
				}
			}
		}
	}
	return n
}

// Run holds a store to be linearizable.
func (l Linear) Run(t *testing.T) {
	w, first := l.live(t, l.Operations, func(s state.State) state.State { return s })
	t.Logf("%d operations: %v", len(w.history), w.tally)
	// A quiet town proves nothing.
	if len(w.history) < l.Operations {
		t.Errorf("only %d operations", len(w.history))
	}
	waited := 0
	for _, o := range w.history {
		if asked(o).verb == onWire {
			waited += bits.OnesCount8(answered(o).wires)
		}
	}
	for what, n := range map[string]int{
		"confirmations": w.tally["confirm"], "barred": w.tally["confirm: "+state.ErrBarred.Error()], "moved": w.tally["confirm: "+state.ErrMoved.Error()],
		"acknowledged": w.tally["acknowledge"], "STOPs that had to wait": waited,
	} {
		if n == 0 {
			t.Errorf("no %s in the history", what)
		}
	}
	if n := w.late(); n > 0 {
		t.Errorf("%d confirmations after an acknowledged STOP", n)
	}
	if got := porcupine.CheckOperationsTimeout(l.law(first), w.history, time.Minute); got != porcupine.Ok {
		t.Errorf("history: %s", got)
	}
}

// Faults shows that Run would notice a store that is wrong.
func (l Linear) Faults(t *testing.T) {
	for name, spoil := range l.faults() {
		t.Run(name, func(t *testing.T) {
			// Whether a fault shows depends on who is when: a busy machine may hide it for a while.
			for range 8 {
				w, first := l.live(t, l.Spoilt, spoil)
				got := porcupine.CheckOperationsTimeout(l.law(first), w.history, time.Minute)
				if got == porcupine.Illegal {
					return
				}
				t.Logf("%d operations of a store that %s: %s; %d confirmations were too late by the clock alone", len(w.history), name, got, w.late())
			}
			t.Error("not found")
		})
	}
}
