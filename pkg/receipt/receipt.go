package receipt

import (
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Status is where a reminder or an attempt stands. The list is closed and is a label of metrics.
type Status string

// The statuses. Due is not stored: it is Planned whose time has come.
const (
	Planned     Status = "planned"
	Due         Status = "due"
	Intended    Status = "intended"
	Accepted    Status = "accepted"
	Delivered   Status = "delivered"
	Undelivered Status = "undelivered"
	Held        Status = "held"
	Denied      Status = "denied"
	Expired     Status = "expired"
	Cancelled   Status = "cancelled"
	NotBegun    Status = "not_begun" // of attempts only: surely did not leave; the reminder is planned again
	Refused     Status = "refused"   // of attempts only: the carrier said not now; the reminder is planned again
	Unknown     Status = "unknown"
	Rejected    Status = "rejected"
)

// Statuses lists what a reminder can be in, in the order of its life.
var Statuses = []Status{Planned, Due, Intended, Accepted, Delivered, Undelivered, Held, Denied, Expired, Cancelled, Unknown, Rejected}

// MaxAttempts is how many attempts a reminder gets; after the last refusal it is rejected.
const MaxAttempts = 5

// Decision is the gate's answer as it is kept: what was decided, by which pack. It rides inside the intent when it
// allowed, and is a record of its own when it did not.
type Decision struct {
	Reason   string `json:"reason,omitempty"` // deny or hold reason; "" = allowed
	Basis    string `json:"basis,omitempty"`  // what allowed it
	Pack     string `json:"pack,omitempty"`   // policy pack id
	PackHash string `json:"packHash,omitempty"`
}

// Intent is journalled before a message is handed over.
type Intent struct {
	Reminder reminder.ID          `json:"reminder"`
	Person   reminder.PersonKey   `json:"-"` // the entry names it
	Attempt  int                  `json:"attempt"`
	Claim    string               `json:"claim"` // random; also the carrier's reference
	Version  uint64               `json:"version"`
	Route    string               `json:"route"`
	Channel  reminder.Channel     `json:"channel"`
	Carrier  string               `json:"carrier,omitempty"` // whom it is to be handed to, as the configuration names it
	Address  reminder.AddressHash `json:"address"`
	Template string               `json:"template"`
	Segments int                  `json:"segments,omitempty"`
	Decision Decision             `json:"decision"`
}

// ByHand is the code of an attempt that somebody settled.
const ByHand = "by_hand"

// Open is an attempt without an outcome.
type Open struct {
	Intent
	At time.Time `json:"at"` // when the intent was journalled
}

// Outcome settles an attempt.
type Outcome struct {
	Reminder  reminder.ID        `json:"reminder"`
	Person    reminder.PersonKey `json:"-"`
	Attempt   int                `json:"attempt"`
	Claim     string             `json:"claim"`
	Status    Status             `json:"status"` // Accepted, Rejected, Refused, NotBegun or Unknown
	Code      string             `json:"code,omitempty"`
	Carrier   string             `json:"carrier,omitempty"`   // who answered, as the configuration names it
	CarrierID string             `json:"carrierId,omitempty"` // that carrier's id of the message, or of its first segment
	Parts     []string           `json:"parts,omitempty"`     // its ids of the second and further segments, where it reports each by itself
	Fault     Fault              `json:"fault,omitempty"`     // of Rejected: what the carrier says is wrong with the address for good
	Retry     time.Time          `json:"retry,omitzero"`      // Refused and NotBegun: when the gate is asked again
	// By is who settled a doubt by hand, as they learnt it from the carrier: Accepted = it left, Rejected = it did not. It says nothing of
	// an attempt that is not in doubt, and gives way to any answer of the carrier's.
	By string `json:"by,omitempty"`
}

// Verdict ends a reminder, or puts it aside, without an attempt.
type Verdict struct {
	Reminder reminder.ID        `json:"reminder"`
	Person   reminder.PersonKey `json:"-"`
	Version  uint64             `json:"version,omitempty"` // inert when the plan has moved on; 0 = whatever the plan
	Status   Status             `json:"status"`            // Denied, Held or Expired; from a clerk Cancelled, or Planned to release it
	Decision Decision           `json:"decision"`
	Template string             `json:"template,omitempty"` // of a held one: the template version it was written from
	Findings []reminder.Finding `json:"findings,omitempty"` // of a held one: why; of a released one: what is let pass
	By       string             `json:"by,omitempty"`       // the clerk who cancelled or released it
}

// Preview is the gate's answer without effect, at planning and again ten days before, so that a letter can still go.
type Preview struct {
	Reminder reminder.ID        `json:"reminder"`
	Person   reminder.PersonKey `json:"-"`
	Version  uint64             `json:"version"`
	Late     bool               `json:"late"`             // the one ten days before
	Reason   string             `json:"reason,omitempty"` // "" = would be sent
	Again    bool               `json:"again,omitempty"`  // no answer: what the gate said before counts no more, and it is to be asked anew
	// Undecided: the gate could not say, for Reason. It is asked again, and the reminder is on the letter list until it can.
	Undecided bool `json:"undecided,omitempty"`
}

// Fault is what a carrier says is wrong with an address, for good: a word of package provider.
type Fault string

// Report is a carrier's delivery report. It is of the attempt with the claim, or, without one, of that which the carrier has given the id.
type Report struct {
	Claim     string             `json:"claim,omitempty"`
	Person    reminder.PersonKey `json:"-"`
	Carrier   string             `json:"carrier,omitempty"`   // who reports, as the configuration names it
	CarrierID string             `json:"carrierId,omitempty"` // its id of the message or of one segment; "" = of the whole message
	Status    Status             `json:"status"`              // Accepted, Delivered, Undelivered or Rejected
	Code      string             `json:"code,omitempty"`
	Fault     Fault              `json:"fault,omitempty"`
	Signed    bool               `json:"signed,omitempty"` // the carrier proved the report itself, beyond knowing a secret path or a password
	At        time.Time          `json:"at,omitzero"`      // when it happened, by the carrier; zero where it does not say
}

// Unbegun reports whether the status of an attempt says that the message surely did not leave, and may be sent in another attempt.
func Unbegun(s Status) bool { return s == Refused || s == NotBegun }

// Follow is the one rule of how an attempt's status moves: a doubt gives way to any answer of the carrier, a settled one
// only to a delivery report, a final one to nothing but this: of two that contradict each other the failure stands, whichever came
// first. What surely did not leave gives way, too, to a carrier that has it after all. It returns the status after next was heard, and
// whether it moved.
func Follow(now, next Status) (Status, bool) {
	switch now {
	case Intended:
		return next, next != Intended
	case Unknown:
		switch next {
		case Accepted, Delivered, Undelivered, Rejected:
			return next, true
		}
	case Refused, NotBegun:
		switch next {
		case Accepted, Delivered, Undelivered:
			return next, true
		}
	case Accepted:
		switch next {
		case Delivered, Undelivered:
			return next, true
		}
	case Delivered:
		if next == Undelivered {
			return next, true
		}
	}
	return now, false
}
