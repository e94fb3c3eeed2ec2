package acceptance

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// victim is what a kill may hit.
type victim int

const (
	aHouse victim = iota
	theBroker
	theStore
)

func (v victim) String() string { return [...]string{"husk", "nats", "redis"}[v] }

// TestSharedKills: two houses share a broker and a store while 10,000 events come in and their reminders go out, and twenty times
// kill -9 hits one of the houses, the broker or the store; three times a house dies while the carrier holds answers. Nothing that was
// acknowledged is lost, nothing is there twice, and what is in doubt is listed. The program is built as it is shipped.
//
// What is in doubt are attempts that Confirm let go to the carrier and whose house died before their outcome was in the
// journal, no more than it has slots. An outage of broker or store leaves attempts behind too, whose worker gave up when it
// could not learn what became of the intent. They never began; where the store was certified all the time between, a sweep
// sees that they did not and they are tried again, else they are in doubt.
func TestSharedKills(t *testing.T) {
	// Not beside the others: it fills the machine.
	const (
		people                              = persons
		houseKills, brokerKills, storeKills = 10, 5, 5
		kills                               = houseKills + brokerKills + storeKills
		pace                                = 5 * time.Millisecond
	)
	s := newSite(t, seedSite(t))
	random := seedOf(t)
	order := slices.Concat(slices.Repeat([]victim{aHouse}, houseKills), slices.Repeat([]victim{theBroker}, brokerKills), slices.Repeat([]victim{theStore}, storeKills))
	random.Shuffle(kills, func(i, j int) { order[i], order[j] = order[j], order[i] })
	stalls := map[int]bool{2: true, 5: true, 8: true} // which kills of a house

	c := newCarrier(t)
	hs := []*house{s.house(c), s.house(c)}
	for _, h := range hs {
		h.bin = build(t, false)
		h.launch()
	}
	for _, h := range hs {
		h.ready(time.Minute)
	}

	begin := time.Now()
	all := everybody(people)
	flow := hs[0].flow(all, pace)
	time.Sleep(lead) // then reminders go out all the time

	inHand, houses, leaders := 0, 0, 0
	for k, what := range order {
		// A random moment in each part of the events, and some letters after the last kill.
		moment := int64(float64(len(all)) * (0.06 + 0.7*(float64(k)+random.Float64())/kills))
		letters := c.count() + 1 + random.IntN(60)
		hs[0].eventually(time.Minute, "events are not acknowledged or reminders do not go out", func() bool {
			for _, h := range hs {
				if !h.running() {
					t.Fatalf("serve has ended by itself: %v", h.exit)
				}
			}
			return flow.acknowledged.Load() >= moment && c.count() >= letters
		})
		down := time.Duration(random.IntN(1000)) * time.Millisecond
		acked, sent, note := flow.acknowledged.Load(), c.count(), ""
		switch what {
		case theBroker:
			s.nats.kill()
			time.Sleep(down)
			s.nats.start()
		case theStore:
			s.redis.kill()
			time.Sleep(down)
			s.redis.start()
		case aHouse:
			h := hs[random.IntN(len(hs))]
			if stalls[houses] {
				c.stall()
				h.eventually(40*time.Second, "no message is on its way to the carrier", func() bool { return c.holdingOf(h.greeting()) > 0 })
				time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
			}
			if h.leads() {
				leaders++
				note = ", who led"
			}
			h.kill()
			if stalls[houses] {
				held := c.holdingOf(h.greeting())
				inHand += held
				c.release()
				note += fmt.Sprintf(", %d of its letters without an answer", held)
			}
			houses++
			time.Sleep(down)
			h.launch()
		}
		t.Logf("kill %d at %.3f s: %s%s, for %d ms; %d events acknowledged, %d letters at the carrier",
			k+1, time.Since(begin).Seconds(), what, note, down.Milliseconds(), acked, sent)
	}
	flow.finished(hs[0])
	for _, h := range hs {
		h.ready(time.Minute)
	}
	staff := hs[0].staff()
	hs[0].settled(staff, 3*time.Minute, len(all))
	total := time.Since(begin)

	x := accountFor(hs[0], staff, c, all, people)
	if n := len(x.unknown); n < inHand || n > slots*houseKills {
		t.Errorf("%d unknown, want %d, which the carrier took and did not answer, to %d: a house's open slots at each of its kills", n, inHand, slots*houseKills)
	}
	there, abandoned := x.kinds(t, c.record())
	for _, h := range hs {
		h.stop()
	}
	t.Logf("%d events, %d published again, %d kills of husk (%d of the leader, %d while the carrier held %d of its answers), %d of NATS, %d of Redis: at the carrier once %d, twice %d, lost %d; unknown %d of at most %d: %d at the carrier, %d without a worker; %.1f s",
		len(all), flow.repeated.Load(), houseKills, leaders, len(stalls), inHand, brokerKills, storeKills, x.once, x.more, x.lost, len(x.unknown), slots*houseKills, there, abandoned, total.Seconds())
}
