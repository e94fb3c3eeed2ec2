//go:build unix

package acceptance

import (
	"maps"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestSuspended: one of two houses is stopped (SIGSTOP) in the middle of its work, with letters at the carrier whose answer it has not
// read, for longer than three of its leases, and continued. Meanwhile the other one settles what it had open. Nothing is there
// twice; it works on, and neither vouches nor folds in another's term, also where it was the one that led.
func TestSuspended(t *testing.T) {
	t.Parallel()
	seedSite(t)
	build(t, raceDetector)
	var wg sync.WaitGroup
	for name, leads := range map[string]bool{"the leader": true, "the other": false} {
		wg.Go(func() { t.Run(name, func(t *testing.T) { suspend(t, leads) }) })
	}
	wg.Wait()
}

func suspend(t *testing.T, leads bool) {
	const asleep = 3*lease + 4*time.Second // who leads next takes over within one lease, and settles what it has seen open for two; it sweeps every two seconds
	pace := 12 * time.Millisecond
	if raceDetector {
		pace *= 3
	}
	s := newSite(t, seedSite(t))
	c := newCarrier(t)
	c.delay.Store(int64(40 * time.Millisecond))
	hs := s.open(c, 2)
	begin := time.Now()
	flow := hs[0].flow(everybody(persons), pace)
	hs[0].eventually(time.Minute, "nothing is handed over", func() bool { return c.count() > 100 })

	n := leader(t, hs...)
	if !leads {
		n = 1 - n
	}
	h, other := hs[n], hs[1-n]
	staff := other.staff()
	c.stall()
	h.eventually(40*time.Second, "no messages are on their way to the carrier", func() bool { return c.holdingOf(h.greeting()) >= 5 })
	h.must(h.cmd.Process.Signal(syscall.SIGSTOP))
	time.Sleep(200 * time.Millisecond) // what had left has arrived
	held := c.holdingOf(h.greeting())
	slept, before := time.Now(), c.count()
	c.release()
	time.Sleep(asleep)
	doubted := staff.status().Counts["unknown"]
	if doubted < held {
		t.Errorf("%d are unknown after %v, want at least the %d that the suspended house had at the carrier", doubted, asleep, held)
	}
	during := c.count() - before
	if during == 0 || !other.leads() {
		t.Errorf("%d letters while one of two houses was suspended; the other leads: %v", during, other.leads())
	}
	nonce := func() string {
		v, err := redisDo(s.redis.addr, "HGET", "husk:{00}:certificate", "nonce").Text()
		h.must(err)
		return v
	}
	vouched := nonce()
	h.must(h.cmd.Process.Signal(syscall.SIGCONT))
	woke := time.Now()
	h.eventually(time.Minute, "it hands over nothing after it was continued", func() bool {
		if nonce() != vouched {
			t.Fatal("another vouches since it was continued")
		}
		for _, l := range c.record() {
			if l.by == h.greeting() && l.at.After(woke.Add(2*time.Second)) {
				return true
			}
		}
		return false
	})
	if h.leads() || !other.leads() {
		t.Errorf("after it was continued: it leads %v, the other one leads %v", h.leads(), other.leads())
	}
	all := flow.halt(hs[0])
	h.settled(staff, 2*time.Minute, len(all))
	x := accountFor(other, staff, c, all, persons)
	if len(x.unknown) > slots {
		t.Errorf("%d unknown, want at most %d: the slots of the suspended house", len(x.unknown), slots)
	}
	byIt := 0
	for _, l := range c.record() {
		if l.by == h.greeting() && l.at.After(woke) {
			byIt++
		}
	}

	// What was folded is the journal's fold.
	counts := staff.status().some()
	other.output("state", "rebuild")
	for _, h := range hs {
		h.ready(time.Minute)
	}
	if again := staff.status().some(); !maps.Equal(again, counts) {
		t.Errorf("the rebuilt state counts %v, before it was %v", again, counts)
	}
	for _, h := range hs {
		h.stop()
	}
	if n := c.count(); n != x.once {
		t.Errorf("the carrier has %d letters after the rebuilding, before it had %d", n, x.once)
	}
	t.Logf("%d events, suspended for %.1f s with %d letters at the carrier, %d in doubt then, %d letters by the other meanwhile, %d by it afterwards: once %d, twice %d, lost %d, unknown %d; folded anew, the same; %.1f s",
		len(all), woke.Sub(slept).Seconds(), held, doubted, during, byIt, x.once, x.more, x.lost, len(x.unknown), time.Since(begin).Seconds())
}
