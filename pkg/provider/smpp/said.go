package smpp

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// mostSaid is how many texts are remembered; beyond it the oldest is forgotten.
	mostSaid = 10_000
	// saidFor is how long a text is remembered that the SMSC may bring again.
	saidFor = 72 * time.Hour
	// proof is how long after an answer something must come in on the same session for the answer to have arrived: what was written into a
	// line that is dead already is no answer.
	proof = 10 * time.Second
)

// said remembers when a text came first that the SMSC may deliver again: one that it was told to bring again, and one that it may have no
// answer to. A START that is delivered again is then said before the STOP that came between. What somebody writes twice while the first is
// still owed an answer has the time of the first, too: nothing tells the two apart.
type said struct {
	mu sync.Mutex
	by map[saidKey]*saying
}

func newSaid() *said { return &said{by: map[saidKey]*saying{}} }

// saidKey is a hash of who wrote what to whom: no number and no text stands in memory for long.
type saidKey [sha256.Size]byte

// saying is one text.
type saying struct {
	first    time.Time
	answered int64         // when it was, with success, Unix nanoseconds; 0 while it was not
	heard    *atomic.Int64 // of the session that it was answered on
}

// said is the key of what a deliver_sm says, whenever the SMSC brings it: of its text, or of this segment of it.
func (d delivery) said() saidKey {
	at, text := d.segment()
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %v %d %q", d.peer(), d.to, at, d.coding, text))
}

// over reports whether the SMSC has the answer, so that the same text on a session, whose heard is on, is another one.
func (x *saying) over(on *atomic.Int64) bool {
	return x.answered != 0 && (x.heard == on || x.heard.Load() >= x.answered+int64(proof))
}

// first is when a text came first that comes at now, on a session.
func (x *said) first(k saidKey, on *atomic.Int64, now time.Time) time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	if was := x.by[k]; was != nil && !was.over(on) && now.Sub(was.first) < saidFor {
		was.answered = 0 // this one is not
		return was.first
	}
	if x.by[k] == nil && len(x.by) >= mostSaid {
		x.sweep(now)
	}
	x.by[k] = &saying{first: now}
	return now
}

// sweep makes room for one.
func (x *said) sweep(now time.Time) {
	var oldest saidKey
	for k, s := range x.by {
		if s.over(nil) || now.Sub(s.first) >= saidFor {
			delete(x.by, k)
		} else if o := x.by[oldest]; o == nil || s.first.Before(o.first) {
			oldest = k
		}
	}
	if len(x.by) >= mostSaid {
		delete(x.by, oldest)
	}
}

// answer marks a text as answered with success, on a session.
func (x *said) answer(k saidKey, on *atomic.Int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s := x.by[k]; s != nil {
		s.answered, s.heard = time.Now().UnixNano(), on
	}
}
