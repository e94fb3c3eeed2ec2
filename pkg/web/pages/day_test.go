package pages_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/web"
)

// fullDay is a day on which everything happened.
func fullDay(unit string) web.Day {
	at := time.Date(2026, 11, 22, 10, 7, 31, 0, time.UTC)
	d := web.Day{
		Unit: unit, Zone: "Europe/Copenhagen", From: at.Truncate(24 * time.Hour).Add(-time.Hour), Until: at.Truncate(24 * time.Hour).Add(23 * time.Hour), At: at, OldestMinutes: 12,
		Figures: ledger.Figures{
			Due: 1240, Waiting: 700, Late: 3, HandedOver: 512, Delivered: 480, Undelivered: 8, Unknown: 2, Rejected: 4, Held: 1, Expired: 5, Cancelled: 17, Letters: 9,
			Denied: map[string]int{}, Shares: map[string]int{"reminder sms": 1240},
		},
		Routes: map[string]ledger.Route{
			"sms":   {Attempts: map[receipt.Status]int{receipt.Accepted: 400, receipt.Delivered: 112, receipt.Rejected: 4}, Last: at, Status: receipt.Delivered},
			"email": {Attempts: map[receipt.Status]int{receipt.Unknown: 2}, Last: at, Status: receipt.Unknown, Code: "421"},
			"ums":   {},
		},
		Stopped: map[string]string{"all": "a test", "unit:gone": "leak", "template:reminder": "x", "template:da/reminder.sms": "x", "template:da/reminder.sms@0123": "x", "carrier:sms": "x", "pack:dk-2019": "x", "country:DK": "x"},
		Inbox:   &web.Inbox{Wishes: 2, Misdeliveries: 1}, NotReady: true,
	}
	for i, r := range gate.DenyReasons {
		d.Denied[string(r)] = i + 1
	}
	for i := 7; i < 18; i++ {
		d.Hours[i] = ledger.Hour{Due: 10 * i, HandedOver: max(0, 10*(12-i))}
	}
	return d
}

// answers gives what out wants by way of JSON, as the staff API does.
func answers(out, x any) error {
	b, err := json.Marshal(x)
	if err == nil {
		err = json.Unmarshal(b, out)
	}
	return err
}

// asking lets a test answer GET /v1/day by itself.
func (h *house) asking(day func(path string) (web.Day, error)) {
	h.call = func(ctx context.Context, s web.Staff, method, path string, in, out any) error {
		if !strings.HasPrefix(path, "/v1/day") {
			return door.Call(ctx, s, method, path, in, out)
		}
		d, err := day(path)
		if err != nil {
			return err
		}
		return answers(out, d)
	}
}

// Everything that can be on the page is there, in every language, with the chart's numbers in a table too.
func TestAFullDay(t *testing.T) {
	h := newHouse(t)
	h.as("full", administrator)
	h.asking(func(string) (web.Day, error) { return fullDay(""), nil })
	for _, tag := range tags {
		x := h.get("/day", "Accept-Language", tag)
		if x.code != 200 {
			t.Fatalf("%s: %d %s", tag, x.code, x.body)
		}
		checkHTML(t, tag, tag, x.body)
		for _, want := range []string{
			"1\u202f240", h.pages.Text(tag, "day.notready"), h.pages.Text(tag, "day.misdeliveries.one", 1), h.pages.Text(tag, "day.wishes.other", 2), h.pages.Text(tag, "day.letters.other", 9),
			h.pages.Text(tag, "day.held.one", 1), h.pages.Text(tag, "day.unknown.other", 2), h.pages.Text(tag, "day.late.other", 3), h.pages.Text(tag, "day.oldest.other", 12),
			h.pages.Text(tag, "stops.what.all"), h.pages.Text(tag, "status.unknown"),
		} {
			if !strings.Contains(x.body, html.EscapeString(want)) {
				t.Errorf("%s: no %q", tag, want)
			}
		}
		for _, r := range gate.DenyReasons {
			if !strings.Contains(x.body, ">"+html.EscapeString(h.pages.Text(tag, "day.deny."+string(r)))+"<") {
				t.Errorf("%s: no words for %s", tag, r)
			}
		}
		// Of eleven hours with something the first begins at seven; ten bars of due, and five of what was handed over.
		if n := strings.Count(x.body, `<rect class="due"`); n != 11 {
			t.Errorf("%s: %d bars of what is due", tag, n)
		}
		if n := strings.Count(x.body, `<rect class="over" x`); n != 5 {
			t.Errorf("%s: %d bars of what was handed over", tag, n)
		}
		if !strings.Contains(x.body, `height="260"`) || strings.Count(x.body, `<tr><th scope="row"><time`) != 11 {
			t.Errorf("%s: the tallest bar, or the table", tag)
		}
		for name, key := range map[string]string{"going": "day.live.on", "off": "day.live.off", "lost": "day.live.lost", "pause": "day.live.pause", "go-on": "day.live.go-on"} {
			if !strings.Contains(x.body, ` data-`+name+`="`+html.EscapeString(h.pages.Text(tag, key))+`"`) {
				t.Errorf("%s: the script does not get the words %s as they are", tag, key)
			}
		}
		if strings.Contains(x.body, "style=") {
			t.Errorf("%s: inline style", tag)
		}
	}
}

// The hours are those of the unit's zone, also on the days that have 23 and 25.
func TestHoursOfDaysThatAreNoDay(t *testing.T) {
	h := newHouse(t)
	h.as("dst", administrator)
	for from, want := range map[string][]string{
		"2026-03-28T23:00:00Z": {"01.00", "03.00"}, // the clock goes on an hour
		"2026-10-24T22:00:00Z": {"01.00", "02.00", "02.00", "03.00"},
	} {
		begin, err := time.Parse(time.RFC3339, from)
		if err != nil {
			t.Fatal(err)
		}
		h.asking(func(string) (web.Day, error) {
			d := web.Day{Zone: "Europe/Copenhagen", From: begin, At: begin.Add(2 * time.Hour)}
			zone, err := time.LoadLocation(d.Zone)
			if err != nil {
				return d, err
			}
			y, m, day := begin.In(zone).Date()
			d.Until = time.Date(y, m, day+1, 0, 0, 0, 0, zone)
			for i := range int(d.Until.Sub(d.From) / time.Hour) {
				d.Hours[i].Due = 1
			}
			return d, nil
		})
		body := h.get("/day").body
		var rows []string
		for _, part := range strings.Split(body, `<tr><th scope="row"><time datetime="`)[1:] {
			_, clock, _ := strings.Cut(part, `">`)
			rows = append(rows, clock[:5])
		}
		i := slices.Index(rows, want[0])
		if i < 0 || i+len(want) > len(rows) || !slices.Equal(rows[i:i+len(want)], want) {
			t.Errorf("%s: %v", from, rows)
		}
	}
}

// Whoever is for some units sees those, one at a time; whoever is for all may choose any, and no unit that is not there.
func TestChoosingAUnit(t *testing.T) {
	h := newHouse(t)
	all := line.Units.Units()
	if len(all) < 3 {
		t.Fatalf("%d units", len(all))
	}
	asked := ""
	h.asking(func(path string) (web.Day, error) { asked = path; return fullDay(""), nil })
	h.as("two units", web.Grant{Role: web.Clerk, Units: []string{all[0].ID, all[1].ID}})
	x := h.get("/day?unit=" + all[1].ID)
	if n := strings.Count(x.body, "<option value=\""); x.code != 200 || asked != "/v1/day?unit="+all[1].ID || n != 2+len(tags) || !strings.Contains(x.body, `<option value="`+all[1].ID+`" selected>`) {
		t.Errorf("%d asked %s, %d options", x.code, asked, n)
	}
	if x := h.get("/day"); x.code != 200 || asked != "/v1/day?unit="+all[0].ID {
		t.Errorf("%d asked %s", x.code, asked)
	}
	h.call = nil
	if x := h.get("/day?unit=" + all[2].ID); x.code != http.StatusForbidden {
		t.Errorf("another unit: %d", x.code)
	}
	if x := h.get("/day?unit=nowhere"); x.code != http.StatusNotFound {
		t.Errorf("no unit: %d", x.code)
	}
	h.as("whole", administrator)
	if x := h.get("/day"); x.code != 200 || strings.Count(x.body, "<option value=\"") != len(all)+1+len(tags) {
		t.Errorf("%d", x.code)
	}
}

// The first page of who may not see the day is the first of their menu.
func TestHome(t *testing.T) {
	h := newHouse(t)
	for role, want := range map[web.Role]string{web.Administrator: "/day", web.Auditor: "/audit"} {
		h.as("home", web.Grant{Role: role})
		if x := h.get("/"); x.code != http.StatusSeeOther || x.to() != want {
			t.Errorf("%s: %d %s", role, x.code, x.to())
		}
	}
	h.leave()
	if x := h.get("/"); x.to() != "/sign-in" {
		t.Errorf("nobody: %s", x.to())
	}
}

// listener reads server-sent events.
type listener struct {
	res    *http.Response
	lines  chan string // closed at the end
	cancel context.CancelFunc
}

func (h *house) listen(path string) *listener {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.server.URL+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Accept-Language", "en")
	res, err := h.browser.Do(r) //nolint:bodyclose // when the reading ends
	if err != nil {
		h.t.Fatal(err)
	}
	l := &listener{res: res, lines: make(chan string, 1000), cancel: cancel}
	go func() {
		defer close(l.lines)
		defer func() { _ = res.Body.Close() }()
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			l.lines <- s.Text()
		}
	}()
	h.t.Cleanup(cancel)
	return l
}

// until returns what came up to and with a line that contains text; it fails when the stream ends before.
func (l *listener) until(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	for end := time.After(10 * time.Second); ; {
		select {
		case s, ok := <-l.lines:
			if !ok {
				t.Fatalf("ended before %q: %s", text, b.String())
			}
			b.WriteString(s + "\n")
			if strings.Contains(s, text) {
				return b.String()
			}
		case <-end:
			t.Fatalf("no %q in ten seconds: %s", text, b.String())
		}
	}
}

// ends waits until the stream has ended and returns what was left of it.
func (l *listener) ends(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for end := time.After(10 * time.Second); ; {
		select {
		case s, ok := <-l.lines:
			if !ok {
				return b.String()
			}
			b.WriteString(s + "\n")
		case <-end:
			t.Fatalf("not ended: %s", b.String())
		}
	}
}

func TestFiguresComeAsTheyChange(t *testing.T) {
	h := newHouse(t)
	h.pages.Hurry(20*time.Millisecond, 100*time.Millisecond)
	h.as("live", administrator)
	var due, gone atomic.Int64
	due.Store(41)
	h.asking(func(string) (web.Day, error) {
		if gone.Load() > 0 {
			return web.Day{}, errors.New("down")
		}
		d := fullDay("")
		d.Due = int(due.Load())
		return d, nil
	})
	l := h.listen("/day/events")
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", "Cache-Control": "no-store, no-transform", "X-Content-Type-Options": "nosniff"} {
		if got := l.res.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	first := l.until(t, "<dd>41</dd>")
	if !strings.HasPrefix(first, "retry: 5000\nevent: day\ndata: <section") {
		t.Errorf("%s", first)
	}
	if quiet := l.until(t, ": still here"); strings.Contains(quiet, "event:") {
		t.Errorf("sent again without a change: %s", quiet)
	}
	due.Store(42)
	if next := l.until(t, "<dd>42</dd>"); strings.Count(next, "event: day") != 1 || strings.Count(next, "\ndata: ") < 10 {
		t.Errorf("%s", next)
	}
	gone.Store(1)
	l.until(t, "event: wait")
	if x := l.until(t, ": still here"); strings.Contains(x, "event:") || !strings.Contains(x, h.pages.Text("en", "day.wait")) {
		t.Errorf("told again, or not: %s", x)
	}
	gone.Store(0)
	l.until(t, "<dd>42</dd>")
	l.cancel()
	for end := time.Now().Add(5 * time.Second); h.pages.Streams() != 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a page that was closed is still kept up to date")
		}
	}
}

// What ends a session, a role or the server ends what comes by itself.
func TestWhatEndsTheFigures(t *testing.T) {
	h := newHouse(t)
	h.pages.Hurry(20*time.Millisecond, time.Second)
	begin := func(grants ...web.Grant) *listener {
		h.as("ending", grants...)
		l := h.listen("/day/events")
		l.until(t, "event: day")
		return l
	}
	over := func(l *listener, why string) {
		t.Helper()
		if rest := l.ends(t); !strings.Contains(rest, "event: over\ndata: "+h.pages.Text("en", "day.over."+why)) {
			t.Errorf("%s: %s", why, rest)
		}
	}
	l := begin(administrator)
	h.post("/sign-out")
	over(l, "session")

	l = begin(administrator)
	var all []web.SignedIn
	boss := web.Staff{Subject: "boss", Name: "Boss", Role: web.Administrator}
	if err := door.Call(t.Context(), boss, "GET", "/v1/sessions", nil, &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Subject == "ending" {
			if err := door.Call(t.Context(), boss, "POST", "/v1/sessions/"+s.ID+"/revoke", nil, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	over(l, "session")

	l = begin(administrator, web.Grant{Role: web.Auditor})
	h.post("/role", "grant", "1")
	over(l, "role")

	// A page that is left open is no sign of life: idle is idle, however long the figures come.
	l = begin(administrator)
	defer late.Store(0)
	late.Store(int64(web.SessionIdle + time.Minute))
	over(l, "session")
	late.Store(0)

	// The oldest gives way to the newest.
	l = begin(administrator)
	var others []*listener
	for range 4 {
		o := h.listen("/day/events")
		o.until(t, "event: day")
		others = append(others, o)
	}
	over(l, "elsewhere")
	if n := h.pages.Streams(); n > 4 {
		t.Errorf("%d", n)
	}

	// At the server's end they are cut short, and browsers come anew by themselves.
	h.pages.Close()
	h.pages.Close()
	for _, o := range others {
		if rest := o.ends(t); strings.Contains(rest, "event: over") {
			t.Errorf("%s", rest)
		}
	}
}

// A server's limits of time, which are for pages that end, do not end the figures.
func TestFiguresOutlastTheServersLimits(t *testing.T) {
	h := newHouse(t, func(s *http.Server) { s.ReadTimeout, s.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond })
	h.pages.Hurry(20*time.Millisecond, 50*time.Millisecond)
	h.as("limits", administrator)
	l := h.listen("/day/events")
	for began := time.Now(); time.Since(began) < time.Second; {
		l.until(t, ": still here")
	}
}

// Nobody gets the figures who does not get the page; a browser that is led there gets the page.
func TestWhoGetsTheFigures(t *testing.T) {
	h := newHouse(t)
	stream := []string{"Accept", "text/event-stream"}
	if x := h.get("/day/events", stream...); x.to() != "/sign-in" {
		t.Errorf("nobody: %d", x.code)
	}
	h.as("auditor", web.Grant{Role: web.Auditor})
	if x := h.get("/day/events", stream...); x.code != http.StatusForbidden {
		t.Errorf("auditor: %d", x.code)
	}
	all := line.Units.Units()
	h.as("clerk", web.Grant{Role: web.Clerk, Units: []string{all[0].ID}})
	if x := h.get("/day/events?"+url.Values{"unit": {all[1].ID}}.Encode(), stream...); x.code != http.StatusForbidden {
		t.Errorf("another unit: %d", x.code)
	}
	if x := h.get("/day/events"); x.code != 200 || !strings.Contains(x.body, "<h1>") {
		t.Errorf("as a page: %d", x.code)
	}
	if x := h.do("HEAD", "/day/events", nil, stream...); x.code != 200 || x.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD: %d", x.code)
	}
}
