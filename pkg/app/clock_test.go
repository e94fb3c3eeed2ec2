package app

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A clock that is set is noticed, in either direction, and forgiven when it is set right; one that goes is not.
func TestClockThatIsMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var by time.Duration
		w := watchWall(func() time.Time { return time.Now().Round(0).Add(by) })
		for _, x := range []struct {
			by time.Duration
			ok bool
		}{
			{0, true},
			{clockSlack - time.Second, true}, {clockSlack + time.Second, false}, {24 * time.Hour, false}, {0, true},
			{-clockSlack + time.Second, true}, {-clockSlack - time.Second, false}, {0, true},
		} {
			by = x.by
			time.Sleep(30 * 24 * time.Hour) // however long it runs
			if err := w.steady(); (err == nil) != x.ok || err != nil && !errors.Is(err, errMoved) {
				t.Errorf("moved by %s: %v", x.by, err)
			}
		}
	})
}
