package command

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// wishful is a place where the one person, who is booked, answered that they can't come.
func wishful(p *place) {
	var rec web.Recorded
	p.read(&rec, person+number, "person", "address", "verify", "--channel", "sms", "--method", "desk-id")
	p.line(func(ctx context.Context, a *app.App) {
		bookOn(ctx, p, a, 40)
		until(p.t, func() bool {
			return a.Replies.Wish(ctx, reminder.NewAddress(reminder.SMS, "+4520123456"), "outbox") == nil
		})
	})
}

func TestRepliesForTheClinic(t *testing.T) {
	both(t, wishful, func(t *testing.T, p *place, _ bool) {
		var ws []web.CancelWish
		p.read(&ws, "", "reply", "wishes", "--unit", "rh-ortho")
		if len(ws) != 1 || ws[0].Appointment != "A-1" || ws[0].Hours != 0 {
			t.Fatalf("%+v", ws)
		}
		if p.read(&ws, "", "reply", "wishes", "--unit", "rh-eye"); len(ws) != 0 {
			t.Errorf("of another unit: %+v", ws)
		}
		if out := p.must("", "reply", "wishes"); !strings.Contains(out, "A-1") || !strings.Contains(out, "0 h") {
			t.Error(out)
		}
		if out := p.must("", "status"); !strings.Contains(out, "1 to cancel") || strings.Contains(out, "MISDELIVERY") {
			t.Error(out)
		}
		p.read(&ws, "", "reply", "wishes")
		if out := p.must("", "reply", "take", ws[0].ID); !strings.Contains(out, osUser()) {
			t.Error(out)
		}
		if p.read(&ws, "", "reply", "wishes"); len(ws) != 1 || ws[0].Owner != osUser() {
			t.Errorf("%+v", ws)
		}
		p.must("", "reply", "done", ws[0].ID, "--reason", "rang back")
		if _, errs, code := p.husk("", "reply", "done", ws[0].ID); code != 1 || !strings.Contains(errs, "not found") {
			t.Errorf("done twice: %d %s", code, errs)
		}
		if out := p.must("", "reply", "wishes"); !strings.Contains(out, "Nobody.") {
			t.Error(out)
		}

		// A stranger rings: the number alone is known.
		var x web.Blocked
		p.read(&x, number, "address", "wrong", "--channel", "sms", "--reason", "a stranger rang")
		var ms []web.Misdelivery
		p.read(&ms, "", "reply", "misdeliveries")
		if len(ms) != 1 || ms[0].Address != x.Hash || ms[0].Via != "staff" || len(ms[0].Persons) != 1 || ms[0].Count != 0 || ms[0].HoursLeft < 71 {
			t.Fatalf("%+v", ms)
		}
		if out := p.must("", "reply", "misdeliveries", "--unit", "rh-ortho"); !strings.Contains(out, "71 h") || !strings.Contains(out, string(x.Hash)) {
			t.Error(out)
		}
		if out := p.must("", "status"); !strings.Contains(out, "MISDELIVERY 1") {
			t.Error(out)
		}
		var who web.Person
		p.read(&who, "", "person", "show", "--person", string(ms[0].Persons[0]), "--reason", "test")
		if len(who.Addresses) != 1 || !who.Addresses[0].Wrong || who.Addresses[0].Usable {
			t.Errorf("%+v", who.Addresses)
		}
		var ls ledger.Letters
		p.read(&ls, "", "letter", "list")
		if !slices.ContainsFunc(ls.Letters, func(l ledger.Letter) bool { return l.Appointment == "A-1" && l.Reason == "wrong_number" }) {
			t.Errorf("letters %+v", ls)
		}
		if strings.Contains(p.all.String(), "20123456") {
			t.Error("the number was printed")
		}
	})
}

// What staff hear of an address comes to the same as when it answers itself.
func TestStaffWordsOfAnAddress(t *testing.T) {
	p := newPlace(t)
	wishful(p)
	reason := func() string {
		t.Helper()
		var ls ledger.Letters
		p.read(&ls, "", "letter", "list")
		if len(ls.Letters) != 1 {
			return ""
		}
		return ls.Letters[0].Reason
	}
	p.must(number, "address", "bar", "--channel", "sms", "--reason", "by letter")
	if r := reason(); r != "barred" {
		t.Errorf("letter for %q after a STOP by letter", r)
	}
	p.must(number, "address", "unbar", "--channel", "sms", "--reason", "by letter")
	if r := reason(); r == "barred" {
		t.Error("still on the letter list as barred")
	}
	var ws []web.CancelWish
	p.read(&ws, "", "reply", "wishes")
	var rec web.Recorded
	p.read(&rec, number, "person", "address", "wrong", "--person", string(ws[0].Person), "--channel", "sms", "--reason", "the patient rang")
	var ms []web.Misdelivery
	p.read(&ms, "", "reply", "misdeliveries")
	if len(ms) != 1 || ms[0].Address != rec.Hash || !slices.Equal(ms[0].Persons, []reminder.PersonKey{ws[0].Person}) {
		t.Errorf("%+v", ms)
	}
	if r := reason(); r != "wrong_number" {
		t.Errorf("letter for %q after a wrong number", r)
	}
}
