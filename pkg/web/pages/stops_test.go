package pages_test

import (
	"context"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/web"
)

// options are the values of the choices of a select.
func options(body, name string) []string {
	_, rest, _ := strings.Cut(body, `<select id="f-`+name+`"`)
	list, _, _ := strings.Cut(rest, "</select>")
	var out []string
	for _, m := range regexp.MustCompile(`<option value="([^"]+)"`).FindAllStringSubmatch(list, -1) {
		out = append(out, html.UnescapeString(m[1]))
	}
	return out
}

func (h *house) stopped() map[string]string {
	h.t.Helper()
	var s web.Switches
	if err := door.Call(h.t.Context(), web.Staff{Subject: "looks", Role: web.Incident}, "GET", "/v1/switches", nil, &s); err != nil {
		h.t.Fatal(err)
	}
	return s.Stopped
}

// said is what the next page begins with.
func (h *house) said(x seen, key string) {
	h.t.Helper()
	if x.code != http.StatusSeeOther || x.to() != "/stops" {
		h.t.Fatalf("%d %s %s", x.code, x.to(), x.body)
	}
	if next := h.get("/stops"); !strings.Contains(next.body, html.EscapeString(h.pages.Text("da", key))) {
		h.t.Errorf("not told: %s", key)
	}
}

// A clerk stops her unit with one press, can't let it go on alone, and somebody else confirms it.
func TestStoppingAUnitAndGoingOn(t *testing.T) {
	h := newHouse(t)
	own, other := line.Units.Units()[0].ID, line.Units.Units()[1].ID
	clerk, approver := web.Grant{Role: web.Clerk, Units: []string{own}}, web.Grant{Role: web.Approver, Units: []string{own}}
	h.as("karen", clerk, approver)
	page := h.get("/stops")
	may := options(page.body, "name")
	if !slices.Contains(may, "unit:"+own) || slices.Contains(may, "unit:"+other) || slices.Contains(may, "all") || !slices.Contains(may, "template:reminder") {
		t.Errorf("may stop %v", may)
	}
	if !strings.Contains(page.body, `<option value="unit:`+own+`" selected>`) {
		t.Error("her own unit is not chosen already")
	}
	for _, bad := range [][]string{
		{"name", "unit:" + own}, {"name", "unit:" + own, "why", "x"}, {"why", "wrong_text"}, {"name", "unit:" + own, "why", "other"},
		{"name", "unit:nowhere", "why", "carrier"}, {"name", "unit:" + own, "why", "other", "reason", "ring 20123456"},
	} {
		x := h.post("/stops", bad...)
		if x.code != http.StatusUnprocessableEntity || len(h.stopped()) != 0 {
			t.Errorf("%v: %d", bad, x.code)
		}
		checkHTML(t, strings.Join(bad, " "), "da", x.body)
	}
	for _, name := range []string{"unit:" + other, "all", "carrier:sms"} {
		if x := h.post("/stops", "name", name, "why", "carrier"); x.code != http.StatusForbidden || len(h.stopped()) != 0 {
			t.Errorf("%s: %d", name, x.code)
		}
	}
	h.said(h.post("/stops", "name", "unit:"+own, "why", "wrong_text", "reason", "the door is another"), "stops.done")
	if why := h.stopped()["unit:"+own]; why != h.pages.Text("da", "stops.why.wrong_text")+": the door is another" {
		t.Errorf("stopped because %q", why)
	}
	if x := h.get("/day"); !strings.Contains(x.body, "the door is another") {
		t.Error("the day does not tell")
	}

	// One alone: asked for, and no more.
	for _, bad := range [][]string{{"name", "unit:" + own}, {"name", "unit:" + own, "mended", "x"}, {"name", "unit:" + other, "mended", "x", "reason", "y"}} {
		if x := h.post("/stops/resume", bad...); x.code != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d", bad, x.code)
		}
	}
	if x := h.get("/stops/resume?name=unit:" + own); !strings.Contains(x.body, `<option value="unit:`+own+`" selected>`) {
		t.Errorf("%d", x.code)
	}
	h.said(h.post("/stops/resume", "name", "unit:"+own, "mended", "CASE-7", "reason", "the text is right"), "stops.asked")
	if len(h.stopped()) != 1 {
		t.Fatal("it goes on at one person's word")
	}
	page = h.get("/stops")
	for _, want := range []string{"Karen karen", "CASE-7", "the text is right", html.EscapeString(h.pages.Text("da", "stops.until")), html.EscapeString(h.pages.Text("da", "stops.another"))} {
		if !strings.Contains(page.body, want) {
			t.Errorf("no %s on the page", want)
		}
	}
	checkHTML(t, "stops", "da", page.body)

	// The same person in another role is the same person.
	h.post("/role", "grant", "1")
	x := h.get("/stops/confirm?name=unit:" + own)
	if x.code != 200 || !strings.Contains(x.body, "CASE-7") {
		t.Errorf("%d", x.code)
	}
	checkHTML(t, "confirm", "da", x.body)
	x = h.post("/stops/confirm", "name", "unit:"+own, "reason", "seen")
	if x.code != http.StatusForbidden || !strings.Contains(x.body, html.EscapeString(h.pages.Text("da", "stops.confirm.refused"))) || len(h.stopped()) != 1 {
		t.Errorf("alone: %d", x.code)
	}
	h.as("ole", approver)
	if x := h.post("/stops/confirm", "name", "unit:"+own); x.code != http.StatusUnprocessableEntity || len(h.stopped()) != 1 {
		t.Errorf("without a reason: %d", x.code)
	}
	if x := h.post("/stops/confirm", "reason", "seen"); x.code != http.StatusUnprocessableEntity {
		t.Errorf("of nothing: %d", x.code)
	} else {
		checkHTML(t, "of nothing", "da", x.body)
	}
	h.said(h.post("/stops/confirm", "name", "unit:"+own, "reason", "seen"), "stops.goes-on")
	if len(h.stopped()) != 0 {
		t.Error("still stopped")
	}
}

// A clerk stops a text that her unit uses; only somebody for every unit that uses it confirms that it goes on.
func TestStoppingATemplate(t *testing.T) {
	h := newHouse(t)
	own := line.Units.Units()[0].ID
	h.as("karen", web.Grant{Role: web.Clerk, Units: []string{own}})
	h.said(h.post("/stops", "name", "template:reminder", "why", "wrong_text"), "stops.done")
	h.said(h.post("/stops/resume", "name", "template:reminder", "mended", "CASE-8", "reason", "right again"), "stops.asked")
	h.as("ole", web.Grant{Role: web.Approver, Units: []string{own}})
	if x := h.post("/stops/confirm", "name", "template:reminder", "reason", "seen"); x.code != http.StatusForbidden || len(h.stopped()) != 1 {
		t.Errorf("for one unit of several: %d", x.code)
	}
	h.as("eva", web.Grant{Role: web.Approver})
	h.said(h.post("/stops/confirm", "name", "template:reminder", "reason", "seen"), "stops.goes-on")
	if len(h.stopped()) != 0 {
		t.Error("still stopped")
	}
}

// Who is for the whole installation may stop everything that there is, and each has words.
func TestWhatMayBeStopped(t *testing.T) {
	h := newHouse(t)
	for _, role := range []web.Role{web.Incident, web.Administrator} {
		h.as("whole", web.Grant{Role: role})
		may := options(h.get("/stops").body, "name")
		for _, want := range []string{"all", "unit:" + line.Units.Units()[2].ID, "carrier:" + line.Routes[0].Name, "pack:" + line.Packs.Packs()[0].ID, "country:DK", "template:reminder", "template:da/reminder.sms"} {
			if !slices.Contains(may, want) {
				t.Errorf("%s: no %s in %v", role, want, may)
			}
		}
	}
	h.as("looks", web.Grant{Role: web.Approver})
	if x := h.get("/stops"); x.code != 200 || strings.Contains(x.body, `action="/stops"`) {
		t.Errorf("an approver stops: %d", x.code)
	}
}

// What waits is counted for the units that a stop bears on, and not told to who may not know.
func TestWhatWaitsMeanwhile(t *testing.T) {
	h := newHouse(t)
	own, other := line.Units.Units()[0].ID, line.Units.Units()[1].ID
	h.as("waits", web.Grant{Role: web.Clerk, Units: []string{own}})
	h.call = func(ctx context.Context, s web.Staff, method, path string, in, out any) error {
		switch {
		case strings.HasPrefix(path, "/v1/day"):
			d := fullDay(own)
			d.Late = 7
			return answers(out, d)
		case path == "/v1/switches":
			return answers(out, web.Switches{Stopped: map[string]string{"unit:" + own: "x", "unit:" + other: "y"}, Can: []string{}})
		}
		return door.Call(ctx, s, method, path, in, out)
	}
	x := h.get("/stops")
	if x.code != 200 || strings.Count(x.body, html.EscapeString(h.pages.Text("da", "stops.waits.other", 7))) != 1 {
		t.Errorf("%d %s", x.code, x.body)
	}
	checkHTML(t, "waits", "da", x.body)
}

// Whoever confirms has seen what they confirm: a wish that took its place meanwhile is shown first.
func TestConfirmingWhatWasSeen(t *testing.T) {
	h := newHouse(t)
	unit := line.Units.Units()[0].ID
	h.as("karen", web.Grant{Role: web.Clerk, Units: []string{unit}})
	asks := h.browser
	h.said(h.post("/stops", "name", "unit:"+unit, "why", "wrong_text"), "stops.done")
	h.said(h.post("/stops/resume", "name", "unit:"+unit, "mended", "CASE-9", "reason", "right again"), "stops.asked")
	h.as("ole", web.Grant{Role: web.Approver})
	confirms := h.browser
	wish := func(body string) string {
		m := regexp.MustCompile(`name="wish" value="([^"]+)"`).FindStringSubmatch(body)
		if m == nil {
			t.Fatalf("no wish in the form: %s", body)
		}
		return m[1]
	}
	seen := wish(h.get("/stops/confirm?name=unit:" + unit).body)
	h.browser = asks
	h.said(h.post("/stops/resume", "name", "unit:"+unit, "mended", "CASE-10", "reason", "now really"), "stops.asked")
	h.browser = confirms
	x := h.post("/stops/confirm", "name", "unit:"+unit, "wish", seen, "reason", "seen")
	if x.code != http.StatusUnprocessableEntity || len(h.stopped()) != 1 || !strings.Contains(x.body, html.EscapeString(h.pages.Text("da", "wrong.wish"))) || !strings.Contains(x.body, "CASE-10") {
		t.Fatalf("unseen: %d %s", x.code, x.body)
	}
	checkHTML(t, "unseen", "da", x.body)
	h.said(h.post("/stops/confirm", "name", "unit:"+unit, "wish", wish(x.body), "reason", "seen"), "stops.goes-on")
	if len(h.stopped()) != 0 {
		t.Error("still stopped")
	}
	if x := h.post("/stops/confirm", "name", "unit:"+unit, "wish", seen, "reason", "seen"); x.code != http.StatusUnprocessableEntity {
		t.Errorf("twice: %d", x.code)
	} else {
		checkHTML(t, "twice", "da", x.body)
	}
}
