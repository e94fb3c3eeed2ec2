package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Units lists the units with which the person has an appointment, or had one that is still kept: a cancelled one and one beyond the
// horizon too. An erased person has none, and what can't be read is stepped over.
func (l *Ledger) Units(ctx context.Context, key reminder.PersonKey) ([]string, error) {
	var sealed [][]byte
	err := l.o.State.View(ctx, key, func(p *state.Person) error {
		for _, a := range p.Appointments {
			if a.Status != plan.Single { // whom a clinic sent a code is not yet its patient
				sealed = append(sealed, a.Sealed)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	var units []string
	for _, s := range sealed {
		a, err := l.openAppointment(key, s)
		switch {
		case errors.Is(err, journal.ErrErased):
			continue
		case errors.Is(err, journal.ErrDisconnected):
			return nil, err
		case err != nil:
			l.steppedOver("an appointment of a person can't be read", err, zap.String("person", string(key)))
			continue
		}
		if a.Unit != "" && !slices.Contains(units, a.Unit) {
			units = append(units, a.Unit)
		}
	}
	slices.Sort(units)
	return units, nil
}
