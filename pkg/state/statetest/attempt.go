package statetest

import (
	"slices"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

func (w *world) forsake(is ...receipt.Intent) []bool {
	w.Helper()
	os := make([]receipt.Open, len(is))
	for n, i := range is {
		os[n] = receipt.Open{Intent: i, At: noon}
	}
	got, err := w.Forsake(w.ctx, os)
	if w.ok(err); len(got) != len(is) {
		w.Fatalf("%d answers to %d attempts", len(got), len(is))
	}
	return got
}

func forsake(w *world) {
	p, q := person(1), person(2)
	_, began, c := w.ready(p, 1)
	_, never, d := w.ready(q, 2)
	w.ok(w.confirm(c))
	stranger := never
	stranger.Claim = "02ffffffffffffffffffffffffff"
	if got := w.forsake(began, never, stranger); !slices.Equal(got, []bool{false, true, false}) {
		w.Errorf("forsaken %v, want only what was never confirmed", got)
	}
	if got := w.forsake(never); !got[0] {
		w.Error("what is forsaken does not stay so")
	}
	w.is(w.confirm(d), state.ErrClaim)
	w.wantMarks(address(2), 0)
	w.fold(q, outcome(never, receipt.NotBegun))
	w.is(w.confirm(d), state.ErrClaim)
	if s := w.status(q, never.Reminder); s != receipt.Planned {
		w.Errorf("status %s, want planned again", s)
	}
	// The first, whose mark was seen, is settled: its attempt is no longer anybody's to forsake.
	w.fold(p, outcome(began, receipt.Unknown))
	if got := w.forsake(began); got[0] {
		w.Error("a settled attempt is forsaken")
	}
}

// forsakeRace sets Forsake against Confirm: never both.
func forsakeRace(w *world) {
	w.certify(time.Minute)
	for round := range 60 {
		p := person(round)
		w.fold(p, booked(appointment(round), p, 1, "A", noon))
		i, c := w.intend(w.leaseOne(), address(round))
		var err error
		var gone []bool
		var wg sync.WaitGroup
		wg.Go(func() { err = w.confirm(c) })
		wg.Go(func() {
			var err error
			if gone, err = w.Forsake(w.ctx, []receipt.Open{{Intent: i, At: noon}}); err != nil || len(gone) != 1 {
				w.Error(gone, err)
			}
		})
		wg.Wait()
		if w.Failed() {
			return
		}
		if (err == nil) == gone[0] {
			w.Fatalf("confirmed: %v; forsaken: %v", err, gone[0])
		}
	}
}

func forsakeBroken(w *world) {
	p := person(1)
	_, i, c := w.ready(p, 1)
	w.certify(short)
	time.Sleep(past)
	if w.forsake(i)[0] {
		w.Error("forsaken while nobody vouches")
	}
	w.certify(time.Minute)
	if w.forsake(i)[0] {
		w.Error("forsaken although the certificate had lapsed: a mark may be lost")
	}
	w.ok(w.confirm(c)) // which is no reason to refuse it
	// Folded before anybody vouched: as good as lost.
	q := person(2)
	w.certify(short)
	w.fold(q, booked(appointment(2), q, 1, "A", noon))
	ls, err := w.Lease(w.ctx, route, noon, 9, time.Minute)
	if w.ok(err); len(ls) != 1 {
		w.Fatalf("%d leases", len(ls))
	}
	time.Sleep(past)
	late := receipt.Intent{Reminder: ls[0].Reminder, Person: q, Attempt: 1, Claim: "0200000000000000000000000001", Version: 1, Address: address(2)}
	w.fold(q, late)
	w.certify(time.Minute)
	if w.forsake(late)[0] {
		w.Error("forsaken although its intent was folded while nobody vouched")
	}
	// And what comes after is as usual.
	_, fresh, _ := w.ready(person(3), 3)
	w.certify(time.Minute)
	if !w.forsake(fresh)[0] {
		w.Error("not forsaken although the certificate was renewed in time")
	}
}

func opens(w *world) {
	w.certify(time.Minute)
	look := func(what string, before time.Time, want ...string) {
		w.Helper()
		os, err := w.Opens(w.ctx, before)
		w.ok(err)
		var got []string
		for _, o := range os {
			got = append(got, o.Claim)
			if o.Person.Shard() == 0 || o.Reminder == "" || o.Attempt != 1 || o.Route != route || o.At.IsZero() {
				w.Errorf("%s: incomplete: %+v", what, o)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			w.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	look("empty", noon.Add(time.Hour))
	var claims []string
	var is []receipt.Intent
	for n := 1; n <= 3; n++ {
		p := person(n)
		w.fold(p, booked(appointment(n), p, 1, "A", noon))
		l := w.leaseOne()
		i := receipt.Intent{Reminder: l.Reminder, Person: p, Attempt: 1, Claim: reminder.NewClaim(p), Version: 1, Route: route, Address: address(n)}
		w.foldAt(p.Shard(), p, noon.Add(time.Duration(n)*time.Minute), i)
		claims, is = append(claims, i.Claim), append(is, i)
	}
	look("all", noon.Add(time.Hour), claims...)
	look("before the third", noon.Add(3*time.Minute), claims[:2]...)
	look("before all", noon.Add(time.Minute))
	w.fold(is[0].Person, outcome(is[0], receipt.Unknown))
	w.fold(is[1].Person, outcome(is[1], receipt.NotBegun))
	w.ok(w.View(w.ctx, is[1].Person, func(p *state.Person) error {
		if l, ok := p.Lease(is[1].Reminder); !ok || l.Attempt != 2 || l.Refusals != 0 {
			w.Errorf("after one that did not begin: attempt %d, %d refused", l.Attempt, l.Refusals)
		}
		return nil
	}))
	look("two settled", noon.Add(time.Hour), claims[2])
}

func trim(w *world) {
	_, open, c := w.ready(person(1), 1) // still on the wire: stays
	w.ok(w.confirm(c))
	sent := w.book(2, 0)
	l := w.leaseOne()
	i, _ := w.intend(l, address(2))
	w.fold(person(2), outcome(i, receipt.Accepted))
	w.ok(w.Done(w.ctx, l.Lease))
	waiting := w.book(3, 0)
	later := w.book(4, 60*24*7)
	off := cancelled(appointment(4), person(4), 2)
	off.Plan.Ends = noon.AddDate(0, 0, 8)
	w.fold(person(4), off)
	cut := state.Trim{Before: noon.AddDate(0, 0, 5)}
	w.foldAt(person(1).Shard(), "", noon, cut) // other shards keep theirs
	if s := w.status(person(2), sent); s != receipt.Accepted {
		w.Errorf("another shard's trim: %q", s)
	}
	for n := 2; n <= 4; n++ {
		w.foldAt(person(n).Shard(), "", noon, cut)
	}
	for id, want := range map[reminder.ID]receipt.Status{open.Reminder: receipt.Intended, sent: "", waiting: receipt.Planned, later: receipt.Cancelled} {
		for n := 1; n <= 4; n++ {
			if remind(appointment(n), "A") == id {
				if got := w.status(person(n), id); got != want {
					w.Errorf("reminder %d is %q, want %q", n, got, want)
				}
			}
		}
	}
	got, err := w.Appointments(w.ctx, []reminder.AppointmentKey{appointment(1), appointment(2), appointment(3), appointment(4)})
	w.ok(err)
	for n, h := range got {
		if (h.Person == "") != (n == 1) {
			w.Errorf("appointment %d after the trim: %+v", n+1, h)
		}
	}
	counts, err := w.Counts(w.ctx)
	if w.ok(err); counts[receipt.Accepted] != 0 || counts[receipt.Intended] != 1 || counts[receipt.Planned] != 1 {
		w.Errorf("counts %v", counts)
	}
	w.wantMarks(address(1), 1)
	if ls := w.lease(9); !slices.Equal(ids(ls), []reminder.ID{waiting}) {
		w.Errorf("leased %v, want what waited", ids(ls))
	}
}
