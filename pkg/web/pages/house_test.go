package pages_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/pages"
	"github.com/husk-reminders/husk/pkg/web/signin"
)

// One line serves all tests of this package: it is what takes long to start.
var (
	line *app.App
	door *web.Door
	late atomic.Int64 // how much later than it is the line takes it to be
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func now() time.Time { return time.Now().Add(time.Duration(late.Load())) }

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "husk-pages")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	c := config.Default()
	c.Data, c.Admin.Socket = dir, filepath.Join(dir, "unused.sock")
	c.Pages.Listen = "127.0.0.1:0" // several people: two let go on what one has stopped
	if c, err = c.Resolved(); err != nil {
		return 0, err
	}
	if line, err = app.Open(context.Background(), app.Options{Config: c, Rest: 5 * time.Millisecond, Now: now}); err != nil {
		return 0, err
	}
	defer line.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- line.Run(ctx) }()
	<-line.Running()
	if door, err = web.NewDoor(web.DoorOptions{
		Rebuild: func(context.Context) (web.Rebuilt, error) { return web.Rebuilt{}, io.EOF }, KeyRate: 10_000, PageRate: 10_000,
	}); err != nil {
		return 0, err
	}
	if err = open(); err != nil {
		return 0, err
	}
	code := m.Run()
	door.Shut("over")
	cancel()
	return code, <-ended
}

// open opens the door to the line.
func open() error {
	api, err := line.Staff()
	if err == nil {
		door.Open(api)
	}
	return err
}

// pass lets in whoever comes back from it, as who it is told.
type pass struct {
	who   signin.Identity
	err   error
	holds error
}

func (p *pass) Begin(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://idp.example/authorize", http.StatusSeeOther)
}
func (p *pass) Finish(http.ResponseWriter, *http.Request) (signin.Identity, error) {
	return p.who, p.err
}
func (p *pass) Holds(context.Context, string) error { return p.holds }
func (p *pass) Origins() []string                   { return []string{"https://idp.example"} }
func (p *pass) Logout() string                      { return "" }

// house are the pages over the line, and a browser at them.
type house struct {
	t       *testing.T
	pass    *pass
	server  *httptest.Server
	browser *http.Client
	pages   *pages.Pages
	call    func(ctx context.Context, s web.Staff, method, path string, in, out any) error // nil = the door's
	wait    time.Duration
}

func newHouse(t *testing.T, servers ...func(*http.Server)) *house {
	t.Helper()
	h := &house{t: t, pass: &pass{}}
	var handler http.Handler
	h.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	for _, change := range servers {
		change(h.server.Config)
	}
	h.server.Start()
	t.Cleanup(h.server.Close)
	p, err := pages.New(pages.Options{
		Call: func(ctx context.Context, s web.Staff, method, path string, in, out any) error {
			if h.call != nil {
				return h.call(ctx, s, method, path, in, out)
			}
			return door.Call(ctx, s, method, path, in, out)
		},
		Sessions: door.Sessions(), SignIn: h.pass, Units: func() *reminder.Directory { return door.Units() }, URL: h.server.URL,
		Admit: func(string) time.Duration { return h.wait }, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.pages, handler = p, p
	h.leave()
	return h
}

// leave takes another browser.
func (h *house) leave() {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	h.browser = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// seen is an answer.
type seen struct {
	code   int
	header http.Header
	body   string
}

func (s seen) to() string { return s.header.Get("Location") }

func (h *house) do(method, path string, form url.Values, header ...string) seen {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	res, err := h.browser.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		h.t.Fatal(err)
	}
	return seen{res.StatusCode, res.Header, string(b)}
}

func (h *house) get(path string, header ...string) seen {
	return h.do(http.MethodGet, path, nil, header...)
}

func (h *house) post(path string, pairs ...string) seen {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return h.do(http.MethodPost, path, form)
}

// as signs somebody in, in a browser of their own.
func (h *house) as(subject string, grants ...web.Grant) {
	h.t.Helper()
	h.leave()
	h.pass.who, h.pass.err = signin.Identity{Subject: subject, Name: "Karen " + subject, Grants: grants}, nil
	if x := h.get("/sign-in/callback"); x.code != http.StatusSeeOther || x.to() != "/" {
		h.t.Fatalf("signed in: %d %s %s", x.code, x.to(), x.body)
	}
}

// grants are one of each kind: every role, of a unit where it must or may be.
func grants() []web.Grant {
	unit := []string{line.Units.Units()[0].ID}
	return []web.Grant{
		{Role: web.Clerk, Units: unit}, {Role: web.Approver}, {Role: web.Approver, Units: unit}, {Role: web.Incident}, {Role: web.Incident, Units: unit},
		{Role: web.Auditor}, {Role: web.Administrator},
	}
}
