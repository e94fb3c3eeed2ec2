package state

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// What the store may answer.
var (
	ErrNotCertified = errors.New("state: not certified: no projector that has caught up vouches for it now")
	ErrStale        = errors.New("state: another projector has folded further; read Applied again")
	ErrLost         = errors.New("state: the lease has ended or the plan has moved")
	ErrClaim        = errors.New("state: the attempt is not this claim's, or is settled")
	ErrMoved        = errors.New("state: the plan or the person has changed since the decision")
	ErrBarred       = errors.New("state: the address is barred")
	ErrStopped      = errors.New("state: sending is stopped")
	ErrCapped       = errors.New("state: the person's frequency cap is reached")
	ErrTooLate      = errors.New("state: the message is no longer useful")
)

// Stream is one of the three journal streams that are folded.
type Stream uint8

// The folded streams, in the order of their priority.
const (
	Stop Stream = iota
	People
	Journal
	Streams = 3
)

// Vector is the sequence up to which each stream is folded in one shard.
type Vector [Streams]uint64

// Change is one journal entry as the fold takes it.
type Change struct {
	Stream Stream
	Seq    uint64
	At     time.Time          // when it was journalled
	Person reminder.PersonKey // "" for bars and switches
	// Body is one of Planned, Owned, consent.Record, Contact, receipt.Intent, receipt.Outcome, receipt.Verdict,
	// receipt.Preview, receipt.Report, Letter, Erased, Merged, Bar, Switch, Trim; nil for an entry whose key is gone: it only moves Applied.
	// An Orphan has no Person either.
	Body any
}

// Run is a run of one shard's entries, and how far it moves Applied.
type Run struct {
	Shard    int
	From, To Vector
	Changes  []Change
}

// Planned is a plan entry. Sealed is the sealed appointment, opaque here.
type Planned struct {
	Plan      plan.Plan
	System    string
	Protected bool
	Deceased  bool
	Sealed    []byte
}

// Owned takes an appointment away from a person: the booking system gave it to another.
type Owned struct {
	Appointment reminder.AppointmentKey `json:"appointment"`
	Order       reminder.Order          `json:"order"`
}

// Letter is that somebody has written to or rung the patient of an appointment, or, with Undone, that they have not. It counts where the
// appointment's Tag and Told are still those that the writer saw.
type Letter struct {
	Appointment reminder.AppointmentKey `json:"appointment"`
	Tag         string                  `json:"tag,omitempty"`
	Told        string                  `json:"told,omitempty"`
	By          string                  `json:"by"`
	Undone      bool                    `json:"undone,omitempty"`
}

// Contact is an address record with its address sealed; Record.Address is empty here.
type Contact struct {
	contact.Record
	Sealed []byte `json:"sealed,omitempty"`
}

// Bar is a STOP for an address, or, with Lifted, the START that takes it back; see Bars.
type Bar struct {
	Address reminder.AddressHash `json:"address"`
	Lifted  bool                 `json:"lifted,omitempty"`
	Via     string               `json:"via,omitempty"`
	Said    time.Time            `json:"said,omitzero"` // when it came in; zero = when it was written. Nothing is folded of it.
}

// Whose a bar is, as Via tells: a clerk's, a carrier's that keeps a list of its own (ViaList and its name), and with any other Via
// that of the address itself, from which an answer came.
const (
	ViaStaff = "staff"
	ViaList  = "carrier:"
)

// Own reports whether the address itself set the bar, or lifts it.
func (b Bar) Own() bool { return b.Via != ViaStaff && !strings.HasPrefix(b.Via, ViaList) }

// Bars are the bars of one address. Its own STOP and what a clerk or a carrier's list set stand beside each other: a START from the
// address lifts the first alone, a clerk all. So whatever comes in the same moment, their order in the journal decides nothing.
type Bars uint8

// The bars there are.
const (
	OwnBar  Bars = 1 << iota // the address said STOP
	KeptBar                  // a clerk's, or of a carrier's list
)

// After is what an entry makes of them.
func (is Bars) After(b Bar) Bars {
	switch {
	case b.Lifted && b.Own():
		return is &^ OwnBar
	case b.Lifted:
		return 0
	case b.Own():
		return is | OwnBar
	}
	return is | KeptBar
}

// Switch stops sending for a name ("all", "unit:<id>", "template:<name>", "carrier:<route>", "pack:<id>"), or, with On
// false, lets it go on.
type Switch struct {
	Name   string `json:"name"`
	On     bool   `json:"on"`
	Reason string `json:"reason,omitempty"`
}

// Trim forgets what ended before Before: the fold of the retention sweep.
type Trim struct {
	Before time.Time `json:"before"`
}

// Leased is a lease with the sealed appointment it is about, and the one the person was last told of.
type Leased struct {
	reminder.Lease
	Sealed []byte
	Told   []byte
}

// Confirmation is what Confirm checks for one attempt, after its wire mark is written.
type Confirmation struct {
	Reminder      reminder.ID
	Person        reminder.PersonKey
	Token         string
	Version       uint64
	PersonVersion uint64
	Attempt       int
	Claim         string
	Address       reminder.AddressHash
	Switches      []string // names that would stop it
	CapMax        int      // 0 = no cap
	CapPer        time.Duration
	At            time.Time
	NotAfter      time.Time
}

// Wire is a mark: this claim may be on its way to this address.
type Wire struct {
	Claim    string
	Reminder reminder.ID
	Person   reminder.PersonKey
	Address  reminder.AddressHash
}

// Held is what is held of an appointment: the zero Held is an appointment never heard of.
type Held struct {
	Person reminder.PersonKey // who holds it by the newest order; of one order, by the first entry
	Order  reminder.Order
	Status plan.Status
	Others []reminder.PersonKey // who hold it still, and shouldn't: it was not Taken from them
}

// State is the store. Every method honours ctx; a failure of the store is an error, never an empty answer.
type State interface {
	// Begin begins a projector's term: it answers how far each shard is folded, and from there the projector folds all that
	// comes. A store that shows less than that later has lost writes, and what is missing must be folded again, from another
	// Begin: nothing is folded or certified before.
	Begin(ctx context.Context) ([reminder.Shards]Vector, error)
	// Applied is how far shard is folded.
	Applied(ctx context.Context, shard int) (Vector, error)
	// Fold applies runs of different shards, each atomically and by itself: its changes in order, and Applied from From to
	// To. Changes at or below From of their stream are skipped. It answers an error a run, ErrStale when Applied is not From.
	Fold(ctx context.Context, runs ...Run) []error
	// Await returns when shard has folded seq of stream, or with ctx's error.
	Await(ctx context.Context, shard int, stream Stream, seq uint64) error

	// Certify vouches for the state for the time d. Only a projector that has caught up calls it.
	Certify(ctx context.Context, d time.Duration) error
	// Certified answers ErrNotCertified when nobody vouches.
	Certified(ctx context.Context) error

	// Lease hands out up to limit reminders of route that are due at due, one a person, each for the time d.
	Lease(ctx context.Context, route string, due time.Time, limit int, d time.Duration) ([]Leased, error)
	// Retry gives a lease back; the reminder is due again at at, on route. ErrLost when lease or plan has moved.
	Retry(ctx context.Context, l reminder.Lease, at time.Time, route string) error
	// Done ends a lease. A lease that has ended already is no error.
	Done(ctx context.Context, l reminder.Lease) error

	// Persons answers in the order of keys with what the gate looks at: everything but Appointments and Reminders. Who has
	// no record has Version 0.
	Persons(ctx context.Context, keys []reminder.PersonKey) ([]Person, error)
	// Behind answers what is known of addresses, in order.
	Behind(ctx context.Context, addresses []reminder.AddressHash) ([]Address, error)
	// Whose answers who has an address as theirs, in any order. It needs a certified state: that it is nobody's must not be read
	// from a store that lost it.
	Whose(ctx context.Context, address reminder.AddressHash) ([]reminder.PersonKey, error)
	// Switches are the names that stop sending now, with their reasons.
	Switches(ctx context.Context) (map[string]string, error)
	// Confirm marks and checks; an element is nil when the attempt may be written to the wire now. It takes from the
	// frequency cap, and an outcome which says that the message did not leave gives it back.
	Confirm(ctx context.Context, cs []Confirmation) ([]error, error)
	// Wires are the marks behind an address, or of a person where address is "". It needs a certified state: that nothing is
	// on the wire must not be read from a store that lost its marks.
	Wires(ctx context.Context, address reminder.AddressHash, person reminder.PersonKey) ([]Wire, error)
	// Forsake closes claims whose hand-over surely never began and now never can: an element is true when there is no
	// wire mark in state that has been certified without a break since the intent was folded.
	Forsake(ctx context.Context, os []receipt.Open) ([]bool, error)
	// Needs is the sequence of the first plan entry of the oldest appointment that is held, 0 when none is: what stands in
	// the journal before it may go. It needs a state that is certified without a break from the first look to the last.
	Needs(ctx context.Context) (uint64, error)
	// Opens are the attempts without an outcome whose intent was journalled before before.
	Opens(ctx context.Context, before time.Time) ([]receipt.Open, error)

	// Appointments answers what is held of each appointment, in order.
	Appointments(ctx context.Context, as []reminder.AppointmentKey) ([]Held, error)
	// Named answers which attempts, by their claims, each name is of, in order: none, mostly one, or several where a carrier gives an id
	// more than once. That it is of none may be said by a store that was just emptied, too.
	Named(ctx context.Context, names []Name) ([][]string, error)
	// Orphans are the reports that wait for their attempt, in any order.
	Orphans(ctx context.Context) ([]Orphan, error)
	// Claimants answers whose each claim is, in order, from when its intent took effect until its attempt is trimmed; "" is a
	// claim on nothing.
	Claimants(ctx context.Context, claims []string) ([]reminder.PersonKey, error)
	// Agenda calls fn with every person who stands on an agenda under until or a time before it, to the millisecond, until
	// it errs; a zero until is the end of time. The order is any; who comes onto the agenda or goes from it meanwhile may be
	// missing. The Person must not be kept or changed, and fn must not call the State.
	Agenda(ctx context.Context, a Agenda, until time.Time, fn func(*Person) error) error
	// View calls fn with one whole person, if there is one; Each calls it for every person until it errs. The Person must
	// not be kept or changed, and fn must not call the State.
	View(ctx context.Context, key reminder.PersonKey, fn func(*Person) error) error
	Each(ctx context.Context, fn func(*Person) error) error
	// Counts is the number of reminders in each status.
	Counts(ctx context.Context) (map[receipt.Status]int, error)
	// Pending is how many reminders are due at due and not leased, how many leases are held, and the next due time.
	Pending(ctx context.Context, due time.Time) (Pending, error)
}

// Pending is the work in the due index.
type Pending struct {
	Due    int
	Leased int
	Next   time.Time // of those not yet due; zero = none
}

// Address is what is known of an address.
type Address struct {
	Barred  bool
	Kept    bool // by a clerk or a carrier's list: a START from the address leaves it barred
	Persons int  // who have it as theirs
}
