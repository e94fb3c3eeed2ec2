package web

import (
	"context"
	"errors"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

type receiptInput struct {
	ID     string `path:"id" pattern:"^([1-9]-[0-9a-f]{32}|[0-9a-f]{28})$" patternDescription:"a reminder's id, or the reference that a carrier was given"`
	Reason string `query:"reason" doc:"Why, for the audit; no number, no name"`
}

// receipt tells what became of a reminder's attempts, or of the one with a reference.
func (a *API) receipt(ctx context.Context, c *caller, in *receiptInput) (ledger.Receipt, error) {
	none := ledger.Receipt{}
	reason, err := reasonOf(in.Reason, false)
	if err != nil {
		return none, err
	}
	var person reminder.PersonKey
	id, reference := reminder.ID(in.ID), ""
	if !idRE.MatchString(in.ID) {
		reference = in.ID
		if person, id, err = a.o.Ledger.ReminderOf(ctx, reference); errors.Is(err, ledger.ErrNoAttempt) {
			return none, ErrNotFound
		}
		if err != nil {
			return none, err
		}
	}
	r, err := a.oneReminder(ctx, string(id), string(person))
	if err != nil {
		return none, err
	}
	if err := a.audit(ctx, c, ofUnit(r.Unit), "receipt.show "+in.ID, r.Person, "", reason); err != nil {
		return none, err
	}
	return a.o.Ledger.Receipt(ctx, r.Person, r.ID, reference)
}
