package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/redis"
)

// installation is what the processes of one installation know of each other, in a bucket of the broker.
type installation struct {
	kv jetstream.KeyValue
}

const (
	installationBucket = "husk_installation"
	keysetKey          = "keyset"   // the keyset's id
	restoredKey        = "restored" // there while a restored journal waits to be quarantined
)

// ErrOtherKeyset means that this process has another keyset than those before it.
var ErrOtherKeyset = errors.New("app: keys.file: not the keyset of this installation: copy the file from a process that works")

func openInstallation(ctx context.Context, js jetstream.JetStream, c config.NATS, keys journal.Keyset) (*installation, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: installationBucket, History: 1, Storage: jetstream.FileStorage, Replicas: c.Replicas})
	if err != nil {
		return nil, fmt.Errorf("app: %s: %w", installationBucket, err)
	}
	_, err = kv.Create(ctx, keysetKey, []byte(keys.ID()))
	if errors.Is(err, jetstream.ErrKeyExists) {
		var e jetstream.KeyValueEntry
		if e, err = kv.Get(ctx, keysetKey); err == nil && string(e.Value()) != keys.ID() {
			return nil, ErrOtherKeyset
		}
	}
	if err != nil {
		return nil, fmt.Errorf("app: %s: %w", installationBucket, err)
	}
	return &installation{kv}, nil
}

// restored reports whether a restored journal waits to be quarantined.
func (i *installation) restored(ctx context.Context) (bool, error) {
	_, err := i.kv.Get(ctx, restoredKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (i *installation) suspect(ctx context.Context, now time.Time) error {
	_, err := i.kv.PutString(ctx, restoredKey, now.UTC().Format(time.RFC3339))
	return err
}

func (i *installation) quarantined(ctx context.Context) error { return i.kv.Delete(ctx, restoredKey) }

// share opens what processes share: the store, the lock, and what they know of each other.
func (a *App) share(ctx context.Context, o Options, keys journal.Keyset) error {
	c := a.Config
	var err error
	if a.installation, err = openInstallation(ctx, a.js, c.NATS, keys); err != nil {
		return err
	}
	if a.lead, err = newLead(ctx, a.js, c.NATS.Replicas, a.log.Named("lead")); err != nil {
		return err
	}
	a.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "husk_leading", Help: "1 while this process folds and sweeps for all that share the journal.",
	}, func() float64 {
		if a.lead.leading.Load() {
			return 1
		}
		return 0
	}))
	client, err := connectStore(ctx, c.Redis, a.log.Named("store"))
	if err != nil {
		return err
	}
	a.defers(func() { _ = client.Close() })
	id, err := streamsID(ctx, a.journal)
	if err != nil {
		return err
	}
	store, err := redis.New(redis.Options{
		Client: client, Prefix: c.Redis.Prefix, Streams: func() string { return id }, Fence: a.lead.fence.Load, Issue: a.lead.issue,
		Issued: a.lead.issued, Quiet: ledger.CertifyFor + c.Send.WriteDeadline,
	})
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	a.State = store
	if a.meter, err = redis.NewMeter(client, c.Redis.Prefix); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if o.Rebuild {
		return a.clear(ctx, store, id)
	}
	return nil
}

// clear empties the store, to be filled from the journal. When the store is ahead of the journal, or the fold of another one, the
// journal was restored; that is noted first, where whoever folds next must see it.
func (a *App) clear(ctx context.Context, store *redis.State, id string) error {
	of, err := store.Of(ctx)
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	ahead, err := isAhead(ctx, store, a.journal)
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if ahead || (of != "" && of != id) {
		a.log.Error("the store was ahead of the journal, which must have been restored from a backup", zap.Bool("ahead", ahead))
		if err := a.installation.suspect(ctx, a.Now()); err != nil {
			return fmt.Errorf("app: %s: %w", installationBucket, err)
		}
	}
	if err := store.Clear(ctx); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	return nil
}

// isAhead reports whether a state has folded more than the journal holds.
func isAhead(ctx context.Context, s state.State, j *journal.Journal) (bool, error) {
	var high state.Vector
	for shard := range reminder.Shards {
		v, err := s.Applied(ctx, shard)
		if err != nil {
			return false, err
		}
		for i := range v {
			high[i] = max(high[i], v[i])
		}
	}
	// The end after: others may write and fold meanwhile.
	for i, stream := range []journal.Stream{state.Stop: journal.StreamStop, state.People: journal.StreamPeople, state.Journal: journal.StreamJournal} {
		end, err := j.End(ctx, stream)
		if err != nil {
			return false, err
		}
		if high[i] > end.Last {
			return true, nil
		}
	}
	return false, nil
}

// steadyEvery is how often a leader looks whether its clock can be relied on.
const steadyEvery = time.Second

// office is a term in the lead: the projector, and with it, where the line runs, the sweeps. It ends when the clock can't be relied on:
// the sweeps would all fail, while others go on sending by a state that this process vouches for.
func (a *App) office(sweeps bool) func(context.Context) error {
	return func(ctx context.Context) error {
		s := &stages{failed: make(chan error, 8)}
		defer s.end()
		s.begin(context.WithoutCancel(ctx), "projector", a.Ledger.Run)
		if sweeps && !a.byHand {
			s.begin(context.WithoutCancel(ctx), "sweeps", a.sweepsWhenReady)
		}
		return inOffice(ctx, s.failed, a.Ledger.Steady)
	}
}

// inOffice returns when ctx ends, with what failed, or with why the clock can't be relied on.
func inOffice(ctx context.Context, failed <-chan error, steady func() error) error {
	t := time.NewTicker(steadyEvery)
	defer t.Stop()
	for {
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		case <-t.C:
			if err := steady(); err != nil {
				return err
			}
		}
	}
}

// sweepsWhenReady runs the sweeps once the state is certified.
func (a *App) sweepsWhenReady(ctx context.Context) error {
	select {
	case <-a.Ledger.Ready():
		return a.cron(ctx)
	case <-ctx.Done():
		return nil
	}
}
