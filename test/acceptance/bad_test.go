package acceptance

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// dead is a dead letter as `husk dead list --json` shows it.
type dead struct {
	ID     int    `json:"id"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	Shape  string `json:"shape"`
}

// TestBadInput: what can't be understood is put aside and told of without a word of what it says; what is too large is refused;
// what comes again changes nothing.
func TestBadInput(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	c := newCarrier(t)
	h := newHouse(t, c, "")
	h.units = unitsFile(unitIDs[:4]...) // the fifth clinic is not there yet
	h.serve()
	staff, system := h.staff(), h.bookings()
	good, stranger := someone(1), someone(5)
	h.must(staff.welcome(good))
	h.must(staff.welcome(stranger))

	// event is a sound event of person n, changed.
	event := func(n int, change func(e, patient map[string]any)) []byte {
		e := booking{person: n, due: time.Now().Add(time.Hour)}.fields()
		if change != nil {
			change(e, e["patient"].(map[string]any))
		}
		b, err := json.Marshal(e)
		h.must(err)
		return b
	}
	subject := booking{}.subject()
	send := func(subject string, data []byte) {
		t.Helper()
		h.must(system.publish(subject, data, 10*time.Second))
	}
	later := booking{person: 5, unit: 4, due: time.Now().Add(time.Hour)}
	bad := map[string]string{} // what → the reason that is wanted
	bury := func(reason, subject string, data []byte) { send(subject, data); bad[string(data)] = reason }
	whole := event(2, nil)
	bury("malformed", subject, whole[:len(whole)/2])
	bury("malformed", subject, event(3, func(e, _ map[string]any) { e["zone"] = "Europe/Kanariehavn" }))
	bury("malformed", subject, event(4, func(e, _ map[string]any) { e["kanariefelt"] = canaryName }))
	bury("malformed", subject, event(6, func(_, p map[string]any) { p["id"] = "310299-" + canaryName }))
	bury("malformed", subject, event(7, func(_, p map[string]any) { p["id"] = "3113701234" }))
	bury("malformed", subject, []byte(`"`+someone(8).id+`"`))
	bury("malformed", subject, []byte{0xff, 0xfe, 0})
	bury("subject", "husk.events.andet.amb-0", event(9, nil))
	bury("too_large", subject, event(10, func(e, _ map[string]any) { e["kind"] = strings.Repeat(canaryName, 8000) }))
	bury("unknown_unit", later.subject(), later.event())

	// Two megabytes: the broker lets nobody send them, and takes nothing of what is larger than an event may be.
	huge := event(11, func(e, _ map[string]any) { e["kind"] = strings.Repeat("x", 2<<20) })
	if err := system.publish(subject, huge, 5*time.Second); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("an event of 2 MB: %v, want a refusal", err)
	}
	if err := system.publish(subject, huge[:200<<10], 5*time.Second); err == nil {
		t.Error("an event of 200 KB is acknowledged")
	}

	// Past: taken, and nothing follows.
	send(subject, event(1, func(e, _ map[string]any) {
		e["appointment"], e["start"] = "A-past", time.Now().Add(-time.Hour).In(copenhagen).Format("2006-01-02T15:04:05")
	}))

	// One revision a thousand times: one reminder, and the journal does not grow by it.
	once := booking{person: 1, unit: 1, revision: 7, due: time.Now().Add(lead)}
	send(once.subject(), once.event())
	h.eventually(20*time.Second, "the event is not planned", func() bool { return staff.status().reminders() == 1 })
	before := journalled(staff)
	same := once.event()
	h.must(each(1000, 32, func(int) error { return system.publish(once.subject(), same, 10*time.Second) }))
	h.eventually(30*time.Second, "the events are not taken in", func() bool {
		return waiting(staff) == 0 && staff.status().Dead == len(bad)
	})
	if grown := journalled(staff) - before; grown > 10 { // its preview may be among them, and the hand-over
		t.Errorf("the journal grew by %d entries from the same revision a thousand times", grown)
	}

	// The listing tells reason and shape, and no value.
	needles := canaries(someone(1), someone(2), someone(3), someone(4), someone(5), someone(6), someone(7), someone(8), someone(9), someone(10), someone(11))
	needles = append(needles, "Kanariehavn", "kanariefelt", "3113701234", "310299", unitIDs[4], "A-past", "A-5-4", "Vagtel")
	people, list := h.output("dead", "list"), h.output("dead", "list", "--json")
	mute(t, "husk dead list", people, needles)
	mute(t, "husk dead list --json", list, needles)
	var letters []dead
	h.must(json.Unmarshal([]byte(list), &letters))
	var got []string
	replay := 0
	for _, d := range letters {
		got = append(got, d.Reason)
		if d.Shape == "" {
			t.Errorf("dead letter %d has no shape", d.ID)
		}
		if d.Reason == "unknown_unit" {
			replay = d.ID
		}
	}
	want := slices.Sorted(maps.Values(bad))
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("dead letters for %v, want %v", got, want)
	}
	if !strings.Contains(people, "unknown_unit") || replay == 0 {
		t.Fatalf("no dead letter of the unknown unit:\n%s", people)
	}

	// Once the unit is there the event can be taken in after all.
	h.settled(staff, time.Minute, 1)
	if n := c.count(); n != 1 {
		t.Errorf("the carrier has %d letters, want the one reminder", n)
	}
	metrics := h.metrics()
	h.stop()
	h.units = unitsFile(unitIDs...)
	h.serve()
	h.output("dead", "replay", fmt.Sprint(replay))
	h.eventually(20*time.Second, "the replayed event is not planned", func() bool {
		st := staff.status()
		return st.Dead == len(bad)-1 && st.Counts["planned"] == 1
	})
	// Its appointment is moved, so that the reminder is due while the test lasts.
	later.due, later.revision = time.Now().Add(lead), 2
	send(later.subject(), later.event())
	st := h.settled(staff, time.Minute, 3)
	reckon(t, c.record(), []booking{once, later})
	if n := c.count(); n != 2 {
		t.Errorf("the carrier has %d letters after the replay, want 2 (%v)", n, st.Counts)
	}

	// Nothing of all this lies about.
	metrics += h.metrics()
	h.stop()
	log, err := os.ReadFile(h.log)
	h.must(err)
	mute(t, "metrics", metrics, needles)
	private := slices.DeleteFunc(slices.Clone(needles), func(s string) bool { return s == unitIDs[4] })
	mute(t, "serve's log", string(log), private)
	seen := sealed(t, h.data, private)
	t.Logf("%d dead letters, 2 refused, 1,000 repetitions, 1 replayed: %d letters; %d KB searched for personal data; %.1f s",
		len(bad), c.count(), seen>>10, time.Since(begin).Seconds())
}

// stream is one of the broker's streams in the status.
func stream(s *staff, name string) (messages, last int) {
	s.h.t.Helper()
	st := get[struct {
		Streams []struct {
			Name     string `json:"name"`
			Messages int    `json:"messages"`
			Last     int    `json:"last"`
		} `json:"streams"`
	}](s, "/v1/status?next=0")
	for _, x := range st.Streams {
		if x.Name == name {
			return x.Messages, x.Last
		}
	}
	s.h.t.Fatalf("the status shows no stream %s", name)
	return 0, 0
}

func journalled(s *staff) int { s.h.t.Helper(); _, last := stream(s, "HUSK_JOURNAL"); return last }

func waiting(s *staff) int { s.h.t.Helper(); n, _ := stream(s, "HUSK_EVENTS"); return n }
