package provider

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/time/rate"
)

// Limit holds a carrier to a number of open slots and a rate. It is safe for concurrent use.
type Limit struct {
	slots chan struct{}
	rate  *rate.Limiter
}

// NewLimit allows slots at a time, at least 1, and perSecond openings a second; 0 is no limit of rate. There is no burst
// beyond one second's worth.
func NewLimit(slots int, perSecond float64) (*Limit, error) {
	if slots < 1 {
		return nil, errors.New("provider: slots: want at least 1")
	}
	if perSecond < 0 {
		return nil, errors.New("provider: rate per second: want 0 (no limit) or more")
	}
	l := &Limit{slots: make(chan struct{}, slots), rate: rate.NewLimiter(rate.Inf, 0)}
	if perSecond > 0 {
		l.rate = rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
	}
	return l, nil
}

// Take waits for a slot and for the rate. release gives the slot back; calling it again does nothing. The error is an
// *Error of outcome Retry.
func (l *Limit) Take(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, &Error{Outcome: Retry, Code: Cause(err), Err: err}
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, &Error{Outcome: Retry, Code: "no_slot", Err: ctx.Err()}
	}
	if err := l.rate.Wait(ctx); err != nil {
		<-l.slots
		return nil, &Error{Outcome: Retry, Code: "rate", Err: err}
	}
	return sync.OnceFunc(func() { <-l.slots }), nil
}
