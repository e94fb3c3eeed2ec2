package ledger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	x := w.wire(number)
	if l := x.lease; l.Appointment.ID != "A-1" || l.Appointment.NationalID.Reveal() != nationalID(1).Reveal() || l.Attempt != 1 || !l.Told.IsZero() {
		t.Errorf("the lease has not all of its appointment: attempt %d, told %v", l.Attempt, l.Told)
	}
	w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Intended: 1, receipt.Planned: 1})

	// A second claim on the same attempt is journalled and changes nothing: it never gets to the wire.
	rival := attempt{lease: x.lease, intent: intentOf(x.lease, w.p.Address(number))}
	w.ok(w.Intend(w.ctx, []receipt.Intent{rival.intent}))
	if err := w.confirm(rival); err == nil {
		t.Error("two claims on one attempt were confirmed")
	}
	o := outcome(x, receipt.Accepted)
	o.CarrierID = "carrier-1"
	w.ok(w.Settle(w.ctx, []receipt.Outcome{o, o, outcome(rival, receipt.NotBegun)}))
	w.ok(w.Done(w.ctx, x.lease))
	if wires, err := w.state.Wires(w.ctx, x.intent.Address, ""); err != nil || len(wires) != 0 {
		t.Errorf("marks %v, %v after the outcome", wires, err)
	}
	v := w.reminders(w.person(1))[receipt.Accepted]
	if len(v) != 1 || len(v[0].Attempts) != 1 || v[0].Attempts[0].CarrierID != "carrier-1" || v[0].Attempts[0].Pack != "dk-2019" {
		t.Errorf("accepted %+v", v)
	}

	// The carrier's report finds its attempt by the claim alone.
	w.ok(w.Report(w.ctx, receipt.Report{Claim: x.intent.Claim, Status: receipt.Delivered}))
	w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Delivered: 1, receipt.Planned: 1})
	n := w.last(journal.StreamJournal)
	for _, claim := range []string{"", "nonsense", "4520123456", reminder.NewClaim(w.person(1))} {
		w.ok(w.Report(w.ctx, receipt.Report{Claim: claim, Status: receipt.Undelivered}))
	}
	if got := w.last(journal.StreamJournal); got != n {
		t.Error("a report of nothing we sent was journalled")
	}

	// The next reminder of the appointment knows what the person was told.
	w.due()
	ls := w.lease(9)
	if len(ls) != 1 || !ls[0].Told.Equal(ls[0].Appointment.Start) {
		t.Errorf("leases %d, told %v", len(ls), ls)
	}
}

func TestAttemptIsRefusedAndComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	x := w.wire(number)
	o := outcome(x, receipt.Refused)
	o.Retry = w.now().Add(time.Minute)
	w.ok(w.Settle(w.ctx, []receipt.Outcome{o}))
	w.ok(w.Done(w.ctx, x.lease))
	if ls := w.lease(9); len(ls) != 0 {
		t.Fatal("leased before its time")
	}
	w.at(o.Retry)
	ls := w.lease(9)
	if len(ls) != 1 || ls[0].Attempt != 2 {
		t.Fatalf("leases %+v, want attempt 2", ls)
	}
	w.ok(w.Retry(w.ctx, ls[0], w.now().Add(time.Hour), "email"))
	if got, err := w.Lease(w.ctx, "email", w.now().Add(time.Hour), 9); err != nil || len(got) != 1 || got[0].Tries != 1 {
		t.Errorf("put back to another route: %d leases, %v", len(got), err)
	}
}

func TestIntendAfterALostAnswerIsNeverRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	l := w.lease(1)[0]
	i := intentOf(l, w.p.Address(number))
	n := w.last(journal.StreamJournal)
	w.is(w.uncertain().Intend(w.ctx, []receipt.Intent{i}), journal.ErrUncertain)
	w.folded(journal.StreamJournal)
	if got := w.last(journal.StreamJournal); got != n+1 {
		t.Errorf("%d entries for one intent", got-n)
	}
	// What is there is open, surely not begun, and tried again as the next attempt.
	w.at(w.now().Add(time.Hour))
	opens, err := w.Opens(w.ctx, w.now())
	w.ok(err)
	if len(opens) != 1 || opens[0].Claim != i.Claim {
		t.Fatalf("open attempts %+v", opens)
	}
	unbegun, err := w.Forsake(w.ctx, opens)
	w.ok(err)
	if !unbegun[0] {
		t.Fatal("an intent without a mark is not forsaken")
	}
	if err := w.confirm(attempt{l, i}); err == nil {
		t.Fatal("a forsaken claim was confirmed")
	}
	w.ok(w.Settle(w.ctx, []receipt.Outcome{{Reminder: i.Reminder, Person: i.Person, Attempt: 1, Claim: i.Claim, Status: receipt.NotBegun}}))
	w.ok(w.Done(w.ctx, l))
	if ls := w.lease(1); len(ls) != 1 || ls[0].Attempt != 2 {
		t.Errorf("leases %+v, want the same reminder's attempt 2", ls)
	}
}

func TestVerdictAndPreview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1), w.appointment(2))
	ls, err := w.Previews(w.ctx, w.now(), 10*24*time.Hour, nil, 100)
	w.ok(err)
	if len(ls) != 4 {
		t.Fatalf("%d previews, want all 4 reminders", len(ls))
	}
	passed := map[reminder.ID]bool{ls[0].Reminder: true, ls[2].Reminder: true}
	if left, err := w.Previews(w.ctx, w.now(), 10*24*time.Hour, passed, 2); err != nil || len(left) != 2 || passed[left[0].Reminder] || passed[left[1].Reminder] {
		t.Errorf("%v beside those that are passed over, %v", left, err)
	}
	var ps []receipt.Preview
	for _, l := range ls {
		if l.Token != "" || l.Appointment.Unit != "rh-ortho" {
			t.Errorf("a preview with token %q of unit %q", l.Token, l.Appointment.Unit)
		}
		ps = append(ps, receipt.Preview{Reminder: l.Reminder, Person: l.Person, Version: l.Version, Reason: "no_basis"})
	}
	w.ok(w.Preview(w.ctx, ps))
	if ls, err = w.Previews(w.ctx, w.now(), 10*24*time.Hour, nil, 100); err != nil || len(ls) != 0 {
		t.Errorf("%d asked about twice, %v", len(ls), err)
	}
	list, err := w.Letters(w.ctx, ledger.LetterFilter{Unit: "rh-ortho"}, nil)
	w.ok(err)
	letters := list.Letters
	if len(letters) != 2 || !letters[0].Provisional || letters[0].Reason != "no_basis" || letters[0].Appointment == "" || letters[0].Call {
		t.Errorf("letters %+v", letters)
	}
	if list, err = w.Letters(w.ctx, ledger.LetterFilter{Unit: "rh-eye"}, nil); err != nil || len(list.Letters) != 0 {
		t.Errorf("letters of another unit: %+v, %v", list, err)
	}
	// Near the end they are asked about again.
	w.at(noon.AddDate(0, 0, 6))
	if ls, err = w.Previews(w.ctx, w.now(), 10*24*time.Hour, nil, 3); err != nil || len(ls) != 3 {
		t.Errorf("%d late previews, want the limit of 3; %v", len(ls), err)
	}

	w.due()
	l := w.lease(1)[0]
	w.ok(w.Rule(w.ctx, []receipt.Verdict{{Reminder: l.Reminder, Person: l.Person, Version: l.Version, Status: receipt.Denied, Decision: receipt.Decision{Reason: "barred"}}}))
	w.ok(w.Done(w.ctx, l))
	if v := w.reminders(l.Person)[receipt.Denied]; len(v) != 1 || v[0].Reason != "barred" {
		t.Errorf("denied %+v", v)
	}
	// A verdict made under an older plan is inert.
	w.accept(w.appointment(1, revision(2)), w.appointment(2, revision(2)))
	l = w.lease(1)[0]
	w.ok(w.Rule(w.ctx, []receipt.Verdict{{Reminder: l.Reminder, Person: l.Person, Version: l.Version - 1, Status: receipt.Denied}}))
	if v := w.reminders(l.Person)[receipt.Denied]; len(v) != 0 && v[0].ID == l.Reminder {
		t.Error("a verdict about an older plan took effect")
	}
}

func TestErasedPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1), w.appointment(2))
	w.known(w.person(1), number)
	w.known(w.person(2), reminder.NewAddress(reminder.SMS, "+4520999999"))
	w.ok(w.Stop(w.ctx, number, "test"))
	w.erase(w.person(1))
	w.restart()

	// Never twice and STOP need no keys.
	w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Planned: 2})
	as, err := w.state.Behind(w.ctx, []reminder.AddressHash{w.p.Address(number)})
	w.ok(err)
	if !as[0].Barred {
		t.Error("the bar is gone with the key")
	}
	ps, err := w.People(w.ctx, []reminder.PersonKey{w.person(1), w.person(2)})
	w.ok(err)
	if ps[0].Known || len(ps[0].Contact) > 0 || !ps[0].BirthDate.IsZero() {
		t.Error("an erased person is known")
	}
	if !ps[1].Known || len(ps[1].Contact) != 1 || ps[1].Contact[0].Address.Reveal() != "+4520999999" || ps[1].BirthDate.IsZero() {
		t.Errorf("another person is affected: %+v", ps[1])
	}
	if vs, err := w.Reminders(w.ctx, ledger.Filter{Person: w.person(1)}); err != nil || len(vs) != 2 || vs[0].Unit != "" {
		t.Errorf("reminders of an erased person: %+v, %v", vs, err)
	}
	if ls, err := w.Letters(w.ctx, ledger.LetterFilter{}, nil); err != nil || len(ls.Letters) != 0 {
		t.Errorf("letters %+v, %v", ls, err)
	}
	// Leasing takes back what is due for the erased, and hands out the rest.
	w.due()
	ls := w.lease(9)
	if len(ls) != 1 || ls[0].Person != w.person(2) {
		t.Fatalf("leases %+v, want only the other person's", ls)
	}
	w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Cancelled: 1, receipt.Planned: 1})
	if p, err := w.state.Pending(w.ctx, w.now()); err != nil || p.Leased != 1 {
		t.Errorf("%d leases are held, want 1; %v", p.Leased, err)
	}
	for _, limit := range []int{10, 2} { // however few are asked for: the erased hold up nobody
		if ls, err := w.Previews(w.ctx, w.now(), time.Hour, nil, limit); err != nil || len(ls) != 2 {
			t.Errorf("%d previews, %v; want the other person's 2", len(ls), err)
		}
	}
	w.ok(second(w.SweepRemembered(w.ctx)))

	// Coming back they are a new patient, with a new key.
	w.accept(w.appointment(1, revision(2), later(24*time.Hour)))
	w.known(w.person(1), reminder.NewAddress(reminder.SMS, "+4520777777"))
	w.restart()
	if ps, err = w.People(w.ctx, []reminder.PersonKey{w.person(1)}); err != nil || !ps[0].Known || len(ps[0].Contact) != 1 {
		t.Errorf("after the return: %+v, %v", ps, err)
	}
}

// erase takes a person's data key away.
func (w *world) erase(p reminder.PersonKey) {
	w.Helper()
	for _, e := range w.entries(journal.StreamKeys) {
		var c struct{ Owner string }
		w.ok(json.Unmarshal(e.Clear, &c))
		if c.Owner == string(p) {
			w.ok(w.journal.Delete(w.ctx, journal.StreamKeys, e.Seq))
		}
	}
	w.dropSnapshot()
}

// One appointment that this program can't open holds up nobody else's reminders.
func TestLeaseBesideADamagedAppointment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	// What stands in the journal for the second is sealed for somebody else.
	_, err := w.Accept(w.ctx, []reminder.Appointment{w.appointment(2)})
	w.ok(err)
	es := w.entries(journal.StreamJournal)
	bad := es[len(es)-1]
	bad.Sealed = bytes.Clone(bad.Sealed)
	bad.Sealed[len(bad.Sealed)-1] ^= 1
	var p struct {
		Order reminder.Order `json:"order"`
	}
	w.ok(json.Unmarshal(bad.Clear, &p))
	bad.Clear = bytes.Replace(bad.Clear, []byte(`"rev":1`), []byte(`"rev":2`), 1)
	ps, err := w.journal.Append(w.ctx, bad)
	w.ok(err)
	w.folded(journal.StreamJournal)
	if len(ps) != 1 || p.Order.Revision != 1 {
		t.Fatal("the damaged entry was not written")
	}
	w.due()
	ls, err := w.Lease(w.ctx, "sms", w.now(), 10)
	w.ok(err)
	if len(ls) != 1 || ls[0].Person != w.person(1) {
		t.Errorf("%d leases, want the one that can be opened", len(ls))
	}
	pv, err := w.Previews(w.ctx, w.now(), 0, nil, 10)
	w.ok(err)
	if len(pv) != 2 {
		t.Errorf("%d previews, want the 2 that can be opened", len(pv))
	}
}

func second(_ int, err error) error { return err }

func TestSettleInsists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	x := w.wire(number)
	// The broker's answer is lost each time, but the entry stands: however often it is written, it folds once.
	ctx, cancel := contextFor(t, 400*time.Millisecond)
	defer cancel()
	err := w.uncertain().Settle(ctx, []receipt.Outcome{outcome(x, receipt.Accepted)})
	if !errors.Is(err, journal.ErrUncertain) {
		t.Fatalf("Settle: %v", err)
	}
	w.folded(journal.StreamJournal)
	n := 0
	for _, e := range w.entries(journal.StreamJournal) {
		if e.Kind == journal.KindOutcome {
			n++
		}
	}
	if n < 2 {
		t.Errorf("%d tries in 400 ms", n)
	}
	w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Accepted: 1, receipt.Planned: 1})
}
