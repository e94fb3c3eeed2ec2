package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const example = "../../config/husk.yaml"

// allKeys lists every key there is, in the order of config/husk.yaml.
func allKeys() []string {
	var keys []string
	c := Default()
	for _, l := range c.leaves() {
		keys = append(keys, l.key)
	}
	return keys
}

// The example file and the struct agree both ways: the file has every key and no other, in the struct's order, each
// with its default and a comment above it.
func TestExampleFileAgreesWithConfig(t *testing.T) {
	alone(t)
	c := Default()
	f, err := readFile(example, &c)
	if err != nil {
		t.Fatal(err)
	}
	if err := joined(f.problems); err != nil {
		t.Fatal(err)
	}
	for _, l := range c.leaves() {
		raw, ok := f.values[l.key]
		if !ok {
			t.Errorf("%s is missing from the file", l.key)
			continue
		}
		want := l.field.Interface()
		if want := l.set(raw); want != "" {
			t.Errorf("%s: want %s", l.key, want)
			continue
		}
		got := l.field.Interface()
		if s, ok := got.(Settings); ok && len(s) == 0 {
			continue // {} in the file, nil in the struct
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v in the file and %v by default", l.key, got, want)
		}
	}

	data, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	inOrder, bare := walk(doc.Content[0], "", allKeys())
	if !slices.Equal(inOrder, allKeys()) {
		t.Errorf("order in the file: %v\nin the struct:     %v", inOrder, allKeys())
	}
	// The comment on broker.user speaks for the password file too.
	if want := []string{"broker.password_file"}; !slices.Equal(bare, want) {
		t.Errorf("keys without a comment: %v, want %v", bare, want)
	}
}

// walk lists the file's keys, and those that no comment stands above.
func walk(node *yaml.Node, prefix string, known []string) (keys, bare []string) {
	for i := 0; i < len(node.Content); i += 2 {
		key := prefix + node.Content[i].Value
		if !slices.Contains(known, key) {
			k, b := walk(node.Content[i+1], key+".", known)
			keys, bare = append(keys, k...), append(bare, b...)
			continue
		}
		keys = append(keys, key)
		if node.Content[i].HeadComment == "" {
			bare = append(bare, key)
		}
	}
	return keys, bare
}

func TestEveryFieldHasAKeyAndItsOwnNames(t *testing.T) {
	var fields func(reflect.Type) int
	fields = func(s reflect.Type) (n int) {
		for i := range s.NumField() {
			f := s.Field(i)
			switch {
			case f.Name == "File" && s == reflect.TypeFor[Config]():
			case f.Type == reflect.TypeFor[Carriers]():
				n += len(Default().Carriers) * fields(reflect.TypeFor[Carrier]())
			case f.Type.Kind() == reflect.Struct:
				n += fields(f.Type)
			default:
				n++
			}
		}
		return n
	}
	if got, want := len(allKeys()), fields(reflect.TypeFor[Config]()); got != want {
		t.Errorf("%d keys for %d fields", got, want)
	}
	env, flag := map[string]string{}, map[string]string{}
	for _, key := range allKeys() {
		if other := env[envName(key)]; other != "" {
			t.Errorf("%s and %s are the same variable", key, other)
		}
		if other := flag[flagName(key)]; other != "" {
			t.Errorf("%s and %s are the same flag", key, other)
		}
		env[envName(key)], flag[flagName(key)] = key, key
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		keys   []string // those refused
	}{
		{"default", func(*Config) {}, nil},
		{"demo", func(c *Config) { c.Mode = ModeDemo }, nil},
		{"production by mail", func(c *Config) {
			c.Mode, c.Carriers["sms"].Type, c.Carriers["email"].Type = ModeProduction, None, "smtp"
		}, nil},
		{"production with the outbox", func(c *Config) { c.Mode, c.Carriers["email"].Type = ModeProduction, "smtp" }, []string{"carriers.sms.type"}},
		{"a controller of a form of its own", func(c *Config) { c.Controller = Controller{ID: "29 19 06 23", Name: "Region\nNord"} }, []string{"controller.id", "controller.name"}},
		{"a controller", func(c *Config) { c.Controller = Controller{ID: "29190623", Name: "Region Nord, Sygehusene"} }, nil},
		{"trial without sync", func(c *Config) { c.Broker.Sync = false }, nil},
		{"nothing at all", func(c *Config) { *c = Config{} }, []string{"mode", "log.level", "log.format", "broker.events_max_bytes",
			"api.address_rate", "api.key_rate", "api.unmask_rate", "pages.rate", "unsubscribe.rate", "callbacks.rate", "plan.horizon", "send.batch", "send.write_deadline", "send.lease", "send.zone", "routes.sms", "routes.email", "carriers",
			"templates.canary.messages", "templates.canary.for", "verify.timeout", "verify.krr.environment", "verify.nemsms.environment", "notices.after",
			"state.snapshot_every", "retention.decisions", "retention.dead", "retention.audit", "sweeps.expired", "sweeps.open_attempts",
			"sweeps.doubts", "sweeps.reports", "sweeps.unreported", "sweeps.previews", "sweeps.remembered", "sweeps.verify", "sweeps.notices", "sweeps.canaries", "sweeps.retention"}},
		{"no route", func(c *Config) { c.Carriers["sms"].Type, c.Carriers["email"].Type = None, None }, []string{"carriers"}},
		{"SMS by mail", func(c *Config) { c.Carriers["sms"].Type = "smtp" }, []string{"carriers.sms.type"}},
		{"a port for this machine", func(c *Config) {
			c.Broker.Listen, c.Broker.User, c.Broker.PasswordFile = "127.0.0.1:4222", "booking", "/pw"
		}, nil},
		{"a port on IPv6", func(c *Config) {
			c.Broker.Listen, c.Broker.User, c.Broker.PasswordFile = "[::1]:4222", "booking", "/pw"
		}, nil},
		{"a port for everybody", func(c *Config) {
			c.Broker.Listen, c.Broker.User, c.Broker.PasswordFile = "0.0.0.0:4222", "booking", "/pw"
		}, []string{"broker.listen"}},
		{"a port on every interface", func(c *Config) { c.Broker.Listen, c.Broker.User, c.Broker.PasswordFile = ":4222", "booking", "/pw" }, []string{"broker.listen"}},
		{"a port without password", func(c *Config) { c.Broker.Listen = "localhost:4222" }, []string{"broker.user", "broker.password_file"}},
		{"a password without port", func(c *Config) { c.Broker.PasswordFile = "/pw" }, []string{"broker.password_file"}},
		{"the shortest horizon", func(c *Config) { c.Plan.Horizon = 120 * day }, nil},
		{"the longest horizon", func(c *Config) { c.Plan.Horizon = 730 * day }, nil},
		{"a horizon shorter than the planner's", func(c *Config) { c.Plan.Horizon = 120*day - time.Second }, []string{"plan.horizon"}},
		{"a horizon beyond two years", func(c *Config) { c.Plan.Horizon = 730*day + time.Second }, []string{"plan.horizon"}},
		{"no HTTP", func(c *Config) { c.HTTP.Listen = "" }, nil},
		{"HTTP port out of range", func(c *Config) { c.HTTP.Listen = "127.0.0.1:84840" }, []string{"http.listen"}},
		{"the staff API on this machine", func(c *Config) { c.API.Listen = "127.0.0.1:8485" }, nil},
		{"the staff API in clear", func(c *Config) { c.API.Listen = ":8485" }, []string{"api.listen"}},
		{"the staff API over TLS", func(c *Config) {
			c.API.Listen, c.API.Cert, c.API.Key, c.API.ClientCA = ":8485", "/c", "/k", "/ca"
		}, nil},
		{"the staff API in clear in production", func(c *Config) {
			c.Mode, c.Carriers["sms"].Type, c.Carriers["email"].Type, c.API.Listen = ModeProduction, None, "smtp", "127.0.0.1:8485"
		}, []string{"api.cert"}},
		{"a certificate without its key", func(c *Config) { c.API.Listen, c.API.Cert = ":8485", "/c" }, []string{"api.key"}},
		{"client certificates in clear", func(c *Config) { c.API.Listen, c.API.ClientCA = "localhost:8485", "/ca" }, []string{"api.client_ca"}},
		{"the staff API nowhere", func(c *Config) { c.API.Listen = "8485" }, []string{"api.listen"}},
		{"no request at all", func(c *Config) { c.API.KeyRate = 0 }, []string{"api.key_rate"}},
		{"nobody is rung", func(c *Config) { c.API.UnmaskRate = 0 }, []string{"api.unmask_rate"}},
		{"a batch the broker refuses", func(c *Config) { c.Send.Batch = 1001 }, []string{"send.batch"}},
		{"a lease as short as the hand-over", func(c *Config) { c.Send.Lease, c.Send.WriteDeadline = 10*time.Second, 3*time.Second }, []string{"send.lease"}},
		{"a sweep with zone", func(c *Config) { c.Sweeps.Retention = "CRON_TZ=Europe/Copenhagen 30 3 * * *" }, nil},
		{"a zone alone", func(c *Config) { c.Sweeps.Retention = "TZ=UTC" }, []string{"sweeps.retention"}},
		{"six fields", func(c *Config) { c.Sweeps.Expired = "0 * * * * *" }, []string{"sweeps.expired"}},
		{"a sweep that never comes due", func(c *Config) { c.Sweeps.Retention = "0 0 31 2 *" }, []string{"sweeps.retention"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Default()
			tt.change(&c)
			var keys []string
			for _, p := range c.problems() {
				keys = append(keys, p.Key)
			}
			if !slices.Equal(keys, tt.keys) {
				t.Errorf("refused %v, want %v\n%v", keys, tt.keys, c.Validate())
			}
			if err := c.Validate(); errors.Is(err, ErrInvalid) != (tt.keys != nil) {
				t.Errorf("Validate: %v", err)
			}
		})
	}
}

func TestResolvedRefusesWhatValidateRefuses(t *testing.T) {
	c := Default()
	c.Send.Batch = 0
	if _, err := c.Resolved(); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"7d": 7 * day, "1d12h": 36 * time.Hour, "48h": 48 * time.Hour, "90s": 90 * time.Second, "0d": 0, "1h30m": 90 * time.Minute,
	} {
		if got, ok := parseDuration(text); !ok || got != want {
			t.Errorf("%s = %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "d", "7", "-1h", "+1h", "1d-1h", "7 d", "1.5d", "999999d", "1w", "99999d2000000h", "d7"} {
		if got, ok := parseDuration(text); ok {
			t.Errorf("%q = %v, want it refused", text, got)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"send.batch", "send.lease", "plan.horizon", "data", "mode"}
	for name, want := range map[string]string{
		"send.bacth": "send.batch", "send.batches": "send.batch", "leases": "", "batch": "send.batch", "dat": "data", "mood": "",
		"x": "", "": "", "plan.horisont": "plan.horizon",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestSecretsPrintMasked(t *testing.T) {
	c := Default()
	c.NATS.URL = "nats://u:hunter2@host"
	c.Carriers["email"].Settings = Settings{"password": "hunter2"}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v", c, c), fmt.Sprintf("%q %x", c.NATS.URL, c.Carriers["email"].Settings), string(asJSON), string(asYAML)} {
		if strings.Contains(printed, "hunter2") || strings.Contains(printed, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("shown in %s", printed)
		}
		if !strings.Contains(printed, "not shown") {
			t.Errorf("not masked in %s", printed)
		}
	}
	if c.NATS.URL.Reveal() != "nats://u:hunter2@host" {
		t.Error("Reveal does not return the value")
	}
}
