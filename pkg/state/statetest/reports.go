package statetest

import (
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// attempt is the first attempt of a person's only reminder.
func (w *world) attempt(p reminder.PersonKey, id reminder.ID) state.Attempt {
	w.Helper()
	var x state.Attempt
	w.ok(w.View(w.ctx, p, func(p *state.Person) error {
		x = p.Reminders[id].Attempts[0]
		x.Parts, x.Words = slices.Clone(x.Parts), slices.Clone(x.Words)
		return nil
	}))
	return x
}

func (w *world) wantNamed(what string, want [][]string, names ...state.Name) {
	w.Helper()
	got, err := w.Named(w.ctx, names)
	w.ok(err)
	for i := range got {
		slices.Sort(got[i])
	}
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		w.Errorf("%s: %v, want %v", what, got, want)
	}
}

// namedAttempts: carriers that report by their own ids find the attempt by them.
func namedAttempts(w *world) {
	if got, err := w.Named(w.ctx, nil); err != nil || len(got) != 0 {
		w.Errorf("nothing asked: %v, %v", got, err)
	}
	p, q := person(1), person(2)
	_, i, _ := w.ready(p, 1)
	_, k, _ := w.ready(q, 2)
	a, b, other := state.Name{Carrier: "smpp", ID: "77 a"}, state.Name{Carrier: "smpp", ID: "b"}, state.Name{Carrier: "link", ID: "b"}
	w.wantNamed("before the answer", [][]string{nil, nil}, a, b)
	o := outcome(i, receipt.Accepted)
	o.Carrier, o.CarrierID, o.Parts = "smpp", a.ID, []string{b.ID}
	w.fold(p, o)
	w.wantNamed("of one", [][]string{{i.Claim}, {i.Claim}, nil}, a, b, other)
	// One that was reported before it was answered is named all the same.
	w.fold(q, receipt.Report{Claim: k.Claim, Person: q, Status: receipt.Delivered})
	o = outcome(k, receipt.Accepted)
	o.Carrier, o.CarrierID = "smpp", b.ID
	w.fold(q, o)
	w.wantNamed("an id that its carrier has given twice", [][]string{{i.Claim}, {i.Claim, k.Claim}}, a, b)
	// Our own reference is no name.
	r := person(3)
	_, own, _ := w.ready(r, 3)
	o = outcome(own, receipt.Accepted)
	o.Carrier, o.CarrierID = "smtp", own.Claim
	w.fold(r, o)
	w.wantNamed("our own reference", [][]string{nil}, state.Name{Carrier: "smtp", ID: own.Claim})
	// A late yes names what has no name: before our carrier's answer is known, and after it was a doubt. The answer says more.
	u, v := person(4), person(5)
	_, doubt, _ := w.ready(u, 4)
	_, open, _ := w.ready(v, 5)
	yes := func(i receipt.Intent, id string) receipt.Report {
		return receipt.Report{Claim: i.Claim, Person: i.Person, Carrier: "smpp", CarrierID: id, Status: receipt.Accepted}
	}
	late, part, first := state.Name{Carrier: "smpp", ID: "late"}, state.Name{Carrier: "smpp", ID: "part"}, state.Name{Carrier: "smpp", ID: "first"}
	w.fold(u, outcome(doubt, receipt.Unknown))
	w.fold(u, yes(doubt, late.ID))
	w.fold(u, yes(doubt, "another"))
	w.fold(v, yes(open, part.ID))
	w.wantNamed("by a late yes", [][]string{{doubt.Claim}, {open.Claim}, nil, nil}, late, part, first, state.Name{Carrier: "smpp", ID: "another"})
	if s := w.status(u, doubt.Reminder); s != receipt.Accepted {
		w.Errorf("after a late yes it is %s", s)
	}
	if s := w.status(v, open.Reminder); s != receipt.Intended {
		w.Errorf("before its carrier's answer it is %s", s)
	}
	o = outcome(open, receipt.Accepted)
	o.Carrier, o.CarrierID, o.Parts = "smpp", part.ID, []string{first.ID}
	w.fold(v, o)
	w.wantNamed("by the answer", [][]string{{open.Claim}, {open.Claim}}, part, first)
	w.foldAt(p.Shard(), "", noon, state.Trim{Before: noon.AddDate(0, 0, 5)})
	w.wantNamed("after the trim", [][]string{nil, {k.Claim}}, a, b)
}

// contradicted: a refused attempt that was delivered takes the reminder off the due, also from under who leased it meanwhile.
func contradicted(w *world) {
	p := person(1)
	w.certify(time.Minute)
	held, i, _ := w.ready(p, 1)
	w.fold(p, outcome(i, receipt.Refused))
	w.ok(w.Done(w.ctx, held.Lease))
	l := w.leaseOne()
	if l.Reminder != i.Reminder || l.Attempt != 2 || l.Refusals != 1 {
		w.Fatalf("leased %+v", l)
	}
	w.fold(p, receipt.Report{Claim: i.Claim, Person: p, Carrier: "smpp", Status: receipt.Delivered})
	if s := w.status(p, i.Reminder); s != receipt.Delivered {
		w.Errorf("refused and delivered, it is %s", s)
	}
	next := i
	next.Attempt, next.Claim = 2, reminder.NewClaim(p)
	w.fold(p, next)
	if s := w.status(p, i.Reminder); s != receipt.Delivered {
		w.Errorf("intended again, it is %s", s)
	}
	_ = w.Retry(w.ctx, l.Lease, noon, route) // whatever is said to it
	if ls := w.lease(9); len(ls) != 0 {
		w.Errorf("leased again: %+v", ls)
	}
}

// segmentReports: the parts of a long message are reported each by itself, and its mark stays until its carrier has answered.
func segmentReports(w *world) {
	p := person(1)
	w.certify(time.Minute)
	w.fold(p, booked(appointment(1), p, 1, "A", noon))
	l := w.leaseOne()
	i := receipt.Intent{
		Reminder: l.Reminder, Person: p, Attempt: 1, Claim: reminder.NewClaim(p), Version: 1, Route: route, Channel: reminder.SMS, Address: address(1), Segments: 2,
	}
	ps, err := w.Persons(w.ctx, []reminder.PersonKey{p})
	w.ok(err)
	w.fold(p, i)
	w.ok(w.confirm(state.Confirmation{
		Reminder: l.Reminder, Person: p, Token: l.Token, Version: 1, PersonVersion: ps[0].Version, Attempt: 1, Claim: i.Claim, Address: address(1), At: noon, NotAfter: l.Expires,
	}))
	said := func(id string, s receipt.Status) receipt.Report {
		return receipt.Report{Claim: i.Claim, Person: p, Carrier: "smpp", CarrierID: id, Status: s}
	}
	w.fold(p, said("b", receipt.Delivered))
	if s := w.status(p, i.Reminder); s != receipt.Intended {
		w.Errorf("reported before its answer it is %s", s)
	}
	w.wantMarks(address(1), 1)
	o := outcome(i, receipt.Accepted)
	o.Carrier, o.CarrierID, o.Parts = "smpp", "a", []string{"b"}
	w.fold(p, o)
	w.wantMarks(address(1), 0)
	if s := w.status(p, i.Reminder); s != receipt.Accepted {
		w.Errorf("one of two segments delivered, it is %s", s)
	}
	w.fold(p, said("a", receipt.Delivered))
	if s := w.status(p, i.Reminder); s != receipt.Delivered {
		w.Errorf("both delivered, it is %s", s)
	}
	bad := said("b", receipt.Undelivered)
	bad.Fault, bad.Signed, bad.At = "not_in_use", true, noon.Add(-time.Minute)
	w.fold(p, bad)
	if x := w.attempt(p, i.Reminder); x.Status != receipt.Undelivered || x.Fault != "" || !slices.Equal(x.Parts, []string{"b"}) || len(x.Words) != 2 {
		w.Errorf("delivered and failed: %+v", x)
	}
}

// orphans wait, once each, until they are gone.
func orphans(w *world) {
	keep := func(at time.Time, o state.Orphan) {
		w.Helper()
		w.foldAt(o.Shard(), "", at, o)
	}
	want := func(what string, want ...string) {
		w.Helper()
		os, err := w.Orphans(w.ctx)
		w.ok(err)
		var got []string
		for _, o := range os {
			got = append(got, o.CarrierID+" "+string(o.Status))
			if o.Since.IsZero() || o.Gone || o.Carrier != "smpp" {
				w.Errorf("%s: incomplete: %+v", what, o)
			}
			if o.CarrierID == "b" && (o.Code != "34" || o.Fault != "barred" || !o.Signed || !o.At.Equal(noon) || !o.Since.Equal(noon.Add(time.Hour))) {
				w.Errorf("%s: %+v", what, o)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			w.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	want("none")
	a := state.Orphan{Report: receipt.Report{Carrier: "smpp", CarrierID: "a", Status: receipt.Delivered}}
	b := state.Orphan{Report: receipt.Report{Carrier: "smpp", CarrierID: "b", Status: receipt.Undelivered, Code: "34", Fault: "barred", Signed: true, At: noon}}
	keep(noon, a)
	keep(noon.Add(time.Hour), b)
	keep(noon, a) // said again
	failed := a
	failed.Status = receipt.Undelivered
	keep(noon, failed)
	want("three", "a delivered", "a undelivered", "b undelivered")
	a.Gone = true
	keep(noon.Add(2*time.Hour), a)
	keep(noon.Add(2*time.Hour), a)
	want("one has gone", "a undelivered", "b undelivered")
	failed.Gone = true
	w.foldAt(b.Shard(), "", noon, b)
	b.Gone = true
	w.foldAt(failed.Shard(), "", noon, failed)
	w.foldAt(b.Shard(), "", noon, state.Orphan{Report: b.Report}, b) // said and gone in one run
	want("all have gone")
}
