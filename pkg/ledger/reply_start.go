package ledger

import (
	"context"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Start lifts the bar of an address. It grants nothing. One that the address itself said lifts what its own STOP set, and leaves a
// clerk's bar and that of a carrier's list where they are: the fold keeps them apart, see state.Bars. That it was asked for is then in
// the audit, for the clerk.
func (l *Ledger) Start(ctx context.Context, from reminder.Address, via string) error {
	hash := l.o.Pseudonyms.Address(from)
	if err := l.bar(ctx, hash, via, true); err != nil || via == state.ViaStaff {
		return err
	}
	var as []state.Address
	err := l.ask(ctx, func() (err error) { as, err = l.o.State.Behind(ctx, []reminder.AddressHash{hash}); return err })
	if err != nil || !as[0].Kept {
		return err
	}
	return l.Audit(ctx, Audit{Actor: via, Action: "start.refused", Address: hash})
}
