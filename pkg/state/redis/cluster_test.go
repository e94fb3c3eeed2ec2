package redis_test

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/redis"
	"github.com/husk-reminders/husk/pkg/state/statetest"
)

// newCluster starts a Cluster of so many masters.
func newCluster(t *testing.T, masters int) (addrs []string) {
	t.Helper()
	for range masters {
		addrs = append(addrs, newServer(t, "--cluster-enabled yes").env["ADDR"])
	}
	args := append(append([]string{"--cluster", "create"}, addrs...), "--cluster-yes")
	if out, err := exec.Command("redis-cli", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return addrs
}

func clusterClient(t *testing.T, addrs []string) *goredis.ClusterClient {
	t.Helper()
	c := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: addrs})
	t.Cleanup(func() { c.Close() })
	wait(t, "the cluster", func() bool { return c.Set(t.Context(), "x", "1", 0).Err() == nil })
	return c
}

// TestClusterMoves: while a shard is moved to another node, key by key, nobody says yes from the part that is there, and
// nothing is folded into it; then it goes on where it is.
func TestClusterMoves(t *testing.T) {
	ctx := t.Context()
	addrs := newCluster(t, 3)
	c := clusterClient(t, addrs)
	s := must(redis.New(redis.Options{Client: c, Quiet: time.Millisecond}))(t)
	p, a := key(5), hash(69) // in one shard
	bar, tag := state.Bar{Address: a}, "husk:{05}:"
	fold(t, s, p, planned(appointment(1), p, 1, noon), number("n", p, a, noon), bar)
	if err := s.Certify(ctx, time.Minute); err != nil {
		t.Fatal(err)
	}
	worker := must(redis.New(redis.Options{Client: clusterClient(t, addrs), Quiet: time.Millisecond}))(t)
	barred := func() (bool, error) {
		as, err := worker.Behind(ctx, []reminder.AddressHash{a})
		return err == nil && as[0].Barred, err
	}
	if yes, err := barred(); err != nil || !yes {
		t.Fatal(yes, err)
	}

	slot := must(c.ClusterKeySlot(ctx, tag+"bars").Result())(t)
	from := must(c.MasterForKey(ctx, tag+"bars"))(t)
	to := from
	for _, addr := range addrs {
		if x := client(t, addr); must(x.ClusterMyID(ctx).Result())(t) != must(from.ClusterMyID(ctx).Result())(t) {
			to = x
		}
	}
	set := func(x *goredis.Client, args ...any) {
		t.Helper()
		if err := x.Do(ctx, append([]any{"cluster", "setslot", slot}, args...)...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	source, target := must(from.ClusterMyID(ctx).Result())(t), must(to.ClusterMyID(ctx).Result())(t)
	set(to, "importing", source)
	set(from, "migrating", target)
	host, port, _ := net.SplitHostPort(to.Options().Addr)
	migrate := func(k string) {
		t.Helper()
		if err := from.Migrate(ctx, host, port, k, 0, 5*time.Second).Err(); err != nil {
			t.Fatal(err)
		}
	}
	// What says yes goes first, and what says no is still where it was.
	early := []string{"certificate", "terms", "applied", "heads"}
	for _, k := range early {
		migrate(tag + k)
	}
	for range 3 {
		if yes, err := barred(); err == nil {
			t.Fatalf("half of a shard says barred: %v", yes)
		}
	}
	from5 := must(s.Applied(ctx, 5))(t)
	cs, at := changes(from5, "", state.Bar{Address: hash(133)})
	if err := s.Fold(ctx, state.Run{Shard: 5, From: from5, To: at, Changes: cs})[0]; err == nil {
		t.Error("folded into half of a shard")
	}
	for _, k := range must(from.ClusterGetKeysInSlot(ctx, int(slot), 100).Result())(t) {
		migrate(k)
	}
	for _, x := range []*goredis.Client{to, from} {
		set(x, "node", target)
	}
	wait(t, "a certificate on the other node", func() bool { return s.Certify(ctx, time.Minute) == nil })
	fold(t, s, p, state.Bar{Address: hash(133)})
	wait(t, "the worker to find it", func() bool {
		yes, err := barred()
		return err == nil && yes
	})
	if as := must(worker.Behind(ctx, []reminder.AddressHash{hash(133)}))(t); !as[0].Barred {
		t.Error("the bar that was folded after the move is not there")
	}
}

// TestCluster holds the store to the same contract on a Cluster of three.
func TestCluster(t *testing.T) {
	c := clusterClient(t, newCluster(t, 3))
	if err := redis.Check(t.Context(), c); err != nil {
		t.Error(err)
	}
	n := 0
	statetest.Run(t, func(t *testing.T) state.State {
		n++
		return must(redis.New(redis.Options{Client: c, Prefix: fmt.Sprint("test", n), Quiet: time.Millisecond}))(t)
	})
}

// TestClusterClear: of the installations on one Cluster one is cleared and no other, on whichever nodes they are and however alike
// their prefixes.
func TestClusterClear(t *testing.T) {
	c := clusterClient(t, newCluster(t, 3))
	installation := func(prefix string) *redis.State {
		return must(redis.New(redis.Options{Client: c, Prefix: prefix, Quiet: time.Millisecond}))(t)
	}
	cleared, others := "husk", []string{"hus", "husk1", "husk:", "husk-2", "1husk"}
	had := map[string]int{}
	for _, prefix := range append([]string{cleared}, others...) {
		s := installation(prefix)
		for n := range reminder.Shards { // on all nodes
			fold(t, s, key(n), number("n", key(n), hash(n), noon), state.Bar{Address: hash(n)})
		}
		had[prefix] = keys(t, c, prefix+":{*")
		if had[prefix] < 2*reminder.Shards {
			t.Fatalf("%s has %d keys", prefix, had[prefix])
		}
	}
	if err := installation(cleared).Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := keys(t, c, cleared+":{*"); left > 0 {
		t.Errorf("%d keys are left", left)
	}
	for _, prefix := range others {
		if left := keys(t, c, prefix+":{*"); left != had[prefix] {
			t.Errorf("%s had %d keys and has %d", prefix, had[prefix], left)
		}
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
