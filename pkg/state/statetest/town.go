package statetest

import (
	"context"
	"fmt"
	"runtime"
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

// town is a store and the record of what was done to it. The projector is one process, everybody else another.
type town struct {
	Linear
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

// resident is the number of the nth person behind an address.
func resident(address, n int) int { return 1 + address*residents + n }

// done is how many operations were done.
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
		cs, to := Changes(w.at[shard], p, body)
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
		ls, err := w.s.Lease(ctx, route, noon, 4, time.Minute)
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
		b, err := w.s.Behind(ctx, []reminder.AddressHash{address(a.address)})
		if err != nil {
			w.t.Error(err)
			return answer{}
		}
		return answer{barred: b[0].Barred}
	})
	if look.barred && a.claim%3 > 0 { // every third worker is not told, so that Confirm alone stands before the wire
		if err := w.s.Retry(ctx, l.Lease, noon, route); err != nil {
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
		Reminder: l.Reminder, Person: l.Person, Attempt: l.Attempt, Claim: claim, Version: l.Version, Address: address(a.address), Route: route,
	})
	may := w.do(who, as(confirm), func() answer {
		errs, err := w.s.Confirm(ctx, []state.Confirmation{{
			Reminder: l.Reminder, Person: l.Person, Token: l.Token, Version: l.Version, PersonVersion: a.version, Attempt: l.Attempt, Claim: claim,
			Address: address(a.address), At: noon,
		}})
		if err != nil {
			return answer{err: err}
		}
		return answer{err: errs[0]}
	})
	out := receipt.Outcome{Reminder: l.Reminder, Person: l.Person, Attempt: l.Attempt, Claim: claim, Status: receipt.NotBegun}
	if may.err == nil {
		out.Status = receipt.Refused      // not now, says the carrier; so there is more to do
		time.Sleep(50 * time.Microsecond) // and it takes its time
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
		h := address(a.address)
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
		a := act{verb: withdraw, address: n % w.Addresses, person: n / w.Addresses % residents}
		p := person(resident(a.address, a.person))
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
	for a := range w.Addresses {
		bars, hs = append(bars, act{verb: barred, address: a}), append(hs, address(a))
		for p := range residents {
			versions, keys = append(versions, act{verb: version, address: a, person: p}), append(keys, person(resident(a, p)))
		}
	}
	for n := 0; !w.over.Load(); n++ {
		if n > 0 {
			time.Sleep(w.Look)
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
