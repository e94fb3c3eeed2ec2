package gate

import (
	"errors"
	"slices"
)

// Outcome is what becomes of a due reminder.
type Outcome int

// The outcomes. The zero Outcome is Defer: what was not decided is not sent now.
const (
	Defer  Outcome = iota // not now: ask again at Decision.Until
	Allow                 // Decision.Permit is good for one hand-over
	Deny                  // not at all: the reason goes to the letter list
	Expire                // useless by now: the clinic is told
)

var outcomeNames = []string{"defer", "allow", "deny", "expire"}

// String is the outcome as a label of metrics.
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomeNames) {
		return outcomeNames[Defer]
	}
	return outcomeNames[o]
}

// Reason is why a reminder was denied or deferred: a label of metrics, from DenyReasons or DeferReasons.
type Reason string

// The deny reasons.
const (
	NoBasis           Reason = "no_basis"           // nobody said yes, or the pack gives the purpose or channel no basis, or the yes has ended
	Withdrawn         Reason = "withdrawn"          // the yes was taken back, or the person objected
	Declined          Reason = "declined"           // the person was asked and said no
	Unverified        Reason = "unverified"         // no address, or no proof that is enough for the pack
	StaleVerification Reason = "stale_verification" // the proof is older than the pack allows
	SharedNumber      Reason = "shared_number"      // more people behind the address than the pack allows
	ChangedNumber     Reason = "changed_number"     // the person has another address since, not yet proven, or this one is too new
	WrongNumber       Reason = "wrong_number"       // somebody else has the address
	Bounced           Reason = "bounced"            // the address reaches nobody
	Barred            Reason = "barred"             // a STOP came from the address
	Protected         Reason = "protected"          // the person's address is protected: a message would tell where they are
	Deceased          Reason = "deceased"
	Guardian          Reason = "guardian"     // a guardian with custody must say yes and none has who may be written to, or the age is not known
	OverCeiling       Reason = "over_ceiling" // the content class is above the pack's ceiling for the channel
	Capped            Reason = "capped"       // the person has had as many messages as the pack allows
	NoTemplate        Reason = "no_template"  // no approved template
)

// The defer reasons.
const (
	NotCertified  Reason = "not_certified"  // the store can't vouch that it has everything
	PolicyMissing Reason = "policy_missing" // no pack is in force for the country
	KillSwitch    Reason = "kill_switch"    // somebody stopped it
	RouteClosed   Reason = "route_closed"   // the carrier's route is closed
	OutsideWindow Reason = "outside_window" // the unit does not write at this hour
	Unavailable   Reason = "unavailable"    // something the gate must ask did not answer, or not rightly
)

// DenyReasons lists all deny reasons. OverCeiling and NoTemplate are given by compose too, Capped at Confirm.
var DenyReasons = []Reason{
	NoBasis, Withdrawn, Declined, Unverified, StaleVerification, SharedNumber, ChangedNumber, WrongNumber, Bounced,
	Barred, Protected, Deceased, Guardian, OverCeiling, Capped, NoTemplate,
}

// DeferReasons lists all defer reasons.
var DeferReasons = []Reason{NotCertified, PolicyMissing, KillSwitch, RouteClosed, OutsideWindow, Unavailable}

// Ranking orders the reasons that one address or channel can have, the one nearest to a yes first. Where every channel is
// refused, the decision carries the reason that comes first here: it is the one a clerk can mend with the least. Of equals
// the unit's first channel gives it.
var Ranking = []Reason{
	OverCeiling, StaleVerification, SharedNumber, ChangedNumber, Bounced, WrongNumber, Unverified,
	Barred, Guardian, Withdrawn, Declined, NoBasis,
}

func nearest(rs []Reason) Reason {
	best := NoBasis
	for _, r := range rs {
		if i := slices.Index(Ranking, r); i >= 0 && i < slices.Index(Ranking, best) {
			best = r
		}
	}
	return best
}

// What People, Switches and Confirmer may answer with, wrapped or not. Any other error means Unavailable.
var (
	ErrNotCertified = errors.New("gate: state is not certified")
	ErrBarred       = errors.New("gate: the address is barred")
	ErrMoved        = errors.New("gate: the plan or the person has changed since the decision")
	ErrLost         = errors.New("gate: the lease is another's or has ended")
	ErrClaim        = errors.New("gate: the attempt has another claim")
	ErrStopped      = errors.New("gate: stopped by a switch")
	ErrCapped       = errors.New("gate: the person has had the messages the pack allows")
	ErrDisputed     = errors.New("gate: somebody has said that the number is not who it is thought to be")
)

// What Confirm itself refuses.
var (
	ErrNoPermit    = errors.New("gate: no permit: only Decide makes one")
	ErrOld         = errors.New("gate: the permit is too old: ask Decide again")
	ErrAttempt     = errors.New("gate: the attempt needs the lease's number, a claim of the person's shard, a template and a route")
	ErrUnavailable = errors.New("gate: no answer that can be relied on")
)

// Refusal says what a refused Confirm comes to: a Deny or Defer with its reason, or Defer with no reason when the
// reminder is no longer this worker's (ErrMoved, ErrLost, ErrClaim, ErrOld): then it is dropped and will be leased again. A nil
// error has no refusal; the answer for it is Allow.
func Refusal(err error) (Outcome, Reason) {
	switch {
	case err == nil:
		return Allow, ""
	case errors.Is(err, ErrBarred):
		return Deny, Barred
	case errors.Is(err, ErrDisputed):
		return Deny, WrongNumber
	case errors.Is(err, ErrCapped):
		return Deny, Capped
	case errors.Is(err, ErrStopped):
		return Defer, KillSwitch
	case errors.Is(err, ErrNotCertified):
		return Defer, NotCertified
	case errors.Is(err, ErrMoved), errors.Is(err, ErrLost), errors.Is(err, ErrClaim), errors.Is(err, ErrOld):
		return Defer, ""
	}
	return Defer, Unavailable
}
