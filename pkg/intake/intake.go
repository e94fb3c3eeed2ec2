package intake

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Options are what an Intake needs.
type Options struct {
	Consumer jetstream.Consumer // made with ConsumerConfig
	// Decoders by media type of the Content-Type header, in small letters without parameters; "" is for events without one
	// and must be there.
	Decoders map[string]Decoder
	Sink     Sink

	Batch         int           // events at a time; 0 = DefaultBatch
	AcceptTimeout time.Duration // for one call of the Sink; 0 = 20 s, at most half the consumer's ack wait
	StopGrace     time.Duration // what a call of the Sink still gets when Run is told to stop; 0 = 5 s
	RetryFirst    time.Duration // wait before the second try, doubled for each further one; 0 = 1 s
	RetryMax      time.Duration // the longest wait; 0 = 1 min
	IsolateAfter  uint64        // deliveries after which a failing batch is split; 0 = 3
	PoisonAfter   uint64        // deliveries after which an event that fails alone is buried; 0 = 10

	Log     *zap.Logger           // nil = silent
	Metrics prometheus.Registerer // nil = not registered
	Now     func() time.Time      // nil = time.Now
}

// Intake takes events from the stream to the Sink.
type Intake struct {
	Options
	metrics *metrics
}

// idle is how long one request for events waits; Run notices the end of its context that soon.
const idle = 500 * time.Millisecond

// New checks the options.
func New(o Options) (*Intake, error) {
	switch {
	case o.Consumer == nil:
		return nil, errors.New("intake: no consumer")
	case o.Sink == nil:
		return nil, errors.New("intake: no sink")
	case o.Decoders[""] == nil:
		return nil, errors.New(`intake: no decoder for events without a Content-Type: want Decoders[""]`)
	case o.Batch < 0:
		return nil, fmt.Errorf("intake: batch %d: want 1 or more, or 0 for %d", o.Batch, DefaultBatch)
	case o.AcceptTimeout < 0 || o.AcceptTimeout > ackWait/2:
		return nil, fmt.Errorf("intake: accept timeout %v: want at most %v", o.AcceptTimeout, ackWait/2)
	}
	for t, d := range o.Decoders {
		if d == nil {
			return nil, fmt.Errorf("intake: no decoder for %q", t)
		}
	}
	set(&o.Batch, DefaultBatch)
	set(&o.AcceptTimeout, 20*time.Second)
	set(&o.StopGrace, 5*time.Second)
	set(&o.RetryFirst, time.Second)
	set(&o.RetryMax, time.Minute)
	set(&o.IsolateAfter, 3)
	set(&o.PoisonAfter, 10)
	if o.RetryFirst < 0 || o.RetryMax < o.RetryFirst {
		return nil, fmt.Errorf("intake: retry from %v to %v: want the first not below 0 and not above the second", o.RetryFirst, o.RetryMax)
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, err
	}
	return &Intake{o, m}, nil
}

func set[T comparable](v *T, byDefault T) {
	var zero T
	if *v == zero {
		*v = byDefault
	}
}

// Run takes events until ctx ends, then finishes or puts back what is in hand and returns nil. It keeps going through every
// failure of broker and Sink.
//
// When the Sink fails, the whole batch is put back and comes again later, after RetryFirst, doubling to RetryMax. If
// one of its events was delivered IsolateAfter times already, the batch is first halved again and again, so that the
// events which do not make the Sink fail get through; the search is given up when nothing at all gets through, which means
// that it is the Sink that is ill. An event that failed alone, while others went through in the same round, and was
// delivered PoisonAfter times, becomes a dead letter (ReasonPoison).
func (in *Intake) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		msgs, err := in.fetch()
		if err != nil {
			in.Log.Warn("intake: cannot fetch", zap.Error(err))
		}
		if len(msgs) == 0 {
			if err != nil {
				wait(ctx, in.RetryFirst)
			}
			continue
		}
		b := in.decode(msgs)
		if ctx.Err() != nil {
			b.retry(b.items...)
			b.settle(ctx)
			break
		}
		began := in.Now()
		b.deliver(ctx)
		b.settle(ctx)
		in.metrics.seconds.Observe(in.Now().Sub(began).Seconds())
		if b.failed {
			wait(ctx, in.RetryFirst)
		}
	}
	return nil
}

// fetch takes what is there, up to a batch, and waits a little when nothing is. Nothing is fetched ahead, so nothing is left
// lying in the client when Run ends.
func (in *Intake) fetch() ([]jetstream.Msg, error) {
	msgs, err := collect(in.Consumer.FetchNoWait(in.Batch))
	if len(msgs) > 0 || err != nil {
		return msgs, err
	}
	msgs, err = collect(in.Consumer.Fetch(1, jetstream.FetchMaxWait(idle)))
	if len(msgs) == 0 || err != nil || in.Batch == 1 {
		return msgs, err
	}
	more, err := collect(in.Consumer.FetchNoWait(in.Batch - 1))
	return append(msgs, more...), err
}

func collect(b jetstream.MessageBatch, err error) ([]jetstream.Msg, error) {
	if err != nil {
		return nil, fmt.Errorf("intake: fetch: %w", err)
	}
	var msgs []jetstream.Msg
	for m := range b.Messages() {
		msgs = append(msgs, m)
	}
	if err := b.Error(); err != nil {
		return msgs, fmt.Errorf("intake: fetch: %w", err)
	}
	return msgs, nil
}

// delay is how long an event waits that was delivered so many times: doubling, ±20 %, so that not all come back at once.
func (in *Intake) delay(delivered uint64) time.Duration {
	d := in.RetryFirst
	for range min(max(delivered, 1)-1, 40) {
		if d *= 2; d >= in.RetryMax {
			d = in.RetryMax
			break
		}
	}
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
