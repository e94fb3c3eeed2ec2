package acceptance

import (
	"context"
	"sync/atomic"
	"time"
)

// lead is how long after its event a flow's reminder falls due.
const lead = 4 * time.Second

// flow is a booking system that publishes bookings one after the other, each again until it is acknowledged.
type flow struct {
	acknowledged, repeated atomic.Int64
	enough                 atomic.Bool // it publishes nothing more
	done                   chan struct{}
	err                    error

	all  []booking
	sent []bool // which of all are acknowledged, once it is done
}

// flow begins to publish, no faster than one booking a pace.
func (h *house) flow(all []booking, pace time.Duration) *flow {
	h.t.Helper()
	f := &flow{done: make(chan struct{}), all: all, sent: make([]bool, len(all))}
	s := h.bookings()
	ctx, cancel := context.WithTimeout(h.t.Context(), 3*time.Minute)
	begin := time.Now()
	go func() {
		defer close(f.done)
		defer cancel()
		f.err = each(len(all), 32, func(i int) error {
			if !f.enough.Load() {
				time.Sleep(time.Until(begin.Add(time.Duration(i) * pace)))
			}
			for !f.enough.Load() || !all[i].due.IsZero() { // one that was begun may be taken already
				// The broker may have the first, though its answer was lost; then another time under the same revision says nothing.
				all[i].due = time.Now().Add(lead)
				err := s.publish(all[i].subject(), all[i].event(), 2*time.Second)
				if err == nil {
					f.acknowledged.Add(1)
					f.sent[i] = true
					return nil
				}
				if ctx.Err() != nil {
					return err
				}
				f.repeated.Add(1)
				time.Sleep(50 * time.Millisecond)
			}
			return nil
		})
	}()
	return f
}

// finished waits until everything is acknowledged.
func (f *flow) finished(h *house) {
	h.t.Helper()
	<-f.done
	if f.err != nil {
		h.t.Fatalf("not everything was taken: %v", f.err)
	}
}

// halt ends the flow, and returns what was published.
func (f *flow) halt(h *house) []booking {
	h.t.Helper()
	select {
	case <-f.done:
		h.t.Error("all events were published before that was to end: the test shows nothing")
	default:
	}
	f.enough.Store(true)
	f.finished(h)
	var out []booking
	for i, b := range f.all {
		if f.sent[i] {
			out = append(out, b)
		}
	}
	return out
}
