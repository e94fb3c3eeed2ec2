package command

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	defaults "github.com/husk-reminders/husk/config"
	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/web"
)

func TestBarUnbarAudit(t *testing.T) {
	both(t, nil, func(t *testing.T, p *place, _ bool) {
		var rec web.Recorded
		p.read(&rec, person+number, "person", "address", "verify", "--channel", "sms", "--method", "desk-id")
		barred := func() bool {
			t.Helper()
			var x web.Person
			p.read(&x, "", "person", "show", "--person", string(rec.Person), "--reason", "test")
			return x.Addresses[0].Barred
		}
		if _, errs, code := p.husk(number, "address", "bar", "--channel", "sms"); code != 1 || !strings.Contains(errs, "reason") {
			t.Errorf("barred without a reason: %d %s", code, errs)
		}
		var b web.Barred
		p.read(&b, number, "address", "bar", "--channel", "sms", "--reason", "STOP by mail on the first")
		if b.Hash != rec.Hash || !b.Barred || !barred() {
			t.Errorf("%+v, want the hash %s barred", b, rec.Hash)
		}
		p.must("+45 20123456\n", "address", "unbar", "--channel", "sms", "--reason", "asked for it again")
		if barred() {
			t.Error("barred although the bar was lifted")
		}

		var as []ledger.Audit
		p.read(&as, "", "audit", "list")
		i := slices.IndexFunc(as, func(a ledger.Audit) bool { return a.Action == "address.bar" })
		j := slices.IndexFunc(as, func(a ledger.Audit) bool { return a.Action == "address.unbar" })
		if i < 0 || j < i || as[i].Address != rec.Hash || as[i].Reason != "STOP by mail on the first" || as[i].Actor != osUser() || as[len(as)-1].Action != "audit.list" {
			t.Errorf("%+v", as)
		}
		p.read(&as, "", "audit", "list", "--person", string(rec.Person), "--max", "2")
		if len(as) != 2 || as[0].Action != "person.show" || as[1].Action != "audit.list" || as[0].Person != rec.Person {
			t.Errorf("of the person: %+v", as)
		}
		out := p.must("", "audit", "list")
		for _, want := range []string{"ACTOR", "address.bar", "STOP by mail on the first", string(rec.Hash), string(rec.Person)} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
		for _, secret := range []string{"0101701234", "010170-1234", "20123456", "20 12 34 56"} {
			if strings.Contains(p.all.String(), secret) {
				t.Errorf("%q was printed", secret)
			}
		}
	})
}

// line runs the line on the place's data for as long as do takes.
func (p *place) line(do func(ctx context.Context, a *app.App)) {
	p.t.Helper()
	c := config.Default()
	c.Data, c.HTTP.Listen = p.dir, ""
	c, err := c.Resolved()
	if err != nil {
		p.t.Fatal(err)
	}
	a, err := app.Open(p.t.Context(), app.Options{Config: c})
	if err != nil {
		p.t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithCancel(p.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	do(ctx, a)
	cancel()
	if err := <-ended; err != nil {
		p.t.Fatal(err)
	}
}

// book publishes a booking that lies so many days ahead.
func book(days int) func(p *place) {
	return func(p *place) { p.line(func(ctx context.Context, a *app.App) { bookOn(ctx, p, a, days) }) }
}

func bookOn(ctx context.Context, p *place, a *app.App, days int) {
	p.t.Helper()
	unit := a.Units.Units()[0]
	b, err := json.Marshal(map[string]any{
		"system": "his", "appointment": "A-1", "status": "booked", "start": time.Now().AddDate(0, 0, days).Format("2006-01-02") + "T10:00:00",
		"zone": unit.Zone, "minutes": 30, "unit": unit.ID, "patient": map[string]string{"id": "0101701234", "country": "DK"},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := a.Publish(ctx, "husk.events.his."+unit.ID, "application/json", b); err != nil {
		p.t.Fatal(err)
	}
	until(p.t, func() bool {
		ls, err := a.Ledger.Letters(ctx, ledger.LetterFilter{}, func(string) bool { return false })
		return err == nil && len(ls.Letters) == 1
	})
}

func TestDoctorMissesAUnit(t *testing.T) {
	for name, days := range map[string]int{"planned": 40, "remembered": 300} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			book(days)(p)
			if fs := p.findings(0); !found(fs, "letters", fine, "") {
				t.Errorf("%+v", fs)
			}
			var ls ledger.Letters
			p.read(&ls, "", "letter", "list")
			if slices.ContainsFunc(ls.Letters, func(l ledger.Letter) bool { return l.Reason == ledger.UnknownUnit }) {
				t.Errorf("%+v", ls)
			}
			// The unit gets another id.
			first := bytes.Index(defaults.Units, []byte("- id: rh-ortho"))
			if first < 0 {
				t.Fatal("the example's first unit has another name")
			}
			renamed := bytes.Replace(defaults.Units, []byte("- id: rh-ortho"), []byte("- id: rh-renamed"), 1)
			path := filepath.Join(t.TempDir(), "units.yaml")
			if err := os.WriteFile(path, renamed, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("HUSK_UNITS_FILE", path)
			if fs := p.findings(1); !found(fs, "letters", problem, "1 appointments wait for units that are not in the unit directory (rh-ortho)") {
				t.Errorf("%+v", fs)
			}
			if out := p.must("", "letter", "list"); !strings.Contains(out, "unknown_unit (so far)") || !strings.Contains(out, "A-1") {
				t.Error(out)
			}
		})
	}
}

func TestReminderCancelAndRelease(t *testing.T) {
	both(t, book(40), func(t *testing.T, p *place, _ bool) {
		var rs []ledger.ReminderView
		p.read(&rs, "", "reminder", "list", "--status", "planned")
		if len(rs) == 0 {
			t.Fatal("nothing is planned")
		}
		id := string(rs[0].ID)
		if _, errs, code := p.husk("", "reminder", "cancel", id); code != 1 || !strings.Contains(errs, "reason") {
			t.Errorf("without a reason: %d %s", code, errs)
		}
		if _, errs, code := p.husk("", "reminder", "release", id, "--reason", "x"); code != 1 || !strings.Contains(errs, "restored") {
			t.Errorf("released what is not held: %d %s", code, errs)
		}
		if _, errs, code := p.husk("", "reminder", "cancel", "1-"+strings.Repeat("0", 32), "--reason", "x"); code != 1 || !strings.Contains(errs, "not found") {
			t.Errorf("cancelled what is not: %d %s", code, errs)
		}
		var m web.Moved
		p.read(&m, "", "reminder", "cancel", id, "--reason", "told by phone")
		if m.ID != rs[0].ID || m.Status != receipt.Cancelled {
			t.Errorf("%+v", m)
		}
		var r ledger.ReminderView
		p.read(&r, "", "reminder", "show", id)
		if r.Status != receipt.Cancelled || r.Reason != "clerk" {
			t.Errorf("%+v", r)
		}
		if out := p.must("", "audit", "list", "--person", string(r.Person)); !strings.Contains(out, "reminder.cancel "+id) || !strings.Contains(out, "told by phone") {
			t.Error(out)
		}
	})
}

func TestHeldListingSaysWhatToDo(t *testing.T) {
	held := func(reason string) ledger.ReminderView {
		return ledger.ReminderView{Status: receipt.Held, Reason: reason}
	}
	const restored, digits, other = "If the carrier's list does not have it", "If they are nobody's", "Mend the value"
	number := ledger.ReminderView{Status: receipt.Held, Reason: "digits", Releasable: true}
	for name, x := range map[string]struct {
		rs      []ledger.ReminderView
		has, no []string
	}{
		"none":     {[]ledger.ReminderView{{Status: receipt.Planned}}, nil, []string{restored, digits, other}},
		"restored": {[]ledger.ReminderView{held(ledger.HeldRestored)}, []string{restored, "husk reminder cancel"}, []string{other}},
		"unclean":  {[]ledger.ReminderView{held("third"), {Status: receipt.Denied, Reason: ledger.HeldRestored}}, []string{other, "husk reminder cancel"}, []string{restored}},
		"digits":   {[]ledger.ReminderView{number}, []string{digits, "husk reminder release"}, []string{restored, other}},
		"both":     {[]ledger.ReminderView{held("third"), held(ledger.HeldRestored)}, []string{restored, other}, nil},
	} {
		var b bytes.Buffer
		printHeld(&b, x.rs...)
		for _, s := range x.has {
			if !strings.Contains(b.String(), s) {
				t.Errorf("%s: no %q in\n%s", name, s, b.String())
			}
		}
		for _, s := range x.no {
			if strings.Contains(b.String(), s) {
				t.Errorf("%s: %q in\n%s", name, s, b.String())
			}
		}
	}
}
