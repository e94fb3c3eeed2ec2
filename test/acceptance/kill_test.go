package acceptance

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// seedOf is the seed of a test's random moments: HUSK_TEST_SEED, or a new one.
func seedOf(t *testing.T) *rand.Rand {
	t.Helper()
	n := uint64(time.Now().UnixNano())
	if s := os.Getenv("HUSK_TEST_SEED"); s != "" {
		var err error
		if n, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal("HUSK_TEST_SEED:", err)
		}
	}
	t.Logf("seed %d (HUSK_TEST_SEED)", n)
	return rand.New(rand.NewPCG(n, 0))
}

// TestKill: kill -9 at ten random moments while events come in and reminders go out, three of them while the carrier has
// taken messages and has not answered. Nothing that was acknowledged is lost, nothing is there twice, and what is in doubt
// is listed.
func TestKill(t *testing.T) {
	t.Parallel()
	const kills = 10
	people, pace := persons, 3500*time.Microsecond
	if raceDetector {
		people, pace = 600, 18*time.Millisecond // 3,000 events; the detector makes everything five to ten times slower
	}
	stalled := map[int]bool{4: true, 7: true, 9: true}
	random := seedOf(t)
	c := newCarrier(t)
	h := newHouse(t, c, seeded(t))
	h.serve()

	begin := time.Now()
	all := everybody(people)
	flow := h.flow(all, pace)
	time.Sleep(lead) // then reminders go out all the time

	inHand := 0
	for k := range kills {
		// A random moment in each tenth of the events, so that there are more to come at each, and some letters after the last kill.
		moment := int64(float64(len(all)) * (0.06 + 0.92*(float64(k)+random.Float64())/kills))
		letters := c.count() + 1 + random.IntN(60)
		h.eventually(time.Minute, "events are not acknowledged or reminders do not go out", func() bool {
			return flow.acknowledged.Load() >= moment && c.count() >= letters
		})
		if stalled[k] {
			c.stall()
			h.eventually(40*time.Second, "no message is on its way to the carrier", func() bool { return c.holding() > 0 })
			time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
		}
		acked, sent := flow.acknowledged.Load(), c.count()
		h.kill()
		held := 0
		if stalled[k] {
			held = c.holding()
			inHand += held
			c.release()
		}
		t.Logf("kill %d at %.3f s: %d events acknowledged, %d letters at the carrier, %d of them without an answer", k+1, time.Since(begin).Seconds(), acked, sent, held)
		h.serve()
	}
	flow.finished(h)
	staff := h.staff()
	h.settled(staff, 3*time.Minute, len(all))
	total := time.Since(begin)

	x := accountFor(h, staff, c, all, people)
	if n := len(x.unknown); n < 1 || n > slots*kills {
		t.Errorf("%d unknown, want 1 to %d: the carrier's open slots at each kill", n, slots*kills)
	}
	if len(x.unknown) < inHand {
		t.Errorf("%d unknown, want at least the %d that the carrier took and did not answer", len(x.unknown), inHand)
	}
	h.stop()
	t.Logf("%d events, %d published again, %d kills (%d while the carrier held %d answers): at the carrier once %d, twice %d, lost %d; unknown %d of at most %d, %d of them at the carrier; %.1f s",
		len(all), flow.repeated.Load(), kills, len(stalled), inHand, x.once, x.more, x.lost, len(x.unknown), slots*kills, len(x.unknown)-x.never, total.Seconds())
}
