package routing

import (
	"context"
	"errors"
	"sync"
	"time"
)

// The reasons why a carrier can't be given a message now.
var (
	ErrResting = errors.New("routing: the carrier rests: too much of late went wrong")
	ErrDayCap  = errors.New("routing: the carrier has carried its messages of the day")
	ErrCostCap = errors.New("routing: the carrier's messages of the day have cost what they may")
	ErrRate    = errors.New("routing: the carrier's account has no turn soon")
	ErrNone    = errors.New("routing: no carrier takes a message of the route now")
	ErrStopped = errors.New("routing: the carrier is stopped")
)

// Limit is what a carrier's account may carry; 0 is no limit.
type Limit struct {
	Rate    int // messages a second
	DayCap  int // messages a day
	Cost    int // of one segment, in a unit that the configuration chooses
	CostCap int // a day, in the same unit
}

// None reports whether nothing has to be counted.
func (l Limit) None() bool { return l.Rate == 0 && l.DayCap == 0 && l.CostCap == 0 }

// Used is what a carrier has carried on a day.
type Used struct {
	Messages int
	Cost     int
}

// Patience is how far ahead a turn may be given: a second's worth of messages at most waits at once.
const Patience = time.Second

// Meter counts what carriers carry, for all processes that share it. A day is written 2026-03-12.
type Meter interface {
	// Take counts one message of that cost, or none where a limit stands against it: ErrDayCap, ErrCostCap, or ErrRate, which comes with
	// how long it is until there is a turn within Patience. wait is how long it is to the message's turn.
	Take(ctx context.Context, carrier, day string, l Limit, cost int) (wait time.Duration, err error)
	// Give takes back what Take counted: the message surely did not leave. The turn is not given back.
	Give(ctx context.Context, carrier, day string, cost int) error
	Used(ctx context.Context, carrier, day string) (Used, error)
}

// Local is the Meter of one process. Its counts end with the process; Router.Resume begins them from what the last one carried.
type Local struct {
	mu    sync.Mutex
	day   map[string]string
	used  map[string]Used
	turns map[string]time.Time
}

// NewLocal makes a Local.
func NewLocal() *Local {
	return &Local{day: map[string]string{}, used: map[string]Used{}, turns: map[string]time.Time{}}
}

var _ Meter = (*Local)(nil)

// on turns to a day. A day that is over comes back with no clock: its counts are gone.
func (m *Local) on(carrier, day string) Used {
	if m.day[carrier] != day {
		m.day[carrier], m.used[carrier] = day, Used{}
	}
	return m.used[carrier]
}

// begin adds what was carried on a day before the process began.
func (m *Local) begin(carrier, day string, u Used) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x := m.on(carrier, day)
	m.used[carrier] = Used{x.Messages + u.Messages, x.Cost + u.Cost}
}

// Take implements Meter.
func (m *Local) Take(_ context.Context, carrier, day string, l Limit, cost int) (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.on(carrier, day)
	switch {
	case l.DayCap > 0 && u.Messages >= l.DayCap:
		return 0, ErrDayCap
	case l.CostCap > 0 && u.Cost+cost > l.CostCap:
		return 0, ErrCostCap
	}
	var wait time.Duration
	if l.Rate > 0 {
		now := time.Now() //nolint:forbidigo // real time, as the account's rate is
		turn := m.turns[carrier]
		if turn.Before(now) {
			turn = now
		}
		if wait = turn.Sub(now); wait > Patience {
			return wait - Patience, ErrRate
		}
		m.turns[carrier] = turn.Add(time.Second / time.Duration(l.Rate))
	}
	m.used[carrier] = Used{u.Messages + 1, u.Cost + cost}
	return wait, nil
}

// Give implements Meter.
func (m *Local) Give(_ context.Context, carrier, day string, cost int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if u := m.used[carrier]; m.day[carrier] == day && u.Messages > 0 {
		m.used[carrier] = Used{u.Messages - 1, max(u.Cost-cost, 0)}
	}
	return nil
}

// Used implements Meter.
func (m *Local) Used(_ context.Context, carrier, day string) (Used, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.day[carrier] != day {
		return Used{}, nil
	}
	return m.used[carrier], nil
}
