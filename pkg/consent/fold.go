package consent

import (
	"cmp"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Query is what a message would need a yes for.
type Query struct {
	Purpose   reminder.Purpose
	Channel   reminder.Channel
	Unit      reminder.Unit // the clinic that would write
	BirthDate reminder.Date
	Pack      policy.Pack // in force for the unit's country
	// Guardian is the guardian who would be written to in place of the person; "" = the person's own address. For a guardian
	// only their own grant counts, and another guardian's no does not stop them.
	Guardian reminder.PersonKey
}

// Kind is the answer's kind.
type Kind int

// The kinds. The zero Kind is None: nobody said anything that counts, which is a no.
const (
	None    Kind = iota
	Yes          // granted, or told and not objected where that is enough
	No           // refused
	Revoked      // withdrawn, or objected
	Expired      // there was a yes, and it has ended by its validity, or as a guardian's: on the person's birthday, or with custody
)

var kindNames = []string{"unknown", "granted", "refused", "withdrawn", "expired"}

// String names the kind as people read it.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return kindNames[None]
	}
	return kindNames[k]
}

// State is what a person's records come to for one Query. Only Allows is a yes.
type State struct {
	Kind     Kind
	Basis    policy.Basis // what allows it; "" unless Kind is Yes
	Record   string       // id of the record that decided; "" when none did
	Guardian bool         // the person is a minor, or of unknown age, and no yes of a guardian counts
	// Of a yes: what it asks beside the pack.
	Ceiling    Ceiling       // no message above it; "" = none
	AddressAge policy.Period // the address must have been proven within it; zero = none
}

// Allows reports whether the message has its basis.
func (s State) Allows() bool { return s.Kind == Yes }

// Fold is the whole rule of consent. at is the instant of asking, in the zone where the person's birthday is counted.
//
//   - Records taken down after at do not count. The others count in the order of Recorded; of two recorded in the same
//     instant the no comes last; then by ID. The newest wins.
//   - A no reaches every purpose, channel and unit it names, and "reminder" in it reaches the notices too. A malformed no
//     counts for everything; a malformed yes never counts.
//   - After a no, only a grant given after it (EventTime, strictly) counts: an import recorded later but given earlier does
//     not. A mere notice never lifts a no.
//   - A yes counts when its scope reaches the unit and is no wider than the pack lets it be.
//   - While a guardian speaks for the person only a guardian's grant counts, no notice and nobody else's; from that birthday
//     on no guardian's does (Denmark, sundhedsloven § 17: 15 years; Norway: 16). When the birth date is unknown no grant counts.
//     A grant that names its guardian by key counts only while that guardian has custody (Stand); one that does not name them
//     counts for the person's own address alone, and not at all where the pack asks for custody.
//   - A yes past its ValidUntil has expired, or from its age on, or once the care contact has ended that it hangs on.
func Fold(records []Record, q Query, at time.Time) State {
	basis, ok := q.Pack.Basis[q.Purpose]
	if !ok || !q.Pack.Allows(q.Channel) {
		return State{}
	}
	said := make([]Record, 0, len(records))
	for _, r := range records {
		if !r.Recorded.After(at) && r.isWord() && r.concerns(q) {
			said = append(said, r)
		}
	}
	slices.SortFunc(said, byRecorded)

	minor, known := q.Pack.Minor(q.BirthDate, at)
	var custody Standing
	if minor {
		custody = Stand(records, at)
	}
	var s State
	var lastNo time.Time // the latest EventTime of the no's so far
	denied := false
	for _, r := range said {
		if r.IsNo() {
			s = State{Kind: No, Record: r.ID}
			if r.Type != Refused {
				s.Kind = Revoked
			}
			if !denied || r.EventTime.After(lastNo) {
				lastNo = r.EventTime
			}
			denied = true
			continue
		}
		if r.Type == Noticed && (denied || basis != policy.Reservation || minor || !known || q.Guardian != "") {
			continue
		}
		if denied && !r.EventTime.After(lastNo) {
			continue
		}
		if r.Type == Granted && (!known || minor != (r.Actor.Kind == Guardian) || minor && !r.speaks(q, custody)) {
			// Somebody spoke who may not, or may not any longer.
			if s.Kind == None && r.Actor.Kind == Guardian && known {
				s = State{Kind: Expired, Record: r.ID}
			}
			continue
		}
		s = r.yes()
		if r.expired(records, q, at) {
			s = State{Kind: Expired, Record: r.ID}
		}
	}
	if s.Kind == None || s.Kind == Expired {
		s.Guardian = minor || !known
	}
	return s
}

// speaks reports whether a guardian's grant counts for the minor that is asked about.
func (r Record) speaks(q Query, custody Standing) bool {
	if k, named := r.guardian(); named {
		return custody.Has(k)
	}
	return !q.Pack.Custody
}

// expired reports whether a yes has ended by its own validity.
func (r Record) expired(records []Record, q Query, at time.Time) bool {
	if !r.ValidUntil.IsZero() && !at.Before(r.ValidUntil) {
		return true
	}
	if n := r.Validity.UntilAge; n > 0 {
		if age := q.BirthDate.Age(at); age < 0 || age >= n {
			return true
		}
	}
	return r.Validity.CareContact && slices.ContainsFunc(records, func(e Record) bool {
		if e.Type != CareEnded || e.Recorded.After(at) {
			return false
		}
		return e.check() != nil || (e.Scope.covers(q.Unit) && !e.EventTime.Before(r.EventTime))
	})
}

// IsNo reports whether the record is a no. What is no type is one too.
func (r Record) IsNo() bool { return r.isWord() && r.Type != Granted && r.Type != Noticed }

// isWord reports whether the record says something about messages. What is no type does.
func (r Record) isWord() bool {
	return slices.Contains(Words, r.Type) || !slices.Contains(Types, r.Type)
}

// Restricts reports whether the record can only make fewer messages lawful: it takes effect at once, and must be final before it is
// acknowledged.
func (r Record) Restricts() bool {
	switch r.Type {
	case CareEnded, CustodyEnded, Protected, Deceased:
		return true
	}
	return r.IsNo()
}

func (r Record) yes() State {
	s := State{Kind: Yes, Basis: policy.Consent, Record: r.ID, Ceiling: r.Ceiling, AddressAge: r.Validity.AddressAge}
	if r.Type == Noticed {
		s.Basis = policy.Reservation
	}
	return s
}

// concerns reports whether the record says something about the query.
func (r Record) concerns(q Query) bool {
	if r.IsNo() {
		if r.check() != nil {
			return true
		}
		if k, named := r.guardian(); named && q.Guardian != "" && k != q.Guardian {
			return false
		}
		return (len(r.Purposes) == 0 || slices.Contains(r.Purposes, q.Purpose) ||
			isNotice(q.Purpose) && slices.Contains(r.Purposes, reminder.Remind)) &&
			(len(r.Channels) == 0 || slices.Contains(r.Channels, q.Channel)) && r.Scope.covers(q.Unit)
	}
	if k, _ := r.guardian(); r.Actor.Kind == Guardian && q.Guardian != "" && k != q.Guardian {
		return false
	}
	return r.Method.CanGrant() && r.check() == nil &&
		slices.Contains(r.Channels, q.Channel) && r.grants(q.Purpose) &&
		r.Scope.Kind.Within(q.Pack.Scope) && r.Scope.covers(q.Unit)
}

// grants reports whether a yes is about the purpose.
func (r Record) grants(p reminder.Purpose) bool {
	if slices.Contains(r.Purposes, p) {
		return true
	}
	return isNotice(p) && slices.Contains(r.Purposes, reminder.Remind) && !slices.ContainsFunc(r.Purposes, isNotice)
}

func isNotice(p reminder.Purpose) bool { return p == reminder.Changed || p == reminder.Cancel }

func byRecorded(a, b Record) int {
	if c := a.Recorded.Compare(b.Recorded); c != 0 {
		return c
	}
	if a.IsNo() != b.IsNo() {
		if a.IsNo() {
			return 1
		}
		return -1
	}
	return cmp.Compare(a.ID, b.ID)
}
