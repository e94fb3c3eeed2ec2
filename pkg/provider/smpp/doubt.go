package smpp

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/husk-reminders/husk/pkg/provider"
)

// mostDoubts is how many messages in doubt are remembered; beyond it the oldest is forgotten, and stays in doubt.
const mostDoubts = 20_000

// doubts are the messages that were written and not answered, so that a receipt with their user_message_reference finds them.
type doubts struct {
	mu    sync.Mutex
	by    map[doubtKey]*doubt
	order []doubtKey // oldest first; it may hold keys that are gone
}

// doubtKey is a hash of recipient and user_message_reference: no number stands in memory for long.
type doubtKey [sha256.Size]byte

// doubt is one message in doubt.
type doubt struct {
	reference string
	segments  int
	delivered map[string]bool // ids of segments
	broken    bool            // a segment was refused: what is told of another one says nothing of the whole
}

func newDoubts() *doubts { return &doubts{by: map[doubtKey]*doubt{}} }

func keyOf(peer string, ref uint16) doubtKey {
	return sha256.Sum256(binary.BigEndian.AppendUint16([]byte(strings.TrimPrefix(peer, "+")+"\x00"), ref))
}

// begin remembers a message that is about to be written.
func (d *doubts) begin(to, reference string, segments int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := keyOf(to, messageReference(reference))
	d.by[k] = &doubt{reference: reference, segments: segments, delivered: map[string]bool{}}
	if d.order = append(d.order, k); len(d.order) > 2*mostDoubts {
		kept := d.order[:0]
		for _, k := range d.order {
			if d.by[k] != nil {
				kept = append(kept, k)
			}
		}
		d.order = kept
	}
	for len(d.by) > mostDoubts {
		delete(d.by, d.order[0])
		d.order = d.order[1:]
	}
}

// end forgets a message that is in doubt no more. It returns the ids of the segments that were told to be delivered meanwhile, of a
// message of several: settle has held them back.
func (d *doubts) end(to, reference string) (delivered []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := keyOf(to, messageReference(reference))
	x := d.by[k]
	if x == nil || x.reference != reference {
		return nil
	}
	delete(d.by, k)
	if x.segments > 1 {
		delivered = slices.Sorted(maps.Keys(x.delivered))
	}
	return slices.DeleteFunc(delivered, func(id string) bool { return id == "" })
}

// breaks marks a message in doubt of which a segment was refused.
func (d *doubts) breaks(to, reference string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if x := d.by[keyOf(to, messageReference(reference))]; x != nil && x.reference == reference {
		x.broken = true
	}
}

// settle finds the message that a receipt is of, and what the receipt means for the whole of it: delivered only when all segments are.
// reference is "" when no message in doubt fits, and of one with a refused segment until all are delivered nevertheless.
func (d *doubts) settle(from string, ref uint16, id string, is provider.Status) (reference string, of provider.Status) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x := d.by[keyOf(from, ref)]
	if x == nil {
		return "", is
	}
	if is == provider.Delivered {
		if x.delivered[id] = true; len(x.delivered) < x.segments {
			is = provider.Pending
		}
	}
	if x.broken && is == provider.Pending {
		return "", is
	}
	return x.reference, is
}
