package smpp

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// item is a notice that waits to be handled, and the answers that the SMSC waits for; none of a notice of our own.
type item struct {
	notice provider.Notice
	answer []func(data.CommandStatusType)
}

// say gives the SMSC its answers.
func (i *item) say(status data.CommandStatusType) {
	for _, answer := range i.answer {
		answer(status)
	}
}

// holds is what an item's order counts by: whose it is, or which message it is of.
func (i *item) holds() string {
	if i.notice.Kind == provider.Reply {
		return "from " + i.notice.From.Reveal()
	}
	return "of " + cmp.Or(i.notice.CarrierID, i.notice.Reference)
}

// stays reports whether an item waits here until it is handled: what a person wrote, and what we found out ourselves, which the SMSC does not
// say again.
func (i *item) stays() bool { return i.notice.Kind == provider.Reply || len(i.answer) == 0 }

// inbox holds what has come until Poll hands it over: replies, and besides them reports, so that no STOP waits behind ten thousand receipts.
type inbox struct {
	most int           // of each
	join time.Duration // for the rest of a long message
	came chan struct{} // of room for one: something may be there to hand over

	polling sync.Mutex           // one Poll at a time
	held    map[string]time.Time // Poll's: until when those are left alone of whom something could not be handled

	mu               sync.Mutex
	replies, reports []*item
	parts            map[string]*pieces
}

// pieces are the segments of a long message that have come so far.
type pieces struct {
	since time.Time
	of    []*item // by number, from 0; nil = not come
}

func newInbox(most int, join time.Duration) *inbox {
	return &inbox{most: most, join: join, came: make(chan struct{}, 1), held: map[string]time.Time{}, parts: map[string]*pieces{}}
}

// wake says that something may be there to hand over.
func (b *inbox) wake() {
	select {
	case b.came <- struct{}{}:
	default:
	}
}

// put takes an item; false when there is no room.
func (b *inbox) put(i *item) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	to := &b.reports
	if i.notice.Kind == provider.Reply {
		to = &b.replies
	}
	if len(*to) >= b.most {
		return false
	}
	*to = append(*to, i)
	b.wake()
	return true
}

// putPart takes a segment of a reply; the last one makes the whole reply wait. key names the message that it is a segment of.
func (b *inbox) putPart(key string, number, total int, i *item, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.parts[key]
	if p == nil {
		if len(b.replies)+len(b.parts) >= b.most {
			return false
		}
		p = &pieces{since: now, of: make([]*item, total)}
		b.parts[key] = p
	}
	if was := p.of[number-1]; was != nil { // once more: who sent it waits for an answer twice
		i.answer = append(was.answer, i.answer...)
	}
	p.of[number-1] = i
	whole := &item{notice: i.notice} // said when its last segment was, in whatever order they come the next time
	var text strings.Builder
	for _, x := range p.of {
		if x == nil {
			return true
		}
		text.WriteString(x.notice.Text.Reveal())
		if x.notice.At.After(whole.notice.At) {
			whole.notice.At = x.notice.At
		}
		whole.answer = append(whole.answer, x.answer...)
	}
	whole.notice.Text = reminder.Mask(text.String())
	delete(b.parts, key)
	b.replies = append(b.replies, whole) // its room was kept
	b.wake()
	return true
}

// overdue makes a reply of each segment that waited too long for the rest.
func (b *inbox) overdue(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var late []*pieces
	for key, p := range b.parts {
		if now.Sub(p.since) >= b.join {
			late = append(late, p)
			delete(b.parts, key)
		}
	}
	slices.SortFunc(late, func(x, y *pieces) int { return x.since.Compare(y.since) })
	for _, p := range late {
		for _, i := range p.of {
			if i != nil {
				b.replies = append(b.replies, i)
			}
		}
	}
}

// next is the oldest of a kind that may be handed over now, nil when there is none.
func (b *inbox) next(kind provider.Kind, may func(*item) bool) *item {
	b.mu.Lock()
	defer b.mu.Unlock()
	from := b.reports
	if kind == provider.Reply {
		from = b.replies
	}
	if at := slices.IndexFunc(from, may); at >= 0 {
		return from[at]
	}
	return nil
}

// done takes out what was dealt with.
func (b *inbox) done(i *item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	from := &b.reports
	if i.notice.Kind == provider.Reply {
		from = &b.replies
	}
	if at := slices.Index(*from, i); at >= 0 {
		*from = slices.Delete(*from, at, at+1)
	}
}

// delivered deals with a deliver_sm: it is answered once it was handled, or at once when there is nothing in it to handle or no room.
func (s *Sender) delivered(n *session, frame []byte) {
	sequence := pdu.ParseHeader([header]byte(frame)).SequenceNumber
	d, err := readDelivery(frame[header:])
	if err != nil {
		s.log.Warn("what the SMSC delivers can't be read; it is refused", zap.Error(err))
		_ = n.confirm(sequence, data.ESME_RX_R_APPN)
		return
	}
	i := &item{answer: []func(data.CommandStatusType){func(status data.CommandStatusType) { _ = n.confirm(sequence, status) }}}
	var room bool
	if d.isReceipt() {
		i.notice = s.receiptNotice(d, s.readReceipt(d))
		if i.notice.CarrierID == "" && i.notice.Reference == "" {
			s.log.Warn("a receipt names no message; it is taken and left")
			_ = n.confirm(sequence, data.ESME_ROK)
			return
		}
		room = s.inbox.put(i)
	} else {
		at, text := d.segment()
		key := d.said()
		i.answer[0] = func(status data.CommandStatusType) {
			if n.confirm(sequence, status) == nil && status == data.ESME_ROK {
				s.said.answer(key, n.heard)
			}
		}
		i.notice = provider.Notice{
			Kind: provider.Reply, At: s.said.first(key, n.heard, s.now()), From: reminder.NewAddress(reminder.SMS, d.peer()),
			Text: reminder.Mask(read(d.coding, text)), Signed: s.tls != nil,
		}
		if at.Total == 0 {
			room = s.inbox.put(i)
		} else {
			key := fmt.Sprintf("%s\x00%s\x00%d\x00%d", d.from, d.to, at.Reference, at.Total)
			room = s.inbox.putPart(key, at.Number, at.Total, i, s.now())
		}
	}
	if !room {
		_ = n.confirm(sequence, data.ESME_RX_T_APPN)
	}
}
