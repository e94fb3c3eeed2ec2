package routing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Options of a Router. Rules are required.
type Options struct {
	Rules  map[reminder.Channel][]Rule
	Limits map[string]Limit // by carrier; one that is not there has none
	Meter  Meter            // nil = a Local
	Zone   *time.Location   // whose midnight begins a day; nil = UTC

	Now     func() time.Time // nil = time.Now
	Metrics prometheus.Registerer
	Log     *zap.Logger
}

// Router chooses carriers. It is safe for concurrent use.
type Router struct {
	o        Options
	names    []string
	breakers map[string]*breaker
	over     *prometheus.CounterVec
	health   *prometheus.GaugeVec

	mu   sync.Mutex
	full map[string]fullness
}

// fullness is a cap that is reached.
type fullness struct {
	day string
	why error
}

// New checks the options.
func New(o Options) (*Router, error) {
	r := &Router{o: o, breakers: map[string]*breaker{}, full: map[string]fullness{}}
	for channel, rules := range o.Rules {
		for i, rule := range rules {
			if len(rule.Carriers) == 0 || slices.Contains(rule.Carriers, "") {
				return nil, fmt.Errorf("routing: Options.Rules: %s: rule %d: want the names of carriers", channel, i+1)
			}
			r.names = append(r.names, rule.Carriers...)
		}
	}
	if len(r.names) == 0 {
		return nil, errors.New("routing: Options.Rules: want at least one")
	}
	slices.Sort(r.names)
	r.names = slices.Compact(r.names)
	for name, l := range o.Limits {
		if min(l.Rate, l.DayCap, l.Cost, l.CostCap) < 0 {
			return nil, fmt.Errorf("routing: Options.Limits: %s: want 0 or more", name)
		}
	}
	if r.o.Meter == nil {
		r.o.Meter = NewLocal()
	}
	if r.o.Zone == nil {
		r.o.Zone = time.UTC
	}
	if r.o.Now == nil {
		r.o.Now = time.Now
	}
	if r.o.Log == nil {
		r.o.Log = zap.NewNop()
	}
	r.over = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "husk_routing_passed_over_total", Help: "Times that a carrier could not be given a message, by why.",
	}, []string{"carrier", "reason"})
	r.health = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "husk_routing_carrier_health", Help: "1 for the health that a carrier has in this process: well, returning or resting.",
	}, []string{"carrier", "health"})
	if o.Metrics != nil {
		for _, m := range []prometheus.Collector{r.over, r.health} {
			if err := o.Metrics.Register(m); err != nil {
				return nil, fmt.Errorf("routing: metrics: %w", err)
			}
		}
	}
	for _, name := range r.names {
		r.breakers[name] = newBreaker(name, r.changed)
		r.show(name, Well)
	}
	return r, nil
}

func (r *Router) show(name string, now Health) {
	for _, h := range []Health{Well, Returning, Resting} {
		v := 0.0
		if h == now {
			v = 1
		}
		r.health.WithLabelValues(name, string(h)).Set(v)
	}
}

// changed tells of a carrier's health. The breaker is locked.
func (r *Router) changed(name string, to Health) {
	r.show(name, to)
	switch to {
	case Resting:
		r.o.Log.Error("a carrier rests: too much of late went wrong", zap.String("provider", name), zap.Duration("for", Rest))
	case Returning:
		r.o.Log.Warn("a carrier has rested and gets a few messages", zap.String("provider", name))
	default:
		r.o.Log.Info("a carrier is well again", zap.String("provider", name))
	}
}

// Order are the carriers that may carry a message of a channel, the best first.
func (r *Router) Order(channel reminder.Channel, q Question) []string {
	return Order(r.o.Rules[channel], q)
}

// Room is how many messages of a channel its carriers can be given now, as far as health and caps go, and at most limit: 0 while every
// carrier of the channel rests or is at a cap. Names that are stopped are left out.
func (r *Router) Room(channel reminder.Channel, limit int, stopped func(carrier string) bool) int {
	room := 0
	for _, name := range r.carriers(channel) {
		if stopped(name) || r.fullNow(name) != nil {
			continue
		}
		switch b := r.breakers[name]; b.State() {
		case gobreaker.StateClosed:
			return limit
		case gobreaker.StateHalfOpen:
			c := b.Counts()
			room += max(0, Probe-int(c.Requests-c.TotalExclusions))
		}
	}
	return min(room, limit)
}

// First reports whether a carrier comes first in some order of a channel.
func (r *Router) First(channel reminder.Channel, carrier string) bool {
	return slices.ContainsFunc(r.o.Rules[channel], func(x Rule) bool { return x.Carriers[0] == carrier })
}

func (r *Router) carriers(channel reminder.Channel) []string {
	var names []string
	for _, rule := range r.o.Rules[channel] {
		for _, n := range rule.Carriers {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}

// Pass lets one message go to one carrier. It must be ended.
type Pass struct {
	r       *Router
	carrier string
	day     string
	cost    int
	counted bool
	done    func(error)
	once    sync.Once
}

// Board lets a message of so many segments, at least 1, go to a carrier: it waits for the account's turn, Patience at most. The errors are
// ErrResting, ErrDayCap, ErrCostCap, ErrRate and those of the Meter; after one of them nothing may be handed to the carrier.
func (r *Router) Board(ctx context.Context, carrier string, segments int) (*Pass, error) {
	b := r.breakers[carrier]
	if b == nil {
		return nil, fmt.Errorf("routing: %q: no such carrier", carrier)
	}
	done, err := b.Allow()
	if err != nil {
		r.over.WithLabelValues(carrier, "resting").Inc()
		return nil, ErrResting
	}
	l := r.o.Limits[carrier]
	p := &Pass{r: r, carrier: carrier, day: r.day(), cost: l.Cost * max(segments, 1), done: done}
	if l.None() {
		return p, nil
	}
	wait, err := r.o.Meter.Take(ctx, carrier, p.day, l, p.cost)
	if err != nil {
		p.End(Neither, false)
		r.refused(carrier, p.day, err)
		return nil, err
	}
	p.counted = true
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			p.End(Neither, false)
			return nil, ctx.Err()
		}
	}
	return p, nil
}

// refused notes why the meter let a message not pass, and tells of a cap once a day.
func (r *Router) refused(carrier, day string, err error) {
	reason := "unavailable"
	switch {
	case errors.Is(err, ErrRate):
		reason = "rate"
	case errors.Is(err, ErrDayCap):
		reason = "day_cap"
	case errors.Is(err, ErrCostCap):
		reason = "cost_cap"
	}
	r.over.WithLabelValues(carrier, reason).Inc()
	if !errors.Is(err, ErrDayCap) && !errors.Is(err, ErrCostCap) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full[carrier].day != day {
		r.o.Log.Error("a carrier has carried what it may today", zap.String("provider", carrier), zap.String("reason", reason))
	}
	r.full[carrier] = fullness{day, err}
}

// fullNow is the cap that a carrier is at today; nil = none that is known here.
func (r *Router) fullNow(carrier string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.full[carrier]; f.day == r.day() {
		return f.why
	}
	return nil
}

// Load is what a carrier has carried.
type Load struct{ Messages, Segments int }

// Resume counts what carriers have carried today before this process began. carried says so, by carrier, since the account's day began; it
// is asked only where there is a cap, and nothing but this process that counts. Call it once, before the first Board.
func (r *Router) Resume(carried func(since time.Time) (map[string]Load, error)) error {
	m, local := r.o.Meter.(*Local)
	capped := slices.ContainsFunc(r.names, func(n string) bool { return r.o.Limits[n].DayCap > 0 || r.o.Limits[n].CostCap > 0 })
	if !local || !capped {
		return nil
	}
	y, month, d := r.o.Now().In(r.o.Zone).Date()
	all, err := carried(time.Date(y, month, d, 0, 0, 0, 0, r.o.Zone))
	if err != nil {
		return fmt.Errorf("routing: %w", err)
	}
	for name, x := range all {
		m.begin(name, r.day(), Used{x.Messages, x.Segments * r.o.Limits[name].Cost})
	}
	return nil
}

// day is today, where the accounts' days begin.
func (r *Router) day() string { return r.o.Now().In(r.o.Zone).Format(time.DateOnly) }

// End says what became of the message. What surely did not leave is given back to the account, also where the caller's context has
// ended. Ending again does nothing.
func (p *Pass) End(j Judgement, left bool) {
	p.once.Do(func() {
		p.done(j.asError())
		if !p.counted || left {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := p.r.o.Meter.Give(ctx, p.carrier, p.day, p.cost); err != nil {
			p.r.o.Log.Warn("a message that did not leave stays counted", zap.String("provider", p.carrier), zap.Error(err))
			return
		}
		p.r.mu.Lock()
		defer p.r.mu.Unlock()
		delete(p.r.full, p.carrier)
	})
}

// Status is how a carrier stands.
type Status struct {
	Carrier string
	Health  Health
	Full    error // ErrDayCap or ErrCostCap; nil = neither
	Limit   Limit
	Used    Used
	Counts  Counts
	Err     error // the meter's
}

// Counts are what a carrier's health is judged by.
type Counts struct{ Good, Bad int }

// Status is how a carrier stands; false when no rule names it. Health is this process's own judgement.
func (r *Router) Status(ctx context.Context, carrier string) (Status, bool) {
	b := r.breakers[carrier]
	if b == nil {
		return Status{}, false
	}
	c := b.Counts()
	s := Status{Carrier: carrier, Health: healthOf(b.State()), Limit: r.o.Limits[carrier], Counts: Counts{int(c.TotalSuccesses), int(c.TotalFailures)}}
	if s.Limit.None() {
		return s, true
	}
	if s.Used, s.Err = r.o.Meter.Used(ctx, carrier, r.day()); s.Err != nil {
		return s, true
	}
	switch {
	case s.Limit.DayCap > 0 && s.Used.Messages >= s.Limit.DayCap:
		s.Full = ErrDayCap
	case s.Limit.CostCap > 0 && s.Used.Cost+s.Limit.Cost > s.Limit.CostCap:
		s.Full = ErrCostCap
	}
	return s, true
}
