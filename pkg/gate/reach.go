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
	lease    reminder.Lease
	person   Person
	standing consent.Standing
	unit     reminder.Unit
	pack     policy.Pack
	at       time.Time // in the unit's zone, where birthdays are counted
	born     reminder.Date
	facts    facts
	past     bool
	dead     []reminder.PersonKey // guardians
	trace    *trace
}

// way is where a message may go, and why.
type way struct {
	address   reminder.Address
	hash      reminder.AddressHash
	basis     policy.Basis
	ceiling   reminder.Class
	recipient reminder.PersonKey // "" = the patient
	version   uint64             // of the recipient, where it is not the patient
	hide      bool
}

// reach finds the first way that is fully allowed: recipient by recipient, and for each of them channel by channel in the unit's
// order. If none is, the reason is the one nearest to a yes, as Ranking has it; Unavailable when what is known of an address
// contradicts itself. A STOP on a channel that would have been used ends the search for its recipient: it must not bring the
// same message by another; a guardian's ends that for the child's own address too, which may be the same person's.
func (g *Gate) reach(q question) (way, Reason) {
	if q.trace.stops(RulePurpose, q.pack.Basis[q.lease.Purpose] == "", func() string { return string(q.lease.Purpose) + ": " + orNone(string(q.pack.Basis[q.lease.Purpose]))() }) {
		return way{}, NoBasis
	}
	if q.pack.Analysis {
		id := g.o.Analysis(q.unit)
		if q.trace.stops(RuleAnalysis, id == "", orNone(id)) {
			return way{}, NoBasis
		}
	}
	if q.trace.stops(RuleKnown, !q.person.Known, func() string { return isKnown(q.person.Known) }) {
		return way{}, NoBasis
	}
	var refused []Reason
	stopped := false
	for _, r := range q.recipients(g) {
		if r.guardian == "" && stopped {
			q.trace.of(r.String)
			q.trace.ask(RuleDetour, No, func() string { return "a guardian said STOP" })
			break
		}
		w, rs := g.toward(&q, r)
		if len(rs) == 0 {
			return w, ""
		}
		switch last := rs[len(rs)-1]; {
		case last == Unavailable, last == Barred && r.guardian == "":
			return way{}, last
		case last == Barred:
			stopped = true
		}
		refused = append(refused, rs...)
	}
	return way{}, nearest(refused)
}

// toward finds the first of the unit's channels on which one recipient may be written to, or why there is none: never no reason
// without a way. Barred and Unavailable end the search.
func (g *Gate) toward(q *question, r recipient) (way, []Reason) {
	var refused []Reason
	states := contact.Fold(r.person.Contact, q.at)
	for _, c := range q.unit.Channels {
		q.trace.of(func() string { return r.String() + ", " + string(c) })
		if r.guardian != "" {
			if why := q.free(r, c); why != "" {
				refused = append(refused, why)
				continue
			}
		}
		said := consent.Fold(q.person.Consent, consent.Query{
			Purpose: q.lease.Purpose, Channel: c, Unit: q.unit, BirthDate: q.born, Pack: q.pack, Guardian: r.guardian,
		}, q.at)
		why := unsaid(said)
		if why == "" && q.spokenByTheDead(said) {
			why = Guardian
		}
		if q.trace.stops(RuleConsent, why != "", saidOf(said)) {
			refused = append(refused, why)
			continue
		}
		ceiling := q.ceiling(c, said, r)
		if q.trace.stops(RuleCeiling, shown(q.unit, c) > ceiling, ceilingOf(shown(q.unit, c), ceiling, r.hide)) {
			refused = append(refused, OverCeiling)
			continue
		}
		var a contact.State
		a, why = g.address(q, r, states, c, said)
		switch why {
		case "":
			w := way{address: a.Address, hash: a.Hash, basis: said.Basis, ceiling: ceiling, recipient: r.guardian, hide: r.hide}
			if r.guardian != "" {
				w.version = r.person.Version
			}
			return w, nil
		case Unavailable, Barred: // a STOP opens no other channel
			return way{}, append(refused, why)
		}
		refused = append(refused, why)
	}
	if len(refused) == 0 {
		refused = []Reason{NoBasis} // the unit writes on no channel
	}
	return way{}, refused
}

// ceiling is the highest class that may be told: the pack's, lowered by what was said yes to, and to time and hospital alone
// where the place is not to be told.
func (q *question) ceiling(c reminder.Channel, said consent.State, r recipient) reminder.Class {
	top := q.pack.Ceiling[c]
	if own, ok := said.Ceiling.Class(); ok {
		top = min(top, own)
	}
	if r.hide {
		top = 0
	}
	return top
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

// address finds the recipient's address on a channel that may be used: the most recently proven one. If there is none, a STOP from
// an address that is still the recipient's is the reason, however near to a yes another one is: it ends the search.
func (g *Gate) address(q *question, r recipient, states []contact.State, c reminder.Channel, said consent.State) (contact.State, Reason) {
	reasons := []Reason{}
	stopped := false
	for _, s := range states {
		if s.Channel != c {
			continue
		}
		q.trace.of(func() string { return r.String() + ", " + string(c) + ", " + string(s.Hash) })
		why := g.unfit(q, r, s, said)
		if why == "" || why == Unavailable {
			return s, why
		}
		reasons = append(reasons, why)
		stopped = stopped || why == Barred && !s.Changed && !s.Wrong && !s.Removed
	}
	if stopped {
		return contact.State{}, Barred
	}
	if q.trace.stops(RuleAddress, len(reasons) == 0, counted(len(reasons))) {
		return contact.State{}, Unverified
	}
	return contact.State{}, nearest(reasons)
}

// unfit is why an address may not be used, "" when it may.
func (g *Gate) unfit(q *question, r recipient, s contact.State, said consent.State) Reason {
	v, t := q.pack.Verification, q.trace
	switch {
	case t.stops(RuleBar, r.person.Barred[s.Hash], isOr(r.person.Barred[s.Hash], "barred")):
		return Barred
	case t.stops(RuleWrong, s.Wrong, isOr(s.Wrong, "somebody else's")):
		return WrongNumber
	case t.stops(RuleBounced, s.Bounced, bouncedOf(s)):
		return Bounced
	case t.stops(RuleCurrent, s.Changed, isOr(s.Changed, "changed since")):
		return ChangedNumber
	case !s.Usable():
		t.ask(RuleProof, No, func() string { return "none, taken away, or erased" })
		return Unverified
	case s.Address.Channel != s.Channel || g.o.Hash(s.Address) != s.Hash:
		t.ask(RuleHash, Unknown, func() string { return "another" })
		return Unavailable
	}
	t.ask(RuleHash, Yes, func() string { return "the record's" })
	proofs := slices.DeleteFunc(slices.Clone(s.Proofs), func(p contact.Proof) bool {
		return p.Level < v.MinLevel || !slices.Contains(v.Methods, p.Method)
	})
	if t.stops(RuleProof, len(proofs) == 0, proven(s.Proofs, v.MinLevel)) {
		return Unverified
	}
	since := func(p contact.Proof) time.Time {
		oldest := v.Since(p.Method, s.Channel, q.at)
		if own := said.AddressAge; !own.IsZero() && own.Ago(q.at).After(oldest) {
			oldest = own.Ago(q.at)
		}
		return oldest
	}
	fresh := slices.ContainsFunc(proofs, func(p contact.Proof) bool { return !p.At.Before(since(p)) })
	switch {
	case t.stops(RuleFresh, !fresh, func() string { return "not before " + stamp(since(proofs[0])) }):
		return StaleVerification
	case t.stops(RuleHold, s.Held(v.Hold, proofs, q.at), heldOf(s, v.Hold)):
		return ChangedNumber
	case t.stops(RuleShared, r.person.Shared[s.Hash] > q.pack.MaxPersons, counted(max(r.person.Shared[s.Hash], 1))):
		return SharedNumber
	}
	return ""
}
