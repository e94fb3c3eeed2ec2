package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// How many reports without an attempt are kept, and how often those are tried again that have waited for longer than a carrier's answer
// takes.
const (
	mostOrphans  = 10_000
	orphanYoung  = 2 * time.Minute
	orphansAgain = 10 * time.Minute
	orphansCount = 10 * time.Second // how often the true number is looked at while that many are there
	orphansOut   = 500              // how many old ones then make room for new: a flood writes no more of the journal than that
	namesAtOnce  = 500
	longestID    = 128 // that of any carrier is shorter
)

// What became of a delivery report, the label of a metric.
const (
	reportTaken    = "taken"    // journalled
	reportRepeated = "repeated" // says nothing new
	reportForeign  = "foreign"  // another carrier took the attempt
	reportUnknown  = "unknown"  // its reference is not ours
	reportKept     = "kept"     // until its attempt is there
	reportMatched  = "matched"  // one that was kept, taken now
	reportLost     = "lost"     // dropped: nobody here knows the message, and it was kept long enough, or too many are
)

// Report takes a carrier's delivery report: to the attempt with the reference, else to the one that the carrier has given the id. A
// reference that we did not give is ignored. What names only an id that is not known yet is kept, and found again by SweepOrphans; where too
// many are kept already, the oldest make room for it, or it is lost. It returns nil once what the report says is on disk, or is not to be
// kept, so the carrier may be told that it was heard; said again, it does nothing twice.
func (l *Ledger) Report(ctx context.Context, r receipt.Report) error {
	claim, err := l.reported(ctx, r)
	switch {
	case err != nil:
		return err
	case claim != "":
		r.Claim = claim
		what, err := l.report(ctx, r)
		if err == nil {
			l.m.reports.WithLabelValues(what).Inc()
		}
		return err
	case r.Carrier == "" || r.CarrierID == "" || len(r.CarrierID) > longestID || r.Claim != "":
		l.m.reports.WithLabelValues(reportUnknown).Inc()
		return nil
	case r.Status == receipt.Accepted:
		return nil // that a message is on its way is soon told by another report, or by nothing
	}
	return l.keep(ctx, state.Orphan{Report: r})
}

// reported is the claim of the attempt that a report is of, "" when there is none.
func (l *Ledger) reported(ctx context.Context, r receipt.Report) (string, error) {
	if _, ok := reminder.ClaimShard(r.Claim); ok {
		persons, err := l.o.State.Claimants(ctx, []string{r.Claim})
		if err != nil || persons[0] != "" {
			return r.Claim, err
		}
	}
	if r.Carrier == "" || r.CarrierID == "" {
		return "", nil
	}
	found, err := l.o.State.Named(ctx, []state.Name{{Carrier: r.Carrier, ID: r.CarrierID}})
	if err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	return l.newest(ctx, found[0])
}

// newest is the claim of the newest attempt among those with these claims: a carrier that counts its messages begins anew some day.
func (l *Ledger) newest(ctx context.Context, claims []string) (string, error) {
	if len(claims) < 2 {
		return append(claims, "")[0], nil
	}
	var best string
	var at time.Time
	for _, c := range claims {
		t, _, err := l.attempt(ctx, c)
		if err != nil {
			return "", err
		}
		if t.Claim != "" && t.At.After(at) {
			best, at = c, t.At
		}
	}
	return best, nil
}

// attempt is the attempt with a claim, and whose it is; the zero Attempt when there is none.
func (l *Ledger) attempt(ctx context.Context, claim string) (t state.Attempt, p reminder.PersonKey, err error) {
	persons, err := l.o.State.Claimants(ctx, []string{claim})
	if err != nil || persons[0] == "" {
		return t, "", err
	}
	err = l.o.State.View(ctx, persons[0], func(p *state.Person) error {
		for _, r := range p.Reminders {
			for _, x := range r.Attempts {
				if x.Claim == claim {
					t = x
					t.Parts, t.Words = slices.Clone(x.Parts), slices.Clone(x.Words)
				}
			}
		}
		return nil
	})
	if err != nil {
		return t, "", fmt.Errorf("ledger: %w", err)
	}
	return t, persons[0], nil
}

// report journals what a report says of the attempt with its claim, unless that is known, and marks the address if it must. It returns
// what became of it.
func (l *Ledger) report(ctx context.Context, r receipt.Report) (string, error) {
	t, person, err := l.attempt(ctx, r.Claim)
	switch {
	case err != nil:
		return "", err
	case t.Claim == "":
		return reportUnknown, nil
	case t.Carrier != "" && r.Carrier != "" && t.Carrier != r.Carrier:
		return reportForeign, nil // the reference is known to the carrier that was given it, and to no other
	}
	what := reportRepeated
	if t.News(r) {
		what = reportTaken
		r.Person = person
		if err := writeAll(ctx, l, journal.KindReport, []receipt.Report{r}, func(r receipt.Report) reminder.PersonKey { return r.Person }); err != nil {
			return "", err
		}
		if _, moved := receipt.Follow(t.Status, r.Status); moved && receipt.Unbegun(t.Status) {
			l.m.contradictions.Inc()
			l.o.Log.Error("a carrier reports of a message that surely had not left, as it said: it is not sent again",
				zap.String("provider", r.Carrier), zap.String("attempt", t.Claim), zap.String("outcome", string(r.Status)), zap.String("reason", t.Code))
		}
	}
	if r.Fault != "" { // also of one that is repeated: the call that brought it may have been broken off before this
		if err := l.markAddress(ctx, person, r.Claim); err != nil {
			return "", err
		}
	}
	return what, nil
}

// keep journals a report whose attempt is not there, and looks once more whether it has come meanwhile.
func (l *Ledger) keep(ctx context.Context, o state.Orphan) error {
	full, err := l.crowded(ctx)
	if err != nil {
		return err
	}
	if full { // a carrier that comes again with it brings nothing new, and keeps what else it has to say waiting
		l.m.reports.WithLabelValues(reportLost).Inc()
		return nil
	}
	o.Claim = ""
	if err := l.writeOrphans(ctx, o); err != nil {
		return err
	}
	l.strays.Add(1)
	l.m.reports.WithLabelValues(reportKept).Inc()
	_, err = l.adopt(ctx, []state.Orphan{o})
	return err
}

// crowded reports whether as many reports wait as may. It counts them now and then only, and then lets the oldest go and tells of it; who
// asks before they are counted waits for it.
func (l *Ledger) crowded(ctx context.Context) (bool, error) {
	if l.strays.Load() < mostOrphans {
		return false, nil
	}
	select {
	case l.counts <- struct{}{}:
		defer func() { <-l.counts }()
	case <-ctx.Done():
		return true, fmt.Errorf("ledger: the reports that wait are being counted: %w", ctx.Err())
	}
	now := l.o.Now()
	if now.UnixNano()-l.counted.Load() < int64(orphansCount) {
		return l.strays.Load() >= mostOrphans, nil
	}
	all, err := l.o.State.Orphans(ctx)
	if err != nil {
		return true, fmt.Errorf("ledger: %w", err)
	}
	if len(all) >= mostOrphans {
		l.o.Log.Error("delivery reports are lost: as many as are kept wait for messages that nobody here knows", zap.Int("count", len(all)))
		if all, err = l.evict(ctx, all, now); err != nil {
			return true, err
		}
	}
	l.strays.Store(int64(len(all)))
	l.counted.Store(now.UnixNano())
	return len(all) >= mostOrphans, nil
}

// evict drops the oldest of the reports that wait, of those that have waited for longer than a carrier's answer takes. It returns the
// others.
func (l *Ledger) evict(ctx context.Context, all []state.Orphan, now time.Time) ([]state.Orphan, error) {
	slices.SortFunc(all, func(a, b state.Orphan) int { return a.Since.Compare(b.Since) })
	n := 0
	for n < min(len(all), orphansOut) && now.Sub(all[n].Since) >= orphanYoung {
		all[n].Gone = true
		n++
	}
	if err := l.writeOrphans(ctx, all[:n]...); err != nil {
		return nil, err
	}
	l.m.reports.WithLabelValues(reportLost).Add(float64(n))
	return all[n:], nil
}

func (l *Ledger) writeOrphans(ctx context.Context, os ...state.Orphan) error {
	now := l.o.Now()
	entries := make([]journal.Entry, len(os))
	for i, o := range os {
		var err error
		if entries[i], err = clearEntry(journal.StreamJournal, journal.KindOrphan, o.Shard(), "", now, o); err != nil {
			return err
		}
	}
	return l.writeBatches(ctx, entries)
}

// SweepOrphans takes the reports that wait to their attempts, and drops those that nobody has known for as long as they are kept: it logs
// and counts them. It returns how many it saw to.
func (l *Ledger) SweepOrphans(ctx context.Context) (int, error) {
	if err := l.Steady(); err != nil {
		return 0, err
	}
	all, err := l.o.State.Orphans(ctx)
	if err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	l.strays.Store(int64(len(all)))
	now := l.o.Now()
	whole := now.UnixNano()-l.strayed.Load() >= int64(orphansAgain)
	if whole {
		l.strayed.Store(now.UnixNano())
	}
	var old, wait []state.Orphan
	for _, o := range all {
		switch age := now.Sub(o.Since); {
		case age >= l.o.Orphans:
			old = append(old, o)
		case whole || age < orphanYoung:
			wait = append(wait, o)
		}
	}
	n := 0
	for some := range slices.Chunk(wait, namesAtOnce) {
		found, err := l.adopt(ctx, some)
		if n += found; err != nil {
			return n, err
		}
	}
	lost := map[string]int{}
	for i := range old {
		old[i].Gone = true
		lost[old[i].Carrier]++
	}
	if err := l.writeOrphans(ctx, old...); err != nil {
		return n, err
	}
	for carrier, n := range lost {
		l.m.reports.WithLabelValues(reportLost).Add(float64(n))
		l.o.Log.Warn("delivery reports of messages that nobody here knows are dropped", zap.String("provider", carrier), zap.Int("count", n))
	}
	return n + len(old), nil
}

// adopt takes those of the reports to their attempts that have one now. It returns how many.
func (l *Ledger) adopt(ctx context.Context, os []state.Orphan) (int, error) {
	names := make([]state.Name, len(os))
	for i, o := range os {
		names[i] = o.Name()
	}
	found, err := l.o.State.Named(ctx, names)
	if err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	n := 0
	for i, o := range os {
		if len(found[i]) == 0 {
			continue
		}
		r := o.Report
		if r.Claim, err = l.newest(ctx, found[i]); err != nil {
			return n, err
		}
		if _, err := l.report(ctx, r); err != nil {
			return n, err
		}
		o.Gone = true
		if err := l.writeOrphans(ctx, o); err != nil {
			return n, err
		}
		n++
		l.m.reports.WithLabelValues(reportMatched).Inc()
	}
	return n, nil
}
