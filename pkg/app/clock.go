package app

import (
	"errors"
	"fmt"
	"time"
)

// clockSlack is how far the clock on the wall may be moved while the line runs: a reminder may come that much too early.
const clockSlack = 10 * time.Minute

// errMoved means that somebody, or the machine, has set the clock. Which of the two times is right nobody here can know.
var errMoved = errors.New("app: the clock was moved while the line ran; set it right, or, if it is right now, start husk again")

// wall is a clock that is watched: since when, by the monotonic clock, and what it showed then.
type wall struct {
	now   func() time.Time
	since time.Time
	shown time.Time
}

// watchWall begins to watch a clock.
func watchWall(now func() time.Time) *wall {
	return &wall{now: now, since: time.Now(), shown: now().Round(0)} // its monotonic reading is what the clock is compared with
}

// steady is nil while the clock has gone as far as the time that has passed.
func (w *wall) steady() error {
	passed := time.Since(w.since)
	moved := w.now().Round(0).Sub(w.shown) - passed
	if moved.Abs() <= clockSlack {
		return nil
	}
	return fmt.Errorf("%w: by %s", errMoved, moved.Round(time.Second))
}
