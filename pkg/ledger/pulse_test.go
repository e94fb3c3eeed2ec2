package ledger

import (
	"errors"
	"testing"
	"time"
)

func TestPulse(t *testing.T) {
	t0 := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return t0.Add(d) }
	var p pulse
	want := func(when time.Duration, stuck bool) {
		t.Helper()
		if got := p.stuck(at(when)); got != stuck {
			t.Errorf("after %v: stuck %v, want %v", when, got, stuck)
		}
	}
	want(0, false)
	first, second := p.begin(at(0)), p.begin(at(time.Second))
	want(time.Second, false)
	want(2500*time.Millisecond, true) // the first has no answer
	first(at(3*time.Second), nil, false)
	want(3*time.Second, false)
	second(at(4*time.Second), errors.New("disk full"), false)
	want(5*time.Second, true)
	want(20*time.Second, false) // nobody tried again
	p.begin(at(21*time.Second))(at(22*time.Second), errors.New("disk full"), false)
	want(23*time.Second, true)
	p.begin(at(23*time.Second))(at(24*time.Second), nil, false)
	want(24*time.Second, false)
	p.begin(at(25*time.Second))(at(26*time.Second), errors.New("context canceled"), true) // who asked went away
	want(26*time.Second, false)
}
