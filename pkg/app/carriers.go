package app

import (
	"cmp"
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
	"github.com/husk-reminders/husk/pkg/provider/smpp"
	"github.com/husk-reminders/husk/pkg/provider/smtp"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
)

// carrierContext is what a carrier is built with beside its own settings.
type carrierContext struct {
	data          string
	writeDeadline time.Duration
	callback      string // the address at which the carrier is to call us, with a secret in it; "" = none
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
		b, err := smtp.New(smtp.Options{Config: o, Log: c.log})
		return b, o.Slots, err
	},
	"smpp": func(s config.Settings, c carrierContext) (provider.Sender, int, error) {
		o := smpp.Config{WriteTimeout: c.writeDeadline}
		if err := settings(s, &o); err != nil {
			return nil, 0, err
		}
		b, err := smpp.New(smpp.Options{Config: o, Now: c.now, Log: c.log})
		return b, o.Slots(), err
	},
	"gatewayapi": gatewayapiCarrier,
	"46elks":     elksCarrier,
	"sinch":      sinchCarrier,
	"link":       linkCarrier,
	"twilio":     twilioCarrier,
	"kannel":     kannelCarrier,
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

// channel is a channel that has carriers, with its rules.
type channel struct {
	name  reminder.Channel
	rules config.Rules
}

// channelsOf are the channels that have carriers.
func channelsOf(c config.Config) []channel {
	var out []channel
	for _, name := range reminder.Channels {
		if rules := c.Channel(string(name)); len(rules) > 0 {
			out = append(out, channel{name, rules})
		}
	}
	return out
}

// route makes the routes, unless they are given, and who chooses among them, and returns the carriers that are asked for replies.
func (a *App) route(o Options) ([]inbound.Source, error) {
	c := o.Config
	var pollers []inbound.Source
	if a.Routes = o.Routes; o.Routes == nil {
		routes, sources, closers, err := buildCarriers(c, carrierContext{data: c.Data, writeDeadline: c.Send.WriteDeadline, now: o.Now, log: o.Log.Named("carrier")})
		a.Routes, pollers = routes, sources
		for _, x := range closers {
			a.defers(func() { _ = x.Close() })
		}
		if err != nil {
			return pollers, err
		}
	}
	zone, err := time.LoadLocation(c.Send.Zone)
	if err != nil {
		return pollers, fmt.Errorf("app: send.zone: %w", err)
	}
	ro := routing.Options{
		Rules: map[reminder.Channel][]routing.Rule{}, Limits: map[string]routing.Limit{}, Meter: a.meter, Zone: zone, Now: o.Now, Metrics: a.Metrics, Log: o.Log.Named("routing"),
	}
	if o.Routes != nil { // they have no rules of their own
		for _, r := range o.Routes {
			ro.Rules[reminder.Channel(r.Name)] = append(ro.Rules[reminder.Channel(r.Name)], routing.Rule{Carriers: []string{cmp.Or(r.Carrier, r.Name)}})
		}
	} else {
		for _, x := range channelsOf(c) {
			for _, r := range x.rules {
				rule := routing.Rule{Carriers: r.Carriers, Units: r.Units}
				for _, country := range r.Countries {
					rule.Countries = append(rule.Countries, reminder.Country(country))
				}
				ro.Rules[x.name] = append(ro.Rules[x.name], rule)
			}
		}
		for name, x := range c.Carriers {
			ro.Limits[name] = routing.Limit{Rate: x.Rate, DayCap: x.DayCap, Cost: x.Cost, CostCap: x.CostCap}
		}
	}
	if len(ro.Rules) > 0 {
		if a.Router, err = routing.New(ro); err != nil {
			return pollers, fmt.Errorf("app: %w", err)
		}
	}
	return pollers, a.rulesKnown(c)
}

// rulesKnown refuses rules for units that there are not.
func (a *App) rulesKnown(c config.Config) error {
	for _, x := range channelsOf(c) {
		for i, r := range x.rules {
			for _, u := range r.Units {
				if _, ok := a.Units.Unit(u); !ok {
					return fmt.Errorf("app: routes.%s: line %d: %s is not in the unit directory", x.name, i+1, u)
				}
			}
		}
	}
	return nil
}

// tells reports whether a carrier tells us what became of messages, under the one name that it was built by.
func tells(account *config.Carrier, s provider.Sender) bool {
	switch account.Type {
	case config.Outbox:
		return false
	case smtp.Name:
		return account.Settings["bounces"] != nil
	}
	_, calls := s.(provider.Webhook)
	_, asked := s.(provider.Poller)
	return calls || asked
}

// buildCarriers makes the routes, one for each carrier of each channel. Carriers of one type with the same settings share what is built,
// unless they tell us of messages: it would come in under the first one's name alone, and count as another's word for those of the rest.
func buildCarriers(c config.Config, cc carrierContext) (routes []dispatch.Route, pollers []inbound.Source, closers []io.Closer, err error) {
	shared := map[string]dispatch.Route{}
	var keys []string // by route
	first := map[string]string{}
	users := map[string]int{}
	for _, x := range channelsOf(c) {
		for _, name := range x.rules.Names() {
			account := c.Carriers[name]
			key := account.Type + fmt.Sprint(map[string]any(account.Settings))
			route, ok := shared[key]
			if !ok {
				build := carriers[account.Type]
				if build == nil {
					return nil, nil, closers, fmt.Errorf("app: carriers.%s.type: no such carrier", name)
				}
				if cc.callback, err = callbackAddress(c.Callbacks, name); err != nil {
					return nil, nil, closers, err
				}
				if route.Sender, route.Slots, err = build(account.Settings, cc); err != nil {
					return nil, nil, closers, fmt.Errorf("app: carriers.%s.settings: %w", name, err)
				}
				shared[key], first[key] = route, name
				if p, ok := route.Sender.(provider.Poller); ok {
					pollers = append(pollers, inbound.Source{Name: name, Poller: p})
				}
				if x, ok := route.Sender.(io.Closer); ok {
					closers = append(closers, x)
				}
			}
			if first[key] != name && tells(account, route.Sender) {
				return nil, nil, closers, fmt.Errorf("app: carriers.%s.settings: the same account as carriers.%s, under whose name all its reports come in: use one name for it, or another account", name, first[key])
			}
			route.Name, route.Carrier = string(x.name), name
			routes, keys = append(routes, route), append(keys, key)
			users[key]++
		}
	}
	// They share its slots too: each opening as many as there are, two routes could hold what the other one waits for.
	for i, key := range keys {
		routes[i].Slots = max(1, routes[i].Slots/users[key])
	}
	return routes, pollers, closers, nil
}
