package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// filed is a fresh keyset in a file outside the data.
func filed(t *testing.T) journal.Keyset {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyset.json")
	if err := journal.NewKeyset().Write(path); err != nil {
		t.Fatal(err)
	}
	k, err := journal.ReadKeyset(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// filedWorld is a world whose keyset is in a file, as an installation's is.
func filedWorld(t *testing.T, change ...func(*ledger.Options)) *world {
	t.Helper()
	w := worldWith(t, t.TempDir(), filed(t), change...)
	w.open()
	return w
}

func (w *world) erasePerson(x ledger.Erasing) ledger.Erasure {
	w.Helper()
	out, err := w.Erase(w.ctx, x)
	w.ok(err)
	return out
}

// opens counts the sealed parts of a person's entries, and how many of them open with a keyset; none do when the keyring does not.
func (w *world) opens(j *journal.Journal, k journal.Keyset, p reminder.PersonKey) (sealed, opened int) {
	w.Helper()
	ring, err := j.OpenKeyring(w.ctx, k)
	if err != nil && !errors.Is(err, journal.ErrKeyset) {
		w.Fatal(err)
	}
	whats := []string{"appointment", "flags", "consent", "contact", "address", "reason", "proof", "merge"}
	for _, s := range []journal.Stream{journal.StreamStop, journal.StreamPeople, journal.StreamJournal} {
		w.ok(j.Read(w.ctx, s, 1, func(e journal.Entry) error {
			if e.Person != p {
				return nil
			}
			for _, b := range [][]byte{e.Sealed, e.Flags} {
				if len(b) == 0 {
					continue
				}
				sealed++
				if ring != nil && slices.ContainsFunc(whats, func(what string) bool {
					_, err := ring.Open(p, what, b)
					return err == nil
				}) {
					opened++
				}
			}
			return nil
		}))
	}
	return sealed, opened
}

// copied is a world over a copy of another's data directory, taken while that was closed.
func copied(t *testing.T, from *world) *world {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from.dir)); err != nil {
		t.Fatal(err)
	}
	return worldWith(t, dir, from.keyset)
}

// The copy of the data that was taken before tells nothing of the erased person any more, though the keyset and all that is on
// the live disk is at hand; before, all of it opened. Everybody else can be read in both.
func TestErase(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	sink := zapcore.Lock(zapcore.AddSync(&log))
	metrics := prometheus.NewRegistry()
	registerer := prometheus.Registerer(metrics)
	w := filedWorld(t, func(o *ledger.Options) {
		o.Log = zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), sink, zap.DebugLevel))
		o.Metrics, registerer = registerer, nil // once
		o.ProofYears = func(consent.Record) int { return 5 }
	})
	canary := func(a *reminder.Appointment) {
		a.NationalID = reminder.NewNationalID("DK", canaries["national id"])
		a.Person = w.p.Person(a.NationalID)
		a.GivenName = reminder.Mask(canaries["given name"])
	}
	first, second, other := w.appointment(1, canary), w.appointment(3, canary, later(48*time.Hour)), w.appointment(2)
	p, q := first.Person, other.Person
	to := reminder.NewAddress(reminder.SMS, canaries["number"])
	w.accept(first, other)
	w.known(p, to)
	w.known(q, number)
	w.ok(w.Consent(w.ctx, w.word(p, consent.Withdrawn)))
	w.at(w.now().Add(time.Minute))
	w.ok(w.Consent(w.ctx, w.word(p, consent.Granted)))
	w.due()
	x := w.wire(to)
	if x.lease.Person != p {
		y := x
		x = w.wire(to)
		w.settle(y, receipt.Accepted)
	}
	w.settle(x, receipt.Accepted)
	w.accept(second)
	waits := w.reminders(p)[receipt.Planned]
	if len(waits) == 0 {
		t.Fatal("nothing waits: there is nothing to cancel")
	}
	w.ok(w.Rule(w.ctx, []receipt.Verdict{{Reminder: waits[0].ID, Person: p, Status: receipt.Held, Decision: receipt.Decision{Reason: "unknown_unit"}}}))
	w.ok(w.Stop(w.ctx, reminder.NewAddress(reminder.SMS, "+4520999999"), "outbox"))

	// The copy is taken of the closed data, with its snapshot.
	w.ok(w.end())
	backup, early := copied(t, w), copied(t, w)
	oldKeyset := w.keyset
	backupJournal := func(w *world) *journal.Journal {
		j, err := journal.Open(w.ctx, journal.Options{Conn: w.nc})
		w.ok(err)
		t.Cleanup(j.Close)
		return j
	}
	all, opened := early.opens(backupJournal(early), oldKeyset, p)
	if all < 8 || opened != all {
		t.Fatalf("before: %d of %d sealed parts open", opened, all)
	}
	w.open()
	w.at(w.now().Add(time.Hour))
	out := w.erasePerson(ledger.Erasing{Person: p})
	if !out.Complete || out.Cancelled < 2 || out.Words != 3 || !out.Until.Equal(out.At.AddDate(5, 0, 0)) || len(out.Left)+len(out.Also)+len(out.Waiting) > 0 {
		t.Errorf("erasure %+v", out)
	}

	// The copy, with the live keyset and the file beside it.
	live, err := journal.ReadKeyset(w.keyset.File())
	w.ok(err)
	j := backupJournal(backup)
	if n, opened := backup.opens(j, live, p); n != all || opened != 0 {
		t.Errorf("after: %d of %d sealed parts open", opened, n)
	}
	if n, opened := backup.opens(j, live, q); n == 0 || opened != n {
		t.Errorf("of another %d of %d sealed parts open", opened, n)
	}
	mixed := live // what is at hand, put together in any way
	mixed.Snapshot, mixed.Broker = oldKeyset.Broker, oldKeyset.Broker
	if _, opened := backup.opens(j, mixed, p); opened != 0 {
		t.Errorf("%d sealed parts open", opened)
	}
	j.Close()

	// A restored copy starts, with its snapshot useless, and the person stays erased.
	backup.keyset = live
	backup.at(w.now())
	backup.open()
	ps, err := backup.People(backup.ctx, []reminder.PersonKey{p, q})
	backup.ok(err)
	if len(ps[0].Consent)+len(ps[0].Contact) > 0 || len(ps[1].Consent) == 0 || len(ps[1].Contact) == 0 {
		t.Errorf("restored: %d words and %d addresses of the erased, %d and %d of another", len(ps[0].Consent), len(ps[0].Contact), len(ps[1].Consent), len(ps[1].Contact))
	}
	_, err = backup.Quarantine(backup.ctx)
	backup.ok(err)
	backup.ok(backup.state.View(backup.ctx, p, func(x *state.Person) error {
		if !x.Erased.Equal(out.At) {
			t.Errorf("restored: erased at %v", x.Erased)
		}
		return nil
	}))
	if rs := backup.reminders(p); len(rs[receipt.Planned]) > 0 {
		t.Errorf("restored: %v", rs)
	}

	// The live side: nothing of the person, before and after replaying the journal.
	for _, name := range []string{"now", "after a replay", "from the snapshot"} {
		var left state.Person
		w.ok(w.state.View(w.ctx, p, func(x *state.Person) error { left = *x; return nil }))
		if len(left.Consent)+len(left.Contact)+len(left.Flags)+len(left.Sealed) > 0 || left.Erased.IsZero() {
			t.Errorf("%s: %+v", name, left)
		}
		for _, a := range left.Appointments {
			if len(a.Sealed)+len(a.ToldOf) > 0 {
				t.Errorf("%s: a sealed appointment", name)
			}
		}
		if rs := w.reminders(p); len(rs[receipt.Planned])+len(rs[receipt.Held]) > 0 || len(rs[receipt.Accepted]) != 1 || len(rs[receipt.Cancelled]) != out.Cancelled {
			t.Errorf("%s: reminders %v", name, rs)
		}
		bs, err := w.state.Behind(w.ctx, []reminder.AddressHash{w.p.Address(to), w.p.Address(reminder.NewAddress(reminder.SMS, "+4520999999"))})
		w.ok(err)
		if bs[0].Persons != 0 || !bs[1].Barred {
			t.Errorf("%s: behind the addresses %+v", name, bs)
		}
		if ps, err := w.People(w.ctx, []reminder.PersonKey{q}); err != nil || len(ps[0].Contact) != 1 {
			t.Errorf("%s: another is %+v, %v", name, ps, err)
		}
		switch name {
		case "now":
			w.ok(w.end())
			w.ok(os.Remove(filepath.Join(w.dir, "snapshot")))
			w.open()
		case "after a replay":
			w.restart()
		}
	}

	// What was said before does not come back.
	again := w.appointment(1, canary, revision(2), later(time.Hour))
	again.Came = out.At.Add(-time.Minute)
	keys := w.last(journal.StreamKeys)
	w.accept(again)
	if w.last(journal.StreamKeys) != keys {
		t.Error("an old event made a new key")
	}
	if rs := w.reminders(p); len(rs[receipt.Planned]) > 0 {
		t.Error("an old event was planned")
	}
	old := w.word(p, consent.Granted)
	old.EventTime = out.At
	w.at(w.now().Add(time.Hour))
	old.Recorded = w.now()
	w.ok(w.Consent(w.ctx, old))
	if ps, err := w.People(w.ctx, []reminder.PersonKey{p}); err != nil || len(ps[0].Consent) > 0 {
		t.Errorf("an old yes counts: %+v, %v", ps, err)
	}
	// A new event is a new beginning: planned, without any basis; what was sent is not sent again.
	fresh := w.appointment(1, canary, revision(3))
	fresh.Came = w.now()
	w.accept(fresh)
	if rs := w.reminders(p); len(rs[receipt.Accepted]) != 1 {
		t.Errorf("after a new event %v", rs)
	}

	leaks(t, "the log", log.Bytes())
	fs, err := metrics.Gather()
	w.ok(err)
	for _, f := range fs {
		leaks(t, "a metric", []byte(f.String()))
	}
	for _, s := range journal.Streams {
		for _, e := range w.entries(s) {
			leaks(t, "a subject", []byte(e.Subject()))
			leaks(t, "the clear part of an entry", e.Clear)
		}
	}
	leaks(t, "the answer", fmt.Append(nil, out))
	ring, err := os.ReadFile(w.keyset.File() + ".ring")
	w.ok(err)
	leaks(t, "the file beside the keyset", ring)
	if !strings.Contains(string(ring), string(p)) || bytes.Contains(ring, live.Epoch) {
		t.Error("the file beside the keyset is not what it should be")
	}
}

func TestEraseNobody(t *testing.T) {
	t.Parallel()
	w := filedWorld(t)
	_, err := w.Erase(w.ctx, ledger.Erasing{Person: w.person(9)})
	w.is(err, ledger.ErrNothingHeld)
	if w.last(journal.StreamPeople) != 0 {
		t.Error("something was written")
	}
	out := w.erasePerson(ledger.Erasing{Person: w.person(9), Unknown: true})
	if !out.Complete {
		t.Errorf("%+v", out)
	}
	r := w.word(w.person(9), consent.Granted)
	w.at(w.now().Add(time.Hour))
	r.Recorded = w.now()
	w.ok(w.Consent(w.ctx, r))
	if ps, err := w.People(w.ctx, []reminder.PersonKey{w.person(9)}); err != nil || len(ps[0].Consent) > 0 {
		t.Errorf("an old yes counts: %+v, %v", ps, err)
	}
	// Twice is once.
	again := w.erasePerson(ledger.Erasing{Person: w.person(9)})
	if !again.Complete || again.Cancelled+again.Words > 0 {
		t.Errorf("%+v", again)
	}
}

// The keys go when nothing of the person is on the wire any more, and what had not begun never does.
func TestEraseWaitsForTheWire(t *testing.T) {
	t.Parallel()
	w := filedWorld(t, func(o *ledger.Options) { o.WriteDeadline = 20 * time.Second })
	w.accept(w.appointment(1), w.appointment(2))
	w.known(w.person(1), number)
	w.known(w.person(2), number)
	w.due()
	on := w.wire(number)
	p := on.lease.Person
	done := make(chan ledger.Erasure, 1)
	go func() {
		out, err := w.Erase(w.ctx, ledger.Erasing{Person: p})
		if err != nil {
			t.Error(err)
		}
		done <- out
	}()
	select {
	case out := <-done:
		t.Fatalf("erased under an attempt on the wire: %+v", out)
	case <-time.After(300 * time.Millisecond):
	}
	if n := w.readable(p); n != 1 {
		t.Errorf("%d bookings open, want 1: the key is dropped while the attempt is on the wire", n)
	}
	w.settle(on, receipt.Accepted)
	out := <-done
	if !out.Complete || len(out.Left) > 0 {
		t.Errorf("%+v", out)
	}
	// The other's had not begun.
	off := w.intend(number)
	w.erasePerson(ledger.Erasing{Person: off.lease.Person})
	if err := w.confirm(off); err == nil {
		t.Error("confirmed for an erased person")
	}
}

// readable is how many of a person's bookings open.
func (w *world) readable(p reminder.PersonKey) int {
	w.Helper()
	n := 0
	for _, e := range w.entries(journal.StreamJournal) {
		if e.Person != p || e.Kind != journal.KindPlan {
			continue
		}
		switch _, err := w.keys.Open(p, "appointment", e.Sealed); {
		case err == nil:
			n++
		case !errors.Is(err, journal.ErrErased):
			w.Fatal(err)
		}
	}
	return n
}

// What a booking system tells while an erasing waits for the wire is after it: it is kept, and sent. What it had told before is not.
func TestEraseAndANewBooking(t *testing.T) {
	t.Parallel()
	w := filedWorld(t, func(o *ledger.Options) { o.WriteDeadline = 20 * time.Second })
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	on := w.wire(number)
	p := on.lease.Person
	before := w.now()
	w.at(before.Add(time.Minute))
	done := make(chan ledger.Erasure, 1)
	go func() {
		out, err := w.Erase(w.ctx, ledger.Erasing{Person: p})
		if err != nil {
			t.Error(err)
		}
		done <- out
	}()
	for range 1000 {
		var erased time.Time
		w.ok(w.state.View(w.ctx, p, func(p *state.Person) error { erased = p.Erased; return nil }))
		if !erased.IsZero() {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.at(before.Add(2 * time.Minute))
	came := func(id string, at time.Time) func(*reminder.Appointment) {
		return func(a *reminder.Appointment) {
			a.ID, a.Key, a.Came, a.Order.Sequence = id, w.p.Appointment("cosmic", id), at, 50
		}
	}
	after := w.appointment(1, later(24*time.Hour), came("new", w.now()))
	w.accept(after, w.appointment(1, came("old", before)))
	select {
	case out := <-done:
		t.Fatalf("erased under an attempt on the wire: %+v", out)
	default:
	}
	w.settle(on, receipt.Accepted)
	if out := <-done; !out.Complete {
		t.Errorf("%+v", out)
	}
	if n := w.readable(p); n != 1 {
		t.Errorf("%d bookings open, want the new one alone", n)
	}
	w.due()
	if ls := w.lease(10); len(ls) != 1 || ls[0].Appointment.ID != "new" {
		t.Errorf("%d leases, want the new booking's", len(ls))
	}
	w.restart()
	if n := w.readable(p); n != 1 {
		t.Errorf("after a restart %d bookings open, want the new one alone", n)
	}
}

// A guardian is erased when nothing is on the wire to their address either, about a child.
func TestEraseWaitsForTheGuardiansAddress(t *testing.T) {
	t.Parallel()
	w := filedWorld(t, func(o *ledger.Options) { o.WriteDeadline = 20 * time.Second })
	const parent, ward = 7, 1
	w.accept(w.appointment(ward))
	w.known(w.person(parent), number)
	w.due()
	w.waitsForTheWire(func(w *world) error {
		out, err := w.Erase(w.ctx, ledger.Erasing{Person: w.person(parent)})
		if err == nil && (!out.Complete || len(out.Left) > 0) {
			t.Errorf("%+v", out)
		}
		return err
	})
}

// What does not come to its end is named.
func TestEraseNamesWhatLeft(t *testing.T) {
	t.Parallel()
	w := filedWorld(t)
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	on := w.wire(number)
	out := w.erasePerson(ledger.Erasing{Person: w.person(1)})
	if !out.Complete || !slices.Equal(out.Left, []string{on.intent.Claim}) {
		t.Errorf("%+v", out)
	}
	named := false
	w.ok(w.Audits(w.ctx, func(a ledger.Audit) error {
		named = named || (a.Action == "erased" && slices.Contains(a.Left, on.intent.Claim))
		return nil
	}))
	if !named {
		t.Error("the audit does not name it")
	}
	w.settle(on, receipt.Accepted)
}

// Left for the sweep, it is complete when that has run.
func TestEraseLater(t *testing.T) {
	t.Parallel()
	w := filedWorld(t)
	w.known(w.person(1), number)
	out := w.erasePerson(ledger.Erasing{Person: w.person(1), Later: true})
	if out.Complete || w.KeysComplete() {
		t.Errorf("%+v", out)
	}
	before := w.keys.Keyset().Epoch
	w.ok(w.SweepRetention(w.ctx))
	if !w.KeysComplete() || bytes.Equal(before, w.keys.Keyset().Epoch) {
		t.Error("the sweep did not change the epoch key")
	}
}

// Broken off at any point, it is done when it is called again.
func TestEraseAgainAfterAFault(t *testing.T) {
	t.Parallel()
	w := filedWorld(t)
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	if _, err := w.Erase(ctx, ledger.Erasing{Person: w.person(1)}); err == nil {
		t.Fatal("no error")
	}
	out := w.erasePerson(ledger.Erasing{Person: w.person(1)})
	if !out.Complete {
		t.Errorf("%+v", out)
	}
	if n, opened := w.opens(w.journal, w.keys.Keyset(), w.person(1)); n == 0 || opened != 0 {
		t.Errorf("%d of %d sealed parts open", opened, n)
	}
}
