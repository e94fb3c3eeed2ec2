package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/redact"
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

func TestIntent(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(1)
		b.run(time.Second)
		i, o := b.intents[0], b.outcomes[0]
		if i.Reminder != id(0) || i.Person != person(0) || i.Attempt != 1 || i.Version != 1 || i.Route != "sms" || i.Channel != reminder.SMS ||
			i.Address == "" || i.Template != "da/reminder.sms@1" || i.Segments != 1 || i.Decision.Basis != "consent" || i.Decision.Pack != "dk-2019" || i.Decision.PackHash == "" {
			b.Errorf("intent %+v", i)
		}
		if shard, ok := reminder.ClaimShard(i.Claim); !ok || shard != person(0).Shard() {
			b.Errorf("claim %q", i.Claim)
		}
		if o.Claim != i.Claim || o.Status != receipt.Accepted || o.CarrierID != "c-"+i.Claim || o.Person != person(0) || o.Attempt != 1 {
			b.Errorf("outcome %+v", o)
		}
	})
}

// What is not surely journalled is not sent, and the lease is left to end by itself: the intent may be there all the same.
func TestIntendFails(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(6)
		b.intend = func([]receipt.Intent) error { return errDown }
		b.run(5 * time.Second)
		if len(b.sent) != 0 || len(b.outcomes) != 0 || len(b.done) != 0 || len(b.retries) != 0 {
			b.Errorf("%d sent, %d outcomes, %d done, %d retries", len(b.sent), len(b.outcomes), len(b.done), len(b.retries))
		}
		if len(b.held) != 6 { // the tokens were given back, so all were leased
			b.Errorf("%d leased, want all 6", len(b.held))
		}
	})
}

func TestConfirmRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		code    string
		verdict string // reason of the denial, "" = none
	}{
		"barred":        {gate.ErrBarred, "barred", "barred"},
		"capped":        {fmt.Errorf("wrapped: %w", gate.ErrCapped), "capped", "capped"},
		"stopped":       {gate.ErrStopped, "kill_switch", ""},
		"not certified": {gate.ErrNotCertified, "not_certified", ""},
		"moved":         {gate.ErrMoved, "", ""},
		"lost":          {gate.ErrLost, "", ""},
		"claim":         {gate.ErrClaim, "", ""},
		"unknown":       {errDown, "unavailable", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBench(t, func(b *bench) {
				b.due(2)
				b.confirm = func(as []gate.Attempt) ([]error, error) {
					errs := make([]error, len(as))
					for i, a := range as {
						if a.Permit.Lease().Reminder == id(0) {
							errs[i] = c.err
						}
					}
					return errs, nil
				}
				b.run(time.Second)
				if len(b.sent) != 1 || b.statuses()[receipt.Accepted] != 1 {
					b.Errorf("%d sent: want the one that was confirmed", len(b.sent))
				}
				i := slices.IndexFunc(b.outcomes, func(o receipt.Outcome) bool { return o.Reminder == id(0) })
				if i < 0 || b.outcomes[i].Status != receipt.NotBegun || b.outcomes[i].Code != c.code || b.outcomes[i].Claim == "" {
					b.Fatalf("outcomes %+v", b.outcomes)
				}
				if d := b.outcomes[i].Retry.Sub(noon); d < 4*time.Second || d > 7*time.Second {
					b.Errorf("asked again after %v", d)
				}
				if c.verdict == "" {
					if len(b.verdicts) != 0 {
						b.Errorf("verdicts %+v", b.verdicts)
					}
				} else if len(b.verdicts) != 1 || b.verdicts[0].Status != receipt.Denied || b.verdicts[0].Decision.Reason != c.verdict || b.verdicts[0].Version != 1 {
					b.Errorf("verdicts %+v", b.verdicts)
				}
				if len(b.done) != 2 {
					b.Errorf("%d leases ended", len(b.done))
				}
			})
		})
	}
}

// An error of the whole question, and an answer that is none, confirm nothing.
func TestConfirmFails(t *testing.T) {
	for name, answer := range map[string]func(as []gate.Attempt) ([]error, error){
		"error":           func(as []gate.Attempt) ([]error, error) { return slices.Repeat([]error{errDown}, len(as)), errDown },
		"error alone":     func([]gate.Attempt) ([]error, error) { return nil, errDown },
		"too few answers": func(as []gate.Attempt) ([]error, error) { return make([]error, len(as)-1), nil },
		"no answers":      func([]gate.Attempt) ([]error, error) { return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			inBench(t, func(b *bench) {
				b.due(3)
				b.confirm = answer
				b.run(time.Second)
				if len(b.sent) != 0 {
					b.Fatalf("%d sent", len(b.sent))
				}
				if n := b.statuses(); n[receipt.NotBegun] != 3 || len(n) != 1 {
					b.Errorf("outcomes %v", n)
				}
			})
		})
	}
}

// Where the journal keeps what was refused waiting, what was allowed does not wait with it: a STOP waits for it only so long.
func TestConfirmedIsSentAtOnce(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(2)
		b.confirm = func(as []gate.Attempt) ([]error, error) {
			errs := make([]error, len(as))
			for i, a := range as {
				if a.Permit.Lease().Reminder == id(0) {
					errs[i] = gate.ErrMoved
				}
			}
			return errs, nil
		}
		b.settle = func(_ context.Context, os []receipt.Outcome) error {
			if os[0].Status == receipt.NotBegun {
				time.Sleep(15 * time.Second)
			}
			return nil
		}
		b.run(time.Second)
		if len(b.sent) != 1 || b.sent[0].at.Sub(noon) > time.Second {
			b.Errorf("sent %+v, want at once", b.sent)
		}
	})
}

// A confirmation that took longer than the write deadline is not used: a STOP has perhaps stopped waiting for it.
func TestConfirmedTooLate(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(1)
		slow := true
		b.confirm = func(as []gate.Attempt) ([]error, error) {
			if slow {
				slow = false
				time.Sleep(2 * time.Second)
			}
			return make([]error, len(as)), nil
		}
		b.run(20 * time.Second)
		if len(b.sent) != 1 || b.sent[0].at.Sub(noon) < 5*time.Second {
			b.Errorf("sent %+v, want only after it was asked again", b.sent)
		}
		if n := b.statuses(); n[receipt.NotBegun] != 1 || n[receipt.Accepted] != 1 {
			b.Errorf("outcomes %v", n)
		}
	})
}

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

func TestSlotDoesNotOpen(t *testing.T) {
	inBench(t, func(b *bench) {
		b.o.OpenWait = 2 * time.Second
		b.due(1)
		var err error
		waits := []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 300 * time.Second, 300 * time.Second}
		b.openSlot = func(ctx context.Context) error {
			if len(b.retries) == len(waits) {
				err = &provider.Error{Outcome: provider.Retry, Code: "down", After: 20 * time.Minute}
			} else {
				err = errDown
			}
			if len(b.retries)%2 == 1 {
				<-ctx.Done()
				err = ctx.Err()
			}
			return err
		}
		b.run(30 * time.Minute)
		if len(b.intents) != 0 || len(b.sent) != 0 {
			b.Errorf("%d intended, %d sent without a slot", len(b.intents), len(b.sent))
		}
		if len(b.retries) < len(waits)+1 {
			b.Fatalf("%d retries", len(b.retries))
		}
		for i, w := range waits {
			if d := b.retries[i].after; d < w*8/10 || d > w*12/10 || b.retries[i].route != "sms" {
				b.Errorf("deferral %d: %v on %s, want %v ±20 %%", i, d, b.retries[i].route, w)
			}
		}
		if d := b.retries[len(waits)].after; d != 20*time.Minute {
			b.Errorf("%v, want what the carrier asks for", d)
		}
	})
}

// A deferral never goes beyond the reminder's end: then it is due once more, to be expired.
func TestDeferralEndsWithTheReminder(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(1, func(l *reminder.Lease) { l.Expires = noon.Add(30 * time.Second) })
		b.openSlot = func(context.Context) error {
			return &provider.Error{Outcome: provider.Retry, After: time.Hour}
		}
		b.run(time.Minute)
		if len(b.retries) != 1 || b.retries[0].after != 30*time.Second {
			b.Errorf("retries %+v", b.retries)
		}
		if len(b.verdicts) != 1 || b.verdicts[0].Status != receipt.Expired || len(b.done) != 1 {
			b.Errorf("verdicts %+v, %d done", b.verdicts, len(b.done))
		}
	})
}

func TestDecisions(t *testing.T) {
	inBench(t, func(b *bench) {
		b.o.Routes[0].Slots = 9
		b.due(5)
		b.decide = func(ds []gate.Decision) ([]gate.Decision, error) {
			if len(ds) < 5 {
				return ds, nil
			}
			ds[0] = gate.Decision{Outcome: gate.Deny, Reason: gate.Withdrawn, Pack: ds[0].Pack}
			ds[1] = gate.Decision{Outcome: gate.Expire}
			ds[2] = gate.Decision{Outcome: gate.Defer, Reason: gate.OutsideWindow, Until: noon.Add(time.Hour)}
			ds[3] = gate.Decision{} // the zero one is no yes
			ds[3].Until = noon.Add(2 * time.Hour)
			return ds, nil
		}
		b.run(time.Second)
		if len(b.sent) != 1 || b.intents[0].Reminder != id(4) {
			b.Errorf("%d sent", len(b.sent))
		}
		if len(b.verdicts) != 2 || b.verdicts[0].Status != receipt.Denied || b.verdicts[0].Decision.Reason != "withdrawn" || b.verdicts[0].Decision.Pack != "dk-2019" ||
			b.verdicts[1].Status != receipt.Expired {
			b.Errorf("verdicts %+v", b.verdicts)
		}
		if len(b.retries) != 2 || b.retries[0].after != time.Hour || b.retries[1].after != 2*time.Hour {
			b.Errorf("retries %+v", b.retries)
		}
	})
}

func TestDecideFails(t *testing.T) {
	for name, answer := range map[string]func(ds []gate.Decision) ([]gate.Decision, error){
		"too few": func(ds []gate.Decision) ([]gate.Decision, error) { return ds[1:], nil },
		"none":    func([]gate.Decision) ([]gate.Decision, error) { return nil, errDown },
	} {
		t.Run(name, func(t *testing.T) {
			inBench(t, func(b *bench) {
				b.due(3)
				b.decide = answer
				b.run(time.Second)
				if len(b.sent) != 0 || len(b.retries) != 3 || len(b.verdicts) != 0 {
					b.Errorf("%d sent, %d put back, %d verdicts", len(b.sent), len(b.retries), len(b.verdicts))
				}
			})
		})
	}
}

// What the journal does not take of a verdict leaves the lease alone: the gate is asked again when it has ended.
func TestRuleFails(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(1)
		b.rule = func([]receipt.Verdict) error { return errDown }
		b.decide = func(ds []gate.Decision) ([]gate.Decision, error) {
			ds[0] = gate.Decision{Outcome: gate.Deny, Reason: gate.Deceased}
			return ds, nil
		}
		b.run(time.Second)
		if len(b.done) != 0 || len(b.held) != 1 {
			b.Error("the lease was ended although the denial is not journalled")
		}
	})
}

func TestComposeRefuses(t *testing.T) {
	held := &compose.HeldError{Template: "da/reminder.sms@1", Findings: []redact.Finding{{Kind: "national_id", Part: "text", Fact: "given_name", Offset: 3, Length: 10}}}
	for name, c := range map[string]struct {
		err    error
		status receipt.Status
		reason string
	}{
		"held":         {fmt.Errorf("x: %w", held), receipt.Held, "national_id"},
		"held, bare":   {&compose.HeldError{}, receipt.Held, "content"},
		"no template":  {compose.ErrNoTemplate, receipt.Denied, "no_template"},
		"over ceiling": {compose.ErrOverCeiling, receipt.Denied, "over_ceiling"},
		"too long":     {compose.ErrTooLong, receipt.Held, "too_long"},
		"any other":    {errDown, receipt.Held, "template"},
	} {
		t.Run(name, func(t *testing.T) {
			inBench(t, func(b *bench) {
				b.due(2)
				b.compose = func(p gate.Permit) error {
					if p.Lease().Reminder == id(0) {
						return c.err
					}
					return nil
				}
				b.run(time.Second)
				if len(b.sent) != 1 || len(b.verdicts) != 1 || len(b.done) != 2 {
					b.Fatalf("%d sent, verdicts %+v, %d done", len(b.sent), b.verdicts, len(b.done))
				}
				v := b.verdicts[0]
				if v.Reminder != id(0) || v.Status != c.status || v.Decision.Reason != c.reason || v.Decision.Pack != "dk-2019" {
					b.Errorf("verdict %+v", v)
				}
				if name == "held" && (len(v.Findings) != 1 || v.Findings[0] != receipt.Finding{Kind: "national_id", Part: "text", Fact: "given_name", Offset: 3, Length: 10}) {
					b.Errorf("findings %+v", v.Findings)
				}
			})
		})
	}
}

func TestChannelElsewhere(t *testing.T) {
	t.Run("that is worked", func(t *testing.T) {
		inBench(t, func(b *bench) {
			b.o.Routes = append(b.o.Routes, dispatch.Route{Name: "email", Sender: &carrier{b, "email"}, Slots: 1})
			b.mails[person(1)] = true
			b.due(2)
			b.run(time.Second)
			if len(b.retries) != 1 || b.retries[0] != (retried{id(1), 0, "email"}) {
				b.Errorf("retries %+v", b.retries)
			}
			got := map[string]string{}
			for i, x := range b.sent {
				got[x.route] = string(b.intents[i].Channel)
			}
			if len(b.sent) != 2 || got["sms"] == "" || got["email"] == "" {
				b.Errorf("sent %+v", b.sent)
			}
		})
	})
	t.Run("that is not", func(t *testing.T) {
		inBench(t, func(b *bench) {
			b.mails[person(0)] = true
			b.due(1)
			b.run(12 * time.Second)
			if len(b.sent) != 0 || len(b.retries) != 2 || b.retries[0].route != "sms" || b.retries[0].after < 4*time.Second || b.retries[1].after < 8*time.Second {
				b.Errorf("%d sent, retries %+v", len(b.sent), b.retries)
			}
		})
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
