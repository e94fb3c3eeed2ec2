package dispatch_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// noticing is composer and carrier behind Notices.
type noticing struct {
	message            reminder.Message
	write, look        error // of Notice and InspectNotice
	encode, open, send error
	inspected          bool
	sent               []reminder.Message
	slots              int
}

func (n *noticing) Notice(x compose.Notice) (reminder.Message, error) {
	m := n.message
	m.To = reminder.NewAddress(m.Channel, x.Unit.Function)
	return m, n.write
}

func (n *noticing) InspectNotice(_ compose.Notice, m reminder.Message) error {
	n.inspected = m.Wire.Body.Reveal() == "wire"
	return n.look
}

func (n *noticing) Encode(m reminder.Message) (reminder.Wire, error) {
	if !provider.ValidReference(m.Reference) {
		return reminder.Wire{}, errors.New("no reference")
	}
	return reminder.Wire{Format: reminder.WireText, Body: reminder.Mask("wire")}, n.encode
}

func (n *noticing) Open(ctx context.Context) (provider.Slot, error) {
	if by, ok := ctx.Deadline(); !ok || time.Until(by) > 30*time.Second {
		return nil, errors.New("it waits for ever")
	}
	n.slots++
	return noticeSlot{n}, n.open
}

type noticeSlot struct{ *noticing }

func (s noticeSlot) Send(ctx context.Context, m reminder.Message) (provider.Accepted, error) {
	if by, ok := ctx.Deadline(); !ok || time.Until(by) > time.Second || !s.inspected {
		return provider.Accepted{}, errors.New("without end, or not looked at")
	}
	s.sent = append(s.sent, m)
	return provider.Accepted{}, s.send
}

func (s noticeSlot) Close() { s.slots-- }

func TestNotices(t *testing.T) {
	retry := &provider.Error{Outcome: provider.Retry, Code: "451 4.2.1"}
	for name, c := range map[string]struct {
		plant   func(*noticing)
		to      string
		sent    int
		is      error
		outcome string
	}{
		"sent":                      {to: "team@hospital.example", sent: 1, outcome: "accepted"},
		"not on the list":           {to: "anna@patient.example", is: dispatch.ErrNotAllowed, outcome: "not_allowed"},
		"another channel":           {plant: func(n *noticing) { n.message.Channel = reminder.SMS }, to: "team@hospital.example", is: dispatch.ErrNotAllowed, outcome: "not_allowed"},
		"nothing to say":            {plant: func(n *noticing) { n.write = compose.ErrNotice }, to: "team@hospital.example", is: compose.ErrNotice, outcome: "held"},
		"the carrier can't":         {plant: func(n *noticing) { n.encode = provider.ErrText }, to: "team@hospital.example", is: provider.ErrText, outcome: "held"},
		"what is written is unfit":  {plant: func(n *noticing) { n.look = compose.ErrHeld }, to: "team@hospital.example", is: compose.ErrHeld, outcome: "held"},
		"the carrier is down":       {plant: func(n *noticing) { n.open = retry }, to: "team@hospital.example", is: retry, outcome: "route_closed"},
		"later":                     {plant: func(n *noticing) { n.send = retry }, to: "team@hospital.example", sent: 1, is: retry, outcome: "retry"},
		"nobody knows of its being": {plant: func(n *noticing) { n.send = errors.New("anna@patient.example") }, to: "team@hospital.example", sent: 1, outcome: "unknown"},
	} {
		n := &noticing{message: reminder.Message{Channel: reminder.Email, Purpose: reminder.StaffNotice}}
		if c.plant != nil {
			c.plant(n)
		}
		registry := prometheus.NewRegistry()
		x, err := dispatch.NewNotices(dispatch.NoticeOptions{
			Composer: n, Sender: n, Metrics: registry, Allows: func(a string) bool { return strings.HasSuffix(a, "@hospital.example") },
		})
		if err != nil {
			t.Fatal(err)
		}
		err = x.Send(t.Context(), compose.Notice{Unit: reminder.Unit{ID: "rh-ortho", Function: c.to}})
		if (err == nil) != (c.outcome == "accepted") || c.is != nil && !errors.Is(err, c.is) || len(n.sent) != c.sent {
			t.Errorf("%s: %v, %d sent", name, err, len(n.sent))
		}
		if err != nil && strings.Contains(err.Error(), "@") {
			t.Errorf("%s: the error tells an address: %v", name, err)
		}
		if open := n.slots; open != 0 && n.open == nil {
			t.Errorf("%s: %d slots are left open", name, open)
		}
		fs, err := registry.Gather()
		if err != nil || len(fs) != 1 || fs[0].GetMetric()[0].GetLabel()[0].GetValue() != c.outcome || fs[0].GetMetric()[0].GetCounter().GetValue() != 1 {
			t.Errorf("%s: counted %v, %v", name, fs, err)
		}
	}
}

// A switch stops a notice, also one that is set while the carrier's slot opens, and one of which nobody can say: it may leave later.
func TestNoticesAskTheSwitches(t *testing.T) {
	for name, c := range map[string]struct {
		on    string
		from  int // the question from which on it is
		err   error
		stops bool
	}{
		"all":                  {on: gate.SwitchAll, stops: true},
		"the unit":             {on: "unit:rh-ortho", stops: true},
		"another unit":         {on: "unit:rh"},
		"its country":          {on: "country:DK", stops: true},
		"the channel":          {on: "carrier:email", stops: true},
		"the carrier":          {on: "carrier:relay", stops: true},
		"another carrier":      {on: "carrier:sms"},
		"set meanwhile":        {on: gate.SwitchAll, from: 1, stops: true},
		"nobody knows":         {err: errDown, stops: true},
		"nobody knows by then": {err: errDown, from: 1, stops: true},
	} {
		n := &noticing{message: reminder.Message{Channel: reminder.Email, Purpose: reminder.StaffNotice}}
		asked := 0
		x, err := dispatch.NewNotices(dispatch.NoticeOptions{
			Composer: n, Sender: n, Carrier: "relay", Allows: func(string) bool { return true },
			Stopped: func(context.Context) (map[string]string, error) {
				if asked++; asked <= c.from {
					return nil, nil
				}
				return map[string]string{c.on: "drill"}, c.err
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		err = x.Send(t.Context(), compose.Notice{Unit: reminder.Unit{ID: "rh-ortho", Country: "DK", Function: "team@hospital.example"}})
		if c.stops != (err != nil) || c.stops == (len(n.sent) == 1) || c.stops && provider.OutcomeOf(err) != provider.Retry || n.slots != 0 {
			t.Errorf("%s: %v, %d sent, %d slots open", name, err, len(n.sent), n.slots)
		}
	}
}

func TestNoticesWantAll(t *testing.T) {
	n, allow := &noticing{}, func(string) bool { return true }
	for _, o := range []dispatch.NoticeOptions{{Sender: n, Allows: allow}, {Composer: n, Allows: allow}, {Composer: n, Sender: n}} {
		if _, err := dispatch.NewNotices(o); err == nil {
			t.Errorf("%+v is enough", o)
		}
	}
}
