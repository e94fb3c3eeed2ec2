package acceptance

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// settled waits until there are so many reminders and none is planned, due or in hand, and returns the status.
func (h *house) settled(s *staff, limit time.Duration, reminders int) status {
	h.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(400 * time.Millisecond) {
		var st status
		err := s.ask(http.MethodGet, "/v1/status?next=0", nil, &st) // a broker or store that was killed may still be away
		if err == nil && st.Counts["planned"]+st.Counts["intended"]+st.Due+st.Leased == 0 && st.reminders() >= reminders {
			return st
		}
		if time.Now().After(end) {
			h.t.Fatalf("not all of %d reminders are settled after %v: %+v, %v", reminders, limit, st, err)
		}
	}
}

// TestTenThousand: 10,000 events in, each reminder handed over once. The program is built as it is shipped, for its figures; the
// other tests have the race detector in it when they have it.
func TestTenThousand(t *testing.T) {
	t.Parallel()
	c := newCarrier(t)
	h := newHouse(t, c, seeded(t))
	h.bin = build(t, false)
	h.serve()
	staff := h.staff()

	begin := time.Now()
	all := everybody(persons)
	h.flow(all, 0).finished(h)
	published := time.Since(begin)
	h.settled(staff, 2*time.Minute, len(all))

	record := c.record()
	y, _ := reckon(t, record, all)
	if y.once != len(all) {
		t.Errorf("of %d reminders the carrier has %d once, %d never, %d more often", len(all), y.once, y.never, y.more)
	}
	// Husk's own accounts agree with the carrier's.
	var st status
	h.must(json.Unmarshal([]byte(h.output("status", "--json")), &st))
	counts := st.some()
	if want := map[string]int{"accepted": len(all)}; !maps.Equal(counts, want) {
		t.Errorf("husk status counts %v, want %v", counts, want)
	}
	claims := map[string]bool{}
	for _, r := range staff.reminders("accepted") {
		for _, a := range r.Attempts {
			claims[a.Claim] = true
		}
	}
	for _, l := range record {
		if !claims[l.reference] {
			t.Errorf("the carrier has reference %s, which is no accepted attempt", l.reference)
		}
	}
	var unknown []view
	h.must(json.Unmarshal([]byte(h.output("reminder", "list", "--status", "unknown", "--json")), &unknown))
	if len(unknown) != 0 {
		t.Errorf("%d reminders are unknown", len(unknown))
	}
	metrics := h.metrics()
	if n := metric(t, metrics, `husk_dispatch_outcomes_total{outcome="accepted",route="email"}`); n != float64(len(all)) {
		t.Errorf("the metrics count %.0f hand-overs, want %d", n, len(all))
	}
	total := time.Since(begin)
	h.stop()

	// Nobody's data lies about.
	needles := canaries(someone(0), someone(1), someone(777), someone(persons-1))
	mute(t, "metrics", metrics, needles)
	log, err := os.ReadFile(h.log)
	h.must(err)
	mute(t, "serve's log", string(log), needles)
	seen := sealed(t, h.data, needles)
	t.Logf("%d events of %d persons: published in %.1f s, handed over by %.1f s; once %d, never %d, twice %d, unknown %d; %d MB searched for personal data",
		len(all), persons, published.Seconds(), total.Seconds(), y.once, y.never, y.more, len(unknown), seen>>20)
}

// TestRestart: a stop in good order midway keeps everything, and the state can be made again.
func TestRestart(t *testing.T) {
	t.Parallel()
	const people = 200
	c := newCarrier(t)
	h := newHouse(t, c, seeded(t))
	h.serve()
	begin := time.Now()
	all := everybody(people)
	h.flow(all, 2*time.Millisecond).finished(h)
	h.eventually(time.Minute, "nothing is handed over", func() bool { return c.count() >= len(all)/4 })
	h.stop()
	before := c.count()
	if before == len(all) {
		t.Fatal("everything was handed over before the restart: the test shows nothing")
	}
	snapshot, err := os.Stat(filepath.Join(h.data, "state", "snapshot"))
	if err != nil {
		t.Fatal("the stop left no snapshot")
	}
	h.serve()
	folded := metric(t, h.metrics(), "husk_ledger_folded_total")
	staff := h.staff()
	st := h.settled(staff, time.Minute, len(all))
	y, _ := reckon(t, c.record(), all)
	if y.once != len(all) {
		t.Errorf("of %d reminders the carrier has %d once, %d never, %d more often", len(all), y.once, y.never, y.more)
	}
	if st.Counts["accepted"] != len(all) || st.Counts["unknown"] != 0 {
		t.Errorf("status counts %v, want %d accepted and nothing unknown", st.Counts, len(all))
	}

	var rebuilt struct {
		Entries int `json:"entries"`
	}
	h.must(json.Unmarshal([]byte(h.output("state", "rebuild", "--json")), &rebuilt))
	if want := 2*persons + 3*len(all); rebuilt.Entries < want {
		t.Errorf("the rebuilding folded %d entries, want at least %d: two a person, plan, intent and outcome a reminder", rebuilt.Entries, want)
	}
	// The restart read the snapshot and the tail: what came before the stop was not folded again.
	if folded > float64(rebuilt.Entries)/4 {
		t.Errorf("after the restart %.0f entries had been folded, of %d in all: the snapshot of %d bytes was not used", folded, rebuilt.Entries, snapshot.Size())
	}
	h.ready(30 * time.Second)
	if again := staff.status(); !maps.Equal(again.some(), st.some()) {
		t.Errorf("the rebuilt state counts %v, before it was %v", again.Counts, st.Counts)
	}
	time.Sleep(500 * time.Millisecond)
	if n := c.count(); n != len(all) {
		t.Errorf("the carrier has %d letters after the rebuilding, want %d as before", n, len(all))
	}
	h.stop()
	t.Logf("%d events: %d handed over before the restart, %d after; %.0f entries folded at the start from the snapshot, %d in the rebuilding; %.1f s",
		len(all), before, len(all)-before, folded, rebuilt.Entries, time.Since(begin).Seconds())
}

// metric reads one value.
func metric(t *testing.T, metrics, name string) float64 {
	t.Helper()
	v, ok := find(metrics, name)
	if !ok {
		t.Fatalf("no metric %s", name)
	}
	return v
}

// find looks for a value; a line that is not open has none.
func find(metrics, name string) (float64, bool) {
	for line := range strings.Lines(metrics) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			return f, err == nil
		}
	}
	return 0, false
}
