package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Lease hands out up to limit due reminders of a route, with their appointments unsealed.
func (l *Ledger) Lease(ctx context.Context, route string, due time.Time, limit int) ([]reminder.Lease, error) {
	if err := l.Steady(); err != nil {
		return nil, err
	}
	ls, err := l.o.State.Lease(ctx, route, due, limit, l.o.LeaseFor)
	if err != nil {
		return nil, err
	}
	out := make([]reminder.Lease, 0, len(ls))
	for _, x := range ls {
		lease, err := l.unseal(x)
		if err == nil {
			out = append(out, lease)
			continue
		}
		if !errors.Is(err, journal.ErrErased) {
			l.unreadable(x, err) // its lease ends by itself; the others are not held up
			continue
		}
		// The person was erased: nothing is left to send.
		if err := errors.Join(l.Rule(ctx, []receipt.Verdict{{Reminder: x.Reminder, Person: x.Person, Status: receipt.Cancelled}}), l.Done(ctx, x.Lease)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// unreadable tells of a reminder whose appointment this program can't read. It stays what it is until its time has passed.
func (l *Ledger) unreadable(x state.Leased, err error) {
	l.o.Log.Error("the appointment of a reminder can't be read", zap.String("reminder", string(x.Reminder)), zap.Error(err))
}

func (l *Ledger) unseal(x state.Leased) (reminder.Lease, error) {
	var err error
	if x.Appointment, err = l.openAppointment(x.Person, x.Sealed); err != nil {
		return x.Lease, err
	}
	if len(x.Told) > 0 {
		told, err := l.openAppointment(x.Person, x.Told)
		if err != nil {
			return x.Lease, err
		}
		x.Lease.Told = told.Start
	}
	return x.Lease, nil
}

// Retry gives a lease back until at. ErrLost from the state says that it was no longer this worker's.
func (l *Ledger) Retry(ctx context.Context, x reminder.Lease, at time.Time, route string) error {
	return l.o.State.Retry(ctx, x, at, route)
}

// Done ends a lease.
func (l *Ledger) Done(ctx context.Context, x reminder.Lease) error { return l.o.State.Done(ctx, x) }

// Intend journals intents in one atomic batch and waits until they are folded. After journal.ErrUncertain the intents may
// be there: the caller must not go on with them, nor append them again.
func (l *Ledger) Intend(ctx context.Context, is []receipt.Intent) error {
	if err := l.Steady(); err != nil {
		return err
	}
	return writeAll(ctx, l, journal.KindIntent, is, func(i receipt.Intent) reminder.PersonKey { return i.Person })
}

// Settle journals outcomes. It tries until they are on disk or ctx ends: an outcome that is written twice folds once.
func (l *Ledger) Settle(ctx context.Context, os []receipt.Outcome) error {
	err := l.insist(ctx, func() error {
		return writeAll(ctx, l, journal.KindOutcome, os, func(o receipt.Outcome) reminder.PersonKey { return o.Person })
	})
	for _, o := range os {
		if err == nil && o.Fault != "" {
			// The outcome is on disk, and that counts; an address that is not marked is tried once more, and says so again.
			if err := l.markAddress(ctx, o.Person, o.Claim); err != nil {
				l.o.Log.Warn("an address that reaches nobody is not marked", zap.String("attempt", o.Claim), zap.Error(err))
			}
		}
	}
	return err
}

// Rule journals verdicts: denied, held, expired. The reason is sealed, for it can tell that a person is deceased or
// protected.
func (l *Ledger) Rule(ctx context.Context, vs []receipt.Verdict) error {
	if slices.ContainsFunc(vs, func(v receipt.Verdict) bool { return v.Status == receipt.Expired }) {
		if err := l.Steady(); err != nil {
			return err
		}
	}
	return writeReasons(ctx, l, journal.KindVerdict, vs, func(v *receipt.Verdict) (reminder.PersonKey, *string) { return v.Person, &v.Decision.Reason })
}

// Preview journals what the gate would say, the reason sealed. That it could not say is journalled once, however often it is asked.
func (l *Ledger) Preview(ctx context.Context, ps []receipt.Preview) error {
	var fresh []receipt.Preview
	for _, p := range ps {
		told := false
		if p.Undecided {
			err := l.o.State.View(ctx, p.Person, func(x *state.Person) error {
				r := x.Reminders[p.Reminder]
				told = r != nil && !r.Previewed && receipt.IsUndecided(r.Letter)
				return nil
			})
			if err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
		}
		if !told {
			fresh = append(fresh, p)
		}
	}
	ps = fresh
	return writeReasons(ctx, l, journal.KindPreview, ps, func(p *receipt.Preview) (reminder.PersonKey, *string) { return p.Person, &p.Reason })
}

// writeReasons writes records whose reason is taken out of the clear part and sealed. Of an erased person none is kept.
func writeReasons[T any](ctx context.Context, l *Ledger, k journal.Kind, bodies []T, reason func(*T) (reminder.PersonKey, *string)) error {
	now := l.o.Now()
	entries := make([]journal.Entry, len(bodies))
	for i, b := range bodies {
		person, why := reason(&b)
		said := *why
		*why = ""
		var err error
		if entries[i], err = record(k, person, now, b); err != nil {
			return err
		}
		if said == "" {
			continue
		}
		if entries[i].Flags, err = l.seal(person, sealedReason, said); err != nil && !errors.Is(err, journal.ErrErased) {
			return err
		}
	}
	return l.writeBatches(ctx, entries)
}

func writeAll[T any](ctx context.Context, l *Ledger, k journal.Kind, bodies []T, person func(T) reminder.PersonKey) error {
	now := l.o.Now()
	entries := make([]journal.Entry, len(bodies))
	for i, b := range bodies {
		var err error
		if entries[i], err = record(k, person(b), now, b); err != nil {
			return err
		}
	}
	return l.writeBatches(ctx, entries)
}

// writeBatches writes entries in as few atomic batches as hold them.
func (l *Ledger) writeBatches(ctx context.Context, entries []journal.Entry) error {
	for len(entries) > 0 {
		n := min(len(entries), journal.MaxBatch)
		if err := l.write(ctx, entries[:n]...); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// insist repeats a write that may be repeated until it is on disk, ctx ends, or it is on disk but not folded yet.
func (l *Ledger) insist(ctx context.Context, write func() error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := write()
		if err == nil || errors.Is(err, ErrBehind) {
			return err
		}
		l.o.Log.Warn("the journal does not take an entry; trying again", zap.Error(err), zap.Duration("in", wait))
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", err, ctx.Err())
		case <-time.After(wait):
		}
	}
}

// Opens are the attempts without an outcome whose intent is older than before.
func (l *Ledger) Opens(ctx context.Context, before time.Time) ([]receipt.Open, error) {
	return l.o.State.Opens(ctx, before)
}

// Forsake closes claims whose hand-over surely never began; see state.State.
func (l *Ledger) Forsake(ctx context.Context, os []receipt.Open) ([]bool, error) {
	return l.o.State.Forsake(ctx, os)
}

// Previews are reminders that the gate has not been asked about: at planning, and again late before the start. They
// are leases without a token: nobody holds them. Those in passed are left out.
func (l *Ledger) Previews(ctx context.Context, now time.Time, late time.Duration, passed map[reminder.ID]bool, limit int) ([]reminder.Lease, error) {
	if err := l.Steady(); err != nil {
		return nil, err
	}
	out := []reminder.Lease{}
	for skip := 0; len(out) < limit; {
		found, err := l.unasked(ctx, now, late, passed, skip, limit-len(out))
		if err != nil || len(found) == 0 {
			return out, err
		}
		skip += len(found) // those that can't be read hold up nobody
		for _, x := range found {
			lease, err := l.unseal(x)
			switch {
			case errors.Is(err, journal.ErrErased):
			case err != nil:
				l.unreadable(x, err)
			default:
				out = append(out, lease)
			}
		}
	}
	return out, nil
}

// unasked are up to limit of the reminders that the gate is to be asked about and that are not in passed, after the first skip.
func (l *Ledger) unasked(ctx context.Context, now time.Time, late time.Duration, passed map[reminder.ID]bool, skip, limit int) ([]state.Leased, error) {
	var found []state.Leased
	full := errors.New("full")
	err := l.o.State.Agenda(ctx, state.Unasked, now.Add(late), func(p *state.Person) error {
		for _, id := range slices.Sorted(maps.Keys(p.Reminders)) {
			r := p.Reminders[id]
			a := p.Appointments[r.Appointment]
			if passed[id] || r.Status != receipt.Planned || a == nil || (r.Previewed && (r.Late || r.Expires.Sub(now) > late)) {
				continue
			}
			if skip > 0 {
				skip--
				continue
			}
			x, _ := p.Lease(id)
			x.Route = r.Route
			found = append(found, x)
			if len(found) == limit {
				return full
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, full) {
		return nil, err
	}
	return found, nil
}
