package app

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
)

func TestCarriersAreThoseThatConfigKnows(t *testing.T) {
	var known []string
	for _, n := range slices.Concat(config.SMSCarriers, config.EmailCarriers) {
		if n != config.None && !slices.Contains(known, n) {
			known = append(known, n)
		}
	}
	slices.Sort(known)
	if got := slices.Sorted(maps.Keys(carriers)); !slices.Equal(got, known) {
		t.Errorf("carriers %v, the configuration takes %v", got, known)
	}
}

func TestBuildCarriers(t *testing.T) {
	smtp := config.Settings{"host": "mail.example", "domain": "rh.example", "tls": "mandatory", "slots": "3", "dial_timeout": "2s"}
	outbox := func(slots any) config.Carrier {
		return config.Carrier{Type: "outbox", Settings: config.Settings{"slots": slots}}
	}
	none := config.Carrier{Type: config.None}
	for name, c := range map[string]struct {
		sms, email config.Carrier
		slots      []int // a route
		pollers    int
		shared     bool
		err        string
	}{
		"one outbox for both":      {sms: config.Carrier{Type: "outbox"}, email: config.Carrier{Type: "outbox"}, slots: []int{4, 4}, pollers: 1, shared: true},
		"an outbox of one slot":    {sms: outbox(1), email: outbox(1), slots: []int{1, 1}, pollers: 1, shared: true},
		"the outbox for one":       {sms: none, email: outbox(6), slots: []int{6}, pollers: 1},
		"outbox and smtp":          {sms: outbox("2"), email: config.Carrier{Type: "smtp", Settings: smtp}, slots: []int{2, 3}, pollers: 2},
		"none at all":              {sms: none, email: none},
		"a carrier nobody knows":   {sms: config.Carrier{Type: "pigeon"}, email: none, err: "carriers.sms.type"},
		"a setting nobody knows":   {sms: config.Carrier{Type: "outbox", Settings: config.Settings{"speed": 3}}, email: none, err: "speed"},
		"a setting of another":     {sms: none, email: config.Carrier{Type: "smtp", Settings: config.Settings{"dir": "x"}}, err: "carriers.email.settings"},
		"settings that do not fit": {sms: outbox(5000), email: none, err: "slots"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := configIn(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			cfg.Carriers["sms"], cfg.Carriers["email"] = &c.sms, &c.email
			routes, pollers, closers, err := buildCarriers(cfg, carrierContext{data: cfg.Data, writeDeadline: time.Second, now: time.Now, log: zap.NewNop()})
			for _, x := range closers {
				defer func() { _ = x.Close() }()
			}
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || !strings.HasPrefix(err.Error(), "app: ") {
					t.Errorf("got %v, want the error to name %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var slots []int
			for _, r := range routes {
				slots = append(slots, r.Slots)
			}
			if !slices.Equal(slots, c.slots) || len(pollers) != c.pollers {
				t.Errorf("slots %v, %d pollers; want %v, %d", slots, len(pollers), c.slots, c.pollers)
			}
			if len(routes) == 2 && (routes[0].Sender == routes[1].Sender) != c.shared {
				t.Errorf("shared: %v", !c.shared)
			}
			// However the routes compete, each gets its slots at once.
			for _, r := range routes {
				if c.email.Type == "smtp" && r.Name == "email" {
					continue // there is no server
				}
				for range r.Slots {
					s, err := r.Sender.Open(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if c.slots[0] > 1 {
						defer s.Close()
					} else {
						s.Close()
					}
				}
			}
		})
	}
	// A setting that may be a secret is not repeated.
	cfg, err := configIn(filepath.Join(t.TempDir(), "d"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Carriers["sms"] = &none
	cfg.Carriers["email"] = &config.Carrier{Type: "smtp", Settings: config.Settings{"port": "hunter2", "username": []any{map[string]any{"hunter2": 1}}}}
	_, _, _, err = buildCarriers(cfg, carrierContext{data: cfg.Data, now: time.Now, log: zap.NewNop()})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
