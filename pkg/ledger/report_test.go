package ledger_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// handOver is an attempt to the nth person's number that is on its way.
func (w *world) handOver(n int, to reminder.Address) attempt {
	w.Helper()
	w.accept(w.appointment(n))
	w.known(w.person(n), to)
	w.due()
	return w.wire(to)
}

// taken is a carrier's yes, with its ids of the segments.
func taken(x attempt, ids ...string) receipt.Outcome {
	o := outcome(x, receipt.Accepted)
	o.Carrier, o.CarrierID, o.Parts = "smpp", ids[0], ids[1:]
	return o
}

func (w *world) status(x attempt) receipt.Status {
	w.Helper()
	var s receipt.Status
	w.ok(w.state.View(w.ctx, x.lease.Person, func(p *state.Person) error {
		s = p.Reminders[x.lease.Reminder].Status
		return nil
	}))
	return s
}

func byID(id string, s receipt.Status) receipt.Report {
	return receipt.Report{Carrier: "smpp", CarrierID: id, Status: s, Code: "000"}
}

func (w *world) orphans(want int) {
	w.Helper()
	os, err := w.state.Orphans(w.ctx)
	if w.ok(err); len(os) != want {
		w.Errorf("%d reports wait, want %d", len(os), want)
	}
}

// reported is the counter of reports with one end.
func reported(t *testing.T, r *prometheus.Registry, outcome string) float64 {
	t.Helper()
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() == "husk_ledger_reports_total" {
			for _, m := range f.GetMetric() {
				if m.GetLabel()[0].GetValue() == outcome {
					return m.GetCounter().GetValue()
				}
			}
		}
	}
	t.Fatalf("no counter of %s", outcome)
	return 0
}

func TestReportsByTheCarriersID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.handOver(1, number)
	w.ok(w.Settle(w.ctx, []receipt.Outcome{taken(x, "77", "78")}))
	foreign := byID("77", receipt.Undelivered)
	foreign.Carrier = "link"
	w.ok(w.Report(w.ctx, foreign))
	w.orphans(1) // of a message of that carrier's that nobody knows
	foreign.Claim = x.intent.Claim
	w.ok(w.Report(w.ctx, foreign))
	w.ok(w.Report(w.ctx, byID("77", receipt.Delivered)))
	if s := w.status(x); s != receipt.Accepted {
		t.Errorf("one of two segments reported, it is %s", s)
	}
	n := w.last(journal.StreamJournal)
	w.ok(w.Report(w.ctx, byID("77", receipt.Delivered)))
	w.ok(w.Report(w.ctx, byID("77", receipt.Accepted)))
	if w.last(journal.StreamJournal) != n {
		t.Error("what is known already is journalled again")
	}
	w.ok(w.Report(w.ctx, byID("78", receipt.Delivered)))
	if s := w.status(x); s != receipt.Delivered {
		t.Errorf("both reported, it is %s", s)
	}
	w.restart()
	w.ok(w.Report(w.ctx, byID("78", receipt.Undelivered))) // the index is there again
	if s := w.status(x); s != receipt.Undelivered {
		t.Errorf("one failed after all, it is %s", s)
	}
}

func TestReportThatOvertakesTheOutcome(t *testing.T) {
	t.Parallel()
	r := prometheus.NewRegistry()
	w := newWorld(t, func(o *ledger.Options) { o.Metrics = r })
	x := w.handOver(1, number)
	w.ok(w.Report(w.ctx, byID("77", receipt.Delivered)))
	w.ok(w.Report(w.ctx, byID("77", receipt.Delivered)))
	w.ok(w.Report(w.ctx, byID("99", receipt.Delivered)))
	w.ok(w.Report(w.ctx, byID("98", receipt.Accepted))) // says nothing worth keeping
	w.ok(w.Report(w.ctx, byID(strings.Repeat("9", 200), receipt.Delivered)))
	w.orphans(2)
	if s := w.status(x); s != receipt.Intended {
		t.Errorf("before its carrier has answered it is %s", s)
	}
	if n, err := w.SweepOrphans(w.ctx); n != 0 || err != nil {
		t.Errorf("%d matched, %v", n, err)
	}
	w.ok(w.Settle(w.ctx, []receipt.Outcome{taken(x, "77")}))
	if n, err := w.SweepOrphans(w.ctx); n != 1 || err != nil {
		t.Errorf("%d matched, %v", n, err)
	}
	if s := w.status(x); s != receipt.Delivered {
		t.Errorf("matched, it is %s", s)
	}
	w.orphans(1)
	// What waits for longer is looked up now and then, and is dropped in the end, and told.
	w.at(w.now().Add(71 * time.Hour))
	if n, err := w.SweepOrphans(w.ctx); n != 0 || err != nil {
		t.Errorf("%d seen to, %v", n, err)
	}
	w.at(w.now().Add(2 * time.Hour))
	if n, err := w.SweepOrphans(w.ctx); n != 1 || err != nil {
		t.Errorf("%d dropped, %v", n, err)
	}
	w.orphans(0)
	for outcome, want := range map[string]float64{"kept": 3, "matched": 1, "lost": 1, "unknown": 1, "taken": 0} {
		if got := reported(t, r, outcome); got != want {
			t.Errorf("%s: %v, want %v", outcome, got, want)
		}
	}
	w.replayed()
	w.orphans(0)
	if s := w.status(x); s != receipt.Delivered {
		t.Errorf("replayed, it is %s", s)
	}
}

// replayed is restart without a snapshot, where metrics were registered once.
func (w *world) replayed() {
	w.Helper()
	w.change = []func(*ledger.Options){func(o *ledger.Options) { o.Snapshot.Path = "" }}
	w.restart()
}

// contactOf is what is known of a number of a person.
func (w *world) contactOf(p reminder.PersonKey, a reminder.Address) contact.State {
	w.Helper()
	ps, err := w.People(w.ctx, []reminder.PersonKey{p})
	w.ok(err)
	for _, s := range contact.Fold(ps[0].Contact, w.now()) {
		if s.Hash == w.p.Address(a) {
			return s
		}
	}
	return contact.State{}
}

// bad is a report that an attempt failed for good, of a number that nobody has.
func bad(x attempt, signed bool) receipt.Report {
	return receipt.Report{Claim: x.intent.Claim, Carrier: "link", Status: receipt.Undelivered, Code: "2104", Fault: "not_in_use", Signed: signed}
}

func TestFaultMarksTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := reminder.NewAddress(reminder.SMS, "+4520999999")
	w.accept(w.appointment(2))
	w.known(w.person(2), number) // who shares it
	w.ok(w.Consent(w.ctx, w.word(w.person(3), "granted")))
	w.ok(w.Contact(w.ctx, w.proof(w.person(3), other)))
	x := w.handOver(1, number)
	w.at(w.now().Add(time.Minute))
	w.ok(w.Report(w.ctx, bad(x, true)))
	for n := 1; n <= 2; n++ {
		if s := w.contactOf(w.person(n), number); !s.Bounced || s.Fault != contact.NotInUse || len(s.Proofs) != 0 {
			t.Errorf("person %d: %+v", n, s)
		}
	}
	if w.contactOf(w.person(3), other).Bounced {
		t.Error("another's number is marked")
	}
	// What waits is on the letter list, and says why.
	list, err := w.Letters(w.ctx, ledger.LetterFilter{}, nil)
	w.ok(err)
	if !slices.ContainsFunc(list.Letters, func(l ledger.Letter) bool { return l.Reason == "bounced" }) {
		t.Errorf("letters %+v", list.Letters)
	}
	n := w.last(journal.StreamPeople)
	w.ok(w.Report(w.ctx, bad(x, true)))
	w.restart()
	w.ok(w.Report(w.ctx, bad(x, true)))
	if w.last(journal.StreamPeople) != n {
		t.Error("a repeated report marks again")
	}
	// Proof from before does not lift it; proof since does.
	old := w.proof(w.person(1), number)
	old.Method, old.Level, old.EventTime = policy.KRR, policy.Registered, w.now().AddDate(0, -1, 0)
	w.ok(w.Contact(w.ctx, old))
	if !w.contactOf(w.person(1), number).Bounced {
		t.Error("a register's old date lifts it")
	}
	w.at(w.now().Add(time.Hour))
	w.ok(w.Contact(w.ctx, w.proof(w.person(1), number)))
	if s := w.contactOf(w.person(1), number); s.Bounced || !s.Usable() {
		t.Errorf("proven anew: %+v", s)
	}
	w.ok(w.Report(w.ctx, bad(x, true))) // a late copy of it says nothing any more
	if w.contactOf(w.person(1), number).Bounced {
		t.Error("what failed before the proof marks again")
	}
}

func TestFaultAtTheHandOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.handOver(1, number)
	o := outcome(x, receipt.Rejected)
	o.Carrier, o.Code, o.Fault = "smpp", "0x0B", "not_mobile"
	w.ok(w.Settle(w.ctx, []receipt.Outcome{o}))
	if s := w.contactOf(w.person(1), number); !s.Bounced || s.Fault != contact.NotMobile {
		t.Errorf("%+v", s)
	}
}

// A report that anybody could have sent who once read a secret marks nothing by itself.
func TestUnsignedFaults(t *testing.T) {
	for name, c := range map[string]struct {
		then func(w *world, second attempt)
		want bool
	}{
		"alone":                       {func(*world, attempt) {}, false},
		"said again a day later":      {func(w *world, x attempt) {}, false},
		"of a second message at once": {func(w *world, x attempt) { w.ok(w.Report(w.ctx, bad(x, false))) }, false},
		"of a second message a day later": {func(w *world, x attempt) {
			w.at(w.now().Add(25 * time.Hour))
			w.ok(w.Report(w.ctx, bad(x, false)))
		}, true},
		"signed after all": {func(w *world, x attempt) { w.ok(w.Report(w.ctx, bad(x, true))) }, true},
		"with a proof between": {func(w *world, x attempt) {
			w.at(w.now().Add(time.Hour))
			w.ok(w.Contact(w.ctx, w.proof(w.person(1), number)))
			w.at(w.now().Add(25 * time.Hour))
			w.ok(w.Report(w.ctx, bad(x, false)))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.accept(w.appointment(2))
			w.known(w.person(2), number)
			x := w.handOver(1, number)
			second := w.wire(number)
			for _, a := range []attempt{x, second} {
				w.ok(w.Settle(w.ctx, []receipt.Outcome{outcome(a, receipt.Accepted)}))
			}
			w.ok(w.Report(w.ctx, bad(x, false)))
			if s := w.status(x); s != receipt.Undelivered {
				t.Errorf("its receipt is %s", s)
			}
			if w.contactOf(w.person(1), number).Bounced {
				t.Error("one unsigned report marks")
			}
			c.then(w, second)
			if name == "said again a day later" {
				w.at(w.now().Add(25 * time.Hour))
				w.ok(w.Report(w.ctx, bad(x, false)))
			}
			if got := w.contactOf(w.person(1), number).Bounced; got != c.want {
				t.Errorf("marked: %v, want %v", got, c.want)
			}
		})
	}
}

// A delivered message between two failures says that the number reaches somebody.
func TestUnsignedFaultsWithADeliveryBetween(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var xs []attempt
	for n := 1; n <= 3; n++ {
		w.accept(w.appointment(n))
		w.known(w.person(n), number)
	}
	w.due()
	for range 3 {
		x := w.wire(number)
		xs = append(xs, x)
		w.ok(w.Settle(w.ctx, []receipt.Outcome{outcome(x, receipt.Accepted)}))
	}
	w.ok(w.Report(w.ctx, bad(xs[0], false)))
	w.at(w.now().Add(time.Hour))
	w.ok(w.Report(w.ctx, receipt.Report{Claim: xs[1].intent.Claim, Status: receipt.Delivered}))
	w.at(w.now().Add(48 * time.Hour))
	w.ok(w.Report(w.ctx, bad(xs[2], false)))
	if w.contactOf(w.person(1), number).Bounced {
		t.Error("marked although a message was delivered between")
	}
}

// What became of a message is told by the reference or by the reminder, without a person.
func TestReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *ledger.Options) { o.ReportWithin = func(string) time.Duration { return 48 * time.Hour } })
	x := w.handOver(1, number)
	w.ok(w.Settle(w.ctx, []receipt.Outcome{taken(x, "77", "78")}))
	w.ok(w.Report(w.ctx, byID("77", receipt.Delivered)))
	unreported := func(want bool, count int) {
		t.Helper()
		r, err := w.Receipt(w.ctx, x.lease.Person, x.lease.Reminder, x.intent.Claim)
		w.ok(err)
		n, err := w.CountUnreported(w.ctx)
		if w.ok(err); len(r.Attempts) != 1 || r.Attempts[0].Unreported != want || n != count {
			t.Errorf("unreported %v, %d; want %v, %d", r.Attempts, n, want, count)
		}
	}
	unreported(false, 0)
	w.at(w.now().Add(49 * time.Hour))
	unreported(true, 1)
	bad := byID("78", receipt.Undelivered)
	bad.Fault, bad.Signed, bad.At = "barred", true, w.now().Add(-time.Minute)
	w.ok(w.Report(w.ctx, bad))
	unreported(false, 0)
	p, id, err := w.ReminderOf(w.ctx, x.intent.Claim)
	if w.ok(err); p != x.lease.Person || id != x.lease.Reminder {
		t.Errorf("it is of %s, %s", p, id)
	}
	for _, claim := range []string{"x", reminder.NewClaim(w.person(1))} {
		_, _, err := w.ReminderOf(w.ctx, claim)
		w.is(err, ledger.ErrNoAttempt)
	}
	r, err := w.Receipt(w.ctx, p, id, "")
	w.ok(err)
	if len(r.Attempts) != 1 || r.Status != receipt.Undelivered || r.Unit != "rh-ortho" || !r.Complete {
		t.Fatalf("%+v", r)
	}
	a := r.Attempts[0]
	if a.Status != receipt.Undelivered || a.CarrierID != "77" || !slices.Equal(a.Parts, []string{"78"}) || a.Fault != "barred" || a.Reference != x.intent.Claim {
		t.Errorf("%+v", a)
	}
	type step struct {
		what    string
		segment int
		code    string
		signed  bool
	}
	var got []step
	for _, s := range a.Steps {
		got = append(got, step{s.What, s.Segment, s.Code, s.Signed})
	}
	want := []step{{"intended", 0, "", false}, {"accepted", 0, "", false}, {"delivered", 1, "000", false}, {"undelivered", 2, "000", true}}
	if !slices.Equal(got, want) {
		t.Errorf("steps %+v, want %+v", got, want)
	}
	if s := a.Steps[3]; !s.Told.Equal(bad.At) || s.Carrier != "smpp" || s.Fault != "barred" {
		t.Errorf("%+v", s)
	}
}
