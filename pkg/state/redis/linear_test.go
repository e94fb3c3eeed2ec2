package redis_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// The tests in this file record what workers, citizens and clerks do to a store at the same time, and ask porcupine
// whether there is an order of all of it, true to who waited for whom, in which a store that does one thing at a time
// would have given the same answers. In that order no confirmation may stand behind an acknowledged STOP. They are the
// tests of state/memory on a store that takes several steps, with the one freedom that law names, and with two processes.

// town is a store and the record of what was done to it. The projector is one process, everybody else another.
type town struct {
	t      *testing.T
	folds  state.State
	s      state.State
	start  time.Time
	shards [reminder.Shards]sync.Mutex // one projector a shard
	at     [reminder.Shards]state.Vector
	claims atomic.Int64
	over   atomic.Bool // the workers have gone home

	mu      sync.Mutex
	history []porcupine.Operation
	tally   map[string]int
}

func resident(address, n int) int { return 1 + address*residents + n }

func (w *town) done() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.history)
}

func (w *town) clock() int64 { return int64(time.Since(w.start)) }

// do does one act and records it.
func (w *town) do(who int, a act, f func() answer) answer {
	call := w.clock()
	out := f()
	done := w.clock()
	name := verbs[a.verb]
	if out.err != nil {
		name += ": " + out.err.Error()
	}
	w.mu.Lock()
	w.history = append(w.history, porcupine.Operation{ClientId: who, Input: a, Call: call, Output: out, Return: done})
	w.tally[name]++
	w.mu.Unlock()
	return out
}

func (w *town) fold(who int, a act, shard int, p reminder.PersonKey, body any) {
	w.do(who, a, func() answer {
		w.shards[shard].Lock()
		defer w.shards[shard].Unlock()
		cs, to := changes(w.at[shard], p, body)
		if err := w.folds.Fold(w.t.Context(), state.Run{Shard: shard, From: w.at[shard], To: to, Changes: cs})[0]; err != nil {
			w.t.Error(err)
		}
		w.at[shard] = to
		return answer{}
	})
}

// work is a dispatcher's worker: lease, decide, intend, confirm, write, settle.
func (w *town) work(who, operations int) {
	ctx := w.t.Context()
	for w.done() < operations && !w.t.Failed() {
		ls, err := w.s.Lease(ctx, "sms", noon, 4, time.Minute)
		if err != nil {
			w.t.Error(err)
			return
		}
		for _, l := range ls {
			w.hand(ctx, who, l)
		}
		runtime.Gosched()
	}
}

func (w *town) hand(ctx context.Context, who int, l state.Leased) {
	n := l.Person.Shard() - 1
	a := act{address: n / residents, person: n % residents, claim: int(w.claims.Add(1))}
	as := func(v verb) act {
		a.verb = v
		return a
	}
	look := w.do(who, as(barred), func() answer {
		b, err := w.s.Behind(ctx, []reminder.AddressHash{hash(a.address)})
		if err != nil {
			w.t.Error(err)
			return answer{}
		}
		return answer{barred: b[0].Barred}
	})
	if look.barred && a.claim%3 > 0 { // every third worker is not told, so that Confirm alone stands before the wire
		if err := w.s.Retry(ctx, l.Lease, noon, "sms"); err != nil {
			w.t.Error(err)
		}
		return
	}
	a.version = w.do(who, as(version), func() answer {
		ps, err := w.s.Persons(ctx, []reminder.PersonKey{l.Person})
		if err != nil {
			w.t.Error(err)
			return answer{}
		}
		return answer{version: ps[0].Version}
	}).version
	if a.claim%2 == 0 {
		time.Sleep(100 * time.Microsecond) // composing; meanwhile the person may think again
	}
	claim := fmt.Sprintf("%02x%026x", l.Person.Shard(), a.claim)
	w.fold(who, as(intend), l.Person.Shard(), l.Person, receipt.Intent{
		Reminder: l.Reminder, Person: l.Person, Attempt: l.Attempt, Claim: claim, Version: l.Version, Address: hash(a.address), Route: "sms",
	})
	may := w.do(who, as(confirm), func() answer {
		errs, err := w.s.Confirm(ctx, []state.Confirmation{{
			Reminder: l.Reminder, Person: l.Person, Token: l.Token, Version: l.Version, PersonVersion: a.version, Attempt: l.Attempt, Claim: claim,
			Address: hash(a.address), At: noon,
		}})
		if err != nil {
			return answer{err: err}
		}
		return answer{err: errs[0]}
	})
	out := receipt.Outcome{Reminder: l.Reminder, Person: l.Person, Attempt: l.Attempt, Claim: claim, Status: receipt.NotBegun}
	if may.err == nil {
		out.Status = receipt.Refused // not now, says the carrier; so there is more to do
	}
	w.fold(who, as(settle), l.Person.Shard(), l.Person, out)
	if err := w.s.Done(ctx, l.Lease); err != nil {
		w.t.Error(err)
	}
}

// citizen writes STOP from one of its addresses, waits until it is told that it is final, and after a while writes START.
// No two citizens have the same address.
func (w *town) citizen(who int, own []int) {
	ctx := w.t.Context()
	for round := 0; !w.over.Load(); round++ {
		a := act{address: own[round%len(own)]}
		h := hash(a.address)
		as := func(v verb) act {
			a.verb = v
			return a
		}
		w.fold(who, as(bar), h.Shard(), "", state.Bar{Address: h})
		for deadline := time.Now().Add(20 * time.Second); ; {
			var left []state.Wire
			w.do(who, as(onWire), func() (out answer) {
				var err error
				if left, err = w.s.Wires(ctx, h, ""); err != nil {
					w.t.Error(err)
				}
				for _, x := range left {
					out.wires |= 1 << ((x.Person.Shard() - 1) % residents)
				}
				return out
			})
			if len(left) == 0 {
				break
			}
			if time.Now().After(deadline) {
				w.t.Error("a mark stays for good")
				return
			}
			time.Sleep(30 * time.Microsecond)
		}
		w.do(who, as(acknowledge), func() answer { return answer{} })
		time.Sleep(150 * time.Microsecond)
		w.fold(who, as(lift), h.Shard(), "", state.Bar{Address: h, Lifted: true})
		time.Sleep(150 * time.Microsecond)
	}
}

// clerk takes down what persons say of consent; each word moves the person's version.
func (w *town) clerk(who int) {
	for n := 0; !w.over.Load(); n++ {
		a := act{verb: withdraw, address: n % addresses, person: n / addresses % residents}
		p := key(resident(a.address, a.person))
		kind := []consent.Type{consent.Granted, consent.Withdrawn}[n%2]
		w.fold(who, a, p.Shard(), p, consent.Record{ID: fmt.Sprint(n), Person: p, Type: kind})
		time.Sleep(50 * time.Microsecond)
	}
}

// doAll does several acts in one call, and records them all.
func (w *town) doAll(who int, acts []act, f func() []answer) {
	call := w.clock()
	out := f()
	done := w.clock()
	if len(out) != len(acts) {
		return // it has said why
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, a := range acts {
		w.history = append(w.history, porcupine.Operation{ClientId: who, Input: a, Call: call, Output: out[i], Return: done})
		w.tally[verbs[a.verb]]++
	}
}

// gate looks at everybody and every address, as a gate does for a batch.
func (w *town) gate(who int) {
	var bars, versions []act
	var hs []reminder.AddressHash
	var keys []reminder.PersonKey
	for a := range addresses {
		bars, hs = append(bars, act{verb: barred, address: a}), append(hs, hash(a))
		for p := range residents {
			versions, keys = append(versions, act{verb: version, address: a, person: p}), append(keys, key(resident(a, p)))
		}
	}
	for n := 0; !w.over.Load(); n++ {
		if n > 0 {
			time.Sleep(20 * time.Millisecond)
		}
		w.doAll(who, bars, func() (out []answer) {
			as, err := w.s.Behind(w.t.Context(), hs)
			if err != nil {
				w.t.Error(err)
			}
			for _, a := range as {
				out = append(out, answer{barred: a.Barred})
			}
			return out
		})
		if n%3 > 0 {
			continue
		}
		w.doAll(who, versions, func() (out []answer) {
			ps, err := w.s.Persons(w.t.Context(), keys)
			if err != nil {
				w.t.Error(err)
			}
			for _, p := range ps {
				out = append(out, answer{version: p.Version})
			}
			return out
		})
	}
}

// live has eight workers, four citizens, a clerk and a gate at a store, which wrapped may spoil, until they have done so many
// operations, and returns what happened.
func live(t *testing.T, operations int, wrapped func(state.State) state.State) (*town, house) {
	t.Helper()
	projector, others := pair(t)
	if err := projector.Certify(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	w := &town{t: t, folds: projector, s: wrapped(others), start: time.Now(), tally: map[string]int{}}
	for n := range addresses * residents {
		p := key(1 + n)
		var visits []any
		for visit := range operations/3000 + 4 {
			visits = append(visits, planned(reminder.AppointmentKey(fmt.Sprintf("1-%016x%016x", n, visit)), p, 1, noon))
		}
		fold(t, projector, p, visits...)
		w.at[p.Shard()] = must(projector.Applied(t.Context(), p.Shard()))(t)
	}
	var first house
	for i := range first.residents {
		first.residents[i].version = 1 // the plans of one booking system
	}
	var workers, rest sync.WaitGroup
	for who := range 8 {
		workers.Go(func() { w.work(who, operations) })
	}
	for who := range 4 {
		var own []int
		for a := who; a < addresses; a += 4 {
			own = append(own, a)
		}
		rest.Go(func() { w.citizen(8+who, own) })
	}
	rest.Go(func() { w.clerk(12) })
	rest.Go(func() { w.gate(13) })
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
	for a := range addresses {
		var ops []porcupine.Operation
		for _, o := range w.history {
			if o.Input.(act).address == a {
				ops = append(ops, o)
			}
		}
		slices.SortFunc(ops, func(x, y porcupine.Operation) int { return int(x.Call - y.Call) })
		for i, ack := range ops {
			if ack.Input.(act).verb != acknowledge {
				continue
			}
			until := int64(math.MaxInt64)
			if next := slices.IndexFunc(ops[i:], func(o porcupine.Operation) bool { return o.Input.(act).verb == lift }); next >= 0 {
				until = ops[i+next].Call
			}
			for _, o := range ops[i+1:] {
				if o.Input.(act).verb == confirm && o.Output.(answer).err == nil && o.Call > ack.Return && o.Return < until {
					n++
				}
			}
		}
	}
	return n
}

func TestLinearizable(t *testing.T) {
	operations := 50_000
	if testing.Short() {
		operations = 8_000
	}
	w, first := live(t, operations, func(s state.State) state.State { return s })
	t.Logf("%d operations: %v", len(w.history), w.tally)
	// A quiet town proves nothing.
	if len(w.history) < operations {
		t.Errorf("only %d operations", len(w.history))
	}
	waited := 0
	for _, o := range w.history {
		if o.Input.(act).verb == onWire {
			waited += bits.OnesCount8(o.Output.(answer).wires)
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
	if got := porcupine.CheckOperationsTimeout(law(first), w.history, time.Minute); got != porcupine.Ok {
		t.Errorf("history: %s", got)
	}
}

// looksFirst is a store that looks at the bar before it marks, with a pause between the two: what the order of mark and
// check is there to prevent.
type looksFirst struct {
	state.State
	mu    sync.Mutex
	marks map[string]reminder.AddressHash
}

// nowhere is an address that nobody bars.
const nowhere = reminder.AddressHash("1-ffffffffffffffffffffffffffffffff")

func (s *looksFirst) Confirm(ctx context.Context, cs []state.Confirmation) ([]error, error) {
	b, err := s.Behind(ctx, []reminder.AddressHash{cs[0].Address})
	if err != nil {
		return nil, err
	}
	if b[0].Barred {
		return []error{state.ErrBarred}, nil
	}
	time.Sleep(10 * time.Millisecond) // a STOP takes some round trips
	s.mu.Lock()
	s.marks[cs[0].Claim] = cs[0].Address
	s.mu.Unlock()
	c := cs[0]
	c.Address = nowhere // the store's own check has nothing to find
	return s.State.Confirm(ctx, []state.Confirmation{c})
}

func (s *looksFirst) Wires(ctx context.Context, a reminder.AddressHash, p reminder.PersonKey) ([]state.Wire, error) {
	ws, err := s.State.Wires(ctx, nowhere, p)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(ws, func(w state.Wire) bool { return s.marks[w.Claim] != a }), err
}

// remembersBars is a store whose Confirm looks at a copy of the bars that is now and then older than the bars.
type remembersBars struct {
	state.State
	mu   sync.Mutex
	bars map[reminder.AddressHash]bool
	read map[reminder.AddressHash]int
}

func (s *remembersBars) Confirm(ctx context.Context, cs []state.Confirmation) ([]error, error) {
	a := cs[0].Address
	s.mu.Lock()
	if s.read[a]%8 == 0 {
		b, err := s.Behind(ctx, []reminder.AddressHash{a})
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		s.bars[a] = b[0].Barred
	}
	s.read[a]++
	stale := s.bars[a]
	s.mu.Unlock()
	if stale {
		return []error{state.ErrBarred}, nil
	}
	errs, err := s.State.Confirm(ctx, cs)
	if err == nil && errors.Is(errs[0], state.ErrBarred) {
		c := cs[0]
		c.Address = nowhere
		return s.State.Confirm(ctx, []state.Confirmation{c})
	}
	return errs, err
}

// remembersReads is a store that answers the gate's looks at bars now and then from the last look: a stale read, as of a replica.
type remembersReads struct {
	state.State
	mu    sync.Mutex
	last  map[int][]state.Address // by how many were asked for
	calls int
}

func (s *remembersReads) Behind(ctx context.Context, hs []reminder.AddressHash) ([]state.Address, error) {
	s.mu.Lock()
	old, n := s.last[len(hs)], s.calls
	s.calls++
	s.mu.Unlock()
	if len(hs) > 1 && n%5 == 0 && old != nil {
		return old, nil
	}
	as, err := s.State.Behind(ctx, hs)
	s.mu.Lock()
	s.last[len(hs)] = as
	s.mu.Unlock()
	return as, err
}

// TestLinearizableFindsFaults: the test above would notice a store that is wrong.
func TestLinearizableFindsFaults(t *testing.T) {
	for name, spoil := range map[string]func(state.State) state.State{
		"looks before it marks": func(s state.State) state.State {
			return &looksFirst{State: s, marks: map[string]reminder.AddressHash{}}
		},
		"answers from its last look": func(s state.State) state.State {
			return &remembersReads{State: s, last: map[int][]state.Address{}}
		},
		"looks at old bars": func(s state.State) state.State {
			return &remembersBars{State: s, bars: map[reminder.AddressHash]bool{}, read: map[reminder.AddressHash]int{}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			// Whether a fault shows depends on who is when: a busy machine may hide it for a while.
			for range 8 {
				w, first := live(t, 6000, spoil)
				got := porcupine.CheckOperationsTimeout(law(first), w.history, time.Minute)
				if got == porcupine.Illegal {
					return
				}
				t.Logf("%d operations of a store that %s: %s; %d confirmations were too late by the clock alone", len(w.history), name, got, w.late())
			}
			t.Error("not found")
		})
	}
}
