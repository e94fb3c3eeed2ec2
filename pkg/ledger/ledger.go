package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Planner makes plans of appointments.
type Planner interface {
	Plan(a reminder.Appointment, now time.Time) (plan.Plan, error)
}

// Options of a Ledger.
type Options struct {
	Journal       *journal.Journal
	Keys          *journal.Keyring
	State         state.State
	Planner       Planner
	Pseudonyms    reminder.Pseudonyms
	Now           func() time.Time // nil = time.Now
	Steady        func() error     // why Now can't be relied on, nil when it can; nil = it always can
	LeaseFor      time.Duration    // how long a worker may hold a due reminder; 0 = 60 s
	WriteDeadline time.Duration    // how long a hand-over's write may take; 0 = 1 s
	FoldWait      time.Duration    // how long a write waits to be folded; 0 = 10 s
	Decisions     time.Duration    // how long ended appointments are kept; 0 = 400 days
	Audits        time.Duration    // how long the audit is kept; 0 = 5 years
	Dead          time.Duration    // how long dead letters are kept; 0 = 30 days
	Orphans       time.Duration    // how long a delivery report waits for its attempt; 0 = 72 hours
	// ReportWithin is how long a carrier may take until it has told what became of a message; 0 = it never does. Nil = of none is
	// expected anything.
	ReportWithin func(carrier string) time.Duration
	// ProofYears is how long it must be provable that somebody said a word, after it ended: the pack's proof_years. The zero
	// Record asks for a person of whom there is no word. Nil = nothing is kept for proof, and nobody's time is ever over.
	ProofYears func(consent.Record) int
	// Marks keeps how far an import had come when it was broken off. Nil = it begins again from the start, which does nothing twice.
	Marks     Marks
	HighWater string // file outside the broker's storage that tells how far the journal has come; "" = none
	// Restored tells that the journal was restored where HighWater can't, and Quarantined notes that it was seen to. Nil =
	// nobody knows more.
	Restored    func(ctx context.Context) (bool, error)
	Quarantined func(ctx context.Context) error
	Snapshot    Snapshot // where the state's snapshot is kept; zero = nowhere
	// Republish puts a dead letter's event back, with the moment at which it first came; nil = can't. Read decodes it meanwhile, for
	// Replay to tell whether it is too old; nil, or an error = what takes it in finds out.
	Republish func(ctx context.Context, d DeadLetter) error
	Read      func(d DeadLetter) (reminder.Appointment, error)
	Observe   func(state.Change) // sees every folded entry; nil = nobody
	Silenced  Silenced           // ends codes that are out; nil = nobody has any
	Metrics   prometheus.Registerer
	Log       *zap.Logger
}

// ErrBehind means that an entry is on disk but was not folded in time. What it says will take effect.
var ErrBehind = errors.New("ledger: journalled, but not folded yet")

// Ledger writes the journal and keeps the state its fold.
type Ledger struct {
	o     Options
	m     metrics
	names map[journal.Stream]string // the streams' identities
	ready chan struct{}
	once  sync.Once     // closes ready
	renew chan struct{} // a snapshot is to be written
	scans chan struct{} // the lists that are being made of everybody's
	days  days

	strays  atomic.Int64  // about how many reports wait for their attempt
	strayed atomic.Int64  // when all of them were looked up last, in nanoseconds of Unix time
	counted atomic.Int64  // when too many of them were counted last, the same
	counts  chan struct{} // held by who counts them

	// Held for writing while somebody's erasing begins, and for reading while bookings are taken in: each is told of wholly before,
	// and goes, or wholly after, and stays.
	erasing sync.RWMutex

	marked      state.Vector // what the high-water file says
	restored    bool
	quarantined atomic.Bool
	pulse       pulse
}

// New checks the options. Run starts it.
func New(o Options) (*Ledger, error) {
	switch {
	case o.Journal == nil:
		return nil, errors.New("ledger: Options.Journal is required")
	case o.Keys == nil:
		return nil, errors.New("ledger: Options.Keys is required")
	case o.State == nil:
		return nil, errors.New("ledger: Options.State is required")
	case o.Planner == nil:
		return nil, errors.New("ledger: Options.Planner is required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.LeaseFor == 0 {
		o.LeaseFor = time.Minute
	}
	if o.WriteDeadline == 0 {
		o.WriteDeadline = time.Second
	}
	if o.FoldWait == 0 {
		o.FoldWait = 10 * time.Second
	}
	if o.Decisions == 0 {
		o.Decisions = 400 * 24 * time.Hour
	}
	if o.Audits == 0 {
		o.Audits = 5 * 365 * 24 * time.Hour
	}
	if o.Dead == 0 {
		o.Dead = 30 * 24 * time.Hour
	}
	if o.Orphans == 0 {
		o.Orphans = 72 * time.Hour
	}
	l := &Ledger{o: o, ready: make(chan struct{}), renew: make(chan struct{}, 1), scans: make(chan struct{}, scansAtOnce), counts: make(chan struct{}, 1)}
	l.m = newMetrics(o.Metrics)
	return l, nil
}

// write appends entries and waits until they are folded.
func (l *Ledger) write(ctx context.Context, entries ...journal.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	ps, err := l.append(ctx, entries...)
	if err != nil {
		l.m.appendErrors.Inc()
		return err
	}
	return l.await(ctx, ps)
}

// await returns when all positions are folded.
func (l *Ledger) await(ctx context.Context, ps []journal.Position) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.o.FoldWait)
	defer cancel()
	type place struct {
		shard  int
		stream state.Stream
	}
	last := map[place]uint64{}
	for _, p := range ps {
		at := place{shard: p.Shard}
		switch p.Stream {
		case journal.StreamStop:
			at.stream = state.Stop
		case journal.StreamPeople:
			at.stream = state.People
		case journal.StreamJournal:
			at.stream = state.Journal
		default:
			continue
		}
		last[at] = max(last[at], p.Seq)
	}
	for at, seq := range last {
		if err := l.o.State.Await(ctx, at.shard, at.stream, seq); err != nil {
			return fmt.Errorf("%w: %w", ErrBehind, err)
		}
	}
	return nil
}

type metrics struct {
	folded         prometheus.Counter
	appendErrors   prometheus.Counter
	certified      prometheus.Gauge
	planned        prometheus.Counter
	stops          prometheus.Counter
	reports        *prometheus.CounterVec
	contradictions prometheus.Counter
	faults         *prometheus.CounterVec
	unreported     *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		folded:       prometheus.NewCounter(prometheus.CounterOpts{Name: "husk_ledger_folded_total", Help: "Journal entries folded into the state."}),
		appendErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "husk_ledger_append_errors_total", Help: "Appends to the journal that failed or whose answer was lost."}),
		certified:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "husk_ledger_certified", Help: "1 while the state is certified."}),
		planned:      prometheus.NewCounter(prometheus.CounterOpts{Name: "husk_ledger_planned_total", Help: "Plans journalled."}),
		stops:        prometheus.NewCounter(prometheus.CounterOpts{Name: "husk_ledger_stops_total", Help: "Addresses barred by a STOP."}),
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "husk_ledger_reports_total", Help: "Delivery reports, by what became of them.",
		}, []string{"outcome"}),
		contradictions: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "husk_ledger_contradictions_total", Help: "Reports of messages that surely had not left, as their carrier had said.",
		}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "husk_ledger_faults_total", Help: "Addresses of which a carrier says that they reach nobody: marked, or not yet proven.",
		}, []string{"outcome"}),
		unreported: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "husk_ledger_unreported", Help: "Attempts of the last week that their carrier took and has not reported of in time.",
		}, []string{"carrier"}),
	}
	for _, x := range []string{reportTaken, reportRepeated, reportForeign, reportUnknown, reportKept, reportMatched, reportLost} {
		m.reports.WithLabelValues(x)
	}
	for _, x := range []string{"marked", "unproven"} {
		m.faults.WithLabelValues(x)
	}
	if r != nil {
		r.MustRegister(m.folded, m.appendErrors, m.certified, m.planned, m.stops, m.reports, m.contradictions, m.faults, m.unreported)
	}
	return m
}
