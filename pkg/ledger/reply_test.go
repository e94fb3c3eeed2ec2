package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// replies are running Replies over a world's ledger, as another process would have them.
func (w *world) replies() *ledger.Replies {
	w.Helper()
	r, err := ledger.NewReplies(ledger.ReplyOptions{Ledger: w.Ledger, Class: func(template string) (reminder.Class, bool) {
		return 1.5, template == "da/reminder.sms@1"
	}})
	w.ok(err)
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	w.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.Error(err)
		}
	})
	return r
}

func (w *world) answer(r *ledger.Replies, about string) bool {
	w.Helper()
	ok, err := r.Answer(w.ctx, number, about)
	w.ok(err)
	return ok
}

// The whole limit of our own answers: one a day about each, nothing on the day after a STOP, and of other only when nothing was
// said. Moves are by the clock of the test.
func TestAnswersADay(t *testing.T) {
	t.Parallel()
	const stop, start, cancel, other = ledger.AnswerStop, ledger.AnswerStart, ledger.AnswerCancel, ledger.AnswerOther
	w := newWorld(t)
	r := w.replies()
	for i, c := range []struct {
		after time.Duration
		about string
		want  bool
	}{
		{0, other, true}, {time.Hour, other, false}, {0, cancel, true}, {0, cancel, false}, {0, stop, true}, {0, stop, false}, {0, other, false},
		{time.Hour, start, true}, {0, start, false}, {0, stop, false}, {23 * time.Hour, other, false}, {0, stop, true}, {0, cancel, false},
		{25 * time.Hour, cancel, true}, {-48 * time.Hour, cancel, false}, {48 * time.Hour, other, false}, {25 * time.Hour, other, true},
	} {
		w.at(w.now().Add(c.after))
		if got := w.answer(r, c.about); got != c.want {
			t.Errorf("step %d, %s: %v, want %v", i, c.about, got, c.want)
		}
	}
	if ok, err := r.Answer(w.ctx, reminder.NewAddress(reminder.SMS, "+4520777777"), other); err != nil || !ok {
		t.Errorf("another address: %v, %v", ok, err)
	}
}

// Of several processes that would answer the same person at once, one does; and one that comes up later knows.
func TestOneProcessAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rs := []*ledger.Replies{w.replies(), w.replies(), w.replies()}
	var mu sync.Mutex
	yes := 0
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			ok, err := rs[i%3].Answer(w.ctx, number, ledger.AnswerOther)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if ok {
				yes++
			}
		})
	}
	wg.Wait()
	if yes != 1 {
		t.Errorf("%d processes answer", yes)
	}
	if w.answer(w.replies(), ledger.AnswerOther) {
		t.Error("after a restart it is answered again")
	}
	for _, e := range w.entries(journal.StreamAudit) {
		if strings.Contains(string(e.Clear), "20123456") {
			t.Errorf("the audit holds the number: %s", e.Clear)
		}
	}
}

// While it does not follow the audit, nothing may be answered.
func TestNoAnswerWithoutTheFold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *ledger.Options) { o.FoldWait = 50 * time.Millisecond })
	r, err := ledger.NewReplies(ledger.ReplyOptions{Ledger: w.Ledger})
	w.ok(err)
	if ok, err := r.Answer(w.ctx, number, ledger.AnswerStop); ok || !errors.Is(err, ledger.ErrBehind) {
		t.Errorf("%v, %v", ok, err)
	}
}

func TestWish(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	w.accept(w.appointment(1), w.appointment(2, func(a *reminder.Appointment) { a.Unit = "rh-eye" }), w.appointment(3))
	w.known(w.person(1), number)
	w.known(w.person(2), number)
	w.ok(r.Wish(w.ctx, number, "outbox"))
	w.ok(r.Wish(w.ctx, number, "outbox")) // again
	all, err := r.Wishes(w.ctx, "")
	w.ok(err)
	if len(all) != 2 || all[0].Appointment != "A-1" || all[0].Person != w.person(1) || all[0].Unit != "rh-ortho" || all[1].Appointment != "A-2" {
		t.Fatalf("wishes %+v", all)
	}
	one, err := r.Wishes(w.ctx, "rh-eye")
	w.ok(err)
	if len(one) != 1 || one[0].Appointment != "A-2" {
		t.Errorf("of one unit: %+v", one)
	}
	// It cancels nothing.
	if len(w.reminders(w.person(1))[receipt.Planned]) == 0 {
		t.Errorf("reminders %v", w.reminders(w.person(1)))
	}
	w.ok(r.Handled(w.ctx, all[0].ID, "anna"))
	w.is(r.Handled(w.ctx, all[0].ID, "anna"), ledger.ErrNoWish)
	w.accept(w.appointment(2, func(a *reminder.Appointment) { a.Unit = "rh-eye" }, revision(2), cancelled))
	if left, err := w.replies().Wishes(w.ctx, ""); err != nil || len(left) != 0 {
		t.Errorf("when one is handled and one is off: %+v, %v", left, err)
	}
	// Nobody is behind it: a clerk hears that somebody wrote.
	w.ok(r.Wish(w.ctx, reminder.NewAddress(reminder.SMS, "+4520777777"), "outbox"))
	if a := w.audits("reply"); len(a) != 1 {
		t.Errorf("audit %+v", a)
	}
}

// Which clinic somebody answers: the last that wrote, not the next.
func TestWrote(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	is := func(unit, language string) {
		t.Helper()
		u, l, err := r.Wrote(w.ctx, number)
		if err != nil || u != unit || l != language {
			t.Errorf("%q, %q, %v; want %q and %q", u, l, err, unit, language)
		}
	}
	is("", "")
	w.accept(w.appointment(1, func(a *reminder.Appointment) { a.Unit = "rh-eye" }), w.appointment(1, func(a *reminder.Appointment) {
		a.ID, a.Key, a.Start, a.Order.Sequence = "A-9", w.p.Appointment("cosmic", "A-9"), a.Start.Add(72*time.Hour), 99
	}))
	w.known(w.person(1), number)
	is("", "") // whoever is behind it was never told of an appointment
	w.due()
	x := w.wire(number)
	is("", "")
	w.settle(x, receipt.Accepted)
	is("rh-eye", "da")
	// It is the clinic of the message, not the one that the appointment is of since.
	w.accept(w.appointment(1, revision(2), func(a *reminder.Appointment) { a.Unit = "lv-mott1" }))
	is("rh-eye", "da")
	// The person was told at another address where it is now, and this one was not.
	other := reminder.NewAddress(reminder.SMS, "+4520777777")
	w.accept(w.appointment(1, revision(3), later(2*time.Hour)))
	w.due()
	w.settle(w.wire(other), receipt.Accepted)
	is("", "da")
}

// Somebody else's telephone, or one that a person has not confirmed, is told of no clinic.
func TestWroteTellsAStrangerNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	other := reminder.NewAddress(reminder.SMS, "+4520777777")
	w.ok(w.Contact(w.ctx, w.proof(w.person(1), other)))
	w.due()
	w.settle(w.wire(number), receipt.Accepted)
	if u, l, err := r.Wrote(w.ctx, other); err != nil || u != "" || l != "" {
		t.Errorf("%q, %q, %v", u, l, err)
	}
}

// What a wrong number comes to: when we knew, what went there and of which class; the address blocked until a new proof; the
// reminders on the letter list, but of who can be reached otherwise.
func TestWrongNumberIsKnownAndCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	w.accept(w.appointment(1), w.appointment(2))
	w.known(w.person(1), number)
	w.known(w.person(2), number)
	mail := reminder.NewAddress(reminder.Email, "anna@example.org")
	w.ok(w.Contact(w.ctx, w.proof(w.person(2), mail)))
	w.due()
	w.settle(w.wire(number), receipt.Accepted)
	aware := noon.Add(9 * 24 * time.Hour)
	w.at(aware)
	before, err := w.Letters(w.ctx, ledger.LetterFilter{}, nil)
	w.ok(err)
	for range 2 { // and again, as after a crash
		w.ok(r.WrongNumber(w.ctx, number, "outbox"))
	}
	ms, err := w.replies().Misdeliveries(w.ctx, "")
	w.ok(err)
	if len(ms) != 1 || !ms[0].Aware.Equal(aware) || len(ms[0].Persons) != 2 || ms[0].Address != w.p.Address(number) || ms[0].Via != "outbox" {
		t.Fatalf("misdeliveries %+v", ms)
	}
	m := ms[0].Messages
	if len(m) != 1 || m[0].Class == nil || *m[0].Class != 1.5 || m[0].Status != receipt.Accepted || m[0].Template != "da/reminder.sms@1" {
		t.Errorf("messages %+v", m)
	}
	if b, err := json.Marshal(ms); err != nil || strings.Contains(string(b), "20123456") {
		t.Errorf("the number is in it: %s, %v", b, err)
	}
	letters := func(p reminder.PersonKey) (n int) {
		for _, v := range w.reminders(p)[receipt.Planned] {
			if v.Letter == "wrong_number" {
				n++
			}
		}
		for _, v := range w.reminders(p)[receipt.Due] {
			if v.Letter == "wrong_number" {
				n++
			}
		}
		return n
	}
	if letters(w.person(1)) == 0 || letters(w.person(2)) != 0 {
		t.Errorf("letters: %d of who has no other address, %d of who has", letters(w.person(1)), letters(w.person(2)))
	}
	if after, err := w.Letters(w.ctx, ledger.LetterFilter{}, nil); err != nil || len(after.Letters) < len(before.Letters) {
		t.Errorf("letter list of %d, was %d: %v", len(after.Letters), len(before.Letters), err)
	}
	// START lifts no wrong number, an older proof neither; a new one does.
	w.ok(r.Start(w.ctx, number, "outbox"))
	old := w.proof(w.person(1), number)
	old.EventTime = aware.Add(-time.Hour)
	w.ok(w.Contact(w.ctx, old))
	behind := func() int {
		as, err := w.state.Behind(w.ctx, []reminder.AddressHash{w.p.Address(number)})
		w.ok(err)
		return as[0].Persons
	}
	if n := behind(); n != 0 {
		t.Errorf("after START and an old proof %d persons have it", n)
	}
	w.at(aware.Add(time.Hour))
	w.ok(w.Contact(w.ctx, w.proof(w.person(1), number)))
	if n := behind(); n != 1 {
		t.Errorf("after a new proof %d persons have it", n)
	}
}

// A STOP puts what was planned for everybody behind the address on the letter list; START takes it off, and creates nothing.
func TestStopMovesToLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	w.accept(w.appointment(1), w.appointment(2), w.appointment(3))
	for n := range 3 {
		to := number
		if n == 2 {
			to = reminder.NewAddress(reminder.SMS, "+4520777777")
		}
		w.known(w.person(n+1), to)
	}
	letters := func() int {
		ls, err := w.Letters(w.ctx, ledger.LetterFilter{}, nil)
		w.ok(err)
		return len(ls.Letters)
	}
	w.ok(r.Stop(w.ctx, number, "outbox"))
	if n := letters(); n != 2 || !w.barred(number) {
		t.Errorf("%d letters, barred %v", n, w.barred(number))
	}
	people := w.last(journal.StreamPeople)
	w.ok(r.Start(w.ctx, number, "outbox"))
	if n := letters(); n != 0 || w.barred(number) {
		t.Errorf("after START %d letters, barred %v", n, w.barred(number))
	}
	if w.last(journal.StreamPeople) != people {
		t.Error("START wrote of consent or contact")
	}
}

// Who is on the letter list for another reason than a STOP is there again after START: the gate is asked anew.
func TestStartHasTheGateAskedAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	asked := func(late time.Duration) (ls []reminder.Lease) {
		t.Helper()
		ls, err := w.Previews(w.ctx, w.now(), late, nil, 10)
		w.ok(err)
		return ls
	}
	first := asked(20 * 24 * time.Hour)
	if len(first) == 0 {
		t.Fatal("the gate is not asked")
	}
	for _, l := range first { // it says no, early and late
		w.ok(w.Preview(w.ctx, []receipt.Preview{{Reminder: l.Reminder, Person: l.Person, Version: l.Version, Late: true, Reason: "no_basis"}}))
	}
	if ls := asked(20 * 24 * time.Hour); len(ls) != 0 {
		t.Fatalf("it is asked again about %d", len(ls))
	}
	w.ok(r.Stop(w.ctx, number, "outbox"))
	w.ok(r.Start(w.ctx, number, "outbox"))
	if ls := asked(0); len(ls) != len(first) {
		t.Errorf("after STOP and START it is asked about %d, want %d", len(ls), len(first))
	}
}

// What a clerk barred a START does not lift, before or after a STOP, nor in the same moment.
func TestStartLeavesAClerksBar(t *testing.T) {
	t.Parallel()
	const clerk, carrier, list = "staff", "outbox", "carrier:outbox"
	w := newWorld(t)
	for i, c := range []struct {
		before []string
		want   bool
	}{
		{[]string{"stop " + carrier}, false},
		{[]string{"stop " + clerk}, true},
		{[]string{"stop " + carrier, "stop " + clerk}, true},
		{[]string{"stop " + clerk, "stop " + carrier}, true},
		{[]string{"stop " + clerk, "start " + clerk, "stop " + carrier}, false},
		{[]string{"stop " + clerk, "start " + carrier, "start " + clerk}, false},
		{[]string{"stop " + list, "stop " + carrier}, true},
		{[]string{"stop " + list, "start " + clerk}, false},
	} {
		a := reminder.NewAddress(reminder.SMS, "+452077770"+string(rune('0'+i)))
		for _, x := range c.before {
			what, via, _ := strings.Cut(x, " ")
			if what == "stop" {
				w.ok(w.Stop(w.ctx, a, via))
			} else {
				w.ok(w.Start(w.ctx, a, via))
			}
		}
		w.ok(w.Start(w.ctx, a, carrier))
		if w.barred(a) != c.want {
			t.Errorf("%v: barred %v, want %v", c.before, w.barred(a), c.want)
		}
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := w.Start(w.ctx, number, carrier); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Go(func() {
		if err := w.Stop(w.ctx, number, clerk); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	if !w.barred(number) {
		t.Error("a START in the same moment lifted the clerk's bar")
	}
}

func TestStopAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	x := w.wire(number)
	w.settle(x, receipt.Accepted)
	for _, bad := range []string{"", "nonsense", reminder.NewClaim(w.person(1))} {
		w.is(r.StopAttempt(w.ctx, bad, "list-unsubscribe"), ledger.ErrNoAttempt)
	}
	w.ok(r.StopAttempt(w.ctx, x.intent.Claim, "list-unsubscribe"))
	if !w.barred(number) {
		t.Error("the address is not barred")
	}
}

// Who was written to about a child can still unsubscribe with that message when the child was erased.
func TestStopAttemptOfTheErased(t *testing.T) {
	t.Parallel()
	for _, replayed := range []bool{false, true} {
		w := filedWorld(t)
		w.accept(w.appointment(1))
		w.known(w.person(1), number)
		w.due()
		x := w.wire(number) // the guardian's
		w.settle(x, receipt.Accepted)
		w.at(w.now().Add(time.Minute))
		w.erasePerson(ledger.Erasing{Person: w.person(1)})
		if replayed {
			w.dropSnapshot()
			w.restart()
		}
		w.ok(w.replies().StopAttempt(w.ctx, x.intent.Claim, "list-unsubscribe"))
		if !w.barred(number) {
			t.Errorf("replayed %v: the address is not barred", replayed)
		}
	}
}

func TestNewRepliesRefuses(t *testing.T) {
	if _, err := ledger.NewReplies(ledger.ReplyOptions{}); err == nil {
		t.Error("none is made without a ledger, and it is")
	}
}
