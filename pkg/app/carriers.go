package app

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/inbound"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/outbox"
	"github.com/husk-reminders/husk/pkg/provider/smtp"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// carrierContext is what a carrier is built with beside its own settings.
type carrierContext struct {
	data          string
	writeDeadline time.Duration
	now           func() time.Time
	log           *zap.Logger
}

// carriers is every carrier there is.
var carriers = map[string]func(config.Settings, carrierContext) (sender provider.Sender, slots int, err error){
	"outbox": func(s config.Settings, c carrierContext) (provider.Sender, int, error) {
		o := outbox.Config{Dir: filepath.Join(c.data, "outbox"), Slots: 8}
		if err := settings(s, &o); err != nil {
			return nil, 0, err
		}
		b, err := outbox.New(outbox.Options{Dir: o.Dir, Slots: o.Slots, Now: c.now, Log: c.log})
		return b, o.Slots, err
	},
	"smtp": func(s config.Settings, c carrierContext) (provider.Sender, int, error) {
		o := smtp.Config{Slots: 4, WriteTimeout: c.writeDeadline}
		if err := settings(s, &o); err != nil {
			return nil, 0, err
		}
		b, err := smtp.New(smtp.Options{Config: o})
		return b, o.Slots, err
	},
}

// settings decodes a carrier's own settings. An unknown one is refused.
func settings(s config.Settings, to any) error {
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: to, ErrorUnused: true, WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(mapstructure.StringToTimeDurationHookFunc()),
	})
	if err != nil {
		return err
	}
	return d.Decode(map[string]any(s))
}

// route makes the routes, unless they are given, and returns the carriers that are asked for replies.
func (a *App) route(o Options) ([]inbound.Source, error) {
	if o.Routes != nil {
		a.Routes = o.Routes
		return nil, nil
	}
	c := o.Config
	routes, pollers, closers, err := buildCarriers(c, carrierContext{data: c.Data, writeDeadline: c.Send.WriteDeadline, now: o.Now, log: o.Log.Named("carrier")})
	a.Routes = routes
	for _, x := range closers {
		a.defers(func() { _ = x.Close() })
	}
	return pollers, err
}

// buildCarriers makes the routes, one a channel. Routes with the same settings of the same carrier share it.
func buildCarriers(c config.Config, cc carrierContext) (routes []dispatch.Route, pollers []inbound.Source, closers []io.Closer, err error) {
	shared := map[string]dispatch.Route{}
	var keys []string // by route
	users := map[string]int{}
	for _, r := range []struct {
		channel reminder.Channel
		carrier config.Carrier
	}{{reminder.SMS, c.Carriers.SMS}, {reminder.Email, c.Carriers.Email}} {
		if r.carrier.Type == config.None {
			continue
		}
		key := r.carrier.Type + fmt.Sprint(map[string]any(r.carrier.Settings))
		route, ok := shared[key]
		if !ok {
			build := carriers[r.carrier.Type]
			if build == nil {
				return nil, nil, closers, fmt.Errorf("app: carriers.%s.type: no such carrier", r.channel)
			}
			if route.Sender, route.Slots, err = build(r.carrier.Settings, cc); err != nil {
				return nil, nil, closers, fmt.Errorf("app: carriers.%s.settings: %w", r.channel, err)
			}
			shared[key] = route
			if p, ok := route.Sender.(provider.Poller); ok {
				pollers = append(pollers, inbound.Source{Name: r.carrier.Type, Poller: p})
			}
			if x, ok := route.Sender.(io.Closer); ok {
				closers = append(closers, x)
			}
		}
		route.Name = string(r.channel)
		routes, keys = append(routes, route), append(keys, key)
		users[key]++
	}
	// They share its slots too: each opening as many as there are, two routes could hold what the other one waits for.
	for i, key := range keys {
		routes[i].Slots = max(1, routes[i].Slots/users[key])
	}
	return routes, pollers, closers, nil
}
