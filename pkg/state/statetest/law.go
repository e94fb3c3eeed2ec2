package statetest

import (
	"errors"
	"fmt"

	"github.com/anishathalye/porcupine"

	"github.com/husk-reminders/husk/pkg/state"
)

// residents is how many persons are behind every address; each has one attempt open at most, because a person's reminders are
// leased one at a time. Two have the address as theirs. The third is a child, and what is about it is written to the second, its
// guardian.
const (
	residents = 3
	guardian  = 1
	child     = 2
)

type verb uint8

const (
	// What is folded.
	stop        verb = iota // a STOP from the address
	start                   // a START from it
	bar                     // a clerk's bar
	lift                    // and its end
	grant                   // a yes
	withdraw                // a no
	wrong                   // the address is not the person's
	prove                   // it is: a fresh proof
	repeat                  // an old proof, taken down now
	custody                 // the guardian has custody of the child
	custodyEnds             // … and has it no more
	eraseWords              // the person is erased: words and addresses
	eraseVisits             // … and appointments
	book                    // new appointments
	intend                  // an intent
	settle                  // an outcome
	// What is asked.
	barred // the gate reads the bar
	look   // the gate reads the person
	has    // who takes a wrong number down reads whether the address is the person's
	whole  // everything that is held of the person is read
	mark   // the gate's last look, at the address: it lets the attempt go
	note   // … and at the person, a moment later
	refuse // it does not let it go
	onWire // who takes a no down reads the marks behind the address
	onWay  // … and of the person
	// What is told, and what is done with it.
	acknowledge // nothing stands in the way: the one who said no is told that it is final
	leave       // a message is handed to the carrier
)

var verbs = [...]string{
	"stop", "start", "bar", "lift", "grant", "withdraw", "wrong", "prove", "repeat", "custody", "custody ends", "erase words", "erase visits", "book",
	"intend", "settle", "barred?", "look?", "has?", "whole?", "mark", "note", "refuse", "wires?", "on its way?", "acknowledge", "leave",
}

// no is a set of reasons why nothing may be handed over.
type no uint8

const (
	byStop no = 1 << iota
	byClerk
	byWord
	byWrong
	byCustody
	byErase
	byForgotten // the part of an erasure that forbids to write to a guardian
)

var nos = map[no]string{byStop: "STOP", byClerk: "bar", byWord: "withdrawal", byWrong: "wrong number", byCustody: "end of custody", byErase: "erasure"}

// lifts are the entries that end a no. A START ends that of a STOP alone.
var lifts = map[no][]verb{
	byStop: {start, lift}, byClerk: {lift}, byWord: {grant}, byWrong: {prove}, byCustody: {custody}, byErase: {book},
}

// frees are the entries that end what a guardian's own no forbids about the child. Who was erased has said nothing, and may be written
// to when the address is proven anew, whether they have an appointment themselves or not.
var frees = map[no][]verb{byWord: {grant, eraseWords}, byWrong: {prove}, byErase: {prove}}

// act is what was asked of the store about one address.
type act struct {
	verb    verb
	address int
	person  int // 0 to residents-1
	claim   int
	version uint64 // of the person, as the gate read it
	visits  int    // which of the person's bookings the lease is of
	no      no     // of acknowledge
	word    int    // of wrong, and of the acknowledge after it: which one
	since   int64  // of acknowledge: when the no was said
}

// said is the last word of a person about messages.
type said uint8

const (
	nothing said = iota
	yes
	nay
)

// standing is what is folded of a person that decides whether they may be written to.
type standing struct {
	said    said
	has     bool // the address is the person's by some proof, and nobody says otherwise
	custody bool // of the child: the guardian has it
}

// answer is what the store said.
type answer struct {
	err     error  // of refuse
	barred  bool   // of barred
	version uint64 // of look and whole
	standing
	visits bool  // of whole: appointments are held
	old    bool  // of whole: something that was said before the person was erased
	wires  uint8 // of onWire and onWay: a bit for each resident whose attempt is marked
}

// resident is one person in the sequential model.
type resident struct {
	version uint64
	standing
	wrong  int // which word took the address away; 0 = none
	erased bool
	told   bool // booking systems have told of the person, since it was erased
	visits int  // counts the person's erasures: appointments of before are gone
	claim  int  // of the open attempt, 0 = none
	marked bool // behind the address
	noted  bool // in the person's record
	nos    no   // that stand
	final  no   // … and were acknowledged
}

// house is the sequential model of one address: a store that does one thing at a time.
type house struct {
	nos, final no // a bar by STOP, and one by a clerk
	residents  [residents]resident
}

// newHouse is one where everybody said yes and has been booked.
func newHouse() (h house) {
	for i := range h.residents {
		h.residents[i] = resident{told: true, version: 3, standing: standing{said: yes, has: i != child, custody: i == child}}
	}
	return h
}

func (h house) wires() (m uint8) {
	for i, r := range h.residents {
		if r.marked {
			m |= 1 << i
		}
	}
	return m
}

// against are the acknowledged noes that forbid to write about a person.
func (h house) against(person int) no {
	n := h.final | h.residents[person].final&^byForgotten
	if person == child {
		n |= h.residents[guardian].final &^ byErase // the guardian's own no, their wrong number, and that they were forgotten
	}
	return n
}

// step is the whole law. It returns the house after the act, and whether the answer was lawful. early is the one freedom that a
// store may take; see Linear.EarlyMarks.
func (h house) step(a act, out answer, early bool) (bool, house) {
	switch {
	case a.verb <= settle:
		return h.fold(a)
	case a.verb < acknowledge:
		return h.answers(a, out, early)
	}
	r := &h.residents[a.person] // h is a copy
	switch {
	case a.verb == leave:
		return r.claim == a.claim && r.marked && r.noted && h.against(a.person) == 0, h
	case a.no&(byStop|byClerk) != 0:
		if h.nos&a.no != 0 { // else it was lifted meanwhile
			h.final |= a.no
			return h.wires() == 0, h
		}
	case a.no == byWrong:
		if r.wrong == a.word {
			r.final |= byWrong
		}
	case a.no == byErase:
		r.final |= r.nos & (byErase | byForgotten)
	case r.nos&a.no != 0:
		r.final |= a.no
	}
	return true, h
}

// fold folds an entry.
func (h house) fold(a act) (bool, house) {
	r := &h.residents[a.person]
	moves := true // with everything the gate looks at
	switch a.verb {
	case stop:
		h.nos, moves = h.nos|byStop, false
	case bar:
		h.nos, moves = h.nos|byClerk, false
	case start:
		h.nos, h.final, moves = h.nos&^byStop, h.final&^byStop, false
	case lift:
		h.nos, h.final, moves = 0, 0, false
	case grant:
		r.said = yes
		r.lift(byWord)
	case withdraw:
		r.said = nay
		r.nos |= byWord
	case wrong:
		r.has, r.wrong = false, a.word
		r.nos |= byWrong
	case prove:
		r.has, r.wrong = true, 0
		r.lift(byWrong | byForgotten)
	case repeat:
		moves = !r.erased // it lifts nothing, and of who was erased it is nothing
	case custody:
		r.custody = true
		r.lift(byCustody)
	case custodyEnds:
		r.custody = false
		r.nos |= byCustody
	case eraseWords:
		r.standing, r.erased = standing{}, true
		r.lift(byWord) // there is no such word any more, and no other
		r.nos |= byErase | byForgotten
	case eraseVisits:
		r.visits++
		r.told = false
		r.nos |= byErase
	case book:
		moves, r.told = !r.told, true
		r.lift(byErase)
	case intend:
		moves = false
		if a.visits == r.visits { // else the appointment is gone
			if r.claim != 0 {
				return false, h
			}
			r.claim = a.claim
		}
	case settle:
		moves = false
		if r.claim != a.claim {
			return a.visits != r.visits, h
		}
		r.claim, r.marked, r.noted = 0, false, false
	}
	if moves {
		r.version++
	}
	return true, h
}

// lift ends a no.
func (r *resident) lift(n no) { r.nos, r.final = r.nos&^n, r.final&^n }

// answers judges an answer.
func (h house) answers(a act, out answer, early bool) (bool, house) {
	r := &h.residents[a.person]
	switch a.verb {
	case barred:
		return out.barred == (h.nos != 0), h
	case look:
		return out.version == r.version && out.standing == r.standing, h
	case has:
		return out.has == r.has, h
	case whole:
		return out.version == r.version && out.standing == r.standing && out.visits == r.told && !out.old, h
	case mark:
		may := h.nos == 0 && r.claim == a.claim && !r.marked
		r.marked = true
		return may, h
	case note:
		may := r.marked && !r.noted && r.claim == a.claim && r.version == a.version && r.visits == a.visits
		r.noted = true
		return may, h
	case refuse:
		switch {
		case errors.Is(out.err, state.ErrBarred):
			return h.nos != 0, h
		case errors.Is(out.err, state.ErrMoved):
			return r.version != a.version, h
		case errors.Is(out.err, state.ErrLost):
			return r.visits != a.visits, h
		}
		return false, h
	case onWire:
		// Never the other way round, and never for an attempt that is not open.
		var open uint8
		for i, r := range h.residents {
			if early && r.claim != 0 {
				open |= 1 << i
			}
		}
		return out.wires&h.wires() == h.wires() && out.wires&^(open|h.wires()) == 0, h
	case onWay:
		return (out.wires != 0) == r.noted, h
	}
	return false, h
}

// law is the model for porcupine, one partition an address.
func (l Linear) law() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			out := make([][]porcupine.Operation, l.Addresses)
			for _, o := range history {
				n := asked(o).address
				out[n] = append(out[n], o)
			}
			return out
		},
		Init: func() any { return newHouse() },
		Step: func(s, in, out any) (bool, any) {
			return s.(house).step(in.(act), out.(answer), l.EarlyMarks) //nolint:forcetypeassert // nothing else is put there
		},
		DescribeOperation: func(in, out any) string {
			a := in.(act) //nolint:forcetypeassert // as above
			return fmt.Sprintf("%s of %d, claim %d, version %d: %+v", verbs[a.verb], a.person, a.claim, a.version, out)
		},
	}
}

func asked(o porcupine.Operation) act { return o.Input.(act) } //nolint:forcetypeassert // nothing else is put there

func answered(o porcupine.Operation) answer { return o.Output.(answer) } //nolint:forcetypeassert // as above
