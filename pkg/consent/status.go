package consent

import (
	"cmp"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Status is what one record is worth at an instant.
type Status string

// The statuses.
const (
	IsGranted    Status = "granted"    // a yes that holds
	IsRefused    Status = "refused"    // a refusal that holds
	IsWithdrawn  Status = "withdrawn"  // a withdrawal that holds, or a yes that one has ended
	IsExpired    Status = "expired"    // a yes that has ended by itself
	IsSuperseded Status = "superseded" // a newer record has taken its place
	IsUnproven   Status = "unproven"   // a yes that never counted: nothing shows that it was informed, or who gave it may not
	Holds        Status = "holds"      // what is known of the person, and is so
	Ended        Status = "ended"      // and is so no longer, or never was proven
)

// Statuses lists all statuses.
var Statuses = []Status{IsGranted, IsRefused, IsWithdrawn, IsExpired, IsSuperseded, IsUnproven, Holds, Ended}

// Entry is one record and its status.
type Entry struct {
	Record Record
	Status Status
}

// History is what a person's records are worth at an instant under a pack, in the order in which they were taken down; those
// taken down after at are left out. A status is read off Fold: it holds what Fold decides by the record, for any of the
// purposes and channels it names. For a record of the controller or a hospital it asks as for a unit that no narrower record
// names. Where the birth date is not known it is asked as of an adult: what the record is worth, not whether a message may go.
func History(records []Record, born reminder.Date, pack policy.Pack, at time.Time) []Entry {
	var out []Entry
	for _, r := range records {
		if !r.Recorded.After(at) {
			out = append(out, Entry{Record: r})
		}
	}
	slices.SortFunc(out, func(a, b Entry) int {
		return cmp.Or(a.Record.Recorded.Compare(b.Record.Recorded), cmp.Compare(a.Record.ID, b.Record.ID))
	})
	if born.IsZero() {
		pack.GuardianUntilAge = 0
	}
	standing := Stand(records, at)
	for i, e := range out {
		if !e.Record.isWord() {
			out[i].Status = standing.status(records, e.Record, at)
			continue
		}
		out[i].Status = e.Record.status(records, born, pack, at)
	}
	return out
}

// status is what a word is worth.
func (r Record) status(records []Record, born reminder.Date, pack policy.Pack, at time.Time) Status {
	qs := r.questions(born, pack, at)
	switch {
	case len(qs) > 0:
	case r.Type == Refused: // of what the pack has no basis for
		return IsRefused
	case r.IsNo():
		return IsWithdrawn
	}
	revoked, counts := false, false
	for _, q := range qs {
		s := Fold(records, q, at)
		if s.Record == r.ID {
			return map[Kind]Status{Yes: IsGranted, No: IsRefused, Revoked: IsWithdrawn, Expired: IsExpired}[s.Kind]
		}
		revoked = revoked || s.Kind == Revoked
		counts = counts || Fold(append(facts(records), r), q, at).Record == r.ID
	}
	switch {
	case r.IsNo():
		return IsSuperseded
	case !counts:
		return IsUnproven
	case revoked:
		return IsWithdrawn
	}
	return IsSuperseded
}

// questions are those that the record may be the answer to.
func (r Record) questions(born reminder.Date, pack policy.Pack, at time.Time) []Query {
	q := Query{BirthDate: born, Pack: pack}
	switch r.Scope.Kind {
	case policy.UnitScope:
		q.Unit.ID = r.Scope.Ref
	case policy.HospitalScope:
		q.Unit.Hospital = r.Scope.Ref
	}
	if minor, known := pack.Minor(born, at); minor && known {
		q.Guardian, _ = r.guardian()
	}
	var out []Query
	for _, p := range pack.Purposes() {
		for _, c := range pack.Channels {
			q.Purpose, q.Channel = p, c
			if r.IsNo() && r.concerns(q) || !r.IsNo() && r.grants(p) && slices.Contains(r.Channels, c) {
				out = append(out, q)
			}
		}
	}
	return out
}

// facts are the records that are no words.
func facts(records []Record) []Record {
	return slices.DeleteFunc(slices.Clone(records), Record.isWord)
}

// status is what a record of what is known of the person is worth.
func (s Standing) status(records []Record, r Record, at time.Time) Status {
	holds := false
	switch r.Type {
	case Custody:
		holds = slices.ContainsFunc(s.Guardians, func(g Guardianship) bool { return g.Record == r.ID })
	case Protected:
		holds = !lifted(records, r, ProtectionEnded, at)
	case Deceased:
		holds = !lifted(records, r, NotDeceased, at)
	default:
		holds = true // it says that something ended, and it did
	}
	if holds {
		return Holds
	}
	return Ended
}
