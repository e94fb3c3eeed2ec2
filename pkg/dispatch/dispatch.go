package dispatch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
)

// Queue is the due index.
type Queue interface {
	// Lease hands out up to limit reminders of a route that are due at due. A lease ends by itself.
	Lease(ctx context.Context, route string, due time.Time, limit int) ([]reminder.Lease, error)
	// Retry gives a lease back until at, to be leased from route.
	Retry(ctx context.Context, l reminder.Lease, at time.Time, route string) error
	// Done ends a lease.
	Done(ctx context.Context, l reminder.Lease) error
}

// Receipts journals what becomes of reminders. Nil means: on disk and folded.
type Receipts interface {
	Intend(ctx context.Context, is []receipt.Intent) error
	// Settle tries until the outcomes are on disk, or ctx ends.
	Settle(ctx context.Context, os []receipt.Outcome) error
	Rule(ctx context.Context, vs []receipt.Verdict) error
}

// Gate decides.
type Gate interface {
	Decide(ctx context.Context, ls []reminder.Lease, now time.Time) ([]gate.Decision, error)
	Confirm(ctx context.Context, as []gate.Attempt) ([]error, error)
}

// Composer makes messages of permits.
type Composer interface {
	Compose(ctx context.Context, p gate.Permit) (reminder.Message, error)
	// Inspect refuses a message whose wire, as the carrier encoded it, is not clean.
	Inspect(p gate.Permit, m reminder.Message) error
}

// Route is a carrier that messages of one channel may go to. Its name is the channel's; a channel may have several, each with a carrier of
// another name.
type Route struct {
	Name    string
	Carrier string // the carrier's name, under which its notices come in too; "" = the channel's
	Sender  provider.Sender
	Slots   int // most attempts open at once; at least 1
}

// Options of a Dispatcher.
type Options struct {
	Queue    Queue
	Receipts Receipts
	Gate     Gate
	Composer Composer
	Routes   []Route
	// Router chooses the carrier of each message among the routes; nil = those of its channel in their order, as far as they are well.
	Router *routing.Router
	// Stopped are the switches that are on, by name: a carrier that is stopped is passed over. It need not be certified, for the gate's Confirm
	// looks again. nil = none is.
	Stopped func(ctx context.Context) (map[string]string, error)
	// Country is where an address belongs, "" where it does not tell; nil = no address does.
	Country func(a reminder.Address) reminder.Country
	// Stop bars an address whose carrier says that its holder opted out.
	Stop func(ctx context.Context, from reminder.Address, via string) error
	// Unsubscribe is what the e-mail with a reference offers to stop the messages; nil = none does.
	Unsubscribe func(reference string) (reminder.Unsubscribe, error)

	Now           func() time.Time // nil = time.Now
	Batch         int              // most reminders a round; 0 = 256
	Rounds        int              // rounds in flight a route; 0 = 2
	Idle          time.Duration    // how long a route rests when nothing is due; 0 = 200 ms
	OpenWait      time.Duration    // how long a slot may take to open; 0 = 10 s
	WriteDeadline time.Duration    // how long a write may take; 0 = 1 s
	Grace         time.Duration    // how long what is in hand may take to finish when Run is to end; 0 = 20 s
	CatchUp       float64          // reminders a second that are later than LateAfter; 0 = 20
	LateAfter     time.Duration    // 0 = 15 min
	Metrics       prometheus.Registerer
	Log           *zap.Logger
}

// Dispatcher runs the routes.
type Dispatcher struct {
	o       Options
	m       metrics
	catchUp *rate.Limiter
	inHand  sync.Map // claims that a worker of this process has intended and not settled

	asked  atomic.Int64 // when AskAgain was called last, in nanoseconds of Unix time
	sights sync.Mutex
	first  map[string]time.Time // when this process first saw each open claim that is nobody's here
}

// New checks the options.
func New(o Options) (*Dispatcher, error) {
	switch {
	case o.Queue == nil:
		return nil, errors.New("dispatch: Options.Queue is required")
	case o.Receipts == nil:
		return nil, errors.New("dispatch: Options.Receipts is required")
	case o.Gate == nil:
		return nil, errors.New("dispatch: Options.Gate is required")
	case o.Composer == nil:
		return nil, errors.New("dispatch: Options.Composer is required")
	case o.Stop == nil:
		return nil, errors.New("dispatch: Options.Stop is required")
	}
	for _, r := range o.Routes {
		if r.Name == "" || r.Sender == nil || r.Slots < 1 {
			return nil, fmt.Errorf("dispatch: route %q: want a name, a sender and at least one slot", r.Name)
		}
	}
	var err error
	if o.Routes, err = named(o.Routes); err != nil {
		return nil, err
	}
	if o.Router == nil && len(o.Routes) > 0 {
		if o.Router, err = routing.New(routing.Options{Rules: inOrder(o.Routes), Now: o.Now, Log: o.Log}); err != nil {
			return nil, fmt.Errorf("dispatch: %w", err)
		}
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.Idle, 200*time.Millisecond)
	def(&o.OpenWait, 10*time.Second)
	def(&o.WriteDeadline, time.Second)
	def(&o.Grace, 20*time.Second)
	def(&o.LateAfter, 15*time.Minute)
	if o.Batch == 0 {
		o.Batch = 256
	}
	if o.Rounds == 0 {
		o.Rounds = 2
	}
	if o.CatchUp == 0 {
		o.CatchUp = 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Dispatcher{o: o, m: newMetrics(o.Metrics), catchUp: rate.NewLimiter(rate.Limit(o.CatchUp), max(1, int(o.CatchUp)))}, nil
}

// closedTokens is how many reminders of a route without a carrier are taken at once.
const closedTokens = 16

// Run works all routes until ctx ends; then what is in hand is finished and settled before it returns, or Grace is over:
// what is open then is settled by the next start. A channel that has no route is worked too: what was planned for it is
// moved to where it may go, or ruled, and nothing is sent.
func (d *Dispatcher) Run(ctx context.Context) error {
	hand, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(d.o.Grace, cancel)
	})()
	var wg sync.WaitGroup
	var ws []*worker
	for _, c := range reminder.Channels {
		w, rounds := d.worker(c)
		ws = append(ws, w)
		for range rounds {
			wg.Go(func() { w.run(ctx, hand) })
		}
	}
	wg.Wait()
	for _, w := range ws {
		w.sends.Wait()
	}
	return nil
}

// worker makes the worker of a channel, and says how many rounds it has in flight. It takes as much at once as the carriers have slots that
// come first in some order: the others stand in for those.
func (d *Dispatcher) worker(c reminder.Channel) (w *worker, rounds int) {
	w = &worker{Dispatcher: d, route: string(c), carriers: map[string]*berth{}, log: d.o.Log.With(zap.String("route", string(c)))}
	tokens := 0
	for _, r := range d.o.Routes {
		if r.Name != w.route {
			continue
		}
		w.carriers[r.Carrier] = &berth{Route: r, slots: make(chan struct{}, r.Slots)}
		if d.o.Router.First(c, r.Carrier) {
			tokens += r.Slots
		}
	}
	rounds = d.o.Rounds
	if len(w.carriers) == 0 {
		tokens, rounds = closedTokens, 1
	}
	w.tokens = make(chan struct{}, max(tokens, 1))
	return w, rounds
}

// route reports whether a route of that name is worked here.
func (d *Dispatcher) route(name string) bool {
	for _, r := range d.o.Routes {
		if r.Name == name {
			return true
		}
	}
	return false
}

type metrics struct {
	decisions *prometheus.CounterVec
	outcomes  *prometheus.CounterVec
	delay     *prometheus.HistogramVec
	open      *prometheus.GaugeVec
	shut      *prometheus.GaugeVec
	doubts    prometheus.Counter
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "husk_dispatch_decisions_total", Help: "Decisions on due reminders."}, []string{"route", "outcome", "reason"}),
		outcomes:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "husk_dispatch_outcomes_total", Help: "Outcomes of attempts."}, []string{"route", "outcome"}),
		delay:     prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "husk_dispatch_delay_seconds", Help: "From due to accepted.", Buckets: []float64{.1, .5, 1, 5, 15, 60, 300, 1800, 7200}}, []string{"route"}),
		open:      prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "husk_dispatch_open_attempts", Help: "Attempts intended and not settled."}, []string{"route"}),
		shut:      prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "husk_dispatch_route_shut", Help: "1 while no carrier of the route can be given a message, and what is due waits."}, []string{"route"}),
		doubts:    prometheus.NewCounter(prometheus.CounterOpts{Name: "husk_dispatch_unknown_total", Help: "Attempts whose hand-over is in doubt."}),
	}
	if r != nil {
		r.MustRegister(m.decisions, m.outcomes, m.delay, m.open, m.shut, m.doubts)
	}
	return m
}
