package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// mobile is the number of person i.
func mobile(i int) string { return fmt.Sprintf("+4528%06d", i) }

// sighting is a message in an outbox, and in which look at the folders it was there first.
type sighting struct {
	claim, to string
	reply     bool // an answer to one who wrote, which a STOP lets pass
	house     int
	look      int
}

// watcher looks at the outboxes of some houses again and again, and remembers what was there when. What is in an outbox has been
// handed over. A STOP is acknowledged when its file is done.
type watcher struct {
	t     *testing.T
	boxes []string // of the houses

	mu     sync.Mutex
	looks  int
	seen   map[string]sighting // by file name
	acked  map[string]int      // by number: the look that saw it
	over   chan struct{}
	closed sync.WaitGroup
}

func watch(t *testing.T, hs ...*house) *watcher {
	w := &watcher{t: t, seen: map[string]sighting{}, acked: map[string]int{}, over: make(chan struct{})}
	for _, h := range hs {
		w.boxes = append(w.boxes, filepath.Join(h.data, "outbox"))
	}
	w.closed.Go(func() {
		for {
			w.look()
			select {
			case <-w.over:
				w.look()
				return
			case <-time.After(4 * time.Millisecond):
			}
		}
	})
	t.Cleanup(w.end)
	return w
}

// end looks once more, and no more after that.
func (w *watcher) end() {
	w.mu.Lock()
	select {
	case <-w.over:
	default:
		close(w.over)
	}
	w.mu.Unlock()
	w.closed.Wait()
}

// look looks for acknowledgements first: a message that it does not find was not there yet when those were given.
func (w *watcher) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	for _, box := range w.boxes {
		for _, name := range list(w.t, filepath.Join(box, "replies", "done")) {
			number := strings.TrimSuffix(name, ".txt")
			if _, known := w.acked[number]; !known {
				w.acked[number] = w.looks
			}
		}
	}
	for n, box := range w.boxes {
		dir := filepath.Join(box, "messages")
		for _, name := range list(w.t, dir) {
			if _, known := w.seen[name]; known || strings.HasPrefix(name, ".") {
				continue
			}
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				w.t.Error(err)
				continue
			}
			w.seen[name] = sighting{
				claim: field(string(b), "Reference"), to: field(string(b), "To"), reply: field(string(b), "Purpose") == "reply", house: n, look: w.looks,
			}
		}
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	f, err := os.Open(dir)
	if err == nil {
		defer func() { _ = f.Close() }()
		names, err = f.Readdirnames(-1)
	}
	if err != nil {
		t.Error(err)
	}
	return names
}

// field is a header of a message in an outbox.
func field(message, name string) string {
	head, _, _ := strings.Cut(message, "\n\n")
	for line := range strings.Lines(head) {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			return strings.TrimSuffix(v, "\n")
		}
	}
	return ""
}

// now is the look that is made last.
func (w *watcher) now() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.looks
}

// of is how many reminders a house has handed over.
func (w *watcher) of(house int) (n int) {
	for _, s := range w.record() {
		if s.house == house && !s.reply {
			n++
		}
	}
	return n
}

// record is what is in the outboxes.
func (w *watcher) record() []sighting {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]sighting, 0, len(w.seen))
	for _, s := range w.seen {
		out = append(out, s)
	}
	return out
}

// acknowledged are the numbers whose STOP is, and the look that saw it.
func (w *watcher) acknowledged() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make(map[string]int, len(w.acked))
	for k, v := range w.acked {
		out[k] = v
	}
	return out
}

// promise is what an acknowledgement, or a long sleep, promised: nothing to a number is new in a look behind one.
type promise struct {
	number string
	look   int
	house  int // whose messages; -1 = any
}

// broken are the messages that break a promise.
func broken(record []sighting, ps []promise) (out []sighting) {
	for _, s := range record {
		if !s.reply && slices.ContainsFunc(ps, func(p promise) bool {
			return p.number == s.to && s.look > p.look && (p.house < 0 || p.house == s.house)
		}) {
			out = append(out, s)
		}
	}
	return out
}

// TestBroken: what a test of promises stands on would see one broken.
func TestBroken(t *testing.T) {
	ps := []promise{{"+451", 10, -1}, {"+452", 20, 1}}
	for _, c := range []struct {
		sighting
		want bool
	}{
		{sighting{to: "+451", look: 9}, false},
		{sighting{to: "+451", look: 10}, false},
		{sighting{to: "+451", look: 11}, true},
		{sighting{to: "+451", look: 11, house: 1}, true},
		{sighting{to: "+451", look: 11, reply: true}, false},
		{sighting{to: "+452", look: 21}, false},
		{sighting{to: "+452", look: 21, house: 1}, true},
		{sighting{to: "+453", look: 99}, false},
	} {
		if got := len(broken([]sighting{c.sighting}, ps)) == 1; got != c.want {
			t.Errorf("%+v: broken %v, want %v", c.sighting, got, c.want)
		}
	}
}
