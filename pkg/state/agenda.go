package state

import (
	"time"

	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Agenda is a list of the persons that a sweep must look at, each under the time of what comes first.
type Agenda string

// The agendas. None holds a person of whom the sweep wants nothing.
const (
	// Expiring are those with a reminder that is planned or held, by when it expires.
	Expiring Agenda = "expiring"
	// Unasked are those with a planned reminder that the gate has not been asked about, or could not say anything of: since ever; or
	// was asked about only early: by when it expires.
	Unasked Agenda = "unasked"
	// Remembered are those with an appointment beyond the horizon, by when it ends.
	Remembered Agenda = "remembered"
	// Doubtful are those with an attempt of which nobody knows whether it left, by since when.
	Doubtful Agenda = "doubtful"
)

// Agendas are all of them.
var Agendas = [...]Agenda{Expiring, Unasked, Remembered, Doubtful}

// ever is the time of what has waited long enough.
var ever = time.Unix(0, 0).UTC()

// Next is under which time the person stands on an agenda; zero = not at all. It is pure, and both stores keep their agendas
// by it.
func (p *Person) Next(a Agenda) time.Time {
	var first time.Time
	put := func(at time.Time) {
		if at.IsZero() {
			at = ever
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if a == Remembered {
		for _, x := range p.Appointments {
			if x.Status == plan.Remembered {
				put(x.Ends)
			}
		}
		return first
	}
	for _, r := range p.Reminders {
		for i := range r.Attempts {
			if a == Doubtful && r.Attempts[i].Status == receipt.Unknown {
				put(r.Attempts[i].Settled)
			}
		}
		switch {
		case a == Expiring && (r.Status == receipt.Planned || r.Status == receipt.Held) && !r.Expires.IsZero():
			put(r.Expires)
		case a == Unasked && r.Status == receipt.Planned && !r.Previewed:
			put(ever)
		case a == Unasked && r.Status == receipt.Planned && !r.Late:
			put(r.Expires)
		}
	}
	return first
}

// Holder is how one person holds, or held, an appointment. Seq is the sequence of the plan entry that made it so.
type Holder struct {
	Person reminder.PersonKey
	Order  reminder.Order
	Status plan.Status
	Seq    uint64
}

// before reports whether h holds an appointment rather than o does: who had it taken away counts only where there is nobody
// else, then the newer order counts, and of one order the first that was said.
func (h Holder) before(o Holder) bool {
	if lost, had := h.Status == Taken, o.Status == Taken; lost != had {
		return had
	}
	switch {
	case h.Order.Newer(o.Order):
		return true
	case o.Order.Newer(h.Order):
		return false
	case h.Seq != o.Seq:
		return h.Seq < o.Seq
	}
	return h.Person < o.Person
}

// HeldBy chooses among those who hold, or held, one appointment, in any order.
func HeldBy(hs ...Holder) Held {
	if len(hs) == 0 {
		return Held{}
	}
	best := hs[0]
	for _, h := range hs[1:] {
		if h.before(best) {
			best = h
		}
	}
	held := Held{Person: best.Person, Order: best.Order, Status: best.Status}
	for _, h := range hs {
		if h.Person != best.Person && h.Status != Taken {
			held.Others = append(held.Others, h.Person)
		}
	}
	return held
}
