package acceptance

import (
	"sync"
	"testing"
	"time"
)

// TestStopShared: a withdrawal that staff take down at one house is final in all of them once it is acknowledged, whichever is
// sending.
func TestStopShared(t *testing.T) {
	t.Parallel()
	const people, leave = 300, 100
	s := newSite(t, seedSite(t))
	c := newCarrier(t)
	c.delay.Store(int64(40 * time.Millisecond)) // so that at every moment messages are on the wire
	hs := s.open(c, 2)
	begin := time.Now()
	all := everybody(people)
	hs[0].flow(all, 0).finished(hs[0])
	hs[0].eventually(time.Minute, "nothing is handed over", func() bool { return c.count() > people/4 })

	var mu sync.Mutex
	var longest time.Duration
	acknowledged, at := map[string]time.Time{}, map[string]*house{}
	before := c.count()
	staff := []*staff{hs[0].staff(), hs[1].staff()}
	hs[0].must(each(leave, 8, func(i int) error {
		p, n := someone(i*people/leave), i%2
		key, err := staff[n].key(p)
		if err != nil {
			return err
		}
		asked := time.Now()
		if i%4 < 2 {
			err = staff[n].withdraw(key)
		} else {
			err = staff[n].bar(p.mail)
		}
		mu.Lock()
		defer mu.Unlock()
		acknowledged[p.mail], at[p.mail] = time.Now(), hs[n]
		longest = max(longest, time.Since(asked))
		return err
	}))
	during := c.record()[before:]
	st := hs[0].settled(staff[0], 2*time.Minute, len(all))
	record := c.record()
	reckon(t, record, all)
	late, early, elsewhere := 0, 0, 0
	for _, l := range record {
		when, ok := acknowledged[l.to]
		switch {
		case !ok:
		case l.at.After(when):
			late++
			t.Errorf("a letter to %s arrived %v after the withdrawal was acknowledged", l.to, l.at.Sub(when))
		default:
			early++
			if l.by != at[l.to].greeting() {
				elsewhere++
			}
		}
	}
	by := map[string]int{}
	for _, l := range during {
		by[l.by]++
	}
	if st.Counts["denied"] == 0 || len(by) != len(hs) || elsewhere == 0 {
		t.Errorf("%d denied, letters while people withdrew by %d houses, %d to them by another house than took the withdrawal: the test shows nothing", st.Counts["denied"], len(by), elsewhere)
	}
	if want := 5*people - len(record); st.Counts["denied"] != want || want != 5*leave-early {
		t.Errorf("status counts %v, want %d denied: what did not reach the carrier", st.Counts, want)
	}
	for _, h := range hs {
		h.stop()
	}
	t.Logf("%d withdrawals at two houses under load, acknowledged in at most %d ms: %d letters to them before (%d by the other house), %d after; %d denied; %d letters meanwhile; %.1f s",
		leave, longest.Milliseconds(), early, elsewhere, late, st.Counts["denied"], len(during), time.Since(begin).Seconds())
}
