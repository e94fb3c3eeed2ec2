package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestSend(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status receipt.Status
		code   string
		retry  [2]time.Duration
		stops  int
	}{
		"accepted":         {nil, receipt.Accepted, "", [2]time.Duration{}, 0},
		"retry":            {&provider.Error{Outcome: provider.Retry, Code: "busy"}, receipt.Refused, "busy", [2]time.Duration{4 * time.Second, 6 * time.Second}, 0},
		"retry after":      {&provider.Error{Outcome: provider.Retry, Code: "slow", After: time.Minute}, receipt.Refused, "slow", [2]time.Duration{time.Minute, time.Minute}, 0},
		"retry, wrapped":   {fmt.Errorf("x: %w", &provider.Error{Outcome: provider.Retry}), receipt.Refused, "", [2]time.Duration{4 * time.Second, 6 * time.Second}, 0},
		"reject":           {&provider.Error{Outcome: provider.Reject, Code: "550 5.1.1"}, receipt.Rejected, "550 5.1.1", [2]time.Duration{}, 0},
		"opted out":        {&provider.Error{Outcome: provider.OptedOut, Code: "21610"}, receipt.Rejected, "opted_out", [2]time.Duration{}, 1},
		"unknown":          {&provider.Error{Outcome: provider.Unknown, Code: "timeout"}, receipt.Unknown, "timeout", [2]time.Duration{}, 0},
		"zero":             {&provider.Error{}, receipt.Unknown, "", [2]time.Duration{}, 0},
		"plain":            {errors.New("to +4520123456: reset"), receipt.Unknown, "", [2]time.Duration{}, 0},
		"deadline":         {context.DeadlineExceeded, receipt.Unknown, "", [2]time.Duration{}, 0},
		"no such outcome!": {&provider.Error{Outcome: 77}, receipt.Unknown, "", [2]time.Duration{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBench(t, func(b *bench) {
				if name == "plain" {
					b.o.Log = nil // the carrier broke its contract with that text
				}
				b.due(1)
				first := true
				b.send = func(ctx context.Context, _ reminder.Message) (provider.Accepted, error) {
					if by, ok := ctx.Deadline(); !ok || time.Until(by) > time.Second {
						b.Errorf("the write has until %v", by)
					}
					if !first {
						return provider.Accepted{}, nil
					}
					first = false
					return provider.Accepted{}, c.err
				}
				b.run(3 * time.Second)
				if len(b.outcomes) != 1 || len(b.done) != 1 {
					b.Fatalf("outcomes %+v, %d done", b.outcomes, len(b.done))
				}
				o := b.outcomes[0]
				if o.Status != c.status || o.Code != c.code {
					b.Errorf("%s %q, want %s %q", o.Status, o.Code, c.status, c.code)
				}
				if c.retry[1] == 0 {
					if !o.Retry.IsZero() {
						b.Errorf("to be tried again at %v", o.Retry)
					}
				} else if d := o.Retry.Sub(noon); d < c.retry[0] || d > c.retry[1] {
					b.Errorf("to be tried again after %v, want %v", d, c.retry)
				}
				if len(b.stops) != c.stops || (c.stops > 0 && b.stops[0] != "sms carrier:sms") {
					b.Errorf("stops %v", b.stops)
				}
			})
		})
	}
}

// A refusal of the carrier comes back through the queue, the gate is asked anew, and the claim is another.
func TestRefusedComesBack(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(1)
		n := 0
		b.send = func(context.Context, reminder.Message) (provider.Accepted, error) {
			if n++; n < 4 {
				return provider.Accepted{}, &provider.Error{Outcome: provider.Retry}
			}
			return provider.Accepted{}, nil
		}
		b.run(5 * time.Minute)
		if len(b.sent) != 4 || b.statuses()[receipt.Refused] != 3 || b.statuses()[receipt.Accepted] != 1 {
			b.Fatalf("%d sent, outcomes %v", len(b.sent), b.statuses())
		}
		for i := 1; i < 4; i++ {
			base := 5 * time.Second << (i - 1)
			d := b.sent[i].at.Sub(b.sent[i-1].at)
			if d < base*8/10 || d > base*12/10+time.Second {
				b.Errorf("try %d after %v, want %v ±20 %%", i+1, d, base)
			}
			if b.intents[i].Attempt != i+1 {
				b.Errorf("attempt %d, want %d", b.intents[i].Attempt, i+1)
			}
		}
	})
}

// An opt-out is final only when the carrier's own attempt is settled, so the two must not wait for each other.
func TestOptOutDoesNotWaitForItself(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(1)
		b.send = func(context.Context, reminder.Message) (provider.Accepted, error) {
			return provider.Accepted{}, &provider.Error{Outcome: provider.OptedOut}
		}
		settled := make(chan struct{})
		b.settle = func(context.Context, []receipt.Outcome) error { close(settled); return nil }
		b.stop = func(context.Context) error {
			select {
			case <-settled:
				return nil
			case <-time.After(6 * time.Second):
				return errors.New("left before")
			}
		}
		b.run(time.Second)
		if len(b.stops) != 1 || b.statuses()[receipt.Rejected] != 1 {
			b.Errorf("stops %v, outcomes %v", b.stops, b.statuses())
		}
	})
}

// A carrier that can be asked settles a doubt by having the message; nothing else it says does.
func TestDoubtIsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		outcome provider.Outcome
		asked   asked
		has     bool
		status  receipt.Status
		asks    int
	}{
		"found":       {provider.Unknown, asked{}, true, receipt.Accepted, 1},
		"not found":   {provider.Unknown, asked{}, false, receipt.Unknown, 1},
		"fails":       {provider.Unknown, asked{err: errDown}, true, receipt.Unknown, 1},
		"hangs":       {provider.Unknown, asked{hangs: true}, true, receipt.Unknown, 1},
		"no doubt":    {provider.Reject, asked{}, true, receipt.Rejected, 0},
		"is refused":  {provider.Retry, asked{}, true, receipt.Refused, 0},
		"has opt-out": {provider.OptedOut, asked{}, true, receipt.Rejected, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBench(t, func(b *bench) {
				a := &asked{carrier: &carrier{b, "sms"}, found: map[string]bool{}, err: c.asked.err, hangs: c.asked.hangs}
				b.o.Routes[0].Sender = a
				b.due(1)
				b.send = func(_ context.Context, m reminder.Message) (provider.Accepted, error) {
					a.found[m.Reference] = c.has
					return provider.Accepted{}, &provider.Error{Outcome: c.outcome, Code: "lost"}
				}
				b.settle = func(context.Context, []receipt.Outcome) error {
					if d := b.now().Sub(noon); d > 2*time.Second {
						b.Errorf("settled after %v: a STOP may be waiting", d)
					}
					return nil
				}
				b.run(2500 * time.Millisecond)
				if len(b.outcomes) != 1 || a.n != c.asks {
					b.Fatalf("outcomes %+v, asked %d times", b.outcomes, a.n)
				}
				o := b.outcomes[0]
				if o.Status != c.status {
					b.Errorf("%s, want %s", o.Status, c.status)
				}
				if c.status == receipt.Accepted && (o.CarrierID != "found-"+o.Claim || o.Code != "") {
					b.Errorf("outcome %+v", o)
				}
				if c.status == receipt.Unknown && o.Code != "lost" {
					b.Errorf("code %q", o.Code)
				}
				if doubts := b.metric("husk_dispatch_unknown_total", nil); (c.status == receipt.Unknown) != (doubts == 1) {
					b.Errorf("%v doubts counted", doubts)
				}
			})
		})
	}
}
