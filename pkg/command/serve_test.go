package command

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/web"
)

func TestServe(t *testing.T) {
	p := newPlace(t)
	ready, stop := p.serve()
	m := regexp.MustCompile(`^husk is ready: (http://127\.0\.0\.1:[0-9]+), data (\S+), carriers sms=outbox email=outbox, mode trial\n$`).FindStringSubmatch(ready)
	if m == nil || m[2] != p.dir {
		t.Fatalf("%q", ready)
	}
	for path, want := range map[string]string{"/healthz": "alive", "/readyz": `"ready"`, "/metrics": "husk_ledger_certified 1"} {
		res, err := http.Get(m[1] + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != 200 || !strings.Contains(string(b), want) {
			t.Errorf("%s: %d %.200s %v", path, res.StatusCode, b, err)
		}
	}
	st, err := os.Stat(filepath.Join(p.dir, "admin.sock"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v %v", st, err)
	}
	_, errs, code := p.husk("", "serve", "--http-listen", "127.0.0.1:0")
	if code != 1 || !strings.Contains(errs, "in use by process "+strconv.Itoa(os.Getpid())) {
		t.Errorf("a second serve: %d %s", code, errs)
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "admin.sock")); err == nil {
		t.Error("the socket is still there")
	}
}

func TestAStaleSocketIsReplaced(t *testing.T) {
	p := newPlace(t)
	p.must("", "status")
	l, err := listenAdmin(filepath.Join(p.dir, "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close() // without taking the file away, as a crash does
	p.must("", "status")
	_, stop := p.serve()
	if out := p.must("", "status"); !strings.Contains(out, "running") {
		t.Error(out)
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "admin.sock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := p.husk("", "serve", "--http-listen", ""); code != 1 || !strings.Contains(errs, "is no socket") {
		t.Errorf("a file in its place: %d %s", code, errs)
	}
}

func TestTheHolderIsNamed(t *testing.T) {
	p := newPlace(t)
	c := config.Default()
	c.Data = p.dir
	c, err := c.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), app.Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, args := range [][]string{{"status"}, {"serve"}} {
		if _, errs, code := p.husk("", args...); code != 1 || !strings.Contains(errs, "in use by process "+strconv.Itoa(os.Getpid())) {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
	out, _, code := p.husk("", "doctor")
	if code != 1 || !strings.Contains(out, "holds the data but does not answer") {
		t.Errorf("doctor: %d\n%s", code, out)
	}
}

func TestTheLineIsOpenedAgain(t *testing.T) {
	p := newPlace(t)
	c := config.Default()
	c.Data = p.dir
	c, err := c.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	runs, let := make(chan struct{}, 4), make(chan error)
	e, err := newEngine(c, zap.NewNop(), func(a *app.App, ctx context.Context) error {
		runs <- struct{}{}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() {
			if err, ok := <-let; ok && err != nil {
				cancel()
			}
		}()
		if err := a.Run(ctx); err != nil {
			return err
		}
		return errors.New("the disk is full")
	})
	if err != nil {
		t.Fatal(err)
	}
	e.keepGoing, e.firstWait = true, 400*time.Millisecond
	if err := e.open(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	defer e.close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.loop(ctx) }()
	s := &client{http: &http.Client{Transport: inMemory{e.door.Staff()}}, actor: "test"}
	readyz := func() (string, bool) {
		var h web.Health
		err := s.get(t.Context(), "/readyz", nil, &h)
		if err != nil {
			return err.Error(), false
		}
		return h.Status, true
	}
	<-runs
	until(t, func() bool { _, ok := readyz(); return ok })
	let <- errors.New("fail")
	until(t, func() bool { _, ok := readyz(); return !ok })
	var h web.Health
	if err := s.get(t.Context(), "/healthz", nil, &h); err != nil {
		t.Errorf("not alive while the line is down: %v", err)
	}
	var st web.Status
	if err := s.get(t.Context(), "/v1/status", nil, &st); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("while the line is down: %v", err)
	}
	<-runs
	until(t, func() bool { _, ok := readyz(); return ok })
	close(let)
	cancel()
	<-ended
}

// The listener for one-click unsubscription answers for tokens alone, from when the line is open.
func TestServeUnsubscribe(t *testing.T) {
	p := newPlace(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close()
	t.Setenv("HUSK_UNSUBSCRIBE_URL", "https://husk.hospital.example/unsubscribe")
	t.Setenv("HUSK_UNSUBSCRIBE_LISTEN", at)
	_, stop := p.serve()
	for path, want := range map[string]int{"/unsubscribe/abc": 404, "/": 404, "/metrics": 404, "/healthz": 404, "/v1/status": 404, "/openapi.json": 404} {
		res, err := http.Get("http://" + at + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		page := strings.Contains(string(b), "<html>")
		if err != nil || res.StatusCode != want || page != (path == "/unsubscribe/abc") {
			t.Errorf("%s: %d %.200s %v", path, res.StatusCode, b, err)
		}
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	t.Setenv("HUSK_UNSUBSCRIBE_LISTEN", "127.0.0.1:99999")
	if _, errs, code := p.husk("", "serve"); code != 1 || !strings.Contains(errs, "unsubscribe.listen") {
		t.Errorf("a port that is none: %d %s", code, errs)
	}
	t.Setenv("HUSK_UNSUBSCRIBE_LISTEN", at)
	t.Setenv("HUSK_UNSUBSCRIBE_URL", "")
	if _, errs, code := p.husk("", "serve"); code != 1 || !strings.Contains(errs, "unsubscribe.url") {
		t.Errorf("without a url: %d %s", code, errs)
	}
}

// The listener for carriers' calls answers for their addresses alone, from when the line is open.
func TestServeCallbacks(t *testing.T) {
	p := newPlace(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close()
	t.Setenv("HUSK_CALLBACKS_URL", "https://husk.hospital.example")
	t.Setenv("HUSK_CALLBACKS_LISTEN", at)
	if _, errs, code := p.husk("", "serve"); code != 1 || !strings.Contains(errs, "callbacks.secret_file") {
		t.Errorf("without a secret: %d %s", code, errs)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	t.Setenv("HUSK_CALLBACKS_SECRET_FILE", secret)
	if err := os.WriteFile(secret, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := p.husk("", "serve"); code != 1 || !strings.Contains(errs, "callbacks.secret_file") {
		t.Errorf("with a short one: %d %s", code, errs)
	}
	if err := os.WriteFile(secret, []byte(strings.Repeat("ab", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stop := p.serve()
	for _, path := range []string{"/v1/carriers/sms/abc", "/", "/metrics", "/healthz", "/v1/status", "/openapi.json"} {
		res, err := http.Post("http://"+at+path, "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusNotFound || len(b) > 0 {
			t.Errorf("%s: %d %.200s %v", path, res.StatusCode, b, err)
		}
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	t.Setenv("HUSK_CALLBACKS_LISTEN", "127.0.0.1:99999")
	if _, errs, code := p.husk("", "serve"); code != 1 || !strings.Contains(errs, "callbacks.listen") {
		t.Errorf("a port that is none: %d %s", code, errs)
	}
}
