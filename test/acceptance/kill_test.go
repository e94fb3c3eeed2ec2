package acceptance

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
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
	st := h.settled(staff, 3*time.Minute, len(all))
	total := time.Since(begin)

	y, at := reckon(t, c.record(), all)
	keys := make(map[string]int, people)
	h.must(func() error {
		got := make([]string, people)
		err := each(people, 16, func(i int) (err error) { got[i], err = staff.key(someone(i)); return err })
		for i, k := range got {
			keys[k] = i
		}
		return err
	}())
	of := func(v view) place {
		p, ok := keys[v.Person]
		if !ok {
			t.Fatalf("a reminder of a person who is not ours: %s", v.ID)
		}
		return place{someone(p).mail, unitMail(v.Unit)}
	}
	unknown := staff.reminders("unknown")
	doubtful := map[place]bool{}
	for _, v := range unknown {
		doubtful[of(v)] = true
	}
	lost := 0
	for _, p := range y.missing {
		if !doubtful[p] {
			lost++
			if lost <= 10 {
				t.Errorf("lost: %s for %s", p.to, p.replyTo)
			}
		}
	}
	if lost > 0 || y.more > 0 {
		t.Errorf("%d lost, %d there twice", lost, y.more)
	}
	if n := len(unknown); n < 1 || n > slots*kills {
		t.Errorf("%d unknown, want 1 to %d: the carrier's open slots at each kill", n, slots*kills)
	}
	if len(unknown) < inHand {
		t.Errorf("%d unknown, want at least the %d that the carrier took and did not answer", len(unknown), inHand)
	}
	listed := h.output("reminder", "list", "--status", "unknown", "--max", strconv.Itoa(most), "--json")
	for _, v := range unknown {
		if !strings.Contains(listed, v.ID) {
			t.Errorf("husk reminder list --status unknown does not show %s", v.ID)
		}
	}
	for _, v := range staff.reminders("accepted") {
		if at[of(v)] != 1 {
			t.Errorf("%s is accepted, and the carrier has it %d times", v.ID, at[of(v)])
		}
	}
	if sum := st.Counts["accepted"] + st.Counts["unknown"]; sum != len(all) || st.Counts["unknown"] != len(unknown) {
		t.Errorf("status counts %v, want %d accepted or unknown", st.Counts, len(all))
	}
	h.stop()
	t.Logf("%d events, %d published again, %d kills (%d while the carrier held %d answers): at the carrier once %d, twice %d, lost %d; unknown %d of at most %d, %d of them at the carrier; %.1f s",
		len(all), flow.repeated.Load(), kills, len(stalled), inHand, y.once, y.more, lost, len(unknown), slots*kills, len(unknown)-y.never, total.Seconds())
}
