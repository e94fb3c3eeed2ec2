package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Accept plans a batch of appointments and journals the plans as one atomic batch. Nil means that all of it is on disk and
// folded. An element error says that this one can never be planned (its unit is unknown) and nothing was written for it.
func (l *Ledger) Accept(ctx context.Context, as []reminder.Appointment) ([]error, error) {
	if err := l.Steady(); err != nil {
		return nil, err
	}
	l.erasing.RLock()
	defer l.erasing.RUnlock()
	errs := make([]error, len(as))
	now := l.o.Now()
	keys := make([]reminder.AppointmentKey, len(as))
	var persons []reminder.PersonKey
	for i, a := range as {
		keys[i] = a.Key
		if !l.forgotten(a, now) {
			persons = append(persons, a.Person)
		}
	}
	held, err := l.o.State.Appointments(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	// What this batch makes of an appointment, so that two events of it in one batch see each other.
	newest := make(map[reminder.AppointmentKey]state.Held, len(as))
	for i, key := range keys {
		if _, ok := newest[key]; !ok {
			newest[key] = held[i]
		}
	}
	if err := l.o.Keys.Ensure(ctx, now, persons...); err != nil {
		return nil, err
	}
	var entries []journal.Entry
	again := map[reminder.AppointmentKey]bool{} // what other processes may have been given at the same moment
	for i, a := range as {
		h := newest[a.Key]
		if len(h.Others) > 0 {
			again[a.Key] = true
		}
		if h.Person != "" && !a.Order.Newer(h.Order) {
			continue // said before, or older than what was said: the fold would ignore it
		}
		if l.forgotten(a, now) {
			continue
		}
		p, err := l.o.Planner.Plan(a, said(a, now))
		if err != nil {
			errs[i] = err
			continue
		}
		if h.Person != "" && h.Person != a.Person {
			e, err := record(journal.KindOwned, h.Person, now, state.Owned{Appointment: a.Key, Order: a.Order})
			if err != nil {
				return nil, err
			}
			entries = append(entries, e)
		}
		e, err := l.planEntry(a, p, now)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
		newest[a.Key], again[a.Key] = state.Held{Person: a.Person, Order: a.Order, Status: p.Status}, true
	}
	for len(entries) > 0 {
		n := min(len(entries), journal.MaxBatch)
		if err := l.write(ctx, entries[:n]...); err != nil {
			return nil, err
		}
		entries = entries[n:]
		l.m.planned.Add(float64(n))
	}
	l.silencedBookings(ctx, as)
	return errs, l.takeFromOthers(ctx, slices.Collect(maps.Keys(again)))
}

// takeFromOthers leaves each appointment with one person. Two processes may take in two events of an appointment at the same
// moment, of two persons, neither seeing the other's; but each looks here after its own is folded, and so the later one sees
// both. Who fails before that is given its events again, and finds the others then.
func (l *Ledger) takeFromOthers(ctx context.Context, keys []reminder.AppointmentKey) error {
	if len(keys) == 0 {
		return nil
	}
	held, err := l.o.State.Appointments(ctx, keys)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	now := l.o.Now()
	var entries []journal.Entry
	for i, h := range held {
		for _, p := range h.Others {
			e, err := record(journal.KindOwned, p, now, state.Owned{Appointment: keys[i], Order: h.Order})
			if err != nil {
				return err
			}
			entries = append(entries, e)
		}
	}
	return l.writeBatches(ctx, entries)
}

// forgotten reports whether an appointment was said before its person was erased: it is never taken in.
func (l *Ledger) forgotten(a reminder.Appointment, now time.Time) bool {
	erased, ok := l.o.Keys.Erased(a.Person)
	return ok && !said(a, now).After(erased)
}

// said is when the booking system said it: when the event came to the broker, or when the booking system changed the
// appointment where it tells. Plans are made as of then: a reminder that fell due while the event waited for us is late, not
// useless, while one that was past already when the patient booked helps nobody.
func said(a reminder.Appointment, now time.Time) time.Time {
	at := a.Came
	if at.IsZero() || at.After(now) {
		at = now
	}
	if t := a.Order.SourceTime; !t.IsZero() && t.Before(at) {
		return t
	}
	return at
}

func (l *Ledger) planEntry(a reminder.Appointment, p plan.Plan, now time.Time) (journal.Entry, error) {
	e, err := record(journal.KindPlan, a.Person, now, p)
	if err != nil {
		return e, err
	}
	b, err := encodeAppointment(a)
	if err != nil {
		return e, fmt.Errorf("ledger: encode appointment: %w", err)
	}
	if e.Sealed, err = l.o.Keys.Seal(a.Person, sealedAppointment, b); err != nil {
		return e, err
	}
	e.Flags, err = l.seal(a.Person, sealedFlags, flags{System: a.System, Protected: a.Protected, Deceased: a.Deceased})
	return e, err
}
