package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

const (
	nationalID = "0101701234"
	phone      = "+4520123456"
)

// desk is a staff member at a running line.
type desk struct {
	t    *testing.T
	app  *app.App
	url  string
	seen bytes.Buffer // every answer
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	c := config.Default()
	c.Data, c.Admin.Socket = t.TempDir(), filepath.Join(os.TempDir(), "unused.sock")
	c, err := c.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), app.Options{Config: c, Rest: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	<-a.Running()
	api, err := a.Staff()
	if err != nil {
		t.Fatal(err)
	}
	door, err := web.NewDoor(web.DoorOptions{Rebuild: func(context.Context) (web.Rebuilt, error) { return web.Rebuilt{}, io.EOF }})
	if err != nil {
		t.Fatal(err)
	}
	door.Open(api)
	s := httptest.NewServer(door.Staff())
	t.Cleanup(func() {
		s.Close()
		door.Shut("over")
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		a.Close()
	})
	return &desk{t: t, app: a, url: s.URL}
}

func (d *desk) ask(method, path string, body, into any) int {
	d.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, bytes.NewReader(b))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set(web.ActorHeader, "karen")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	d.seen.Write(all)
	if into != nil && res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(all, into); err != nil {
			d.t.Fatalf("%s %s: %v: %s", method, path, err, all)
		}
	}
	if res.StatusCode != http.StatusOK {
		d.t.Logf("%s %s: %d %s", method, path, res.StatusCode, all)
	}
	return res.StatusCode
}

func TestAPersonFromYesToNo(t *testing.T) {
	d := newDesk(t)
	var key web.Key
	if code := d.ask("POST", "/v1/persons/key", map[string]string{"country": "DK", "id": "010170-1234"}, &key); code != 200 {
		t.Fatal(code)
	}
	if want := d.app.Pseudonyms.Person(reminder.NewNationalID("DK", nationalID)); key.Person != want {
		t.Fatalf("the key is %s, intake would make %s", key.Person, want)
	}
	path := "/v1/persons/" + string(key.Person)
	show := func() (p web.Person) {
		t.Helper()
		if code := d.ask("GET", path+"?reason=test", nil, &p); code != 200 {
			t.Fatal(code)
		}
		return p
	}
	if p := show(); p.Known || len(p.Consent) != 0 || len(p.Addresses) != 0 {
		t.Fatalf("before anything: %+v", p)
	}
	yes := web.Consent{
		Type: consent.Granted, Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self}, Purposes: []reminder.Purpose{reminder.Remind},
		Channels: []reminder.Channel{reminder.SMS}, Notice: consent.Notice{ID: "n-1", Hash: strings.Repeat("ab", 32), Language: "da"},
	}
	if code := d.ask("POST", path+"/consent", yes, nil); code != 200 {
		t.Fatal(code)
	}
	var rec web.Recorded
	if code := d.ask("POST", path+"/addresses", map[string]string{"type": "verified", "channel": "sms", "address": phone, "method": "desk-id"}, &rec); code != 200 {
		t.Fatal(code)
	}
	p := show()
	if !p.Known || len(p.Consent) != 1 || len(p.Addresses) != 1 || !p.Addresses[0].Usable || p.Addresses[0].Hash != rec.Hash || p.Addresses[0].Persons != 1 {
		t.Fatalf("after yes and number: %+v", p)
	}
	if code := d.ask("POST", path+"/consent", web.Consent{Type: consent.Withdrawn, Method: consent.Phone, Actor: consent.Actor{Kind: consent.Self}}, nil); code != 200 {
		t.Fatal(code)
	}
	if code := d.ask("POST", path+"/addresses", map[string]string{"type": "removed", "channel": "sms", "hash": string(rec.Hash)}, nil); code != 200 {
		t.Fatal(code)
	}
	p = show()
	if len(p.Consent) != 2 || p.Consent[1].Type != consent.Withdrawn || p.Addresses[0].Usable || !p.Addresses[0].Removed {
		t.Fatalf("after no: %+v", p)
	}

	var actions []string
	if err := d.app.Ledger.Audits(t.Context(), func(a ledger.Audit) error {
		if a.Actor != "karen" || a.Person != key.Person {
			t.Errorf("audit of nobody: %+v", a)
		}
		actions = append(actions, a.Action)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"person.key", "person.show", "consent.granted", "address.verified", "person.show", "consent.withdrawn", "address.removed", "person.show",
	}
	if !slices.Equal(actions, want) {
		t.Errorf("audit %v, want %v", actions, want)
	}
	for _, secret := range []string{nationalID, "010170-1234", phone, "20123456"} {
		if strings.Contains(d.seen.String(), secret) {
			t.Errorf("%q is in an answer", secret)
		}
	}
}

func TestABookingIsSeen(t *testing.T) {
	d := newDesk(t)
	unit := d.app.Units.Units()[0]
	event := func(id string) {
		t.Helper()
		b, err := json.Marshal(map[string]any{
			"system": "his", "appointment": id, "status": "booked", "start": time.Now().AddDate(0, 0, 40).Format("2006-01-02") + "T10:00:00",
			"zone": unit.Zone, "minutes": 30, "unit": unit.ID, "patient": map[string]string{"id": nationalID, "country": "DK"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.app.Publish(t.Context(), "husk.events.his."+unit.ID, "application/json", b); err != nil {
			t.Fatal(err)
		}
	}
	event("A-1")
	event("A 2") // no such id: a dead letter
	until(t, func() bool {
		var st web.Status
		return d.ask("GET", "/v1/status", nil, &st) == 200 && st.Counts["planned"] == 2 && st.Dead == 1 && len(st.Next) == 2 && st.NotReady == ""
	})
	var rs []ledger.ReminderView
	if code := d.ask("GET", "/v1/reminders?status=planned&unit="+unit.ID, nil, &rs); code != 200 || len(rs) != 2 {
		t.Fatalf("%d, %d reminders", code, len(rs))
	}
	var one ledger.ReminderView
	if code := d.ask("GET", "/v1/reminders/"+string(rs[0].ID), nil, &one); code != 200 || one.ID != rs[0].ID || one.Person == "" {
		t.Fatalf("%d %+v", code, one)
	}
	if units, err := d.app.Ledger.Units(t.Context(), one.Person); err != nil || !slices.Equal(units, []string{unit.ID}) {
		t.Errorf("the person's units %v: %v", units, err)
	}
	if units, err := d.app.Ledger.Units(t.Context(), "1-00000000000000000000000000000000"); err != nil || len(units) != 0 {
		t.Errorf("nobody's units %v: %v", units, err)
	}
	if code := d.ask("GET", "/v1/reminders/1-"+strings.Repeat("0", 32), nil, nil); code != 404 {
		t.Errorf("a reminder that is not: %d", code)
	}
	until(t, func() bool { // the gate is asked by a sweep
		_, err := d.app.Sweep(t.Context(), "previews")
		var ls ledger.Letters
		return err == nil && d.ask("GET", "/v1/letters?unit="+unit.ID, nil, &ls) == 200 && len(ls.Letters) == 1 && ls.Letters[0].Provisional
	})
	if strings.Contains(d.seen.String(), nationalID) {
		t.Error("the national id is in an answer")
	}

	var ds []ledger.DeadLetter
	if code := d.ask("GET", "/v1/dead", nil, &ds); code != 200 || len(ds) != 1 {
		t.Fatalf("%d, %d dead letters", code, len(ds))
	}
	var letter web.DeadLetter
	if code := d.ask("GET", "/v1/dead/1?reason=test", nil, &letter); code != 200 || !strings.Contains(letter.Content, "A 2") {
		t.Fatalf("%d %+v", code, letter)
	}
	if code := d.ask("POST", "/v1/dead/1/replay", nil, nil); code != 200 {
		t.Fatal(code)
	}
	if code := d.ask("POST", "/v1/dead/1/replay", nil, nil); code != 404 {
		t.Errorf("replayed twice: %d", code)
	}
	until(t, func() bool { // it is still wrong, so it comes back under another number
		var ds []ledger.DeadLetter
		return d.ask("GET", "/v1/dead", nil, &ds) == 200 && len(ds) == 1 && ds[0].ID == 2
	})
	var cs []web.Carrier
	if code := d.ask("GET", "/v1/carriers?try=true", nil, &cs); code != 200 || len(cs) != 2 || !cs[0].Tried || cs[0].Problem != "" {
		t.Errorf("%d %+v", code, cs)
	}
}

// until polls for something that is about to be so.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came to be")
		}
	}
}
