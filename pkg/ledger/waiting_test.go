package ledger_test

import (
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// What waits for staff is counted by unit, once it has waited long enough, until somebody has seen to it.
func TestWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	waits := func(since time.Duration) map[string]reminder.Waiting {
		t.Helper()
		x, err := r.Waiting(w.ctx, w.now().Add(-since))
		w.ok(err)
		return x
	}
	for n := 1; n <= 4; n++ {
		w.accept(w.appointment(n))
		w.known(w.person(n), number)
	}
	w.due()
	x := w.wire(number)
	w.settle(x, receipt.Unknown)
	rule := func(l reminder.Lease, s receipt.Status, reason string) {
		w.ok(w.Rule(w.ctx, []receipt.Verdict{{Reminder: l.Reminder, Person: l.Person, Version: l.Version, Status: s, Decision: receipt.Decision{Reason: reason}}}))
		w.ok(w.Done(w.ctx, l))
	}
	for i, l := range w.lease(9) {
		if i == 0 {
			rule(l, receipt.Held, "digits")
		} else {
			rule(l, receipt.Denied, "no_basis")
		}
	}
	if got := waits(0)["rh-ortho"]; got != (reminder.Waiting{Doubts: 1, Held: 1}) { // the second reminder may still tell them
		t.Errorf("%+v", got)
	}
	w.due()
	for _, l := range w.lease(9) {
		rule(l, receipt.Denied, "no_basis")
	}
	w.at(w.now().Add(time.Hour))
	w.ok(r.Wish(w.ctx, number, "outbox"))
	wish := w.now()
	w.at(wish.Add(2 * time.Hour))
	w.ok(r.Wish(w.ctx, number, "outbox")) // written again, it has waited no shorter
	if got := waits(2 * time.Hour)["rh-ortho"]; got != (reminder.Waiting{Wishes: 4, Letters: 4, Doubts: 1, Held: 1}) {
		t.Errorf("%+v", got)
	}
	if got := waits(4 * time.Hour); got["rh-ortho"] != (reminder.Waiting{Doubts: 1, Held: 1}) || len(got) != 1 {
		t.Errorf("that long: %+v", got)
	}
	ws, err := r.Wishes(w.ctx, "")
	w.ok(err)
	w.ok(r.Handled(w.ctx, ws[0].ID, "karen"))
	ls, err := w.LettersDone(w.ctx, "")
	w.ok(err)
	if len(ls) != 0 {
		t.Fatalf("%+v", ls)
	}
	all, err := w.Letters(w.ctx, ledger.LetterFilter{}, nil)
	w.ok(err)
	_, err = w.DoneLetter(w.ctx, all.Letters[0].ID, "karen", false, nil)
	w.ok(err)
	_, err = w.SettleByHand(w.ctx, x.intent.Claim, true, "karen")
	w.ok(err)
	if got := waits(0)["rh-ortho"]; got.Wishes != 3 || got.Letters > 3 || got.Doubts != 0 {
		t.Errorf("after some was done: %+v", got)
	}
	w.ok(r.WrongNumber(w.ctx, number, "staff"))
	if got := waits(0)["rh-ortho"]; got.Misdeliveries != 1 {
		t.Errorf("a misdelivery: %+v", got)
	}
	if got := waits(time.Minute)["rh-ortho"]; got.Misdeliveries != 0 {
		t.Errorf("a misdelivery of now: %+v", got)
	}
	_, err = r.Take(w.ctx, w.misses(r, "")[0].ID, "karen")
	w.ok(err)
	if got := waits(0)["rh-ortho"]; got.Misdeliveries != 0 {
		t.Errorf("that somebody has taken on: %+v", got)
	}
}
