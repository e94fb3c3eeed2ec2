package command

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/web"
)

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestStaffAPIFromTheOutside(t *testing.T) {
	p := newPlace(t)
	address := freeAddress(t)
	t.Setenv("HUSK_API_LISTEN", address)

	// Made while nothing runs, as at an installation's first day.
	var clerk, approver, incident web.MadeAPIKey
	p.read(&clerk, "", "apikey", "new", "--role", "clerk", "--unit", "rh-eye", "--unit", "rh-ortho", "--expires", "12h", "--holder", "EPJ")
	p.read(&approver, "", "apikey", "new", "--role", "approver", "--expires", "90d", "--holder", "ole")
	p.read(&incident, "", "apikey", "new", "--role", "incident")
	if len(clerk.Units) != 2 || !strings.HasPrefix(clerk.Key, "husk_"+clerk.ID+"_") || time.Until(clerk.Expires) > 12*time.Hour {
		t.Fatalf("%+v", clerk)
	}
	for _, args := range [][]string{
		{"--role", "clerk"}, {"--role", "boss"}, {"--role", "clerk", "--unit", "nowhere"}, {"--role", "auditor", "--expires", "500d"}, {"--role", "auditor", "--unit", "rh-eye"},
	} {
		if out, errs, code := p.husk("", append([]string{"apikey", "new"}, args...)...); code != 1 || out != "" {
			t.Errorf("%v: %d %s%s", args, code, out, errs)
		}
	}
	if _, _, code := p.husk("", "apikey", "new", "--role", "auditor", "--expires", "soon"); code != 2 {
		t.Errorf("--expires soon: %d", code)
	}
	_, stop := p.serve()
	defer stop()

	ask := func(key, method, path, body string, into any) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		r.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if into != nil {
			if err := json.Unmarshal(b, into); err != nil {
				t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, b)
			}
		}
		return res.StatusCode
	}
	var key web.Key
	if code := ask(clerk.Key, "POST", "/v1/persons/key", `{"country":"DK","id":"0101701234"}`, &key); code != 200 {
		t.Fatal(code)
	}
	path := "/v1/persons/" + string(key.Person)
	if code := ask(clerk.Key, "GET", path+"?reason=x", "", nil); code != 403 {
		t.Errorf("a person whom the units have nothing to do with: %d", code)
	}
	word := `"method":"desk","actor":{"kind":"self"},"scope":{"kind":"unit","ref":"rh-eye"}`
	if code := ask(clerk.Key, "POST", path+"/consent", `{"type":"refused",`+word+`}`, nil); code != 200 {
		t.Errorf("a no to the own unit: %d", code)
	}
	if code := ask(clerk.Key, "GET", path+"?reason=x", "", nil); code != 403 {
		t.Errorf("a no opened the person: %d", code)
	}
	yes := `{"type":"granted","purposes":["reminder"],"channels":["sms"],"notice":{"id":"n-1","hash":"` + strings.Repeat("ab", 32) + `","language":"da"},` + word + `}`
	if code := ask(clerk.Key, "POST", path+"/consent", yes, nil); code != 200 {
		t.Errorf("a yes to the own unit: %d", code)
	}
	var x web.Person
	if code := ask(clerk.Key, "GET", path+"?reason=x", "", &x); code != 200 || len(x.Consent) != 2 {
		t.Errorf("after it: %d %+v", code, x)
	}
	if code := ask("", "GET", "/v1/status", "", nil); code != 401 {
		t.Errorf("without a key: %d", code)
	}
	if code := ask(clerk.Key, "GET", "/metrics", "", nil); code != 404 {
		t.Errorf("metrics: %d", code)
	}
	if code := ask(clerk.Key, "POST", "/v1/state/rebuild", "", nil); code != 403 {
		t.Errorf("a rebuilding: %d", code)
	}

	// Two people: over HTTP, and over the socket.
	if code := ask(incident.Key, "POST", "/v1/switches", `{"name":"all","on":true,"reason":"wrong texts"}`, nil); code != 200 {
		t.Errorf("stop: %d", code)
	}
	if _, errs, code := p.husk("", "resume", "--reason", "texts are right"); code != 1 || !strings.Contains(errs, "mended") {
		t.Errorf("nothing mended: %d %s", code, errs)
	}
	out := p.must("", "resume", "--reason", "texts are right", "--mended", "CHG0031")
	for _, want := range []string{"all", "wrong texts", "CHG0031", osUser(), "--confirm"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if _, errs, code := p.husk("", "resume", "--confirm", "--reason", "I again"); code != 1 || !strings.Contains(errs, "two people") {
		t.Errorf("confirmed alone: %d %s", code, errs)
	}
	if out := p.must("", "resume", "--list"); !strings.Contains(out, "CHG0031") {
		t.Error(out)
	}
	var now web.Switches
	if code := ask(approver.Key, "POST", "/v1/switches/confirm", `{"name":"all","reason":"looked at it"}`, &now); code != 200 || len(now.Stopped) != 0 {
		t.Errorf("confirmed: %d %+v", code, now)
	}

	// Revoked, it is out at once; everything is in the audit.
	p.must("", "apikey", "revoke", clerk.ID)
	if code := ask(clerk.Key, "GET", "/v1/status", "", nil); code != 401 {
		t.Errorf("revoked: %d", code)
	}
	var ks []web.APIKey
	p.read(&ks, "", "apikey", "list")
	if len(ks) != 3 {
		t.Errorf("%+v", ks)
	}
	var as []ledger.Audit
	p.read(&as, "", "audit", "list")
	seen := map[string]string{}
	for _, a := range as {
		seen[a.Action] = a.Actor
	}
	for action, actor := range map[string]string{
		"denied person.show": "key:" + clerk.ID + " EPJ", "consent.refused": "key:" + clerk.ID + " EPJ", "switch.stop all": "key:" + incident.ID,
		"switch.ask all": osUser(), "switch.confirm all": "key:" + approver.ID + " ole", "apikey.revoke " + clerk.ID: osUser(), "apikey.new " + clerk.ID: osUser(),
	} {
		if seen[action] != actor {
			t.Errorf("%s by %q, want %q", action, seen[action], actor)
		}
	}
	if code := stop(); code != 0 {
		t.Errorf("husk serve: %d", code)
	}
	if strings.Count(p.all.String(), clerk.Key) != 1 {
		t.Error("the key was printed again")
	}
}

func TestOpenAPI(t *testing.T) {
	p := newPlace(t)
	kept, err := os.ReadFile("../../config/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if out := p.must("", "api", "openapi"); !bytes.Equal([]byte(out), kept) {
		t.Error("husk api openapi prints another document than config/openapi.json")
	}
}
