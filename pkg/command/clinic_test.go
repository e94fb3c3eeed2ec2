package command

import (
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/web"
)

func TestFindAndLife(t *testing.T) {
	both(t, book(40), func(t *testing.T, p *place, _ bool) {
		var rs []ledger.ReminderView
		p.read(&rs, "", "reminder", "find", "his", "A-1", "--reason", "she rang")
		if len(rs) == 0 || rs[0].Unit != "rh-ortho" {
			t.Fatalf("%+v", rs)
		}
		id, whose := string(rs[0].ID), string(rs[0].Person)
		if p.read(&rs, "", "reminder", "find", "--person", whose); len(rs) == 0 {
			t.Error("none of the person")
		}
		if p.read(&rs, "", "reminder", "find", "his", "A-2"); len(rs) != 0 {
			t.Errorf("%+v", rs)
		}
		for _, args := range [][]string{{"his"}, {}, {"his", "A-1", "--person", whose}} {
			if _, _, code := p.husk("", append([]string{"reminder", "find"}, args...)...); code != 2 {
				t.Errorf("%v: exit code %d", args, code)
			}
		}
		var text web.Text
		if p.read(&text, "", "reminder", "text", id, "--person", whose, "--reason", "she rang"); text.Sent || len(text.Parts) == 0 {
			t.Errorf("%+v", text)
		}
		if out := p.must("", "day"); !strings.Contains(out, "Due ") {
			t.Error(out)
		}
		p.must("", "reminder", "cancel", id, "--reason", "told by phone")
		var x web.Life
		p.read(&x, "", "reminder", "life", id, "--person", whose)
		if n := len(x.Steps); n < 2 || x.Steps[0].What != "planned" || x.Steps[n-1].What != "cancelled" || x.Steps[n-1].By != osUser() || !x.Complete {
			t.Errorf("%+v", x)
		}
		if out := p.must("", "reminder", "life", id); !strings.Contains(out, "cancelled") || !strings.Contains(out, osUser()) {
			t.Error(out)
		}
		if _, errs, code := p.husk("", "reminder", "life", "1-"+strings.Repeat("0", 32)); code != 1 || !strings.Contains(errs, "not found") {
			t.Errorf("%d %s", code, errs)
		}
		var rc ledger.Receipt
		if p.read(&rc, "", "receipt", "show", id, "--reason", "she rang"); string(rc.Reminder) != id || len(rc.Attempts) != 0 || rc.Status != "cancelled" {
			t.Errorf("%+v", rc)
		}
		if out := p.must("", "receipt", "show", id); !strings.Contains(out, "Nothing was handed over") || strings.Contains(out, whose) {
			t.Error(out)
		}
		if _, errs, code := p.husk("", "receipt", "show", strings.Repeat("0a", 14)); code != 1 || !strings.Contains(errs, "not found") {
			t.Errorf("%d %s", code, errs)
		}
		if out := p.must("", "attempt", "list"); !strings.Contains(out, "No attempt is in doubt") {
			t.Error(out)
		}
		if _, errs, code := p.husk("", "attempt", "settle", strings.Repeat("0a", 14), "--outcome", "not-left", "--reason", "asked"); code != 1 || !strings.Contains(errs, "no attempt") {
			t.Errorf("%d %s", code, errs)
		}
	})
}

func TestLetterDone(t *testing.T) {
	p := newPlace(t)
	wishful(p)
	p.must(number, "address", "bar", "--channel", "sms", "--reason", "by letter")
	list := func() []ledger.Letter {
		var ls ledger.Letters
		p.read(&ls, "", "letter", "list")
		return ls.Letters
	}
	ls := list()
	if len(ls) != 1 || ls[0].ID == "" {
		t.Fatalf("%+v", ls)
	}
	id := string(ls[0].ID)
	if out := p.must("", "letter", "list"); !strings.Contains(out, id) {
		t.Error(out)
	}
	if out := p.must("", "letter", "done", id, "--reason", "written"); !strings.Contains(out, osUser()) || len(list()) != 0 {
		t.Error(out)
	}
	if out := p.must("", "letter", "list", "--done"); !strings.Contains(out, id) || !strings.Contains(out, osUser()) {
		t.Errorf("done: %s", out)
	}
	if out := p.must("", "letter", "done", id, "--undo"); !strings.Contains(out, "On the list again") || len(list()) != 1 {
		t.Error(out)
	}
	var as []ledger.Audit
	p.read(&as, "", "audit", "list")
	for _, action := range []string{"letter.done " + id, "letter.undone " + id} {
		if !slices.ContainsFunc(as, func(a ledger.Audit) bool { return a.Action == action }) {
			t.Errorf("no %s in the audit", action)
		}
	}
}
