package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
	"github.com/husk-reminders/husk/pkg/web"
)

// carrierWait bounds the trying of one carrier.
const carrierWait = 15 * time.Second

// carrierDesk tells the staff API of the carriers.
type carrierDesk struct {
	*App
	trials *dispatch.Trials // nil = there are no routes
}

var _ web.Carriers = carrierDesk{}

// carrierDesk makes the desk, and what sends test messages, from the first unit of the directory that writes on both channels, or else the first.
func (a *App) carrierDesk() (carrierDesk, error) {
	d := carrierDesk{App: a}
	if a.Router == nil {
		return d, nil
	}
	to := map[reminder.Channel]reminder.Address{}
	for c, x := range map[reminder.Channel]string{reminder.SMS: a.Config.Send.TestSMS, reminder.Email: a.Config.Send.TestEmail} {
		if x != "" {
			to[c] = reminder.NewAddress(c, x)
		}
	}
	o := dispatch.TrialOptions{
		Composer: a.Composer, Routes: a.Routes, Router: a.Router, Stopped: people{a.Ledger, a.State}.Stopped, To: to, WriteDeadline: a.Config.Send.WriteDeadline,
	}
	for _, u := range a.Units.Units() {
		if u.SenderID.Text != "" && u.From.Text != "" || o.Unit.ID == "" {
			o.Unit = u
			if u.SenderID.Text != "" && u.From.Text != "" {
				break
			}
		}
	}
	var err error
	if d.trials, err = dispatch.NewTrials(o); err != nil {
		return d, fmt.Errorf("app: %w", err)
	}
	return d, nil
}

// List implements web.Carriers.
func (d carrierDesk) List(ctx context.Context, try bool) ([]web.Carrier, error) {
	stopped, err := people{d.Ledger, d.State}.Stopped(ctx)
	if err != nil {
		stopped = nil // the carriers are told of all the same
	}
	var out []web.Carrier
	for _, r := range d.Routes {
		known := cmp.Or(r.Carrier, r.Name)
		if i := slices.IndexFunc(out, func(x web.Carrier) bool { return x.Name == known }); i >= 0 {
			out[i].Channels = append(out[i].Channels, r.Name)
			out[i].Slots += r.Slots
			continue
		}
		x := web.Carrier{Name: known, Type: d.Config.Carriers.Type(known), Channels: []string{r.Name}, Slots: r.Slots, Stopped: stopped[gate.SwitchCarrier+known]}
		d.stand(ctx, &x)
		if c, ok := r.Sender.(provider.Checker); ok && try {
			ctx, cancel := context.WithTimeout(ctx, carrierWait)
			if err := c.Check(ctx); err != nil {
				x.Problem = err.Error()
			}
			cancel()
			x.Tried = true
		}
		out = append(out, x)
	}
	return out, nil
}

// stand fills in what the router knows.
func (d carrierDesk) stand(ctx context.Context, x *web.Carrier) {
	s, ok := d.Router.Status(ctx, x.Name)
	if !ok {
		return
	}
	x.Health, x.Good, x.Bad = string(s.Health), s.Counts.Good, s.Counts.Bad
	x.Limit = web.CarrierLimit{Rate: s.Limit.Rate, Messages: s.Limit.DayCap, Cost: s.Limit.CostCap}
	x.Used = web.CarrierLimit{Messages: s.Used.Messages, Cost: s.Used.Cost}
	switch {
	case s.Err != nil:
		x.Blind = s.Err.Error()
	case errors.Is(s.Full, routing.ErrDayCap):
		x.Full = "day_cap"
	case errors.Is(s.Full, routing.ErrCostCap):
		x.Full = "cost_cap"
	}
}

// Test implements web.Carriers.
func (d carrierDesk) Test(ctx context.Context, name string) (web.CarrierTest, error) {
	if d.trials == nil {
		return web.CarrierTest{}, &web.FieldError{Field: "name", Want: "a carrier other than " + config.None}
	}
	t, err := d.trials.Send(ctx, name)
	switch {
	case errors.Is(err, dispatch.ErrNoCarrier):
		return web.CarrierTest{}, &web.FieldError{Field: "name", Want: "a carrier that routes name: husk carrier list"}
	case errors.Is(err, dispatch.ErrNoTrialTo):
		return web.CarrierTest{}, &web.FieldError{Field: "name", Want: "send.test_sms or send.test_email to be set for its channel: test messages go nowhere else"}
	case errors.Is(err, dispatch.ErrTrialHalted):
		return web.CarrierTest{}, &web.FieldError{Field: "name", Want: "a carrier that is not stopped: husk resume --list"}
	case errors.As(err, new(*compose.HeldError)) || errors.Is(err, compose.ErrTrial):
		return web.CarrierTest{}, &web.FieldError{Field: "name", Want: "a unit directory whose sender a test message can come from: " + err.Error()}
	case err != nil:
		return web.CarrierTest{Carrier: name, Outcome: "not_sent", Code: err.Error()}, nil //nolint:nilerr // the answer tells what became of it
	}
	return web.CarrierTest{Carrier: name, Channel: string(t.Channel), Reference: t.Reference, CarrierID: t.CarrierID, Outcome: t.Outcome, Code: t.Code}, nil
}
