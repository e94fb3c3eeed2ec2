package command

import (
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/signin/signintest"
)

// freePort is an address of this machine that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// visitor is a browser without scripts.
type visitor struct {
	*http.Client
	t *testing.T
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{&http.Client{Jar: jar, Timeout: 20 * time.Second}, t}
}

// page is what a request ends with, where it was sent on too.
func (v *visitor) page(res *http.Response, err error) (at, text, csp string) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		v.t.Fatalf("%s: %d %v\n%.500s", res.Request.URL, res.StatusCode, err, b)
	}
	return res.Request.URL.String(), string(b), res.Header.Get("Content-Security-Policy")
}

var loginID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// The pages of husk serve, signed in to by an OpenID provider, which is started after them.
func TestPagesByOpenID(t *testing.T) {
	p := newPlace(t)
	at, idp := freePort(t), freePort(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(signintest.ClientSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	site := "http://" + at
	for name, value := range map[string]string{
		"LISTEN": at, "URL": site, "SIGN_IN_ISSUER": "http://" + idp, "SIGN_IN_CLIENT_ID": signintest.ClientID, "SIGN_IN_CLIENT_SECRET_FILE": secret,
		"SIGN_IN_AMR": "otp", "SIGN_IN_GRANTS": `[{value: husk-clerk, role: clerk, units: [rh-ortho]}]`,
	} {
		t.Setenv("HUSK_PAGES_"+name, value)
	}
	ready, stop := p.serve()
	metrics := regexp.MustCompile(`http://[0-9.:]+`).FindString(ready)

	v := newVisitor(t)
	if _, text, csp := v.page(v.Get(site + "/sign-in")); !strings.Contains(text, "<form") || !strings.Contains(csp, "form-action 'self' http://"+idp) {
		t.Errorf("before the provider is there: %s\n%.300s", csp, text)
	}
	provider, err := signintest.Start(signintest.Options{
		Address: idp, Callbacks: []string{site + "/sign-in/callback"}, SignOuts: []string{site + "/sign-in"},
		People: []signintest.Person{
			{Subject: "s1", Username: "ane", Password: "pw", Groups: []string{"husk-clerk"}, AMR: []string{"pwd", "otp"}},
			{Subject: "s2", Username: "bo", Password: "pw", Groups: []string{"canteen"}, AMR: []string{"pwd", "otp"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(provider.Close)
	login := func(v *visitor, name string) (string, string) {
		t.Helper()
		_, form, _ := v.page(v.PostForm(site+"/sign-in", nil))
		id := loginID.FindStringSubmatch(form)
		if id == nil {
			t.Fatalf("no login form:\n%.500s", form)
		}
		res, err := v.PostForm(provider.Issuer+"/login/username", url.Values{"id": {id[1]}, "username": {name}, "password": {"pw"}})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.Request.URL.Path, string(b)
	}
	if path, text := login(v, "ane"); path != "/day" || !strings.Contains(text, "/sign-out") {
		t.Fatalf("ane is at %s:\n%.800s", path, text)
	}
	if path, text := login(newVisitor(t), "bo"); path == "/day" || strings.Contains(text, "/sign-out") {
		t.Errorf("bo, without a grant, is at %s:\n%.300s", path, text)
	}
	var all []web.SignedIn
	p.read(&all, "", "pages", "sessions")
	if len(all) != 1 || all[0].Name != "ane" {
		t.Errorf("signed in: %+v", all)
	}
	_, text, _ := v.page(v.Get(metrics + "/metrics"))
	if !strings.Contains(text, "husk_signin_finished_total{") {
		t.Error("no husk_signin_finished_total among the metrics")
	}
	if _, errs, code := p.husk("", "pages", "link"); code != 1 || !strings.Contains(errs, "no one-time links") {
		t.Errorf("a link beside an OpenID provider: %d %s", code, errs)
	}
	p.must("", "pages", "revoke", all[0].ID)
	if where, _, _ := v.page(v.Get(site + "/")); !strings.HasSuffix(where, "/sign-in") {
		t.Errorf("revoked, and at %s", where)
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Whom the demonstration has entered are the demonstration's people, so its data can be tried out with links; one other ends that.
func TestLinksAfterTheDemo(t *testing.T) {
	p := newPlace(t)
	dir := filepath.Join(filepath.Dir(p.dir), "d")
	if out, errs, code := p.husk("", "demo", "--dir", dir, "--quiet"); code != 0 {
		t.Fatalf("the demo: %d\n%s%s", code, out, errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "broker")); err != nil {
		t.Fatal(err)
	}
	p.dir = dir
	t.Setenv("HUSK_PAGES_LISTEN", "127.0.0.1:0")
	_, stop := p.serve()
	var l web.SignInLink
	p.read(&l, "", "pages", "link")
	if !strings.Contains(l.Address, "/sign-in/link/") {
		t.Errorf("%+v", l)
	}
	p.must(person+number, "person", "address", "add", "--channel", "sms", "--method", "desk-id")
	if _, errs, code := p.husk("", "pages", "link"); code != 1 {
		t.Errorf("a link with a stranger in the data: %d %s", code, errs)
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// An address is shown in full with a reason, so many times an hour.
func TestUnmask(t *testing.T) {
	p := newPlace(t)
	var rec web.Recorded
	t.Setenv("HUSK_API_UNMASK_RATE", "2")
	_, stop := p.serve()
	p.read(&rec, person+number, "person", "address", "verify", "--channel", "sms", "--method", "desk-id")
	of := []string{"address", "unmask", "--person", string(rec.Person), "--hash", string(rec.Hash)}
	if _, errs, code := p.husk("", of...); code != 1 || !strings.Contains(errs, "reason") {
		t.Errorf("without a reason: %d %s", code, errs)
	}
	of = append(of, "--reason", "no answer by mail")
	if out := p.must("", of...); out != "sms  +4520123456\n" {
		t.Errorf("%q", out)
	}
	var u web.Unmasked
	p.read(&u, "DK 010170-1234\n", "address", "unmask", "--hash", string(rec.Hash), "--reason", "again")
	if u.Address != "+4520123456" {
		t.Errorf("%+v", u)
	}
	if out, errs, code := p.husk("", of...); code != 1 || !strings.Contains(errs, "2 addresses within an hour") || strings.Contains(out+errs, "20123456") {
		t.Errorf("a third one: %d %s%s", code, out, errs)
	}
	if out := p.must("", "audit", "list"); strings.Count(out, "address.unmask") != 3 || strings.Contains(out, "20123456") {
		t.Errorf("the audit:\n%s", out)
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
