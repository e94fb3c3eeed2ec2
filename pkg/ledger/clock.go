package ledger

import (
	"errors"
	"fmt"
)

// ErrClock means that the clock can't be relied on, so that nothing is done which depends on the time: nothing is planned, leased,
// intended, expired or trimmed. STOPs, words and outcomes are taken down all the same.
var ErrClock = errors.New("ledger: the clock can't be relied on")

// Steady reports ErrClock, and why, while the clock can't be relied on.
func (l *Ledger) Steady() error {
	if l.o.Steady == nil {
		return nil
	}
	if err := l.o.Steady(); err != nil {
		return fmt.Errorf("%w: %w", ErrClock, err)
	}
	return nil
}
