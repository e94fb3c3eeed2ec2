package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Doubt is an attempt of which nobody knows whether it left, or of which somebody has said so by hand. It is never sent again by
// itself, whatever is said of it.
type Doubt struct {
	Reference string             `json:"reference"` // that the carrier was given
	Reminder  reminder.ID        `json:"reminder"`
	Person    reminder.PersonKey `json:"person"`
	Unit      string             `json:"unit,omitempty"` // "" when the person was erased or the appointment can't be read
	Purpose   reminder.Purpose   `json:"purpose"`
	Start     time.Time          `json:"start,omitzero"`
	Attempt   int                `json:"attempt"`
	Route     string             `json:"route"`
	Channel   reminder.Channel   `json:"channel"`
	At        time.Time          `json:"at"`    // when it was intended
	Since     time.Time          `json:"since"` // when it came to be in doubt
	Code      string             `json:"code,omitempty"`
	CarrierID string             `json:"carrierId,omitempty"`
	Status    receipt.Status     `json:"status"`
	By        string             `json:"by,omitempty"`
}

// Doubts lists the attempts that are in doubt, the oldest first, at most most of them; 0 = all. It looks through everybody: ErrBusy when
// ctx has ended before its turn has come.
func (l *Ledger) Doubts(ctx context.Context, unit string, most int) ([]Doubt, error) {
	leave, err := l.scan(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	type doubt struct {
		Doubt
		of found
	}
	var all []doubt
	err = l.o.State.Each(ctx, func(p *state.Person) error {
		for id, r := range p.Reminders {
			for _, t := range r.Attempts {
				if t.Status == receipt.Unknown {
					all = append(all, doubt{doubtOf(p, id, r, t), viewOf(p, id, r, t.At)})
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	slices.SortFunc(all, func(a, b doubt) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Reference, b.Reference))
	})
	out := []Doubt{}
	for _, x := range all {
		if most > 0 && len(out) == most {
			break
		}
		if unit == "" || l.isOf(&x.of, unit) {
			l.unsealed(&x.of)
			x.Unit, x.Start = x.of.view.Unit, x.of.view.Start
			out = append(out, x.Doubt)
		}
	}
	return out, nil
}

func doubtOf(p *state.Person, id reminder.ID, r *state.Reminder, t state.Attempt) Doubt {
	return Doubt{
		Reference: t.Claim, Reminder: id, Person: p.Key, Purpose: r.Purpose, Attempt: t.Attempt, Route: t.Route, Channel: t.Channel, At: t.At,
		Since: t.Settled, Code: t.Code, CarrierID: t.CarrierID, Status: t.Status, By: t.By,
	}
}

// ErrNoDoubt means that an attempt is not in doubt: its carrier has answered, or it has not been handed over.
var ErrNoDoubt = errors.New("ledger: the attempt is not in doubt")

// Doubt is one attempt that is in doubt, or that somebody has settled by hand. ErrNoAttempt when there is none with the reference,
// ErrNoDoubt when the carrier has settled it.
func (l *Ledger) Doubt(ctx context.Context, reference string) (Doubt, error) {
	if _, ok := reminder.ClaimShard(reference); !ok {
		return Doubt{}, ErrNoAttempt
	}
	persons, err := l.o.State.Claimants(ctx, []string{reference})
	if err != nil {
		return Doubt{}, fmt.Errorf("ledger: %w", err)
	}
	var x Doubt
	var of found
	err = l.o.State.View(ctx, persons[0], func(p *state.Person) error {
		for id, r := range p.Reminders {
			for _, t := range r.Attempts {
				if t.Claim == reference {
					x, of = doubtOf(p, id, r, t), viewOf(p, id, r, t.At)
				}
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return Doubt{}, fmt.Errorf("ledger: %w", err)
	case x.Reference == "":
		return Doubt{}, ErrNoAttempt
	case x.Status != receipt.Unknown && x.By == "":
		return Doubt{}, ErrNoDoubt
	}
	l.unsealed(&of)
	x.Unit, x.Start = of.view.Unit, of.view.Start
	return x, nil
}

// SettleByHand journals what somebody has learnt from a carrier of an attempt that is in doubt: it left, or it did not. Nothing is sent by
// it: what did not leave is rejected, and its appointment on the letter list. A later answer of the carrier counts more. Said anew it
// takes the place of what was said before. The errors are those of Doubt.
func (l *Ledger) SettleByHand(ctx context.Context, reference string, left bool, by string) (Doubt, error) {
	x, err := l.Doubt(ctx, reference)
	if err != nil {
		return x, err
	}
	o := receipt.Outcome{
		Reminder: x.Reminder, Person: x.Person, Attempt: x.Attempt, Claim: x.Reference, Status: receipt.Rejected, Code: receipt.ByHand, By: by,
	}
	if left {
		o.Status = receipt.Accepted
	}
	if err := l.Settle(ctx, []receipt.Outcome{o}); err != nil {
		return x, err
	}
	return l.Doubt(ctx, reference) // the carrier may have been faster
}
