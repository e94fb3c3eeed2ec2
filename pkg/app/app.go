package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
	_ "time/tzdata" // a container may have no zone files

	"github.com/gofrs/flock"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/inbound"
	"github.com/husk-reminders/husk/pkg/intake"
	"github.com/husk-reminders/husk/pkg/intake/native"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
	"github.com/husk-reminders/husk/pkg/template"
)

// adminWait is how long the broker may take to make or describe a stream or consumer: on a busy disk longer than to write.
const adminWait = 30 * time.Second

// Options of an App.
type Options struct {
	Config  config.Config
	Log     *zap.Logger
	Now     func() time.Time   // nil = time.Now
	Observe func(state.Change) // sees every folded entry; nil = nobody
	ByHand  bool               // no cron: Sweep is called instead
	Rebuild bool               // the state's snapshot is thrown away: the journal is replayed from its beginning
	Rest    time.Duration      // how long a station with nothing to do rests; 0 = each its own default
	// Routes replaces the configured carriers, for measurements and tests. nil = the configured ones.
	Routes []dispatch.Route
	// Registers replaces the configured registers, for tests. nil = the configured ones.
	Registers []ledger.Register
	// Invented are the national ids of the demonstration's people: while nobody else is known, one-time links lead to the clerks'
	// pages. nil = nobody is invented.
	Invented []reminder.NationalID
	// Gate replaces the gate, for the test that plants a run which skips it. nil = the real one.
	Gate func(*gate.Gate) dispatch.Gate
}

// App is one Husk: everything built and connected, nothing running yet but the broker.
type App struct {
	Config     config.Config
	Units      *reminder.Directory
	Packs      *policy.Set
	Templates  *template.Live
	Scanner    *redact.Scanner
	Composer   *compose.Composer
	Pseudonyms reminder.Pseudonyms
	Ledger     *ledger.Ledger
	Replies    *ledger.Replies
	State      state.State
	Gate       *gate.Gate
	Dispatcher *dispatch.Dispatcher
	Intake     *intake.Intake
	Inbound    *inbound.Inbound
	// Unsubscriber takes one-click unsubscriptions.
	Unsubscriber *inbound.Unsubscriber
	// Callbacks takes carriers' calls; nil = callbacks.secret_file is not set.
	Callbacks *inbound.Callbacks
	Routes    []dispatch.Route
	Router    *routing.Router // chooses among Routes; nil where there are none
	Metrics   *prometheus.Registry
	Now       func() time.Time

	// Verification asks the registers.
	Verification *ledger.Verification

	meter        routing.Meter // nil = of this process alone
	log          *zap.Logger
	lock         *flock.Flock
	broker       *broker
	lead         *lead         // nil = this process alone owns the data
	installation *installation // nil as well
	journal      *journal.Journal
	shelf        *shelf // the staff API's
	versions     *versions
	canaries     *canaries
	apiSecret    []byte
	invented     map[reminder.PersonKey]bool
	tokens       *inbound.Tokens // of List-Unsubscribe
	codes        *codeDesk
	notices      *notices // nil = none are sent
	js           jetstream.JetStream
	events       jetstream.Stream
	began        time.Time
	byHand       bool
	verifyEvery  time.Duration // see askAgain
	running      chan struct{}
	closers      []func()
	once         sync.Once
}

// Open builds everything, in the order in which it depends on each other. On error what was begun is undone.
func Open(ctx context.Context, o Options) (_ *App, err error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	var clock *wall // nil: whoever gives the time may move it
	if o.Now == nil {
		o.Now = time.Now
		clock = watchWall(o.Now)
	}
	c := o.Config
	a := &App{Config: c, Now: o.Now, log: o.Log, Metrics: prometheus.NewRegistry(), began: o.Now(), byHand: o.ByHand, running: make(chan struct{})}
	defer func() {
		if err != nil {
			a.Close()
			if c.Shared() && ctx.Err() == nil && passing(err) {
				err = fmt.Errorf("%w: %w", ErrUnreachable, err)
			}
		}
	}()

	// What can be wrong without touching any data comes first.
	if err := a.load(); err != nil {
		return nil, err
	}

	// The lock before the broker.
	if a.lock, err = lock(c.Data); err != nil {
		return nil, err
	}
	a.defers(func() { _ = a.lock.Unlock() })
	if o.Rebuild {
		if err := os.Remove(snapshotPath(c)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("app: snapshot: %w", err)
		}
	}
	keys, err := keyset(c)
	if err != nil {
		return nil, err
	}
	if a.Pseudonyms, err = keys.Pseudonyms(); err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	a.invented = keysOf(o.Invented, a.Pseudonyms)
	if err := a.openBroker(ctx, keys); err != nil {
		return nil, err
	}

	// Journal, state and ledger.
	if a.journal, err = journal.Open(ctx, journal.Options{
		Conn: a.broker.nc, Replicas: c.NATS.Replicas, Shared: c.Shared(), DeadAge: c.Retention.Dead, AuditAge: c.Retention.Audit, Log: o.Log,
	}); err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	a.defers(a.journal.Close)
	ring, err := a.journal.OpenKeyring(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	planner, err := plan.New(plan.Options{Units: a.Units, Pseudonyms: a.Pseudonyms, Horizon: c.Plan.Horizon})
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	a.State = memory.New()
	lo := ledger.Options{
		Journal: a.journal, Keys: ring, State: a.State, Planner: planner, Pseudonyms: a.Pseudonyms, Now: o.Now, LeaseFor: c.Send.Lease,
		WriteDeadline: c.Send.WriteDeadline, Decisions: c.Retention.Decisions, Audits: c.Retention.Audit, Dead: c.Retention.Dead, ReportWithin: a.reportWithin, ProofYears: a.proofYears, Republish: a.putBack, Read: a.read, Observe: o.Observe,
		HighWater: filepath.Join(c.Data, "state", "high-water.json"),
		Snapshot:  ledger.Snapshot{Path: snapshotPath(c), Every: int(c.State.SnapshotEvery)},
		Silenced:  a.silenced, Metrics: a.Metrics, Log: o.Log.Named("ledger"),
	}
	if clock != nil {
		lo.Steady = clock.steady
	}
	if c.Shared() {
		if err := a.share(ctx, o, keys); err != nil {
			return nil, err
		}
		lo.State, lo.Restored, lo.Quarantined = a.State, a.installation.restored, a.installation.quarantined
	}
	if lo.Marks, err = openMarks(ctx, a.js, c.NATS.Replicas); err != nil {
		return nil, err
	}
	if a.Ledger, err = ledger.New(lo); err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	if a.Replies, err = ledger.NewReplies(ledger.ReplyOptions{Ledger: a.Ledger, Class: a.classOf}); err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	if err := a.verification(o); err != nil {
		return nil, err
	}
	if err := a.keepVersions(ctx); err != nil {
		return nil, err
	}
	a.canaries = newCanaries(a)
	if a.shelf, err = openShelf(ctx, a.js, c.NATS.Replicas); err != nil {
		return nil, err
	}
	a.apiSecret = apiSecret(keys)
	if err := a.unsubscription(keys); err != nil {
		return nil, err
	}
	if a.codes, err = a.openCodes(ctx, keys); err != nil {
		return nil, err
	}

	// Composer, gate, carriers, dispatcher.
	if a.Composer, err = compose.New(compose.Options{Templates: a.Templates, Scanner: a.Scanner, Metrics: a.Metrics}); err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	p := people{a.Ledger, a.State}
	a.Gate, err = gate.New(gate.Options{
		People: p, Switches: textSwitches{p, a.versions}, Confirmer: p, Packs: a.Packs, Units: a.Units, Numbers: numbers{a}, Certified: p.Certified, Hash: a.Pseudonyms.Address, Window: plan.Window, Template: a.Composer.Chosen, Now: o.Now,
		Analysis: func(u reminder.Unit) string { return u.Analysis },
		Awaits:   a.awaits,
	})
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	pollers, err := a.route(o)
	if err != nil {
		return nil, err
	}
	var decider dispatch.Gate = a.Gate
	if o.Gate != nil {
		decider = o.Gate(a.Gate)
	}
	a.Dispatcher, err = dispatch.New(dispatch.Options{
		Queue: a.Ledger, Receipts: a.Ledger, Gate: decider, Composer: a.Composer, Routes: a.Routes, Router: a.Router, Stopped: p.Stopped, Country: contact.Country, Stop: a.Replies.Stop, Unsubscribe: a.offer, Now: o.Now,
		Idle: o.Rest, Batch: c.Send.Batch, WriteDeadline: c.Send.WriteDeadline, Metrics: a.Metrics, Log: o.Log.Named("dispatch"),
	})
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}

	if a.notices, err = a.openNotices(a.Routes, a.Metrics); err != nil {
		return nil, err
	}

	// The two doors.
	if err := a.doors(ctx, pollers, o.Rest); err != nil {
		return nil, err
	}
	return a, nil
}

// openBroker starts the embedded broker, or connects to the one outside.
func (a *App) openBroker(ctx context.Context, keys journal.Keyset) (err error) {
	c := a.Config
	storage := filepath.Join(c.Data, "broker")
	if c.Shared() {
		a.broker, err = connectBroker(c.NATS, a.log.Named("broker"))
	} else if err = room(c.Data); err == nil {
		a.broker, err = startBroker(c.Broker, storage, keys.Broker, a.log)
	}
	if err != nil {
		return err
	}
	a.defers(a.broker.stop)
	if a.js, err = jetstream.New(a.broker.nc, jetstream.WithDefaultTimeout(adminWait)); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if c.Shared() {
		return nil
	}
	return whole(ctx, a.js, storage)
}

// doors makes the intake stream and its consumer, intake and inbound.
func (a *App) doors(ctx context.Context, pollers []inbound.Source, rest time.Duration) error {
	var err error
	a.events, err = a.js.CreateOrUpdateStream(ctx, intake.StreamConfig(intake.StreamOptions{MaxBytes: a.Config.Broker.EventsMaxBytes, Replicas: a.Config.NATS.Replicas}))
	if err != nil {
		return fmt.Errorf("app: intake stream: %w", err)
	}
	if !a.Config.Shared() {
		if err := a.takeBack(ctx); err != nil {
			return fmt.Errorf("app: intake consumer: %w", err)
		}
	}
	consumer, err := a.events.CreateOrUpdateConsumer(ctx, intake.ConsumerConfig(0))
	if err != nil {
		return fmt.Errorf("app: intake consumer: %w", err)
	}
	decoder, err := native.New(native.Options{Pseudonyms: a.Pseudonyms})
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	a.Intake, err = intake.New(intake.Options{
		Consumer: consumer, Decoders: map[string]intake.Decoder{"": decoder, native.ContentType: decoder}, Sink: sink{a.Ledger}, Now: a.Now, Metrics: a.Metrics, Log: a.log.Named("intake"),
	})
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	replier, err := a.replier()
	if err != nil {
		return err
	}
	country := a.country()
	a.Inbound, err = inbound.New(inbound.Options{
		Register: register{a.Replies}, Desk: a.Replies, Replier: replier, Unsubscriber: a.Unsubscriber, Keywords: a.Units.Keywords(), Pollers: pollers, Every: rest, Metrics: a.Metrics, Log: a.log.Named("inbound"),
		Normalise: func(x reminder.Address) (reminder.Address, error) {
			return contact.Normalise(x.Channel, x.Reveal(), country)
		},
	})
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	return a.openCallbacks()
}

// classOf is the content class of the literal text of a template version; false for one that was never live here.
func (a *App) classOf(template string) (reminder.Class, bool) {
	t, ok := a.Templates.Version(template)
	return t.Class(), ok
}

// takeBack makes the events come again at once that a dead process had in hand: this process alone owns the data, so nobody has
// them now, and a reminder may fall due while the broker waits for their acknowledgement. Without its consumer a work queue
// keeps every event.
func (a *App) takeBack(ctx context.Context) error {
	c, err := a.events.Consumer(ctx, intake.ConsumerName)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil
	}
	if err != nil || c.CachedInfo().NumAckPending == 0 {
		return err
	}
	return a.events.DeleteConsumer(ctx, intake.ConsumerName)
}

// country is where numbers without a country code belong: where the first unit is.
func (a *App) country() reminder.Country {
	for _, u := range a.Units.Units() {
		return u.Country
	}
	return ""
}

// Publish puts a booking event into the intake stream, as a booking system does. It returns when the event is on disk.
func (a *App) Publish(ctx context.Context, subject, contentType string, data []byte) error {
	_, err := a.js.PublishMsg(ctx, eventOf(subject, contentType, data))
	return err
}

// putBack publishes a dead letter's event again, with the moment at which it first came.
func (a *App) putBack(ctx context.Context, d ledger.DeadLetter) error {
	m := eventOf(d.Subject, d.Type, d.Data)
	m.Header.Set(intake.ReceivedHeader, d.Received.UTC().Format(time.RFC3339Nano))
	_, err := a.js.PublishMsg(ctx, m)
	return err
}

// read decodes a dead letter's event as the intake does.
func (a *App) read(d ledger.DeadLetter) (reminder.Appointment, error) {
	return a.Intake.Read(d.Subject, eventOf(d.Subject, d.Type, d.Data).Header, d.Data)
}

func eventOf(subject, contentType string, data []byte) *nats.Msg {
	m := nats.NewMsg(subject)
	m.Data = data
	if contentType != "" {
		m.Header.Set("Content-Type", contentType)
	}
	return m
}

// defers remembers what Close undoes.
func (a *App) defers(f func()) { a.closers = append(a.closers, f) }

// Close undoes what Open did, in reverse order. Run must have returned.
func (a *App) Close() {
	a.once.Do(func() {
		for i := len(a.closers) - 1; i >= 0; i-- {
			a.closers[i]()
		}
	})
}
