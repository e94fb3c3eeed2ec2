package dispatch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Opens is what the settling of open attempts needs.
type Opens interface {
	Opens(ctx context.Context, before time.Time) ([]receipt.Open, error)
	// Forsake closes claims whose hand-over surely never began and now never can.
	Forsake(ctx context.Context, os []receipt.Open) ([]bool, error)
	Settle(ctx context.Context, os []receipt.Outcome) error
}

// SettleOpen settles attempts that were intended before before and have no outcome: their worker has died, or its carrier
// has not answered. What surely did not begin is tried again; a carrier that can look a reference up is asked; any other
// is unknown, and never sent again. Call it only with a before from which on no worker may still be about to begin: the
// start of this process where it alone owns the data, else a lease ago. It returns how many it settled.
func (d *Dispatcher) SettleOpen(ctx context.Context, from Opens, before time.Time) (int, error) {
	opens, err := from.Opens(ctx, before)
	if err != nil {
		return 0, err
	}
	opens = slices.DeleteFunc(opens, func(o receipt.Open) bool {
		_, ours := d.inHand.Load(o.Claim) // its worker waits for the carrier's answer, and will settle it
		return ours
	})
	if len(opens) == 0 {
		return 0, nil
	}
	unbegun, err := from.Forsake(ctx, opens)
	if err != nil {
		return 0, fmt.Errorf("dispatch: open attempts: %w", err)
	}
	var os []receipt.Outcome
	for i, o := range opens {
		if unbegun[i] {
			os = append(os, outcomeOf(o.Intent, receipt.NotBegun, "", d.o.Now()))
			continue
		}
		out, err := d.lookUp(ctx, o.Intent)
		if err != nil {
			d.o.Log.Warn("the carrier can't say what became of an attempt; it is asked again later", zap.String("attempt", o.Claim), zap.Error(err))
			continue
		}
		if out.Status == receipt.Unknown {
			d.m.doubts.Inc()
		}
		d.m.outcomes.WithLabelValues(o.Route, string(out.Status)).Inc()
		os = append(os, out)
	}
	if len(os) == 0 {
		return 0, nil
	}
	return len(os), from.Settle(ctx, os)
}

// lookUp asks the route's carrier, where it can be asked.
func (d *Dispatcher) lookUp(ctx context.Context, i receipt.Intent) (receipt.Outcome, error) {
	for _, r := range d.o.Routes {
		l, ok := r.Sender.(provider.Lookup)
		if r.Name != i.Route || !ok {
			continue
		}
		a, found, err := l.Lookup(ctx, i.Claim)
		if err != nil {
			return receipt.Outcome{}, err
		}
		if !found {
			return outcomeOf(i, receipt.NotBegun, "", d.o.Now()), nil
		}
		return acceptedOf(i, a), nil
	}
	return outcomeOf(i, receipt.Unknown, "no_answer", time.Time{}), nil
}

// Previews is what the provisional letter list needs.
type Previews interface {
	// Previews are up to limit of the reminders to ask about, without those in passed: fewer only when there are no more.
	Previews(ctx context.Context, now time.Time, late time.Duration, passed map[reminder.ID]bool, limit int) ([]reminder.Lease, error)
	Preview(ctx context.Context, ps []receipt.Preview) error
}

// Previewer asks the gate without effect.
type Previewer interface {
	Preview(ctx context.Context, ls []reminder.Lease, now time.Time) ([]gate.Decision, error)
}

// PreviewLate is how long before its end a reminder is asked about again, so that a letter can still go.
const PreviewLate = 10 * 24 * time.Hour

// Preview asks the gate about reminders that were planned since, and again about those whose end has come near: what it
// would say no to goes to the letter list at once, provisionally. It returns how many it asked about.
func Preview(ctx context.Context, from Previews, g Previewer, now time.Time) (int, error) {
	const limit = 500
	n := 0
	passed := map[reminder.ID]bool{} // of which nothing can be said now: they hold up no other
	for {
		ls, err := from.Previews(ctx, now, PreviewLate, passed, limit)
		if err != nil || len(ls) == 0 {
			return n, err
		}
		ds, err := g.Preview(ctx, ls, now)
		if err != nil {
			return n, err
		}
		ps := make([]receipt.Preview, 0, len(ls))
		for i, l := range ls {
			p := receipt.Preview{Reminder: l.Reminder, Person: l.Person, Version: l.Version, Late: l.Expires.Sub(now) <= PreviewLate}
			switch ds[i].Outcome {
			case gate.Deny:
				p.Reason = string(ds[i].Reason)
			case gate.Defer:
				if ds[i].Reason == gate.Unavailable || ds[i].Reason == gate.NotCertified {
					passed[l.Reminder] = true
					continue
				}
				p.Reason = string(ds[i].Reason)
			}
			ps = append(ps, p)
		}
		if len(ps) > 0 {
			if err := from.Preview(ctx, ps); err != nil {
				return n, err
			}
		}
		n += len(ps)
		if len(ls) < limit {
			return n, nil
		}
	}
}
