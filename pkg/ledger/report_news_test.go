package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/state"
)

// Carriers that refused a message and deliver it all the same: it is not sent again, and whoever looks at the log is told.
func TestReportAgainstARefusal(t *testing.T) {
	t.Parallel()
	for _, s := range []receipt.Status{receipt.Refused, receipt.NotBegun} {
		r := prometheus.NewRegistry()
		core, logs := observer.New(zap.ErrorLevel)
		w := newWorld(t, func(o *ledger.Options) { o.Metrics, o.Log = r, zap.New(core) })
		x := w.handOver(1, number)
		w.ok(w.Settle(w.ctx, []receipt.Outcome{outcome(x, s)}))
		w.ok(w.Done(w.ctx, x.lease))
		said := receipt.Report{Claim: x.intent.Claim, Carrier: "link", CarrierID: "9", Status: receipt.Delivered}
		n := w.last(journal.StreamJournal)
		for range 3 {
			w.ok(w.Report(w.ctx, said))
		}
		if got := w.last(journal.StreamJournal) - n; got != 1 {
			t.Errorf("%s: %d entries for one report, said three times", s, got)
		}
		if got := w.status(x); got != receipt.Delivered {
			t.Errorf("%s: it is %s", s, got)
		}
		if ls := w.lease(9); len(ls) != 0 {
			t.Errorf("%s: leased again as attempt %d", s, ls[0].Attempt)
		}
		if got := contradictions(t, r); got != 1 {
			t.Errorf("%s: %v contradictions are counted", s, got)
		}
		if all := logs.FilterField(zap.String("attempt", x.intent.Claim)); all.Len() != 1 {
			t.Errorf("%s: logged %d times", s, all.Len())
		}
	}
}

func contradictions(t *testing.T, r *prometheus.Registry) float64 {
	t.Helper()
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() == "husk_ledger_contradictions_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return 0
}

// What is said again of an attempt that has ended is not journalled again.
func TestRepeatedReportsAreWrittenOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		s    receipt.Status
		said receipt.Report
		want uint64
	}{
		"rejected, and delivered":       {receipt.Rejected, receipt.Report{CarrierID: "9", Status: receipt.Delivered}, 0},
		"rejected, and failed":          {receipt.Rejected, receipt.Report{Status: receipt.Undelivered}, 0},
		"a doubt, and on its way":       {receipt.Unknown, receipt.Report{CarrierID: "9", Status: receipt.Accepted}, 1},
		"a doubt, and failed":           {receipt.Unknown, receipt.Report{Status: receipt.Undelivered, Fault: "barred"}, 1},
		"accepted, and its name":        {receipt.Accepted, receipt.Report{CarrierID: "9", Status: receipt.Accepted}, 1},
		"accepted, and on its way":      {receipt.Accepted, receipt.Report{Status: receipt.Accepted}, 0},
		"on its way before the outcome": {"", receipt.Report{CarrierID: "9", Status: receipt.Accepted}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			x := w.handOver(1, number)
			if c.s != "" {
				w.ok(w.Settle(w.ctx, []receipt.Outcome{outcome(x, c.s)}))
			}
			c.said.Claim, c.said.Carrier = x.intent.Claim, "smpp"
			n := w.last(journal.StreamJournal)
			for range 3 {
				w.ok(w.Report(w.ctx, c.said))
			}
			if got := w.last(journal.StreamJournal) - n; got != c.want {
				t.Errorf("%d entries, want %d", got, c.want)
			}
		})
	}
}

// What has left today, or may have, is counted by its carrier.
func TestCarried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.now()
	said := []receipt.Status{receipt.Accepted, receipt.Unknown, receipt.Rejected, receipt.Delivered, receipt.Refused, receipt.NotBegun}
	for n := range said {
		w.accept(w.appointment(n + 1))
		w.known(w.person(n+1), number)
	}
	w.due()
	for _, s := range said {
		o := outcome(w.wire(number), s)
		o.Carrier = "link"
		if s == receipt.Delivered {
			o.Status, o.Carrier = receipt.Accepted, "smpp"
		}
		w.ok(w.Settle(w.ctx, []receipt.Outcome{o}))
	}
	got, err := w.Carried(w.ctx, began)
	if w.ok(err); len(got) != 2 || got["link"] != (ledger.Carried{Messages: 2, Segments: 2}) || got["smpp"].Messages != 1 {
		t.Errorf("%v", got)
	}
	if got, err = w.Carried(w.ctx, w.now().Add(time.Hour)); err != nil || len(got) != 0 {
		t.Errorf("since then: %v, %v", got, err)
	}
}

// A late yes of a hand-over in doubt says under which id its carrier reports: that report finds the attempt.
func TestLateYesNamesTheAttempt(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"after the doubt is folded": false, "before": true} {
		w := newWorld(t)
		x := w.handOver(1, number)
		yes := byID("77", receipt.Accepted)
		yes.Claim = x.intent.Claim
		if early {
			w.ok(w.Report(w.ctx, yes))
		}
		w.ok(w.Settle(w.ctx, []receipt.Outcome{outcome(x, receipt.Unknown)}))
		if !early {
			w.ok(w.Report(w.ctx, yes))
		}
		if s := w.status(x); s != receipt.Accepted {
			t.Errorf("%s: taken late it is %s", name, s)
		}
		bad := byID("77", receipt.Undelivered)
		bad.Fault, bad.Signed = "not_in_use", true
		w.ok(w.Report(w.ctx, bad))
		w.orphans(0)
		if s := w.status(x); s != receipt.Undelivered || !w.contactOf(w.person(1), number).Bounced {
			t.Errorf("%s: reported by its id it is %s, its number out of use: %v", name, s, w.contactOf(w.person(1), number).Bounced)
		}
	}
}

// crowded is a store in which others' reports wait beside ours, and which counts how often it was asked for them.
type crowded struct {
	state.State
	now            func() time.Time
	waiting, asked atomic.Int64
	age            atomic.Int64 // of others' reports, in nanoseconds
	fails          atomic.Bool
	hold           chan struct{} // until it is closed nobody is answered; nil = at once
}

func (c *crowded) Orphans(ctx context.Context) ([]state.Orphan, error) {
	c.asked.Add(1)
	if c.hold != nil {
		<-c.hold
	}
	if c.fails.Load() {
		return nil, errors.New("the store is away")
	}
	all, err := c.State.Orphans(ctx)
	for range c.waiting.Load() {
		all = append(all, state.Orphan{Since: c.now().Add(-time.Duration(c.age.Load()))})
	}
	return all, err
}

// inCrowd is a world in which 10,000 reports wait.
func inCrowd(t *testing.T, change ...func(*ledger.Options)) (*world, *crowded) {
	t.Helper()
	store := &crowded{}
	w := newWorld(t, append(change, func(o *ledger.Options) {
		store.State, store.now = o.State, o.Now
		o.State = store
	})...)
	store.waiting.Store(10_000)
	_, err := w.SweepOrphans(w.ctx) // it counts them
	w.ok(err)
	store.asked.Store(0)
	return w, store
}

// A flood of reports that nobody knows fills no disk, and holds up neither the carrier's other words nor the state.
func TestOrphansAreBounded(t *testing.T) {
	t.Parallel()
	r := prometheus.NewRegistry()
	core, logs := observer.New(zap.ErrorLevel)
	w, store := inCrowd(t, func(o *ledger.Options) { o.Metrics, o.Log = r, zap.New(core) })
	n, lost := w.last(journal.StreamJournal), reported(t, r, "lost")
	for i := range 50 {
		w.ok(w.Report(w.ctx, byID(fmt.Sprint(2+i), receipt.Delivered)))
	}
	if w.last(journal.StreamJournal) != n {
		t.Error("they are journalled all the same")
	}
	if got := reported(t, r, "lost") - lost; got != 50 {
		t.Errorf("%v are lost", got)
	}
	if got := store.asked.Load(); got != 1 {
		t.Errorf("all that wait were read %d times", got)
	}
	if logs.Len() != 1 {
		t.Errorf("told of %d times: %v", logs.Len(), logs.All())
	}
	// There is room again, which is seen some seconds later.
	store.waiting.Store(10)
	w.at(w.now().Add(11 * time.Second))
	w.ok(w.Report(w.ctx, byID("99", receipt.Delivered)))
	if w.last(journal.StreamJournal) == n {
		t.Error("none is kept although there is room")
	}
}

// How many wait is known once they have been counted: those who come before that wait for it, and lose nothing.
func TestOrphansAreCountedBeforeAnyIsLost(t *testing.T) {
	t.Parallel()
	r := prometheus.NewRegistry()
	w, store := inCrowd(t, func(o *ledger.Options) { o.Metrics = r })
	store.waiting.Store(10)
	store.fails.Store(true)
	for range 2 {
		if err := w.Report(w.ctx, byID("1", receipt.Delivered)); err == nil {
			t.Error("the carrier is told that a report was heard that is not kept")
		}
	}
	store.fails.Store(false)
	store.asked.Store(0)
	store.hold = make(chan struct{})
	told := make(chan error, 20)
	for i := range cap(told) {
		go func() { told <- w.Report(w.ctx, byID(fmt.Sprint(2+i), receipt.Delivered)) }()
	}
	for n := 0; store.asked.Load() == 0; n++ {
		if n > 5000 {
			t.Fatal("nobody counts")
		}
		time.Sleep(time.Millisecond)
	}
	short, cancel := contextFor(t, 50*time.Millisecond)
	defer cancel()
	if err := w.Report(short, byID("1", receipt.Delivered)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who waits for too long is told %v", err)
	}
	close(store.hold)
	for range cap(told) {
		w.ok(<-told)
	}
	if got := reported(t, r, "kept"); got != float64(cap(told)) || reported(t, r, "lost") != 0 {
		t.Errorf("%v are kept, and %v are lost", got, reported(t, r, "lost"))
	}
	if got := store.asked.Load(); got != 1 {
		t.Errorf("all that wait were read %d times", got)
	}
}

// Where too many wait, those go that have waited for longest, not those whose attempt may come yet; and not many at a time.
func TestOldOrphansMakeRoom(t *testing.T) {
	t.Parallel()
	r := prometheus.NewRegistry()
	w, store := inCrowd(t, func(o *ledger.Options) { o.Metrics = r })
	store.waiting.Store(0)
	w.ok(w.Report(w.ctx, byID("old", receipt.Delivered)))
	w.at(w.now().Add(time.Hour))
	store.waiting.Store(10_000)
	store.age.Store(int64(3 * time.Minute))
	_, err := w.SweepOrphans(w.ctx)
	w.ok(err)
	n := w.last(journal.StreamJournal)
	for i := range 550 {
		w.ok(w.Report(w.ctx, byID(fmt.Sprint(i), receipt.Delivered)))
	}
	os, err := w.state.Orphans(w.ctx)
	w.ok(err)
	if kept := reported(t, r, "kept") - 1; kept < 490 || kept > 510 || float64(len(os)) != kept {
		t.Errorf("%v are kept, %d wait", kept, len(os))
	}
	if slices.ContainsFunc(os, func(o state.Orphan) bool { return o.CarrierID == "old" }) {
		t.Error("the oldest is still there")
	}
	if got := w.last(journal.StreamJournal) - n; got > 1010 {
		t.Errorf("%d entries are written", got)
	}
}
