package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/web/signin/signintest"
	"github.com/husk-reminders/husk/templates"
)

// The units of the house. All write at every hour, 24 hours before.
const (
	ortho = "rh-ortho"
	xray  = "rh-xray" // its reminder has digits in it that nothing explains
	skin  = "rh-skin" // its reminder has a CPR number in it
	wing  = "rh-wing" // its name is long
)

const (
	bookingUser = "booking"
	bookingWord = "correct horse battery"
)

// unitsFile is the unit directory.
const unitsFile = `hospitals:
  - id: ravnsholt
    country: DK
    language: da
    zone: Europe/Copenhagen
    address: {text: "Ravnsholt Allé 14, 4999 Ravnsholt", class: 1}
    sender_id: {text: "+4570991099", class: 0, replies: number}
    from: {text: "paamindelse@ravnsholt.example", class: 0}
    channels: [sms, email]
    window: {hours: "00:00-24:00", weekends: true, holidays: true}
    rules:
      default:
        - {name: 24h, before: 24h}
    units:
      - id: rh-ortho
        names: {da: {text: "Ambulatorium 3", class: 1}, en: {text: "Clinic 3", class: 1}}
        entrance: {text: "Indgang B", class: 1.5}
        phone: {text: "70 99 10 31", class: 1.5}
        mail: {text: "ambulatorium3@ravnsholt.example", class: 1.5}
      - id: rh-xray
        names: {da: {text: "Ambulatorium 8", class: 1}, en: {text: "Clinic 8", class: 1}}
        entrance: {text: "Indgang A", class: 1.5}
        phone: {text: "70 99 10 81", class: 1.5}
        mail: {text: "ambulatorium8@ravnsholt.example", class: 1.5}
        templates: {reminder: digits}
      - id: rh-skin
        names: {da: {text: "Ambulatorium 9", class: 1}, en: {text: "Clinic 9", class: 1}}
        entrance: {text: "Indgang D", class: 1.5}
        phone: {text: "70 99 10 91", class: 1.5}
        mail: {text: "ambulatorium9@ravnsholt.example", class: 1.5}
        templates: {reminder: cpr}
      - id: rh-wing
        names: {da: {text: "Dagafsnit 4 i Vestfløjen, Ravnsholt Sygehus Syd", class: 1}, en: {text: "Day section 4 in the west wing, Ravnsholt Hospital South", class: 1}}
        entrance: {text: "Indgang F", class: 1.5}
        phone: {text: "70 99 10 95", class: 1.5}
        mail: {text: "dagafsnit4@ravnsholt.example", class: 1.5}
`

// texts are templates beside the shipped ones, as somebody might have put them into the folder by hand.
var texts = map[string]string{
	"da/digits.sms.txt": "Husk din aftale {weekday} {date} {time} på {unit}. Afbud {phone}. Sag 12 34 56. Stop sms: svar STOP\n",
	"da/cpr.sms.txt":    "Husk din aftale {weekday} {date} {time} på {unit}. Afbud {phone}. CPR 311299-5004. Stop sms: svar STOP\n",
}

// The groups of the provider.
var grants = []map[string]any{
	{"value": "clerks", "role": "clerk", "units": []string{ortho, xray, skin, wing}},
	{"value": "clerks-ortho", "role": "clerk", "units": []string{ortho}},
	{"value": "approvers", "role": "approver"},
	{"value": "incident", "role": "incident"},
	{"value": "auditors", "role": "auditor"},
	{"value": "administrators", "role": "administrator"},
}

// Who works at the house; their names are those that they sign in with.
const (
	karen    = "karen" // clerk of all units
	bo       = "bo"    // clerk of one unit
	anna     = "anna"  // clerk, and approver
	ida      = "ida"   // approver
	mads     = "mads"  // incident officer
	ulla     = "ulla"  // auditor
	jens     = "jens"  // administrator
	careless = "per"   // clerk, without a second factor
)

func staffList() []signintest.Person {
	var out []signintest.Person
	for name, groups := range map[string][]string{
		karen: {"clerks"}, bo: {"clerks-ortho"}, anna: {"clerks-ortho", "approvers"}, ida: {"approvers"}, mads: {"incident"}, ulla: {"auditors"},
		jens: {"administrators"}, careless: {"clerks"},
	} {
		p := signintest.Person{Subject: "sub-" + name, Username: name, Password: passwordOf(name), Groups: groups, AMR: []string{"pwd", "otp", "mfa"}}
		if name == careless {
			p.AMR = []string{"pwd"}
		}
		out = append(out, p)
	}
	return out
}

func passwordOf(name string) string { return name + " likes long walks" }

// house is the installation: its configuration, its data, and the processes.
type house struct {
	bin, dir, data, config string
	url                    string // of the pages
	http, nats             string // host:port of health, and of the broker
	api                    string // host:port of the staff API over HTTP
	log                    string

	provider *signintest.Provider // nil = people sign in by one-time links
	carrier  *cutting             // of e-mail
	cmd      *exec.Cmd
	done     chan struct{}
	exit     error
}

// theHouse is the one that tests work in; theTrial is one without an OpenID provider.
var theHouse, theTrial = &lazyHouse{name: "h", provider: true}, &lazyHouse{name: "t"}

type lazyHouse struct {
	name     string // of its folder
	provider bool

	once sync.Once
	h    *house
	err  error
}

func (l *lazyHouse) close() {
	if l.h != nil {
		l.h.close()
	}
}

// open is the house that tests work in.
func open(t *testing.T) *house {
	t.Helper()
	return theHouse.open(t)
}

// open is the house, built at the first call.
func (l *lazyHouse) open(t *testing.T) *house {
	t.Helper()
	l.once.Do(func() { l.h, l.err = newHouse(t.Context(), l.name, l.provider) })
	if l.err != nil {
		t.Fatal(l.err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of serve's log:\n%s", tail(l.h.log, 3000))
		}
	})
	return l.h
}

func newHouse(ctx context.Context, name string, provider bool) (*house, error) {
	h := &house{dir: filepath.Join(scratch, name)}
	h.data, h.log, h.config = filepath.Join(h.dir, "data"), filepath.Join(h.dir, "serve.log"), filepath.Join(h.dir, "husk.yaml")
	var err error
	if h.bin, err = build(); err != nil {
		return nil, err
	}
	free, err := freePorts(4)
	if err != nil {
		return nil, err
	}
	h.http, h.nats, h.api, h.url = free[0], free[1], free[2], "http://"+free[3]
	if h.carrier, err = newCutting(); err != nil {
		return nil, err
	}
	if provider {
		h.provider, err = signintest.Start(signintest.Options{
			Callbacks: []string{h.url + "/sign-in/callback"}, SignOuts: []string{h.url + "/sign-in"}, People: staffList(),
		})
		if err != nil {
			return nil, err
		}
	}
	if err := h.write(); err != nil {
		return nil, err
	}
	if err := h.serve(); err != nil {
		return nil, err
	}
	return h, h.ready(ctx)
}

// write writes configuration, units, templates and secrets.
func (h *house) write() error {
	dir := filepath.Join(h.dir, "templates")
	if err := os.CopyFS(dir, templates.FS); err != nil {
		return err
	}
	pages := map[string]any{"listen": strings.TrimPrefix(h.url, "http://"), "url": h.url, "rate": 1000}
	if h.provider != nil {
		pages["sign_in"] = map[string]any{
			"issuer": h.provider.Issuer, "client_id": signintest.ClientID, "client_secret_file": filepath.Join(h.dir, "secret"),
			"amr": []string{"mfa"}, "grants": grants,
		}
	}
	config, err := json.Marshal(map[string]any{ // JSON is YAML
		"mode": "trial", "data": h.data, "http": map[string]any{"listen": h.http}, "api": map[string]any{"listen": h.api},
		"broker":    map[string]any{"listen": h.nats, "user": bookingUser, "password_file": filepath.Join(h.dir, "word")},
		"units":     map[string]any{"file": filepath.Join(h.dir, "units.yaml")},
		"templates": map[string]any{"dir": dir},
		"pages":     pages,
		"carriers": map[string]any{"email": map[string]any{"type": "smtp", "settings": map[string]any{
			"host": "127.0.0.1", "port": h.carrier.port, "tls": "none", "allow_plaintext": true, "domain": "ravnsholt.example", "slots": 1,
		}}},
	})
	if err != nil {
		return err
	}
	files := map[string]string{"husk.yaml": string(config), "word": bookingWord + "\n", "secret": signintest.ClientSecret + "\n", "units.yaml": unitsFile}
	for name, text := range texts {
		files[filepath.Join("templates", name)] = text
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// command is the program with the house's configuration.
func (h *house) command(args ...string) *exec.Cmd {
	c := exec.Command(h.bin, append(args, "--config", h.config)...)
	c.Dir, c.SysProcAttr = h.dir, noOrphan()
	return c
}

func (h *house) serve() error {
	log, err := os.OpenFile(h.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	h.cmd, h.done = h.command("serve"), make(chan struct{})
	h.cmd.Stdout, h.cmd.Stderr = log, log
	if err := h.cmd.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	go func() {
		h.exit = h.cmd.Wait()
		_ = log.Close()
		close(h.done)
	}()
	return nil
}

// ready waits until the line says so.
func (h *house) ready(ctx context.Context) error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		select {
		case <-h.done:
			return fmt.Errorf("serve has ended: %w\n%s", h.exit, tail(h.log, 3000))
		default:
		}
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.http+"/readyz", http.NoBody)
		if err != nil {
			return err
		}
		if r, err := http.DefaultClient.Do(q); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		if time.Now().After(end) {
			return fmt.Errorf("serve is not ready\n%s", tail(h.log, 3000))
		}
	}
}

func (h *house) close() {
	if h.cmd != nil && h.cmd.Process != nil {
		_ = h.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-h.done:
		case <-time.After(20 * time.Second):
			_ = h.cmd.Process.Kill()
			<-h.done
		}
	}
	if h.provider != nil {
		h.provider.Close()
	}
	if h.carrier != nil {
		h.carrier.close()
	}
}

// husk runs a command and returns what it wrote, and its exit code.
func (h *house) husk(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	c := h.command(args...)
	b, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(b), c.ProcessState.ExitCode()
}

// sent are the messages of the outbox that have a text in them.
func (h *house) sent(t *testing.T, having string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(h.data, "outbox", "messages"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || filepath.Ext(path) != ".txt" {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), having) {
			found = append(found, string(b))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, otherwise string, ask func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ask(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s after 20 seconds", otherwise)
		}
	}
}

// freePorts are addresses of this machine that nobody listens on.
func freePorts(n int) ([]string, error) {
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }()
		out = append(out, l.Addr().String())
	}
	return out, nil
}

// tail is the end of a file.
func tail(file string, n int) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-n):])
}
