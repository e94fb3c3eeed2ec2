package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/config"
)

//go:embed units.yaml
var units []byte

// The line's time is a working day in Copenhagen. Loads are due at the full hours from firstDue on, far enough from each other
// for the slowest machine.
const firstDue = 10

func (r *run) hour(h int) time.Time { return time.Date(2026, 3, 4, h, 0, 0, 0, r.zone) }

// quickLimit is when a quick run must be over; what it plans takes less.
const (
	quickLimit  = 40 * time.Second
	quickBudget = 31 * time.Second
)

// run is one run of the measurements.
type run struct {
	Options
	began  time.Time
	report Report

	dir      string
	config   config.Config
	zone     *time.Location
	clock    *clock
	carrier  *carrier
	line     *line
	sequence atomic.Uint64 // of the events that do not come by the broker

	people    int     // entered
	published int     // events of the first load
	claimed   bool    // the streams of an external broker are ours
	sizeEmpty float64 // of the state without reminders, in bytes
	loads     int
	load      string    // the name of the last load
	due       time.Time // when its reminders are due
	starts    time.Time // when its appointments start

	server *redisServer // nil = another's, or none
	store  redis.UniversalClient
	broker *server.Server // the bare loop's
	nc     *nats.Conn
	bare   *bare
}

// all does one part after the other.
func (r *run) all(ctx context.Context) error {
	if r.Quick {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, quickLimit, errors.New("this machine is too slow for --quick: run it without"))
		defer cancel()
	}
	err := r.parts(ctx)
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return cause
	}
	return err
}

func (r *run) parts(ctx context.Context) error {
	for _, p := range []struct {
		name string
		do   func(context.Context) (string, error)
	}{
		{"prepare", r.prepare},
		{"bare loop", r.bareBefore},
		{"people", r.enterPeople},
		{"events", r.publishEvents},
		{"intake", r.measureIntake},
		{"dispatch", r.measureDispatch},
		{"dispatch over HTTP", r.measureHTTP},
		{"burst", r.measureBurst},
		{"asynq", r.measureAsynq},
		{"rebuild", r.measureRebuild},
		{"bare loop again", r.bareAfter},
	} {
		r.progress(p.name, 0, 0)
		said, err := p.do(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		r.tell(Progress{Part: p.name, Said: said})
	}
	return nil
}

func (r *run) tell(p Progress) {
	if r.Progress != nil {
		r.Progress(p)
	}
}

func (r *run) progress(part string, done, total int) {
	r.tell(Progress{Part: part, Done: done, Total: total})
}

func (r *run) note(format string, args ...any) {
	r.report.Notes = append(r.report.Notes, fmt.Sprintf(format, args...))
}

// prepare makes the data directory, the configuration, the clock, and finds or starts what the line is compared with.
func (r *run) prepare(ctx context.Context) (string, error) {
	var err error
	if r.dir, err = os.MkdirTemp(r.Dir, "husk-bench-"); err != nil {
		return "", err
	}
	file := filepath.Join(r.dir, "units.yaml")
	if err := os.WriteFile(file, units, 0o600); err != nil {
		return "", err
	}
	if r.report.Sync, err = syncTime(filepath.Join(r.dir, "sync"), r.Now); err != nil {
		return "", err
	}
	c := config.Default()
	c.Mode, c.Data, c.HTTP.Listen, c.Units.File = config.ModeTrial, filepath.Join(r.dir, "data"), "", file
	c.Carriers["email"].Type = config.None
	if r.Mode == External {
		replicas := c.NATS.Replicas
		c.NATS, c.Redis = r.Config.NATS, r.Config.Redis
		if c.NATS.Replicas == 0 { // Options without a Config
			c.NATS.Replicas = replicas
		}
		c.Redis.Prefix = "bench-" + nuid.Next() // the state's keys are nobody else's
	}
	if r.zone, err = time.LoadLocation("Europe/Copenhagen"); err != nil {
		return "", err
	}
	r.clock = newClock(r.hour(firstDue-2), r.Now)
	r.carrier = &carrier{now: r.Now}
	r.sequence.Store(1 << 32)
	if err := r.peers(ctx, &c); err != nil {
		return "", err
	}
	if r.config, err = c.Resolved(); err != nil {
		return "", err
	}
	if r.Mode == External {
		err = r.writeKeys()
	}
	return fmt.Sprintf("one write and fsync takes %.2f ms", r.report.Sync), err
}

// peers starts or finds what the line is compared with, and in external mode what it runs on.
func (r *run) peers(ctx context.Context, c *config.Config) error {
	if err := r.findStore(ctx, c); err != nil {
		return err
	}
	if err := r.findBroker(c); err != nil {
		return err
	}
	if r.Mode == External {
		if err := r.unclaimed(ctx); err != nil {
			return err
		}
	}
	var err error
	r.bare, err = openBare(ctx, r.nc, c.NATS.Replicas, r.store)
	r.report.Bare.Redis = r.store != nil
	return err
}

// findStore finds the Redis of bare loop and asynq: that of Options, else the configured one, else one of our own.
func (r *run) findStore(ctx context.Context, c *config.Config) error {
	var err error
	url := r.Redis
	if url == "" {
		url = c.Redis.URL.Reveal()
	}
	if url == "" {
		r.server, err = startRedis(ctx, filepath.Join(r.dir, "redis"))
		switch {
		case errors.Is(err, errNoRedis) && r.Mode == Embedded:
			r.note("No figures of asynq, and the bare loop is without a store: %s.", err)
			return nil
		case err != nil:
			return err
		}
		url = r.server.url
	}
	if r.Mode == External && c.Redis.URL == "" {
		c.Redis.URL = config.Secret(url)
	}
	const connections = 512
	if r.store, err = dialRedis(url, connections); err != nil {
		return err
	}
	if err := r.store.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}

// findBroker finds the broker of the bare loop: the configured one, else one of our own.
func (r *run) findBroker(c *config.Config) error {
	if c.NATS.URL != "" {
		var err error
		r.nc, err = dialNATS(c.NATS)
		return err
	}
	var err error
	if r.broker, err = startBroker(filepath.Join(r.dir, "bare"), r.Mode == External); err != nil {
		return err
	}
	if r.Mode == External {
		c.NATS.URL = config.Secret(r.broker.ClientURL())
		r.nc, err = dialNATS(c.NATS)
		return err
	}
	if r.nc, err = nats.Connect("", nats.InProcessServer(r.broker), nats.Name("husk-bench")); err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	return nil
}

// end stops what still runs, in reverse order, and takes the data away.
func (r *run) end() error {
	var err error
	if r.Mode == External && r.line != nil && r.line.App != nil {
		err = r.empty()
	}
	r.line.end()
	if r.bare != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err = errors.Join(err, r.bare.close(ctx), r.leave(ctx))
		cancel()
	}
	if r.nc != nil {
		r.nc.Close()
	}
	if r.broker != nil {
		r.broker.Shutdown()
		r.broker.WaitForShutdown()
	}
	if r.store != nil {
		err = errors.Join(err, r.store.Close())
	}
	if r.server != nil {
		err = errors.Join(err, r.server.stop())
	}
	if r.dir != "" {
		err = errors.Join(err, os.RemoveAll(r.dir))
	}
	return err
}

// syncTime is the median time of one write and fsync of 4 KiB, in milliseconds.
func syncTime(path string, now func() time.Time) (float64, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	page := make([]byte, 4096)
	var took []time.Duration
	for range 25 {
		began := now()
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, now().Sub(began))
	}
	slices.Sort(took)
	return milliseconds(percentile(took, .5)), nil
}

// left is how much of a quick run's time is left.
func (r *run) left() time.Duration { return quickBudget - r.Now().Sub(r.began) }

// within is how many of most a part may do that does so many a second, when it may take the time share of a quick run;
// at least leastSize.
func (r *run) within(most int, rate float64, share time.Duration) int {
	if !r.Quick || rate <= 0 {
		return most
	}
	return max(min(most, leastSize), min(most, int(rate*min(share, r.left()).Seconds())))
}
