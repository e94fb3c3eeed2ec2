package statetest

import (
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// book books appointment n of person n, one reminder due minutes after noon.
func (w *world) book(n, minutes int) reminder.ID {
	w.Helper()
	w.fold(person(n), booked(appointment(n), person(n), 1, "A", noon.Add(time.Duration(minutes)*time.Minute)))
	return remind(appointment(n), "A")
}

func leaseOrder(w *world) {
	w.certify(time.Minute)
	third, first, second, later := w.book(1, 30), w.book(2, 10), w.book(3, 20), w.book(4, 90)
	mail := booked(appointment(5), person(5), 1, "A", noon)
	mail.Plan.Reminders[0].Route = "email"
	w.fold(person(5), mail)
	ask := func(route string, minutes, limit int, want ...reminder.ID) {
		w.Helper()
		ls, err := w.Lease(w.ctx, route, noon.Add(time.Duration(minutes)*time.Minute), limit, time.Minute)
		if w.ok(err); !slices.Equal(ids(ls), want) {
			w.Errorf("%s, %d minutes, at most %d: %v, want %v", route, minutes, limit, ids(ls), want)
		}
	}
	ask("sms", 9, 10)
	ask("sms", 60, 0)
	ask("sms", 60, 2, first, second)
	ask("sms", 60, 10, third)
	ask("sms", 60, 10)
	ask("fax", 600, 10)
	ask("sms", 90, 10, later)
	ask("email", 90, 10, remind(appointment(5), "A"))
}

func leaseContent(w *world) {
	w.certify(time.Minute)
	p, a := person(1), appointment(1)
	first := booked(a, p, 1, "A", noon)
	w.fold(p, first)
	l := w.leaseOne()
	want := reminder.Lease{
		Reminder: remind(a, "A"), Token: l.Token, Version: 1, Person: p, Rule: "48h", Purpose: reminder.Remind,
		Due: noon, Expires: noon.Add(46 * time.Hour), Attempt: 1, Route: route,
	}
	if !reflect.DeepEqual(l.Lease, want) || l.Token == "" {
		w.Errorf("lease %+v\nwant  %+v", l.Lease, want)
	}
	if string(l.Sealed) != "sealed A" || len(l.Told) != 0 {
		w.Errorf("about %q, told of %q", l.Sealed, l.Told)
	}
	// Told of A, then moved to B: a notice of B, which knows what was told.
	i, _ := w.intend(l, address(1))
	w.fold(p, outcome(i, receipt.Accepted))
	w.ok(w.Done(w.ctx, l.Lease))
	moved := booked(a, p, 2, "B", noon)
	moved.Plan.Reminders = nil
	w.fold(p, moved)
	n := w.leaseOne()
	if n.Purpose != reminder.Changed || n.Reminder != reminder.NoticeID(a, reminder.Changed, 1) || n.Version != 2 || n.Attempt != 1 || n.Rule != "" {
		w.Errorf("notice %+v", n.Lease)
	}
	if string(n.Sealed) != "sealed B" || string(n.Told) != "sealed A" || n.Token == l.Token {
		w.Errorf("about %q, told of %q, token %q after %q", n.Sealed, n.Told, n.Token, l.Token)
	}
}

func leaseOnePerson(w *world) {
	w.certify(time.Minute)
	p := person(1)
	for n := range 3 {
		w.fold(p, booked(appointment(n), p, 1, "A", noon.Add(time.Duration(n)*time.Minute)))
	}
	other := w.book(9, 30)
	got := w.lease(10)
	if want := []reminder.ID{remind(appointment(0), "A"), other}; !slices.Equal(ids(got), want) {
		w.Fatalf("leased %v, want %v: one a person", ids(got), want)
	}
	if more := w.lease(10); len(more) > 0 {
		w.Fatalf("leased %v beside another of the same person", ids(more))
	}
	pending, err := w.Pending(w.ctx, noon.Add(time.Hour))
	if w.ok(err); pending.Due != 2 || pending.Leased != 2 {
		w.Errorf("pending %+v, want 2 due, although they have to wait for their person's turn, and 2 leased", pending)
	}
	w.ok(w.Done(w.ctx, got[0].Lease)) // given back untouched: it is the first again
	i, _ := w.intend(w.leaseOne(), address(1))
	w.fold(p, outcome(i, receipt.Accepted))
	if more := w.lease(10); len(more) > 0 {
		w.Fatalf("leased %v although the worker has not said done", ids(more))
	}
	w.ok(w.Done(w.ctx, reminder.Lease{Reminder: i.Reminder, Token: "another"}))
	if more := w.lease(10); len(more) > 0 {
		w.Fatalf("leased %v after a stranger said done", ids(more))
	}
}

// leasePastBlocked has somebody with many reminders before all others', of which one is leased.
func leasePastBlocked(w *world) {
	w.certify(time.Minute)
	for n := range 20 {
		w.fold(person(1), booked(appointment(n), person(1), 1, "A", noon))
	}
	w.leaseOne()
	second, third := w.book(30, 30), w.book(1+reminder.Shards, 40) // the last is in the same shard
	for _, want := range []reminder.ID{second, third} {
		if l := w.leaseOne(); l.Reminder != want {
			w.Errorf("leased %s, want %s", l.Reminder, want)
		}
	}
	if ls := w.lease(9); len(ls) > 0 {
		w.Errorf("leased %v", ids(ls))
	}
}

func leaseExpires(w *world) {
	w.certify(time.Minute)
	id := w.book(1, 0)
	take := func(d time.Duration) []state.Leased {
		w.Helper()
		ls, err := w.Lease(w.ctx, route, noon, 9, d)
		w.ok(err)
		return ls
	}
	first := take(short)
	if len(first) != 1 || len(take(time.Minute)) != 0 {
		w.Fatalf("leased %v, then again", ids(first))
	}
	time.Sleep(past)
	w.is(w.Retry(w.ctx, first[0].Lease, noon, ""), state.ErrLost)
	second := take(time.Minute)
	if !slices.Equal(ids(second), []reminder.ID{id}) || second[0].Token == first[0].Token {
		w.Fatalf("after its time: %v", second)
	}
	w.ok(w.Done(w.ctx, first[0].Lease)) // the first worker comes back: it must not end the second's lease
	w.is(w.Retry(w.ctx, first[0].Lease, noon, ""), state.ErrLost)
	if more := take(time.Minute); len(more) > 0 {
		w.Error("a worker whose lease had ended gave away another's")
	}
	w.ok(w.Retry(w.ctx, second[0].Lease, noon, ""))
}

func retry(w *world) {
	w.certify(time.Minute)
	id := w.book(1, 0)
	l := w.leaseOne()
	w.ok(w.Retry(w.ctx, l.Lease, noon.Add(time.Hour), ""))
	early, err := w.Lease(w.ctx, route, noon.Add(59*time.Minute), 9, time.Minute)
	if w.ok(err); len(early) > 0 {
		w.Fatal("handed out before its time")
	}
	again := w.leaseOne()
	if again.Reminder != id || again.Tries != 1 || again.Attempt != 1 || again.Token == l.Token || !again.Due.Equal(noon) {
		w.Errorf("second lease %+v", again.Lease)
	}
	// On another route now.
	w.ok(w.Retry(w.ctx, again.Lease, noon, "email"))
	if ls := w.lease(9); len(ls) > 0 {
		w.Error("still on its old route")
	}
	mail, err := w.Lease(w.ctx, "email", noon, 9, time.Minute)
	if w.ok(err); len(mail) != 1 || mail[0].Route != "email" || mail[0].Tries != 2 {
		w.Fatalf("on the other route: %+v", mail)
	}
	w.is(w.Retry(w.ctx, again.Lease, noon, ""), state.ErrLost)
	w.ok(w.Retry(w.ctx, mail[0].Lease, noon.Add(time.Hour), "email"))
	// A newer plan knows better than a deferral.
	w.fold(person(1), booked(appointment(1), person(1), 2, "A", noon.Add(time.Minute)))
	ls, err := w.Lease(w.ctx, route, noon.Add(time.Minute), 9, time.Minute)
	if w.ok(err); len(ls) != 1 || ls[0].Tries != 0 || ls[0].Version != 2 {
		w.Errorf("after a newer plan: %+v", ls)
	}
}

func retryLost(w *world) {
	w.certify(time.Minute)
	w.book(1, 0)
	l := w.leaseOne()
	other := l.Lease
	other.Token = "another"
	w.is(w.Retry(w.ctx, other, noon, ""), state.ErrLost)
	other = l.Lease
	other.Reminder = remind(appointment(8), "A")
	w.is(w.Retry(w.ctx, other, noon, ""), state.ErrLost)
	w.ok(w.Retry(w.ctx, l.Lease, noon, ""))
	w.is(w.Retry(w.ctx, l.Lease, noon, ""), state.ErrLost)
}

func done(w *world) {
	w.certify(time.Minute)
	id := w.book(1, 0)
	l := w.leaseOne()
	w.ok(w.Done(w.ctx, l.Lease))
	w.ok(w.Done(w.ctx, l.Lease)) // ended already: no error
	w.ok(w.Done(w.ctx, reminder.Lease{Reminder: "1-unknown", Token: "x"}))
	again := w.leaseOne()
	if again.Reminder != id {
		w.Errorf("leased %v", again.Reminder)
	}
	i, _ := w.intend(again, address(1))
	w.fold(i.Person, outcome(i, receipt.Accepted))
	w.ok(w.Done(w.ctx, again.Lease))
	if ls := w.lease(9); len(ls) > 0 {
		w.Errorf("an accepted reminder is handed out again: %v", ids(ls))
	}
}

func movedPlan(w *world) {
	w.certify(time.Minute)
	p, a := person(1), appointment(1)
	w.fold(p, booked(a, p, 1, "A", noon))
	l := w.leaseOne()
	w.fold(p, booked(a, p, 1, "A", noon)) // said before: nothing moves
	w.fold(p, booked(a, p, 2, "A", noon))
	w.is(w.Retry(w.ctx, l.Lease, noon, ""), state.ErrLost)
	w.ok(w.Done(w.ctx, l.Lease))
	again := w.leaseOne()
	if again.Version != 2 || again.Token == l.Token {
		w.Errorf("lease %+v, want one of plan 2", again.Lease)
	}
	w.ok(w.Retry(w.ctx, again.Lease, noon, ""))
}

func cancelledPlan(w *world) {
	w.certify(time.Minute)
	p, a := person(1), appointment(1)
	w.fold(p, booked(a, p, 1, "A", noon))
	l := w.leaseOne()
	w.fold(p, cancelled(a, p, 2))
	w.is(w.Retry(w.ctx, l.Lease, noon, ""), state.ErrLost)
	w.ok(w.Done(w.ctx, l.Lease))
	if ls := w.lease(9); len(ls) > 0 {
		w.Errorf("a cancelled appointment's reminder is handed out: %v", ids(ls))
	}
	if s := w.status(p, l.Reminder); s != receipt.Cancelled {
		w.Errorf("status %s", s)
	}
}

func pendingAndCounts(w *world) {
	w.certify(time.Minute)
	look := func(what string, minutes, due, leased, nextMinutes int) {
		w.Helper()
		var next time.Time
		if nextMinutes >= 0 {
			next = noon.Add(time.Duration(nextMinutes) * time.Minute)
		}
		got, err := w.Pending(w.ctx, noon.Add(time.Duration(minutes)*time.Minute))
		if w.ok(err); got.Due != due || got.Leased != leased || !got.Next.Equal(next) {
			w.Errorf("%s: %+v, want due %d, leased %d, next %v", what, got, due, leased, next)
		}
	}
	count := func(want map[receipt.Status]int) {
		w.Helper()
		got, err := w.Counts(w.ctx)
		w.ok(err)
		for _, s := range receipt.Statuses {
			if got[s] != want[s] {
				w.Errorf("%d are %s, want %d", got[s], s, want[s])
			}
		}
	}
	look("empty", 0, 0, 0, -1)
	count(nil)
	for n := range 6 {
		w.book(n, 10*n)
	}
	mail := booked(appointment(9), person(9), 1, "A", noon.Add(15*time.Minute))
	mail.Plan.Reminders[0].Route = "email"
	w.fold(person(9), mail)
	look("before all", -1, 0, 0, 0)
	look("two routes", 12, 2, 0, 15)
	count(map[receipt.Status]int{receipt.Planned: 7})
	l := w.leaseOne()
	look("one leased", 12, 1, 1, 15)
	i, _ := w.intend(l, address(1))
	count(map[receipt.Status]int{receipt.Planned: 6, receipt.Intended: 1})
	w.fold(i.Person, outcome(i, receipt.Accepted))
	w.ok(w.Done(w.ctx, l.Lease))
	look("done", 12, 1, 0, 15)
	w.fold(person(1), cancelled(appointment(1), person(1), 2))
	look("cancelled", 60, 5, 0, -1)
	w.fold(person(2), receipt.Verdict{Reminder: remind(appointment(2), "A"), Person: person(2), Status: receipt.Denied})
	look("denied", 60, 4, 0, -1)
	count(map[receipt.Status]int{receipt.Planned: 4, receipt.Accepted: 1, receipt.Cancelled: 1, receipt.Denied: 1})
}

// leaseRace has workers take, give back and finish at once: no reminder, and no person, is held by two.
func leaseRace(w *world) {
	w.certify(time.Minute)
	const people, each = 12, 5
	for n := range people * each {
		p := person(n % people)
		w.fold(p, booked(appointment(n), p, 1, "A", noon))
	}
	var mu sync.Mutex
	held, finished := map[reminder.PersonKey]bool{}, map[reminder.ID]int{}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for round := 0; ; round++ {
				mu.Lock()
				all := len(finished) == people*each
				mu.Unlock()
				if all || w.Failed() {
					return
				}
				ls, err := w.Lease(w.ctx, route, noon, 3, time.Minute)
				if err != nil {
					w.Error(err)
					return
				}
				mu.Lock()
				for _, l := range ls {
					if held[l.Person] {
						w.Errorf("a person's reminders are held by two")
					}
					held[l.Person] = true
				}
				mu.Unlock()
				for k, l := range ls {
					finish := (worker+round+k)%3 > 0
					if finish {
						w.fold(l.Person, receipt.Verdict{Reminder: l.Reminder, Person: l.Person, Status: receipt.Denied})
					}
					mu.Lock()
					held[l.Person] = false // before it is given back, for then another may have it
					if finish {
						finished[l.Reminder]++
					}
					mu.Unlock()
					if finish {
						err = w.Done(w.ctx, l.Lease)
					} else {
						err = w.Retry(w.ctx, l.Lease, noon, "")
					}
					if err != nil {
						w.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	for id, n := range finished {
		if n != 1 {
			w.Errorf("%s was finished %d times", id, n)
		}
	}
	pending, err := w.Pending(w.ctx, noon.Add(time.Hour))
	if w.ok(err); pending != (state.Pending{}) {
		w.Errorf("left over: %+v", pending)
	}
}
