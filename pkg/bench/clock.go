package bench

import (
	"sync"
	"time"
)

// clock is the time the line is told: it goes on by itself, and is moved ahead to when a load is due, so that no load waits
// for the clinics to open.
type clock struct {
	now  func() time.Time
	mu   sync.Mutex
	at   time.Time
	from time.Time
}

func newClock(at time.Time, now func() time.Time) *clock {
	return &clock{now: now, at: at, from: now()}
}

// Now is the line's time.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.Add(c.now().Sub(c.from))
}

// moveTo moves the time ahead to at, and returns when that was by the machine's clock.
func (c *clock) moveTo(at time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.from = at, c.now()
	return c.from
}
