package dispatch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	policies "github.com/husk-reminders/husk/config/policy"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when every bench begins; its time goes by with the bubble's.
var noon = time.Date(2026, 3, 10, 11, 0, 0, 0, time.UTC)

var errDown = errors.New("down")

// bench is a dispatcher with everything around it in memory. It checks for every test that no claim is sent twice, that
// nothing is sent without an intent, and that no more attempts are open than there are slots.
type bench struct {
	*testing.T
	o     dispatch.Options
	began time.Time
	units map[string]reminder.Unit
	packs *policy.Set
	real  *gate.Gate
	log   bytes.Buffer

	mu       sync.Mutex
	waiting  []waiting
	held     map[reminder.ID]reminder.Lease
	tries    map[reminder.ID]int
	retries  []retried
	done     []reminder.ID
	intents  []receipt.Intent
	open     map[string]bool // claims
	most     int             // open at once
	outcomes []receipt.Outcome
	verdicts []receipt.Verdict
	sent     []sent
	slots    int
	mostSlot int
	stops    []string
	mails    map[reminder.PersonKey]bool // who is reached by e-mail alone

	// What a test may plant.
	leaseErr error
	decide   func(ds []gate.Decision) ([]gate.Decision, error)
	confirm  func(as []gate.Attempt) ([]error, error)
	compose  func(p gate.Permit) error
	encode   func(m reminder.Message) (reminder.Wire, error)
	inspect  func(m reminder.Message) error
	openSlot func(ctx context.Context) error
	send     func(ctx context.Context, m reminder.Message) (provider.Accepted, error)
	intend   func(is []receipt.Intent) error
	settle   func(ctx context.Context, os []receipt.Outcome) error
	rule     func(vs []receipt.Verdict) error
	stop     func(ctx context.Context) error
}

type waiting struct {
	lease reminder.Lease
	at    time.Time
	route string
}

type retried struct {
	id    reminder.ID
	after time.Duration
	route string
}

type sent struct {
	claim string
	route string
	at    time.Time
}

// inBench runs test in a bubble, with time of its own.
func inBench(t *testing.T, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newBench(t)) })
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		T: t, began: time.Now(), held: map[reminder.ID]reminder.Lease{}, tries: map[reminder.ID]int{}, open: map[string]bool{}, mails: map[reminder.PersonKey]bool{},
		units: map[string]reminder.Unit{"rh-ortho": {
			ID: "rh-ortho", Hospital: "rh", Country: "DK", Language: "da", Zone: "Europe/Copenhagen", Channels: []reminder.Channel{reminder.SMS, reminder.Email},
		}},
	}
	packs, err := policy.Load(policies.FS)
	if err != nil {
		t.Fatal(err)
	}
	b.packs = packs
	b.real, err = gate.New(gate.Options{People: b, Switches: b, Confirmer: b, Packs: packs, Units: b, Certified: certified, Hash: hash, Now: b.now})
	if err != nil {
		t.Fatal(err)
	}
	sink := zapcore.Lock(zapcore.AddSync(&b.log))
	b.o = dispatch.Options{
		Queue: (*queue)(b), Receipts: (*receipts)(b), Gate: (*door)(b), Composer: (*writer)(b),
		Routes: []dispatch.Route{{Name: "sms", Sender: &carrier{b, "sms"}, Slots: 3}}, Stop: b.barred, Now: b.now,
		Log: zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), sink, zap.DebugLevel)), Metrics: prometheus.NewRegistry(),
	}
	t.Cleanup(func() {
		if strings.Contains(b.log.String(), "+45") {
			t.Error("a number is in the log")
		}
	})
	return b
}

func (b *bench) now() time.Time { return noon.Add(time.Since(b.began)) }

func (b *bench) dispatcher() *dispatch.Dispatcher {
	b.Helper()
	d, err := dispatch.New(b.o)
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// run runs a dispatcher for some time and until it has stopped.
func (b *bench) run(d time.Duration) {
	b.Helper()
	b.while(b.dispatcher(), func() { time.Sleep(d) })
}

func (b *bench) while(d *dispatch.Dispatcher, do func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	do()
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.slots != 0 {
		b.Errorf("%d slots are left open", b.slots)
	}
}

func hash(a reminder.Address) reminder.AddressHash {
	p, err := reminder.NewPseudonyms(1, []byte(strings.Repeat("k", 32)))
	if err != nil {
		panic(err)
	}
	return p.Address(a)
}

func person(n int) reminder.PersonKey {
	return reminder.PersonKey(fmt.Sprintf("1-%02x%030x", n%reminder.Shards, n))
}

func id(n int) reminder.ID { return reminder.ID(fmt.Sprintf("1-%032x", n)) }

// due puts n reminders into the queue, numbered from 0, which are due now.
func (b *bench) due(n int, change ...func(*reminder.Lease)) {
	for i := range n {
		l := reminder.Lease{
			Reminder: id(i), Version: 1, Person: person(i), Rule: "48h", Purpose: reminder.Remind, Due: b.now(), Expires: b.now().Add(46 * time.Hour),
			Appointment: reminder.Appointment{Person: person(i), Unit: "rh-ortho", Start: b.now().Add(48 * time.Hour)},
		}
		for _, f := range change {
			f(&l)
		}
		b.waiting = append(b.waiting, waiting{l, l.Due, "sms"})
	}
}

func (b *bench) statuses() map[receipt.Status]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[receipt.Status]int{}
	for _, o := range b.outcomes {
		out[o.Status]++
	}
	return out
}

// queue is the due index. Leases do not end by themselves.
type queue bench

func (q *queue) Lease(_ context.Context, route string, due time.Time, limit int) ([]reminder.Lease, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.leaseErr != nil {
		return nil, q.leaseErr
	}
	var out []reminder.Lease
	q.waiting = slices.DeleteFunc(q.waiting, func(w waiting) bool {
		if w.route != route || w.at.After(due) || len(out) == limit {
			return false
		}
		l := w.lease
		l.Route, l.Token, l.Tries = route, fmt.Sprintf("t%d", len(q.held)), q.tries[l.Reminder]
		l.Attempt = 1
		for _, i := range q.intents {
			if i.Reminder == l.Reminder {
				l.Attempt++
			}
		}
		l.Refusals = 0
		for _, o := range q.outcomes {
			if o.Reminder == l.Reminder && o.Status == receipt.Refused {
				l.Refusals++
			}
		}
		q.held[l.Reminder] = l
		out = append(out, l)
		return true
	})
	return out, nil
}

func (q *queue) Retry(_ context.Context, l reminder.Lease, at time.Time, route string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.retries = append(q.retries, retried{l.Reminder, at.Sub((*bench)(q).now()), route})
	q.tries[l.Reminder]++
	delete(q.held, l.Reminder)
	q.waiting = append(q.waiting, waiting{l, at, route})
	return nil
}

func (q *queue) Done(_ context.Context, l reminder.Lease) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done = append(q.done, l.Reminder)
	delete(q.held, l.Reminder)
	return nil
}

// receipts is the journal and its fold: a refused attempt makes its reminder wait again.
type receipts bench

func (r *receipts) Intend(_ context.Context, is []receipt.Intent) error {
	if r.intend != nil {
		if err := r.intend(is); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.intents = append(r.intents, is...)
	for _, i := range is {
		r.open[i.Claim] = true
	}
	r.most = max(r.most, len(r.open))
	return nil
}

func (r *receipts) Settle(ctx context.Context, os []receipt.Outcome) error {
	if r.settle != nil {
		if err := r.settle(ctx, os); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range os {
		r.outcomes = append(r.outcomes, o)
		delete(r.open, o.Claim)
		if o.Status != receipt.Refused && o.Status != receipt.NotBegun {
			continue
		}
		l := r.held[o.Reminder]
		l.Attempt++
		r.waiting = append(r.waiting, waiting{l, o.Retry, "sms"})
	}
	return nil
}

func (r *receipts) Rule(_ context.Context, vs []receipt.Verdict) error {
	if r.rule != nil {
		if err := r.rule(vs); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verdicts = append(r.verdicts, vs...)
	return nil
}

// door is the gate: the real one, asked about people who all said yes, with what a test plants.
type door bench

func (d *door) Decide(ctx context.Context, ls []reminder.Lease, now time.Time) ([]gate.Decision, error) {
	ds, err := d.real.Decide(ctx, ls, now)
	if err == nil && d.decide != nil {
		return d.decide(ds)
	}
	return ds, err
}

func (d *door) Confirm(ctx context.Context, as []gate.Attempt) ([]error, error) {
	errs, err := d.real.Confirm(ctx, as)
	if err == nil && d.confirm != nil {
		return d.confirm(as)
	}
	return errs, err
}

// People implements gate.People.
func (b *bench) People(_ context.Context, keys []reminder.PersonKey) ([]gate.Person, error) {
	out := make([]gate.Person, len(keys))
	at := noon.AddDate(0, -1, 0)
	for i, k := range keys {
		a, c := reminder.NewAddress(reminder.SMS, "+4520"+string(k[len(k)-6:])), reminder.SMS
		if b.mails[k] {
			a, c = reminder.NewAddress(reminder.Email, "a@b.example"), reminder.Email
		}
		out[i] = gate.Person{
			Key: k, Known: true, Version: 1, BirthDate: reminder.Date{Year: 1970, Month: 1, Day: 1},
			Consent: []consent.Record{{
				ID: "yes", Person: k, Type: consent.Granted, Purposes: []reminder.Purpose{reminder.Remind, reminder.Changed, reminder.Cancel}, Channels: []reminder.Channel{c},
				Scope: consent.Scope{Kind: policy.ControllerScope}, Notice: consent.Notice{ID: "n", Hash: strings.Repeat("ab", 32), Language: "da"},
				Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self}, EventTime: at, Recorded: at,
			}},
			Contact: []contact.Record{{
				ID: "a", Person: k, Type: contact.Verified, Address: a, Hash: hash(a), Channel: c, Method: policy.Code, Level: policy.Code.Level(), EventTime: at, Recorded: at,
			}},
		}
	}
	return out, nil
}

// Stopped implements gate.Switches.
func (b *bench) Stopped(context.Context) (map[string]string, error) { return nil, nil }

// certified is a state that vouches for itself.
func certified(context.Context) error { return nil }

// Confirm implements gate.Confirmer: whatever is intended and open is confirmed.
func (b *bench) Confirm(_ context.Context, cs []gate.Confirmation) ([]error, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	errs := make([]error, len(cs))
	for i, c := range cs {
		if !b.open[c.Claim] {
			errs[i] = gate.ErrClaim
		}
	}
	return errs, nil
}

// Unit implements gate.Units.
func (b *bench) Unit(id string) (reminder.Unit, bool) { u, ok := b.units[id]; return u, ok }

func (b *bench) barred(ctx context.Context, from reminder.Address, via string) error {
	if b.stop != nil {
		if err := b.stop(ctx); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stops = append(b.stops, string(from.Channel)+" "+via)
	return nil
}

// writer composes.
type writer bench

func (w *writer) Compose(_ context.Context, p gate.Permit) (reminder.Message, error) {
	if p.IsZero() {
		w.Error("a message without a permit")
	}
	if w.compose != nil {
		if err := w.compose(p); err != nil {
			return reminder.Message{}, err
		}
	}
	return reminder.Message{
		Channel: p.Channel(), Purpose: p.Lease().Purpose, To: p.Address(), Sender: "RH", Text: reminder.Mask("Husk din aftale"), Template: "da/reminder.sms@1",
		Segments: 1, Unit: "rh-ortho", NotAfter: p.Lease().Expires,
	}, nil
}

func (w *writer) Inspect(_ gate.Permit, m reminder.Message) error {
	if m.Wire.Body.IsZero() || m.Reference == "" {
		w.Error("inspected before it was encoded")
	}
	if w.inspect != nil {
		return w.inspect(m)
	}
	return nil
}

// carrier accepts everything at once.
type carrier struct {
	*bench
	route string
}

func (c *carrier) Encode(m reminder.Message) (reminder.Wire, error) {
	if c.encode != nil {
		return c.encode(m)
	}
	return reminder.Wire{Format: reminder.WireText, Body: m.Text}, nil
}

func (c *carrier) Open(ctx context.Context) (provider.Slot, error) {
	if c.openSlot != nil {
		if err := c.openSlot(ctx); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slots++
	c.mostSlot = max(c.mostSlot, c.slots)
	return &slot{carrier: c}, nil
}

type slot struct {
	*carrier
	once sync.Once
}

func (s *slot) Close() {
	s.once.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.slots--
	})
}

func (s *slot) Send(ctx context.Context, m reminder.Message) (provider.Accepted, error) {
	s.mu.Lock()
	if m.Wire.Body.IsZero() {
		s.Error("sent without a wire")
	}
	if !s.open[m.Reference] {
		s.Error("sent without an open intent")
	}
	for _, x := range s.sent {
		if x.claim == m.Reference {
			s.Error("one claim was sent twice")
		}
	}
	s.sent = append(s.sent, sent{m.Reference, s.route, s.now()})
	s.mu.Unlock()
	if s.send != nil {
		return s.send(ctx, m)
	}
	return provider.Accepted{CarrierID: "c-" + m.Reference, At: s.now()}, nil
}
