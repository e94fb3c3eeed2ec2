package acceptance

import (
	"encoding/json"
	"maps"
	"sync/atomic"
	"testing"
	"time"
)

// TestCarrierAnswers: a refusal for now is tried again, one for good is not, and where the carrier falls silent after it has the
// message nothing is sent again and the clerk is told.
func TestCarrierAnswers(t *testing.T) {
	t.Parallel()
	const (
		plain = iota
		laterPlease
		never
		silent
		slow
		people
	)
	begin := time.Now()
	c := newCarrier(t)
	var tries [people]atomic.Int32
	c.answer = func(l letter) error {
		for i := range people {
			if l.to != someone(i).mail {
				continue
			}
			n := tries[i].Add(1)
			switch {
			case i == laterPlease && n == 1:
				return refusal(451, "come back")
			case i == never:
				return refusal(550, "no such user")
			case i == silent:
				return errDrop
			case i == slow:
				time.Sleep(4 * time.Second)
			}
		}
		return nil
	}
	h := newHouse(t, c, "")
	h.settings["carriers.email.settings.reply_timeout"] = "2s"
	h.serve()
	staff, system := h.staff(), h.bookings()
	var all []booking
	for i := range people {
		h.must(staff.welcome(someone(i)))
	}
	for i := range people {
		b := booking{person: i, due: time.Now().Add(lead)}
		all = append(all, b)
		h.must(system.publish(b.subject(), b.event(), 10*time.Second))
	}
	st := h.settled(staff, time.Minute, people)
	time.Sleep(2 * time.Second) // the slow one's message is in the record by now, and nobody has sent it again

	counts := st.some()
	if want := map[string]int{"accepted": 2, "rejected": 1, "unknown": 2}; !maps.Equal(counts, want) {
		t.Errorf("status counts %v, want %v", counts, want)
	}
	_, at := reckon(t, c.record(), all)
	for i, want := range map[int][2]int{plain: {1, 1}, laterPlease: {2, 1}, never: {1, 0}, silent: {1, 1}, slow: {1, 1}} {
		if n := int(tries[i].Load()); n != want[0] || at[all[i].place()] != want[1] {
			t.Errorf("person %d: sent %d times and %d in the record, want %v", i, n, at[all[i].place()], want)
		}
	}
	var letters struct {
		Letters []struct {
			Appointment string `json:"appointment"`
		} `json:"letters"`
	}
	h.must(json.Unmarshal([]byte(h.output("letter", "list", "--json")), &letters))
	if n := len(letters.Letters); n != 3 {
		t.Errorf("%d letters to write, want 3: the one refused and the two in doubt", n)
	}
	h.stop()
	t.Logf("refused for now, for good, hung up on, answered too late: %v; %.1f s", counts, time.Since(begin).Seconds())
}
