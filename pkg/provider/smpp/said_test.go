package smpp

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linxGnu/gosmpp/data"

	"github.com/husk-reminders/husk/pkg/provider"
)

// heardOf is a bound session whose SMSC takes what is written and says nothing.
func heardOf(t *testing.T) *session {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	n := &session{conn: ours, write: 10 * time.Second, done: make(chan struct{}), heard: new(atomic.Int64)}
	n.heard.Store(time.Now().UnixNano())
	return n
}

// deliverSM is a deliver_sm of a text in ISO 8859-1, with the user data header it begins with when class says so.
func deliverSM(class byte, text string) []byte {
	body := "\x00\x01\x014520123456\x00\x00\x001204\x00" + string([]byte{class, 0, 0, 0, 0, 0, 0, 3, 0, byte(len(text))}) + text
	return response(uint32(data.DELIVER_SM), 0, 7, body)
}

// What the SMSC delivers again is said when it came first, so that no START comes after the STOP that was written later; what it has an
// answer to is said again when it is written again.
func TestWhatIsDeliveredAgainWasSaidBefore(t *testing.T) {
	first := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	answered := func(t *testing.T, n *session, handle func()) *session { handle(); return n }
	for name, c := range map[string]struct {
		queue   int // how many replies may wait; of 1 the first delivery is refused for now
		between func(t *testing.T, n *session, handle func()) (next *session)
		later   time.Duration
		same    bool
	}{
		"refused for now":           {1, answered, time.Minute, true},
		"refused for now, long ago": {1, answered, saidFor, false},
		"answered":                  {2, answered, time.Minute, false},
		"handled after its session ended": {2, func(t *testing.T, n *session, handle func()) *session {
			n.end(io.EOF)
			handle()
			return heardOf(t)
		}, time.Minute, true},
		"answered into a dead line": {2, func(t *testing.T, n *session, handle func()) *session {
			handle()
			n.end(io.EOF)
			return heardOf(t)
		}, time.Minute, true},
		"answered on a session that held": {2, func(t *testing.T, n *session, handle func()) *session {
			handle()
			n.heard.Store(time.Now().Add(proof).UnixNano())
			n.end(io.EOF)
			return heardOf(t)
		}, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			now := first
			s := waiting(c.queue)
			s.now = func() time.Time { return now }
			var got []provider.Notice
			handle := func() {
				if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error { got = append(got, n); return nil }); err != nil {
					t.Fatal(err)
				}
			}
			n := heardOf(t)
			s.delivered(n, deliverSM(0, "Hej"))
			s.delivered(n, deliverSM(0, "START"))
			n = c.between(t, n, handle)
			if len(got) != c.queue {
				t.Fatalf("%d notices, want %d", len(got), c.queue)
			}
			now = now.Add(c.later)
			s.delivered(n, deliverSM(0, "START"))
			want := now
			if c.same {
				want = first
			}
			handle()
			if last := got[len(got)-1]; len(got) != c.queue+1 || last.Text.Reveal() != "START" || !last.At.Equal(want) {
				t.Errorf("%+v, want it said at %s", got, want)
			}
		})
	}
}

// A long text is said when its last segment was, in whatever order its segments are delivered again.
func TestALongTextThatIsDeliveredAgain(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := waiting(10)
	s.now = func() time.Time { return now }
	segments := [][]byte{deliverSM(0x40, "\x05\x00\x03\x07\x02\x01STA"), deliverSM(0x40, "\x05\x00\x03\x07\x02\x02RT")}
	var said []time.Time
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		n := heardOf(t)
		for _, i := range order {
			s.delivered(n, segments[i])
			now = now.Add(100 * time.Millisecond)
		}
		n.end(io.EOF)
		if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
			if n.Text.Reveal() != "START" {
				t.Errorf("%q", n.Text.Reveal())
			}
			said = append(said, n.At)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if len(said) != 2 || !said[0].Equal(said[1]) {
		t.Errorf("said at %v", said)
	}
}

func TestNoMoreTextsThanThereIsRoomFor(t *testing.T) {
	x, on := newSaid(), new(atomic.Int64)
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	key := func(i int) saidKey { return delivery{from: fmt.Sprint(i)}.said() }
	for i := range mostSaid + 10 {
		x.first(key(i), on, now.Add(time.Duration(i)))
		if i == 20 {
			x.answer(key(20), on)
		}
	}
	if len(x.by) != mostSaid || x.by[key(0)] != nil || x.by[key(9)] != nil || x.by[key(10)] == nil {
		t.Errorf("%d are remembered; want the newest %d", len(x.by), mostSaid)
	}
	on.Store(time.Now().Add(proof).UnixNano()) // the answer has arrived
	x.first(key(mostSaid+10), on, now.Add(time.Second))
	if x.by[key(20)] != nil || x.by[key(10)] == nil {
		t.Error("what is answered has to go first")
	}
}
