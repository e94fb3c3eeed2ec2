package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"go.uber.org/zap"
)

// lockBucket and lockKey are where the processes agree on who leads: projects and sweeps.
const (
	lockBucket = "husk_lock"
	lockKey    = "projector"
)

// The leader renews the lock every renewEvery. It stops when it has not managed to for stopAfter; the others take a lock
// over that they have not seen change for lapseAfter. They look every lookEvery. None of it compares the clocks of two
// processes.
const (
	renewEvery = 500 * time.Millisecond
	stopAfter  = 2 * time.Second
	lapseAfter = 3 * time.Second
	lookEvery  = 200 * time.Millisecond
)

// errNotLeader ends a term whose lock was lost.
var errNotLeader = errors.New("app: another process has taken the lead")

// lead is the lock under which one of the processes that share a journal leads. A leader that was held up does not know
// that it is none any more: its terms have a number that only grows, the fence, and the store refuses a lower one.
type lead struct {
	kv      jetstream.KeyValue
	holder  string // this process
	log     *zap.Logger
	fence   atomic.Uint64
	leading atomic.Bool
	able    func() error         // why this process may not lead now; nil = it always may
	nonce   atomic.Value         // string: of the claim that is held or was taken over
	renew   chan chan<- struct{} // asks for a renewal now; closed when it is done
}

// claim is the lock's value. Beat makes every renewal another value.
type claim struct {
	Holder string `json:"holder"` // "" = nobody
	Beat   uint64 `json:"beat"`
	Nonce  string `json:"nonce,omitempty"` // the last under which the store was vouched for
}

func newLead(ctx context.Context, js jetstream.JetStream, replicas int, log *zap.Logger) (*lead, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: lockBucket, History: 1, Storage: jetstream.FileStorage, Replicas: replicas})
	if err != nil {
		return nil, fmt.Errorf("app: %s: %w", lockBucket, err)
	}
	host, _ := os.Hostname()
	l := &lead{kv: kv, holder: host + "/" + strconv.Itoa(os.Getpid()) + "/" + nuid.Next(), log: log, renew: make(chan chan<- struct{})}
	l.nonce.Store("")
	return l, nil
}

// issued is the nonce under which the store was vouched for last, by whoever led then.
func (l *lead) issued() string { return l.nonce.Load().(string) }

// issue notes a nonce in the lock. It returns when it stands there.
func (l *lead) issue(ctx context.Context, nonce string) error {
	before := l.nonce.Swap(nonce)
	done := make(chan struct{})
	select {
	case l.renew <- done:
	case <-ctx.Done():
		l.nonce.CompareAndSwap(nonce, before)
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run waits for its turn, leads, and waits again, until ctx ends or a term ends with an error that lasting names: that one is
// returned. A term's context ends when the lock is lost; its error, if any, gives the others their turn.
func (l *lead) run(ctx context.Context, term func(context.Context) error, lasting func(error) bool) error {
	wait := lookEvery
	for ctx.Err() == nil {
		rev := l.take(ctx)
		if rev == 0 {
			return nil
		}
		began := time.Now()
		err := l.term(ctx, rev, term)
		switch {
		case err == nil || ctx.Err() != nil:
		case lasting(err):
			return err
		default:
			l.log.Warn("no longer in the lead", zap.Error(err))
		}
		if time.Since(began) > lapseAfter {
			wait = lookEvery
		}
		// The others, where there are any, come first.
		if err != nil {
			pause(ctx, wait+rand.N(wait))
			wait = min(2*wait, lapseAfter)
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// take waits until the lock is free or has lapsed, and takes it. It returns the revision under which it is held, 0 when ctx
// ended first.
func (l *lead) take(ctx context.Context) uint64 {
	var seen uint64
	var since time.Time
	told := false
	for ; ctx.Err() == nil; pause(ctx, lookEvery) {
		if l.able != nil {
			if err := l.able(); err != nil {
				if !told {
					l.log.Warn("does not take the lead", zap.Error(err))
				}
				told, seen = true, 0
				continue
			}
		}
		asked := time.Now()
		e, err := l.kv.Get(ctx, lockKey)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			if rev, err := l.write(ctx, 0, claim{Holder: l.holder}); err == nil {
				return rev
			}
			continue
		}
		if err != nil {
			continue // the broker is away; what was seen before is not known to have lasted
		}
		if e.Revision() != seen {
			seen, since = e.Revision(), time.Now()
		}
		var c claim
		free := json.Unmarshal(e.Value(), &c) == nil && c.Holder == ""
		if free || asked.Sub(since) > lapseAfter {
			if rev, err := l.write(ctx, seen, claim{Holder: l.holder, Nonce: c.Nonce}); err == nil {
				l.nonce.Store(c.Nonce)
				return rev
			}
		}
	}
	return 0
}

// write replaces revision rev of the lock; 0 = there is none.
func (l *lead) write(ctx context.Context, rev uint64, c claim) (uint64, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	if rev == 0 {
		return l.kv.Create(ctx, lockKey, b)
	}
	return l.kv.Update(ctx, lockKey, b, rev)
}

// term leads under the lock's revision rev, until ctx ends, fn returns, or the lock is lost.
func (l *lead) term(ctx context.Context, rev uint64, fn func(context.Context) error) error {
	l.fence.Store(rev)
	l.leading.Store(true)
	defer l.leading.Store(false)
	l.log.Info("in the lead", zap.Uint64("term", rev))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	kept := make(chan uint64, 1)
	stop := make(chan struct{})
	go func() { kept <- l.keep(rev, stop, cancel) }()
	err := fn(ctx)
	if cause := context.Cause(ctx); errors.Is(cause, errNotLeader) {
		err = cause
	}
	close(stop)
	if last := <-kept; last != 0 {
		release, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = l.write(release, last, claim{Nonce: l.issued()}) // else it lapses
	}
	return err
}

// keep renews the lock until stop. It returns the revision that is held then, 0 when the lock is lost.
func (l *lead) keep(rev uint64, stop <-chan struct{}, lost context.CancelCauseFunc) uint64 {
	late := time.AfterFunc(stopAfter, func() { lost(errNotLeader) })
	renewed := func(to uint64, asked time.Time) bool {
		rev = to
		return late.Stop() && !late.Reset(stopAfter-time.Since(asked))
	}
	t := time.NewTicker(renewEvery)
	defer t.Stop()
	var waiting []chan<- struct{} // for a renewal
	for beat := uint64(1); ; beat++ {
		select {
		case <-stop:
			if !late.Stop() {
				return 0
			}
			return rev
		case done := <-l.renew:
			waiting = append(waiting, done)
		case <-t.C:
		}
		asked := time.Now()
		if next, err := l.write(context.Background(), rev, claim{Holder: l.holder, Beat: beat, Nonce: l.issued()}); err == nil {
			if !renewed(next, asked) {
				return 0
			}
			for _, done := range waiting {
				close(done)
			}
			waiting = nil
			continue
		}
		e, err := l.get()
		if err != nil {
			continue
		}
		var c claim
		switch ours := json.Unmarshal(e.Value(), &c) == nil && c.Holder == l.holder; {
		case !ours:
			lost(errNotLeader)
			return 0
		case e.Revision() > rev && !renewed(e.Revision(), asked): // the answer was lost, the renewal was not
			return 0
		}
	}
}

func (l *lead) get() (jetstream.KeyValueEntry, error) {
	ctx, cancel := context.WithTimeout(context.Background(), renewEvery)
	defer cancel()
	return l.kv.Get(ctx, lockKey)
}
