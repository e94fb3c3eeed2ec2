package ledger

import (
	"context"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/state"
)

// Where the streams end is asked every sampleEvery. A projector that has not folded for lagMost what stood there, or has not
// heard from the broker for so long, does not vouch.
const (
	sampleEvery = time.Second
	lagMost     = 5 * time.Second
)

// sample asks where the streams end until ctx ends.
func (l *Ledger) sample(ctx context.Context, out chan<- [state.Streams]journal.End) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(sampleEvery):
		}
		var ends [state.Streams]journal.End
		var err error
		ask, cancel := context.WithTimeout(ctx, lagMost)
		for s, stream := range folded {
			if ends[s], err = l.o.Journal.End(ask, stream); err != nil {
				break
			}
		}
		cancel()
		if err != nil {
			continue
		}
		select {
		case out <- ends:
		case <-ctx.Done():
			return
		}
	}
}

// lag is how far a projector is behind the streams. Times are of the monotonic clock.
type lag struct {
	target state.Vector // an end of the streams
	since  time.Time    // when it was the end; zero = nothing was heard yet
	heard  time.Time    // when the end was last heard
}

// sampled notes an end. What was to be folded stays the target until it is.
func (g *lag) sampled(ends [state.Streams]journal.End, done state.Vector) {
	now := time.Now() //nolint:forbidigo // the broker's pace is real time
	g.heard = now
	if !g.since.IsZero() && !g.reached(done) {
		return
	}
	for s, e := range ends {
		g.target[s] = e.Last
	}
	g.since = now
}

func (g *lag) reached(done state.Vector) bool {
	for s := range done {
		if done[s] < g.target[s] {
			return false
		}
	}
	return true
}

// small reports whether the projector may vouch.
func (g *lag) small(done state.Vector) bool {
	if g.since.IsZero() {
		g.heard, g.since = time.Now(), time.Now() //nolint:forbidigo // as above; it has just caught up with the end
	}
	return time.Since(g.heard) < lagMost && (g.reached(done) || time.Since(g.since) < lagMost) //nolint:forbidigo // as above
}
