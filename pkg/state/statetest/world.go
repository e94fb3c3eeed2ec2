package statetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// noon is when the stories begin. Stores end leases and certificates by their own clock, never by this one.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const route = "sms"

// A lease or certificate of the time short has surely ended when the time past is over, and surely not before a test's
// next few calls.
const (
	short = 200 * time.Millisecond
	past  = 300 * time.Millisecond
)

// world is a store with a journal's pen in hand.
type world struct {
	*testing.T
	state.State
	ctx context.Context //nolint:containedctx // the test's own, for as long as the test

	mu     sync.Mutex // one projector
	seq    state.Vector
	claims int
}

func newWorld(t *testing.T, s state.State) *world {
	t.Helper()
	return &world{T: t, State: s, ctx: t.Context()}
}

// person is the nth person, in shard n.
func person(n int) reminder.PersonKey {
	return reminder.PersonKey(fmt.Sprintf("1-%02x%030x", n%reminder.Shards, n))
}

// address is the nth address, in shard n.
func address(n int) reminder.AddressHash {
	return reminder.AddressHash(fmt.Sprintf("1-%02x%030x", n%reminder.Shards, 1000+n))
}

func appointment(n int) reminder.AppointmentKey {
	return reminder.AppointmentKey(fmt.Sprintf("1-%032x", 2000+n))
}

// remind is the id of the reminder of an appointment at a start.
func remind(a reminder.AppointmentKey, tag string) reminder.ID {
	return reminder.ID(string(a) + "/" + tag)
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) is(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("got %v, want %v", err, want)
	}
}

func (w *world) certify(d time.Duration) {
	w.Helper()
	w.ok(w.Certify(w.ctx, d))
}

// fold journals bodies of one person, one entry each, and folds them.
func (w *world) fold(p reminder.PersonKey, bodies ...any) {
	w.Helper()
	w.foldAt(p.Shard(), p, noon, bodies...)
}

// bar folds a STOP from an address, or the START that takes it back.
func (w *world) bar(a reminder.AddressHash, lifted bool) {
	w.Helper()
	w.foldAt(a.Shard(), "", noon, state.Bar{Address: a, Lifted: lifted})
}

func (w *world) foldAt(shard int, p reminder.PersonKey, at time.Time, bodies ...any) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	from, err := w.Applied(w.ctx, shard)
	if err != nil {
		w.Error(err) // not Fatal: workers fold too
		return
	}
	to := from
	changes := make([]state.Change, len(bodies))
	for i, b := range bodies {
		c := state.Change{Stream: streamOf(b), At: at, Person: p, Body: b}
		w.seq[c.Stream]++
		c.Seq = w.seq[c.Stream]
		to[c.Stream] = c.Seq
		changes[i] = c
	}
	if err := w.Fold(w.ctx, state.Run{Shard: shard, From: from, To: to, Changes: changes})[0]; err != nil {
		w.Error(err)
	}
}

// booked is a plan of an appointment at the start that tag stands for, with one reminder due at due.
func booked(a reminder.AppointmentKey, p reminder.PersonKey, rev uint64, tag string, due time.Time) state.Planned {
	return state.Planned{
		System: "system", Sealed: []byte("sealed " + tag),
		Plan: plan.Plan{
			Appointment: a, Person: p, Order: reminder.Order{Revision: rev, Sequence: rev}, Status: plan.Booked, StartTag: tag,
			Reminders: []plan.Wanted{{ID: remind(a, tag), Rule: "48h", Purpose: reminder.Remind, Due: due, Expires: due.Add(46 * time.Hour), Route: route}},
			Notice:    plan.Notice{Due: due, Expires: due.Add(46 * time.Hour), Route: route},
			PlannedAt: noon, Ends: due.Add(48 * time.Hour).Truncate(24 * time.Hour),
		},
	}
}

func cancelled(a reminder.AppointmentKey, p reminder.PersonKey, rev uint64) state.Planned {
	x := booked(a, p, rev, "", noon)
	x.Plan.Status, x.Plan.Reminders = plan.Cancelled, nil
	return x
}

func word(id string, p reminder.PersonKey, t consent.Type) consent.Record {
	return consent.Record{
		ID: id, Person: p, Type: t, Purposes: []reminder.Purpose{reminder.Remind}, Channels: []reminder.Channel{reminder.SMS},
		Scope: consent.Scope{Kind: policy.ControllerScope}, Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self},
		EventTime: noon, Recorded: noon,
	}
}

func number(id string, p reminder.PersonKey, a reminder.AddressHash, t contact.Type, at time.Time) state.Contact {
	r := contact.Record{ID: id, Person: p, Type: t, Hash: a, Channel: reminder.SMS, EventTime: at, Recorded: at}
	if !r.IsBad() {
		r.Method = policy.DeskID
	}
	if t == contact.Verified {
		r.Level = policy.Proven
	}
	return state.Contact{Record: r, Sealed: []byte("sealed " + id)}
}

// lease leases up to limit, all that is due in the next years.
func (w *world) lease(limit int) []state.Leased {
	w.Helper()
	ls, err := w.Lease(w.ctx, route, noon.AddDate(5, 0, 0), limit, time.Minute)
	w.ok(err)
	return ls
}

func (w *world) leaseOne() state.Leased {
	w.Helper()
	ls := w.lease(1)
	if len(ls) != 1 {
		w.Fatalf("%d leases, want 1", len(ls))
	}
	return ls[0]
}

// intend folds an intent for what is leased and returns what Confirm needs.
func (w *world) intend(l state.Leased, a reminder.AddressHash) (receipt.Intent, state.Confirmation) {
	w.Helper()
	w.mu.Lock()
	w.claims++
	claim := fmt.Sprintf("%02x%026x", l.Person.Shard(), w.claims)
	w.mu.Unlock()
	i := receipt.Intent{
		Reminder: l.Reminder, Person: l.Person, Attempt: l.Attempt, Claim: claim, Version: l.Version, Route: l.Route,
		Channel: reminder.SMS, Address: a, Template: "da/reminder.sms",
	}
	ps, err := w.Persons(w.ctx, []reminder.PersonKey{l.Person})
	if err != nil {
		w.Error(err)
		return i, state.Confirmation{}
	}
	w.fold(l.Person, i)
	return i, state.Confirmation{
		Reminder: l.Reminder, Person: l.Person, Token: l.Token, Version: l.Version, PersonVersion: ps[0].Version, Attempt: l.Attempt,
		Claim: claim, Address: a, Switches: []string{"all", "unit:ortho"}, At: noon, NotAfter: l.Expires,
	}
}

// ready books one appointment of a person, leases its reminder and folds the intent.
func (w *world) ready(p reminder.PersonKey, n int) (state.Leased, receipt.Intent, state.Confirmation) {
	w.Helper()
	w.certify(time.Minute)
	w.fold(p, booked(appointment(n), p, 1, "A", noon))
	l := w.leaseOne()
	i, c := w.intend(l, address(n))
	return l, i, c
}

// confirm is the answer to one confirmation.
func (w *world) confirm(c state.Confirmation) error {
	errs, err := w.Confirm(w.ctx, []state.Confirmation{c})
	if err != nil {
		return err
	}
	if len(errs) != 1 {
		return fmt.Errorf("%d answers to one confirmation", len(errs))
	}
	return errs[0]
}

func outcome(i receipt.Intent, s receipt.Status) receipt.Outcome {
	return receipt.Outcome{Reminder: i.Reminder, Person: i.Person, Attempt: i.Attempt, Claim: i.Claim, Status: s}
}

// marks are the claims on the wire behind an address.
func (w *world) marks(a reminder.AddressHash) []string {
	w.Helper()
	ws, err := w.Wires(w.ctx, a, "")
	w.ok(err)
	out := make([]string, len(ws))
	for i, x := range ws {
		out[i] = x.Claim
	}
	return out
}

func (w *world) wantMarks(a reminder.AddressHash, n int) {
	w.Helper()
	if got := w.marks(a); len(got) != n {
		w.Errorf("marks %v, want %d", got, n)
	}
}

// status is where a reminder stands, "" when it is not known.
func (w *world) status(p reminder.PersonKey, id reminder.ID) receipt.Status {
	w.Helper()
	var s receipt.Status
	w.ok(w.View(w.ctx, p, func(x *state.Person) error {
		if r := x.Reminders[id]; r != nil {
			s = r.Status
		}
		return nil
	}))
	return s
}

func ids(ls []state.Leased) []reminder.ID {
	out := make([]reminder.ID, len(ls))
	for i, l := range ls {
		out[i] = l.Reminder
	}
	return out
}
