package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// codeRule is the rule that a one-time code's reminder is said to come of.
const codeRule = "code"

// Code is a one-time code that is to be sent at once.
type Code struct {
	Person    reminder.PersonKey
	Challenge reminder.Challenge
	Unit      string
	Language  string    // "" = the unit's
	Reference string    // random, names it
	NotAfter  time.Time // of no use from here on
}

// CodeState is what became of a code.
type CodeState struct {
	Status receipt.Status
	Reason string // of Denied, Held and Rejected; from a closed list
}

// Over reports whether nothing more comes of it by itself.
func (s CodeState) Over() bool {
	switch s.Status {
	case receipt.Planned, receipt.Intended:
		return false
	}
	return true
}

// Left reports whether the code left, or may have: false says that it surely did not, or did not arrive. Of one that is not Over
// nothing is known yet.
func (s CodeState) Left() bool { return s.Sure() || s.Status == receipt.Unknown }

// Sure reports whether the carrier has it.
func (s CodeState) Sure() bool { return s.Status == receipt.Accepted || s.Status == receipt.Delivered }

// ErrNoCode means that no code of that reference is kept.
var ErrNoCode = errors.New("ledger: no code of that reference is kept")

// PlanCode journals that a code is to be sent now: it goes the way of every reminder. Number and code are in the sealed part alone.
// Nil means that it is on disk and folded.
func (l *Ledger) PlanCode(ctx context.Context, c Code) error {
	now := l.o.Now()
	if err := l.o.Keys.Ensure(ctx, now, c.Person); err != nil {
		return err
	}
	key, id := l.codeIDs(c.Reference)
	a := reminder.Appointment{
		Key: key, System: reminder.HusksOwn, ID: c.Reference, Order: reminder.Order{SourceTime: now}, Status: reminder.Booked, Start: time.Time{}.UTC(),
		Unit: c.Unit, Language: c.Language, Person: c.Person, Challenge: &c.Challenge,
	}
	p := plan.Plan{
		Appointment: key, Person: c.Person, Order: a.Order, Status: plan.Single, StartTag: codeRule, PlannedAt: now,
		Ends: c.NotAfter.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour),
		Reminders: []plan.Wanted{{
			ID: id, Rule: codeRule, Purpose: reminder.Verify, Due: now, Expires: c.NotAfter, Route: string(c.Challenge.Address.Channel),
		}},
	}
	e, err := l.planEntry(a, p, now)
	if err != nil {
		return err
	}
	return l.write(ctx, e)
}

func (l *Ledger) codeIDs(reference string) (reminder.AppointmentKey, reminder.ID) {
	key := l.o.Pseudonyms.Appointment(reminder.HusksOwn, reference)
	return key, l.o.Pseudonyms.Reminder(key, codeRule, time.Time{})
}

// CodeState is where a code stands. ErrNoCode when there is none.
func (l *Ledger) CodeState(ctx context.Context, person reminder.PersonKey, reference string) (CodeState, error) {
	_, id := l.codeIDs(reference)
	out, found := CodeState{}, false
	err := l.look(ctx, person, func(x *state.Person) {
		if r := x.Reminders[id]; r != nil {
			out, found = CodeState{r.Status, r.Reason}, true
		}
	})
	if err == nil && !found {
		err = ErrNoCode
	}
	return out, err
}

// DropCode takes a code back that still waits, and answers where it then stands: one that a worker has in hand goes on.
func (l *Ledger) DropCode(ctx context.Context, person reminder.PersonKey, reference, why string) (CodeState, error) {
	_, id := l.codeIDs(reference)
	v := receipt.Verdict{Reminder: id, Person: person, Status: receipt.Cancelled, Decision: receipt.Decision{Reason: why}}
	if err := l.Rule(ctx, []receipt.Verdict{v}); err != nil {
		return CodeState{}, err
	}
	return l.CodeState(ctx, person, reference)
}

// CodeAddress is the number that a code was for, from the journal. ErrNoCode when there is none, or the person was erased since.
func (l *Ledger) CodeAddress(ctx context.Context, person reminder.PersonKey, reference string) (reminder.Address, error) {
	key, _ := l.codeIDs(reference)
	var sealed []byte
	err := l.look(ctx, person, func(x *state.Person) {
		if a := x.Appointments[key]; a != nil {
			sealed = a.Sealed
		}
	})
	if err != nil {
		return reminder.Address{}, err
	}
	if len(sealed) == 0 {
		return reminder.Address{}, ErrNoCode
	}
	a, err := l.openAppointment(person, sealed)
	if err != nil {
		return reminder.Address{}, err
	}
	if a.Challenge == nil {
		return reminder.Address{}, ErrNoCode
	}
	return a.Challenge.Address, nil
}

// Silenced is told of each word after which a code that is out proves nothing: an address by its hash, a person, or both. It must
// not wait for anything for long; the word stands, whatever comes of it.
type Silenced func(ctx context.Context, person reminder.PersonKey, address reminder.AddressHash)

// silenceWait bounds what is done about codes before the word is answered.
const silenceWait = 2 * time.Second

func (l *Ledger) silenced(ctx context.Context, p reminder.PersonKey, a reminder.AddressHash) {
	if l.o.Silenced == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), silenceWait)
	defer cancel()
	l.o.Silenced(ctx, p, a)
}

// endsCodes reports whether a word leaves no code of the person good: who is protected or dead, or says no to everything, is not
// asked on.
func endsCodes(r consent.Record) bool {
	return r.Type == consent.Protected || r.Type == consent.Deceased || (r.IsNo() && len(r.Purposes) == 0)
}

// silencedBookings is silenced for those whom a booking system says to be protected or dead.
func (l *Ledger) silencedBookings(ctx context.Context, as []reminder.Appointment) {
	for _, a := range as {
		if a.Protected || a.Deceased {
			l.silenced(ctx, a.Person, "")
		}
	}
}

// look looks at one person. Nobody is no error: fn is not called.
func (l *Ledger) look(ctx context.Context, key reminder.PersonKey, fn func(*state.Person)) error {
	err := l.o.State.View(ctx, key, func(p *state.Person) error {
		fn(p)
		return nil
	})
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// ProveCode journals a record that a code was told back rightly, of the person and the hash in it: the number that the code was sent
// to is the person's. Its id comes from the code's reference, so that doing it again folds to nothing. ErrNoCode when no such code
// went there.
func (l *Ledger) ProveCode(ctx context.Context, reference string, r contact.Record) error {
	address, err := l.CodeAddress(ctx, r.Person, reference)
	if err != nil {
		return err
	}
	if l.o.Pseudonyms.Address(address) != r.Hash {
		return ErrNoCode
	}
	r.ID, r.Type, r.Address, r.Channel = codeRecord(reference), contact.Verified, address, address.Channel
	return l.Contact(ctx, r)
}

// CodeProven reports whether ProveCode has said so.
func (l *Ledger) CodeProven(ctx context.Context, person reminder.PersonKey, reference string) (bool, error) {
	ps, err := l.o.State.Persons(ctx, []reminder.PersonKey{person})
	if err != nil {
		return false, fmt.Errorf("ledger: %w", err)
	}
	return slices.ContainsFunc(ps[0].Contact, func(c state.Contact) bool { return c.ID == codeRecord(reference) }), nil
}

func codeRecord(reference string) string { return "code-" + reference }
