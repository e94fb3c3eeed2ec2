package deploy

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	husk "github.com/husk-reminders/husk/pkg/config"
)

var units = []string{"husk.service", "husk-nats.service", "husk-redis.service"}

// setting is one line of a unit.
type setting struct{ section, key, value string }

// settings reads a unit, a file of the folder config.
func settings(t *testing.T, unit string) (all []setting) {
	t.Helper()
	section := ""
	for n, line := range strings.Split(read(t, config(t, unit)), "\n") {
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = line
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok || section == "" || strings.TrimSpace(key) != key {
				t.Fatalf("%s line %d: not a setting in a section", unit, n+1)
			}
			all = append(all, setting{section, key, value})
		}
	}
	return all
}

// value is that of a setting which stands once.
func value(t *testing.T, unit, key string) string {
	t.Helper()
	var found []string
	for _, s := range settings(t, unit) {
		if s.key == key {
			found = append(found, s.value)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s: %s stands %d times", unit, key, len(found))
	}
	return found[0]
}

// Each unit takes away what its server does not need, waits long enough for its end, and comes back for ever.
func TestUnits(t *testing.T) {
	hardening := func(unit string) (all []string) {
		for _, s := range settings(t, unit) {
			if strings.HasPrefix(s.key, "Protect") || strings.HasPrefix(s.key, "Private") || strings.HasPrefix(s.key, "Restrict") ||
				strings.HasPrefix(s.key, "SystemCall") || strings.HasPrefix(s.key, "NoNew") || strings.HasSuffix(s.key, "Capabilities") ||
				strings.HasPrefix(s.key, "Capability") || strings.HasPrefix(s.key, "Lock") || strings.HasPrefix(s.key, "MemoryDeny") || s.key == "UMask" {
				all = append(all, s.key+"="+s.value)
			}
		}
		return all
	}
	want := hardening("husk.service")
	for _, must := range []string{"NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "SystemCallFilter=@system-service", "UMask=0077", "ProtectHome=yes"} {
		if !slices.Contains(want, must) {
			t.Errorf("husk.service lacks %s", must)
		}
	}
	for _, unit := range units {
		if got := hardening(unit); !slices.Equal(got, want) {
			t.Errorf("%s is hardened otherwise than husk.service: %v", unit, got)
		}
		// Dispatch takes up to 20 s to end what is in hand, and what is behind it some more.
		d, err := time.ParseDuration(value(t, unit, "TimeoutStopSec") + "s")
		if err != nil || d < 40*time.Second {
			t.Errorf("%s: TimeoutStopSec %v, %v", unit, d, err)
		}
		for key, want := range map[string]string{"Restart": "always", "StartLimitIntervalSec": "0", "KillSignal": "SIGTERM", "WantedBy": "multi-user.target"} {
			if got := value(t, unit, key); got != want {
				t.Errorf("%s: %s=%s, want %s", unit, key, got, want)
			}
		}
		if v := value(t, unit, "StateDirectory"); v != "%N" && v != strings.TrimSuffix(unit, ".service") {
			t.Errorf("%s: StateDirectory=%s", unit, v)
		}
	}
}

// systemd's own opinion, where there is one: of the units, and of husk.service installed as a template.
func TestUnitsVerified(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not here; TestUnits reads the units without it")
	}
	dir := t.TempDir()
	paths := []string{"verify", "--man=no"}
	for as, unit := range map[string]string{"husk.service": "husk.service", "husk@a.service": "husk.service", "husk-nats.service": "husk-nats.service", "husk-redis.service": "husk-redis.service"} {
		// The programs are not installed here.
		text := regexp.MustCompile(`(?m)^ExecStart=\S+`).ReplaceAllString(read(t, config(t, unit)), "ExecStart=/bin/true")
		paths = append(paths, write(t, filepath.Join(dir, as), text))
	}
	out, err := exec.Command("systemd-analyze", paths...).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, dir) || strings.Contains(line, "husk") {
			t.Error(line)
		}
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// NATS takes a variable that is set but empty for no key, or for an empty password. The unit does not start it then.
func TestEmptySecretRefused(t *testing.T) {
	line := strings.ReplaceAll(value(t, "husk-nats.service", "ExecStartPre"), "$$", "$")
	script, ok := strings.CutPrefix(line, "/bin/sh -c '")
	if !ok || !strings.HasSuffix(script, "'") {
		t.Fatalf("ExecStartPre=%s", line)
	}
	script = strings.TrimSuffix(script, "'")
	check := func(env ...string) error {
		c := exec.Command("/bin/sh", "-c", script)
		c.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
		return c.Run()
	}
	if err := check(append(secrets, "NATS_STORE_DIR=/var/lib/husk-nats")...); err != nil {
		t.Errorf("refused with all secrets: %v", err)
	}
	for i, s := range secrets {
		name, _, _ := strings.Cut(s, "=")
		for _, empty := range []string{"", `""`, "''"} {
			env := slices.Clone(secrets)
			env[i] = name + "=" + empty
			if check(env...) == nil {
				t.Errorf("%s=%s is not refused", name, empty)
			}
		}
	}
}

// What the examples set, Husk knows.
func TestConfigurationIsKnown(t *testing.T) {
	load := func(t *testing.T, env []string) husk.Config {
		t.Helper()
		for _, e := range env {
			k, v, _ := strings.Cut(e, "=")
			t.Setenv(k, v)
		}
		return must(husk.Load(nil))(t)
	}
	t.Run("external.yaml", func(t *testing.T) {
		c := load(t, []string{"HUSK_CONFIG=" + config(t, "external.yaml")})
		if !c.Shared() || c.Redis.URL == "" || c.Keys.File == "" {
			t.Error("it is not that of several processes on a NATS and a Redis")
		}
	})
	t.Run("husk.service", func(t *testing.T) {
		env := unitEnvironment(t, "husk.service", "/var/lib", "husk@a")
		if !slices.Contains(env, "HUSK_CONFIG=/etc/husk/husk.yaml") {
			t.Errorf("%v", env)
		}
		c := load(t, append(env, "HUSK_CONFIG="+config(t, "external.yaml")))
		if c.Data != "/var/lib/husk@a" {
			t.Errorf("data %s", c.Data)
		}
	})
	for _, name := range []string{"husk-a", "husk-b"} {
		t.Run("compose.yaml "+name, func(t *testing.T) {
			var env []string
			for k, v := range readCompose(t).Services[name].Environment {
				env = append(env, k+"="+regexp.MustCompile(`\$\{\w+:\?[^}]*\}`).ReplaceAllString(v, "secret"))
			}
			if c := load(t, env); !c.Shared() || c.HTTP.Listen != "0.0.0.0:8484" {
				t.Errorf("it is not that of several processes, or its port is not the one published")
			}
		})
	}
}

// compose is what the tests look at of config/compose.yaml.
type compose struct {
	Services map[string]struct {
		Image       string            `yaml:"image"`
		Environment map[string]string `yaml:"environment"`
		Volumes     []string          `yaml:"volumes"`
		Ports       []string          `yaml:"ports"`
		Build       struct {
			Dockerfile string `yaml:"dockerfile_inline"`
		} `yaml:"build"`
		ReadOnly bool     `yaml:"read_only"`
		CapDrop  []string `yaml:"cap_drop"`
	} `yaml:"services"`
	Volumes map[string]any `yaml:"volumes"`
}

func readCompose(t *testing.T) (c compose) {
	t.Helper()
	if err := yaml.NewDecoder(bytes.NewBufferString(read(t, config(t, "compose.yaml")))).Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

// The compose file mounts files that are there, gives NATS each secret it asks for, opens ports to this machine alone, and
// names the versions that Husk is built and tested with.
func TestCompose(t *testing.T) {
	c := readCompose(t)
	if len(c.Services) != 4 {
		t.Errorf("%d services", len(c.Services))
	}
	for name, s := range c.Services {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
			t.Errorf("%s may write its image, or has capabilities", name)
		}
		if s.Image != "husk:local" && !regexp.MustCompile(`^\w+:\d+\.\d+`).MatchString(s.Image) {
			t.Errorf("%s: %s has no version", name, s.Image)
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, named := c.Volumes[from]; named {
				continue
			}
			if _, err := os.Stat(config(t, from)); err != nil {
				t.Errorf("%s mounts %s: %v", name, from, err)
			}
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s is open to other machines at %s", name, p)
			}
		}
	}
	asked := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^[^#\n]*?\$(NATS_\w+)`).FindAllStringSubmatch(read(t, config(t, "nats.conf")), -1) {
		asked[m[1]] = true
	}
	for k, v := range c.Services["nats"].Environment {
		if !asked[k] {
			t.Errorf("nats.conf does not ask for %s", k)
		}
		if k != "NATS_STORE_DIR" && !strings.HasPrefix(v, "${"+k+":?") {
			t.Errorf("%s may be empty", k)
		}
		delete(asked, k)
	}
	for k := range asked {
		t.Errorf("compose.yaml lacks %s", k)
	}

	mod := read(t, filepath.Join("..", "..", "go.mod"))
	version := func(re string) string {
		m := regexp.MustCompile(re).FindStringSubmatch(mod)
		if m == nil {
			t.Fatalf("go.mod has no %s", re)
		}
		return m[1]
	}
	if want := fmt.Sprintf("nats:%s-alpine", version(`(?m)^\s*github\.com/nats-io/nats-server/v2 v(\S+)`)); c.Services["nats"].Image != want {
		t.Errorf("image %s, want %s as in go.mod", c.Services["nats"].Image, want)
	}
	if want := fmt.Sprintf("FROM golang:%s-", version(`(?m)^go (\d+\.\d+)`)); !strings.HasPrefix(c.Services["husk-a"].Build.Dockerfile, want) {
		t.Errorf("the image is not built %s…, as in go.mod", want)
	}
}
