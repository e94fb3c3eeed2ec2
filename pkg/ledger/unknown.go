package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/state"
)

// Unknowns are the attempts that have been in doubt since an instant or later, with since when.
func (l *Ledger) Unknowns(ctx context.Context, since time.Time) ([]receipt.Open, error) {
	var out []receipt.Open
	err := l.o.State.Agenda(ctx, state.Doubtful, time.Time{}, func(p *state.Person) error {
		for _, r := range p.Reminders {
			for _, t := range r.Attempts {
				if t.Status == receipt.Unknown && !t.Settled.Before(since) {
					o := receipt.Open{Intent: t.Intent, At: t.Settled}
					o.Person = p.Key
					out = append(out, o)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

// isUnreported reports whether a carrier has taken an attempt and has told nothing final of it for longer than it may take. A carrier whose
// time is zero reports nothing.
func (l *Ledger) isUnreported(t *state.Attempt, now time.Time) bool {
	if t.Status != receipt.Accepted || t.By != "" || l.o.ReportWithin == nil {
		return false
	}
	within := l.o.ReportWithin(t.Carrier)
	return within > 0 && now.Sub(t.Settled) > within
}

// CountUnreported counts, by carrier, the attempts that were taken within the last week and not reported of in time: the metric
// husk_ledger_unreported. Their status stays accepted, for nobody knows better. It looks through everybody, and returns how many there are.
func (l *Ledger) CountUnreported(ctx context.Context) (int, error) {
	leave, err := l.scan(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	now := l.o.Now()
	counts, all := map[string]int{}, 0
	err = l.o.State.Each(ctx, func(p *state.Person) error {
		for _, r := range p.Reminders {
			for i := range r.Attempts {
				if t := &r.Attempts[i]; now.Sub(t.Settled) < 7*24*time.Hour && l.isUnreported(t, now) {
					counts[t.Carrier]++
					all++
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	l.m.unreported.Reset()
	for carrier, n := range counts {
		l.m.unreported.WithLabelValues(carrier).Set(float64(n))
	}
	return all, nil
}
