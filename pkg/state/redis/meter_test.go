package redis_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/routing"
	"github.com/husk-reminders/husk/pkg/state/redis"
)

func meters(t *testing.T, n int) []*redis.Meter {
	t.Helper()
	if shared == "" {
		t.Skip("no Redis can be had here")
	}
	prefix := fmt.Sprintf("meter%d", time.Now().UnixNano())
	out := make([]*redis.Meter, n)
	for i := range out {
		c := goredis.NewClient(&goredis.Options{Addr: shared})
		t.Cleanup(func() { _ = c.Close() })
		m, err := redis.NewMeter(c, prefix)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = m
	}
	return out
}

// However many processes take at once, no more passes than the account may carry.
func TestMeterIsOneForAll(t *testing.T) {
	ms := meters(t, 3)
	l := routing.Limit{DayCap: 50, CostCap: 400}
	var passed atomic.Int64
	var wg sync.WaitGroup
	for i := range 120 {
		wg.Go(func() {
			_, err := ms[i%len(ms)].Take(t.Context(), "a", "2026-03-12", l, 10)
			switch {
			case err == nil:
				passed.Add(1)
			case !errors.Is(err, routing.ErrCostCap):
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	if n := passed.Load(); n != 40 {
		t.Errorf("%d passed, want 40", n)
	}
	for range 2 {
		if err := ms[0].Give(t.Context(), "a", "2026-03-12", 10); err != nil {
			t.Fatal(err)
		}
	}
	if u, err := ms[1].Used(t.Context(), "a", "2026-03-12"); err != nil || u != (routing.Used{Messages: 38, Cost: 380}) {
		t.Errorf("used %+v, %v", u, err)
	}
	if u, err := ms[1].Used(t.Context(), "a", "2026-03-13"); err != nil || u != (routing.Used{}) {
		t.Errorf("the next day begins with %+v, %v", u, err)
	}
	if err := ms[0].Give(t.Context(), "a", "2026-03-13", 10); err != nil {
		t.Fatal(err)
	}
	if u, _ := ms[1].Used(t.Context(), "a", "2026-03-13"); u != (routing.Used{}) {
		t.Errorf("more was given back than taken: %+v", u)
	}
	if _, err := ms[2].Take(t.Context(), "b", "2026-03-12", routing.Limit{DayCap: 1}, 0); err != nil {
		t.Errorf("another carrier's count: %v", err)
	}
	if _, err := ms[0].Take(t.Context(), "b", "2026-03-12", routing.Limit{DayCap: 1}, 0); !errors.Is(err, routing.ErrDayCap) {
		t.Errorf("%v", err)
	}
}

func TestMeterGivesTurns(t *testing.T) {
	ms := meters(t, 2)
	l := routing.Limit{Rate: 5}
	var last time.Duration
	for i := range 5 {
		wait, err := ms[i%2].Take(t.Context(), "a", "d", l, 0)
		if err != nil || wait > routing.Patience || i > 0 && wait <= last {
			t.Fatalf("turn %d: in %v after %v, %v", i, wait, last, err)
		}
		last = wait
	}
	refused := false
	for i := range 10 {
		_, err := ms[i%2].Take(t.Context(), "a", "d", l, 0)
		refused = refused || errors.Is(err, routing.ErrRate)
	}
	if !refused {
		t.Error("there is always a turn")
	}
}

func TestMeterWithoutItsStore(t *testing.T) {
	c := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	defer func() { _ = c.Close() }()
	m, err := redis.NewMeter(c, "husk")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := m.Take(ctx, "a", "d", routing.Limit{DayCap: 1}, 0); err == nil {
		t.Error("a message passes that can't be counted")
	}
	if _, err := redis.NewMeter(nil, "husk"); err == nil {
		t.Error("no client is taken")
	}
	if _, err := redis.NewMeter(c, "a*"); err == nil {
		t.Error("a pattern is taken for a prefix")
	}
}
