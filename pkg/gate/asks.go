package gate

import (
	"context"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Person is what the state knows of a person, at one version.
type Person struct {
	Key       reminder.PersonKey
	Known     bool   // false: the state has nothing of this person, which is a no
	Version   uint64 // grows with every change of what is below
	Consent   []consent.Record
	Contact   []contact.Record
	Barred    map[reminder.AddressHash]bool // of the addresses in Contact
	Shared    map[reminder.AddressHash]int  // persons behind each address, this one included; absent = this one alone
	BirthDate reminder.Date
	Protected bool
	Deceased  bool
}

// People answers from certified state. The answers have the order and the number of the keys, a key that is asked for once is
// answered once. An error is of the whole question; it wraps ErrNotCertified when the state can't vouch for itself.
type People interface {
	People(ctx context.Context, keys []reminder.PersonKey) ([]Person, error)
}

// Switches answers which switches are on, with the reason somebody gave: "all", "unit:<id>", "template:<name>",
// "carrier:<route>", "pack:<id>", "country:<code>". The answer need not be certified: Confirm looks again, and Options.Certified is
// asked where nothing else is.
type Switches interface {
	Stopped(ctx context.Context) (map[string]string, error)
}

// Confirmer marks each attempt as being written to the wire and then checks that nothing has moved, taking the mark back
// when something has. The answers have the order and number of the questions; nil is yes. An error of the whole question
// means that none may be written.
type Confirmer interface {
	Confirm(ctx context.Context, cs []Confirmation) ([]error, error)
}

// Units is the unit directory.
type Units interface {
	Unit(id string) (reminder.Unit, bool)
}

// Confirmation is everything that must still hold when the message is handed over.
type Confirmation struct {
	Reminder      reminder.ID
	Person        reminder.PersonKey
	Token         string // of the lease
	Version       uint64 // of the plan
	PersonVersion uint64
	Attempt       int
	Claim         string
	Address       reminder.AddressHash
	Switches      []string // any of these being on stops it
	Cap           policy.Cap
	At            time.Time
	NotAfter      time.Time // no write may begin after this
}

// Attempt is one message that is about to be handed over.
type Attempt struct {
	Permit   Permit
	Claim    string // reminder.NewClaim of the person; journalled as the attempt's
	Attempt  int    // the lease's number
	Template string // name and version, as Rendered.Template: "da/reminder.sms@3f2a91c0"
	Route    string // the route that will be used
	Carrier  string // the carrier that will be used, by its name; "" = none is named beside the route
}
