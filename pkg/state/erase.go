package state

import (
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Erased says that a person was erased. It stands in two streams, each of which has its own order. Among the people it takes the
// person's words and addresses, and those that come later and were said by At. In the journal it takes what is known of the
// appointments, and plans of what booking systems had said by At. What stays is what never-twice needs: ids, orders, statuses.
type Erased struct {
	At time.Time `json:"at"`
}

// Merged says that two keys are one person's: the entry of the one given up has Into, the other's has From. Who was given up has
// no yes and no good word of an address any more, and gets none; their no's stand, and what speaks against an address.
type Merged struct {
	Into reminder.PersonKey `json:"into,omitempty"`
	From reminder.PersonKey `json:"from,omitempty"`
	At   time.Time          `json:"at"`
	// Flags are what booking systems had said of the one given up. They hold for the other until the system says something itself.
	Flags map[string]Flags `json:"-"`
}

// MovesAddresses reports whether a change may give a person an address or take one away.
func MovesAddresses(c Change) bool {
	switch c.Body.(type) {
	case Contact, Merged:
		return true
	case Erased:
		return c.Stream == People
	}
	return false
}

// void reports whether what was said then was erased.
func (p *Person) void(said time.Time) bool { return !p.Erased.IsZero() && !said.After(p.Erased) }

// isYes reports whether a record allows something.
func isYes(r consent.Record) bool { return r.Type == consent.Granted || r.Type == consent.Noticed }

func (f *fold) erased(s Stream, b Erased) {
	f.Version++
	if s != Journal {
		if b.At.After(f.Erased) {
			f.Erased = b.At
		}
		// What was said after it stands, whichever came first: a note that waited takes nobody's new word.
		f.Consent = slices.DeleteFunc(slices.Clone(f.Consent), func(r consent.Record) bool { return f.void(r.EventTime) })
		f.Contact = slices.DeleteFunc(slices.Clone(f.Contact), func(c Contact) bool { return f.void(c.EventTime) })
		return
	}
	f.Sealed, f.SealedOrder, f.SealedEnds, f.Flags = nil, 0, time.Time{}, nil
	if b.At.After(f.Cut) {
		f.Cut = b.At
	}
	for _, a := range f.Appointments {
		*a = Appointment{
			Order: a.Order, Seq: a.Seq, First: a.First, Version: a.Version + 1, Status: Forgotten, Tag: cancelledTag, Changes: a.Changes, Ends: a.Ends,
		}
	}
	for id, r := range f.Reminders {
		kept := Reminder{
			Appointment: r.Appointment, Rule: r.Rule, Purpose: r.Purpose, Tag: r.Tag, Due: r.Due, Expires: r.Expires, Route: r.Route, Status: r.Status, Since: r.Since,
			Dropped: r.Status == receipt.Intended,
		}
		for _, t := range r.Attempts {
			kept.Attempts = append(kept.Attempts, t.bare())
		}
		*r = kept
		if r.Status == receipt.Planned || r.Status == receipt.Held {
			f.to(id, r, receipt.Cancelled)
		}
	}
}

// bare is what never-twice needs of an attempt, and the keyed hash of its address: while it is open, whose bars hold it up; ever after,
// whom an unsubscription in the message bars; what its carrier's reports are known by, and what they are news against. It need not be the erased person's: a guardian's mail about a child has one.
func (t Attempt) bare() Attempt {
	x := Attempt{
		At: t.At, Status: t.Status, Settled: t.Settled, CarrierID: t.CarrierID, Parts: t.Parts, Words: t.Words, Reached: t.Reached, By: t.By,
	}
	x.Segments = t.Segments
	x.Reminder, x.Attempt, x.Claim, x.Version, x.Route, x.Channel, x.Carrier, x.Address = t.Reminder, t.Attempt, t.Claim, t.Version, t.Route, t.Channel, t.Carrier, t.Address
	return x
}

func (f *fold) merged(b Merged) {
	f.Version++
	if b.From != "" && !slices.Contains(f.From, b.From) {
		f.From = append(f.From, b.From)
	}
	for system, said := range b.Flags {
		if _, known := f.Flags[system]; known || (!said.Protected && !said.Deceased) {
			continue
		}
		if f.Flags == nil {
			f.Flags = map[string]Flags{}
		}
		f.Flags[system] = said
	}
	if b.Into == "" {
		return
	}
	f.Into = b.Into
	f.Contact = slices.DeleteFunc(slices.Clone(f.Contact), func(c Contact) bool { return !c.IsBad() })
	f.Consent = slices.DeleteFunc(slices.Clone(f.Consent), isYes)
	// What waits has lost its basis: the gate is asked again, so that a letter can still go.
	for id, r := range f.Reminders {
		if r.Status == receipt.Planned {
			r.Previewed, r.Late, r.Letter = false, false, ""
			f.touched = append(f.touched, id)
		}
	}
}
