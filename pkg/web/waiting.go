package web

import (
	"context"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Why is what POST /v1/reminders/{id}/release and /cancel take.
type Why struct {
	Reason string `json:"reason"` // for the audit, and of a release for the journal
}

// Moved answers them.
type Moved struct {
	ID     reminder.ID    `json:"id"`
	Status receipt.Status `json:"status"` // planned or cancelled
}

type moveInput struct {
	ID   string `path:"id" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a reminder's id"`
	Body Why
}

// release plans a reminder again that a restored journal holds, since somebody has found that it did not leave, or that is held
// for digits that somebody has found to be nobody's.
func (a *API) release(ctx context.Context, c *caller, in *moveInput) (Moved, error) {
	return a.move(ctx, c, in, "reminder.release", receipt.Planned, a.o.Ledger.Release)
}

// cancel takes back a reminder that is planned or held.
func (a *API) cancel(ctx context.Context, c *caller, in *moveInput) (Moved, error) {
	return a.move(ctx, c, in, "reminder.cancel", receipt.Cancelled, func(ctx context.Context, p reminder.PersonKey, id reminder.ID, by, _ string) error {
		return a.o.Ledger.Cancel(ctx, p, id, by)
	})
}

func (a *API) move(
	ctx context.Context, c *caller, in *moveInput, action string, to receipt.Status,
	change func(ctx context.Context, p reminder.PersonKey, id reminder.ID, by, why string) error,
) (Moved, error) {
	id := in.ID
	reason, err := reasonOf(in.Body.Reason, true)
	if err != nil {
		return Moved{}, err
	}
	found, err := a.o.Ledger.Reminders(ctx, ledger.Filter{ID: reminder.ID(id)})
	if err != nil {
		return Moved{}, err
	}
	if len(found) == 0 {
		return Moved{}, ErrNotFound
	}
	x := found[0]
	for _, f := range found { // an appointment that was given to another person has the same reminder with both
		if f.Status == receipt.Planned || f.Status == receipt.Due || f.Status == receipt.Held {
			x = f
		}
	}
	if err := a.audit(ctx, c, ofUnit(x.Unit), action+" "+id, x.Person, "", reason); err != nil {
		return Moved{}, err
	}
	if err := change(ctx, x.Person, x.ID, c.actor, reason); err != nil {
		return Moved{}, err
	}
	return Moved{x.ID, to}, nil
}
