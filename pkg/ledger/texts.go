package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// TextCount is what became of the messages of one version of a text. A message that failed in two ways counts where it stands first.
type TextCount struct {
	Messages    int // that a carrier has taken or rejected, or that were held for what they said
	Ripe        int // those of them of which there is a final word, or that are older than the ripening asked for
	Rejected    int // by the carrier
	Undelivered int // as the carrier reports
	Held        int // by the scanner
	Stops       int // from whose address a STOP came in time
}

// TextQuestion asks for what became of the messages of some versions since an instant.
type TextQuestion struct {
	Versions   []string // "da/reminder.sms@3f2a91c0"
	Since      time.Time
	Ripening   time.Duration // how old a message must be to be ripe without a final word
	StopWithin time.Duration // how long after a message a STOP is put down to it
	// StopsFrom is where in the journal STOPs are read from, 0 = the beginning: the place that an earlier answer gave for the same or an
	// earlier Since.
	StopsFrom uint64
}

// CountTexts looks through everybody, and through the STOPs. It returns the counts by version, and the place for the next question.
func (l *Ledger) CountTexts(ctx context.Context, q TextQuestion) (map[string]TextCount, uint64, error) {
	leave, err := l.scan(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	stops, next, err := l.stopsSince(ctx, q.Since, q.StopsFrom)
	if err != nil {
		return nil, 0, err
	}
	now, out := l.o.Now(), map[string]TextCount{}
	for _, v := range q.Versions {
		out[v] = TextCount{}
	}
	err = l.o.State.Each(ctx, func(p *state.Person) error {
		for _, r := range p.Reminders {
			for i := range r.Attempts {
				t := &r.Attempts[i]
				if x, ok := out[t.Template]; ok && !t.At.Before(q.Since) && t.By == "" {
					out[t.Template] = x.with(t, now.Sub(t.At) >= q.Ripening, stops.after(t, q.StopWithin))
				}
			}
			if x, ok := out[r.Template]; ok && r.Status == receipt.Held && !r.Since.Before(q.Since) {
				x.Messages, x.Ripe, x.Held = x.Messages+1, x.Ripe+1, x.Held+1
				out[r.Template] = x
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("ledger: %w", err)
	}
	return out, next, nil
}

// with is the count with one attempt more. What may never have left, and what a carrier put off, says nothing of the text.
func (x TextCount) with(t *state.Attempt, old, stopped bool) TextCount {
	final := true
	switch t.Status {
	case receipt.Rejected:
		x.Rejected++
	case receipt.Undelivered:
		x.Undelivered++
	case receipt.Accepted, receipt.Delivered:
		final = t.Status == receipt.Delivered || stopped
		if stopped {
			x.Stops++
		}
	default:
		return x
	}
	x.Messages++
	if final || old {
		x.Ripe++
	}
	return x
}

// stopTimes are the instants at which addresses said STOP.
type stopTimes map[reminder.AddressHash][]time.Time

func (s stopTimes) after(t *state.Attempt, within time.Duration) bool {
	for _, at := range s[t.Address] {
		if !at.Before(t.At) && at.Sub(t.At) <= within {
			return true
		}
	}
	return false
}

// stopsSince reads what addresses themselves have said, and where the first of it stands.
func (l *Ledger) stopsSince(ctx context.Context, since time.Time, from uint64) (stopTimes, uint64, error) {
	out, next, found := stopTimes{}, max(from, 1), false
	err := l.o.Journal.Read(ctx, journal.StreamStop, next, func(e journal.Entry) error {
		if e.At.Before(since) {
			if !found {
				next = e.Seq
			}
			return nil
		}
		found = true
		if e.Kind != journal.KindBar {
			return nil
		}
		var b state.Bar
		if err := unmarshal(e.Clear, &b); err != nil {
			return err
		}
		if b.Own() && !b.Lifted {
			at := b.Said
			if at.IsZero() {
				at = e.At
			}
			out[b.Address] = append(out[b.Address], at)
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("ledger: %w", err)
	}
	return out, next, nil
}
