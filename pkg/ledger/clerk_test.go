package ledger_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
)

// one is the person's only reminder in a status.
func (w *world) one(p reminder.PersonKey, s receipt.Status) reminder.ID {
	w.Helper()
	vs := w.reminders(p)[s]
	if len(vs) != 1 {
		w.Fatalf("%d reminders are %s, want 1", len(vs), s)
	}
	return vs[0].ID
}

// What a restored journal holds goes again when a clerk says so, and not before.
func TestReleaseOfTheRestored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	if n, err := w.Quarantine(w.ctx); n != 1 || err != nil {
		t.Fatalf("%d held, %v", n, err)
	}
	id, p := w.one(w.person(1), receipt.Held), w.person(1)
	w.ok(w.Switch(w.ctx, state.Switch{Name: "all"}))
	if ls := w.lease(9); len(ls) != 0 {
		t.Fatalf("%d leases of what is held", len(ls))
	}
	w.ok(w.Release(w.ctx, p, id, "karen", "not on the list"))
	w.is(w.Release(w.ctx, p, id, "karen", "not on the list"), ledger.ErrNotReleasable)
	want := w.dump()
	w.restart()
	w.wantDump(w.dump(), want)
	x := w.wire(number)
	if x.lease.Reminder != id {
		t.Errorf("another reminder was sent")
	}
	w.is(w.Cancel(w.ctx, p, id, "karen"), ledger.ErrNotWaiting)
	w.settle(x, receipt.Accepted)
	w.is(w.Cancel(w.ctx, p, id, "karen"), ledger.ErrNotWaiting)
	w.wantCounts(p, map[receipt.Status]int{receipt.Accepted: 1, receipt.Planned: 1})
}

// A digit run that nothing explains goes with its plan's message once an approver says so; what else is found does not.
func TestReleaseOfDigits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	w.due()
	p := w.person(1)
	digits := []reminder.Finding{{Kind: "digits", Layout: "2-2-2", Part: reminder.PartText, Offset: 40, Length: 8, Releasable: true}}
	hold := func(findings []reminder.Finding) reminder.Lease {
		t.Helper()
		ls := w.lease(1)
		if len(ls) != 1 {
			t.Fatalf("%d leases", len(ls))
		}
		w.ok(w.Rule(w.ctx, []receipt.Verdict{{Reminder: ls[0].Reminder, Person: p, Version: ls[0].Version, Status: receipt.Held, Template: "t@1", Findings: findings,
			Decision: receipt.Decision{Reason: findings[0].Kind}}}))
		w.ok(w.Done(w.ctx, ls[0]))
		return ls[0]
	}
	l := hold(digits)
	if l.Release != nil {
		t.Fatal("something is let pass that nobody released")
	}
	// The fold lets pass what was found, and no more.
	more := append(digits[:1:1], reminder.Finding{Kind: "cpr", Part: reminder.PartText})
	w.ok(w.Rule(w.ctx, []receipt.Verdict{{Reminder: l.Reminder, Person: p, Status: receipt.Planned, Findings: more}}))
	w.wantCounts(p, map[receipt.Status]int{receipt.Held: 1, receipt.Planned: 1})
	w.ok(w.Release(w.ctx, p, l.Reminder, "karen", "our house number"))
	w.restart()

	// The message is tried again with what was let pass; something else is found, and let pass too.
	phone := []reminder.Finding{{Kind: "phone", Layout: "8", Part: reminder.PartHeader, Length: 8, Releasable: true}}
	if l = hold(phone); l.Release == nil || l.Release.Template != "t@1" || !slices.Equal(l.Release.Findings, digits) {
		t.Fatalf("released %+v", l.Release)
	}
	w.ok(w.Release(w.ctx, p, l.Reminder, "karen", "our switchboard"))
	// Among what is found now is a national id: nobody can let that pass.
	if l = hold(more); l.Release == nil || len(l.Release.Findings) != 2 {
		t.Fatalf("released %+v", l.Release)
	}
	w.is(w.Release(w.ctx, p, l.Reminder, "karen", "x"), ledger.ErrNotReleasable)
	w.wantCounts(p, map[receipt.Status]int{receipt.Held: 1, receipt.Planned: 1})

	// A newer event of the booking: another message, and nothing is let pass in it.
	w.accept(w.appointment(1, revision(2)))
	ls := w.lease(9)
	if len(ls) != 1 || ls[0].Release != nil {
		t.Errorf("leases %+v: want the message of the newer plan, in which nothing is let pass", ls)
	}
}

// What is held for its text stays held, whatever is asked, until it is cancelled.
func TestReleaseOfTheUnclean(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	w.due()
	l, p := w.lease(1)[0], w.person(1)
	w.ok(w.Rule(w.ctx, []receipt.Verdict{{Reminder: l.Reminder, Person: p, Version: l.Version, Status: receipt.Held, Decision: receipt.Decision{Reason: "content"}}}))
	w.ok(w.Done(w.ctx, l))
	w.is(w.Release(w.ctx, p, l.Reminder, "karen", "x"), ledger.ErrUnreleasable)
	// The fold does not take it either.
	w.ok(w.Rule(w.ctx, []receipt.Verdict{{Reminder: l.Reminder, Person: p, Status: receipt.Planned}}))
	w.wantCounts(p, map[receipt.Status]int{receipt.Held: 1, receipt.Planned: 1})

	waiting := w.one(p, receipt.Planned)
	w.is(w.Release(w.ctx, p, waiting, "karen", "x"), ledger.ErrNotReleasable)
	w.ok(w.Cancel(w.ctx, p, waiting, "karen"))
	w.ok(w.Cancel(w.ctx, p, l.Reminder, "karen"))
	w.is(w.Cancel(w.ctx, p, waiting, "karen"), ledger.ErrNotWaiting)
	w.is(w.Cancel(w.ctx, w.person(2), waiting, "karen"), ledger.ErrNotWaiting)
	w.wantCounts(p, map[receipt.Status]int{receipt.Cancelled: 2})
	if ls, err := w.Letters(w.ctx, ledger.LetterFilter{}, nil); err != nil || len(ls.Letters) != 0 {
		t.Errorf("letters %+v, %v: the clerk has seen to it", ls, err)
	}
}

func TestLastAudits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 9 {
		w.ok(w.Audit(w.ctx, ledger.Audit{Actor: "karen", Action: fmt.Sprint(n), Person: w.person(n % 2), Left: []string{"claim"}}))
	}
	for _, x := range []struct {
		person reminder.PersonKey
		most   int
		want   string
	}{
		{"", 3, "6 7 8"}, {"", 9, "0 1 2 3 4 5 6 7 8"}, {"", 1000, "0 1 2 3 4 5 6 7 8"},
		{w.person(1), 100, "1 3 5 7"}, {w.person(0), 2, "6 8"}, {w.person(0), 1, "8"}, {w.person(5), 9, ""},
	} {
		as, err := w.LastAudits(w.ctx, x.person, x.most)
		w.ok(err)
		var got []string
		for _, a := range as {
			got = append(got, a.Action)
			if a.Actor != "karen" || !slices.Equal(a.Left, []string{"claim"}) {
				t.Errorf("%+v", a)
			}
		}
		if s := strings.Join(got, " "); s != x.want {
			t.Errorf("the last %d: %s, want %s", x.most, s, x.want)
		}
	}
}

// What waits for a unit that has left the directory is on the letter list, planned or remembered.
func TestLettersOfAnUnknownUnit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1), w.appointment(2, later(300*day)), w.appointment(3), w.appointment(4))
	w.known(w.person(3), number)
	w.due()
	for _, l := range w.lease(9) {
		if l.Person == w.person(3) {
			x := attempt{lease: l, intent: intentOf(l, w.p.Address(number))}
			w.ok(w.Intend(w.ctx, []receipt.Intent{x.intent}))
			w.ok(w.confirm(x))
			w.settle(x, receipt.Accepted)
		}
	}
	told := w.person(3)
	if len(w.reminders(told)[receipt.Accepted]) != 1 {
		t.Fatal("the third was not told")
	}
	w.accept(w.appointment(4, revision(2), cancelled))
	list := func(known func(string) bool) (ids []string) {
		ls, err := w.Letters(w.ctx, ledger.LetterFilter{}, known)
		w.ok(err)
		for _, l := range ls.Letters {
			if l.Reason != ledger.UnknownUnit || !l.Provisional || l.Call || l.Unit != "rh-ortho" {
				t.Errorf("%+v", l)
			}
			ids = append(ids, l.Appointment)
		}
		return ids
	}
	if ids := list(func(unit string) bool { return unit != "rh-ortho" }); !slices.Equal(ids, []string{"A-1", "A-2"}) {
		t.Errorf("letters of %v, want the planned and the remembered", ids)
	}
	if ids := list(func(string) bool { return true }); len(ids) != 0 {
		t.Errorf("letters of %v although the unit is there", ids)
	}
	// Moved after it was told, and no notice can go: a call.
	w.accept(w.appointment(3, revision(2), later(day)))
	found, err := w.Letters(w.ctx, ledger.LetterFilter{}, func(string) bool { return false })
	w.ok(err)
	ls := found.Letters
	if i := slices.IndexFunc(ls, func(l ledger.Letter) bool { return l.Person == told }); i < 0 || !ls[i].Call || ls[i].Reason != ledger.UnknownUnit {
		t.Errorf("%+v, want a call for the one that moved", ls)
	}
}

// damaged is a state in which everything that is sealed of one person is torn.
type damaged struct {
	*memory.State
	of reminder.PersonKey
}

func (d damaged) tear(p *state.Person) *state.Person {
	if p.Key != d.of {
		return p
	}
	x := *p
	if len(x.Sealed) > 0 {
		x.Sealed = x.Sealed[:20]
	}
	x.Appointments = map[reminder.AppointmentKey]*state.Appointment{}
	for k, a := range p.Appointments {
		b := *a
		b.Sealed = a.Sealed[:20]
		x.Appointments[k] = &b
	}
	return &x
}

func (d damaged) Each(ctx context.Context, fn func(*state.Person) error) error {
	return d.State.Each(ctx, func(p *state.Person) error { return fn(d.tear(p)) })
}

func (d damaged) Agenda(ctx context.Context, a state.Agenda, until time.Time, fn func(*state.Person) error) error {
	return d.State.Agenda(ctx, a, until, func(p *state.Person) error { return fn(d.tear(p)) })
}

func (d damaged) View(ctx context.Context, key reminder.PersonKey, fn func(*state.Person) error) error {
	return d.State.View(ctx, key, func(p *state.Person) error { return fn(d.tear(p)) })
}

func (d damaged) Persons(ctx context.Context, keys []reminder.PersonKey) ([]state.Person, error) {
	ps, err := d.State.Persons(ctx, keys)
	for i := range ps {
		ps[i] = *d.tear(&ps[i])
	}
	return ps, err
}

// What can't be read of one person holds up nobody else, and is no yes for that person.
func TestDamagedBesideOthers(t *testing.T) {
	t.Parallel()
	w := worldWith(t, t.TempDir(), journal.NewKeyset())
	seen, logs := observer.New(zap.ErrorLevel)
	w.change = append(w.change, func(o *ledger.Options) {
		o.State, o.Log = damaged{w.state, w.person(2)}, zap.New(seen)
	})
	w.open()
	torn := func(a *reminder.Appointment) { a.Person, a.NationalID = w.person(2), nationalID(2) }
	w.accept(w.appointment(1), w.appointment(2), w.appointment(3, later(300*day)), w.appointment(4, later(300*day), torn))
	for _, n := range []int{1, 2} {
		w.known(w.person(n), reminder.NewAddress(reminder.SMS, fmt.Sprintf("+452012345%d", n)))
	}

	ps, err := w.People(w.ctx, []reminder.PersonKey{w.person(2), w.person(1)})
	w.ok(err)
	if ps[0].Known || ps[0].Key != w.person(2) || len(ps[0].Consent) > 0 || len(ps[0].Contact) > 0 {
		t.Errorf("of the damaged person is known: %+v", ps[0])
	}
	if !ps[1].Known || len(ps[1].Contact) != 1 || ps[1].BirthDate.IsZero() {
		t.Errorf("of the other person is known: %+v", ps[1])
	}

	vs, err := w.Reminders(w.ctx, ledger.Filter{})
	w.ok(err)
	if len(vs) != 4 {
		t.Errorf("%d reminders, want all 4", len(vs))
	}
	for _, v := range vs {
		if (v.Unit == "") != (v.Person == w.person(2)) {
			t.Errorf("%+v", v)
		}
		w.ok(w.Rule(w.ctx, []receipt.Verdict{{Reminder: v.ID, Person: v.Person, Status: receipt.Denied, Decision: receipt.Decision{Reason: "unknown"}}}))
	}
	list, err := w.Letters(w.ctx, ledger.LetterFilter{}, func(string) bool { return true })
	w.ok(err)
	ls := list.Letters
	if len(ls) != 1 || ls[0].Appointment != "A-1" {
		t.Errorf("letters %+v", ls)
	}

	w.at(noon.Add(200 * day))
	if n, err := w.SweepRemembered(w.ctx); n != 1 || err != nil {
		t.Errorf("%d planned, %v", n, err)
	}
	w.wantCounts(w.person(3), map[receipt.Status]int{receipt.Planned: 2})

	said := map[string]bool{}
	for _, e := range logs.All() {
		said[e.Message] = true
		for name, v := range e.ContextMap() {
			if s := fmt.Sprint(v); strings.Contains(s, nationalID(2).Reveal()) || strings.Contains(s, "A-2") || strings.Contains(s, "A-4") {
				t.Errorf("%s of the log line is no pseudonym: %s", name, s)
			}
		}
	}
	if len(said) != 4 {
		t.Errorf("the log has %v, want a line for each of the four", said)
	}
}
