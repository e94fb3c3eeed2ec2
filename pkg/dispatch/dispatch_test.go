package dispatch_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestNewChecksItsOptions(t *testing.T) {
	b := newBench(t)
	for name, spoil := range map[string]func(*dispatch.Options){
		"Queue": func(o *dispatch.Options) { o.Queue = nil }, "Receipts": func(o *dispatch.Options) { o.Receipts = nil },
		"Gate": func(o *dispatch.Options) { o.Gate = nil }, "Composer": func(o *dispatch.Options) { o.Composer = nil },
		"Stop":         func(o *dispatch.Options) { o.Stop = nil },
		"a route name": func(o *dispatch.Options) { o.Routes = []dispatch.Route{{Sender: &carrier{b, ""}, Slots: 1}} },
		"a sender":     func(o *dispatch.Options) { o.Routes = []dispatch.Route{{Name: "sms", Slots: 1}} },
		"slots":        func(o *dispatch.Options) { o.Routes = []dispatch.Route{{Name: "sms", Sender: &carrier{b, ""}}} },
	} {
		o := b.o
		spoil(&o)
		if _, err := dispatch.New(o); err == nil {
			t.Errorf("New without %s", name)
		}
	}
}

// Never more attempts are open than the route has slots, and a slot is held until its outcome is journalled.
func TestSlots(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(20)
		b.send = func(context.Context, reminder.Message) (provider.Accepted, error) {
			time.Sleep(300 * time.Millisecond)
			return provider.Accepted{CarrierID: "x"}, nil
		}
		b.settle = func(context.Context, []receipt.Outcome) error {
			time.Sleep(700 * time.Millisecond)
			return nil
		}
		b.run(30 * time.Second)
		if n := b.statuses()[receipt.Accepted]; n != 20 || len(b.sent) != 20 {
			b.Errorf("%d accepted, %d sent, want all 20 once", n, len(b.sent))
		}
		if b.most != 3 || b.mostSlot != 3 {
			b.Errorf("%d attempts and %d slots open at once, want 3", b.most, b.mostSlot)
		}
		if len(b.held) != 0 {
			b.Errorf("%d leases were not ended", len(b.held))
		}
		if took := b.sent[19].at.Sub(noon); took < 6*time.Second || took > 12*time.Second {
			b.Errorf("the last was sent after %v, want some 6 s: 3 at a time, a second each", took)
		}
	})
}

// After an outage what is late is spread, and what is due on time is not held up by it.
func TestPacing(t *testing.T) {
	inBench(t, func(b *bench) {
		b.o.CatchUp = 10
		b.o.Routes[0].Slots = 50
		b.due(100, func(l *reminder.Lease) { l.Due = noon.Add(-time.Hour) })
		b.due(1)
		b.waiting[100].lease.Reminder, b.waiting[100].lease.Person = id(1000), person(1000)
		b.waiting[100].lease.Appointment.Person = person(1000)
		b.run(time.Minute)
		if len(b.sent) != 101 {
			b.Fatalf("%d sent", len(b.sent))
		}
		if took := b.sent[100].at.Sub(noon); took < 7*time.Second || took > 20*time.Second {
			b.Errorf("caught up in %v, want some 9 s at 10 a second", took)
		}
		for i := range b.sent {
			n := 0
			for _, y := range b.sent[i:] {
				if y.at.Sub(b.sent[i].at) < time.Second {
					n++
				}
			}
			if n > 35 { // the first second takes a burst and what waits less than a second
				b.Errorf("%d in one second", n)
				break
			}
		}
		k := slices.IndexFunc(b.intents, func(i receipt.Intent) bool { return i.Reminder == id(1000) })
		if d := b.sent[k].at.Sub(noon); d > 2*time.Second {
			b.Errorf("the one on time waited %v", d)
		}
	})
}

// News of a moved or cancelled appointment is not put back behind an outage's reminders.
func TestUrgentNoticesAreNotPaced(t *testing.T) {
	inBench(t, func(b *bench) {
		b.o.CatchUp = 1
		b.o.Routes[0].Slots = 50
		b.due(40, func(l *reminder.Lease) { l.Due = noon.Add(-time.Hour) })
		for i := range 20 {
			l := &b.waiting[20+i].lease
			l.Purpose, l.Told = []reminder.Purpose{reminder.Changed, reminder.Cancel}[i%2], l.Appointment.Start.Add(-time.Hour)
		}
		b.run(500 * time.Millisecond)
		urgent := 0
		for _, i := range b.intents {
			if i.Reminder >= id(20) {
				urgent++
			}
		}
		if urgent != 20 {
			b.Errorf("%d of 20 notices left at once", urgent)
		}
		if n := len(b.retries); n < 17 || n > 19 {
			b.Errorf("%d reminders were put back, want all but one or two", n)
		}
		for _, r := range b.retries {
			if r.id >= id(20) {
				b.Errorf("a notice was put back by %v", r.after)
			}
		}
	})
}

func TestStopFinishesWhatIsInHand(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(5)
		b.send = func(context.Context, reminder.Message) (provider.Accepted, error) {
			time.Sleep(900 * time.Millisecond)
			return provider.Accepted{}, nil
		}
		began := time.Now()
		b.run(100 * time.Millisecond)
		if d := time.Since(began); d < 900*time.Millisecond || d > 2*time.Second {
			b.Errorf("stopped after %v", d)
		}
		if n := b.statuses()[receipt.Accepted]; n != 3 || len(b.open) != 0 || len(b.sent) != 3 {
			b.Errorf("%d accepted of %d in hand, %d open", n, len(b.sent), len(b.open))
		}
	})
}

// While an outcome can't be journalled its slot stays taken: nothing more is begun. A stop gives up after the grace.
func TestSettleFails(t *testing.T) {
	inBench(t, func(b *bench) {
		b.o.Grace = 5 * time.Second
		b.due(10)
		b.settle = func(ctx context.Context, _ []receipt.Outcome) error {
			<-ctx.Done()
			return ctx.Err()
		}
		d := b.dispatcher()
		var began time.Time
		b.while(d, func() {
			time.Sleep(10 * time.Minute)
			b.mu.Lock()
			if len(b.sent) != 3 || len(b.intents) != 3 || b.slots != 3 {
				b.Errorf("%d sent, %d intended, %d slots while no outcome is journalled", len(b.sent), len(b.intents), b.slots)
			}
			b.mu.Unlock()
			began = time.Now()
		})
		if took := time.Since(began); took < 5*time.Second || took > 6*time.Second {
			b.Errorf("stopped %v after it was told to", took)
		}
		if len(b.sent) != 3 {
			b.Errorf("%d sent in the end", len(b.sent))
		}
	})
}

func TestLeaseFails(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(1)
		b.leaseErr = errDown
		d := b.dispatcher()
		b.while(d, func() {
			time.Sleep(time.Second)
			b.mu.Lock()
			b.leaseErr = nil
			b.mu.Unlock()
			time.Sleep(time.Second)
		})
		if len(b.sent) != 1 {
			b.Errorf("%d sent after the queue came back", len(b.sent))
		}
	})
}
