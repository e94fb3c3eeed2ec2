package dispatch_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
)

// two gives a bench two carriers of SMS, a before b, of which each writes its name into what it sends.
func (b *bench) two(slots int) (first, second *moody) {
	first, second = &moody{carrier: &carrier{b, "a"}}, &moody{carrier: &carrier{b, "b"}}
	b.o.Routes = []dispatch.Route{{Name: "sms", Carrier: "a", Sender: first, Slots: slots}, {Name: "sms", Carrier: "b", Sender: second, Slots: slots}}
	return first, second
}

// moody is a carrier whose Open or Send a test makes fail.
type moody struct {
	*carrier
	shut   error
	says   error
	opened int
}

func (m *moody) Open(ctx context.Context) (provider.Slot, error) {
	m.mu.Lock()
	m.opened++
	shut := m.shut
	m.mu.Unlock()
	if shut != nil {
		return nil, shut
	}
	s, err := m.carrier.Open(ctx)
	return moodySlot{s, m}, err
}

type moodySlot struct {
	provider.Slot
	m *moody
}

func (s moodySlot) Send(ctx context.Context, m reminder.Message) (provider.Accepted, error) {
	a, err := s.Slot.Send(ctx, m)
	if s.m.says != nil {
		return provider.Accepted{}, s.m.says
	}
	return a, err
}

func (b *bench) by() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]int{}
	for _, s := range b.sent {
		out[s.route]++
	}
	return out
}

func TestThePreferredCarrierIsTaken(t *testing.T) {
	inBench(t, func(b *bench) {
		b.two(3)
		b.due(20)
		b.run(time.Second)
		if by := b.by(); by["a"] != 20 || by["b"] != 0 {
			t.Errorf("sent by %v", by)
		}
		for _, i := range b.intents {
			if i.Route != "sms" || i.Carrier != "a" {
				t.Errorf("intent %+v", i)
			}
		}
		for _, o := range b.outcomes {
			if o.Carrier != "a" {
				t.Errorf("outcome %+v", o)
			}
		}
	})
}

// A carrier that gives no slot is followed by the next one within the round, with one intent, and is not asked for ever.
func TestTheNextCarrierWhereTheFirstGivesNoSlot(t *testing.T) {
	inBench(t, func(b *bench) {
		first, _ := b.two(3)
		first.shut = &provider.Error{Outcome: provider.Retry, Code: "connection_refused"}
		b.due(20)
		b.run(2 * time.Second)
		if by := b.by(); by["b"] != 20 || len(b.intents) != 20 {
			t.Errorf("sent by %v with %d intents", by, len(b.intents))
		}
		if first.opened > 2*routing.Row {
			t.Errorf("a carrier that is down was asked %d times", first.opened)
		}
	})
}

// What a carrier's own rate or slots hold up waits for it, and goes by no other.
func TestWhatACarrierHoldsUpItselfWaitsForIt(t *testing.T) {
	for _, code := range []string{"rate", "no_slot"} {
		inBench(t, func(b *bench) {
			first, _ := b.two(3)
			first.shut = &provider.Error{Outcome: provider.Retry, Code: code}
			b.due(3)
			b.while(b.dispatcher(), func() {
				time.Sleep(5 * time.Second)
				b.mu.Lock()
				first.shut = nil
				b.mu.Unlock()
				time.Sleep(time.Minute)
			})
			if by := b.by(); by["a"] != 3 || by["b"] != 0 {
				t.Errorf("%s: sent by %v", code, by)
			}
		})
	}
}

// What a carrier refuses goes by the other one at the next attempt; what is in doubt goes by none.
func TestWhatIsRefusedGoesByAnotherCarrier(t *testing.T) {
	inBench(t, func(b *bench) {
		first, _ := b.two(3)
		first.says = &provider.Error{Outcome: provider.Retry, Code: "503"}
		b.due(1)
		b.run(time.Minute)
		if by := b.by(); by["a"] != 1 || by["b"] != 1 || b.statuses()[receipt.Accepted] != 1 {
			t.Errorf("sent by %v, %v", by, b.statuses())
		}
	})
	inBench(t, func(b *bench) {
		first, _ := b.two(3)
		first.says = &provider.Error{Code: "timeout"}
		b.due(1)
		b.run(time.Minute)
		if by := b.by(); by["a"] != 1 || by["b"] != 0 || b.statuses()[receipt.Unknown] != 1 {
			t.Errorf("sent by %v, %v", by, b.statuses())
		}
	})
}

// What did not begin, for whatever reason of this side, was refused by no carrier: the first one stays the first.
func TestWhatDidNotBeginStaysWithItsCarrier(t *testing.T) {
	inBench(t, func(b *bench) {
		b.two(3)
		var asked int
		b.confirm = func(as []gate.Attempt) ([]error, error) {
			errs := make([]error, len(as))
			if asked++; asked == 1 {
				errs[0] = gate.ErrMoved
			}
			return errs, nil
		}
		b.due(1)
		b.run(time.Minute)
		if by := b.by(); by["a"] != 1 || by["b"] != 0 || b.statuses()[receipt.NotBegun] != 1 || b.statuses()[receipt.Accepted] != 1 {
			t.Errorf("sent by %v, %v", by, b.statuses())
		}
	})
}

func TestAStoppedCarrierIsPassedOver(t *testing.T) {
	inBench(t, func(b *bench) {
		b.two(3)
		on := map[string]string{"carrier:a": "x"}
		b.o.Stopped = func(context.Context) (map[string]string, error) { return on, nil }
		b.due(3)
		b.run(time.Second)
		if by := b.by(); by["b"] != 3 {
			t.Errorf("sent by %v", by)
		}
	})
	inBench(t, func(b *bench) {
		b.two(3)
		b.o.Stopped = func(context.Context) (map[string]string, error) { return nil, errDown }
		b.due(3)
		b.run(time.Second)
		if len(b.sent) != 0 || len(b.retries) != 0 || len(b.waiting) != 3 {
			t.Error("it goes on although nobody knows what is stopped")
		}
	})
}

// Where every carrier is down nothing is leased, and all goes out when one is back.
func TestNothingIsLeasedWhileAllCarriersRest(t *testing.T) {
	inBench(t, func(b *bench) {
		first, second := b.two(2)
		first.shut = &provider.Error{Outcome: provider.Retry, Code: "connection_refused"}
		second.shut = first.shut
		b.due(40)
		b.while(b.dispatcher(), func() {
			time.Sleep(10 * time.Second)
			b.mu.Lock()
			n := len(b.retries)
			b.mu.Unlock()
			time.Sleep(15 * time.Second)
			b.mu.Lock()
			if len(b.retries) != n || len(b.held) != 0 || len(b.intents) != 0 {
				t.Errorf("%d are leased while nobody can take them", len(b.retries)-n)
			}
			first.shut, second.shut = nil, nil
			b.mu.Unlock()
			time.Sleep(2 * time.Minute)
		})
		if b.statuses()[receipt.Accepted] != 40 {
			t.Errorf("%v", b.statuses())
		}
	})
}

// The caps of the first carrier send the rest by the second; what is over both waits.
func TestCapsInTheLine(t *testing.T) {
	inBench(t, func(b *bench) {
		b.two(2)
		var err error
		b.o.Router, err = routing.New(routing.Options{
			Rules:  map[reminder.Channel][]routing.Rule{reminder.SMS: {{Carriers: []string{"a", "b"}}}},
			Limits: map[string]routing.Limit{"a": {DayCap: 5}, "b": {DayCap: 7}}, Now: b.now,
		})
		if err != nil {
			t.Fatal(err)
		}
		b.due(20)
		b.run(time.Minute)
		if by := b.by(); by["a"] != 5 || by["b"] != 7 || len(b.intents) != 12 {
			t.Errorf("sent by %v with %d intents", by, len(b.intents))
		}
	})
}

// Messages leave as their account's turns come, and not all in the instant in which the last of them has its own.
func TestARateIsNotPassedInOneInstant(t *testing.T) {
	inBench(t, func(b *bench) {
		b.two(100)
		var err error
		b.o.Router, err = routing.New(routing.Options{
			Rules:  map[reminder.Channel][]routing.Rule{reminder.SMS: {{Carriers: []string{"a", "b"}}}},
			Limits: map[string]routing.Limit{"a": {Rate: 50}}, Now: b.now,
		})
		if err != nil {
			t.Fatal(err)
		}
		b.due(50)
		b.run(3 * time.Second)
		if by := b.by(); by["a"] != 50 {
			t.Fatalf("sent by %v", by)
		}
		for _, x := range b.sent {
			n := 0
			for _, y := range b.sent {
				if d := y.at.Sub(x.at); d >= 0 && d < 50*time.Millisecond {
					n++
				}
			}
			if n > 10 {
				t.Fatalf("%d of 50 leave within 50 ms of %v", n, x.at)
			}
		}
	})
}

// A carrier that opens no slot for long holds up none of the messages that have one with another.
func TestASlowSlotHoldsUpNoOthers(t *testing.T) {
	inBench(t, func(b *bench) {
		b.o.Routes[0].Slots = 20
		var slow atomic.Bool
		b.openSlot = func(context.Context) error {
			if slow.CompareAndSwap(false, true) {
				time.Sleep(5 * time.Second)
			}
			return nil
		}
		b.due(20)
		b.run(10 * time.Second)
		early := 0
		for _, s := range b.sent {
			if s.at.Sub(noon) < time.Second {
				early++
			}
		}
		if len(b.sent) != 20 || early != 19 {
			t.Errorf("%d sent, %d of them at once", len(b.sent), early)
		}
	})
}

// An attempt in doubt is looked up at the carrier that its intent names, and nowhere else.
func TestADoubtIsLookedUpWhereItWent(t *testing.T) {
	inBench(t, func(b *bench) {
		x, y := &asked{carrier: &carrier{b, "a"}, found: map[string]bool{}}, &asked{carrier: &carrier{b, "b"}, found: map[string]bool{}}
		b.o.Routes = []dispatch.Route{{Name: "sms", Carrier: "a", Sender: x, Slots: 1}, {Name: "sms", Carrier: "b", Sender: y, Slots: 1}}
		open := openAttempt(1, "sms")
		open.Carrier = "b"
		y.found[open.Claim] = true
		from := &left{receipts: (*receipts)(b), opens: []receipt.Open{open}}
		if n, err := b.dispatcher().SettleOpen(b.Context(), from, noon.Add(time.Hour)); err != nil || n != 1 || x.n != 0 || y.n != 1 {
			t.Errorf("%d settled, %v; a was asked %d times and b %d", n, err, x.n, y.n)
		}
		if o := b.outcomes[0]; o.Status != receipt.Accepted || o.Carrier != "b" {
			t.Errorf("%+v", o)
		}
	})
}
