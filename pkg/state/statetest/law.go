package statetest

import (
	"errors"
	"fmt"

	"github.com/anishathalye/porcupine"

	"github.com/husk-reminders/husk/pkg/state"
)

// residents is how many persons are behind every address; each has one attempt open at most, because a person's reminders are
// leased one at a time.
const residents = 3

type verb uint8

const (
	bar         verb = iota // STOP is folded
	lift                    // START is folded
	withdraw                // a word of consent is folded, which moves the person's version
	intend                  // an intent is folded
	settle                  // an outcome is folded
	barred                  // the gate reads the bar
	version                 // the gate reads the person
	confirm                 // the gate's last look
	onWire                  // STOP's handler reads the marks
	acknowledge             // … and found none: the one who wrote is told that it is final
)

var verbs = [...]string{"bar", "lift", "withdraw", "intend", "settle", "barred?", "version?", "confirm", "wires?", "acknowledge"}

// act is what was asked of the store about one address.
type act struct {
	verb    verb
	address int
	person  int // 0 to residents-1
	claim   int
	version uint64
}

// answer is what it said.
type answer struct {
	err     error  // of confirm
	barred  bool   // of barred
	version uint64 // of version
	wires   uint8  // of onWire: a bit for each resident whose attempt is marked
}

// house is the sequential model of one address: a store that does one thing at a time.
type house struct {
	barred    bool
	residents [residents]struct {
		version uint64
		claim   int // of the open attempt, 0 = none
		marked  bool
	}
}

func (h house) wires() (m uint8) {
	for i, r := range h.residents {
		if r.marked {
			m |= 1 << i
		}
	}
	return m
}

// step is the whole law. It returns the house after the act, and whether the answer was lawful. early is the one freedom that a
// store may take; see Linear.EarlyMarks.
func (h house) step(a act, out answer, early bool) (bool, house) {
	r := &h.residents[a.person] // h is a copy
	switch a.verb {
	case bar, lift:
		h.barred = a.verb == bar
	case withdraw:
		r.version++
	case intend:
		if r.claim != 0 {
			return false, h
		}
		r.claim = a.claim
	case settle:
		if r.claim != a.claim {
			return false, h
		}
		r.claim, r.marked = 0, false
	case barred:
		return out.barred == h.barred, h
	case version:
		return out.version == r.version, h
	case confirm:
		may := !h.barred && r.version == a.version && r.claim == a.claim && !r.marked
		switch {
		case out.err == nil && may:
			r.marked = true
			return true, h
		case errors.Is(out.err, state.ErrBarred):
			return h.barred, h
		case errors.Is(out.err, state.ErrMoved):
			return r.version != a.version, h
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
	case acknowledge:
		return h.barred && h.wires() == 0, h
	}
	return true, h
}

// law is the model for porcupine, one partition an address.
func (l Linear) law(first house) porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			out := make([][]porcupine.Operation, l.Addresses)
			for _, o := range history {
				n := asked(o).address
				out[n] = append(out[n], o)
			}
			return out
		},
		Init: func() any { return first },
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
