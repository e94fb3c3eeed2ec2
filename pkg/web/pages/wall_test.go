package pages_test

import (
	"errors"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/web"
)

// wall signs a clerk of one unit in and turns the browser into a wall screen.
func (h *house) wall(subject, unit string) {
	h.t.Helper()
	h.as(subject, web.Grant{Role: web.Clerk, Units: []string{unit}}, web.Grant{Role: web.Approver})
	page := h.get("/day")
	for _, want := range []string{`action="/day/wall"`, html.EscapeString(h.pages.Text("da", "day.wall.text"))} {
		if !strings.Contains(page.body, want) {
			h.t.Errorf("no %s on the day", want)
		}
	}
	if x := h.post("/day/wall", "unit", unit); x.code != http.StatusSeeOther || x.to() != "/day?unit="+unit {
		h.t.Fatalf("turned: %d %s %s", x.code, x.to(), x.body)
	}
}

// A wall screen shows the day of its unit and nothing else, and whoever works there again signs in anew.
func TestAWallScreen(t *testing.T) {
	h := newHouse(t)
	unit, other := line.Units.Units()[0].ID, line.Units.Units()[1].ID
	h.wall("wall", unit)
	for _, tag := range tags {
		x := h.get("/day", "Accept-Language", tag)
		if x.code != http.StatusOK || strings.Contains(x.body, "/day/wall") || strings.Contains(x.body, `action="/language"`) || strings.Contains(x.body, `action="/role"`) {
			t.Errorf("%s: %d %s", tag, x.code, x.body)
		}
		checkHTML(t, tag, tag, x.body)
		if menu := links(t, x.body, "nav"); !slices.Equal(menu, []string{"/day"}) {
			t.Errorf("%s: the menu has %v", tag, menu)
		}
		checkHTML(t, "sign-in "+tag, tag, h.get("/sign-in", "Accept-Language", tag).body)
	}
	if x := h.get("/day?unit=" + other); x.code != http.StatusForbidden {
		t.Errorf("another unit: %d", x.code)
	}
	signIn := func(method, path string, form url.Values) {
		t.Helper()
		if x := h.do(method, path, form); x.code != http.StatusSeeOther || x.to() != "/sign-in" || strings.Contains(x.header.Get("Set-Cookie"), "husk=;") {
			t.Errorf("%s %s: %d to %q", method, path, x.code, x.to())
		}
	}
	for _, row := range h.pages.Table() {
		path := strings.NewReplacer("{id}", "0123456789abcdef0123456789abcdef").Replace(row.Pattern)
		switch {
		case row.Method == http.MethodPost && path != "/sign-out":
			signIn(row.Method, path, url.Values{"reason": {"x"}, "grant": {"0"}, "name": {"unit:" + unit}, "why": {"carrier"}})
		case row.Method == http.MethodGet && path != "/day" && path != "/day/events":
			signIn(row.Method, path, nil)
		}
	}
	signIn(http.MethodGet, "/", nil)
	signIn(http.MethodPost, "/language", url.Values{"language": {"sv"}})
	if len(h.stopped()) != 0 {
		t.Error("a wall screen has stopped something")
	}
	if x := h.get("/day"); x.code != http.StatusOK || !strings.Contains(x.body, `lang="da"`) {
		t.Errorf("after all of it: %d", x.code)
	}

	// Signing in anew gives another session, and ends this one.
	old := listed(t, "wall")
	if len(old) != 1 || !old[0].OnWall() {
		t.Fatalf("%+v", old)
	}
	if x := h.get("/sign-in/callback"); x.code != http.StatusSeeOther {
		t.Fatalf("%d %s", x.code, x.body)
	}
	if now := listed(t, "wall"); len(now) != 1 || now[0].OnWall() || now[0].ID == old[0].ID || len(now[0].Grants) != 2 {
		t.Errorf("%+v", now)
	}
	if x := h.get("/stops"); x.code != http.StatusOK {
		t.Errorf("signed in anew: %d", x.code)
	}

	h.wall("wall", unit)
	if x := h.post("/sign-out"); x.code != http.StatusSeeOther {
		t.Errorf("signing out: %d", x.code)
	}
	if x := h.get("/day"); x.to() != "/sign-in" {
		t.Errorf("signed out: %d", x.code)
	}
}

var boss = web.Staff{Subject: "boss", Name: "Boss", Role: web.Administrator}

// listed are the sessions of somebody.
func listed(t *testing.T, subject string) []web.SignedIn {
	t.Helper()
	var all []web.SignedIn
	if err := door.Call(t.Context(), boss, "GET", "/v1/sessions", nil, &all); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(s web.SignedIn) bool { return s.Subject != subject })
}

// Nobody need touch a wall screen: it shows the day until it is revoked, or a day is over.
func TestAWallScreenIsIdle(t *testing.T) {
	h := newHouse(t)
	h.pages.Hurry(20*time.Millisecond, 50*time.Millisecond)
	defer late.Store(0)
	unit := line.Units.Units()[0].ID
	over := h.pages.Text("en", "day.over.session")
	for name, end := range map[string]func(id string){
		"revoked": func(id string) {
			if err := door.Call(t.Context(), boss, "POST", "/v1/sessions/"+id+"/revoke", nil, nil); err != nil {
				t.Fatal(err)
			}
		},
		"a day": func(string) { late.Store(int64(web.WallLongest + time.Minute)) },
	} {
		late.Store(0)
		who := "idle, " + name // a day that is taken back leaves its session
		h.wall(who, unit)
		l := h.listen("/day/events")
		l.until(t, "event: day")
		late.Store(int64(3 * time.Hour))
		time.Sleep(100 * time.Millisecond) // so that the figures are looked at, several times
		l.until(t, ": still here")
		if x := h.get("/day"); x.code != http.StatusOK {
			t.Fatalf("%s: after three hours: %d %s", name, x.code, x.body)
		}
		all := listed(t, who)
		if len(all) != 1 || !all[0].OnWall() {
			t.Fatalf("%s: %+v", name, all)
		}
		end(all[0].ID)
		if rest := l.ends(t); !strings.Contains(rest, "event: over\ndata: "+over) {
			t.Errorf("%s: %s", name, rest)
		}
		if x := h.get("/day"); x.to() != "/sign-in" {
			t.Errorf("%s: %d", name, x.code)
		}
	}
}

// Administrators see which sessions are wall screens.
func TestWallScreensAreListed(t *testing.T) {
	h := newHouse(t)
	h.wall("listed", line.Units.Units()[0].ID)
	h.as("full", administrator)
	for _, tag := range tags {
		x := h.get("/sessions", "Accept-Language", tag)
		if strings.Count(x.body, ">"+html.EscapeString(h.pages.Text(tag, "sessions.wall"))+"<") == 0 {
			t.Errorf("%s: %s", tag, x.body)
		}
		checkHTML(t, tag, tag, x.body)
	}
}

// What calls the staff API for a wall session says that it is one.
func TestAWallScreenCallsAsOne(t *testing.T) {
	x := web.Session{SignedIn: web.SignedIn{Subject: "k", Grants: []web.Grant{administrator}, Wall: now()}}
	var e *web.Error
	if err := door.Call(t.Context(), x.Staff(), "GET", "/v1/sessions", nil, nil); !errors.As(err, &e) || e.GetStatus() != http.StatusForbidden {
		t.Errorf("%v", err)
	}
	if err := door.Call(t.Context(), x.Staff(), "GET", "/v1/day", nil, nil); err != nil {
		t.Error(err)
	}
}
