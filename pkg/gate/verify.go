package gate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Number is what speaks against an address, whoever has it.
type Number struct {
	Barred   bool // a STOP came from it
	Disputed bool // somebody has said that it is not who it is thought to be
}

// Numbers answers from certified state. The answers have the order and the number of the addresses. An error is of the whole
// question; it wraps ErrNotCertified when the state can't vouch for itself.
type Numbers interface {
	Numbers(ctx context.Context, addresses []reminder.AddressHash) ([]Number, error)
}

// Request is the basis of a one-time code: the person's own request at the desk or on the phone. No pack names it, and it allows
// nothing else.
const Request policy.Basis = "request"

// codeCeiling is the highest class of a message to a number that is not proven: a general place. Whoever has it learns that somebody
// is about to be a patient there, and nothing of whom.
const codeCeiling reminder.Class = 1

// codes are the hashes of the numbers that codes are to go to.
func (g *Gate) codes(ls []reminder.Lease, open []int) []reminder.AddressHash {
	var out []reminder.AddressHash
	for _, i := range open {
		if h, ok := g.codeTo(ls[i]); ok && !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out
}

// codeTo is the hash of the number that a code is to go to; false where the lease is of no code, or of one without a number.
func (g *Gate) codeTo(l reminder.Lease) (reminder.AddressHash, bool) {
	c := l.Appointment.Challenge
	if l.Purpose != reminder.Verify || c == nil || c.Address.IsZero() || c.Address.Channel != reminder.SMS {
		return "", false
	}
	return g.o.Hash(c.Address), true
}

// numbers adds what speaks against addresses, and does not trust the answer's form.
func (g *Gate) numbers(ctx context.Context, hashes []reminder.AddressHash, into *facts) error {
	if len(hashes) == 0 {
		return nil
	}
	if g.o.Numbers == nil {
		return fmt.Errorf("%w: numbers: nobody answers", ErrUnavailable)
	}
	ns, err := g.o.Numbers.Numbers(ctx, hashes)
	if err != nil {
		return fmt.Errorf("gate: numbers: %w", err)
	}
	if len(ns) != len(hashes) {
		return fmt.Errorf("%w: numbers: %d answers to %d questions", ErrUnavailable, len(ns), len(hashes))
	}
	into.numbers = make(map[reminder.AddressHash]Number, len(ns))
	for i, n := range ns {
		into.numbers[hashes[i]] = n
	}
	return nil
}

// verify is the check list of a one-time code, which goes to a number in order to prove it: so it asks for no yes and for no proof.
// It asks that the person is known, speaks for themself, and has not said no to everything; and that nothing speaks against the
// number, whoever has it. The dead, the protected, the unit, its pack and the switches were looked at before; the hour is that of
// whoever asked for the code, so the unit's window is not.
func (g *Gate) verify(q question) (way, Reason) {
	t := q.trace
	t.of(func() string { return "the patient, " + string(reminder.SMS) })
	if t.stops(RulePurpose, !q.pack.Allows(reminder.SMS), func() string {
		return string(reminder.Verify) + ": on request, where the pack allows " + string(reminder.SMS)
	}) {
		return way{}, NoBasis
	}
	if q.pack.Analysis {
		id := g.o.Analysis(q.unit)
		if t.stops(RuleAnalysis, id == "", orNone(id)) {
			return way{}, NoBasis
		}
	}
	if t.stops(RuleKnown, !q.person.Known, func() string { return isKnown(q.person.Known) }) {
		return way{}, NoBasis
	}
	// Whoever a guardian speaks for is not sent a code; a guardian's number is proven as the guardian's own.
	minor, known := q.pack.Minor(q.born, q.at)
	t.ask(RuleAge, answer(known, !minor), func() string {
		if !known {
			return "birth date unknown: nobody knows whether a guardian speaks"
		}
		return fmt.Sprintf("a guardian speaks for those under %d", q.pack.GuardianUntilAge)
	})
	if minor || !known {
		return way{}, Guardian
	}
	said := consent.Fold(q.person.Consent, consent.Query{
		Purpose: reminder.Verify, Channel: reminder.SMS, Unit: q.unit, BirthDate: q.born, Pack: asked(q.pack),
	}, q.at)
	if no := said.Kind == consent.No || said.Kind == consent.Revoked; t.stops(RuleObjection, no, func() string { return "to everything: " + saidOf(said)() }) {
		return way{}, unsaid(said)
	}
	ceiling := min(q.pack.Ceiling[reminder.SMS], codeCeiling)
	if top := shown(q.unit, reminder.SMS); t.stops(RuleCeiling, top > ceiling, ceilingOf(top, ceiling, false)) {
		return way{}, OverCeiling
	}
	hash, ok := g.codeTo(q.lease)
	if t.stops(RuleAddress, !ok, isOr(ok, "a phone number")) {
		return way{}, Unverified
	}
	n, ok := q.facts.numbers[hash]
	t.of(func() string { return "the patient, " + string(reminder.SMS) + ", " + string(hash) })
	if !ok {
		t.ask(RuleBar, Unknown, func() string { return "not known of a time that is past" })
		return way{}, Unavailable
	}
	own := slices.ContainsFunc(contact.Fold(q.person.Contact, q.at), func(s contact.State) bool { return s.Hash == hash && s.Wrong })
	switch {
	case t.stops(RuleBar, n.Barred, isOr(n.Barred, "barred")):
		return way{}, Barred
	case t.stops(RuleWrong, own || n.Disputed, isOr(own || n.Disputed, "in dispute")):
		return way{}, WrongNumber
	}
	t.ask(RuleHash, Yes, func() string { return "computed from the number" })
	return way{address: q.lease.Appointment.Challenge.Address, hash: hash, basis: Request, ceiling: ceiling}, ""
}

// asked is the pack with a basis for codes, so that a no to them is found; a yes is not looked for.
func asked(p policy.Pack) policy.Pack {
	p.Basis = maps.Clone(p.Basis)
	if p.Basis == nil {
		p.Basis = map[reminder.Purpose]policy.Basis{}
	}
	p.Basis[reminder.Verify] = policy.Consent
	return p
}

// uncapped reports whether a message neither takes from the frequency cap nor waits for it, nor for the unit's hours: somebody is on
// the phone and waits for it.
func uncapped(l reminder.Lease) bool { return l.Purpose == reminder.Verify }

// CodeQuestion asks whether a code would be sent to a number now, as Decide will when it is due.
type CodeQuestion struct {
	Person   reminder.PersonKey
	Address  reminder.Address
	Unit     string
	NotAfter time.Time // when it is of no use any more
}

// Code is Decide for a code that is not planned yet: whoever asks for it is told at once why it would not go. Its permit is zero.
func (g *Gate) Code(ctx context.Context, q CodeQuestion, now time.Time) (Decision, error) {
	ds, err := g.decide(ctx, []reminder.Lease{codeLease(q, now)}, now, mode{})
	ds[0].Permit = Permit{}
	return ds[0], err
}

func codeLease(q CodeQuestion, now time.Time) reminder.Lease {
	return reminder.Lease{
		Person: q.Person, Purpose: reminder.Verify, Due: now, Expires: q.NotAfter, Route: string(reminder.SMS),
		Appointment: reminder.Appointment{Person: q.Person, Unit: q.Unit, Challenge: &reminder.Challenge{Address: q.Address}},
	}
}
