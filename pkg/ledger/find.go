package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Find lists the reminders of one appointment, by the id that a booking system knows it by, the earliest due first. It looks at the
// persons alone who hold the appointment, and makes no list of everybody's.
func (l *Ledger) Find(ctx context.Context, system, appointment string) ([]ReminderView, error) {
	key := l.o.Pseudonyms.Appointment(system, appointment)
	held, err := l.o.State.Appointments(ctx, []reminder.AppointmentKey{key})
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	persons := slices.Clone(held[0].Others)
	if p := held[0].Person; p != "" {
		persons = append(persons, p)
	}
	now := l.o.Now()
	all := &first[found]{by: byDue}
	for _, p := range persons {
		err := l.o.State.View(ctx, p, func(p *state.Person) error {
			for id, r := range p.Reminders {
				if r.Appointment == key {
					x := viewOf(p, id, r, now)
					x.view.Attempts = attemptsOf(r)
					all.add(x)
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
	}
	out := []ReminderView{}
	for _, x := range all.sorted() {
		l.unsealed(&x)
		out = append(out, x.view)
	}
	return out, nil
}
