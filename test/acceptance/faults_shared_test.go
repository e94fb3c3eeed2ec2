//go:build unix

package acceptance

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	goredis "github.com/redis/go-redis/v9"
)

// newSiteOutage is a house whose broker and store are processes of their own.
func newSiteOutage(t *testing.T) *outage {
	t.Helper()
	s, c := newSite(t, ""), newCarrier(t)
	h := s.house(c)
	h.settings["sweeps.open_attempts"] = "@every 1s"
	h.output("keys", "new")
	return newOutage(t, h, c)
}

// pause and goOn stop a server's process (SIGSTOP) and let it go on.
func pause(of func(x *outage) *server) func(*outage) {
	return func(x *outage) { x.h.must(of(x).cmd.Process.Signal(syscall.SIGSTOP)) }
}

func goOn(of func(x *outage) *server) func(*outage) {
	return func(x *outage) { x.h.must(of(x).cmd.Process.Signal(syscall.SIGCONT)) }
}

func theRedis(x *outage) *server { return x.s.redis }
func theNATS(x *outage) *server  { return x.s.nats }

// storeOutages are those of the store outside the process.
func storeOutages(t *testing.T) (*outage, []fault) {
	x := newSiteOutage(t)
	do := func(args ...any) func(*outage) {
		return func(x *outage) {
			x.t.Helper()
			x.h.must(redisDo(x.s.redis.addr, args...).Err())
		}
	}
	const password = "another"
	var again chan struct{}
	var flushing sync.WaitGroup
	return x, []fault{
		{name: "the store is down", early: true, strike: func(x *outage) { x.s.redis.kill() }, told: notReady, repair: func(x *outage) { x.s.redis.up() }},
		{name: "the store hangs", early: true, strike: pause(theRedis), told: notReady, repair: goOn(theRedis)},
		{
			name: "the store forgets what it is told", early: true,
			strike: func(x *outage) {
				do("FLUSHALL")(x)
				again = make(chan struct{})
				flushing.Go(func() {
					for {
						select {
						case <-again:
							return
						case <-time.After(50 * time.Millisecond):
							_ = redisDo(x.s.redis.addr, "FLUSHALL").Err()
						}
					}
				})
			},
			told: notReady, repair: func(*outage) { close(again); flushing.Wait() },
		},
		{
			name: "the store wants another password", early: true,
			strike: func(x *outage) {
				do("CONFIG", "SET", "requirepass", password)(x)
				x.h.must(x.withPassword(password, "CLIENT", "KILL", "TYPE", "normal"))
			},
			told: notReady, repair: func(x *outage) { x.h.must(x.withPassword(password, "CONFIG", "SET", "requirepass", "")) },
		},
		{name: "the store is made a replica of nobody", early: true, strike: do("REPLICAOF", "127.0.0.1", "1"), told: notReady, repair: do("REPLICAOF", "NO", "ONE")},
		{name: "the store is full", early: true, strike: do("CONFIG", "SET", "maxmemory", "1mb"), told: notReady, repair: do("CONFIG", "SET", "maxmemory", "0")},
	}
}

// withPassword sends one command to the store as one who knows its password.
func (x *outage) withPassword(password string, args ...any) error {
	c := goredis.NewClient(&goredis.Options{Addr: x.s.redis.addr, Password: password, MaxRetries: -1, DialerRetries: 1})
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return c.Do(ctx, args...).Err()
}

// brokerOutages are those of the broker outside the process.
func brokerOutages(t *testing.T) (*outage, []fault) {
	x := newSiteOutage(t)
	file := filepath.Join(x.s.dir, "nats.conf")
	good, err := os.ReadFile(file)
	x.h.must(err)
	with := func(old, new string) func(*outage) {
		return func(x *outage) {
			x.t.Helper()
			if strings.Count(string(good), old) != 1 {
				x.t.Fatalf("the broker's configuration has not %q once", old)
			}
			x.s.nats.stop()
			x.h.must(os.WriteFile(file, []byte(strings.Replace(string(good), old, new, 1)), 0o600))
			x.s.nats.start()
		}
	}
	back := func(x *outage) {
		x.s.nats.stop()
		x.h.must(os.WriteFile(file, good, 0o600))
		x.s.nats.up()
	}
	return x, []fault{
		{name: "the broker is down", early: true, strike: func(x *outage) { x.s.nats.kill() }, told: notReady, repair: func(x *outage) { x.s.nats.up() }},
		{name: "the broker hangs", early: true, strike: pause(theNATS), told: notReady, repair: goOn(theNATS)},
		{name: "the broker has no JetStream", early: true, strike: with("    jetstream: enabled\n", ""), told: notReady, repair: back},
		{name: "the broker wants another password", early: true, strike: with("user: husk, password: \""+huskPassword+"\"", "user: husk, password: another"), told: notReady, repair: back},
		{
			name: "the journal takes no entries", early: true, strike: func(x *outage) { x.limit("HUSK_JOURNAL", true) },
			told: notReady, repair: func(x *outage) { x.limit("HUSK_JOURNAL", false) },
		},
	}
}

// limit makes a stream take nothing more, as one does that has reached its limit, or everything again.
func (x *outage) limit(stream string, full bool) {
	x.t.Helper()
	nc, err := nats.Connect(x.s.brokerURL(), nats.Timeout(5*time.Second))
	x.h.must(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	x.h.must(err)
	ctx, cancel := context.WithTimeout(x.t.Context(), 10*time.Second)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	x.h.must(err)
	c := s.CachedInfo().Config
	c.MaxMsgs, c.Discard = -1, jetstream.DiscardOld
	if full {
		c.MaxMsgs, c.Discard = max(1, int64(s.CachedInfo().State.Msgs)), jetstream.DiscardNew
	}
	_, err = js.UpdateStream(ctx, c)
	x.h.must(err)
}
