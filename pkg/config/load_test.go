package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// alone gives the test an environment without configuration of its own and returns its home directory.
func alone(t *testing.T) string {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, envPrefix) {
			t.Setenv(name, "") // so that it is put back
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "conf"))
	t.Setenv("XDG_DATA_HOME", "")
	return home
}

// write makes a configuration file and names it in the environment.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "husk.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(envFile, path)
	return path
}

func TestLoadDefaultsAndDerivedPaths(t *testing.T) {
	home := alone(t)
	got, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Data = filepath.Join(home, ".local/share/husk")
	want.Keys.File = filepath.Join(want.Data, "keys/keyset.json")
	want.Admin.Socket = filepath.Join(want.Data, "admin.sock")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	t.Setenv("XDG_DATA_HOME", filepath.Join(home, "share"))
	if got, err = Load(nil); err != nil || got.Data != filepath.Join(home, "share/husk") {
		t.Errorf("Data = %q, %v", got.Data, err)
	}
	t.Setenv("XDG_DATA_HOME", "relative/is/ignored")
	if got, err = Load(nil); err != nil || got.Data != want.Data {
		t.Errorf("Data = %q, %v", got.Data, err)
	}
}

func TestLoadLayersOutrankEachOther(t *testing.T) {
	alone(t)
	flags := pflag.NewFlagSet("husk", pflag.ContinueOnError)
	RegisterFlags(flags)
	flags.Int("send-batch", 1, "")
	flags.Duration("send-lease", 0, "")
	flags.Bool("plain", false, "belongs to no key")
	load := func(args ...string) Config {
		t.Helper()
		if err := flags.Parse(args); err != nil {
			t.Fatal(err)
		}
		c, err := Load(flags)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if got := load().Send.Batch; got != 256 {
		t.Errorf("default, and a flag that was not given: %d", got)
	}
	path := write(t, "send: {batch: 10, lease: 2m}\nlog:\n  level: debug\n")
	if c := load(); c.Send.Batch != 10 || c.Send.Lease != 2*time.Minute || c.Log.Level != "debug" || c.File != path {
		t.Errorf("file: %+v from %q", c.Send, c.File)
	}
	t.Setenv("HUSK_SEND_BATCH", "20")
	t.Setenv("HUSK_LOG_LEVEL", "") // counts as not set
	if c := load(); c.Send.Batch != 20 || c.Send.Lease != 2*time.Minute || c.Log.Level != "debug" {
		t.Errorf("environment: %+v %+v", c.Send, c.Log)
	}
	if c := load("--send-batch=30", "--send-lease=90s", "--plain"); c.Send.Batch != 30 || c.Send.Lease != 90*time.Second {
		t.Errorf("flags: %+v", c.Send)
	}
	other := write(t, "log: {level: warn}")
	t.Setenv(envFile, "/nonexistent")
	if c := load("--config", other); c.Log.Level != "warn" {
		t.Errorf("--config: %+v", c.Log)
	}
}

func TestLoadFindsTheUsersFile(t *testing.T) {
	home := alone(t)
	dir := filepath.Join(home, "conf", "husk")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "husk.yaml"), []byte("data: ~/here\nunits: {file: units.yaml}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(home)
	c, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != filepath.Join(home, "here") || c.Admin.Socket != filepath.Join(home, "here/admin.sock") {
		t.Errorf("~/ is not the home directory: %q, %q", c.Data, c.Admin.Socket)
	}
	if c.Units.File != filepath.Join(home, "units.yaml") {
		t.Errorf("a relative path is not taken from the working directory: %q", c.Units.File)
	}
}

func TestLoadCarrierSettings(t *testing.T) {
	alone(t)
	write(t, `carriers: {email: {type: smtp, settings: {host: mail.example, port: 587, tls: {min: "1.3"}, password: from-file}}}`)
	t.Setenv("HUSK_CARRIERS_EMAIL_SETTINGS_PASSWORD", "from-environment")
	t.Setenv("HUSK_CARRIERS_SMS_SETTINGS_DIR", "/out")
	c, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{"host": "mail.example", "port": 587, "tls": map[string]any{"min": "1.3"}, "password": "from-environment"}
	if !reflect.DeepEqual(c.Carriers["email"].Settings, want) {
		t.Errorf("email: got %v", map[string]any(c.Carriers["email"].Settings))
	}
	if want := (Settings{"dir": "/out"}); !reflect.DeepEqual(c.Carriers["sms"].Settings, want) {
		t.Errorf("sms: got %v", map[string]any(c.Carriers["sms"].Settings))
	}
}

// A service named husk makes Kubernetes put variables of that prefix into every container of the namespace.
func TestLoadLeavesKubernetesServiceLinksAlone(t *testing.T) {
	alone(t)
	for name, value := range map[string]string{
		"HUSK_SERVICE_HOST": "10.0.0.1", "HUSK_SERVICE_PORT": "8484", "HUSK_SERVICE_PORT_HTTP": "8484", "HUSK_PORT": "tcp://10.0.0.1:8484",
		"HUSK_PORT_8484_TCP": "tcp://10.0.0.1:8484", "HUSK_PORT_8484_TCP_ADDR": "10.0.0.1",
	} {
		t.Setenv(name, value)
	}
	if _, err := Load(nil); err != nil {
		t.Error(err)
	}
	t.Setenv("HUSK_PORT", "8484")
	if _, err := Load(nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("HUSK_PORT that somebody wrote: %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	long := "/" + strings.Repeat("d", 99)
	for _, tt := range []struct {
		name string
		file string
		env  map[string]string
		args []string
		want []string // each a whole line of the error, the file's path left out
	}{
		{"a slip in a key", "send:\n  bacth: 9\n", nil, nil, []string{"config: send.bacth (FILE line 2): want a known key; did you mean send.batch?"}},
		{"a slip in a section", "sned: {batch: 9}", nil, nil, []string{"config: sned (FILE line 1): want a known key; did you mean send?"}},
		{"another section's key", "horizon: 9d", nil, nil, []string{"config: horizon (FILE line 1): want a known key; did you mean plan.horizon?"}},
		{"capitals", "Data: /d", nil, nil, []string{"config: Data (FILE line 1): want a known key; did you mean data?"}},
		{"a key like no other", "log: {colour: red}", nil, nil, []string{"config: log.colour (FILE line 1): want a known key, here: format, level"}},
		{"a key below a value", "data: {dir: /d}", nil, nil, []string{"config: data (FILE line 1): want text, in quotes"}},
		{"a value for a section", "log: debug", nil, nil, []string{"config: log (FILE line 1): want keys and values, here: format, level"}},
		{"a list for a file", "[1]", nil, nil, []string{"config: the file (FILE line 1): want keys and values, here: admin, api, broker, callbacks, carriers, controller, data, http, keys, log, mode, nats, notices, pages, plan, policy, redis, retention, routes, send, state, sweeps, templates, units, unsubscribe, verify"}},
		{"a key twice", "send:\n  batch: 1\n  batch: 2\n", nil, nil, []string{"config: send.batch (FILE line 3): want it once; it is also on line 2"}},
		{"a section twice", "log: {level: warn}\nlog: {level: info}", nil, nil, []string{"config: log (FILE line 2): want it once; it is also on line 1"}},
		{"no value", "units:\n  file:\n", nil, nil, []string{`config: units.file (FILE line 2): want a value; leave the key out, or write "" for empty text`}},
		{"a secret in an unknown key", "carriers: {email: {pasword: hunter2}}", nil, nil, []string{"config: carriers.email.pasword (FILE line 1): want a known key, here: cost, cost_cap, day_cap, rate, settings, type"}},
		{"yes for true", "broker: {sync: yes}", nil, nil, []string{`config: broker.sync = "yes" (FILE line 1): want true or false`}},
		{"a number for a duration", "send: {lease: 60}", nil, nil, []string{`config: send.lease = "60" (FILE line 1): want a duration such as 90s, 48h or 7d`}},
		{"a fraction", "send: {batch: 2.5}", nil, nil, []string{`config: send.batch = "2.5" (FILE line 1): want a whole number`}},
		{"a list for settings", "carriers: {sms: {settings: [hunter2]}}", nil, nil, []string{"config: carriers.sms.settings (FILE line 1): want a section of the carrier's own settings"}},
		{"a number for text", "broker: {user: 12}", nil, nil, []string{`config: broker.user = "12" (FILE line 1): want text, in quotes`}},
		{"a slip in a variable", "", map[string]string{"HUSK_SEND_BACH": "hunter2"}, nil, []string{"config: HUSK_SEND_BACH (environment): want a known variable; did you mean HUSK_SEND_BATCH?"}},
		{"a variable like no other", "", map[string]string{"HUSK_SECRETS": "hunter2"}, nil, []string{"config: HUSK_SECRETS (environment): want a variable named after a key: HUSK_<SECTION>_<KEY>, as in HUSK_SEND_BATCH"}},
		{"a wrong variable", "", map[string]string{"HUSK_BROKER_SYNC": "1"}, nil, []string{`config: broker.sync = "1" (HUSK_BROKER_SYNC): want true or false`}},
		{"all settings in one variable", "", map[string]string{"HUSK_CARRIERS_SMS_SETTINGS": "hunter2"}, nil, []string{"config: HUSK_CARRIERS_SMS_SETTINGS (environment): want a variable named after a key: HUSK_<SECTION>_<KEY>, as in HUSK_SEND_BATCH"}},
		{"a wrong flag", "", nil, []string{"--http-listen=8484"}, []string{`config: http.listen = "8484" (--http-listen): want host:port, or empty for none`}},
		{"a wrong word", "mode: produktion", nil, nil, []string{`config: mode = "produktion" (FILE line 1): want demo, trial, production; did you mean production?`}},
		{"out of range", "plan: {horizon: 731d}", nil, nil, []string{`config: plan.horizon = "731d" (FILE line 1): want 120d to 730d`}},
		{"a broker without a store", "nats: {url: nats://u:hunter2@h}", nil, nil, []string{"config: redis.url (default): want redis://… or rediss://…: with nats.url the state must be where every process finds it"}},
		{"a store without a broker", "", map[string]string{"HUSK_REDIS_URL": "redis://:hunter2@h"}, nil, []string{"config: redis.url (HUSK_REDIS_URL): want it empty while nats.url is empty: with the embedded broker the state is in the process"}},
		{"a broker that is none", "nats: {url: 'http://u:hunter2@h'}\nredis: {url: 'redis://:hunter2@h'}", nil, nil, []string{"config: nats.url (FILE line 1): want nats://host:port or tls://host:port, several with commas"}},
		{"no check of certificates", "nats: {url: 'nats://h'}\nredis: {url: 'rediss://:hunter2@h?skip_verify=true'}", nil, nil, []string{"config: redis.url (FILE line 2): want no skip_verify: name the authority in redis.tls.ca"}},
		{"a key without a certificate", "nats: {url: 'nats://h', tls: {key: k.pem}}\nredis: {url: 'redis://h'}", nil, nil, []string{"config: nats.tls.cert (default): want the certificate that belongs to nats.tls.key"}},
		{"plain lines in production", "mode: production\ncarriers: {sms: {type: none}, email: {type: smtp}}\nnats: {url: 'nats://h'}\nredis: {url: 'redis://h'}", nil, nil, []string{"config: nats.url (FILE line 3): want tls://… in production, or nats.tls.ca: events carry national ids", "config: redis.url (FILE line 4): want rediss://… in production, or a server on this machine"}},
		{"Sentinel and Cluster", "nats: {url: 'nats://h'}\nredis: {url: 'redis://h', master: m, cluster: true}", nil, nil, []string{"config: redis.cluster = \"true\" (FILE line 2): want false with redis.master: either Sentinel or a Cluster"}},
		{"too long a socket path", "data: " + long, nil, nil, []string{`config: admin.socket = "` + long + `/admin.sock": want a path of at most 103 bytes, the system's limit for a socket; it may lie outside data`}},
		{"several at once", "mode: production\nbroker: {sync: false}\n", nil, nil, []string{
			`config: broker.sync = "false" (FILE line 2): want true in production: a write that is acknowledged before it is on disk can be lost`,
			`config: carriers.sms.type = "outbox" (default): want a carrier that reaches people: in production outbox is refused; none turns the route off`,
			`config: carriers.email.type = "outbox" (default): want a carrier that reaches people: in production outbox is refused; none turns the route off`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			alone(t)
			path := write(t, tt.file)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			flags := pflag.NewFlagSet("husk", pflag.ContinueOnError)
			RegisterFlags(flags)
			if err := flags.Parse(tt.args); err != nil {
				t.Fatal(err)
			}
			_, err := Load(flags)
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("not refused as invalid: %v", err)
			}
			got := strings.ReplaceAll(err.Error(), path, "FILE")
			if want := strings.Join(tt.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is in the error: %v", err)
			}
		})
	}
}

func TestLoadRefusesAFileItCannotRead(t *testing.T) {
	for name, text := range map[string]string{"not YAML": "a: [", "two documents": "mode: trial\n---\nmode: demo\n"} {
		t.Run(name, func(t *testing.T) {
			alone(t)
			write(t, text)
			if _, err := Load(nil); err == nil || errors.Is(err, ErrInvalid) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("named and missing", func(t *testing.T) {
		alone(t)
		t.Setenv(envFile, "/nonexistent/husk.yaml")
		if _, err := Load(nil); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
}

func TestLoadReadsAFileOfCommentsAlone(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "send:\n  # batch: 9\n", "carriers: {sms: {settings: }}"} {
		alone(t)
		write(t, text)
		if c, err := Load(nil); err != nil || c.Send.Batch != 256 || len(c.Carriers["sms"].Settings) != 0 {
			t.Errorf("%q: %+v, %v", text, c.Send, err)
		}
	}
}
