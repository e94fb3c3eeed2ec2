package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/verifytest"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// A register's word ends a dispute about a number when its own date is after we heard of the wrong number, and not when it was merely
// asked after: what it has may be the very number that was complained of.
func TestRegisterEndsADisputeByItsOwnDate(t *testing.T) {
	r := newRegistry(t)
	k, phone := r.key(nordmann), reminder.NewAddress(reminder.SMS, nordmannNo)
	replies := r.replies()
	asks := func(v *ledger.Verification, at time.Time) {
		t.Helper()
		r.krr.Put(nordmann, strings.Replace(entry, "2025-08-05T10:45:15.768Z", at.UTC().Format(time.RFC3339), 1))
		vs, err := v.Verify(r.ctx, "karen", k)
		r.ok(err)
		if len(vs) != 1 || vs[0].Verdict != "yes" {
			t.Fatalf("%+v", vs)
		}
	}
	want := func(what string, disputed, usable bool) {
		t.Helper()
		got, err := replies.Disputed(r.ctx, []reminder.AddressHash{r.p.Address(phone)})
		r.ok(err)
		states := contact.Fold(r.one(k).Contact, r.now())
		if got[0] != disputed || len(states) != 1 || states[0].Usable() != usable || states[0].Wrong == usable {
			t.Errorf("%s: in dispute %v, %+v", what, got[0], states)
		}
	}
	plain := r.v
	with, err := ledger.NewVerification(ledger.VerifyOptions{
		Ledger: r.Ledger, Replies: replies, Registers: plain.Registers(),
		Wants: func(reminder.Appointment, []contact.State, time.Time, time.Time) bool { return true },
	})
	r.ok(err)

	asks(with, r.now().AddDate(0, -2, 0))
	want("proven", false, true)
	r.advance(time.Hour)
	aware := r.now().Truncate(time.Second).Add(time.Second)
	r.advance(aware.Sub(r.now()))
	r.ok(replies.WrongNumber(r.ctx, phone, "outbox"))
	want("a wrong number", true, false)
	r.advance(time.Hour)
	for what, at := range map[string]time.Time{
		"the same as before": r.now().AddDate(0, -2, 0).Add(-2 * time.Hour), "newer, and before": aware.Add(-time.Minute), "at that moment": aware,
	} {
		asks(with, at)
		want(what, true, false)
	}
	asks(with, aware.Add(time.Second))
	want("confirmed since", false, true)

	// It is said again where it could not be written that the dispute ended.
	r.advance(time.Hour)
	r.ok(replies.WrongNumber(r.ctx, phone, "outbox"))
	r.advance(time.Hour)
	asks(plain, r.now().Truncate(time.Second))
	want("proven, and the dispute left", true, true)
	asks(with, r.now().Truncate(time.Second))
	want("said again", false, true)

	// Who does not answer ends nothing.
	r.advance(time.Hour)
	r.ok(replies.WrongNumber(r.ctx, phone, "outbox"))
	r.advance(time.Hour)
	r.bench.Break(verifytest.KRRStage, &verifytest.Faults()[0])
	if vs, err := with.Verify(r.ctx, "karen", k); err != nil || vs[0].Verdict != "unknown" {
		t.Fatalf("%+v, %v", vs, err)
	}
	want("no answer", true, false)
}
