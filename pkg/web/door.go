package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

// grace is how long Shut lets requests in hand finish by themselves: as long as a withdrawal may wait for what is on the wire.
const grace = 12 * time.Second

// Rebuilt is what a rebuilding of the state came to.
type Rebuilt struct {
	Entries int64   `json:"entries"` // folded
	Seconds float64 `json:"seconds"` // until the state was certified
}

// DoorOptions of a Door.
type DoorOptions struct {
	// Rebuild closes the line, throws the state's snapshot away, opens again, and returns when the state is certified.
	Rebuild func(ctx context.Context) (Rebuilt, error)
	// How many requests a second Remote lets through from one address before it looks at their keys, and from one key; twice as many
	// at once. 0 = 100 and 50.
	AddressRate, KeyRate int
	// How many requests a second Admit lets through from one address; twice as many at once. 0 = 100.
	PageRate int
	// How many requests a second Unsubscribe lets through from one address; twice as many at once. 0 = 20.
	UnsubscribeRate int
	// How many requests a second Callbacks lets through from one address without a carrier's secret; twice as many at once. 0 = 200. Of one
	// carrier it lets twenty times as many through.
	CallbackRate int
	// Link makes a one-time link to the pages; nil = people come to them in another way.
	Link func(ctx context.Context) (SignInLink, error)
	Now  func() time.Time // nil = time.Now
	Log  *zap.Logger
}

// Door is where staff, health checks and metrics are answered for as long as the process lives, while the line behind it is
// opened, closed and opened again. While it is shut everything but liveness is answered with 503 and the reason.
type Door struct {
	o        DoorOptions
	own      *prometheus.Registry
	requests *prometheus.CounterVec
	refused  *prometheus.CounterVec

	addresses, keys, unsubscribers, callers, carriers, visitors *limit

	mu   sync.Mutex
	open *opening
	why  string
}

// opening is one line behind the door, and the requests that are with it.
type opening struct {
	api    *API
	busy   sync.WaitGroup
	ctx    context.Context //nolint:containedctx // ends the requests that are with the line when the door shuts
	cancel context.CancelFunc
}

// NewDoor returns a door that is shut because the line is starting.
func NewDoor(o DoorOptions) (*Door, error) {
	if o.Rebuild == nil {
		return nil, errors.New("web: DoorOptions.Rebuild is required")
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Door{o: o, own: prometheus.NewRegistry(), why: "starting"}
	d.addresses, d.keys = newLimit(cmp.Or(o.AddressRate, 100)), newLimit(cmp.Or(o.KeyRate, 50))
	d.callers = newLimit(cmp.Or(o.CallbackRate, 200))
	d.carriers = newLimit(carrierCalls * cmp.Or(o.CallbackRate, 200))
	d.unsubscribers, d.visitors = newLimit(cmp.Or(o.UnsubscribeRate, 20)), newLimit(cmp.Or(o.PageRate, 100))
	d.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "husk_web_refused_total", Help: "Requests over HTTP that did not get to an operation: too many from an address or a key, or no key.",
	}, []string{"why"})
	d.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "husk_web_requests_total", Help: "Requests to the staff API, by route and status code.",
	}, []string{"route", "code"})
	ready := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "husk_web_ready", Help: "1 while the line can be relied on: the state is certified, intake runs and the broker answers.",
	}, func() float64 {
		if d.ready(context.Background()) == nil {
			return 1
		}
		return 0
	})
	d.own.MustRegister(d.requests, d.refused, ready, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return d, nil
}

// Metrics is where those who serve beside the door have their metrics answered, for as long as the process lives.
func (d *Door) Metrics() prometheus.Registerer { return d.own }

// Open lets requests through to a line.
func (d *Door) Open(a *API) {
	x := &opening{api: a}
	x.ctx, x.cancel = context.WithCancel(context.Background())
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open, d.why = x, ""
}

// Shut lets no more requests through, says why, and returns when those in hand are answered; after a while they are cut short.
func (d *Door) Shut(why string) {
	d.mu.Lock()
	x := d.open
	d.open, d.why = nil, why
	d.mu.Unlock()
	if x == nil {
		return
	}
	t := time.AfterFunc(grace, func() {
		d.o.Log.Warn("requests in hand are cut short", zap.String("why", why))
		x.cancel()
	})
	defer t.Stop()
	x.busy.Wait()
	x.cancel()
}

// enter is the line behind the door, until leave is called; nil and the reason while the door is shut.
func (d *Door) enter() (x *opening, leave func(), why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == nil {
		return nil, nil, d.why
	}
	d.open.busy.Add(1)
	return d.open, d.open.busy.Done, ""
}

// Staff answers the staff API, health and metrics: for the admin socket alone. Whoever may open it may call everything, in the name
// that ActorHeader has.
func (d *Door) Staff() http.Handler {
	m := d.health()
	m.HandleFunc("POST "+rebuildPath, d.rebuild)
	m.HandleFunc("POST "+linkPath, d.link)
	m.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		x, leave, why := d.enter()
		if x == nil {
			fail(w, http.StatusServiceUnavailable, Error{Text: "not ready: " + why})
			return
		}
		defer leave()
		d.pass(w, r, x, staffCaller(r))
	})
	return m
}

// pass brings a request to the line, and counts it.
func (d *Door) pass(w http.ResponseWriter, r *http.Request, x *opening, c *caller) (route string, code int) {
	ctx := r.Context()
	if r.Method != http.MethodGet {
		ctx = context.WithoutCancel(ctx) // a change that has begun goes on when the one who brought it has hung up
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(x.ctx, cancel)()
	n := &counted{ResponseWriter: w, code: http.StatusOK}
	route = x.api.serve(n, r.WithContext(ctx), c)
	d.requests.WithLabelValues(route, fmt.Sprint(n.code)).Inc()
	return route, n.code
}

// Public answers health and metrics alone.
func (d *Door) Public() http.Handler {
	m := d.health()
	m.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, Error{Text: "no such path"})
	})
	return m
}

func (d *Door) health() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, Health{Status: "alive"}) })
	m.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := d.ready(r.Context()); err != nil {
			answer(w, http.StatusServiceUnavailable, Health{Status: "not ready", Reason: err.Error()})
			return
		}
		answer(w, http.StatusOK, Health{Status: "ready"})
	})
	m.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		from := prometheus.Gatherers{d.own}
		if x, leave, _ := d.enter(); x != nil {
			defer leave()
			from = append(from, x.api.o.Metrics)
		}
		promhttp.HandlerFor(from, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	})
	return m
}

// Health answers /healthz and /readyz.
type Health struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// ready says why the line can't be relied on now.
func (d *Door) ready(ctx context.Context) error {
	x, leave, why := d.enter()
	if x == nil {
		return errors.New(why)
	}
	defer leave()
	return x.api.ready(ctx)
}

// readyTime is how long broker and store may take to answer the one who asks whether the line is ready.
const readyTime = 2 * time.Second

// ready says why the line can't be relied on now. The state is vouched for some seconds longer than the broker answers, so the
// broker is asked too.
func (a *API) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	if err := a.o.Ready(ctx); err != nil || a.o.Streams == nil {
		return err
	}
	if _, err := a.o.Streams(ctx); err != nil {
		return fmt.Errorf("the journal does not answer: %w", err)
	}
	return nil
}

// rebuild answers when the state has been made again. It is not with a line: the line is closed under it.
func (d *Door) rebuild(w http.ResponseWriter, r *http.Request) {
	c := staffCaller(r)
	if err := checkActor(c.actor); err != nil {
		fail(w, http.StatusBadRequest, Error{Text: err.Error(), Field: ActorHeader})
		return
	}
	out, err := d.o.Rebuild(context.WithoutCancel(r.Context()))
	if err != nil {
		d.o.Log.Error("the state was not rebuilt", zap.Error(err))
		fail(w, http.StatusServiceUnavailable, Error{Text: "the state was not rebuilt: " + err.Error()})
		return
	}
	x, leave, why := d.enter()
	if x == nil {
		fail(w, http.StatusServiceUnavailable, Error{Text: "not ready: " + why})
		return
	}
	defer leave()
	if err := x.api.audit(r.Context(), c, everybody, "state.rebuild", "", "", ""); err != nil {
		e := x.api.refusal("state.rebuild", err)
		fail(w, e.code, *e)
		return
	}
	answer(w, http.StatusOK, out)
}

// counted remembers the status code.
type counted struct {
	http.ResponseWriter
	code int
}

// WriteHeader implements http.ResponseWriter.
func (c *counted) WriteHeader(code int) {
	c.code = code
	c.ResponseWriter.WriteHeader(code)
}

// NewServer returns a server with the limits that both listeners have.
func NewServer(h http.Handler, log *zap.Logger) *http.Server {
	return &http.Server{
		Handler: h, ErrorLog: zap.NewStdLog(log), MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		// A rebuilding answers after the whole journal was replayed, so the writing of answers has no common limit here.
	}
}
