package pages_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/pages"
	"github.com/husk-reminders/husk/pkg/web/signin"
)

var administrator = web.Grant{Role: web.Administrator}

func TestHeadersOnEveryAnswer(t *testing.T) {
	h := newHouse(t)
	paths := []string{"/", "/sign-in", "/nowhere", "/static/nothing.css", "/sign-in/callback", "/language", signin.LinkPath + "x"}
	for _, row := range h.pages.Table() {
		paths = append(paths, row.Pattern)
	}
	for _, in := range []bool{false, true} {
		if in {
			h.as("headers", administrator)
		}
		for _, path := range paths {
			for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS"} {
				x := h.do(method, strings.ReplaceAll(path, "{id}", "x"), nil)
				for name, want := range map[string]string{
					"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin",
				} {
					if got := x.header.Get(name); got != want {
						t.Errorf("%s %s: %s: %q", method, path, name, got)
					}
				}
				csp := x.header.Get("Content-Security-Policy")
				for _, want := range []string{"default-src 'none'", "script-src 'self'", "form-action 'self' https://idp.example", "base-uri 'none'", "frame-ancestors 'none'"} {
					if !strings.Contains(csp, want) {
						t.Errorf("%s %s: no %s in %q", method, path, want, csp)
					}
				}
				if strings.Contains(csp, "unsafe") || x.header.Get("Strict-Transport-Security") != "" {
					t.Errorf("%s %s: %v", method, path, x.header)
				}
			}
		}
	}
}

// What styles and scripts are under has a hash of them, and browsers keep it.
func TestAssets(t *testing.T) {
	h := newHouse(t)
	body := h.get("/sign-in").body
	found := regexp.MustCompile(`/static/husk\.[0-9a-f]{12}\.(css|js|svg)`).FindAllString(body, -1)
	if len(found) != 3 {
		t.Fatalf("%v in %s", found, body)
	}
	for _, path := range found {
		if x := h.get(path); x.code != 200 || !strings.Contains(x.header.Get("Cache-Control"), "immutable") || x.header.Get("Content-Type") == "" || len(x.body) < 100 {
			t.Errorf("%s: %d %v", path, x.code, x.header)
		}
	}
	if x := h.get("/static/husk.css"); x.code != http.StatusNotFound || x.header.Get("Cache-Control") != "no-store" {
		t.Errorf("without the hash: %d %v", x.code, x.header)
	}
}

func TestSigningInAndOut(t *testing.T) {
	h := newHouse(t)
	if x := h.get("/sessions"); x.to() != "/sign-in" {
		t.Fatalf("%d %s", x.code, x.to())
	}
	if x := h.post("/sign-in"); x.to() != "https://idp.example/authorize" {
		t.Errorf("begun: %d %s", x.code, x.to())
	}
	h.pass.who = signin.Identity{Subject: "in", Name: "Karen", Grants: []web.Grant{administrator}}
	x := h.get("/sign-in/callback")
	if x.code != http.StatusSeeOther || x.to() != "/sessions" {
		t.Errorf("back to what was asked for: %d %s", x.code, x.to())
	}
	for _, c := range x.header.Values("Set-Cookie") {
		if strings.HasPrefix(c, "husk=") && (!strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") || !strings.Contains(c, "Path=/") || strings.Contains(c, "Domain")) {
			t.Errorf("the cookie %s", c)
		}
		if strings.Contains(c, "Karen") {
			t.Errorf("a name in %s", c)
		}
	}
	if x := h.get("/day"); x.code != 200 || !strings.Contains(x.body, "Karen") {
		t.Errorf("%d", x.code)
	}
	if x := h.get("/sign-out"); x.code != http.StatusNotFound {
		t.Errorf("signed out by GET: %d", x.code)
	}
	cookies := h.browser.Jar.Cookies(h.here())
	if x := h.post("/sign-out"); x.to() != "/sign-in" {
		t.Errorf("out: %d %s", x.code, x.to())
	}
	h.browser.Jar.SetCookies(h.here(), cookies)
	if x := h.get("/day"); x.to() != "/sign-in" {
		t.Errorf("the old cookie: %d", x.code)
	}
}

func (h *house) here() *url.URL {
	u, err := url.Parse(h.server.URL)
	if err != nil {
		h.t.Fatal(err)
	}
	return u
}

// Who signs in gets a new session, and the one that the browser had is over: what somebody else put there is worth nothing.
func TestSigningInAnew(t *testing.T) {
	h := newHouse(t)
	h.as("first", administrator)
	old := h.browser.Jar.Cookies(h.here())
	h.pass.who = signin.Identity{Subject: "second", Name: "Ole", Grants: []web.Grant{{Role: web.Auditor}}}
	h.get("/sign-in/callback")
	if fresh := h.browser.Jar.Cookies(h.here()); len(fresh) == 0 || fresh[0].Value == old[0].Value {
		t.Error("the same token")
	}
	h.leave()
	h.browser.Jar.SetCookies(h.here(), old)
	if x := h.get("/day"); x.to() != "/sign-in" {
		t.Errorf("the session before: %d", x.code)
	}
}

func TestNotLetIn(t *testing.T) {
	h := newHouse(t)
	for err, key := range map[error]string{
		signin.ErrSecondFactor: "second_factor", signin.ErrNoGrant: "no_grant", signin.ErrUnavailable: "unavailable", signin.ErrAttempt: "attempt", signin.ErrLink: "link",
		signin.ErrDeclined: "declined", signin.ErrToken: "token", signin.ErrStale: "stale", signin.ErrNotTrial: "not_trial", errors.New("secret"): "other",
	} {
		h.pass.err = err
		x := h.get("/sign-in/callback?code=secret", "Accept-Language", "en")
		if x.code != http.StatusForbidden || !strings.Contains(x.body, strings.Split(h.pages.Text("en", "signin.error."+key), "'")[0]) || strings.Contains(x.body, "secret") || x.header.Get("Set-Cookie") != "" {
			t.Errorf("%v: %d %s", err, x.code, x.body)
		}
	}
	h.pass.err = nil
	for _, gs := range [][]web.Grant{nil, {{}}, {{Role: web.Clerk}}, {{Role: "root"}}} {
		h.pass.who = signin.Identity{Subject: "x", Name: "x", Grants: gs}
		if x := h.get("/sign-in/callback"); x.code != http.StatusForbidden || x.header.Get("Set-Cookie") != "" {
			t.Errorf("%+v: %d", gs, x.code)
		}
	}
}

// What only looks at a one-time link does not use it up: its page has a button.
func TestALinkIsPressed(t *testing.T) {
	h := newHouse(t)
	x := h.get(signin.LinkPath + "tokenABC")
	if x.code != 200 || !strings.Contains(x.body, `name="token" value="tokenABC"`) || len(x.header.Values("Set-Cookie")) != 0 {
		t.Errorf("%d %s", x.code, x.body)
	}
	h.pass.who = signin.Identity{Subject: "trial-x-1", Name: "trial 1", Grants: []web.Grant{administrator}, Trial: true}
	if x := h.post(signin.LinkPath+"tokenABC", "token", "tokenABC"); x.to() != "/" {
		t.Errorf("%d %s", x.code, x.to())
	}
	if x := h.get("/day"); !strings.Contains(x.body, h.pages.Text("da", "layout.trial.text")) {
		t.Error("the page is not marked as a trial")
	}
	h.pass.holds = signin.ErrNotTrial
	if x := h.get("/day"); x.code != http.StatusForbidden || strings.Contains(x.body, "trial 1") {
		t.Errorf("no trial any more: %d", x.code)
	}
	h.pass.holds = signin.ErrEnded
	if x := h.get("/day"); x.to() != "/sign-in" {
		t.Errorf("ended: %d", x.code)
	}
}

func TestRevokedIsOutAtOnce(t *testing.T) {
	h := newHouse(t)
	h.as("clerk", grants()[0])
	clerk := h.browser
	h.as("admin", administrator)
	var all []web.SignedIn
	if err := door.Call(t.Context(), web.Staff{Subject: "admin", Role: web.Administrator}, "GET", "/v1/sessions", nil, &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Subject == "clerk" {
			if x := h.post("/sessions/" + s.ID + "/revoke"); x.to() != "/sessions" {
				t.Fatalf("%d %s", x.code, x.body)
			}
		}
	}
	if x := h.get("/sessions"); !strings.Contains(x.body, h.pages.Text("da", "sessions.revoked")) {
		t.Error("it is not told")
	}
	if x := h.get("/sessions"); strings.Contains(x.body, h.pages.Text("da", "sessions.revoked")) {
		t.Error("it is told twice")
	}
	h.browser = clerk
	if x := h.get("/day"); x.to() != "/sign-in" {
		t.Errorf("revoked: %d", x.code)
	}
}

func TestIdle(t *testing.T) {
	h := newHouse(t)
	h.as("idle", administrator)
	defer late.Store(0)
	late.Store(int64(web.SessionIdle - time.Minute))
	if x := h.get("/day"); x.code != 200 {
		t.Errorf("before: %d", x.code)
	}
	late.Store(int64(2*web.SessionIdle - 2*time.Minute))
	if x := h.get("/day", "Accept", "text/event-stream"); x.code != 200 {
		t.Errorf("at work: %d", x.code)
	}
	late.Store(int64(2*web.SessionIdle - time.Minute + time.Second))
	if x := h.get("/day"); x.to() != "/sign-in" {
		t.Errorf("a page that is left open keeps a session: %d", x.code)
	}
}

func TestAnotherSite(t *testing.T) {
	h := newHouse(t)
	h.as("cross", administrator, web.Grant{Role: web.Auditor})
	for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
		for _, path := range []string{"/sign-out", "/role", "/language", "/sign-in", "/sessions/x/revoke"} {
			if x := h.do("POST", path, url.Values{"grant": {"1"}, "language": {"sv"}}, header[0], header[1]); x.code != http.StatusForbidden || len(x.header.Values("Set-Cookie")) != 0 {
				t.Errorf("%v: POST %s: %d", header, path, x.code)
			}
		}
	}
	if x := h.do("POST", "/role", url.Values{"grant": {"1"}}, "Origin", h.server.URL, "Sec-Fetch-Site", "same-origin"); x.to() != "/" {
		t.Errorf("our own: %d", x.code)
	}
	if x := h.get("/sign-in", "Host", "evil.example"); x.code != http.StatusMisdirectedRequest {
		t.Errorf("a foreign name that leads here: %d", x.code)
	}
}

func TestSeveralGrants(t *testing.T) {
	h := newHouse(t)
	h.as("two", grants()[0], administrator)
	if x := h.get("/sessions"); x.code != http.StatusForbidden {
		t.Errorf("as a clerk: %d", x.code)
	}
	for _, n := range []string{"2", "-1", "x", ""} {
		if x := h.post("/role", "grant", n); x.code != http.StatusNotFound {
			t.Errorf("grant %q: %d", n, x.code)
		}
	}
	if x := h.post("/role", "grant", "1"); x.to() != "/" {
		t.Fatalf("%d", x.code)
	}
	if x := h.get("/sessions"); x.code != 200 || !strings.Contains(x.body, h.pages.Text("da", "role.administrator")) {
		t.Errorf("as an administrator: %d", x.code)
	}
}

func TestLanguage(t *testing.T) {
	h := newHouse(t)
	for accept, want := range map[string]string{
		"": "da", "da": "da", "sv-SE,sv;q=0.9": "sv", "nn-NO": "nb", "no": "nb", "nb": "nb", "en-GB": "en", "fi": "en", "de,sv;q=0.5": "sv", "x;;": "da", "*": "en",
	} {
		if x := h.get("/sign-in", "Accept-Language", accept); x.header.Get("Content-Language") != want || !strings.Contains(x.body, `<html lang="`+want+`">`) {
			t.Errorf("%q: %s, want %s", accept, x.header.Get("Content-Language"), want)
		}
	}
	if x := h.post("/language", "language", "sv", "back", "/sign-in"); x.to() != "/sign-in" {
		t.Errorf("%d %s", x.code, x.to())
	}
	if x := h.get("/sign-in", "Accept-Language", "da"); x.header.Get("Content-Language") != "sv" {
		t.Error("what was chosen is not kept")
	}
	for _, back := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "/a\r\nb", "x", ""} {
		if x := h.post("/language", "language", "en", "back", back); x.to() != "/" {
			t.Errorf("back %q: %s", back, x.to())
		}
	}
	if x := h.post("/language", "language", "tlh"); x.code != http.StatusNotFound {
		t.Errorf("an unknown one: %d", x.code)
	}
}

// marked are the menu's entries, and those that are marked as where somebody is.
func marked(t *testing.T, body string) (all, here []string) {
	t.Helper()
	for _, n := range elements(t, body, "nav") {
		for a := range n.Descendants() {
			if a.Data != "a" {
				continue
			}
			if all = append(all, attr(a, "href")); attr(a, "aria-current") != "" {
				here = append(here, attr(a, "href"))
			}
		}
	}
	return all, here
}

// Every page that a section has below it is marked as of that section, though its path may begin otherwise.
func TestTheMenuMarksWhereSomebodyIs(t *testing.T) {
	h := newHouse(t)
	h.as("menu", clerk())
	for path, want := range map[string]string{"/people": "/people", "/numbers/wrong": "/people", "/numbers/stop": "/people", "/templates/da/reminder.sms": "/templates"} {
		if _, here := marked(t, h.get(path).body); len(here) != 1 || here[0] != want {
			t.Errorf("%s: %q is marked, want %s", path, here, want)
		}
	}
}

// Where there is no page, who is signed in still has the menu, and the way back to their pages.
func TestNowhere(t *testing.T) {
	h := newHouse(t)
	if x := h.get("/nowhere"); x.code != http.StatusNotFound || !strings.Contains(x.body, `href="/sign-in"`) {
		t.Errorf("a stranger: %d %s", x.code, x.body)
	} else if all, _ := marked(t, x.body); len(all) != 0 {
		t.Errorf("a stranger has the menu %q", all)
	}
	h.as("lost", clerk())
	want, _ := marked(t, h.get("/people").body)
	x := h.get("/nowhere")
	if all, here := marked(t, x.body); x.code != http.StatusNotFound || len(want) < 3 || !slices.Equal(all, want) || len(here) != 0 {
		t.Errorf("%d, the menu is %q, %q marked, want %q", x.code, all, here, want)
	}
	if strings.Contains(x.body, `href="/sign-in"`) || !strings.Contains(x.body, `<a href="/">`) {
		t.Errorf("somebody who is signed in: %s", x.body)
	}
}

// What the staff API refuses is told in plain words, with its status and how long to wait.
func TestErrorPages(t *testing.T) {
	h := newHouse(t)
	h.as("errors", administrator)
	if x := h.get("/nowhere", "Accept-Language", "en"); x.code != 404 || !strings.Contains(x.body, "no such page") {
		t.Errorf("%d %s", x.code, x.body)
	}
	h.wait = 1500 * time.Millisecond
	if x := h.get("/day", "Accept-Language", "en"); x.code != 429 || x.header.Get("Retry-After") != "2" || !strings.Contains(x.body, "Wait a moment") {
		t.Errorf("%d %v", x.code, x.header)
	}
	h.wait = 0
	h.call = func(context.Context, web.Staff, string, string, any, any) error { return errors.New("a secret") }
	if x := h.get("/day", "Accept-Language", "en"); x.code != 500 || strings.Contains(x.body, "a secret") || !strings.Contains(x.body, "Something went wrong") {
		t.Errorf("%d %s", x.code, x.body)
	}
	h.call = nil
	if x := h.post("/sessions/0123456789abcdef0123456789abcdef/revoke"); x.code != 404 {
		t.Errorf("no such session: %d", x.code)
	}
	if x := h.post("/sessions/0101701234/revoke"); x.code != 400 || strings.Contains(x.body, "0101701234") {
		t.Errorf("no id: %d", x.code)
	}
	door.Shut("the state is being rebuilt")
	x := h.get("/day", "Accept-Language", "en")
	if err := open(); err != nil {
		t.Fatal(err)
	}
	if x.code != 503 || !strings.Contains(x.body, "not ready") || !strings.Contains(x.body, "the state is being rebuilt") {
		t.Errorf("shut: %d %s", x.code, x.body)
	}
	if x := h.get("/day"); x.code != 200 {
		t.Errorf("open again: %d", x.code)
	}
}

// HEAD is answered like GET, without a body, and does not use a notice up.
func TestHead(t *testing.T) {
	h := newHouse(t)
	h.as("head", administrator)
	for _, row := range h.pages.Table() {
		if row.Method != http.MethodGet || strings.Contains(row.Pattern, "{") || row.Operation != "" && !web.Administrator.May(row.Operation) {
			continue
		}
		if x := h.do("HEAD", row.Pattern, nil); x.code != 200 || x.body != "" {
			t.Errorf("%s: %d %q", row.Pattern, x.code, x.body)
		}
	}
}

func TestOptions(t *testing.T) {
	good := pages.Options{Call: door.Call, Sessions: door.Sessions(), SignIn: &pass{}, Units: func() *reminder.Directory { return nil }, URL: "https://husk.example"}
	if _, err := pages.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*pages.Options){
		"Call": func(o *pages.Options) { o.Call = nil }, "Sessions": func(o *pages.Options) { o.Sessions = nil }, "SignIn": func(o *pages.Options) { o.SignIn = nil },
		"Units": func(o *pages.Options) { o.Units = nil }, "URL": func(o *pages.Options) { o.URL = "husk.example" },
	} {
		o := good
		spoil(&o)
		if _, err := pages.New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Over TLS the cookie is bound to the host, and the browser told to come by TLS alone.
func TestOverTLS(t *testing.T) {
	p, err := pages.New(pages.Options{Call: door.Call, Sessions: door.Sessions(), SignIn: &pass{who: signin.Identity{Subject: "tls", Name: "x", Grants: []web.Grant{administrator}}}, Units: door.Units, URL: "https://husk.example"})
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	h.server.Config.Handler = p
	x := h.get("/sign-in/callback")
	c := strings.Join(x.header.Values("Set-Cookie"), "\n")
	if x.to() != "/" || !strings.Contains(c, "__Host-husk=") || !strings.Contains(c, "Secure") || x.header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%d %v", x.code, x.header)
	}
}

// A form is shown again with what was typed, what is wrong on top, leading to the field, and at the field, in every language.
func TestAFormIsShownAgain(t *testing.T) {
	for _, tag := range tags {
		p, err := pages.New(pages.Options{Call: door.Call, Sessions: door.Sessions(), SignIn: &pass{}, Units: door.Units, URL: "https://husk.example"})
		if err != nil {
			t.Fatal(err)
		}
		body, err := p.Again(tag, url.Values{"text": {"<b>typed</b>"}, "one": {"b"}, "many": {"a"}, "sure": {"yes"}}.Encode())
		if err != nil {
			t.Fatal(err)
		}
		checkHTML(t, tag, tag, body)
		for _, want := range []string{
			"&lt;b&gt;typed&lt;/b&gt;</textarea>", `<option value="b" selected>`, `value="a" checked`, `value="yes" checked`, `href="#f-line"`, `href="#f-sure"`,
			`aria-describedby="f-line-hint f-line-error" aria-invalid="true" required`, p.Text(tag, "form.required"), p.Text(tag, "error.409.text"),
		} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %s in %s", tag, want, body)
			}
		}
	}
}

// Only what is about the form is taken for it; where there are plain words for a field, they stand in place of the staff API's.
func TestWhatAFormTakes(t *testing.T) {
	h := newHouse(t)
	s := web.Staff{Subject: "form", Role: web.Incident}
	set := func(name, reason string) error {
		return door.Call(t.Context(), s, "POST", "/v1/switches", web.Switch{Name: name, On: true, Reason: reason}, nil)
	}
	if got, ok := h.pages.Taken("en", set("all", "0101701234")); !ok || len(got) != 1 || got[0] != "reason: "+h.pages.Text("en", "wrong.reason") {
		t.Errorf("%q %v", got, ok)
	}
	if got, ok := h.pages.Taken("en", set("nothing", "x")); !ok || len(got) != 1 || !strings.HasPrefix(got[0], "name: want all, or one of") {
		t.Errorf("%q %v", got, ok)
	}
	for _, err := range []error{
		nil, errors.New("x"), web.ErrGrant, door.Call(t.Context(), s, "GET", "/v1/apikeys", nil, nil), door.Call(t.Context(), s, "GET", "/v1/nothing", nil, nil),
	} {
		if got, ok := h.pages.Taken("en", err); ok || len(got) != 0 {
			t.Errorf("%v is taken: %q", err, got)
		}
	}
}
