package acceptance

import (
	"testing"
	"time"
)

// longestPause is the longest time between two letters that follow one another, of those that arrived from begin to end.
func longestPause(record []letter, begin, end time.Time) (longest time.Duration, at time.Time) {
	last := begin
	for _, l := range record {
		if l.at.Before(begin) || l.at.After(end) {
			continue
		}
		if d := l.at.Sub(last); d > longest {
			longest, at = d, last
		}
		last = l.at
	}
	return max(longest, end.Sub(last)), at
}

// TestRollingRestart: two houses are restarted in good order, one after the other, twice, while events come in and reminders go out.
// Nothing is lost, nothing is there twice or in doubt, and at no time do hand-overs pause for long.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	const most = 8 * time.Second // a pause on a slow machine; two seconds is what to expect
	pace := 8 * time.Millisecond
	if raceDetector {
		pace = 14 * time.Millisecond
	}
	s := newSite(t, seedSite(t))
	c := newCarrier(t)
	hs := s.open(c, 2)
	begin := time.Now()
	flow := hs[0].flow(everybody(persons), pace)
	hs[0].eventually(time.Minute, "nothing is handed over", func() bool { return c.count() > 100 })
	rolling := time.Now()
	var took [4]time.Duration
	leaders := 0
	for n := range took {
		h := hs[n%2]
		if h.leads() {
			leaders++
		}
		since := time.Now()
		h.stop()
		h.serve()
		took[n] = time.Since(since)
		time.Sleep(time.Second)
	}
	rolled := time.Now()
	all := flow.halt(hs[0])
	staff := hs[0].staff()
	st := hs[0].settled(staff, 2*time.Minute, len(all))
	y, _ := reckon(t, c.record(), all)
	if y.once != len(all) || st.Counts["accepted"] != len(all) || st.Counts["unknown"] != 0 {
		t.Errorf("of %d reminders the carrier has %d once, %d never, %d more often; status counts %v", len(all), y.once, y.never, y.more, st.Counts)
	}
	pause, at := longestPause(c.record(), rolling, rolled)
	if pause > most {
		t.Errorf("no letter for %.1f s, %.1f s after the first restart", pause.Seconds(), at.Sub(rolling).Seconds())
	}
	if leaders == 0 {
		t.Error("nobody who led was restarted: the test shows nothing")
	}
	for _, h := range hs {
		h.stop()
	}
	t.Logf("%d events, 4 restarts (%d of the leader) in %.1f s, each ready again after at most %.1f s: once %d, never %d, twice %d, unknown %d; the longest pause between two letters %.2f s; %.1f s",
		len(all), leaders, rolled.Sub(rolling).Seconds(), max(took[0], took[1], took[2], took[3]).Seconds(), y.once, y.never, y.more, st.Counts["unknown"], pause.Seconds(), time.Since(begin).Seconds())
}
