package statetest

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
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
	words  atomic.Int64 // also the town's clock: no two things are said at one time
	over   atomic.Bool  // the workers have gone home
	busy   atomic.Int64 // about whom a worker has decided last
	booked int          // appointments at a time

	mu      sync.Mutex
	history []porcupine.Operation
	tally   map[string]int
}

// key is the person key of a resident.
func key(address, n int) reminder.PersonKey { return person(1 + address*residents + n) }

// done is how many operations were done.
func (w *town) done() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.history)
}

func (w *town) clock() int64 { return int64(time.Since(w.start)) }

// record writes down what was done between two times, and how it came out.
func (w *town) record(who int, call, done int64, out answer, acts ...act) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range acts {
		name := verbs[a.verb]
		if out.err != nil {
			name += ": " + out.err.Error()
		}
		if a.verb == acknowledge {
			name += " " + nos[a.no]
		}
		if a.verb == leave && a.person == child {
			name += " to a guardian"
		}
		w.history = append(w.history, porcupine.Operation{ClientId: who, Input: a, Call: call, Output: out, Return: done})
		w.tally[name]++
	}
}

// do does one act and records it.
func (w *town) do(who int, a act, f func() answer) answer {
	call := w.clock()
	out := f()
	w.record(who, call, w.clock(), out, a)
	return out
}

// doAll does several acts in one call, and records them all.
func (w *town) doAll(who int, acts []act, f func() []answer) []answer {
	call := w.clock()
	out := f()
	done := w.clock()
	if len(out) != len(acts) {
		return nil // it has said why
	}
	for i, a := range acts {
		w.record(who, call, done, out[i], a)
	}
	return out
}

// fold journals and folds entries of one shard. What they say is made when their turn has come, at the time that is then.
func (w *town) fold(who int, a act, shard int, p reminder.PersonKey, say func(now time.Time, id string) []any) {
	w.do(who, a, func() answer {
		w.shards[shard].Lock()
		defer w.shards[shard].Unlock()
		n := w.words.Add(1)
		now := noon.Add(time.Duration(n) * time.Millisecond)
		cs, to := Changes(w.at[shard], p, say(now, strconv.FormatInt(n, 10))...)
		if a.verb == eraseWords { // the journal's order says which of the two it is
			cs[0].Stream, cs[0].Seq = state.People, w.at[shard][state.People]+1
			to = w.at[shard]
			to[state.People]++
		}
		if err := w.folds.Fold(w.t.Context(), state.Run{Shard: shard, From: w.at[shard], To: to, Changes: cs})[0]; err != nil {
			w.t.Error(err)
		}
		w.at[shard] = to
		return answer{}
	})
}

// say folds what an act says of a resident.
func (w *town) say(who int, a act) {
	p, h := key(a.address, a.person), address(a.address)
	as := func(v consent.Type) func(time.Time, string) []any {
		return func(now time.Time, id string) []any {
			r := word(id, p, v)
			r.EventTime, r.Recorded = now, now
			if v == consent.Custody || v == consent.CustodyEnded {
				r.Purposes, r.Channels = nil, nil
				r.Actor = consent.Actor{Kind: consent.Guardian, Ref: string(key(a.address, guardian))}
			}
			return []any{r}
		}
	}
	of := func(t contact.Type) func(time.Time, string) []any {
		return func(now time.Time, id string) []any { return []any{number(id, p, h, t, now)} }
	}
	var say func(time.Time, string) []any
	switch a.verb {
	case grant:
		say = as(consent.Granted)
	case withdraw:
		say = as(consent.Withdrawn)
	case custody:
		say = as(consent.Custody)
	case custodyEnds:
		say = as(consent.CustodyEnded)
	case wrong:
		say = of(contact.Wrong)
	case prove:
		say = of(contact.Verified)
	case repeat:
		say = func(now time.Time, id string) []any {
			r := number(id, p, h, contact.Verified, noon)
			r.Recorded = now
			return []any{r}
		}
	case eraseWords, eraseVisits:
		say = func(now time.Time, _ string) []any { return []any{state.Erased{At: now}} }
	case book:
		say = func(now time.Time, _ string) []any { return visits(a, w.booked, now) }
	}
	w.fold(who, a, p.Shard(), p, say)
}

// sayBar folds a bar of an address, or its end.
func (w *town) sayBar(who int, a act) {
	b := state.Bar{Address: address(a.address), Lifted: a.verb == start || a.verb == lift, Via: "sms"}
	if a.verb == bar || a.verb == lift {
		b.Via = state.ViaStaff
	}
	w.fold(who, a, b.Address.Shard(), "", func(time.Time, string) []any { return []any{b} })
}

// later is behind all that is due by now.
func (w *town) later() time.Time { return noon.Add(time.Duration(w.claims.Load()) * time.Second) }

// visitsOf is how many numbers of appointments one booking may use.
const visitsOf = 1 << 16

// visits are plans of n appointments of a resident, made at a time.
func visits(a act, n int, made time.Time) []any {
	var out []any
	for i := range n {
		n := a.address*residents + a.person
		due := noon.Add(-time.Duration((7919*i+104729*n)%3600) * time.Second) // so that every worker has another house before them
		x := booked(reminder.AppointmentKey(fmt.Sprintf("1-%016x%016x", n, a.visits*visitsOf+i)), key(a.address, a.person), 1, "A", due)
		x.Plan.PlannedAt = made
		out = append(out, x)
	}
	return out
}

// visitOf is which booking a reminder is of.
func visitOf(id reminder.ID) (int, error) {
	n, err := strconv.ParseInt(string(id[18:34]), 16, 64)
	return int(n / visitsOf), err
}

// look reads residents as the gate does, all at once.
func (w *town) look(who int, acts ...act) []answer {
	keys := make([]reminder.PersonKey, len(acts))
	for i, a := range acts {
		acts[i].verb = look
		keys[i] = key(a.address, a.person)
	}
	return w.doAll(who, acts, func() (out []answer) {
		ps, err := w.s.Persons(w.t.Context(), keys)
		if err != nil {
			w.t.Error(err)
		}
		for i, p := range ps {
			out = append(out, answer{version: p.Version, standing: stands(&p, acts[i].address)})
		}
		return out
	})
}

// stands is how a person stands as the records say.
func stands(p *state.Person, house int) (s standing) {
	var latest time.Time
	for _, r := range p.Consent {
		latest = r.Recorded
		switch r.Type {
		case consent.Granted:
			s.said = yes
		case consent.Withdrawn:
			s.said = nay
		}
	}
	s.custody = consent.Stand(p.Consent, latest).Has(key(house, guardian))
	rs := make([]contact.Record, len(p.Contact))
	for i, c := range p.Contact {
		rs[i], latest = c.Record, c.Recorded
	}
	for _, a := range contact.Fold(rs, latest) {
		s.has = s.has || (a.Hash == address(house) && len(a.Proofs) > 0 && !a.Wrong && !a.Changed && !a.Removed && !a.Bounced)
	}
	return s
}

// work is a dispatcher's worker: lease, decide, intend, confirm, write, settle.
func (w *town) work(who, operations int) {
	ctx := w.t.Context()
	for w.done() < operations && !w.t.Failed() {
		ls, err := w.s.Lease(ctx, route, noon.AddDate(1, 0, 0), 1+who%4, time.Minute)
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
	booking, err := visitOf(l.Reminder)
	if err != nil {
		w.t.Error(err)
		return
	}
	a := act{address: n / residents, person: n % residents, claim: int(w.claims.Add(1)), visits: booking}
	as := func(v verb) act {
		a.verb = v
		return a
	}
	about := []act{a}
	if a.person == child {
		g := a
		g.person = guardian
		about = append(about, g)
	}
	read, may := w.decide(who, as(barred), about)
	if !may {
		err := w.s.Retry(ctx, l.Lease, w.later(), route)
		if errors.Is(err, state.ErrLost) { // of who was erased nothing waits
			err = w.s.Done(ctx, l.Lease)
		}
		if err != nil {
			w.t.Error(err)
		}
		return
	}
	if a.claim%2 == 0 {
		w.busy.Store(int64(n))
		time.Sleep(w.Compose) // meanwhile the person may think again
	}
	a.version = read[0].version
	claim := fmt.Sprintf("%02x%026x", l.Person.Shard(), a.claim)
	w.fold(who, as(intend), l.Person.Shard(), l.Person, func(time.Time, string) []any {
		return []any{receipt.Intent{
			Reminder: l.Reminder, Person: l.Person, Attempt: l.Attempt, Claim: claim, Version: l.Version, Address: address(a.address), Route: route,
		}}
	})
	left := w.confirm(ctx, who, a, state.Confirmation{
		Reminder: l.Reminder, Person: l.Person, Token: l.Token, Version: l.Version, PersonVersion: a.version, Attempt: l.Attempt, Claim: claim,
		Address: address(a.address), At: noon,
	})
	if left && a.person == child { // the gate's look at the guardian, after the mark
		now := w.look(who, about[1])
		left = now != nil && now[0].version == read[1].version
	}
	out := receipt.Outcome{Reminder: l.Reminder, Person: l.Person, Attempt: l.Attempt, Claim: claim, Status: receipt.NotBegun, Retry: w.later()}
	if left {
		out.Status = receipt.Refused // not now, says the carrier; so there is more to do
		w.do(who, as(leave), func() answer { return answer{} })
		time.Sleep(50 * time.Microsecond) // and it takes its time
	}
	w.fold(who, as(settle), l.Person.Shard(), l.Person, func(time.Time, string) []any { return []any{out} })
	if err := w.s.Done(ctx, l.Lease); err != nil {
		w.t.Error(err)
	}
}

// bars reads the bar of an address.
func (w *town) bars(who int, a act) answer {
	return w.do(who, a, func() answer {
		b, err := w.s.Behind(w.t.Context(), []reminder.AddressHash{address(a.address)})
		if err != nil {
			w.t.Error(err)
			return answer{}
		}
		return answer{barred: b[0].Barred}
	})
}

// decide is the gate's decision, and the persons it was made of: the resident, and of a child the guardian.
func (w *town) decide(who int, a act, about []act) (read []answer, may bool) {
	if w.bars(who, a).barred && a.claim%3 > 0 { // every third worker is not told, so that Confirm alone stands before the wire
		return nil, false
	}
	if read = w.look(who, about...); read == nil || read[0].said != yes {
		return nil, false
	}
	if a.person == child {
		return read, read[0].custody && read[1].has && read[1].said != nay
	}
	return read, read[0].has
}

// confirm asks for the last look, and records what came of it: a yes in two steps, of which a store may do one after the other.
func (w *town) confirm(ctx context.Context, who int, a act, c state.Confirmation) bool {
	call := w.clock()
	errs, err := w.s.Confirm(ctx, []state.Confirmation{c})
	if err == nil {
		err = errs[0]
	}
	done := w.clock()
	first, then := a, a
	if first.verb, then.verb = mark, note; err == nil {
		w.record(who, call, done, answer{}, first, then)
		return true
	}
	a.verb = refuse
	w.record(who, call, done, answer{err: err}, a)
	return false
}

// final waits until nothing is on the wire behind the address, and with person, of the resident, as whoever takes a no down does, and
// tells the one who said it that it is final. False when that never comes.
func (w *town) final(who int, a act, person bool) bool {
	h, deadline := address(a.address), time.Now().Add(20*time.Second)
	wait := func(v verb, h reminder.AddressHash, p reminder.PersonKey) bool {
		for {
			x := a
			x.verb = v
			out := w.do(who, x, func() (out answer) {
				left, err := w.s.Wires(w.t.Context(), h, p)
				if err != nil {
					w.t.Error(err)
				}
				for _, x := range left {
					out.wires |= 1 << ((x.Person.Shard() - 1) % residents)
				}
				return out
			})
			if out.wires == 0 {
				return true
			}
			if time.Now().After(deadline) {
				w.t.Error("a mark stays for good")
				return false
			}
			time.Sleep(30 * time.Microsecond)
		}
	}
	if person && !wait(onWay, "", key(a.address, a.person)) {
		return false
	}
	if !wait(onWire, h, "") {
		return false
	}
	a.verb = acknowledge
	w.do(who, a, func() answer { return answer{} })
	return true
}

// gate looks at everybody and every address, as a gate does for a batch.
func (w *town) gate(who int) {
	var bars, all []act
	var hs []reminder.AddressHash
	for a := range w.Addresses {
		bars, hs = append(bars, act{verb: barred, address: a}), append(hs, address(a))
		for p := range residents {
			all = append(all, act{address: a, person: p})
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
		if n%3 == 0 {
			w.look(who, all...)
		}
	}
}

// waited is how many attempts were on the wire when somebody who had said no asked.
func (w *town) waited() (n int) {
	for _, o := range w.history {
		if v := asked(o).verb; v == onWire || v == onWay {
			n += bits.OnesCount8(answered(o).wires)
		}
	}
	return n
}
