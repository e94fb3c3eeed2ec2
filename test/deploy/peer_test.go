package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "deploy:", err)
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	// A developer's own settings must not shape the tests.
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "HUSK_") || strings.HasPrefix(name, "NATS_") {
			if err := os.Unsetenv(name); err != nil {
				return 1, err
			}
		}
	}
	if os.Getenv("PEERS_BUILD") == "" {
		dir, err := os.MkdirTemp("", "husk-peers-")
		if err != nil {
			return 1, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if err := os.Setenv("PEERS_BUILD", dir); err != nil {
			return 1, err
		}
	}
	return m.Run(), nil
}

// config is a file of the folder config.
func config(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "config", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// replace puts values into a text. Each must be there.
func replace(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%q is not in the file any more", pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// options uncomments the options of a file: lines that begin with "#" and no blank, and those right below one which are
// indented.
func options(text string) string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		rest, comment := strings.CutPrefix(line, "#")
		inside = comment && strings.TrimSpace(rest) != "" && (rest[0] != ' ' || inside && strings.HasPrefix(rest, "  "))
		if inside {
			line = rest
		}
		b.WriteString(line)
	}
	return b.String()
}

// peer is a server that scripts/peers started.
type peer struct {
	t    *testing.T
	name string // nats or redis
	dir  string
	env  []string
	said map[string]string // its HUSK_TEST_<NAME>_… lines
}

// start starts a server with a directory of its own; env is what the script is told beside.
func start(t *testing.T, name string, env ...string) *peer {
	t.Helper()
	p := &peer{t: t, name: name, dir: t.TempDir(), env: env}
	if err := p.start(); err != nil {
		if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == 3 && os.Getenv("CI") != "true" {
			t.Skipf("not installed; run: sudo scripts/peers/%s install", name)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if out, err := p.script("stop", p.dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return p
}

func (p *peer) script(args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join("..", "..", "scripts", "peers", p.name), args...)
	c.Env = append(os.Environ(), p.env...)
	return c
}

func (p *peer) start(port ...string) error {
	var wrong bytes.Buffer
	c := p.script(append([]string{"start", p.dir}, port...)...)
	c.Stderr = &wrong
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("%w: %s", err, wrong.String())
	}
	p.said = map[string]string{}
	for line := range strings.Lines(string(out)) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		p.said[strings.TrimPrefix(k, "HUSK_TEST_"+strings.ToUpper(p.name)+"_")] = v
	}
	return nil
}

// kill ends the server with a SIGKILL.
func (p *peer) kill() {
	p.t.Helper()
	pid, err := strconv.Atoi(p.said["PID"])
	if err != nil {
		p.t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		p.t.Fatal(err)
	}
	wait(p.t, "the server's end", func() bool {
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return err != nil || len(cmdline) == 0
	})
}

// killed kills the server and starts it again with its files, on its port.
func (p *peer) killed() {
	p.t.Helper()
	p.kill()
	at := p.said["ADDR"] + p.said["URL"]
	if err := p.start(at[strings.LastIndex(at, ":")+1:]); err != nil {
		p.t.Fatal(err)
	}
}

func wait(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ready(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s is awaited in vain", what)
		}
	}
}

func must[T any](x T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}
