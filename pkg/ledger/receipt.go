package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Receipt is what became of the attempts of one reminder. It holds no name, number or text, and names nobody.
type Receipt struct {
	Reminder reminder.ID        `json:"reminder"`
	Person   reminder.PersonKey `json:"-"`              // for the audit
	Unit     string             `json:"unit,omitempty"` // "" when the person was erased or the appointment can't be read
	Status   receipt.Status     `json:"status"`
	Attempts []ReceiptAttempt   `json:"attempts"`
	// Complete is false where the journal has too much to read all of it: then steps may be missing.
	Complete bool `json:"complete"`
}

// ReceiptAttempt is one attempt, with what was journalled of it, the oldest first.
type ReceiptAttempt struct {
	Reference string           `json:"reference"` // that the carrier was given
	Number    int              `json:"number"`    // from 1
	Route     string           `json:"route"`
	Channel   reminder.Channel `json:"channel"`
	Carrier   string           `json:"carrier,omitempty"` // who took it
	CarrierID string           `json:"carrierId,omitempty"`
	Parts     []string         `json:"parts,omitempty"` // its ids of the second and further segments, where it reports each by itself
	Segments  int              `json:"segments,omitempty"`
	Status    receipt.Status   `json:"status"`
	At        time.Time        `json:"at"`               // when it was intended
	Settled   time.Time        `json:"settled,omitzero"` // since when it is what it is
	Code      string           `json:"code,omitempty"`
	Fault     receipt.Fault    `json:"fault,omitempty"`
	By        string           `json:"by,omitempty"` // who settled it by hand
	// Unreported: its carrier took it and has told nothing final of it in the time that it may take.
	Unreported bool       `json:"unreported,omitempty"`
	Steps      []LifeStep `json:"steps"`
}

// ReminderOf is the reminder that the attempt with a reference is of. ErrNoAttempt when there is none.
func (l *Ledger) ReminderOf(ctx context.Context, reference string) (reminder.PersonKey, reminder.ID, error) {
	if _, ok := reminder.ClaimShard(reference); !ok {
		return "", "", ErrNoAttempt
	}
	t, p, err := l.attempt(ctx, reference)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("ledger: %w", err)
	case t.Claim == "":
		return "", "", ErrNoAttempt
	}
	return p, t.Reminder, nil
}

// Receipt tells what became of a reminder's attempts, or with a reference of that one alone. journal.ErrNotFound when there is no such
// reminder.
func (l *Ledger) Receipt(ctx context.Context, p reminder.PersonKey, id reminder.ID, reference string) (Receipt, error) {
	leave, err := l.scan(ctx)
	if err != nil {
		return Receipt{}, err
	}
	defer leave()
	x, complete, err := l.lived(ctx, p, id, lifeMost)
	if err != nil {
		return Receipt{}, err
	}
	v := x.found.view
	out := Receipt{Reminder: v.ID, Person: p, Unit: v.Unit, Status: v.Status, Attempts: []ReceiptAttempt{}, Complete: complete}
	for i := range x.reminder.Attempts {
		if t := &x.reminder.Attempts[i]; reference == "" || t.Claim == reference {
			out.Attempts = append(out.Attempts, l.receiptOf(t, x.steps))
		}
	}
	return out, nil
}

func (l *Ledger) receiptOf(t *state.Attempt, steps []LifeStep) ReceiptAttempt {
	out := ReceiptAttempt{
		Reference: t.Claim, Number: t.Attempt, Route: t.Route, Channel: t.Channel, Carrier: t.Carrier, CarrierID: t.CarrierID, Parts: t.Parts,
		Segments: t.Segments, Status: t.Status, At: t.At, Settled: t.Settled, Code: t.Code, Fault: t.Fault, By: t.By,
		Unreported: l.isUnreported(t, l.o.Now()), Steps: []LifeStep{},
	}
	for _, s := range steps {
		if s.Reference == t.Claim {
			out.Steps = append(out.Steps, s)
		}
	}
	return out
}
