package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// fate is what becomes of an event at the end of its round.
type fate int

const (
	undecided fate = iota
	accepted       // acknowledge
	retry          // put back, to come again later
	dead           // bury, then acknowledge
)

// item is one event in hand.
type item struct {
	msg         jetstream.Msg
	meta        *jetstream.MsgMetadata
	came        time.Time // first, by the clock of who took it in then
	appointment reminder.Appointment
	fate        fate
	reason      Reason // of a dead one
	detail      string
}

func (it *item) die(reason Reason, detail string) {
	it.fate, it.reason, it.detail = dead, reason, detail
}

// batch is one round: the events in hand, in the stream's order.
type batch struct {
	in     *Intake
	items  []*item
	failed bool    // the Sink failed in this round: pause before the next
	passed bool    // the Sink took something in this round: it is alive
	lone   []*item // those that made the Sink fail all by themselves
}

// decode decodes in parallel and keeps the order.
func (in *Intake) decode(msgs []jetstream.Msg) *batch {
	b := &batch{in: in, items: make([]*item, len(msgs))}
	in.metrics.batches.Inc()
	workers := min(runtime.GOMAXPROCS(0), 1+len(msgs)/16)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(msgs); i += workers {
				b.items[i] = in.decodeOne(msgs[i])
			}
		})
	}
	wg.Wait()
	return b
}

func (in *Intake) decodeOne(m jetstream.Msg) (it *item) {
	it = &item{msg: m}
	var err error
	if it.meta, err = m.Metadata(); err != nil {
		it.fate = retry // not from the stream: nothing to go by
		return it
	}
	it.came = in.Now().Add(-max(0, time.Since(it.meta.Timestamp))) //nolint:forbidigo // the broker's clock is the machine's
	first, err := receivedBefore(m.Headers(), it.came)
	var a reminder.Appointment
	if err == nil {
		it.came = first
		a, err = in.Read(m.Subject(), m.Headers(), m.Data())
	}
	if err != nil {
		detail := "the decoder refused it"
		var mf *MalformedError
		if errors.As(err, &mf) {
			detail = mf.Detail()
		}
		it.die(reasonOf(err), detail)
		return it
	}
	a.Order.Sequence = it.meta.Sequence.Stream
	a.Came = it.came
	it.appointment = a
	return it
}

// deliver hands the decoded events to the Sink and decides what becomes of each.
func (b *batch) deliver(ctx context.Context) {
	var good []*item
	old := false
	for _, it := range b.items {
		if it.fate == undecided {
			good = append(good, it)
			old = old || it.meta.NumDelivered >= b.in.IsolateAfter
		}
	}
	if len(good) == 0 {
		return
	}
	if b.accept(ctx, good) == nil {
		return
	}
	b.failed = true
	if old {
		b.isolate(ctx, good)
	}
	for _, it := range b.lone {
		if b.passed && it.meta.NumDelivered >= b.in.PoisonAfter {
			it.die(ReasonPoison, "the journal failed on it again and again while other events went through")
		}
	}
	b.retry(good...)
}

// isolate tries items in smaller and smaller parts until what makes the Sink fail stands alone: first the new ones without
// those that failed before, then halves of what failed, the larger parts first. When nothing got through after as many
// calls as patience allows, it is the Sink that is ill.
func (b *batch) isolate(ctx context.Context, items []*item) {
	const patience = 16
	var fresh, old []*item
	for _, it := range items {
		if it.meta.NumDelivered < b.in.IsolateAfter {
			fresh = append(fresh, it)
		} else {
			old = append(old, it)
		}
	}
	parts := [][]*item{fresh, old}
	if len(fresh) == 0 {
		parts = [][]*item{old[:len(old)/2], old[len(old)/2:]}
	}
	for calls := 0; len(parts) > 0; calls++ {
		part := parts[0]
		parts = parts[1:]
		if len(part) == 0 {
			continue
		}
		if ctx.Err() != nil || (!b.passed && calls >= patience) {
			return
		}
		for _, it := range b.items {
			_ = it.msg.InProgress() // the search may take longer than the ack wait
		}
		if b.accept(ctx, part) == nil {
			continue
		}
		if len(part) == 1 {
			b.lone = append(b.lone, part[0])
			continue
		}
		parts = append(parts, part[:len(part)/2], part[len(part)/2:])
	}
}

// accept calls the Sink once. On an error nothing is decided.
func (b *batch) accept(ctx context.Context, items []*item) error {
	as := make([]reminder.Appointment, len(items))
	for i, it := range items {
		as[i] = it.appointment
	}
	call, done := b.in.call(ctx)
	defer done()
	errs, err := b.in.Sink.Accept(call, as)
	if err == nil && errs != nil && len(errs) != len(as) {
		err = fmt.Errorf("intake: the sink answered %d of %d", len(errs), len(as))
	}
	if err != nil {
		b.in.Log.Warn("intake: events not journalled, will try again", zap.Int("events", len(items)), zap.Error(err))
		return err
	}
	b.passed = true
	for i, it := range items {
		switch {
		case errs == nil || errs[i] == nil:
			it.fate = accepted
		case errors.Is(errs[i], ErrRefused):
			it.die(reasonOf(errs[i]), errs[i].Error())
		default:
			it.fate = retry
		}
	}
	return nil
}

// call is the context of one call of the Sink: what is in hand is finished when ctx ends, but not for longer than StopGrace.
func (in *Intake) call(ctx context.Context) (context.Context, func()) {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), in.AcceptTimeout)
	release := context.AfterFunc(ctx, func() {
		t := time.NewTimer(in.StopGrace)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-call.Done():
		}
	})
	return call, func() { release(); cancel() }
}

// retry puts back what is not decided.
func (b *batch) retry(items ...*item) {
	for _, it := range items {
		if it.fate == undecided {
			it.fate = retry
		}
	}
}

// settle buries the dead, then answers the broker for every event. It waits for the broker's word on the last acknowledgement,
// which it gives after all before it: when Run has returned, nothing that is journalled is still in the queue.
func (b *batch) settle(ctx context.Context) {
	b.bury(ctx)
	var last *item
	for _, it := range b.items {
		if it.fate == accepted || it.fate == dead {
			last = it
		}
	}
	for _, it := range b.items {
		var err error
		result := resultAccepted
		switch {
		case it.fate == retry || it.fate == undecided:
			result = resultRetried
			err = it.msg.NakWithDelay(b.in.delay(it.delivered()))
		case it == last:
			err = b.in.ackLast(it.msg)
		default:
			err = it.msg.Ack()
		}
		if it.fate == dead {
			result = string(it.reason)
		}
		b.in.metrics.events.WithLabelValues(result).Inc()
		if err != nil { // it comes again, which is harmless
			b.in.Log.Warn("intake: cannot answer the broker", zap.Error(err))
		}
	}
}

func (in *Intake) ackLast(m jetstream.Msg) error {
	ctx, cancel := context.WithTimeout(context.Background(), in.StopGrace)
	defer cancel()
	return m.DoubleAck(ctx)
}

func (it *item) delivered() uint64 {
	if it.meta == nil {
		return 1
	}
	return it.meta.NumDelivered
}

// bury hands the dead to the Sink; if it cannot take them they come again.
func (b *batch) bury(ctx context.Context) {
	var letters []DeadLetter
	for _, it := range b.items {
		if it.fate != dead {
			continue
		}
		l := DeadLetter{
			Subject: it.msg.Subject(), ContentType: it.msg.Headers().Get("Content-Type"), Reason: it.reason, Detail: it.detail,
			Shape: shape(it.msg.Data()), Data: it.msg.Data(),
		}
		if it.meta != nil {
			l.Received, l.Sequence = it.came, it.meta.Sequence.Stream
		}
		letters = append(letters, l)
	}
	if len(letters) == 0 {
		return
	}
	call, done := b.in.call(ctx)
	defer done()
	if err := b.in.Sink.Bury(call, letters); err != nil {
		b.failed = true
		b.in.Log.Warn("intake: dead letters not stored, will try again", zap.Int("events", len(letters)), zap.Error(err))
		for _, it := range b.items {
			if it.fate == dead {
				it.fate = retry
			}
		}
		return
	}
	reasons := map[Reason]int{}
	for _, l := range letters {
		reasons[l.Reason]++
	}
	b.in.Log.Warn("intake: events put aside as dead letters", zap.Any("reasons", reasons))
}

// shape tells what data looks like from outside.
func shape(data []byte) string {
	size := fmt.Sprintf("%d bytes, ", len(data))
	if len(data) > MaxEvent {
		return size + "not looked into"
	}
	if !json.Valid(data) {
		return size + "not JSON"
	}
	var v any
	_ = json.Unmarshal(data, &v) // it is valid
	switch v := v.(type) {
	case map[string]any:
		return size + fmt.Sprintf("object of %d fields", len(v))
	case []any:
		return size + fmt.Sprintf("array of %d", len(v))
	case string:
		return size + "string"
	case float64:
		return size + "number"
	case bool:
		return size + "boolean"
	}
	return size + "null"
}
