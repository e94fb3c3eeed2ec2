package acceptance

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestStop: once a withdrawal is acknowledged, no message goes to that person, whatever is on its way.
func TestStop(t *testing.T) {
	t.Parallel()
	const people, leave = 300, 100
	c := newCarrier(t)
	c.delay.Store(int64(40 * time.Millisecond)) // so that at every moment messages are on the wire
	h := newHouse(t, c, seeded(t))
	h.serve()
	staff := h.staff()
	begin := time.Now()
	all := everybody(people)
	h.flow(all, 0).finished(h)
	h.eventually(time.Minute, "nothing is handed over", func() bool { return c.count() > people/4 })

	var mu sync.Mutex
	var longest time.Duration
	acknowledged := map[string]time.Time{}
	before := c.count()
	h.must(each(leave, 8, func(i int) error {
		p := someone(i * people / leave)
		key, err := staff.key(p)
		if err != nil {
			return err
		}
		asked := time.Now()
		if err := staff.withdraw(key); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		acknowledged[p.mail] = time.Now()
		longest = max(longest, time.Since(asked))
		return nil
	}))
	during := c.count() - before
	st := h.settled(staff, 2*time.Minute, len(all))
	reckon(t, c.record(), all)
	late, early := 0, 0
	for _, l := range c.record() {
		switch at, ok := acknowledged[l.to]; {
		case ok && l.at.After(at):
			late++
			t.Errorf("a letter to %s arrived %v after the withdrawal was acknowledged", l.to, l.at.Sub(at))
		case ok:
			early++
		}
	}
	if st.Counts["denied"] == 0 || during == 0 {
		t.Errorf("%d denied, %d letters while people withdrew: the test shows nothing", st.Counts["denied"], during)
	}
	if want := 5*people - c.count(); st.Counts["denied"] != want || want != 5*leave-early {
		t.Errorf("status counts %v, want %d denied: what did not reach the carrier", st.Counts, want)
	}
	h.stop()
	t.Logf("%d withdrawals under load, acknowledged in at most %d ms: %d letters to them before, %d after; %d denied; %d letters to others meanwhile; %.1f s",
		leave, longest.Milliseconds(), early, late, st.Counts["denied"], during, time.Since(begin).Seconds())
}

// TestStopReply: a STOP that somebody answers with is final as soon as the reply is taken.
func TestStopReply(t *testing.T) {
	t.Parallel()
	const people = 60
	h := newHouse(t, nil, seeded(t))
	h.settings["carriers.sms.type"], h.settings["carriers.email.type"] = "none", "outbox"
	h.serve()
	staff := h.staff()
	begin := time.Now()
	all := everybody(people)
	h.flow(all, 10*time.Millisecond).finished(h)
	outbox := filepath.Join(h.data, "outbox")
	// What was written about appointments, and the fixed answers to those who wrote.
	letters := func() (messages, answers []string) {
		files, err := filepath.Glob(filepath.Join(outbox, "messages", "*.txt"))
		h.must(err)
		for _, f := range files {
			b, err := os.ReadFile(f)
			h.must(err)
			if bytes.Contains(b, []byte("\nPurpose: reply\n")) {
				answers = append(answers, f)
			} else {
				messages = append(messages, f)
			}
		}
		return messages, answers
	}
	messages := func() []string { ms, _ := letters(); return ms }
	h.eventually(time.Minute, "nothing is handed over", func() bool { return len(messages()) > people/4 })

	open := map[string]person{} // by name of the reply's file
	for i := range people / 3 {
		p := someone(3 * i)
		name := fmt.Sprintf("reply-%d.txt", i)
		draft := filepath.Join(h.dir, name)
		h.must(os.WriteFile(draft, fmt.Appendf(nil, "From: %s\nChannel: email\n\nStop tak\n", p.mail), 0o600))
		h.must(os.Rename(draft, filepath.Join(outbox, "replies", name)))
		open[name] = p
	}
	taken := map[string]time.Time{} // by address
	h.eventually(30*time.Second, "the replies are not taken", func() bool {
		for name, p := range open {
			if _, err := os.Stat(filepath.Join(outbox, "replies", "done", name)); err == nil {
				taken[p.mail] = time.Now()
				delete(open, name)
			}
		}
		return len(open) == 0
	})
	st := h.settled(staff, time.Minute, len(all))
	early, late := 0, 0
	for _, file := range messages() {
		b, err := os.ReadFile(file)
		h.must(err)
		info, err := os.Stat(file)
		h.must(err)
		_, rest, _ := strings.Cut(string(b), "\nTo: ")
		to, _, _ := strings.Cut(rest, "\n")
		at, ok := taken[to]
		switch {
		case !ok:
		case info.ModTime().After(at):
			late++
			t.Errorf("a message to %s was written %v after the STOP was taken", to, info.ModTime().Sub(at))
		default:
			early++
		}
	}
	if _, answers := letters(); len(answers) != len(taken) {
		t.Errorf("%d answers to %d STOPs", len(answers), len(taken))
	}
	if st.Counts["denied"] == 0 {
		t.Error("nothing was denied: the test shows nothing")
	}
	if n := len(messages()); st.Counts["accepted"] != n || st.Counts["denied"] != 5*people-n {
		t.Errorf("status counts %v, want %d accepted and %d denied", st.Counts, n, 5*people-n)
	}
	h.stop()
	t.Logf("%d replies with STOP: %d messages to them before, %d after; %d denied; %.1f s", len(taken), early, late, st.Counts["denied"], time.Since(begin).Seconds())
}
