package deploy

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/redis"
	"github.com/husk-reminders/husk/pkg/state/statetest"
)

const redisSecret = "redis-secret"

// redisConf is config/redis.conf with its hash, and what else is to be replaced.
func redisConf(t *testing.T, pairs ...string) string {
	t.Helper()
	text := replace(t, read(t, config(t, "redis.conf")), "SHA256-OF-THE-PASSWORD", fmt.Sprintf("%x", sha256.Sum256([]byte(redisSecret))))
	return write(t, t.TempDir()+"/redis.conf", replace(t, text, pairs...))
}

func startRedis(t *testing.T, conf string, more ...string) *peer {
	t.Helper()
	return start(t, "redis", append(more, "HUSK_TEST_REDIS_FILE="+conf)...)
}

func redisClient(t *testing.T, o *goredis.Options) *goredis.Client {
	t.Helper()
	o.MaxRetries = -1
	c := goredis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func asHusk(t *testing.T, p *peer) *goredis.Client {
	t.Helper()
	return redisClient(t, &goredis.Options{Addr: p.said["ADDR"], Username: "husk", Password: redisSecret})
}

// Husk's user may do all that the state does, by the state's own suite; and what it may do is not more than that.
func TestHuskInRedis(t *testing.T) {
	p := startRedis(t, redisConf(t))
	c := asHusk(t, p)
	if err := redis.Check(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	n := 0
	open := func(t *testing.T) state.State {
		n++
		s := must(redis.New(redis.Options{Client: c, Prefix: fmt.Sprint("husk:", n), Streams: func() string { return "a b c" }, Quiet: time.Millisecond}))(t)
		t.Cleanup(func() {
			if err := s.Clear(context.Background()); err != nil { // the test's own context has ended
				t.Error(err)
			}
		})
		return s
	}
	statetest.Run(t, open)
	if of := must(open(t).(*redis.State).Of(t.Context()))(t); of != "" {
		t.Errorf("an empty store is the fold of %q", of)
	}

	did, refused := commands(t, c)
	if len(refused) > 0 {
		t.Errorf("refused: %v", refused)
	}
	// A connection's own, and a Cluster's.
	for _, name := range []string{"ping", "select", "asking", "cluster|slots", "command"} {
		did[name] = true
	}
	for _, name := range allowed(t) {
		if !did[name] {
			t.Errorf("%s is allowed, and the state has no use for it", name)
		}
	}
}

// commands are those that a server ran, by themselves or in a script, and those that it refused somebody.
func commands(t *testing.T, c *goredis.Client) (ran map[string]bool, refused []string) {
	t.Helper()
	ran = map[string]bool{}
	for line := range strings.Lines(must(c.Info(t.Context(), "commandstats").Result())(t)) {
		name, stats, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":")
		if !ok {
			continue
		}
		ran[name] = !strings.HasPrefix(stats, "calls=0,")
		if !strings.Contains(stats, "rejected_calls=0") && name != "client|setinfo" && name != "client|maint_notifications" {
			refused = append(refused, name) // the two are the library's own business, and it goes on without
		}
	}
	return ran, refused
}

// allowed are the commands that config/redis.conf allows Husk's user.
func allowed(t *testing.T) (names []string) {
	t.Helper()
	for line := range strings.Lines(read(t, config(t, "redis.conf"))) {
		if !strings.HasPrefix(line, "user husk ") {
			continue
		}
		for _, word := range strings.Fields(line) {
			if name, ok := strings.CutPrefix(word, "+"); ok {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 || slices.ContainsFunc(names, func(s string) bool { return strings.HasPrefix(s, "@") }) {
		t.Fatalf("want a list of single commands, not %v", names)
	}
	return names
}

// Husk's user can't empty, stop, reconfigure, copy or watch the store, nor touch what is not Husk's; nobody else can do anything.
func TestNotAllowedInRedis(t *testing.T) {
	p := startRedis(t, redisConf(t))
	c := asHusk(t, p)
	if err := c.Set(t.Context(), "husk:{00}:x", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"flushall", "flushdb", "config get *", "config set maxmemory-policy allkeys-lru", "keys *", "monitor", "shutdown nosave",
		"save", "bgsave", "bgrewriteaof", "replicaof 127.0.0.1 1", "acl list", "acl setuser husk allcommands", "client list", "client kill 1.1.1.1:1",
		"script flush", "script kill", "module list", "slowlog get", "swapdb 0 1", "migrate 127.0.0.1 1 husk:{00}:x 0 1", "dump husk:{00}:x",
		"rename husk:{00}:x husk:{00}:y", "function list", "publish x y", "subscribe x", "latency doctor", "memory doctor", "cluster info", "failover", "role",
		"get other:x", "set other:x 1", "del other:x", "get huskx", "unlink husky:x",
	} {
		var args []any
		for _, word := range strings.Fields(command) {
			args = append(args, word)
		}
		if err := c.Do(t.Context(), args...).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%s: %v", command, err)
		}
	}
	for _, script := range []string{"return redis.call('FLUSHALL')", "return redis.call('GET', 'other:x')", "return redis.call('KEYS', '*')"} {
		if err := c.Eval(t.Context(), script, nil).Err(); err == nil || !strings.Contains(err.Error(), "The user executing the script can't") {
			t.Errorf("%s: %v", script, err)
		}
	}
	for _, o := range []goredis.Options{{}, {Password: redisSecret}, {Username: "husk", Password: "wrong"}, {Username: "default", Password: redisSecret}, {Username: "husk"}} {
		o.Addr = p.said["ADDR"]
		err := redisClient(t, &o).Get(t.Context(), "husk:{00}:x").Err()
		if err == nil || errors.Is(err, goredis.Nil) || !strings.HasPrefix(err.Error(), "NOAUTH") && !strings.HasPrefix(err.Error(), "WRONGPASS") {
			t.Errorf("as %q: %v", o.Username, err)
		}
	}
}

// What was written is there after a kill, and the server that comes back is one that Husk runs on.
func TestKilledStore(t *testing.T) {
	p := startRedis(t, redisConf(t))
	if err := asHusk(t, p).Set(t.Context(), "husk:{00}:x", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	p.killed()
	c := asHusk(t, p)
	if got := must(c.Get(t.Context(), "husk:{00}:x").Result())(t); got != "1" {
		t.Errorf("%q", got)
	}
	if err := redis.Check(t.Context(), c); err != nil {
		t.Error(err)
	}
}

// Nobody runs the file as it is: without a hash the server does not start.
func TestRedisWithoutPassword(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		startRedis(t, config(t, "redis.conf")) // skips or fails
	}
	p := &peer{t: t, name: "redis", dir: t.TempDir(), env: []string{"HUSK_TEST_REDIS_FILE=" + config(t, "redis.conf")}}
	if err := p.start(); err == nil || !strings.Contains(err.Error(), "user husk") {
		t.Errorf("%v", err)
	}
}

// In a Cluster Husk's user may do what a Cluster asks for besides.
func TestHuskInACluster(t *testing.T) {
	t.Parallel() // mostly it waits for the nodes to agree
	// Somebody must make the Cluster.
	conf := redisConf(t, "user default reset", "user default on nopass allkeys allcommands")
	var addrs []string
	var nodes []*goredis.Client
	for range 3 {
		p := startRedis(t, conf, "HUSK_TEST_REDIS_CONFIG=--cluster-enabled yes")
		addrs = append(addrs, p.said["ADDR"])
		nodes = append(nodes, redisClient(t, &goredis.Options{Addr: p.said["ADDR"]}))
	}
	if out, err := exec.Command("redis-cli", append(append([]string{"--cluster", "create"}, addrs...), "--cluster-yes")...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wait(t, "the cluster", func() bool {
		return !slices.ContainsFunc(nodes, func(c *goredis.Client) bool {
			return !strings.Contains(c.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
		})
	})
	c := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: addrs, Username: "husk", Password: redisSecret})
	t.Cleanup(func() { _ = c.Close() })
	if err := redis.Check(t.Context(), c); err != nil {
		t.Error(err)
	}
	s := must(redis.New(redis.Options{Client: c, Quiet: time.Millisecond}))(t)
	for shard := range 3 {
		if err := s.Fold(t.Context(), state.Run{Shard: shard, To: state.Vector{1, 1, 1}})[0]; err != nil {
			t.Error(err)
		}
	}
	if err := s.Certify(t.Context(), time.Minute); err != nil {
		t.Error(err)
	}
	must(s.Lease(t.Context(), "sms", time.Now(), 10, time.Minute))(t)
	if err := s.Clear(t.Context()); err != nil {
		t.Error(err)
	}
}
