package gate

import (
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// question is one lease with all that bears on it.
type question struct {
	lease  reminder.Lease
	person Person
	unit   reminder.Unit
	pack   policy.Pack
	at     time.Time // in the unit's zone, where birthdays are counted
}

// way is where a message may go, and why.
type way struct {
	address reminder.Address
	hash    reminder.AddressHash
	basis   policy.Basis
}

// reach finds the first of the unit's channels that is fully allowed. If none is, the reason is the one nearest to a yes, as
// Ranking has it; Unavailable when what is known of an address contradicts itself. A STOP on a channel that would have been
// used ends the search: it must not bring the same message by another.
func (g *Gate) reach(q question) (way, Reason) {
	if !q.person.Known {
		return way{}, NoBasis
	}
	states := contact.Fold(q.person.Contact, q.at)
	born := q.person.BirthDate
	if born.IsZero() {
		born = q.lease.Appointment.BirthDate
	}
	var refused []Reason
	for _, c := range q.unit.Channels {
		said := consent.Fold(q.person.Consent, consent.Query{
			Purpose: q.lease.Purpose, Channel: c, Unit: q.unit, BirthDate: born, Pack: q.pack,
		}, q.at)
		if r := unsaid(said); r != "" {
			refused = append(refused, r)
			continue
		}
		if shown(q.unit, c) > q.pack.Ceiling[c] {
			refused = append(refused, OverCeiling)
			continue
		}
		a, r := g.address(q, states, c)
		switch r {
		case "":
			return way{a.Address, a.Hash, said.Basis}, ""
		case Unavailable, Barred: // a STOP opens no other channel
			return way{}, r
		}
		refused = append(refused, r)
	}
	return way{}, nearest(refused)
}

// unsaid is why what was said is not a yes, "" when it is.
func unsaid(s consent.State) Reason {
	switch {
	case s.Allows():
		return ""
	case s.Kind == consent.Revoked:
		return Withdrawn
	case s.Kind == consent.No:
		return Declined
	case s.Guardian:
		return Guardian
	}
	return NoBasis
}

// shown is the class of the fact that every message of the unit on the channel shows: its sender. The rest of the text is
// classed when it is composed.
func shown(u reminder.Unit, c reminder.Channel) reminder.Class {
	if c == reminder.Email {
		return u.From.Class
	}
	return u.SenderID.Class
}

// address finds the person's address on a channel that may be used: the most recently proven one.
func (g *Gate) address(q question, states []contact.State, c reminder.Channel) (contact.State, Reason) {
	reasons := []Reason{}
	for _, s := range states {
		if s.Channel != c {
			continue
		}
		r := g.unfit(q, s)
		if r == "" || r == Unavailable {
			return s, r
		}
		reasons = append(reasons, r)
	}
	if len(reasons) == 0 {
		return contact.State{}, Unverified
	}
	return contact.State{}, nearest(reasons)
}

// unfit is why an address may not be used, "" when it may.
func (g *Gate) unfit(q question, s contact.State) Reason {
	v := q.pack.Verification
	switch {
	case q.person.Barred[s.Hash]:
		return Barred
	case s.Wrong:
		return WrongNumber
	case s.Bounced:
		return Bounced
	case s.Changed:
		return ChangedNumber
	case !s.Usable():
		return Unverified
	case s.Address.Channel != s.Channel || g.o.Hash(s.Address) != s.Hash:
		return Unavailable
	}
	proofs := slices.DeleteFunc(slices.Clone(s.Proofs), func(p contact.Proof) bool {
		return p.Level < v.MinLevel || !slices.Contains(v.Methods, p.Method)
	})
	if len(proofs) == 0 {
		return Unverified
	}
	fresh := slices.ContainsFunc(proofs, func(p contact.Proof) bool {
		return !p.At.Before(v.Since(p.Method, s.Channel, q.at))
	})
	switch {
	case !fresh:
		return StaleVerification
	case q.person.Shared[s.Hash] > q.pack.MaxPersons:
		return SharedNumber
	}
	return ""
}
