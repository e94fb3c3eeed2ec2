package state

import (
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Person is everything that is folded of one person.
type Person struct {
	Key          reminder.PersonKey                       `json:"key"`
	Version      uint64                                   `json:"version"` // moves with everything the gate looks at
	Consent      []consent.Record                         `json:"consent,omitempty"`
	Contact      []Contact                                `json:"contact,omitempty"`
	Flags        map[string]Flags                         `json:"flags,omitempty"`     // by booking system
	Sealed       []byte                                   `json:"sealed,omitempty"`    // the newest sealed appointment: birth date, language
	SealedEnds   time.Time                                `json:"sealedEnds,omitzero"` // when the appointment it is of ends
	SealedOrder  uint64                                   `json:"sealedOrder,omitempty"`
	Erased       time.Time                                `json:"erased,omitzero"` // what was said by then counts no more
	Cut          time.Time                                `json:"cut,omitzero"`    // nor what booking systems had said by then
	Into         reminder.PersonKey                       `json:"into,omitempty"`  // the key that this person goes by since; "" = this one
	From         []reminder.PersonKey                     `json:"from,omitempty"`  // keys that this person went by before
	Appointments map[reminder.AppointmentKey]*Appointment `json:"appointments,omitempty"`
	Reminders    map[reminder.ID]*Reminder                `json:"reminders,omitempty"`
}

// Addresses are the hashes of the addresses that are held to be the person's now.
func (p *Person) Addresses() []reminder.AddressHash {
	if len(p.Contact) == 0 {
		return nil
	}
	rs := make([]contact.Record, len(p.Contact))
	var latest time.Time
	for i, c := range p.Contact {
		rs[i] = c.Record
		if c.Recorded.After(latest) {
			latest = c.Recorded
		}
	}
	var out []reminder.AddressHash
	for _, s := range contact.Fold(rs, latest) {
		if !s.Removed && !s.Wrong && !s.Changed {
			out = append(out, s.Hash)
		}
	}
	return out
}

// Flags are what one booking system last said of a person.
type Flags struct {
	Order     uint64    `json:"order"`         // intake sequence
	AsOf      time.Time `json:"asOf,omitzero"` // the source's own time of the event, where it has one
	Protected bool      `json:"protected,omitempty"`
	Deceased  bool      `json:"deceased,omitempty"`
	Ends      time.Time `json:"ends,omitzero"` // of the appointment it was said with
}

// Protected reports whether any booking system says so.
func (p *Person) Protected() bool {
	for _, f := range p.Flags {
		if f.Protected {
			return true
		}
	}
	return false
}

// Deceased reports whether any booking system says so.
func (p *Person) Deceased() bool {
	for _, f := range p.Flags {
		if f.Deceased {
			return true
		}
	}
	return false
}

// Appointment is one appointment as last planned, and what the person was last told of it.
type Appointment struct {
	Order   reminder.Order `json:"order"`
	Seq     uint64         `json:"seq"`     // of the plan entry that took effect last
	First   uint64         `json:"first"`   // of the first plan entry
	Version uint64         `json:"version"` // counts plan entries that took effect
	Status  plan.Status    `json:"status"`  // or Taken
	Tag     string         `json:"tag,omitempty"`
	Changes int            `json:"changes"` // how often Tag moved
	Told    string         `json:"told,omitempty"`
	Sealed  []byte         `json:"sealed,omitempty"`
	ToldOf  []byte         `json:"toldOf,omitempty"` // the sealed appointment that Told was rendered from
	Notice  plan.Notice    `json:"notice,omitzero"`
	Ends    time.Time      `json:"ends"`
	Seen    *Seen          `json:"seen,omitempty"` // who has written or rung; nil = nobody
}

// Seen is that somebody has written to or rung the patient of an appointment, as it stood then: with another start, or when the patient
// was told something else since, it counts no more.
type Seen struct {
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	Tag  string    `json:"tag,omitempty"`
	Told string    `json:"told,omitempty"`
}

// SeenTo reports whether somebody has written to or rung the patient, as the appointment stands.
func (a *Appointment) SeenTo() bool {
	return a.Seen != nil && a.Seen.Tag == a.Tag && a.Seen.Told == a.Told
}

// Restored is the reason of what is held because the journal was restored: it may have left before.
const Restored = "restored"

// Taken is the status of an appointment that was given to another person.
const Taken plan.Status = "taken"

// Forgotten is the status of an appointment of a person who was erased since: its ids and statuses are all that is left of it.
const Forgotten plan.Status = "forgotten"

// cancelledTag is what a person was told of when told that there is no appointment.
const cancelledTag = "cancelled"

// Reminder is one reminder or notice.
type Reminder struct {
	Appointment reminder.AppointmentKey `json:"appointment"`
	Rule        string                  `json:"rule,omitempty"`
	Purpose     reminder.Purpose        `json:"purpose"`
	Tag         string                  `json:"tag"`            // the start it tells of
	Due         time.Time               `json:"due"`            // as planned
	Retry       time.Time               `json:"retry,omitzero"` // when it is tried again after a refusal
	Expires     time.Time               `json:"expires"`
	Route       string                  `json:"route"`
	Status      receipt.Status          `json:"status"`
	Since       time.Time               `json:"since"` // of Status
	Reason      string                  `json:"reason,omitempty"`
	Findings    []reminder.Finding      `json:"findings,omitempty"`
	Template    string                  `json:"template,omitempty"` // that Findings are of
	Release     *reminder.Release       `json:"release,omitempty"`  // what an approver let pass, until the next plan
	Attempts    []Attempt               `json:"attempts,omitempty"`
	Previewed   bool                    `json:"previewed,omitempty"`
	Late        bool                    `json:"late,omitempty"`    // previewed again ten days before
	Letter      string                  `json:"letter,omitempty"`  // why the preview said no
	Dropped     bool                    `json:"dropped,omitempty"` // no longer wanted, while an attempt is open
	Sealed      []byte                  `json:"sealed,omitempty"`  // the appointment the open attempt is rendered from
}

// Attempt is one attempt to hand a reminder to a carrier.
type Attempt struct {
	receipt.Intent
	At        time.Time      `json:"at"`
	Status    receipt.Status `json:"attemptStatus"`
	Settled   time.Time      `json:"settled,omitzero"`
	Code      string         `json:"code,omitempty"`
	CarrierID string         `json:"carrierId,omitempty"`
	Parts     []string       `json:"parts,omitempty"`   // the carrier's ids of the second and further segments
	Words     []receipt.Word `json:"words,omitempty"`   // on its segments, while it can't be said of all of them
	Reached   bool           `json:"reached,omitempty"` // it was told to be delivered before it was told to have failed
	By        string         `json:"by,omitempty"`      // who settled it by hand; "" = the carrier, or nobody
	Fault     receipt.Fault  `json:"fault,omitempty"`   // what its failure says is wrong with the address for good
	FaultAt   time.Time      `json:"faultAt,omitzero"`  // when that was first heard
	Fell      time.Time      `json:"fell,omitzero"`     // when it happened, by the carrier; zero where it did not say
	Proven    bool           `json:"proven,omitempty"`  // the carrier itself says so, see receipt.Report.Signed
}

// Needs is the lesser of first and the sequence of the first plan entry of any appointment of the person; 0 is none.
func (p *Person) Needs(first uint64) uint64 {
	for _, a := range p.Appointments {
		if first == 0 || a.First < first {
			first = a.First
		}
	}
	return first
}

// Lease is the lease of a reminder as the plan has it, without token, tries and route; false when there is no such reminder.
func (p *Person) Lease(id reminder.ID) (Leased, bool) {
	r := p.Reminders[id]
	if r == nil || p.Appointments[r.Appointment] == nil {
		return Leased{}, false
	}
	a := p.Appointments[r.Appointment]
	return Leased{
		Lease: reminder.Lease{
			Reminder: id, Version: a.Version, Person: p.Key, Rule: r.Rule, Purpose: r.Purpose, Due: r.Due, Expires: r.Expires, Attempt: r.NextAttempt(),
			Refusals: r.refusals(), Release: r.Release,
		},
		Sealed: a.Sealed, Told: a.ToldOf,
	}, true
}

// Trims reports whether a trim may take anything from the person: something has ended before it.
func (p *Person) Trims(t Trim) bool {
	for _, a := range p.Appointments {
		if a.Ends.Before(t.Before) {
			return true
		}
	}
	for _, f := range p.Flags {
		if f.Ends.Before(t.Before) {
			return true
		}
	}
	return (len(p.Sealed) > 0 || p.SealedOrder > 0) && p.SealedEnds.Before(t.Before)
}

// last is the reminder's newest attempt, nil when there is none.
func (r *Reminder) last() *Attempt {
	if len(r.Attempts) == 0 {
		return nil
	}
	return &r.Attempts[len(r.Attempts)-1]
}

// NextAttempt is the number the next attempt will have.
func (r *Reminder) NextAttempt() int { return len(r.Attempts) + 1 }

// At is when the reminder is due now: as planned, or when a refused attempt is tried again.
func (r *Reminder) At() time.Time {
	if r.Retry.IsZero() {
		return r.Due
	}
	return r.Retry
}

// Pending reports whether the reminder waits in the due index.
func (r *Reminder) Pending() bool { return r.Status == receipt.Planned }

// ended reports whether nothing more will come of the reminder by itself.
func (r *Reminder) ended() bool { return r.Status != receipt.Planned && r.Status != receipt.Intended }

// Wanted reports whether the appointment stands and is planned.
func (a *Appointment) Wanted() bool { return a.Status == plan.Booked }
