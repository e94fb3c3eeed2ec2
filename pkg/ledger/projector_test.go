package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
)

// story writes something of every kind: a person who is reminded and stops, one whose appointment moves, one who is refused.
func (w *world) story() {
	w.Helper()
	other := reminder.NewAddress(reminder.SMS, "+4520777777")
	w.accept(w.appointment(1), w.appointment(2), w.appointment(3, func(a *reminder.Appointment) { a.Protected = true }))
	w.known(w.person(1), number)
	w.known(w.person(2), other)
	ls, err := w.Previews(w.ctx, w.now(), 10*24*time.Hour, nil, 1)
	w.ok(err)
	w.ok(w.Preview(w.ctx, []receipt.Preview{{Reminder: ls[0].Reminder, Person: ls[0].Person, Version: ls[0].Version, Reason: "no_basis"}}))
	w.due()
	for _, l := range w.lease(9) {
		x := attempt{lease: l, intent: intentOf(l, w.p.Address(number))}
		switch l.Person {
		case w.person(3):
			w.ok(w.Rule(w.ctx, []receipt.Verdict{{
				Reminder: l.Reminder, Person: l.Person, Version: l.Version, Status: receipt.Held, Decision: receipt.Decision{Reason: "national_id"},
				Findings: []reminder.Finding{{Kind: "national_id", Part: "text", Offset: 3, Length: 10}},
			}}))
			w.ok(w.Done(w.ctx, l))
		default:
			w.ok(w.Intend(w.ctx, []receipt.Intent{x.intent}))
			w.ok(w.confirm(x))
			w.settle(x, receipt.Accepted)
			w.ok(w.Report(w.ctx, receipt.Report{Claim: x.intent.Claim, Status: receipt.Delivered, Code: "ok"}))
		}
	}
	w.at(w.now().Add(time.Hour))
	w.accept(w.appointment(2, revision(2), later(24*time.Hour)), w.appointment(1, revision(2), func(a *reminder.Appointment) {
		a.Person, a.NationalID = w.person(4), nationalID(4)
	}))
	w.accept(w.appointment(2, revision(3), cancelled))
	w.ok(w.Stop(w.ctx, number, "outbox"))
	w.ok(w.Stop(w.ctx, other, "outbox"))
	w.ok(w.Start(w.ctx, other, "outbox"))
	w.ok(w.Consent(w.ctx, w.word(w.person(2), consent.Withdrawn)))
	w.ok(w.WrongNumber(w.ctx, other, "outbox"))
	w.ok(w.Switch(w.ctx, state.Switch{Name: "unit:rh-eye", On: true, Reason: "drill"}))
	w.ok(second(w.SweepExpired(w.ctx)))
}

func TestStateIsTheSameAfterASnapshotAndAfterAReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.story()
	want := w.dump()
	w.restart() // from the snapshot
	w.wantDump(w.dump(), want)
	w.accept(w.appointment(5)) // a tail behind the next snapshot
	want = w.dump()
	snapshot, err := os.ReadFile(w.snapshot())
	w.ok(err)
	w.ok(w.end())
	w.ok(os.WriteFile(w.snapshot(), snapshot, 0o600)) // as after a crash: the snapshot is older than the journal
	w.open()
	w.wantDump(w.dump(), want)
	w.ok(w.end())
	w.ok(os.Remove(w.snapshot()))
	w.open() // from the beginning
	w.wantDump(w.dump(), want)
	if w.Restored() {
		t.Error("a replay is taken for a restored journal")
	}
}

func (w *world) snapshot() string { return filepath.Join(w.dir, "snapshot") }

func TestUnusableSnapshotIsReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.story()
	want := w.dump()
	w.ok(w.end())
	good, err := os.ReadFile(w.snapshot())
	w.ok(err)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	for name, b := range map[string][]byte{"empty": nil, "short": good[:20], "torn": good[:len(good)/2], "flipped": flipped, "zeros": make([]byte, 500)} {
		w.ok(os.WriteFile(w.snapshot(), b, 0o600))
		w.open()
		w.wantDump(w.dump(), want)
		if w.Restored() {
			t.Errorf("%s: taken for a restored journal", name)
		}
		w.ok(w.end())
	}
}

// newer is a state whose snapshots another version of the program wrote.
type newer struct{ *memory.State }

func (n newer) Snapshot(out io.Writer) error {
	var b bytes.Buffer
	if err := n.State.Snapshot(&b); err != nil {
		return err
	}
	_, err := out.Write(bytes.Replace(b.Bytes(), []byte(`"Version":`), []byte(`"Version":9`), 1))
	return err
}

// After an upgrade that changed the snapshot's format the program must start by itself.
func TestSnapshotOfAnotherFormatIsReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *ledger.Options) { o.State = newer{o.State.(*memory.State)} })
	w.story()
	want := w.dump()
	w.restart()
	w.wantDump(w.dump(), want)
}

// A snapshot of other streams, or one that has read further, means that the journal was restored: sending is off and what was
// due is held, until somebody resumes.
func TestRestoredJournal(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{"by its snapshot": "snapshot", "by its high-water mark": "high-water"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mark := func(w **world) func(*ledger.Options) {
				return func(o *ledger.Options) { o.HighWater = filepath.Join((*w).dir, "high-water") }
			}
			var old, w *world
			old = worldWith(t, t.TempDir(), journal.NewKeyset(), mark(&old))
			old.open()
			old.story()
			old.ok(old.end())

			w = worldWith(t, t.TempDir(), old.keyset, mark(&w)) // a broker with less in it
			w.open()
			w.accept(w.appointment(1))
			w.known(w.person(1), number)
			w.ok(w.end())
			for _, f := range []string{"snapshot", "high-water"} {
				w.ok(os.Remove(filepath.Join(w.dir, f)))
			}
			b, err := os.ReadFile(filepath.Join(old.dir, part))
			w.ok(err)
			w.ok(os.WriteFile(filepath.Join(w.dir, part), b, 0o600))
			w.due()
			w.open()
			if !w.Restored() {
				t.Fatal("not noticed")
			}
			w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Held: 1, receipt.Planned: 1})
			s, err := w.Status(w.ctx)
			w.ok(err)
			if s.Stopped["all"] != ledger.SwitchRestored {
				t.Errorf("switches %v", s.Stopped)
			}
			w.restart()
			if w.Restored() {
				t.Error("noticed again after it was dealt with")
			}
			if s, err = w.Status(w.ctx); err != nil || s.Stopped["all"] == "" {
				t.Errorf("sending is on again by itself; %v", err)
			}
		})
	}
}

// A replay that is broken off must not lower the mark: a journal restored to what it had replayed would pass.
func TestHighWaterMarkNeverFalls(t *testing.T) {
	t.Parallel()
	var w *world
	w = worldWith(t, t.TempDir(), journal.NewKeyset(), func(o *ledger.Options) {
		o.HighWater = filepath.Join(w.dir, "high-water")
		o.Snapshot.Path = ""
	})
	w.open()
	w.story()
	w.ok(w.end())
	want, err := os.ReadFile(filepath.Join(w.dir, "high-water"))
	w.ok(err)
	w.build()
	hold := make(chan struct{})
	o := w.options()
	o.State = slow{w.state, hold}
	w.Ledger, err = ledger.New(o)
	w.ok(err)
	w.run()
	time.Sleep(1500 * time.Millisecond) // longer than the mark is left alone
	select {
	case <-w.Ready():
		t.Fatal("ready although it could not fold")
	default:
	}
	close(hold)
	_ = w.end() // perhaps in the middle of the replay
	var before, after map[journal.Stream]struct{ Last uint64 }
	w.ok(json.Unmarshal(want, &before))
	got, err := os.ReadFile(filepath.Join(w.dir, "high-water"))
	w.ok(err)
	w.ok(json.Unmarshal(got, &after))
	for s, m := range before {
		if after[s].Last < m.Last {
			t.Errorf("the mark of %s fell from %d to %d", s, m.Last, after[s].Last)
		}
	}
}

// slow is a state that folds nothing of the journal until hold is closed.
type slow struct {
	*memory.State
	hold chan struct{}
}

func (s slow) Fold(ctx context.Context, runs ...state.Run) []error {
	for _, r := range runs {
		if r.To[state.Journal] > r.From[state.Journal] {
			<-s.hold
		}
	}
	return s.State.Fold(ctx, runs...)
}

// Two projectors on one state: the one that finds it moved reads again, and each entry counts once.
func TestTwoProjectors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second, err := ledger.New(w.options())
	w.ok(err)
	ctx, cancel := contextFor(t, time.Minute)
	done := make(chan error, 1)
	go func() { done <- second.Run(ctx) }()
	select {
	case <-second.Ready():
	case <-time.After(10 * time.Second):
		t.Fatal("the second projector does not catch up")
	}
	var wg sync.WaitGroup
	for n := range 40 {
		wg.Go(func() {
			if _, err := w.Accept(w.ctx, []reminder.Appointment{w.appointment(n)}); err != nil {
				t.Error(err)
			}
			if err := w.Consent(w.ctx, w.word(w.person(n), consent.Granted)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.story()
	want := w.dump()
	cancel()
	w.ok(<-done)
	w.ok(w.end())
	w.dropSnapshot()
	w.open()
	w.wantDump(w.dump(), want)
}

// An entry this program can't read ends the projector, and with it the certificate: nothing is sent on half a truth.
func TestEntryOfANewerVersion(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]struct{ subject, data string }{
		"a newer version":          {"husk.journal.plan.00", `{"v":2,"k":"plan","at":"2026-01-01T00:00:00Z"}`},
		"a kind nobody knows":      {"husk.journal.novel.00", `{"v":1,"k":"novel","at":"2026-01-01T00:00:00Z"}`},
		"a bar that is no JSON":    {"husk.stop.00", `{"v":1,"k":"bar","at":"2026-01-01T00:00:00Z","c":"no"}`},
		"not an entry at all":      {"husk.people.consent.00", `hello`},
		"sealed bytes are damaged": {"husk.people.consent.00", `{"v":1,"k":"consent","p":"1-00","at":"2026-01-01T00:00:00Z","s":"AAA="}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.accept(w.appointment(1))
			w.due()
			js, err := jetstream.New(w.nc)
			w.ok(err)
			_, err = js.PublishMsg(w.ctx, &nats.Msg{Subject: m.subject, Data: []byte(m.data)})
			w.ok(err)
			deadline := time.Now().Add(5 * time.Second)
			for w.state.Certified(w.ctx) == nil && time.Now().Before(deadline) {
				time.Sleep(20 * time.Millisecond)
			}
			w.is(w.state.Certified(w.ctx), state.ErrNotCertified)
			if ls, err := w.Lease(w.ctx, "sms", w.now(), 9); err == nil || len(ls) > 0 {
				t.Errorf("%d leases, %v", len(ls), err)
			}
			w.is(w.end(), journal.ErrFormat)

			// The next start does not come so far as to vouch.
			w.build()
			w.run()
			select {
			case <-w.Ready():
				t.Error("ready")
			case err := <-w.done:
				w.is(err, journal.ErrFormat)
				w.done <- err
			case <-time.After(30 * time.Second):
				t.Error("it goes on")
			}
			w.is(w.end(), journal.ErrFormat)
			w.is(w.state.Certified(w.ctx), state.ErrNotCertified)
		})
	}
}

func TestSnapshotsAreWrittenOnTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *ledger.Options) { o.Snapshot.Every = 10 })
	for n := range 12 {
		w.accept(w.appointment(n))
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		if _, err := os.Stat(w.snapshot()); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no snapshot after more entries than asked for")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if st, err := os.Stat(w.snapshot()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}

// counting counts snapshots that fail.
type counting struct {
	*memory.State
	mu sync.Mutex
	n  int
}

func (c *counting) Snapshot(io.Writer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return io.ErrShortWrite
}

// While the disk takes no snapshot, the whole state is not written anew with every entry.
func TestSnapshotThatFailsIsNotTriedWithEveryEntry(t *testing.T) {
	t.Parallel()
	c := &counting{}
	w := newWorld(t, func(o *ledger.Options) {
		c.State = o.State.(*memory.State)
		o.State, o.Snapshot.Every = c, 10
	})
	for n := range 40 {
		w.accept(w.appointment(n))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n < 1 || c.n > 4 {
		t.Errorf("%d tries for 40 entries, one snapshot asked for every 10", c.n)
	}
}
