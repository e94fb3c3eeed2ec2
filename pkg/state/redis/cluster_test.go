package redis_test

import (
	"context"
	"fmt"
	"os/exec"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/redis"
	"github.com/husk-reminders/husk/pkg/state/statetest"
)

// TestCluster holds the store to the same contract on a Cluster of three.
func TestCluster(t *testing.T) {
	args := []string{"--cluster", "create"}
	var addrs []string
	for range 3 {
		s := newServer(t, "--cluster-enabled yes")
		addrs = append(addrs, s.env["ADDR"])
	}
	if out, err := exec.Command("redis-cli", append(append(args, addrs...), "--cluster-yes")...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: addrs})
	t.Cleanup(func() { c.Close() })
	wait(t, "the cluster", func() bool { return c.Set(t.Context(), "x", "1", 0).Err() == nil })
	if err := redis.Check(t.Context(), c); err != nil {
		t.Error(err)
	}
	n := 0
	statetest.Run(t, func(t *testing.T) state.State {
		n++
		return must(redis.New(redis.Options{Client: c, Prefix: fmt.Sprint("test", n), Quiet: time.Millisecond}))(t)
	})
	s := must(redis.New(redis.Options{Client: c, Prefix: "test1", Quiet: time.Millisecond}))(t)
	if err := s.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	if left := keys(t, c, "test1:*"); left > 0 {
		t.Errorf("%d keys are left", left)
	}
	if keys(t, c, "test2:*") == 0 {
		t.Error("another installation was cleared as well")
	}
}

func keys(t *testing.T, c *goredis.ClusterClient, pattern string) (n int) {
	t.Helper()
	var mu sync.Mutex
	err := c.ForEachMaster(t.Context(), func(ctx context.Context, c *goredis.Client) error {
		ks, err := c.Keys(ctx, pattern).Result()
		mu.Lock()
		defer mu.Unlock()
		n += len(ks)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
