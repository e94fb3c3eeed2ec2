package contact

import (
	"context"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Verifier is a source that can say whether an address is a person's: a national register, or the store of one-time codes.
// Call it through Ask, which holds it to its contract.
type Verifier interface {
	// Verify answers every question, in order, always; now is the instant that freshness is counted from. It returns no
	// error: what did not work is an Unknown with its reason, of those questions alone that it touched. It never tries a
	// failed call again by itself but for one new token after a 401: the time to ask again is in the answer.
	Verify(ctx context.Context, now time.Time, qs []Question) []Answer
	// Fitness says whether the verifier may be relied on, for the operator. It asks nobody.
	Fitness() Fitness
}

// Question asks for one person. It is made for one call and not kept: the national id is unsealed for it.
type Question struct {
	Person     reminder.PersonKey
	NationalID reminder.NationalID // zero where the verifier knows people by Person; a register answers Unknown without one
	Address    reminder.Address    // is this one the person's? Zero: what does the source vouch for?
}

// Verdict is what a source came to. The zero Verdict is Unknown: an answer that nobody gave is never a yes.
type Verdict int

// The verdicts. There are always three: a source that is down must look neither like a yes nor like "not registered".
const (
	Unknown Verdict = iota // deny now, ask again at Answer.Retry
	Yes
	No
)

var verdictNames = []string{"unknown", "yes", "no"}

// String is the verdict as a label of metrics.
func (s Verdict) String() string {
	if s < 0 || int(s) >= len(verdictNames) {
		return verdictNames[Unknown]
	}
	return verdictNames[s]
}

// Reason is why an answer is No or Unknown: a label of metrics, from NoReasons or UnknownReasons. It holds nothing about a
// person that the verdict does not.
type Reason string

// The reasons of a No. It means that the source vouches for nothing here; by itself it is no bad news about an address.
const (
	NotRegistered Reason = "not_registered" // the source does not have the person
	Deleted       Reason = "deleted"        // the source had the person
	Reserved      Reason = "reserved"       // the person has reserved themselves from digital contact
	Stale         Reason = "stale"          // neither updated nor confirmed for longer than the source's own rule allows
	NoAddress     Reason = "no_address"     // the source has the person, and no address on the channel
	OtherAddress  Reason = "other_address"  // the source has another one than was asked about
	NotTold       Reason = "not_told"       // the source has the person and keeps the address to itself
	BadAddress    Reason = "bad_address"    // the source's address is none that Husk can write to
	NotProven     Reason = "not_proven"     // no code that was sent there has been told back
	MalformedID   Reason = "malformed_id"   // nothing was asked: the id can't be one of this register's
	OtherCountry  Reason = "other_country"  // nothing was asked: the id is another country's
)

// NoReasons lists the reasons of a No.
var NoReasons = []Reason{
	NotRegistered, Deleted, Reserved, Stale, NoAddress, OtherAddress, NotTold, BadAddress, NotProven, MalformedID, OtherCountry,
}

// The reasons of an Unknown.
const (
	NoID          Reason = "no_id"         // the question has no national id: its key may be gone or out of reach
	Unreachable   Reason = "unreachable"   // no connection, or it broke
	Timeout       Reason = "timeout"       // no whole answer in time
	Interrupted   Reason = "interrupted"   // the caller gave up
	Insecure      Reason = "insecure"      // the TLS connection could not be trusted
	Redirected    Reason = "redirected"    // the source pointed elsewhere; nobody went there
	Unauthorised  Reason = "unauthorised"  // our credentials or token were not taken
	Refused       Reason = "refused"       // the source does not answer this of us
	ClockWrong    Reason = "clock"         // our clock and the source's differ too much for the token to be taken
	Busy          Reason = "busy"          // the source asked for patience
	Broken        Reason = "broken"        // the source reports an error of its own
	Garbled       Reason = "garbled"       // what came is not what the protocol describes
	Missing       Reason = "missing"       // the answer leaves this person out
	Contradictory Reason = "contradictory" // the answer says two things of this person, or the verifier broke its contract
)

// UnknownReasons lists the reasons of an Unknown.
var UnknownReasons = []Reason{
	NoID, Unreachable, Timeout, Interrupted, Insecure, Redirected, Unauthorised, Refused, ClockWrong, Busy, Broken, Garbled,
	Missing, Contradictory,
}

// Found is one address that a source vouches for.
type Found struct {
	Address reminder.Address
	Method  policy.Method
	Level   policy.Level // at most the method's
	AsOf    time.Time    // the source's own date: when the person last updated or confirmed it; never in the future
	Shared  bool         // the source says that others have the same one
}

// Answer is what a source says of one question. The zero Answer is Unknown.
type Answer struct {
	Verdict Verdict
	Reason  Reason    // of No and Unknown
	Retry   time.Time // of Unknown: when to ask again, later than the question
	Until   time.Time // of Yes and No: how long the answer may be used without asking again
	// Found is what the source vouches for: never empty in a Yes to a question with an address, which is then among them. A
	// Yes to a question without one may have none: the source has the person and keeps the address to itself.
	Found    []Found
	Language string // the person's language for public bodies, as reminder.PrimaryLanguage has it; "" = not told
	// Reserved: the person objects to digital contact in the register. It is told beside every verdict, since it outlives
	// the addresses; it belongs with the consents, as an objection.
	Reserved      bool
	ReservedSince time.Time // zero when not told
	// Inactive: the source keeps the person's entry but says not to use it.
	Inactive bool
}

// NotKnown is the answer of what did not work.
func NotKnown(r Reason, retry time.Time) Answer {
	return Answer{Verdict: Unknown, Reason: r, Retry: retry}
}

// Nay is the answer of a source that vouches for nothing.
func Nay(r Reason, until time.Time) Answer { return Answer{Verdict: No, Reason: r, Until: until} }

// Vouches finds the address among those of a Yes. Nothing but this says that an address is the person's.
func (a Answer) Vouches(address reminder.Address) (Found, bool) {
	if a.Verdict != Yes || address.IsZero() {
		return Found{}, false
	}
	for _, f := range a.Found {
		if same(f.Address, address) {
			return f, true
		}
	}
	return Found{}, false
}

func same(a, b reminder.Address) bool { return a.Channel == b.Channel && a.Reveal() == b.Reveal() }

// Records is the evidence in a Yes, one Verified record an address, as the journal wants them: EventTime is the source's
// own date. No other verdict gives any. newID names each record; hash is the installation's keyed hash of an address.
func (a Answer) Records(
	person reminder.PersonKey, hash func(reminder.Address) reminder.AddressHash, newID func() string, now time.Time,
) []Record {
	if a.Verdict != Yes {
		return nil
	}
	out := make([]Record, 0, len(a.Found))
	for _, f := range a.Found {
		out = append(out, Record{
			ID: newID(), Person: person, Type: Verified, Address: f.Address, Hash: hash(f.Address), Channel: f.Address.Channel,
			Method: f.Method, Level: f.Level, EventTime: f.AsOf, Recorded: now,
		})
	}
	return out
}

// Fitness is what an operator should know of a verifier.
type Fitness struct {
	Method policy.Method
	Usable bool   // false: don't rest a decision on it
	Why    string // what it can and can't say, or why it is not usable
	Do     string // what to do about it; "" when there is nothing
}

// retryBroken is when to ask again a verifier that broke its contract.
const retryBroken = 15 * time.Minute

// Ask asks a verifier and holds it to its contract, so that a fault in one can't become a yes: as many answers as
// questions; a Yes vouches for the address that was asked about, with a level that its method can prove, a date that is not
// in the future, and addresses of a known channel; a No and an Unknown have a reason of their list, and an Unknown a time
// to ask again. What breaks it is Unknown, Contradictory.
func Ask(ctx context.Context, v Verifier, now time.Time, qs []Question) []Answer {
	out := make([]Answer, len(qs))
	as := v.Verify(ctx, now, qs)
	for i, q := range qs {
		if len(as) != len(qs) || !as[i].sound(q, now) {
			out[i] = NotKnown(Contradictory, now.Add(retryBroken))
			continue
		}
		out[i] = as[i]
	}
	return out
}

func (a Answer) sound(q Question, now time.Time) bool {
	switch a.Verdict {
	case Yes:
		if a.Reason != "" || !a.Until.After(now) {
			return false
		}
		for _, f := range a.Found {
			if f.Address.IsZero() || !slices.Contains(reminder.Channels, f.Address.Channel) || f.AsOf.IsZero() || f.AsOf.After(now) ||
				!slices.Contains(policy.Methods, f.Method) || f.Level <= policy.Unproven || f.Level > f.Method.Level() {
				return false
			}
		}
		if q.Address.IsZero() {
			return true
		}
		_, ok := a.Vouches(q.Address)
		return ok
	case No:
		return slices.Contains(NoReasons, a.Reason) && len(a.Found) == 0 && a.Until.After(now)
	default:
		return a.Verdict == Unknown && slices.Contains(UnknownReasons, a.Reason) && len(a.Found) == 0 && a.Retry.After(now)
	}
}
