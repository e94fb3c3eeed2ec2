package app

import (
	"context"
	"errors"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// Written implements web.Clinic.
func (d desk) Written(ctx context.Context, p reminder.PersonKey, id reminder.ID) (ledger.Written, error) {
	x, err := d.Ledger.Written(ctx, p, id)
	return x, webError(err)
}

// Take implements web.Clinic.
func (d desk) Take(ctx context.Context, id, by string) (ledger.Taken, error) {
	x, err := d.Replies.Take(ctx, id, by)
	if errors.Is(err, ledger.ErrNoWish) {
		err = web.ErrNotFound
	}
	return x, err
}

// Life implements web.Clinic.
func (d desk) Life(ctx context.Context, p reminder.PersonKey, id reminder.ID) (ledger.Life, error) {
	x, err := d.Ledger.Life(ctx, p, id)
	return x, webError(err)
}

// Receipt implements web.Ledger.
func (d desk) Receipt(ctx context.Context, p reminder.PersonKey, id reminder.ID, reference string) (ledger.Receipt, error) {
	x, err := d.Ledger.Receipt(ctx, p, id, reference)
	return x, webError(err)
}
