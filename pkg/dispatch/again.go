package dispatch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
)

// Doubts is what the asking about attempts in doubt needs.
type Doubts interface {
	// Unknowns are the attempts that have been in doubt since an instant or later; At is since when.
	Unknowns(ctx context.Context, since time.Time) ([]receipt.Open, error)
	Settle(ctx context.Context, os []receipt.Outcome) error
}

// askAfter is how long after an attempt came to be in doubt its carrier is asked for it once more: a message may be listed late, and a
// carrier that is down comes back.
var askAfter = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 8 * time.Hour, 23 * time.Hour}

// asksAtOnce is how many doubts are asked about at the same time: one carrier that does not answer is waited for lookupWait each time.
const asksAtOnce = 8

// AskAgain asks the carriers that can look a reference up for the attempts that are in doubt, some times within a day. What is found was
// accepted. What is not found stays in doubt, and is never sent again. It returns how many were found.
func (d *Dispatcher) AskAgain(ctx context.Context, from Doubts) (int, error) {
	able := map[string]bool{}
	for _, r := range d.o.Routes {
		_, ok := r.Sender.(provider.Lookup)
		able[r.Name+" "+r.Carrier] = ok
		able[r.Name+" "] = ok || able[r.Name+" "] // of an attempt whose intent names no carrier
	}
	now := d.o.Now()
	last := time.Unix(0, d.asked.Load())
	if !slices.Contains(slices.Collect(maps.Values(able)), true) {
		return 0, nil
	}
	all, err := from.Unknowns(ctx, now.Add(-24*time.Hour))
	if err != nil {
		return 0, fmt.Errorf("dispatch: doubts: %w", err) // what was to be asked now is asked the next time
	}
	d.asked.Store(now.UnixNano())
	all = slices.DeleteFunc(all, func(o receipt.Open) bool { return !able[o.Route+" "+o.Carrier] || !askNow(o.At, last, now) })
	outs := make([]receipt.Outcome, len(all))
	var wg sync.WaitGroup
	hands := make(chan struct{}, asksAtOnce)
	for i, o := range all {
		hands <- struct{}{}
		wg.Go(func() {
			defer func() { <-hands }()
			ask, cancel := context.WithTimeout(ctx, lookupWait)
			defer cancel()
			var err error
			if outs[i], err = d.lookUp(ask, o.Intent, 0); err != nil || outs[i].Status != receipt.Accepted {
				outs[i] = receipt.Outcome{}
				d.o.Log.Info("the carrier does not know of an attempt in doubt; it is asked again within the day", zap.String("attempt", o.Claim), zap.Error(err))
			}
		})
	}
	wg.Wait()
	var os []receipt.Outcome
	for i, o := range outs {
		if o.Claim != "" {
			d.m.outcomes.WithLabelValues(all[i].Route, string(o.Status)).Inc()
			os = append(os, o)
		}
	}
	if len(os) == 0 {
		return 0, nil
	}
	return len(os), from.Settle(ctx, os)
}

// askNow reports whether it is time to ask for what has been in doubt since an instant, when it was looked at last.
func askNow(since, last, now time.Time) bool {
	return slices.ContainsFunc(askAfter, func(d time.Duration) bool { at := since.Add(d); return at.After(last) && !at.After(now) })
}
