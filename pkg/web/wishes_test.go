package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	stopAll    = `{"name":"all","on":true,"reason":"wrong texts"}`
	askAll     = `{"name":"all","on":false,"reason":"texts are right","mended":"CHG0031"}`
	confirmAll = `{"name":"all","reason":"looked at it"}`
)

// house is a door where two people are needed, and keys of people who may ask and confirm.
type house struct {
	t *testing.T
	f *fake
	d *Door
	h http.Handler

	asks, confirms, confirmsToo string // keys
}

func newHouse(t *testing.T) *house {
	t.Helper()
	f := &fake{fourEyes: true, stopped: map[string]string{}}
	d := openDoor(t, f)
	a := d.open.api
	x := &house{t: t, f: f, d: d, h: remote(t, d)}
	x.asks, x.confirms = keyFor(t, a, Incident, nil, "ib").Key, keyFor(t, a, Approver, nil, "ole").Key
	x.confirmsToo = keyFor(t, a, Approver, nil, "ib").Key
	return x
}

func (x *house) want(code int, key, path, body string) Switches {
	x.t.Helper()
	w := call(x.h, key, "POST", path, body)
	if w.Code != code {
		x.t.Fatalf("%s %s: %d %s, want %d", path, body, w.Code, w.Body, code)
	}
	var s Switches
	_ = json.Unmarshal(w.Body.Bytes(), &s)
	return s
}

func (x *house) stopped() bool { _, ok := x.f.stopped["all"]; return ok }

func TestTwoPeopleResume(t *testing.T) {
	x := newHouse(t)
	x.want(200, x.asks, "/v1/switches", stopAll)
	x.want(400, x.asks, "/v1/switches", `{"name":"all","on":false,"reason":"texts are right"}`) // nothing mended
	s := x.want(200, x.asks, "/v1/switches", askAll)
	if !x.stopped() || len(s.Waiting) != 1 || s.Waiting[0].Mended != "CHG0031" || s.Waiting[0].Name != "all" || !strings.HasPrefix(s.Waiting[0].By, "key:") {
		t.Fatalf("%+v", s)
	}
	x.want(403, x.asks, "/v1/switches/confirm", confirmAll)
	x.want(403, x.confirmsToo, "/v1/switches/confirm", confirmAll) // another key of the same person's
	if !x.stopped() {
		t.Fatal("one person let sending go on")
	}
	s = x.want(200, x.confirms, "/v1/switches/confirm", confirmAll)
	if x.stopped() || len(s.Stopped) != 0 || len(s.Waiting) != 0 {
		t.Fatalf("%+v", s)
	}
	last := x.f.switched[len(x.f.switched)-1]
	for _, want := range []string{"texts are right", "CHG0031", "asked by key:", "ib", "confirmed by key:", "ole"} {
		if !strings.Contains(last.Reason, want) {
			t.Errorf("the journal has %q", last.Reason)
		}
	}
	var actions []string
	for _, a := range x.f.audits[3:] { // behind the keys
		actions = append(actions, a.Action)
	}
	want := []string{"switch.stop all", "switch.ask all", "denied switch.confirm", "switch.confirm all", "switch.confirm all"}
	if !slices.Equal(actions, want) {
		t.Errorf("audit %v", actions)
	}
	x.want(400, x.confirms, "/v1/switches/confirm", confirmAll) // twice
}

func TestAWishIsAboutOneStop(t *testing.T) {
	for name, between := range map[string]func(x *house){
		"stopped anew":                  func(x *house) { x.want(200, x.asks, "/v1/switches", stopAll) },
		"stopped for another reason":    func(x *house) { x.f.stopped["all"] = "leak" }, // by a process that could not take the wish away
		"a day has passed":              func(x *house) { x.f.later += wishFor },
		"resumed and stopped meanwhile": func(x *house) { delete(x.f.stopped, "all") },
	} {
		x := newHouse(t)
		x.f.later = -time.Hour // the keys hold for a day from noon
		x.want(200, x.asks, "/v1/switches", stopAll)
		x.want(200, x.asks, "/v1/switches", askAll)
		between(x)
		if w := call(x.h, x.confirms, "POST", "/v1/switches/confirm", confirmAll); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// What is confirmed is what was looked at: not the wish that took its place, and not one that is over.
func TestTheWishThatWasLookedAt(t *testing.T) {
	x := newHouse(t)
	confirm := func(wish string) string { return `{"name":"all","reason":"looked at it","wish":"` + wish + `"}` }
	x.want(200, x.asks, "/v1/switches", stopAll)
	looked := x.want(200, x.asks, "/v1/switches", askAll).Waiting[0].ID
	now := x.want(200, x.asks, "/v1/switches", `{"name":"all","on":false,"reason":"never mind","mended":"nothing"}`).Waiting
	if len(now) != 1 || now[0].ID == looked || len(looked) < 20 || now[0].Mended != "nothing" {
		t.Fatalf("%s then %+v", looked, now)
	}
	noted := len(x.f.audits)
	w := call(x.h, x.confirms, "POST", "/v1/switches/confirm", confirm(looked))
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "does not wait any more") || !strings.Contains(w.Body.String(), `"wish"`) || !x.stopped() {
		t.Errorf("unseen: %d %s", w.Code, w.Body)
	}
	x.want(403, x.asks, "/v1/switches/confirm", confirm(now[0].ID)) // the role may not, whatever was looked at
	if s := x.want(200, x.confirms, "/v1/switches/confirm", confirm(now[0].ID)); x.stopped() || len(s.Waiting) != 0 {
		t.Errorf("%+v", s)
	}
	x.want(409, x.confirms, "/v1/switches/confirm", confirm(now[0].ID)) // over
	for _, a := range x.f.audits[noted:] {
		if strings.Contains(a.Action, looked) || strings.Contains(a.Action, now[0].ID) {
			t.Errorf("audit %+v", a)
		}
	}
}

func TestOneOfTwoWhoConfirmComesFirst(t *testing.T) {
	x := newHouse(t)
	x.want(200, x.asks, "/v1/switches", stopAll)
	x.want(200, x.asks, "/v1/switches", askAll)
	shelf, ok := x.d.open.api.o.Shelf.(*drawer)
	if !ok {
		t.Fatal("another shelf")
	}
	x.d.open.api.o.Shelf = &late{drawer: shelf}
	n := len(x.f.switched)
	if w := call(x.h, x.confirms, "POST", "/v1/switches/confirm", confirmAll); w.Code != http.StatusConflict || len(x.f.switched) != n || !x.stopped() {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// late is a shelf on which somebody else is always faster.
type late struct{ *drawer }

func (l *late) Read(ctx context.Context, name string) ([]byte, uint64, error) {
	b, rev, err := l.drawer.Read(ctx, name)
	if strings.HasPrefix(name, wishShelf) {
		l.last[name]++
	}
	return b, rev, err
}

// Over the admin socket it takes two people all the same, where it takes two; where it takes one, it takes one.
func TestResumeOverTheSocket(t *testing.T) {
	x := newHouse(t)
	staff := x.d.Staff()
	as := func(user, path, body string) int {
		t.Helper()
		w := askAs(staff, user, path, body)
		return w.Code
	}
	if code := as("karen", "/v1/switches", stopAll); code != 200 {
		t.Fatal(code)
	}
	if code := as("karen", "/v1/switches", askAll); code != 200 || !x.stopped() {
		t.Fatalf("%d, stopped %v", code, x.stopped())
	}
	if code := as("karen", "/v1/switches/confirm", confirmAll); code != 403 || !x.stopped() {
		t.Fatalf("%d, stopped %v", code, x.stopped())
	}
	if code := as("root", "/v1/switches/confirm", confirmAll); code != 200 || x.stopped() {
		t.Fatalf("%d, stopped %v", code, x.stopped())
	}

	f := &fake{stopped: map[string]string{"all": "trial"}}
	one := openDoor(t, f).Staff()
	if w := ask(one, "POST", "/v1/switches", `{"name":"all","on":false,"reason":"over"}`); w.Code != 200 || len(f.stopped) != 0 {
		t.Errorf("one operator: %d %s", w.Code, w.Body)
	}
}

// A shelf that does not answer keeps nobody from stopping.
func TestAStopNeedsNoShelf(t *testing.T) {
	f := &fake{fourEyes: true, stopped: map[string]string{}}
	shelf := newDrawer()
	shelf.err = fmt.Errorf("torn")
	w := ask(openDoorWith(t, f, shelf).Staff(), "POST", "/v1/switches", stopAll)
	if _, ok := f.stopped["all"]; !ok || w.Code != http.StatusInternalServerError {
		t.Errorf("stopped %v: %d %s", ok, w.Code, w.Body)
	}
}
