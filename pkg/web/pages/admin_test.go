package pages_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/web"
)

// The audit is shown by person and day, from its end, with a way to what is earlier.
func TestReadingTheAudit(t *testing.T) {
	h := newHouse(t)
	h.as("audit", web.Grant{Role: web.Auditor})
	asked := ""
	h.call = func(_ context.Context, _ web.Staff, _, path string, _, out any) error {
		asked = path
		var all []ledger.Audit
		for i := range 200 {
			all = append(all, ledger.Audit{At: time.Date(2026, 11, 1, i, 0, 0, 0, time.UTC), Actor: "staff:x Karen", Action: fmt.Sprintf("person.show %d", i), Person: "1-0123456789abcdef0123456789abcdef"})
		}
		return answers(out, all)
	}
	x := h.get("/audit")
	if asked != "/v1/audit?max=200" || strings.Index(x.body, "person.show 199") > strings.Index(x.body, "person.show 0<") || !strings.Contains(x.body, `href="/audit?most=1200"`) {
		t.Errorf("asked %s", asked)
	}
	checkHTML(t, "audit", "da", x.body)
	x = h.get("/audit?person=1-0123456789abcdef0123456789abcdef&since=2026-11-05&most=1200")
	if asked != "/v1/audit?max=1200&person=1-0123456789abcdef0123456789abcdef" || strings.Contains(x.body, "person.show 90<") || !strings.Contains(x.body, "person.show 199<") || strings.Contains(x.body, "most=2200") {
		t.Errorf("asked %s", asked)
	}
	if h.get("/audit?most=99999999"); asked != "/v1/audit?max=10000" {
		t.Errorf("asked %s", asked)
	}
	h.call = nil
	for _, bad := range []string{"/audit?since=yesterday", "/audit?person=0101701234"} {
		x := h.get(bad)
		if x.code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", bad, x.code)
		}
		checkHTML(t, bad, "da", x.body)
	}
}

// A key is revoked after a step in which it is shown whose it is.
func TestRevokingAKey(t *testing.T) {
	h := newHouse(t)
	h.as("keys", administrator)
	key := web.APIKey{ID: "bcdfghjkmnpq", Role: web.Clerk, Units: []string{line.Units.Units()[0].ID}, Holder: "booking", Made: now(), By: "root", Expires: now().Add(time.Hour)}
	revoked := ""
	h.call = func(ctx context.Context, s web.Staff, method, path string, in, out any) error {
		switch {
		case path == "/v1/apikeys":
			return answers(out, []web.APIKey{key})
		case method == http.MethodPost && strings.HasPrefix(path, "/v1/apikeys/"):
			revoked = path
			return nil
		}
		return door.Call(ctx, s, method, path, in, out)
	}
	if x := h.get("/keys"); !strings.Contains(x.body, `href="/keys/bcdfghjkmnpq/revoke"`) {
		t.Errorf("%d", x.code)
	}
	x := h.get("/keys/bcdfghjkmnpq/revoke")
	if x.code != 200 || !strings.Contains(x.body, "booking") || revoked != "" {
		t.Errorf("%d %s", x.code, revoked)
	}
	checkHTML(t, "revoke", "da", x.body)
	if x := h.get("/keys/bcdfghjkmnpp/revoke"); x.code != http.StatusNotFound {
		t.Errorf("another: %d", x.code)
	}
	if x := h.post("/keys/bcdfghjkmnpq/revoke"); x.to() != "/keys" || revoked != "/v1/apikeys/bcdfghjkmnpq/revoke" {
		t.Errorf("%d %s", x.code, revoked)
	}
}

// What was not understood is shown with its content to who may, says why, and by no link; it is put back after a step.
func TestDeadLetters(t *testing.T) {
	h := newHouse(t)
	h.as("dead", web.Grant{Role: web.Incident})
	d := ledger.DeadLetter{ID: 7, Station: "intake", System: "his", Reason: "malformed", Detail: "patient: want one", Shape: "json 120 B", Received: now()}
	asked, replayed := "", ""
	h.call = func(ctx context.Context, s web.Staff, method, path string, in, out any) error {
		switch {
		case path == "/v1/dead":
			return answers(out, []ledger.DeadLetter{d})
		case strings.HasPrefix(path, "/v1/dead/7?"):
			asked = path
			return answers(out, web.DeadLetter{DeadLetter: d, Subject: "husk.events.his.x", Encoding: "utf-8", Content: "<b>Karen</b>"})
		case path == "/v1/dead/7/replay" && method == http.MethodPost:
			replayed = path
			return nil
		}
		return door.Call(ctx, s, method, path, in, out)
	}
	x := h.get("/dead/7?reason=x")
	if x.code != 200 || asked != "" || strings.Contains(x.body, "Karen&lt;") {
		t.Errorf("shown by a link: %d %s", x.code, asked)
	}
	checkHTML(t, "one", "da", x.body)
	if x := h.post("/dead/7"); x.code != http.StatusUnprocessableEntity || asked != "" {
		t.Errorf("without a reason: %d", x.code)
	}
	x = h.post("/dead/7", "reason", "case 12")
	if x.code != 200 || asked != "/v1/dead/7?reason=case+12" || !strings.Contains(x.body, "&lt;b&gt;Karen&lt;/b&gt;") || x.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", x.code, asked)
	}
	checkHTML(t, "content", "da", x.body)
	for _, path := range []string{"/dead/8", "/dead/x", "/dead/8/replay"} {
		if x := h.get(path); x.code != http.StatusNotFound {
			t.Errorf("%s: %d", path, x.code)
		}
	}
	x = h.get("/dead/7/replay")
	if x.code != 200 || replayed != "" {
		t.Errorf("put back by a link: %d", x.code)
	}
	checkHTML(t, "replay", "da", x.body)
	if x := h.post("/dead/7/replay"); x.to() != "/dead" || replayed == "" {
		t.Errorf("%d", x.code)
	}
	h.as("admin", administrator)
	if x := h.get("/dead/7"); x.code != http.StatusForbidden {
		t.Errorf("an administrator sees patients' data: %d", x.code)
	}
	if x := h.get("/dead"); !strings.Contains(x.body, `href="/dead/7/replay"`) || strings.Contains(x.body, `href="/dead/7"`) {
		t.Error("the links are not the role's")
	}
}

// The carriers are tried when somebody wants it, and not before.
func TestTryingTheCarriers(t *testing.T) {
	h := newHouse(t)
	h.as("carriers", administrator)
	tried := 0
	h.call = func(ctx context.Context, s web.Staff, method, path string, in, out any) error {
		switch {
		case path == "/v1/carriers?try=true":
			tried++
			return answers(out, []web.Carrier{{Name: "sms", Tried: true}, {Name: "email", Tried: true, Problem: "421 <busy>"}, {Name: "x"}})
		case strings.HasPrefix(path, "/v1/day"):
			return answers(out, fullDay(""))
		}
		return door.Call(ctx, s, method, path, in, out)
	}
	if x := h.get("/carriers"); x.code != 200 || tried != 0 || !strings.Contains(x.body, "<code>421</code>") {
		t.Errorf("%d, tried %d times", x.code, tried)
	}
	x := h.post("/carriers")
	if x.code != 200 || tried != 1 || !strings.Contains(x.body, "421 &lt;busy&gt;") || !strings.Contains(x.body, html.EscapeString(h.pages.Text("da", "carriers.untried"))) {
		t.Errorf("%d, tried %d times", x.code, tried)
	}
	checkHTML(t, "tried", "da", x.body)
}
