package ledger_test

import (
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Who sees to an entry of the inbox, or to a misdelivery, is known to all, and to a process that starts anew.
func TestTake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.ok(r.Wish(w.ctx, number, "outbox"))
	ws, err := r.Wishes(w.ctx, "")
	w.ok(err)
	if len(ws) != 1 || ws[0].Owner != "" || !ws[0].Since.IsZero() {
		t.Fatalf("%+v", ws)
	}
	w.at(w.now().Add(time.Hour))
	for _, by := range []string{"karen", "ole"} { // the second takes it over
		x, err := r.Take(w.ctx, ws[0].ID, by)
		w.ok(err)
		if x.Owner != by || !x.Since.Equal(w.now()) {
			t.Errorf("%+v", x)
		}
	}
	w.ok(r.Wish(w.ctx, number, "outbox")) // written again, it is still ole's
	w.ok(r.WrongNumber(w.ctx, number, "staff"))
	ms := w.misses(r, "")
	if len(ms) != 1 || ms[0].Owner != "" {
		t.Fatalf("%+v", ms)
	}
	_, err = r.Take(w.ctx, ms[0].ID, "iben")
	w.ok(err)
	if _, err := r.Take(w.ctx, "0123456789abcdef01234567", "karen"); err != ledger.ErrNoWish { //nolint:errorlint // as it is
		t.Error(err)
	}
	for name, r := range map[string]*ledger.Replies{"": r, "anew: ": w.replies()} {
		ws, err := r.Wishes(w.ctx, "rh-ortho")
		w.ok(err)
		if len(ws) != 1 || ws[0].Owner != "ole" {
			t.Errorf("%swishes %+v", name, ws)
		}
		if ms := w.misses(r, "rh-ortho"); len(ms) != 1 || ms[0].Owner != "iben" || len(ms[0].Persons) != 1 {
			t.Errorf("%smisdeliveries %+v", name, ms)
		}
	}
	w.at(w.now().Add(time.Hour))
	w.ok(r.Handled(w.ctx, ms[0].ID, "iben"))
	for name, r := range map[string]*ledger.Replies{"": r, "anew: ": w.replies()} {
		if ms := w.misses(r, "rh-ortho"); len(ms) != 1 || ms[0].Owner != "iben" || ms[0].DoneBy != "iben" || !ms[0].Done.Equal(w.now()) {
			t.Errorf("%smisdelivery that is seen to: %+v", name, ms)
		}
	}
	if err := r.Handled(w.ctx, "0123456789abcdef01234567", "karen"); err != ledger.ErrNoWish { //nolint:errorlint // as it is
		t.Error(err)
	}
	w.ok(r.Handled(w.ctx, ws[0].ID, "ole"))
	if _, err := r.Take(w.ctx, ws[0].ID, "karen"); err == nil {
		t.Error("what is done was taken")
	}
}

// What a message is made of: as it left, or as it would leave now.
func TestWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.person(1)
	w.accept(w.appointment(1))
	w.known(p, number)
	w.due()
	x := w.wire(number)
	id := x.lease.Reminder
	was := w.appointment(1).Start
	y, err := w.Written(w.ctx, p, id)
	w.ok(err)
	if !y.Sent || y.Template != "da/reminder.sms@1" || y.Channel != reminder.SMS || y.Decision.Pack != "dk-2019" || y.Lease.Appointment.GivenName.Reveal() != "Anna" {
		t.Errorf("on its way: %+v", y)
	}
	w.settle(x, "accepted")
	w.accept(w.appointment(1, revision(2), later(24*time.Hour)))
	if y, err = w.Written(w.ctx, p, id); err != nil || !y.Sent || !y.Lease.Appointment.Start.Equal(was) {
		t.Errorf("as it left: %+v, %v", y.Lease.Appointment.Start, err)
	}
	for status, vs := range w.reminders(p) {
		for _, v := range vs {
			y, err := w.Written(w.ctx, p, v.ID)
			switch {
			case v.ID == id:
			case status == "cancelled":
				w.is(err, ledger.ErrNoFacts)
			case err != nil || y.Sent || y.Template != "" || !y.Lease.Appointment.Start.Equal(was.Add(24*time.Hour)):
				t.Errorf("%s: %+v, %v", status, y.Lease.Appointment.Start, err)
			case v.Purpose == reminder.Changed && !y.Lease.Told.Equal(was):
				t.Errorf("told of %v", y.Lease.Told)
			}
		}
	}
	if _, err := w.Written(w.ctx, p, "1-00000000000000000000000000000000"); err == nil {
		t.Error("of none")
	}
}
