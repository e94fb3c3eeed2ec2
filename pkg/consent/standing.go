package consent

import (
	"cmp"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Standing is what is known of a person at an instant, apart from what was said about messages.
type Standing struct {
	Protected      bool      // the person's address is protected
	ProtectedSince time.Time // the source's own time of the newest record that says so
	Deceased       bool
	DeceasedSince  time.Time
	Guardians      []Guardianship // those with custody, whose custody began first before the others
}

// Guardianship is one guardian's custody of the person, as it was proven.
type Guardianship struct {
	Guardian reminder.PersonKey
	Record   string    // id of the record that proves it
	Since    time.Time // EventTime of that record
	NoPlace  bool      // the guardian is not to be told where the person will be
}

// ProvesCustody reports whether custody that became known this way is proven: papers shown at the desk, or the population
// register. What a parent says by phone, in a form or in a booking system is kept, and proves nothing.
func (m Method) ProvesCustody() bool { return m == Desk || m == Register }

// Stand is the whole rule of custody, protection and death.
//
//   - Records taken down after at do not count, and their order does not matter: what counts is EventTime, the source's own.
//   - A guardian has custody by a well-formed, proven Custody record that has not reached its ValidUntil, unless a CustodyEnded
//     of that guardian is as late as it or later. A malformed CustodyEnded ends everybody's.
//   - Protected and Deceased hold, however malformed, until the same source (method and Actor.Ref) says otherwise as of a later
//     time. No source lifts what another one said.
//   - What was once said with the scope of one unit or hospital gives no custody and lifts nothing: it is not theirs to say for all.
//     What it restricts, it restricts everywhere.
func Stand(records []Record, at time.Time) Standing {
	var s Standing
	for _, r := range records {
		if r.Recorded.After(at) {
			continue
		}
		switch r.Type {
		case Protected:
			if !lifted(records, r, ProtectionEnded, at) {
				s.Protected, s.ProtectedSince = true, later(s.ProtectedSince, r.EventTime)
			}
		case Deceased:
			if !lifted(records, r, NotDeceased, at) {
				s.Deceased, s.DeceasedSince = true, later(s.DeceasedSince, r.EventTime)
			}
		case Custody:
			if r.check() == nil && r.forAll() && r.Method.ProvesCustody() && !ended(records, r, at) {
				s.addGuardian(r)
			}
		}
	}
	slices.SortFunc(s.Guardians, func(a, b Guardianship) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Guardian, b.Guardian))
	})
	return s
}

// Has reports whether the guardian has custody.
func (s Standing) Has(k reminder.PersonKey) bool {
	return slices.ContainsFunc(s.Guardians, func(g Guardianship) bool { return g.Guardian == k })
}

// addGuardian takes custody down; of several records of one guardian the newest counts, and of equally new ones that which tells less.
func (s *Standing) addGuardian(r Record) {
	k, _ := r.guardian()
	g := Guardianship{Guardian: k, Record: r.ID, Since: r.EventTime, NoPlace: r.NoPlace}
	i := slices.IndexFunc(s.Guardians, func(o Guardianship) bool { return o.Guardian == k })
	switch {
	case i < 0:
		s.Guardians = append(s.Guardians, g)
	case newer(g, s.Guardians[i]):
		s.Guardians[i] = g
	}
}

func newer(a, b Guardianship) bool {
	if !a.Since.Equal(b.Since) {
		return a.Since.After(b.Since)
	}
	if a.NoPlace != b.NoPlace {
		return a.NoPlace
	}
	return a.Record < b.Record
}

// ended reports whether custody is over.
func ended(records []Record, c Record, at time.Time) bool {
	if !c.ValidUntil.IsZero() && !at.Before(c.ValidUntil) {
		return true
	}
	return slices.ContainsFunc(records, func(e Record) bool {
		if e.Type != CustodyEnded || e.Recorded.After(at) {
			return false
		}
		return e.check() != nil || (e.Actor.Ref == c.Actor.Ref && !e.EventTime.Before(c.EventTime))
	})
}

// forAll reports whether a record was said for the whole installation.
func (r Record) forAll() bool { return r.Scope.Kind == policy.ControllerScope }

// lifted reports whether the source of what r says has said otherwise since.
func lifted(records []Record, r Record, by Type, at time.Time) bool {
	return slices.ContainsFunc(records, func(u Record) bool {
		return u.Type == by && !u.Recorded.After(at) && u.check() == nil && u.forAll() && u.Method == r.Method && u.Actor.Ref == r.Actor.Ref &&
			u.EventTime.After(r.EventTime)
	})
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
