package pages

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/signin"
)

// SignIn says who somebody is; see signin.OIDC and signin.Link.
type SignIn interface {
	// Begin answers a POST: it leads to where people show who they are.
	Begin(w http.ResponseWriter, r *http.Request)
	// Finish reads what they come back with. It may set cookies, and answers nothing.
	Finish(w http.ResponseWriter, r *http.Request) (signin.Identity, error)
	// Holds says why a session of a subject is over; nil = it is not.
	Holds(ctx context.Context, subject string) error
	// Origins are where beside our own host a form may lead.
	Origins() []string
	// Logout is where who signs out is sent on to; "" = nowhere.
	Logout() string
}

// Sessions keeps who is signed in; see *web.Sessions.
type Sessions interface {
	Begin(ctx context.Context, subject, name string, grants []web.Grant) (token string, err error)
	Find(ctx context.Context, token string) (web.Session, error)
	Peek(ctx context.Context, token string) (web.Session, error)
	Change(ctx context.Context, token string, f func(*web.Session)) (web.Session, error)
	Wall(ctx context.Context, token string) (web.Session, error)
	End(ctx context.Context, token string) error
}

// Options of Pages. All but Admit, Now and Log are required.
type Options struct {
	// Call makes one call of the staff API; see web.Door.Call.
	Call     func(ctx context.Context, s web.Staff, method, path string, in, out any) error
	Sessions Sessions
	SignIn   SignIn
	Units    func() *reminder.Directory // nil while the line is shut
	URL      string                     // how browsers reach the pages: scheme, host and perhaps port
	// Admit returns how long a client's address must wait before it is let in; nil = none waits.
	Admit func(remoteAddr string) time.Duration
	Now   func() time.Time // nil = time.Now
	Log   *zap.Logger
}

// Pages answers browsers.
type Pages struct {
	o       Options
	origin  *url.URL
	secure  bool
	words   map[string]*words // by language
	views   map[string]views  // by language
	assets  *assets
	table   []page
	mux     *http.ServeMux
	guard   *http.CrossOriginProtection
	headers map[string]string
	streams *streams
}

// New checks the options, reads the texts and templates, and makes the table of pages.
func New(o Options) (*Pages, error) {
	for name, missing := range map[string]bool{
		"Call": o.Call == nil, "Sessions": o.Sessions == nil, "SignIn": o.SignIn == nil, "Units": o.Units == nil,
	} {
		if missing {
			return nil, errors.New("pages: Options." + name + " is required")
		}
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" {
		return nil, errors.New("pages: Options.URL: want http:// or https:// and a host")
	}
	if o.Admit == nil {
		o.Admit = func(string) time.Duration { return 0 }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	p := &Pages{o: o, origin: u, secure: u.Scheme == "https", mux: http.NewServeMux(), guard: http.NewCrossOriginProtection(), streams: newStreams()}
	if err := p.guard.AddTrustedOrigin(o.URL); err != nil {
		return nil, fmt.Errorf("pages: Options.URL: %w", err)
	}
	if p.assets, err = readAssets(); err != nil {
		return nil, err
	}
	if p.words, err = readWords(); err != nil {
		return nil, err
	}
	if p.views, err = p.readViews(); err != nil {
		return nil, err
	}
	p.headers = p.security()
	p.table = p.pages()
	return p, p.routes()
}

// policy is the Content-Security-Policy of an answer. Where a form may lead beside our own host the provider tells when it is reached,
// which may be after the start.
func (p *Pages) policy() string {
	return "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action " +
		strings.Join(append([]string{"'self'"}, p.o.SignIn.Origins()...), " ") + "; base-uri 'none'; frame-ancestors 'none'"
}

// security are the headers that every answer has beside it.
func (p *Pages) security() map[string]string {
	h := map[string]string{
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=()",
		"Cache-Control":                "no-store",
	}
	if p.secure {
		h["Strict-Transport-Security"] = "max-age=31536000"
	}
	return h
}

// ServeHTTP implements http.Handler.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := p.o.Now()
	for name, value := range p.headers {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Security-Policy", p.policy())
	n := &counted{ResponseWriter: w, code: http.StatusOK}
	v := &visit{Pages: p, w: n, r: r, words: p.language(r)}
	switch wait := p.o.Admit(r.RemoteAddr); {
	case wait > 0:
		v.fail(tooMany(wait))
	case !p.known(r.Host):
		v.fail(errHost)
	case p.guard.Check(r) != nil:
		v.fail(errOrigin)
	default:
		p.mux.ServeHTTP(n, r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
	}
	p.o.Log.Info("page", zap.String("route", v.route), zap.Int("code", n.code), zap.Duration("took", p.o.Now().Sub(began)))
}

// known reports whether a request is for a host that the pages are at: where browsers reach them, or, from a proxy, this machine. A
// foreign name that leads here is not.
func (p *Pages) known(host string) bool {
	if strings.EqualFold(host, p.origin.Host) {
		return true
	}
	u := url.URL{Host: host}
	switch u.Hostname() {
	case "localhost", "127.0.0.1", "::1":
		return true
	}
	return false
}

// counted remembers the status code.
type counted struct {
	http.ResponseWriter
	code int
}

// WriteHeader implements http.ResponseWriter.
func (c *counted) WriteHeader(code int) {
	c.code = code
	c.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController through.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }
