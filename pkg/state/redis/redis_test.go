package redis_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/redis"
	"github.com/husk-reminders/husk/pkg/state/statetest"
)

const peerScript = "../../../scripts/peers/redis"

// shared is the Redis that tests share which do it no harm.
var shared string

func TestMain(m *testing.M) {
	code, err := withRedis(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

// withRedis runs the tests beside a Redis: the one given, else one that is started here. Where none can be had, tests skip,
// and with CI=true the run fails.
func withRedis(run func() int) (int, error) {
	if shared = os.Getenv("HUSK_TEST_REDIS_ADDR"); shared != "" {
		return run(), nil
	}
	dir, err := os.MkdirTemp("", "husk-redis-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	env, err := startPeer(dir)
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == 3 && os.Getenv("CI") != "true" {
		return run(), nil
	}
	if err != nil {
		return 1, err
	}
	shared = env["ADDR"]
	code := run()
	return code, stopPeer(dir)
}

func startPeer(dir string, args ...string) (map[string]string, error) {
	var said strings.Builder
	start := exec.Command(peerScript, append([]string{"start", dir}, args...)...)
	start.Stderr = &said
	out, err := start.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, said.String())
	}
	env := map[string]string{}
	for line := range strings.Lines(string(out)) {
		k, v, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "HUSK_TEST_REDIS_"), "=")
		env[k] = v
	}
	return env, nil
}

func stopPeer(dir string) error {
	if out, err := exec.Command(peerScript, "stop", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// absent ends a test that needs what is not here: a machine of CI must have it.
func absent(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

var prefixes atomic.Int64

// options are those of a store of its own in the shared Redis.
func options(t testing.TB) redis.Options {
	t.Helper()
	if shared == "" {
		absent(t, "no Redis here; run: sudo scripts/peers/redis install")
	}
	o := redis.Options{Client: client(t, shared), Prefix: fmt.Sprintf("test%d-%d", os.Getpid(), prefixes.Add(1)), Quiet: time.Millisecond}
	s := must(redis.New(o))(t)
	t.Cleanup(func() {
		if err := s.Clear(context.Background()); err != nil { // the test's own context has ended
			t.Error(err)
		}
	})
	return o
}

// open is a store of its own in the shared Redis.
func open(t testing.TB) *redis.State {
	t.Helper()
	return must(redis.New(options(t)))(t)
}

// pair is a store of its own as two processes see it.
func pair(t testing.TB) (*redis.State, *redis.State) {
	t.Helper()
	o := options(t)
	first := must(redis.New(o))(t)
	o.Client = client(t, shared)
	return first, must(redis.New(o))(t)
}

func client(t testing.TB, addr string) *goredis.Client {
	t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: addr})
	t.Cleanup(func() { c.Close() })
	return c
}

func must[T any](x T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

func TestConformance(t *testing.T) {
	statetest.Run(t, func(t *testing.T) state.State { return open(t) })
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// The nth person and address are in shard n. One goroutine a shard may fold at a time.
var (
	key     = statetest.Person
	hash    = statetest.Address
	changes = statetest.Changes
	fold    = statetest.Fold
)

func appointment(n int) reminder.AppointmentKey {
	return reminder.AppointmentKey(fmt.Sprintf("1-%032x", 2000+n))
}

// planned is a plan of an appointment with one reminder due at due.
func planned(a reminder.AppointmentKey, p reminder.PersonKey, rev uint64, due time.Time) state.Planned {
	return state.Planned{
		System: "system", Sealed: []byte("sealed"),
		Plan: plan.Plan{
			Appointment: a, Person: p, Order: reminder.Order{Revision: rev, Sequence: rev}, Status: plan.Booked, StartTag: "A",
			Reminders: []plan.Wanted{{ID: reminder.ID(a), Rule: "48h", Purpose: reminder.Remind, Due: due, Expires: due.Add(46 * time.Hour), Route: "sms"}},
			PlannedAt: noon, Ends: due.Add(48 * time.Hour).Truncate(24 * time.Hour),
		},
	}
}
