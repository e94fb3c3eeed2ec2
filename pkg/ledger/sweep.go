package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// sweepBatch is how much one sweep takes at a time.
const sweepBatch = 500

// SweepExpired ends reminders that are no longer useful and were not sent; the letter list shows them. It returns how
// many.
func (l *Ledger) SweepExpired(ctx context.Context) (int, error) {
	if err := l.Steady(); err != nil {
		return 0, err
	}
	now := l.o.Now()
	n := 0
	for {
		var vs []receipt.Verdict
		full := errors.New("full")
		err := l.o.State.Agenda(ctx, state.Expiring, now, func(p *state.Person) error {
			for id, r := range p.Reminders {
				if (r.Status == receipt.Planned || r.Status == receipt.Held) && !r.Expires.IsZero() && now.After(r.Expires) {
					vs = append(vs, receipt.Verdict{Reminder: id, Person: p.Key, Status: receipt.Expired, Decision: receipt.Decision{Reason: r.Reason}})
					if len(vs) == sweepBatch {
						return full
					}
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, full) {
			return n, fmt.Errorf("ledger: %w", err)
		}
		if len(vs) == 0 {
			return n, nil
		}
		if err := l.Rule(ctx, vs); err != nil {
			return n, err
		}
		n += len(vs)
	}
}

// SweepRemembered plans appointments that were beyond the horizon when they were booked. It returns how many it planned. One
// that can't be read is stepped over; one whose unit has left the directory waits for it, on the letter list.
func (l *Ledger) SweepRemembered(ctx context.Context) (int, error) {
	if err := l.Steady(); err != nil {
		return 0, err
	}
	type sealed struct {
		person reminder.PersonKey
		key    reminder.AppointmentKey
		bytes  []byte
	}
	var found []sealed
	err := l.o.State.Agenda(ctx, state.Remembered, time.Time{}, func(p *state.Person) error {
		for key, a := range p.Appointments {
			if a.Status == plan.Remembered {
				found = append(found, sealed{p.Key, key, a.Sealed})
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	now := l.o.Now()
	var entries []journal.Entry
	for _, x := range found {
		a, err := l.openAppointment(x.person, x.bytes)
		if errors.Is(err, journal.ErrErased) {
			continue
		}
		if err != nil {
			l.steppedOver("a remembered appointment can't be read", err, zap.String("appointment", string(x.key)))
			continue
		}
		p, err := l.o.Planner.Plan(a, now)
		if err != nil || p.Status == plan.Remembered {
			continue // its unit is gone from the directory, see Letters, or it is not its time
		}
		e, err := l.planEntry(a, p, now)
		if err != nil {
			return 0, err
		}
		entries = append(entries, e)
	}
	n := len(entries)
	for len(entries) > 0 {
		k := min(len(entries), sweepBatch)
		if err := l.write(ctx, entries[:k]...); err != nil {
			return 0, err
		}
		entries = entries[k:]
	}
	return n, nil
}

// SweepRetention lets go of what is kept no longer: appointments that ended longer ago than decisions are kept, dead letters and
// audit entries of their age, persons of whom nothing must be kept or proven; and destroys the keys of those and of who was erased
// since it ran last.
func (l *Ledger) SweepRetention(ctx context.Context) error {
	if err := l.Steady(); err != nil {
		return err
	}
	_, err := l.sweepKeys(ctx)
	now := l.o.Now()
	return errors.Join(l.sweepJournal(ctx), err,
		l.purgeOld(ctx, journal.StreamDead, now.Add(-l.o.Dead)), l.purgeOld(ctx, journal.StreamAudit, now.Add(-l.o.Audits)))
}

// sweepJournal forgets appointments that ended longer ago than decisions are kept, and trims HUSK_JOURNAL up to what the state
// still needs.
func (l *Ledger) sweepJournal(ctx context.Context) error {
	now := l.o.Now()
	before := now.Add(-l.o.Decisions)
	entries := make([]journal.Entry, reminder.Shards)
	for shard := range entries {
		var err error
		if entries[shard], err = clearEntry(journal.StreamJournal, journal.KindTrim, shard, "", now, state.Trim{Before: before}); err != nil {
			return err
		}
	}
	trims, err := l.append(ctx, entries...)
	if err != nil {
		l.m.appendErrors.Inc()
		return err
	}
	if err := l.await(ctx, trims); err != nil {
		return err
	}
	// Each shard has its trim, and they stand side by side: all up to the last is folded. What came after may not be, and the
	// state can't know yet that it needs it.
	var keep uint64
	for _, p := range trims {
		keep = max(keep, p.Seq+1)
	}
	needs, err := l.o.State.Needs(ctx)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	// Everything up to the oldest plan that is still held may go: its reminders' later entries stand after it.
	if needs > 0 {
		keep = min(keep, needs)
	}
	end, err := l.o.Journal.End(ctx, journal.StreamJournal)
	if err != nil {
		return err
	}
	if keep <= end.First {
		return nil
	}
	return l.o.Journal.Purge(ctx, journal.StreamJournal, keep)
}
