package dispatch_test

import (
	"context"
	"errors"
	"testing"

	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
)

// trialWriter writes trials; said is what it says of one that was encoded.
type trialWriter struct{ said error }

func (trialWriter) Trial(u reminder.Unit, to reminder.Address) (reminder.Message, error) {
	return reminder.Message{Channel: to.Channel, Purpose: reminder.Trial, To: to, Sender: u.SenderID.Text, Text: reminder.Mask("test"), Segments: 1}, nil
}

func (w trialWriter) InspectTrial(reminder.Message) error { return w.said }

// trialCarrier takes what has no intent, and keeps it.
type trialCarrier struct {
	*carrier
	says error
	got  []reminder.Message
	open func() // what happens while a slot opens
	shut int    // slots that were closed
}

func (c *trialCarrier) Open(context.Context) (provider.Slot, error) {
	if c.open != nil {
		c.open()
	}
	return c, nil
}

func (c *trialCarrier) Send(_ context.Context, m reminder.Message) (provider.Accepted, error) {
	c.got = append(c.got, m)
	return provider.Accepted{CarrierID: "c1"}, c.says
}

func (c *trialCarrier) Close() { c.shut++ }

func TestTrial(t *testing.T) {
	inBench(t, func(b *bench) {
		c, mail := &trialCarrier{carrier: &carrier{b, "a"}}, &trialCarrier{carrier: &carrier{b, "m"}}
		number := reminder.NewAddress(reminder.SMS, "+4520123456")
		stopped := map[string]string{}
		var stopErr error
		r, err := routing.New(routing.Options{
			Rules:  map[reminder.Channel][]routing.Rule{reminder.SMS: {{Carriers: []string{"a"}}}, reminder.Email: {{Carriers: []string{"m"}}}},
			Limits: map[string]routing.Limit{"a": {DayCap: 2}}, Now: b.now,
		})
		if err != nil {
			t.Fatal(err)
		}
		o := dispatch.TrialOptions{
			Composer: trialWriter{}, Router: r, Stopped: func(context.Context) (map[string]string, error) { return stopped, stopErr },
			Routes: []dispatch.Route{{Name: "sms", Carrier: "a", Sender: c, Slots: 1}, {Name: "email", Carrier: "m", Sender: mail, Slots: 1}},
			To:     map[reminder.Channel]reminder.Address{reminder.SMS: number},
			Unit:   reminder.Unit{ID: "eye", Country: "DK"},
		}
		trials := func() *dispatch.Trials {
			x, err := dispatch.NewTrials(o)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		refuse := func(what, name string, want error) {
			t.Helper()
			if _, err := trials().Send(b.Context(), name); err == nil || want != nil && !errors.Is(err, want) {
				t.Errorf("%s: %v", what, err)
			}
		}
		refuse("nobody's name", "z", dispatch.ErrNoCarrier)
		refuse("a channel without an address", "m", dispatch.ErrNoTrialTo)
		for _, name := range []string{"all", "carrier:a", "carrier:sms", "unit:eye", "country:DK"} {
			stopped = map[string]string{name: "x"}
			refuse(name, "a", dispatch.ErrTrialHalted)
			stopped = map[string]string{"unit:other": "x"}
			c.open = func() { stopped = map[string]string{name: "x"} }
			refuse(name+", set while the slot opens", "a", dispatch.ErrTrialHalted)
		}
		stopped, c.open = nil, func() { stopErr = errDown }
		refuse("switches that are unknown by then", "a", errDown)
		c.open = nil
		if c.shut != 6 {
			t.Errorf("%d slots are closed, want 6", c.shut)
		}
		stopped, stopErr = nil, errDown
		refuse("unknown switches", "a", errDown)
		stopErr = nil
		o.Composer = trialWriter{said: errors.New("a number")}
		refuse("what is not clean", "a", nil)
		o.Composer = trialWriter{}
		if len(c.got)+len(mail.got) != 0 {
			t.Fatal("something was sent")
		}

		x, err := trials().Send(b.Context(), "a")
		if err != nil || x.Outcome != "accepted" || x.CarrierID != "c1" || x.Reference != c.got[0].Reference || c.got[0].To != number {
			t.Errorf("%+v, %v", x, err)
		}
		c.says = &provider.Error{Outcome: provider.Reject, Code: "550"}
		if x, err := trials().Send(b.Context(), "a"); err != nil || x.Outcome != "reject" || x.Code != "550" {
			t.Errorf("%+v, %v", x, err)
		}
		c.says = errors.New("reset")
		if x, err := trials().Send(b.Context(), "a"); err != nil || x.Outcome != "unknown" {
			t.Errorf("%+v, %v", x, err)
		}
		refuse("one over the cap", "a", routing.ErrDayCap)
		if len(b.intents) != 0 || len(b.outcomes) != 0 {
			t.Error("a trial is in the journal")
		}
	})
}
