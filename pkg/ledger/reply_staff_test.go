package ledger_test

import (
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// misses are the misdeliveries of a unit, "" of all.
func (w *world) misses(r *ledger.Replies, unit string) []ledger.Misdelivery {
	w.Helper()
	ms, err := r.Misdeliveries(w.ctx, unit)
	w.ok(err)
	return ms
}

// onLetters counts the reminders of a person that wait and are on the letter list for a wrong number.
func (w *world) onLetters(p reminder.PersonKey) (n int) {
	w.Helper()
	vs, err := w.Reminders(w.ctx, ledger.Filter{Person: p})
	w.ok(err)
	for _, v := range vs {
		if v.Letter == "wrong_number" {
			n++
		}
	}
	return n
}

// behind counts who has the number as theirs.
func (w *world) behind() int {
	w.Helper()
	as, err := w.state.Behind(w.ctx, []reminder.AddressHash{w.p.Address(number)})
	w.ok(err)
	return as[0].Persons
}

// That a number is not the patient's, told to staff, comes to the same as when somebody writes it, for that patient alone.
func TestWrongNumberToldToStaff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	w.accept(w.appointment(1), w.appointment(2))
	w.known(w.person(1), number)
	w.known(w.person(2), number)
	w.due()
	x := w.wire(number)
	w.settle(x, receipt.Accepted)
	first, second := x.lease.Person, w.person(1)
	if second == first {
		second = w.person(2)
	}
	aware := w.now().Add(time.Hour)
	w.at(aware)
	wrong := contact.Record{Person: first, Type: contact.Wrong, Hash: w.p.Address(number), Channel: reminder.SMS}
	for range 2 { // and again, as after a crash
		w.ok(r.Contact(w.ctx, wrong))
	}
	ms := w.misses(r, "")
	if len(ms) != 1 || !ms[0].Aware.Equal(aware) || ms[0].Via != "staff" || len(ms[0].Persons) != 1 || ms[0].Persons[0] != first || len(ms[0].Messages) != 1 {
		t.Fatalf("misdeliveries %+v", ms)
	}
	if m := ms[0].Messages[0]; m.Claim != x.intent.Claim || m.Person != first || m.Class == nil || *m.Class != 1.5 {
		t.Errorf("message %+v", m)
	}
	if !ms[0].Until().Equal(aware.Add(72 * time.Hour)) {
		t.Errorf("until %v", ms[0].Until())
	}
	if w.behind() != 1 || w.onLetters(first) == 0 || w.onLetters(second) != 0 {
		t.Errorf("%d behind it; on the letter list %d of whose it is not, %d of the other", w.behind(), w.onLetters(first), w.onLetters(second))
	}
	// Of one who never had it nothing is noted.
	w.ok(r.Contact(w.ctx, contact.Record{Person: w.person(3), Type: contact.Wrong, Hash: w.p.Address(number), Channel: reminder.SMS}))
	// Proven anew and sent to again, it is another misdelivery with what went there since.
	w.at(aware.Add(time.Hour))
	w.ok(w.Contact(w.ctx, w.proof(first, number)))
	w.accept(w.appointment(1, later(7*24*time.Hour), revision(2)), w.appointment(2, later(7*24*time.Hour), revision(2)))
	var again attempt
	for again.lease.Person != first {
		w.due()
		again = w.wire(number)
		w.settle(again, receipt.Accepted)
	}
	w.ok(r.Contact(w.ctx, wrong))
	if ms = w.misses(r, ""); len(ms) != 2 || len(ms[1].Messages) != 1 || ms[1].Messages[0].Claim != again.intent.Claim {
		t.Errorf("after a new proof: %+v", ms)
	}
}

// One whose number was taken away since still had messages there.
func TestWrongNumberOfOneWhoHasItNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	w.settle(w.wire(number), receipt.Accepted)
	w.ok(r.Contact(w.ctx, w.against(contact.Removed)))
	if ms := w.misses(r, ""); len(ms) != 0 {
		t.Fatalf("after it was removed: %+v", ms)
	}
	w.ok(r.Contact(w.ctx, w.against(contact.Wrong)))
	if ms := w.misses(r, ""); len(ms) != 1 || len(ms[0].Messages) != 1 {
		t.Errorf("misdeliveries %+v", ms)
	}
}

// A clinic sees its own part of a misdelivery, and of the inbox; who has seen to one wish has not seen to another's.
func TestInboxOfAUnit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	eye := func(a *reminder.Appointment) {
		a.ID, a.Key, a.Unit, a.Order.Sequence = "A-9", w.p.Appointment("cosmic", "A-9"), "rh-eye", 99
	}
	w.accept(w.appointment(1), w.appointment(1, eye), w.appointment(2))
	w.known(w.person(1), number)
	w.known(w.person(2), number)
	w.ok(r.Wish(w.ctx, number, "outbox"))
	at := func(unit string) []ledger.Wish {
		t.Helper()
		ws, err := r.Wishes(w.ctx, unit)
		w.ok(err)
		return ws
	}
	if len(at("")) != 3 || len(at("rh-eye")) != 1 || len(at("rh-ortho")) != 2 {
		t.Fatalf("wishes %+v", at(""))
	}
	w.ok(r.Handled(w.ctx, at("rh-eye")[0].ID, "anna"))
	if len(at("rh-eye")) != 0 || len(at("rh-ortho")) != 2 {
		t.Errorf("after the eye clinic has seen to its own: %+v", at(""))
	}
	w.due()
	claims := map[string]string{}
	for range 3 {
		ls := w.lease(1)
		if len(ls) == 0 {
			break
		}
		x := attempt{lease: ls[0], intent: intentOf(ls[0], w.p.Address(number))}
		w.ok(w.Intend(w.ctx, []receipt.Intent{x.intent}))
		w.ok(w.confirm(x))
		w.settle(x, receipt.Accepted)
		v, err := w.Reminders(w.ctx, ledger.Filter{ID: x.lease.Reminder})
		w.ok(err)
		claims[x.intent.Claim] = v[0].Unit
	}
	if len(claims) != 3 {
		t.Fatalf("sent %v", claims)
	}
	w.ok(r.WrongNumber(w.ctx, number, "staff"))
	for unit, want := range map[string][2]int{"": {2, 3}, "rh-ortho": {2, 2}, "rh-eye": {1, 1}, "lv-mott1": {0, 0}} {
		ms := w.misses(r, unit)
		if want[0] == 0 {
			if len(ms) != 0 {
				t.Errorf("%s: %+v", unit, ms)
			}
			continue
		}
		if len(ms) != 1 || len(ms[0].Persons) != want[0] || len(ms[0].Messages) != want[1] {
			t.Errorf("%q: %+v, want %d persons and %d messages", unit, ms, want[0], want[1])
			continue
		}
		for _, m := range ms[0].Messages {
			if unit != "" && claims[m.Claim] != unit {
				t.Errorf("%s is shown a message of %s", unit, claims[m.Claim])
			}
		}
	}
}
