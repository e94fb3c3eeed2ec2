package gate

import (
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Permit is the leave to hand one message of one reminder to a carrier, soon. Only Decide and Answer make
// one.
type Permit struct {
	ok      bool
	lease   reminder.Lease
	address reminder.Address
	hash    reminder.AddressHash
	unit    reminder.Unit
	pack    policy.Pack
	person  uint64
	basis   policy.Basis
	made    time.Time

	recipient reminder.PersonKey // "" = the patient
	version   uint64             // of the recipient, where it is not the patient
	hide      bool

	answer reminder.AnswerText // of an answer; "" of all else
}

// IsZero reports whether p permits nothing.
func (p Permit) IsZero() bool { return !p.ok }

// Lease is the reminder it is for.
func (p Permit) Lease() reminder.Lease { return p.lease }

// Channel is the channel to use, no other.
func (p Permit) Channel() reminder.Channel { return p.address.Channel }

// Address is where to, nowhere else. It prints masked.
func (p Permit) Address() reminder.Address { return p.address }

// AddressHash is the keyed hash of the address.
func (p Permit) AddressHash() reminder.AddressHash { return p.hash }

// Unit is the clinic the message is of, as the directory had it at the decision.
func (p Permit) Unit() reminder.Unit { return p.unit }

// Recipient is who is written to: the patient, or a guardian of theirs.
func (p Permit) Recipient() reminder.PersonKey {
	if p.recipient != "" {
		return p.recipient
	}
	return p.lease.Person
}

// HidePlace reports whether the message must not tell where the appointment is: the recipient is a guardian who is not to
// know, or is told less because the child is old enough. No part of the message, its sender included, may be above class 0
// then; the pack's ceiling is lowered to that as well.
func (p Permit) HidePlace() bool { return p.hide }

// Pack is the policy pack the decision used, with its ceiling on the channel lowered to what was said yes to.
func (p Permit) Pack() policy.Pack { return p.pack }

// PersonVersion is the version of the person that was asked about.
func (p Permit) PersonVersion() uint64 { return p.person }

// Answer is the fixed answer that it is for; "" of all other purposes.
func (p Permit) Answer() reminder.AnswerText { return p.answer }

// Basis is what allowed it: "consent" or "reservation"; "" of an answer, which needs none.
func (p Permit) Basis() string { return string(p.basis) }

// Language is the one to write in: the patient's, else the unit's. The templates may not have it.
func (p Permit) Language() string {
	if l := p.lease.Appointment.Language; l != "" {
		return l
	}
	return p.unit.Language
}

// Decision is what becomes of one lease.
type Decision struct {
	Outcome Outcome
	Permit  Permit     // of Allow
	Reason  Reason     // of Deny and Defer
	Until   time.Time  // of Defer: when to ask again, never later than the reminder expires
	Pack    policy.Ref // the pack used; zero when the decision did not come to it
	Silent  Silence    // of Defer: the register whose answer is awaited; zero when it is not for that
}

// Silence is a register's that has yet to say whose a person's addresses are. The zero Silence is nobody's.
type Silence struct {
	Register string // its method, "krr"
	Since    time.Time
}
