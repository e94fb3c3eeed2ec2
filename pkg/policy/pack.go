package policy

import (
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Basis is what makes a message lawful, for one purpose.
type Basis string

// The bases. Absent state is never a yes: Reservation too asks for a record that the person was told.
const (
	Consent     Basis = "consent"     // the person (or a guardian) said yes
	Reservation Basis = "reservation" // the person was told, may object, and has not
)

// Bases lists all bases.
var Bases = []Basis{Consent, Reservation}

// Scope is how far a yes or a no reaches.
type Scope string

// The scopes, from narrow to wide. One installation serves one controller.
const (
	UnitScope       Scope = "unit"
	HospitalScope   Scope = "hospital"
	ControllerScope Scope = "controller"
)

// Scopes lists all scopes from narrow to wide.
var Scopes = []Scope{UnitScope, HospitalScope, ControllerScope}

// Within reports whether s is a known scope no wider than widest.
func (s Scope) Within(widest Scope) bool {
	i, j := slices.Index(Scopes, s), slices.Index(Scopes, widest)
	return i >= 0 && i <= j
}

// Cap is the most messages a person gets: Max in any period of Per.
type Cap struct {
	Max int           `json:"max"`
	Per time.Duration `json:"per"`
}

// Verification is what proves that an address is the person's.
type Verification struct {
	MinLevel  Level
	Methods   []Method                    // accepted ones
	MaxAge    map[reminder.Channel]Period // since the proof; every allowed channel has one
	Freshness Period                      // since a register's own date, for methods of a register; zero = MaxAge alone
	Hold      Period                      // an address that took another's place waits so long, unless it is proven anew; zero = not at all
}

// Since is the oldest instant that a proof by the method, on the channel, may have at an instant: the later of what MaxAge
// and, for a register's method, Freshness ask.
func (v Verification) Since(m Method, c reminder.Channel, at time.Time) time.Time {
	p, ok := v.MaxAge[c]
	if !ok {
		return at // no age was allowed: nothing is fresh enough but what is proven now
	}
	since := p.Ago(at)
	if m.Register() && !v.Freshness.IsZero() {
		if f := v.Freshness.Ago(at); f.After(since) {
			since = f
		}
	}
	return since
}

// Pack is one country's rules for a time. It is data: its maps and slices are shared and must not be changed.
type Pack struct {
	ID               string // "dk-2019", the file's name
	Hash             string // SHA-256 of the file's bytes, 64 hex digits
	Country          reminder.Country
	ValidFrom        time.Time                           // in force from
	ValidUntil       time.Time                           // up to, not including; zero = still in force
	Basis            map[reminder.Purpose]Basis          // a purpose which is not here has none and is denied
	Scope            Scope                               // the widest yes that counts
	GuardianUntilAge int                                 // a guardian speaks for the person up to this birthday; 0 = never
	LimitedFromAge   int                                 // from this birthday on a guardian is not told the place; 0 = always told
	Custody          bool                                // a guardian's yes counts only with proven custody, also for the child's own address
	AskAgain         Period                              // after a no the person may be asked again; zero = never
	Analysis         bool                                // a unit writes only with a documented analysis of needs and risks
	ProofYears       int                                 // how long a consent is proven after it ended
	Channels         []reminder.Channel                  // allowed ones
	Links            []reminder.Channel                  // those on which a message may carry the unit's own link; none if the file is silent
	MaxLength        map[reminder.Channel]int            // characters of the rendered text; absent = no limit
	Ceiling          map[reminder.Channel]reminder.Class // the highest content class allowed
	Verification     Verification
	MaxPersons       int // persons behind one address, at most
	Cap              Cap
}

// Ref names a pack as decisions store it.
type Ref struct {
	ID   string `json:"id"`
	Hash string `json:"hash"`
}

// Ref names the pack.
func (p Pack) Ref() Ref { return Ref{p.ID, p.Hash} }

// IsZero reports whether p is no pack.
func (p Pack) IsZero() bool { return p.ID == "" }

// Short is the first twelve hex digits of the hash, for people.
func (p Pack) Short() string { return p.Hash[:min(12, len(p.Hash))] }

// Purposes lists the purposes that have a basis, in the order of reminder.Purposes.
func (p Pack) Purposes() []reminder.Purpose {
	var out []reminder.Purpose
	for _, u := range reminder.Purposes {
		if _, ok := p.Basis[u]; ok {
			out = append(out, u)
		}
	}
	return out
}

// Allows reports whether the pack lets the channel be used at all.
func (p Pack) Allows(c reminder.Channel) bool { return slices.Contains(p.Channels, c) }

// AllowsLink reports whether a message on the channel may carry a link, the unit's own.
func (p Pack) AllowsLink(c reminder.Channel) bool { return slices.Contains(p.Links, c) }

// InForce reports whether the pack's rules held at the instant.
func (p Pack) InForce(at time.Time) bool {
	return !at.Before(p.ValidFrom) && (p.ValidUntil.IsZero() || at.Before(p.ValidUntil))
}

// Minor reports whether a guardian speaks for a person born on born, on the day of at in at's zone. known is false when
// the pack asks for an age and the birth date does not give one: then nobody's yes counts.
func (p Pack) Minor(born reminder.Date, at time.Time) (minor, known bool) {
	if p.GuardianUntilAge == 0 {
		return false, true
	}
	age := born.Age(at)
	return age < p.GuardianUntilAge, age >= 0
}
