package contact

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Type is what a record says of an address.
type Type string

// The types.
const (
	Added    Type = "added"    // the person is said to have it
	Verified Type = "verified" // the method proved that it is the person's
	Failed   Type = "failed"   // a carrier or register says for good that it reaches nobody: it bounced
	Removed  Type = "removed"  // the person does not want it used, or it was put down by mistake
	Wrong    Type = "wrong"    // somebody else has it
)

// Types lists all types.
var Types = []Type{Added, Verified, Failed, Removed, Wrong}

// Fault is what is wrong with an address that reaches nobody. It stays wrong until the address is proven anew.
type Fault string

// The faults, as package provider has them.
const (
	NotInUse  Fault = "not_in_use" // nobody has this number or mailbox
	Barred    Fault = "barred"     // the network or mail server refuses messages to it for good; not a STOP
	NotMobile Fault = "not_mobile" // it can't receive messages of its channel
)

// Faults lists all faults.
var Faults = []Fault{NotInUse, Barred, NotMobile}

// Record is one piece of evidence about one address of one person, as the journal keeps it. The address itself is sealed
// by the journal and is absent from JSON; its keyed hash is not.
type Record struct {
	ID        string               `json:"id"`
	Person    reminder.PersonKey   `json:"person"`
	Type      Type                 `json:"type"`
	Address   reminder.Address     `json:"-"`
	Hash      reminder.AddressHash `json:"hash"`
	Channel   reminder.Channel     `json:"channel"`
	Method    policy.Method        `json:"method,omitempty"` // of Added and Verified
	Level     policy.Level         `json:"level,omitempty"`  // of Verified: what was proven, at most the method's level
	Fault     Fault                `json:"fault,omitempty"`  // of Failed: what is wrong with the address, where that is known
	By        string               `json:"by,omitempty"`     // who took it down: a role, a staff id, a register or carrier, never a name
	EventTime time.Time            `json:"event_time"`       // when it happened; for a register, the register's own date
	Recorded  time.Time            `json:"recorded"`         // when Husk took it down; never before EventTime
}

// ErrRecord is the error of a record that cannot be kept.
var ErrRecord = errors.New("contact: record")

func invalid(field, want string) error { return fmt.Errorf("%w: %s: want %s", ErrRecord, field, want) }

// Validate checks a record before it is journalled. The error wraps ErrRecord and names the field and what is wanted,
// never the value.
func (r Record) Validate() error {
	if r.ID == "" {
		return invalid("id", "a unique id")
	}
	if _, err := reminder.ParsePersonKey(string(r.Person)); err != nil {
		return invalid("person", "a person key")
	}
	if r.Type == Added || r.Type == Verified {
		if r.Address.IsZero() {
			return invalid("address", "a normalised address")
		}
	}
	return r.check()
}

// IsBad reports whether the record speaks against the address. What is no type does so too.
func (r Record) IsBad() bool { return r.Type != Added && r.Type != Verified }

// Settles reports whether the record ends a dispute about whose the address is that was there before its EventTime: only fresh proof does,
// and no code does, since whoever holds the phone can tell one back.
func (r Record) Settles() bool {
	return r.Type == Verified && r.Level >= policy.Proven && r.Method.Level() >= policy.Proven && r.Method != policy.Code
}

// maxBy is the most bytes of By.
const maxBy = 200

// began is since when good news puts the address in another's place: for a register's, when Husk learned of it, since the
// register's own date may be much older than the change; else when it happened.
func (r Record) began() time.Time {
	if r.Method.Register() {
		return r.Recorded
	}
	return r.EventTime
}

// check is what Fold asks of good news: everything but the ids and the address, which may have been erased.
func (r Record) check() error {
	switch {
	case !slices.Contains(Types, r.Type):
		return invalid("type", "added, verified, failed, removed or wrong")
	case r.Hash == "":
		return invalid("hash", "the keyed hash of the address")
	case !slices.Contains(reminder.Channels, r.Channel):
		return invalid("channel", "sms or email")
	case !r.Address.IsZero() && r.Address.Channel != r.Channel:
		return invalid("channel", "the channel of the address")
	case r.EventTime.IsZero():
		return invalid("event_time", "when it happened")
	case r.Recorded.IsZero():
		return invalid("recorded", "when it was taken down")
	case r.EventTime.After(r.Recorded):
		return invalid("event_time", "no later than recorded")
	case r.Fault != "" && (r.Type != Failed || !slices.Contains(Faults, r.Fault)):
		return invalid("fault", "not_in_use, barred or not_mobile, of failed alone")
	case len(r.By) > maxBy:
		return invalid("by", "a role or an id, at most 200 bytes")
	case (r.Type == Added || r.Type == Verified) && !slices.Contains(policy.Methods, r.Method):
		return invalid("method", "a method of package policy")
	case r.Type == Verified && r.Level <= policy.Unproven:
		return invalid("level", "what was proven, from claimed to registered")
	case r.Type == Verified && r.Level > r.Method.Level():
		return invalid("level", "no more than the method proves")
	}
	return nil
}
