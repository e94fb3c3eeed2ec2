package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
)

// ErrStuck means that the journal does not take what it is given now: a full disk, a broker that does not answer.
var ErrStuck = errors.New("ledger: the journal takes no entries now: look at the disk and the broker")

const (
	patience = 2 * time.Second  // how long a write may take before the journal counts as stuck
	grudge   = 15 * time.Second // how long a write that failed counts, if none succeeded since
)

// pulse knows whether the journal takes entries, by the machine's clock.
type pulse struct {
	mu     sync.Mutex
	open   map[*time.Time]bool // when the writes began that have no answer yet
	failed time.Time           // the last one that failed, with none that succeeded since; zero = none
}

// append appends to the journal and notes whether it took the entries.
func (l *Ledger) append(ctx context.Context, es ...journal.Entry) ([]journal.Position, error) {
	done := l.pulse.begin(time.Now()) //nolint:forbidigo // real time, as the broker's patience is
	ps, err := l.o.Journal.Append(ctx, es...)
	done(time.Now(), err, ctx.Err() != nil) //nolint:forbidigo // as above
	return ps, err
}

func (p *pulse) begin(at time.Time) (done func(at time.Time, err error, givenUp bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = map[*time.Time]bool{}
	}
	p.open[&at] = true
	return func(end time.Time, err error, givenUp bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, &at)
		switch {
		case err == nil:
			p.failed = time.Time{}
		case !givenUp:
			p.failed = end
		}
	}
}

// stuck reports whether a write waits for its answer too long, or the last one failed.
func (p *pulse) stuck(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at := range p.open {
		if now.Sub(*at) > patience {
			return true
		}
	}
	return !p.failed.IsZero() && now.Sub(p.failed) < grudge
}

// Writable reports ErrStuck while the journal does not take what it is given. A journal that is given nothing says nothing.
func (l *Ledger) Writable() error {
	if l.pulse.stuck(time.Now()) { //nolint:forbidigo // as above
		return fmt.Errorf("%w", ErrStuck)
	}
	return nil
}
