package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

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
				if name == "held" && (len(v.Findings) != 1 || v.Findings[0] != reminder.Finding{Kind: "national_id", Part: "text", Fact: "given_name", Offset: 3, Length: 10}) {
					b.Errorf("findings %+v", v.Findings)
				}
			})
		})
	}
}

// What the carrier encoded is looked at again before anything is intended.
func TestTheWireIsInspected(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(2)
		b.encode = func(m reminder.Message) (reminder.Wire, error) {
			return reminder.Wire{Format: reminder.WireMail, Body: reminder.Mask("X: " + m.Reference)}, nil
		}
		bad := ""
		b.inspect = func(m reminder.Message) error {
			if m.Wire.Body.Reveal() != "X: "+m.Reference {
				b.Errorf("inspected %q", m.Wire.Body.Reveal())
			}
			if bad == "" {
				bad = m.Reference
				return &compose.HeldError{Template: m.Template, Findings: []redact.Finding{{Kind: redact.KindDigits, Part: reminder.PartHeader}, {Kind: redact.KindCPR, Part: reminder.PartHeader}}}
			}
			return nil
		}
		b.run(time.Second)
		if len(b.sent) != 1 || b.sent[0].claim == bad || len(b.intents) != 1 || len(b.verdicts) != 1 {
			b.Fatalf("%d sent, %d intents, verdicts %+v", len(b.sent), len(b.intents), b.verdicts)
		}
		if v := b.verdicts[0]; v.Status != receipt.Held || v.Decision.Reason != redact.KindCPR || len(v.Findings) != 2 {
			b.Errorf("verdict %+v: want the finding that nobody may release as its reason", v)
		}
	})
}

// A message that the carrier can't carry is an attempt which it rejected: nothing is sent, whatever the error says.
func TestTheCarrierCannotCarryIt(t *testing.T) {
	for code, err := range map[string]error{
		"bad_recipient": &provider.Error{Outcome: provider.Reject, Code: "bad_recipient"},
		"":              errors.New("x"),
	} {
		inBench(t, func(b *bench) {
			b.due(1)
			b.encode = func(reminder.Message) (reminder.Wire, error) { return reminder.Wire{}, err }
			b.inspect = func(reminder.Message) error { b.Error("there is nothing to inspect"); return nil }
			b.run(time.Second)
			if len(b.sent) != 0 || len(b.outcomes) != 1 || b.outcomes[0].Status != receipt.Rejected || b.outcomes[0].Code != code {
				b.Errorf("%d sent, outcomes %+v", len(b.sent), b.outcomes)
			}
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

// What was planned for a channel that has no carrier here does not lie there until it has expired unseen.
func TestChannelWithoutRoute(t *testing.T) {
	inBench(t, func(b *bench) {
		b.o.Routes = []dispatch.Route{{Name: "email", Sender: &carrier{b, "email"}, Slots: 2}}
		const many = 40 // more than are taken at once
		for i := range many {
			b.mails[person(i)] = true
		}
		b.due(many + 3)
		b.waiting[many+1].lease.Expires = noon
		b.decide = func(ds []gate.Decision) ([]gate.Decision, error) {
			for i := range ds {
				if ds[i].Permit.Lease().Reminder == id(many+2) {
					ds[i] = gate.Decision{Outcome: gate.Deny, Reason: gate.Withdrawn}
				}
			}
			return ds, nil
		}
		b.run(3 * time.Second)
		if len(b.sent) != many || len(b.intents) != many {
			b.Errorf("%d intended, %d sent, want %d", len(b.intents), len(b.sent), many)
		}
		for i, x := range b.sent {
			if x.route != "email" || b.intents[i].Channel != reminder.Email {
				b.Errorf("sent %+v on %s", x, b.intents[i].Channel)
			}
		}
		ruled := map[reminder.ID]receipt.Status{}
		for _, v := range b.verdicts {
			ruled[v.Reminder] = v.Status
		}
		if len(b.verdicts) != 2 || ruled[id(many+1)] != receipt.Expired || ruled[id(many+2)] != receipt.Denied {
			b.Errorf("verdicts %+v", b.verdicts)
		}
		// The one whose permit is for the closed channel itself waits, for longer each time.
		var waits []retried
		for _, r := range b.retries {
			if r.id == id(many) {
				waits = append(waits, r)
			} else if r.route != "email" || r.after != 0 {
				b.Errorf("%+v: want it moved at once", r)
			}
		}
		if len(b.retries) != many+1 || len(waits) != 1 || waits[0].route != "sms" || waits[0].after < 4*time.Second || waits[0].after > 6*time.Second {
			b.Errorf("%d retries, of the one that can't go anywhere %+v", len(b.retries), waits)
		}
		if n := b.metric("husk_dispatch_decisions_total", map[string]string{"route": "sms", "outcome": "defer", "reason": "route_closed"}); n != 1 {
			b.Errorf("%v counted as closed", n)
		}
	})
}

// metric is the value of a counter with these labels.
func (b *bench) metric(name string, labels map[string]string) float64 {
	b.Helper()
	all, err := b.o.Metrics.(*prometheus.Registry).Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			same := 0
			for _, l := range m.GetLabel() {
				if labels[l.GetName()] == l.GetValue() {
					same++
				}
			}
			if same == len(labels) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
