package statetest

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/husk-reminders/husk/pkg/state"
)

// citizen writes STOP from one of its addresses, waits until it is told that it is final, and after a while writes START.
// No two citizens have the same address.
func (w *town) citizen(who int, own []int, at *atomic.Int64) {
	for round := 0; !w.over.Load(); round++ {
		a := act{address: own[round%len(own)], no: byStop, since: w.clock()}
		at.Store(int64(a.address))
		as := func(v verb) act {
			a.verb = v
			return a
		}
		w.sayBar(who, as(stop))
		if !w.final(who, a, false) {
			return
		}
		time.Sleep(w.Rest)
		w.sayBar(who, as(start))
		time.Sleep(w.Rest)
	}
}

// clerk takes down noes at the desk and, after a while, that they are over: a withdrawal, the end of a custody, and a bar, of the
// address that a citizen is at. No two clerks have the same address.
func (w *town) clerk(who int, own []int, citizen *atomic.Int64) {
	for round := 0; !w.over.Load(); round++ {
		a := act{address: own[round%len(own)], person: round / len(own) % residents}
		as := func(v verb) act {
			a.verb = v
			return a
		}
		a.since = w.clock()
		switch kind := round / len(own) % 4; {
		case kind == 3:
			a.no, a.address = byClerk, int(citizen.Load())
			w.sayBar(who, as(bar))
			if !w.final(who, a, false) {
				return
			}
			time.Sleep(4 * w.Rest) // the citizen has written START by then
			w.bars(who, as(barred))
			w.sayBar(who, as(lift))
		case a.person == child:
			a.no = byCustody
			w.say(who, as(custodyEnds))
			if !w.final(who, a, true) {
				return
			}
			time.Sleep(w.Rest)
			w.say(who, as(custody))
		default:
			a.no = byWord
			w.say(who, as(withdraw))
			if !w.final(who, a, true) {
				return
			}
			time.Sleep(w.Rest)
			w.say(who, as(grant))
		}
		time.Sleep(w.Rest)
	}
}

// together is how long strangers have the same number in mind.
const together = 5 * time.Millisecond

// stranger has somebody's number and says so, now and then at the same time as another: whoever has it as theirs loses it. After a
// while somebody brings an old proof, which changes nothing, and then a fresh one.
func (w *town) stranger(who int) {
	for round := 0; !w.over.Load(); round++ {
		a := act{no: byWrong, word: int(w.words.Add(1)), since: w.clock()}
		a.address = int(a.since/int64(together)) % w.Addresses
		var taken []act
		adults := make([]act, child)
		for p := range adults {
			a.person = p
			adults[p] = a
			adults[p].verb = has
		}
		read := w.doAll(who, adults, func() []answer {
			ps, err := w.s.Whose(w.t.Context(), address(a.address))
			if err != nil {
				w.t.Error(err)
				return nil
			}
			out := make([]answer, len(adults))
			for p := range out {
				out[p].has = slices.Contains(ps, key(a.address, p))
			}
			return out
		})
		for p, x := range read {
			if x.has {
				taken = append(taken, adults[p])
			}
		}
		for i := range taken {
			taken[i].verb = wrong
			w.say(who, taken[i])
		}
		for i, x := range taken { // one wait for all
			if i == 0 && !w.final(who, x, false) {
				return
			}
			if x.verb = acknowledge; i > 0 {
				w.do(who, x, func() answer { return answer{} })
			}
		}
		time.Sleep(w.Rest)
		for _, x := range taken {
			x.verb = repeat
			w.say(who, x)
		}
		time.Sleep(w.Rest)
		for _, x := range taken {
			x.verb = prove
			w.say(who, x)
		}
		time.Sleep(w.Rest)
	}
}

// keeper erases people, looks whether anything is left, and lets them come back: with a new booking, a new yes, a new proof.
func (w *town) keeper(who int) {
	bookings := make([][residents]int, w.Addresses)
	for round := 0; !w.over.Load(); round++ {
		n := round / 2 % (w.Addresses * residents)
		if round%2 == 0 { // one about whom something is on its way
			n = int(w.busy.Load())
		}
		a := act{address: n / residents, person: n % residents, no: byErase, since: w.clock()}
		as := func(v verb) act {
			a.verb = v
			return a
		}
		both := []verb{eraseWords, eraseVisits}
		if round%3 == 1 {
			slices.Reverse(both)
		}
		for _, v := range both {
			w.say(who, as(v))
		}
		if !w.final(who, a, true) {
			return
		}
		w.do(who, as(whole), func() (out answer) {
			if err := w.s.View(w.t.Context(), key(a.address, a.person), func(p *state.Person) error {
				out = left(p, a.address)
				return nil
			}); err != nil {
				w.t.Error(err)
			}
			return out
		})
		time.Sleep(w.Rest)
		if a.person != child {
			w.say(who, as(repeat))
		}
		bookings[a.address][a.person]++
		a.visits = bookings[a.address][a.person]
		w.say(who, as(book))
		w.say(who, as(grant))
		if a.person == child {
			w.say(who, as(custody))
		} else {
			w.say(who, as(prove))
		}
		time.Sleep(w.Erased)
	}
}

// left is what is held of a person.
func left(p *state.Person, house int) answer {
	out := answer{version: p.Version, standing: stands(p, house), visits: len(p.Sealed) > 0}
	for _, a := range p.Appointments {
		out.visits = out.visits || len(a.Sealed)+len(a.ToldOf) > 0
	}
	for _, r := range p.Consent {
		out.old = out.old || !r.EventTime.After(p.Erased)
	}
	for _, c := range p.Contact {
		out.old = out.old || !c.EventTime.After(p.Erased)
	}
	return out
}
