package redis_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/redis"
)

// TestIdlePoll: where nothing is due a worker asks often, and so it must cost little: one script, and plain reads.
func TestIdlePoll(t *testing.T) {
	o := options(t)
	s := must(redis.New(o))(t)
	fold(t, s, key(1), planned(appointment(1), key(1), 1, noon))
	if err := s.Certify(t.Context(), 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	o.Client = client(t, shared)
	var scripts, trips atomic.Int64
	o.Client.AddHook(counts{&scripts, &trips})
	worker := must(redis.New(o))(t)
	poll := func(until time.Time) (int, error) {
		ls, err := worker.Lease(t.Context(), "sms", until, 100, time.Minute)
		return len(ls), err
	}
	if n, err := poll(noon.Add(-time.Hour)); n != 0 || err != nil { // it finds out who vouches
		t.Fatal(n, err)
	}
	scripts.Store(0)
	trips.Store(0)
	if n, err := poll(noon.Add(-time.Hour)); n != 0 || err != nil || scripts.Load() != 1 || trips.Load() != 2 {
		t.Errorf("%d leases, %v; %d scripts in %d round trips", n, err, scripts.Load(), trips.Load())
	}
	time.Sleep(150 * time.Millisecond)
	for _, until := range []time.Time{noon.Add(-time.Hour), noon} { // nothing due, or something
		if n, err := poll(until); n != 0 || !errors.Is(err, state.ErrNotCertified) {
			t.Errorf("uncertified: %d leases, %v", n, err)
		}
	}
}

// counts counts scripts and pipelines.
type counts struct{ scripts, trips *atomic.Int64 }

func (c counts) DialHook(next goredis.DialHook) goredis.DialHook          { return next }
func (c counts) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }
func (c counts) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		c.trips.Add(1)
		for _, x := range cmds {
			if x.Name() == "evalsha" {
				c.scripts.Add(1)
			}
		}
		return next(ctx, cmds)
	}
}
