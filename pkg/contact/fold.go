package contact

import (
	"cmp"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// State is what is known of one address of a person. The zero State is an address that may not be used.
type State struct {
	Channel reminder.Channel
	Address reminder.Address // zero when its key has been erased
	Hash    reminder.AddressHash
	Proofs  []Proof // that it is the person's, one a method, the strongest first; the pack says which are enough
	Wrong   bool    // somebody else has it
	Bounced bool    // it reaches nobody
	Fault   Fault   // of Bounced: why, where that is known
	Changed bool    // the person has been said to have another one since
	Removed bool
	// New is since when it has been in the place of another address on its channel; zero when there was no other before it.
	New time.Time
}

// Proof is the newest proof by one method.
type Proof struct {
	Method policy.Method
	Level  policy.Level
	At     time.Time // EventTime of the record
	By     string    // who took it down
}

// Best is the strongest proof, and of equals the newest; false when there is none.
func (s State) Best() (Proof, bool) {
	if len(s.Proofs) == 0 {
		return Proof{}, false
	}
	return s.Proofs[0], true
}

// Newest is when the address was last proven; zero when it was not.
func (s State) Newest() time.Time {
	var at time.Time
	for _, p := range s.Proofs {
		if p.At.After(at) {
			at = p.At
		}
	}
	return at
}

// Usable reports whether nothing speaks against the address and some proof speaks for it. It does not say that the proof
// is enough: that is the pack's.
func (s State) Usable() bool {
	return len(s.Proofs) > 0 && !s.Wrong && !s.Bounced && !s.Changed && !s.Removed && !s.Address.IsZero()
}

// Held reports whether the address is too new to be used at an instant: it took another's place less than hold ago, and none of
// the proofs was made since. A register's own date is seldom as new as the change that Husk learned from it.
func (s State) Held(hold policy.Period, proofs []Proof, at time.Time) bool {
	if hold.IsZero() || s.New.IsZero() || !at.Before(hold.After(s.New)) {
		return false
	}
	return !slices.ContainsFunc(proofs, func(p Proof) bool { return !p.At.Before(s.New) })
}

// address is a State while its records are gone through.
type address struct {
	State
	evidence time.Time // the latest EventTime of what says that the person has it
	bad      time.Time // the latest EventTime of what says otherwise
	hasBad   bool
}

// Fold is what the records of one person come to at an instant, one State an address: the usable ones first, the newest
// proof first, then by hash.
//
//   - Records taken down after at do not count. The others count in the order of Recorded; of those recorded in the same
//     instant added comes first, then verified, then the bad news; then by ID.
//   - Bad news counts however malformed, and only a proof made after it (EventTime, strictly) lifts it. A malformed added or
//     verified never counts.
//   - An address that is new, or was out of use, puts the others on its channel out of use (Changed) when it is not older
//     than the evidence for them: a changed number ends the old one's proof, not the person's consent. It is New from then on.
func Fold(records []Record, at time.Time) []State {
	rs := make([]Record, 0, len(records))
	for _, r := range records {
		if !r.Recorded.After(at) && r.Hash != "" {
			rs = append(rs, r)
		}
	}
	slices.SortFunc(rs, byRecorded)

	known := map[reminder.AddressHash]*address{}
	for _, r := range rs {
		good := !r.IsBad()
		if good && r.check() != nil {
			continue
		}
		a := known[r.Hash]
		if a == nil {
			a = &address{State: State{Hash: r.Hash, Channel: r.Channel}}
			known[r.Hash] = a
		}
		if !r.Address.IsZero() {
			a.Address = r.Address
		}
		switch {
		case !good:
			a.spoil(r)
		case a.hasBad && !r.EventTime.After(a.bad):
			// Older than the bad news: it says nothing any more.
		default:
			if a.evidence.IsZero() || a.Changed || a.Removed {
				if replaces(known, a) {
					a.New = r.began()
				}
				outdate(known, a, r.EventTime)
			}
			a.credit(r)
		}
	}

	out := make([]State, 0, len(known))
	for _, a := range known {
		out = append(out, a.State)
	}
	slices.SortFunc(out, byUse)
	return out
}

// spoil takes bad news down. The proofs are gone with it.
func (a *address) spoil(r Record) {
	a.Proofs = nil
	switch r.Type {
	case Failed:
		a.Bounced, a.Fault = true, r.Fault
	case Removed:
		a.Removed = true
	default:
		a.Wrong = true
	}
	if !a.hasBad || r.EventTime.After(a.bad) {
		a.bad = r.EventTime
	}
	a.hasBad = true
}

// credit takes good news down.
func (a *address) credit(r Record) {
	if r.EventTime.After(a.evidence) {
		a.evidence = r.EventTime
	}
	a.Removed = false
	if r.Type == Added {
		return
	}
	if a.Changed {
		a.Proofs = nil // those of before the change are void
	}
	a.Wrong, a.Bounced, a.Changed, a.Fault = false, false, false, ""
	p := Proof{Method: r.Method, Level: r.Level, At: r.EventTime, By: r.By}
	if i := slices.IndexFunc(a.Proofs, func(q Proof) bool { return q.Method == p.Method }); i < 0 {
		a.Proofs = append(a.Proofs, p)
	} else if !p.At.Before(a.Proofs[i].At) {
		a.Proofs[i] = p
	}
	slices.SortFunc(a.Proofs, func(p, q Proof) int {
		return cmp.Or(cmp.Compare(q.Level, p.Level), q.At.Compare(p.At), cmp.Compare(p.Method, q.Method))
	})
}

// replaces reports whether another address on the channel was said to be the person's before.
func replaces(known map[reminder.AddressHash]*address, current *address) bool {
	for _, a := range known {
		if a != current && a.Channel == current.Channel && !a.evidence.IsZero() {
			return true
		}
	}
	return false
}

// outdate marks the other addresses of the channel for which there is no evidence newer than since.
func outdate(known map[reminder.AddressHash]*address, current *address, since time.Time) {
	for _, a := range known {
		if a != current && a.Channel == current.Channel && !a.evidence.After(since) {
			a.Changed = true
		}
	}
}

var ranks = map[Type]int{Added: 0, Verified: 1} // the bad news, and what is no type, comes after

func rank(t Type) int {
	if n, ok := ranks[t]; ok {
		return n
	}
	return 2
}

func byRecorded(a, b Record) int {
	if c := a.Recorded.Compare(b.Recorded); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(rank(a.Type), rank(b.Type)), cmp.Compare(a.ID, b.ID))
}

func byUse(a, b State) int {
	if a.Usable() != b.Usable() {
		if a.Usable() {
			return -1
		}
		return 1
	}
	return cmp.Or(b.Newest().Compare(a.Newest()), cmp.Compare(a.Hash, b.Hash))
}
