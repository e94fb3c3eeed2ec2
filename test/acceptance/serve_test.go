package acceptance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// slots is how many messages may be on their way to the carrier at once.
const slots = 48

// bookingUser is who booking systems log in as.
const bookingUser = "booking"

// house is one installation: its configuration, its data, and the process that serves it while one does.
type house struct {
	t    *testing.T
	bin  string
	dir  string // configuration, password, units
	data string
	log  string // what the processes wrote, one after the other
	http string // host:port of health and metrics
	nats string // host:port of the broker
	site *site  // whose broker and store it uses; nil = it has its own

	password string
	units    string
	settings map[string]string // further keys of the configuration, "a.b" → value
	env      []string          // further variables of its processes

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	exit error
}

// unitsFile is a hospital with five clinics that write at every hour, 24 hours before, by mail alone.
func unitsFile(ids ...string) string {
	var b strings.Builder
	b.WriteString(`hospitals:
  - id: proeve
    country: DK
    language: da
    zone: Europe/Copenhagen
    address: {text: "Sygehusvej 1, 4999 Prøveby", class: 1}
    sender_id: {text: "+4570991099", class: 0, replies: number}
    from: {text: "` + from + `", class: 0}
    channels: [email]
    window: {hours: "00:00-24:00", weekends: true, holidays: true}
    rules:
      default:
        - {name: 24h, before: 24h}
    units:
`)
	for i, id := range ids {
		fmt.Fprintf(&b, `      - id: %s
        names: {da: {text: "Ambulatorium %d", class: 1}}
        entrance: {text: "Indgang B", class: 1.5}
        phone: {text: "70 99 10 3%d", class: 1.5}
        mail: {text: "%s", class: 1.5}
`, id, i, i, unitMail(id))
	}
	return b.String()
}

const (
	from   = "paamindelse@proeve.example"
	domain = "proeve.example"
)

// unitIDs are the clinics of every house.
var unitIDs = []string{"amb-0", "amb-1", "amb-2", "amb-3", "amb-4"}

func unitMail(id string) string { return id + "@" + domain }

// newHouse makes an installation that sends mail by way of the carrier; data is its data directory, "" = an empty one.
func newHouse(t *testing.T, c *carrier, data string) *house {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, "h")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{
		t: t, bin: build(t, raceDetector), dir: dir, data: data, log: filepath.Join(dir, "serve.log"), http: freePort(t), nats: freePort(t),
		password: "correct horse battery", units: unitsFile(unitIDs...), settings: map[string]string{},
	}
	if h.data == "" {
		h.data = filepath.Join(dir, "data")
	}
	if c != nil {
		for k, v := range map[string]string{
			"type": "smtp", "settings.host": c.host, "settings.port": strconv.Itoa(c.port), "settings.ca_file": c.ca,
			"settings.domain": domain, "settings.slots": strconv.Itoa(slots),
		} {
			h.settings["carriers.email."+k] = v
		}
		h.settings["carriers.sms.type"] = "none"
	}
	t.Cleanup(func() {
		h.kill()
		if t.Failed() {
			t.Logf("the end of serve's log:\n%s", tail(h.log, 8000))
		}
		_ = os.RemoveAll(dir)
	})
	return h
}

// configure writes the configuration.
func (h *house) configure() string {
	h.t.Helper()
	keys := map[string]string{
		"mode": "trial", "data": h.data, "http.listen": h.http, "broker.listen": h.nats, "broker.user": bookingUser,
		"broker.password_file": filepath.Join(h.dir, "password"), "units.file": filepath.Join(h.dir, "units.yaml"), "log.level": "debug",
		"send.lease": "20s", // on a slow machine the journal's answers get lost, and what that leaves open is settled two leases later
	}
	if h.site != nil {
		maps.DeleteFunc(keys, func(k, _ string) bool { return strings.HasPrefix(k, "broker.") })
		maps.Copy(keys, h.site.settings())
	}
	maps.Copy(keys, h.settings)
	tree := map[string]any{}
	for k, v := range keys {
		at := tree
		parts := strings.Split(k, ".")
		for _, p := range parts[:len(parts)-1] {
			if at[p] == nil {
				at[p] = map[string]any{}
			}
			at = at[p].(map[string]any)
		}
		at[parts[len(parts)-1]] = scalar(v)
	}
	b, err := json.Marshal(tree) // JSON is YAML
	h.must(err)
	file := filepath.Join(h.dir, "husk.yaml")
	h.must(os.WriteFile(file, b, 0o600))
	h.must(os.WriteFile(filepath.Join(h.dir, "password"), []byte(h.password+"\n"), 0o600))
	h.must(os.WriteFile(filepath.Join(h.dir, "units.yaml"), []byte(h.units), 0o600))
	return file
}

func scalar(s string) any {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	if b, err := strconv.ParseBool(s); err == nil {
		return b
	}
	return s
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// command is the program with the house's configuration, and the race detector's verdict as a failure.
func (h *house) command(args ...string) *exec.Cmd {
	h.t.Helper()
	c := exec.Command(h.bin, append(args, "--config", h.configure())...)
	c.Dir = h.dir
	c.Env = append(append(os.Environ(), "GORACE=halt_on_error=1 exitcode=66"), h.env...)
	c.SysProcAttr = noOrphan()
	return c
}

// serve starts the line and waits until it is ready.
func (h *house) serve() {
	h.t.Helper()
	h.launch()
	h.ready(time.Minute)
}

// launch starts the line and does not wait.
func (h *house) launch() {
	h.t.Helper()
	if h.running() {
		h.t.Fatal("serve runs already")
	}
	log, err := os.OpenFile(h.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	h.must(err)
	h.cmd = h.command("serve")
	h.cmd.Stdout, h.cmd.Stderr = log, log
	h.must(h.cmd.Start())
	cmd, done := h.cmd, make(chan struct{})
	h.done = done
	go func() {
		h.exit = cmd.Wait()
		_ = log.Close()
		close(done)
	}()
}

func (h *house) running() bool {
	if h.cmd == nil {
		return false
	}
	select {
	case <-h.done:
		return false
	default:
		return true
	}
}

// ready waits until the line says so.
func (h *house) ready(limit time.Duration) {
	h.t.Helper()
	h.eventually(limit, "serve is not ready", func() bool {
		if !h.running() {
			h.t.Fatalf("serve has ended: %v", h.exit)
		}
		return h.readyz() == http.StatusOK
	})
}

// eventually asks until the answer is yes.
func (h *house) eventually(limit time.Duration, otherwise string, ask func() bool) {
	h.t.Helper()
	for end := time.Now().Add(limit); !ask(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("%s after %v", otherwise, limit)
		}
	}
}

var health = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// readyz is the status code of /readyz, 0 when nobody answers.
func (h *house) readyz() int {
	r, err := health.Get("http://" + h.http + "/readyz")
	if err != nil {
		return 0
	}
	_ = r.Body.Close()
	return r.StatusCode
}

// metrics is what /metrics says.
func (h *house) metrics() string {
	h.t.Helper()
	r, err := health.Get("http://" + h.http + "/metrics")
	h.must(err)
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	h.must(err)
	return string(b)
}

// gauge is one value of /metrics, 0 when there is none or nobody answers.
func (h *house) gauge(name string) float64 {
	r, err := health.Get("http://" + h.http + "/metrics")
	if err != nil {
		return 0
	}
	defer func() { _ = r.Body.Close() }()
	b, _ := io.ReadAll(r.Body)
	v, _ := find(string(b), name)
	return v
}

// kill ends the process at once, as a crash does.
func (h *house) kill() {
	if h.running() {
		_ = h.cmd.Process.Signal(syscall.SIGKILL)
		<-h.done
		h.checkRace()
	}
}

// stop asks the process to stop and demands that it does so in good order.
func (h *house) stop() {
	h.t.Helper()
	const limit = time.Minute // as config/husk.service has it
	h.must(h.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-h.done:
	case <-time.After(limit):
		_ = h.cmd.Process.Signal(syscall.SIGQUIT) // it tells where it stands, and ends
		<-h.done
		b, _ := os.ReadFile(h.log)
		_, at, _ := strings.Cut(string(b), "SIGQUIT")
		h.t.Fatalf("serve does not stop on SIGTERM; it stood at\n%s", at[:min(len(at), 60_000)])
	}
	h.checkRace()
	if h.exit != nil {
		h.t.Fatalf("serve stopped with %v, want exit code 0", h.exit)
	}
}

// checkRace fails the test when the race detector spoke up.
func (h *house) checkRace() {
	if b, err := os.ReadFile(h.log); err == nil && bytes.Contains(b, []byte("WARNING: DATA RACE")) {
		h.t.Error("serve has a data race, see its log")
	}
}

// run runs a command to its end and returns what it wrote to standard output and standard error, and its exit code.
func (h *house) run(args ...string) (stdout, stderr string, code int) {
	h.t.Helper()
	var out, errs bytes.Buffer
	c := h.command(args...)
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	return out.String(), errs.String(), c.ProcessState.ExitCode()
}

// output runs a command that must succeed and returns its standard output.
func (h *house) output(args ...string) string {
	h.t.Helper()
	out, errs, code := h.run(args...)
	if code != 0 {
		h.t.Fatalf("husk %s: exit code %d\n%s", strings.Join(args, " "), code, errs)
	}
	return out
}

// ports are those that freePort has given out.
var ports struct {
	sync.Mutex
	given map[int]bool
}

// freePort is an address of this machine that nobody listens on, and that nobody else is given. It is below those that systems
// choose for connections, or one of them could take it while a server is down.
func freePort(t *testing.T) string {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	if ports.given == nil {
		ports.given = map[int]bool{}
	}
	for range 1000 {
		n := 10_000 + rand.IntN(22_000)
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(n))
		if ports.given[n] {
			continue
		}
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			ports.given[n] = true
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}

// tail is the end of a file.
func tail(file string, n int) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-n):])
}
