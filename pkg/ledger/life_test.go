package ledger_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func whats(x ledger.Life) (out []string) {
	for _, s := range x.Steps {
		out = append(out, s.What)
	}
	return out
}

// What became of a reminder, from the journal as a whole, and where of that only a little is read.
func TestLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.person(1)
	w.accept(w.appointment(1))
	w.known(p, number)
	w.at(noon.Add(time.Hour))
	w.accept(w.appointment(1, revision(2), later(time.Hour)))
	w.due()
	l := w.lease(1)[0]
	findings := []reminder.Finding{{Kind: "digits", Layout: "2-2-2", Part: reminder.PartText, Offset: 40, Length: 8, Releasable: true}}
	w.ok(w.Rule(w.ctx, []receipt.Verdict{{
		Reminder: l.Reminder, Person: p, Version: l.Version, Status: receipt.Held, Template: "t@1", Findings: findings,
		Decision: receipt.Decision{Reason: "digits", Pack: "dk-2019", PackHash: "ab"},
	}}))
	w.ok(w.Done(w.ctx, l))
	w.at(w.now().Add(time.Minute))
	w.ok(w.Release(w.ctx, p, l.Reminder, "karen", "our house number"))
	x := w.wire(number)
	w.at(w.now().Add(time.Second))
	w.settle(x, receipt.Unknown)
	w.at(w.now().Add(time.Hour))
	_, err := w.SettleByHand(w.ctx, x.intent.Claim, true, "karen")
	w.ok(err)
	w.at(w.now().Add(time.Hour))
	w.ok(w.Report(w.ctx, receipt.Report{Claim: x.intent.Claim, Status: receipt.Undelivered, Code: "absent"}))

	life, err := w.Life(w.ctx, p, l.Reminder)
	w.ok(err)
	want := []string{"planned", "held", "released", "intended", "unknown", "settled", "undelivered"}
	if !slices.Equal(whats(life), want) || !life.Complete || life.Reminder.ID != l.Reminder || life.Reminder.Unit != "rh-ortho" {
		t.Fatalf("%v, want %v: %+v", whats(life), want, life)
	}
	s := life.Steps
	if s[1].Reason != "digits" || s[1].PackHash != "ab" || !slices.Equal(s[1].Findings, findings) || s[2].By != "karen" || s[2].Reason != "our house number" {
		t.Errorf("held %+v, released %+v", s[1], s[2])
	}
	if s[3].Template != "da/reminder.sms@1" || s[3].Attempt != 1 || s[3].Reference != x.intent.Claim || s[3].Pack != "dk-2019" || s[3].Route != "sms" {
		t.Errorf("intended %+v", s[3])
	}
	if s[5].By != "karen" || s[5].Reason != "accepted" || s[6].Code != "absent" || s[6].By != "" {
		t.Errorf("settled %+v, then %+v", s[5], s[6])
	}

	// The reminder of the first start was planned and taken back: the new start has others.
	for _, v := range w.reminders(p)[receipt.Cancelled] {
		life, err := w.Life(w.ctx, p, v.ID)
		w.ok(err)
		if !slices.Equal(whats(life), []string{"planned", "cancelled"}) || life.Steps[1].Reason != "booking" {
			t.Errorf("%+v", life.Steps)
		}
	}
	_, err = w.Life(w.ctx, p, "1-00000000000000000000000000000000")
	w.is(err, journal.ErrNotFound)

	// Of a journal that is too long, what the state knows the time of is found, and it says that there may be more.
	short, err := w.LifeWithin(w.ctx, p, l.Reminder, 1)
	w.ok(err)
	if got := whats(short); short.Complete || !slices.Contains(got, "intended") || !slices.Contains(got, "undelivered") {
		t.Errorf("%v", got)
	}
	if !slices.IsSortedFunc(short.Steps, func(a, b ledger.LifeStep) int { return a.At.Compare(b.At) }) {
		t.Error("out of order")
	}
}

// A change of the same reminder's plan, and what the gate said ahead.
func TestLifeOfOneThatMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.person(1)
	w.accept(w.appointment(1))
	id := w.reminders(p)[receipt.Planned][0].ID
	w.ok(w.Preview(w.ctx, []receipt.Preview{{Reminder: id, Person: p, Version: 1, Reason: "no_basis"}}))
	w.accept(w.appointment(1, revision(2), func(a *reminder.Appointment) { a.Unit = "rh-eye" })) // another room
	w.ok(w.Cancel(w.ctx, p, id, "karen"))
	life, err := w.Life(w.ctx, p, id)
	w.ok(err)
	got := whats(life)
	got = slices.DeleteFunc(got, func(s string) bool { return s == ledger.StepMoved })
	if !slices.Equal(got, []string{"planned", "asked", "cancelled"}) || life.Steps[len(life.Steps)-1].By != "karen" {
		t.Errorf("%+v", life.Steps)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1), w.appointment(2))
	found, err := w.Find(w.ctx, "cosmic", "A-1")
	w.ok(err)
	if len(found) != 2 || found[0].Person != w.person(1) || found[1].Person != w.person(1) || found[0].Due.After(found[1].Due) || found[0].Unit != "rh-ortho" {
		t.Errorf("%+v", found)
	}
	for _, x := range [][2]string{{"cosmic", "A-3"}, {"sectra", "A-1"}, {"", ""}} {
		if found, err := w.Find(w.ctx, x[0], x[1]); err != nil || len(found) != 0 {
			t.Errorf("%v: %+v, %v", x, found, err)
		}
	}
}

func TestDoubts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := func(a *reminder.Appointment) { a.Unit = "rh-eye" }
	w.accept(w.appointment(1), w.appointment(2, other), w.appointment(3))
	to := func(n int) reminder.Address {
		return reminder.NewAddress(reminder.SMS, "+4520000"+string(rune('0'+n))+"00")
	}
	for n := 1; n <= 3; n++ {
		w.known(w.person(n), to(n))
	}
	w.due()
	var xs []attempt
	for range 3 {
		x := w.wire(number)
		w.settle(x, receipt.Unknown)
		xs = append(xs, x)
		w.at(w.now().Add(time.Minute))
	}
	all, err := w.Doubts(w.ctx, "", 0)
	w.ok(err)
	if len(all) != 3 || all[0].Reference != xs[0].intent.Claim || all[2].Reference != xs[2].intent.Claim || all[0].Unit == "" || all[0].Since.IsZero() {
		t.Fatalf("%+v", all)
	}
	if two, err := w.Doubts(w.ctx, "", 2); err != nil || len(two) != 2 || two[0].Reference != all[0].Reference {
		t.Errorf("%+v, %v", two, err)
	}
	if one, err := w.Doubts(w.ctx, "rh-eye", 0); err != nil || len(one) != 1 || one[0].Person != w.person(2) {
		t.Errorf("%+v, %v", one, err)
	}
	before := w.last(journal.StreamJournal)
	d, err := w.SettleByHand(w.ctx, all[0].Reference, false, "karen")
	w.ok(err)
	if d.Status != receipt.Rejected || d.By != "karen" || w.last(journal.StreamJournal) != before+1 {
		t.Errorf("%+v", d)
	}
	if left, err := w.Doubts(w.ctx, "", 0); err != nil || len(left) != 2 {
		t.Errorf("%d left in doubt, %v", len(left), err)
	}
	if ls := w.lease(9); len(ls) != 0 {
		t.Errorf("%d are sent again", len(ls))
	}
	for _, v := range w.reminders(d.Person)[receipt.Planned] { // nothing else will tell the patient
		w.ok(w.Cancel(w.ctx, d.Person, v.ID, "karen"))
	}
	listed, err := w.Letters(w.ctx, ledger.LetterFilter{}, nil)
	w.ok(err)
	if !slices.ContainsFunc(listed.Letters, func(x ledger.Letter) bool {
		return x.Person == d.Person && x.Reason == "rejected: by_hand" && !x.Provisional
	}) {
		t.Errorf("what did not leave is not on the letter list: %+v", listed)
	}
	w.ok(w.Report(w.ctx, receipt.Report{Claim: all[0].Reference, Status: receipt.Delivered}))
	_, err = w.SettleByHand(w.ctx, all[0].Reference, false, "karen")
	w.is(err, ledger.ErrNoDoubt)
	_, err = w.SettleByHand(w.ctx, reminder.NewClaim(w.person(1)), true, "karen")
	w.is(err, ledger.ErrNoAttempt)
	_, err = w.SettleByHand(w.ctx, "4520123456", true, "karen")
	w.is(err, ledger.ErrNoAttempt)
	want := w.dump()
	w.restart()
	w.wantDump(w.dump(), want)
}

func TestLettersDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.person(1)
	w.accept(w.appointment(1), w.appointment(2))
	var ps []receipt.Preview
	for _, vs := range w.reminders(p) {
		for _, v := range vs {
			ps = append(ps, receipt.Preview{Reminder: v.ID, Person: p, Version: 1, Reason: "no_basis"})
		}
	}
	w.ok(w.Preview(w.ctx, ps))
	list := func(want int) []ledger.Letter {
		t.Helper()
		ls, err := w.Letters(w.ctx, ledger.LetterFilter{}, nil)
		w.ok(err)
		if len(ls.Letters) != want {
			t.Fatalf("%d letters, want %d: %+v", len(ls.Letters), want, ls)
		}
		return ls.Letters
	}
	id := list(1)[0].ID
	_, err := w.DoneLetter(w.ctx, id, "karen", true, nil)
	w.is(err, ledger.ErrNoLetterDone)
	x, err := w.DoneLetter(w.ctx, id, "karen", false, nil)
	w.ok(err)
	if x.By != "karen" || !x.At.Equal(w.now()) || x.Unit != "rh-ortho" || !x.Provisional {
		t.Errorf("%+v", x)
	}
	if x, err = w.DoneLetter(w.ctx, id, "ole", false, nil); err != nil || x.By != "karen" {
		t.Errorf("the second is told of %q, %v", x.By, err)
	}
	list(0)
	done := func(unit string, want int) {
		t.Helper()
		ls, err := w.LettersDone(w.ctx, unit)
		if err != nil || len(ls) != want || want == 1 && (ls[0].ID != id || ls[0].By != "karen" || ls[0].Reason != "no_basis" || ls[0].Unit != "rh-ortho") {
			t.Errorf("done: %+v, %v", ls, err)
		}
	}
	done("", 1)
	done("rh-ortho", 1)
	done("rh-eye", 0)
	want := w.dump()
	w.restart()
	w.wantDump(w.dump(), want)
	w.at(w.now().Add(23 * time.Hour))
	if _, err = w.DoneLetter(w.ctx, id, "ole", true, nil); err != nil {
		t.Fatal(err)
	}
	list(1)
	done("", 0)
	_, err = w.DoneLetter(w.ctx, id, "ole", false, nil)
	w.ok(err)
	w.at(w.now().Add(25 * time.Hour))
	done("", 0)
	_, err = w.DoneLetter(w.ctx, id, "ole", true, nil)
	w.is(err, ledger.ErrNoLetterDone)
	_, err = w.DoneLetter(w.ctx, w.p.Appointment("cosmic", "A-2"), "ole", false, nil) // its reminders wait, and nothing says that they can't go
	w.is(err, ledger.ErrNoLetter)
	if _, err = w.LetterOf(w.ctx, w.p.Appointment("cosmic", "A-2"), func(string) bool { return false }); err != nil {
		t.Errorf("of an unknown unit: %v", err)
	}
	_, err = w.LetterOf(w.ctx, w.p.Appointment("cosmic", "A-9"), nil)
	w.is(err, ledger.ErrNoLetter)

	// With another start the patient must be written to anew.
	w.accept(w.appointment(1, revision(2), later(time.Hour)))
	if x, err := w.LetterOf(w.ctx, id, nil); !errors.Is(err, ledger.ErrNoLetter) {
		t.Errorf("%+v, %v", x, err)
	}
}
