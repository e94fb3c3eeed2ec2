package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/nats-io/nuid"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

// concurrencies of asynq that are tried; the best is taken. More than a few dozen help nothing: one loop of it fetches all.
var concurrencies = []int{16, 64, 256}

// asynqLooks is how often its server looks whether something is due or pending. Its own settings, of seconds, would cost it
// the burst.
const asynqLooks = 5 * time.Millisecond

// peer is asynq on a Redis.
type peer struct {
	store       redis.UniversalClient
	concurrency int
	now         func() time.Time
	said        func(done, total int)
}

// silent is asynq's log: what fails shows in the figures not coming.
type silent struct{}

// The methods of asynq.Logger.
func (silent) Debug(...any) {}
func (silent) Info(...any)  {}
func (silent) Warn(...any)  {}
func (silent) Error(...any) {}
func (silent) Fatal(...any) {}

// work puts n tasks into the queue, then starts a server whose handler does nothing. The delays are from the start to each
// task's handler; filled is how long it took to put them there.
func (p peer) work(ctx context.Context, n int) (d Delays, filled time.Duration, err error) {
	queue := "husk-bench-" + nuid.Next()
	defer p.forget(queue)
	began := p.now()
	if err := p.enqueue(ctx, n, asynq.Queue(queue)); err != nil {
		return d, 0, err
	}
	filled = p.now().Sub(began)
	h := p.handler(n, p.now())
	stop, err := p.serve(queue, h)
	if err != nil {
		return d, 0, err
	}
	defer stop()
	d, err = h.wait(ctx, p.said)
	return d, filled, err
}

// scheduled schedules n tasks for one instant, which is after the time that it takes to schedule them, with a server that
// looks for them. The delays are from the instant to each task's handler.
func (p peer) scheduled(ctx context.Context, n int, takes time.Duration) (Delays, error) {
	queue := "husk-bench-" + nuid.Next()
	defer p.forget(queue)
	at := p.now().Add(takes*3/2 + 200*time.Millisecond).Truncate(time.Second).Add(time.Second) // it knows whole seconds
	if err := p.enqueue(ctx, n, asynq.Queue(queue), asynq.ProcessAt(at)); err != nil {
		return Delays{}, err
	}
	if now := p.now(); now.After(at) { // the machine was slower than it was before: they are due when the server starts
		at = now
	}
	h := p.handler(n, at)
	stop, err := p.serve(queue, h)
	if err != nil {
		return Delays{}, err
	}
	defer stop()
	return h.wait(ctx, p.said)
}

// forget leaves nothing in a Redis that may be another's.
func (p peer) forget(queue string) {
	_ = asynq.NewInspectorFromRedisClient(p.store).DeleteQueue(queue, true)
}

func (p peer) enqueue(ctx context.Context, n int, options ...asynq.Option) error {
	client := asynq.NewClientFromRedisClient(p.store)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(64)
	for range n {
		g.Go(func() error {
			_, err := client.EnqueueContext(ctx, asynq.NewTask("empty", nil), options...)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("asynq: enqueue: %w", err)
	}
	return nil
}

// serve starts a server for a queue.
func (p peer) serve(queue string, h *emptyHandler) (stop func(), err error) {
	server := asynq.NewServerFromRedisClient(p.store, asynq.Config{
		Concurrency: p.concurrency, Queues: map[string]int{queue: 1}, TaskCheckInterval: asynqLooks, DelayedTaskCheckInterval: asynqLooks,
		Logger: silent{}, LogLevel: asynq.FatalLevel,
	})
	if err := server.Start(h); err != nil {
		return nil, fmt.Errorf("asynq: %w", err)
	}
	return server.Shutdown, nil
}

// emptyHandler does nothing but note when.
type emptyHandler struct {
	now            func() time.Time
	due            time.Time
	delays         []time.Duration
	begun, handled atomic.Int64
	all            chan struct{}
}

func (p peer) handler(n int, due time.Time) *emptyHandler {
	return &emptyHandler{now: p.now, due: due, delays: make([]time.Duration, n), all: make(chan struct{})}
}

// ProcessTask implements asynq.Handler.
func (h *emptyHandler) ProcessTask(context.Context, *asynq.Task) error {
	i, n := h.begun.Add(1), int64(len(h.delays))
	if i > n { // it would rather give a task twice than not at all
		return nil
	}
	h.delays[i-1] = max(0, h.now().Sub(h.due))
	if h.handled.Add(1) == n {
		close(h.all)
	}
	return nil
}

// wait waits until all are handled.
func (h *emptyHandler) wait(ctx context.Context, said func(done, total int)) (Delays, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-h.all:
			return delays(h.delays), nil
		case <-tick.C:
			said(int(h.handled.Load()), len(h.delays))
		case <-ctx.Done():
			return Delays{}, ctx.Err()
		}
	}
}

// measureAsynq measures asynq over as many tasks as the line had reminders: tasks in its queue when the server starts, with
// each of the concurrencies, then tasks scheduled for one instant, with the best.
func (r *run) measureAsynq(ctx context.Context) (string, error) {
	r.line.halt() // the processors are asynq's
	switch {
	case r.store == nil:
		return "left out: no Redis", nil
	case r.Quick && r.left() < bareShare:
		r.note("No figures of asynq: no time was left for it.")
		return "left out: no time", nil
	}
	p := peer{store: r.store, now: r.Now, said: func(done, total int) { r.progress("asynq", done, total) }}
	a := &Asynq{N: r.report.Dispatch.N}
	r.report.Asynq = a
	tried, among := min(a.N, 2*quickSize), concurrencies
	if r.Quick {
		tried, among = min(a.N, leastSize), concurrencies[1:2] // the difference is small
	}
	best, each := 0.0, time.Duration(0) // to put one into the queue
	for _, c := range among {
		p.concurrency = c
		d, filled, err := p.work(ctx, tried)
		if err != nil {
			return "", err
		}
		if rate := float64(tried) / d.Last; rate > best {
			best, a.Concurrency, a.Pending, each = rate, c, d, filled/time.Duration(tried)
		}
	}
	p.concurrency = a.Concurrency
	if tried < a.N {
		a.N = r.within(a.N, best, (r.left()-bareShare-rebuildShare)/3)
		var err error
		if a.Pending, _, err = p.work(ctx, a.N); err != nil {
			return "", err
		}
	}
	a.Rate = float64(a.N) / a.Pending.Last

	n := r.within(r.report.Burst.N, a.Rate, (r.left()-bareShare)/2)
	var err error
	if a.Burst, err = p.scheduled(ctx, n, time.Duration(n)*each); err != nil {
		return "", err
	}
	against, sooner := ratio(r.report.Dispatch.Rate, a.Rate), ratio(a.Burst.P99, r.report.Burst.P99)
	r.report.Dispatch.VsAsynq = &against
	if n == r.report.Burst.N {
		r.report.Burst.VsAsynq = &sooner
	} else {
		r.note("asynq's burst is smaller than ours, for want of time: the two do not compare.")
	}
	return fmt.Sprintf("%.0f a second; burst p99 %.2f s", a.Rate, a.Burst.P99), nil
}
