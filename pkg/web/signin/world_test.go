package signin_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/signin"
	"github.com/husk-reminders/husk/pkg/web/signin/signintest"
)

// The people at the provider. Subjects are as national ids, as some Nordic providers have them.
var (
	ane = signintest.Person{Subject: "0101701234", Username: "ane", Password: "ane's", Groups: []string{"husk-clerk-ortho", "canteen"}, ACR: "high", AMR: []string{"pwd", "otp"}}
	bo  = signintest.Person{
		Subject: "0202701234", Username: "bo@hospital.example", Password: "bo's", ACR: "high", AMR: []string{"pwd", "mfa"},
		Groups: []string{"husk-clerk-eye", "husk-clerk-ortho", "husk-approver", "husk-approver-eye", "husk-auditor"},
	}
	cai = signintest.Person{Subject: "0303701234", Username: "cai", Password: "cai's", Groups: []string{"husk-clerk-ortho"}, ACR: "low", AMR: []string{"pwd"}}
	dan = signintest.Person{Subject: "0404701234", Username: "dan", Password: "dan's", Groups: []string{"canteen"}, ACR: "high", AMR: []string{"pwd", "otp"}}
	eva = signintest.Person{Subject: "0505701234", Username: "eva", Password: "eva's", ACR: "high", AMR: []string{"pwd", "otp"}}
	far = signintest.Person{
		Subject: "0606701234", Username: "far", Password: "far's", Groups: []string{"husk-auditor"}, ACR: "high", AMR: []string{"pwd", "otp"}, Since: 13 * time.Hour,
	}
	gry = signintest.Person{Subject: "0707701234", Username: "070770-1234", Password: "gry's", Groups: []string{"husk-auditor"}, ACR: "high", AMR: []string{"hwk", "otp"}}
)

func everybody() []signintest.Person { return []signintest.Person{ane, bo, cai, dan, eva, far, gry} }

func rules() []signin.Rule {
	return []signin.Rule{
		{Value: "husk-clerk-ortho", Grant: signin.Grant{Role: web.Clerk, Units: []string{"rh-ortho"}}},
		{Value: "husk-clerk-eye", Grant: signin.Grant{Role: web.Clerk, Units: []string{"rh-eye"}}},
		{Value: "husk-approver", Grant: signin.Grant{Role: web.Approver}},
		{Value: "husk-approver-eye", Grant: signin.Grant{Role: web.Approver, Units: []string{"rh-eye"}}},
		{Value: "husk-auditor", Grant: signin.Grant{Role: web.Auditor}},
	}
}

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	add time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.add)
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add += d
}

// site is the pages as far as signing in goes, with what the last one who came back came to.
type site struct {
	*httptest.Server
	t     *testing.T
	oidc  *signin.OIDC
	clock *clock
	logs  *observer.ObservedLogs

	mu  sync.Mutex
	who signin.Identity
	err error
}

// options are those of the site's OIDC; change may change them.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, clock: &clock{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) { s.oidc.Begin(w, r) })
	mux.HandleFunc("/sign-in/callback", func(w http.ResponseWriter, r *http.Request) {
		who, err := s.oidc.Finish(w, r)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.who, s.err = who, err
		_, _ = io.WriteString(w, "back")
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// callback is where the provider sends people back to.
func (s *site) callback() string { return s.URL + "/sign-in/callback" }

// open makes the site's OIDC.
func (s *site) open(issuer string, change func(*signin.Options)) *site {
	s.t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	s.logs = logs
	o := signin.Options{
		Issuer: issuer, ClientID: signintest.ClientID, ClientSecret: signintest.ClientSecret, Callback: s.callback(), Scopes: []string{"openid", "profile"},
		AMR: []string{"otp", "mfa"}, MaxAge: 12 * time.Hour, GroupsClaim: "groups", NameClaim: "preferred_username", Rules: rules(),
		Known: func(u string) bool { return u == "rh-ortho" || u == "rh-eye" }, Secret: func() ([]byte, error) { return bytes.Repeat([]byte{7}, 32), nil },
		CallTime: 5 * time.Second, Now: s.clock.Now, Log: zap.New(core),
	}
	if change != nil {
		change(&o)
	}
	var err error
	if s.oidc, err = signin.New(o); err != nil {
		s.t.Fatal(err)
	}
	return s
}

// start starts a provider for the site, and the site's OIDC.
func start(t *testing.T, po signintest.Options, change func(*signin.Options)) (*site, *signintest.Provider) {
	t.Helper()
	s := newSite(t)
	po.Callbacks, po.SignOuts = []string{s.callback()}, []string{s.URL + "/sign-in"}
	if po.People == nil {
		po.People = everybody()
	}
	p, err := signintest.Start(po)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return s.open(p.Issuer, change), p
}

// browser keeps cookies, and stops where it is sent back to the site.
type browser struct {
	*http.Client
	t *testing.T
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/sign-in/") {
			return http.ErrUseLastResponse
		}
		return nil
	}}, t}
}

// read returns a page, or where it leads.
func (b *browser) read(resp *http.Response, err error) (page, to string) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text), resp.Header.Get("Location")
}

var hidden = regexp.MustCompile(`name="id" value="([^"]+)"`)

// back goes to the provider, fills its form, and returns the address that the browser is sent back to.
func (b *browser) back(s *site, p signintest.Person) string {
	b.t.Helper()
	page, to := b.read(b.PostForm(s.URL+"/sign-in", nil)) //nolint:bodyclose // read closes it; the client has a time limit
	if to != "" {
		return to
	}
	id := hidden.FindStringSubmatch(page)
	if id == nil {
		b.t.Fatalf("no login form: %s", page)
	}
	form := url.Values{"id": {id[1]}, "username": {p.Username}, "password": {p.Password}}
	page, to = b.read(b.PostForm(s.issuer()+"/login/username", form)) //nolint:bodyclose // as above
	if to == "" {
		b.t.Fatalf("not sent back: %s", page)
	}
	return to
}

func (s *site) issuer() string { return s.oidc.Origins()[0] }

// follow comes back to the site.
func (b *browser) follow(s *site, to string) (signin.Identity, error) {
	b.t.Helper()
	if page, _ := b.read(b.Get(to)); page != "back" { //nolint:bodyclose // as above
		b.t.Fatalf("not at the callback: %s", page)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.who, s.err
}

// signIn signs somebody in with a fresh browser.
func (s *site) signIn(p signintest.Person) (signin.Identity, error) {
	s.t.Helper()
	b := newBrowser(s.t)
	return b.follow(s, b.back(s, p))
}
