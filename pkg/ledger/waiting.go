package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// waitingItem is a letter, an attempt in doubt or a held message, with its appointment.
type waitingItem struct {
	person reminder.PersonKey
	key    reminder.AppointmentKey
	sealed []byte
	letter bool
	count  func(*reminder.Waiting) *int
}

// Waiting counts, for each unit, what has waited for its staff since before an instant: wishes to cancel that are not done, by when they
// were written first; misdeliveries that nobody has taken on, for each unit whose patients they are about; letters and calls that are
// final; attempts in doubt; held messages. What is of no unit that can be told is left out. It looks through everybody: ErrBusy when ctx
// has ended before its turn has come.
func (r *Replies) Waiting(ctx context.Context, before time.Time) (map[string]reminder.Waiting, error) {
	out := map[string]reminder.Waiting{}
	add := func(unit string, count func(*reminder.Waiting) *int) {
		if unit == "" {
			return
		}
		w := out[unit]
		*count(&w)++
		out[unit] = w
	}
	wishes, err := r.Wishes(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, w := range wishes {
		if !w.First.After(before) {
			add(w.Unit, func(w *reminder.Waiting) *int { return &w.Wishes })
		}
	}
	if err := r.unowned(ctx, before, func(unit string) { add(unit, func(w *reminder.Waiting) *int { return &w.Misdeliveries }) }); err != nil {
		return nil, err
	}
	items, err := r.waitingItems(ctx, before)
	if err != nil {
		return nil, err
	}
	now := r.o.Now()
	for _, x := range items {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		a, err := r.openAppointment(x.person, x.sealed)
		switch {
		case errors.Is(err, journal.ErrDisconnected):
			return nil, err
		case err != nil && !errors.Is(err, journal.ErrErased):
			r.steppedOver("the appointment of what waits can't be read", err, zap.String("appointment", string(x.key)))
		case err == nil && (!x.letter || a.Start.After(now)):
			add(a.Unit, x.count)
		}
	}
	return out, nil
}

// unowned tells the units of each misdelivery that nobody has taken on: once each.
func (r *Replies) unowned(ctx context.Context, before time.Time, tell func(unit string)) error {
	all, err := r.Misdeliveries(ctx, "")
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.Owner != "" || !m.Done.IsZero() || m.Aware.After(before) {
			continue
		}
		told := map[string]bool{}
		for _, p := range m.Persons {
			units, err := r.Units(ctx, p)
			if err != nil {
				return err
			}
			for _, u := range units {
				if !told[u] {
					told[u] = true
					tell(u)
				}
			}
		}
	}
	return nil
}

// waitingItems are the letters, doubts and held messages that have waited since before an instant.
func (r *Replies) waitingItems(ctx context.Context, before time.Time) ([]waitingItem, error) {
	leave, err := r.scan(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var items []waitingItem
	now := r.o.Now()
	err = r.o.State.Each(ctx, func(p *state.Person) error {
		for key, a := range p.Appointments {
			x := waitingItem{person: p.Key, key: key, sealed: a.Sealed}
			if (a.Ends.IsZero() || a.Ends.After(now)) && letterSince(p, key, a, before) {
				x.letter, x.count = true, func(w *reminder.Waiting) *int { return &w.Letters }
				items = append(items, x)
			}
		}
		for _, m := range p.Reminders {
			a := p.Appointments[m.Appointment]
			if a == nil {
				continue
			}
			x := waitingItem{person: p.Key, key: m.Appointment, sealed: a.Sealed}
			if m.Status == receipt.Held && !m.Since.After(before) {
				x.count = func(w *reminder.Waiting) *int { return &w.Held }
				items = append(items, x)
			}
			for _, t := range m.Attempts {
				if t.Status == receipt.Unknown && !t.Settled.After(before) {
					x.count = func(w *reminder.Waiting) *int { return &w.Doubts }
					items = append(items, x)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return items, nil
}

// letterSince reports whether an appointment is finally on the letter list, and nothing has become of its reminders since an instant. A
// call of which no reminder tells since when it is due counts at once.
func letterSince(p *state.Person, key reminder.AppointmentKey, a *state.Appointment, before time.Time) bool {
	x, listed, _ := letterOf(p, key, a)
	if !listed || x.Provisional {
		return false
	}
	for _, m := range p.Reminders {
		if m.Appointment == key && m.Since.After(before) {
			return false
		}
	}
	return true
}
