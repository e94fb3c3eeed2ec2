package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	defaults "github.com/husk-reminders/husk/config"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// noon is a Monday, a good week before the appointments that appointment makes.
var noon = time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)

// world is a ledger on a broker of its own. The clock stands until a test moves it.
type world struct {
	done chan error // what the running ledger ended with
	testing.TB
	*ledger.Ledger
	ctx     context.Context
	dir     string
	nc      *nats.Conn
	keyset  journal.Keyset
	p       reminder.Pseudonyms
	units   *reminder.Directory
	journal *journal.Journal
	keys    *journal.Keyring
	state   *memory.State
	change  []func(*ledger.Options)
	clock   atomic.Int64
	end     func() error
}

// newWorld starts a broker and a ledger that has caught up.
func newWorld(t testing.TB, change ...func(*ledger.Options)) *world {
	t.Helper()
	w := worldWith(t, t.TempDir(), journal.NewKeyset(), change...)
	w.open()
	return w
}

// worldWith is a world with a broker and no ledger yet.
func worldWith(t testing.TB, dir string, keys journal.Keyset, change ...func(*ledger.Options)) *world {
	t.Helper()
	w := &world{TB: t, ctx: t.Context(), dir: dir, keyset: keys, change: change}
	w.clock.Store(noon.UnixNano())
	var err error
	w.p, err = keys.Pseudonyms()
	w.ok(err)
	w.units, err = reminder.ReadUnits(bytes.NewReader(defaults.Units))
	w.ok(err)
	ns, err := server.NewServer(&server.Options{
		ServerName: "test", JetStream: true, StoreDir: filepath.Join(dir, "broker"), SyncAlways: true, NoSigs: true, NoLog: true, DontListen: true,
	})
	w.ok(err)
	ns.Start()
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	if !ns.ReadyForConnections(20 * time.Second) {
		t.Fatal("the broker does not start")
	}
	w.nc, err = nats.Connect("", nats.InProcessServer(ns), nats.MaxReconnects(-1))
	w.ok(err)
	t.Cleanup(w.nc.Close)
	return w
}

func (w *world) now() time.Time { return time.Unix(0, w.clock.Load()).UTC() }

func (w *world) at(t time.Time) { w.clock.Store(t.UnixNano()) }

// options are those of a ledger over this world's broker and state.
func (w *world) options() ledger.Options {
	w.Helper()
	planner, err := plan.New(plan.Options{Units: w.units, Pseudonyms: w.p})
	w.ok(err)
	o := ledger.Options{
		Journal: w.journal, Keys: w.keys, State: w.state, Planner: planner, Pseudonyms: w.p, Now: w.now, WriteDeadline: 10 * time.Millisecond,
		Snapshot: ledger.Snapshot{Path: filepath.Join(w.dir, "snapshot")},
	}
	for _, f := range w.change {
		f(&o)
	}
	return o
}

// build makes journal, keys, an empty state and a ledger; nothing runs yet.
func (w *world) build() {
	w.Helper()
	var err error
	w.journal, err = journal.Open(w.ctx, journal.Options{Conn: w.nc})
	w.ok(err)
	if f := w.keyset.File(); f != "" { // it changes when somebody was erased
		w.keyset, err = journal.ReadKeyset(f)
		w.ok(err)
	}
	w.keys, err = w.journal.OpenKeyring(w.ctx, w.keyset)
	w.ok(err)
	w.state = memory.New()
	w.Ledger, err = ledger.New(w.options())
	w.ok(err)
}

// run runs the projector; end stops it and returns what it returned.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.ctx))
	done := make(chan error, 1)
	w.done = done
	l, j := w.Ledger, w.journal
	go func() { done <- l.Run(ctx) }()
	var ended bool
	var result error
	w.end = func() error {
		if !ended {
			cancel()
			result, ended = <-done, true
			j.Close()
		}
		return result
	}
	w.Cleanup(func() { _ = w.end() })
}

// open builds and runs a ledger, and waits until it has caught up.
func (w *world) open() {
	w.Helper()
	w.build()
	w.run()
	w.ready()
}

func (w *world) ready() {
	w.Helper()
	select {
	case <-w.Ready():
	case <-time.After(20 * time.Second):
		w.Fatal("the projector does not catch up")
	}
}

// restart stops the ledger and opens another with an empty state.
func (w *world) restart() {
	w.Helper()
	w.ok(w.end())
	w.open()
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

func (w *world) last(s journal.Stream) uint64 {
	w.Helper()
	e, err := w.journal.End(w.ctx, s)
	w.ok(err)
	return e.Last
}

// entries are those of a stream, in its order.
func (w *world) entries(s journal.Stream) []journal.Entry {
	w.Helper()
	var out []journal.Entry
	w.ok(w.journal.Read(w.ctx, s, 1, func(e journal.Entry) error {
		out = append(out, e)
		return nil
	}))
	return out
}

// person is the key of the nth person.
func (w *world) person(n int) reminder.PersonKey { return w.p.Person(nationalID(n)) }

func nationalID(n int) reminder.NationalID {
	return reminder.NewNationalID("DK", fmt.Sprintf("010170%04d", n))
}

// appointment is the nth appointment: of the nth person, at noon of the Tuesday in the week after next, revision 1.
func (w *world) appointment(n int, change ...func(*reminder.Appointment)) reminder.Appointment {
	zone, err := reminder.LoadZone("Europe/Copenhagen")
	w.ok(err)
	id := fmt.Sprintf("A-%d", n)
	a := reminder.Appointment{
		Key: w.p.Appointment("cosmic", id), System: "cosmic", ID: id, Order: reminder.Order{Revision: 1, Sequence: uint64(n + 1)},
		Status: reminder.Booked, Start: noon.AddDate(0, 0, 15).In(zone), Length: 30 * time.Minute, Unit: "rh-ortho", Person: w.person(n),
		NationalID: nationalID(n), GivenName: reminder.Mask("Anna"), Language: "da", BirthDate: reminder.Date{Year: 1970, Month: 1, Day: 1},
	}
	for _, f := range change {
		f(&a)
	}
	return a
}

func revision(n uint64) func(*reminder.Appointment) {
	return func(a *reminder.Appointment) { a.Order.Revision = n }
}

func later(d time.Duration) func(*reminder.Appointment) {
	return func(a *reminder.Appointment) { a.Start = a.Start.Add(d) }
}

func cancelled(a *reminder.Appointment) { a.Status = reminder.Cancelled }

// accept accepts and wants no element error.
func (w *world) accept(as ...reminder.Appointment) {
	w.Helper()
	errs, err := w.Accept(w.ctx, as)
	w.ok(err)
	w.ok(errors.Join(errs...))
}

// reminders are all reminders of a person, by status.
func (w *world) reminders(p reminder.PersonKey) map[receipt.Status][]ledger.ReminderView {
	w.Helper()
	vs, err := w.Reminders(w.ctx, ledger.Filter{Person: p})
	w.ok(err)
	out := map[receipt.Status][]ledger.ReminderView{}
	for _, v := range vs {
		out[v.Status] = append(out[v.Status], v)
	}
	return out
}

// wantCounts compares how many reminders a person has in each status.
func (w *world) wantCounts(p reminder.PersonKey, want map[receipt.Status]int) {
	w.Helper()
	got := map[receipt.Status]int{}
	for s, vs := range w.reminders(p) {
		got[s] = len(vs)
	}
	if !maps.Equal(got, want) {
		w.Errorf("reminders %v, want %v", got, want)
	}
}

var number = reminder.NewAddress(reminder.SMS, "+4520123456")

// known says that a person said yes to SMS and has proven a number.
func (w *world) known(p reminder.PersonKey, a reminder.Address) {
	w.Helper()
	w.ok(w.Consent(w.ctx, w.word(p, consent.Granted)))
	w.ok(w.Contact(w.ctx, w.proof(p, a)))
}

func (w *world) word(p reminder.PersonKey, t consent.Type) consent.Record {
	r := consent.Record{
		Person: p, Type: t, Purposes: []reminder.Purpose{reminder.Remind}, Channels: []reminder.Channel{reminder.SMS},
		Scope: consent.Scope{Kind: policy.ControllerScope}, Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self},
		EventTime: w.now(), Recorded: w.now(),
	}
	if t == consent.Granted {
		r.Notice = consent.Notice{ID: "da/notice@1", Hash: strings.Repeat("ab", 32), Language: "da"}
	}
	return r
}

func (w *world) proof(p reminder.PersonKey, a reminder.Address) contact.Record {
	return contact.Record{Person: p, Type: contact.Verified, Address: a, Method: policy.DeskID, Level: policy.Proven, EventTime: w.now(), Recorded: w.now()}
}

// attempt is an attempt that is on its way.
type attempt struct {
	lease  reminder.Lease
	intent receipt.Intent
}

// lease leases up to limit at the time of the clock.
func (w *world) lease(limit int) []reminder.Lease {
	w.Helper()
	ls, err := w.Lease(w.ctx, "sms", w.now(), limit)
	w.ok(err)
	return ls
}

// due moves the clock to when the first reminders of all appointments so far are due.
func (w *world) due() {
	w.Helper()
	s, err := w.Status(w.ctx)
	w.ok(err)
	w.at(s.NextDue)
}

func intentOf(l reminder.Lease, to reminder.AddressHash) receipt.Intent {
	return receipt.Intent{
		Reminder: l.Reminder, Person: l.Person, Attempt: l.Attempt, Claim: reminder.NewClaim(l.Person), Version: l.Version, Route: "sms",
		Channel: reminder.SMS, Address: to, Template: "da/reminder.sms@1", Decision: receipt.Decision{Basis: "consent", Pack: "dk-2019"},
	}
}

// intend leases one reminder and intends to send it to an address.
func (w *world) intend(to reminder.Address) attempt {
	w.Helper()
	ls := w.lease(1)
	if len(ls) != 1 {
		w.Fatalf("%d leases, want 1", len(ls))
	}
	x := attempt{lease: ls[0], intent: intentOf(ls[0], w.p.Address(to))}
	w.ok(w.Intend(w.ctx, []receipt.Intent{x.intent}))
	return x
}

// confirm asks for the hand-over of an attempt.
func (w *world) confirm(x attempt) error {
	ps, err := w.state.Persons(w.ctx, []reminder.PersonKey{x.lease.Person})
	if err != nil {
		return err
	}
	errs, err := w.state.Confirm(w.ctx, []state.Confirmation{{
		Reminder: x.lease.Reminder, Person: x.lease.Person, Token: x.lease.Token, Version: x.lease.Version, PersonVersion: ps[0].Version,
		Attempt: x.lease.Attempt, Claim: x.intent.Claim, Address: x.intent.Address, Switches: []string{"all"}, At: w.now(), NotAfter: x.lease.Expires,
	}})
	if err != nil {
		return err
	}
	return errs[0]
}

// wire is an attempt that was confirmed: it may be on the wire.
func (w *world) wire(to reminder.Address) attempt {
	w.Helper()
	x := w.intend(to)
	w.ok(w.confirm(x))
	return x
}

func outcome(x attempt, s receipt.Status) receipt.Outcome {
	return receipt.Outcome{Reminder: x.lease.Reminder, Person: x.lease.Person, Attempt: x.lease.Attempt, Claim: x.intent.Claim, Status: s}
}

func (w *world) settle(x attempt, s receipt.Status) {
	w.Helper()
	w.ok(w.Settle(w.ctx, []receipt.Outcome{outcome(x, s)}))
	w.ok(w.Done(w.ctx, x.lease))
}

// dump is everything that is folded, as text.
func (w *world) dump() string {
	w.Helper()
	persons := map[reminder.PersonKey]json.RawMessage{}
	w.ok(w.state.Each(w.ctx, func(p *state.Person) error {
		// A yes and a no stand in different streams; their fold goes by when they were said, not by the order here.
		x := *p
		x.Consent = slices.SortedFunc(slices.Values(p.Consent), func(a, b consent.Record) int { return strings.Compare(a.ID, b.ID) })
		b, err := json.Marshal(x)
		persons[p.Key] = b
		return err
	}))
	bars, switches := map[reminder.AddressHash]state.Bars{}, map[string]string{}
	var snapshot bytes.Buffer
	w.ok(w.state.Snapshot(&snapshot))
	for d := json.NewDecoder(&snapshot); d.More(); { // a head, sections and persons
		var x struct {
			Bars     map[reminder.AddressHash]state.Bars
			Switches map[string]string
		}
		w.ok(d.Decode(&x))
		maps.Copy(bars, x.Bars)
		maps.Copy(switches, x.Switches)
	}
	var b bytes.Buffer
	line := func(what string, v any) {
		j, err := json.MarshalIndent(v, "", " ")
		w.ok(err)
		fmt.Fprintf(&b, "%s %s\n", what, j)
	}
	line("bars", bars)
	line("switches", switches)
	orphans, err := w.state.Orphans(w.ctx)
	w.ok(err)
	slices.SortFunc(orphans, func(a, b state.Orphan) int { return strings.Compare(a.Key(), b.Key()) })
	line("orphans", orphans)
	for _, k := range slices.Sorted(maps.Keys(persons)) {
		line(string(k), persons[k])
	}
	return b.String()
}

// wantDump compares two dumps and shows the first line in which they differ.
func (w *world) wantDump(got, want string) {
	w.Helper()
	g, x := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(x)) {
		switch {
		case i >= len(g):
			w.Fatalf("line %d is missing: %s", i+1, x[i])
		case i >= len(x):
			w.Fatalf("line %d is too many: %s", i+1, g[i])
		case g[i] != x[i]:
			w.Fatalf("line %d: got %s\nwant %s", i+1, g[i], x[i])
		}
	}
}

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// dropSnapshot makes the next start replay the journal.
func (w *world) dropSnapshot() {
	w.change = append(w.change, func(o *ledger.Options) { o.Snapshot.Path = "" })
}
