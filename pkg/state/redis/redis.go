package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Options of a State.
type Options struct {
	// Client is a *Client, which may follow a Sentinel's master, or a *ClusterClient. It must not read from replicas.
	Client goredis.UniversalClient
	// Prefix begins every key. Installations on one Redis need different ones; "" = "husk".
	Prefix string
	// Streams identifies the journal's streams, once they are known. A store that is the fold of others is refused.
	// Nil, and "", ask nothing.
	Streams func() string
	// Fence is the revision of the lock under which this process vouches. A certificate of a higher one is never taken
	// over, one of a lower one at once, one of the same when it has lapsed. Nil = 0.
	Fence func() uint64
	// Issue notes, outside the store, the nonce under which this process is about to vouch, and Issued is the nonce that was noted
	// last, by whatever process. A store whose certificate bears another one may be an old one that came back: marks may be
	// missing in it. Nil = nobody knows, and the certificate found is taken for the last.
	Issue  func(ctx context.Context, nonce string) error
	Issued func() string
	// Quiet is how long nothing is folded into a store that may have lost marks: at least the longest certificate and the
	// write deadline together. 0 = 2 s.
	Quiet time.Duration
}

// What is wrong with a store beyond what package state names.
var (
	// ErrRolledBack means that the store lacks what this process had seen folded. The remedy is to Begin again and fold the
	// journal from there.
	ErrRolledBack = errors.New("redis: the store has lost what was folded: the journal must be read again")
	// ErrBroken means that the store changes faster than a projector can begin in it.
	ErrBroken = errors.New("redis: the store was restarted, emptied or replaced")
	// ErrStreams means that the store is the fold of another journal. The remedy is to rebuild it.
	ErrStreams = errors.New("redis: the store is the fold of another journal: rebuild the state")
	// ErrFenced means that another projector vouches for the state.
	ErrFenced = fmt.Errorf("redis: another projector vouches for the state: %w", state.ErrNotCertified)
	// ErrFormat means that a value in the store is not of this release.
	ErrFormat = errors.New("redis: a value of another format: rebuild the state")
)

// State implements state.State.
type State struct {
	o      Options
	client goredis.UniversalClient
	bases  [reminder.Shards]string

	begin   sync.Mutex             // one term is begun at a time
	former  string                 // the nonces of this process's terms that ended in a break
	term    atomic.Pointer[nonced] // this process's own, as a projector; nil = none
	broke   atomic.Bool            // a term of this process ended in a break
	gates   atomic.Pointer[nonced] // of the certificate last seen, whoever issued it
	way     progress
	refresh sync.Mutex // one reader of all shards' progress at a time
	clock   clock      // the store's
	endings endings
	turn    atomic.Uint64 // which shard's certificate is looked at next
}

var _ state.State = (*State)(nil)

// New checks the options. It does not speak to Redis; Check does.
func New(o Options) (*State, error) {
	switch c := o.Client.(type) {
	case nil:
		return nil, errors.New("redis: Options.Client is required")
	case *goredis.Client:
	case *goredis.ClusterClient:
		if c.Options().ReadOnly {
			return nil, errors.New("redis: Options.Client reads from replicas: turn off ReadOnly, RouteByLatency and RouteRandomly")
		}
	default:
		return nil, errors.New("redis: Options.Client: want a client of one server, a Sentinel's master or a Cluster")
	}
	if strings.ContainsAny(o.Prefix, `{}*?[]\^ `) {
		return nil, errors.New(`redis: Options.Prefix: want none of {}*?[]\^ and no space`)
	}
	if o.Quiet < 0 {
		return nil, errors.New("redis: Options.Quiet: want 0 or more")
	}
	if o.Prefix == "" {
		o.Prefix = "husk"
	}
	if o.Quiet == 0 {
		o.Quiet = 2 * time.Second
	}
	s := &State{o: o, client: o.Client}
	for shard := range s.bases {
		s.bases[shard] = fmt.Sprintf("%s:{%02x}", o.Prefix, shard)
	}
	s.way.moved = make(chan struct{})
	return s, nil
}

// keys are what every script of a shard declares: two names that are never written. What it touches goes by the first, which
// part of it runs by the second. And while a Cluster moves the shard to another node, so that some of it is here and some
// there, no node will run a script on two names it doesn't have: one that saw half of a shard could say yes, or fold what is
// then overwritten.
func (s *State) keys(shard int, part string) []string {
	return []string{s.bases[shard], s.key(shard, "/"+part)}
}

// key is the name of a key of a shard.
func (s *State) key(shard int, name string) string { return s.bases[shard] + ":" + name }

// each runs one command for every shard in one round trip.
func each[C any](ctx context.Context, s *State, command func(p goredis.Pipeliner, shard int) C) ([reminder.Shards]C, error) {
	var out [reminder.Shards]C
	p := s.client.Pipeline()
	for shard := range out {
		out[shard] = command(p, shard)
	}
	_, err := p.Exec(ctx)
	if errors.Is(err, goredis.Nil) {
		err = nil
	}
	return out, failure(err)
}

// failure is an error of the store or the way to it. Redis' own error texts name commands and keys, and keys are pseudonyms.
func failure(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redis: %w", err)
}

// masters runs fn on every node that holds data of its own, one after another.
func (s *State) masters(ctx context.Context, fn func(ctx context.Context, c goredis.UniversalClient) error) error {
	return masters(ctx, s.client, fn)
}

func masters(ctx context.Context, c goredis.UniversalClient, fn func(ctx context.Context, c goredis.UniversalClient) error) error {
	cluster, ok := c.(*goredis.ClusterClient)
	if !ok {
		return fn(ctx, c)
	}
	var one sync.Mutex
	return cluster.ForEachMaster(ctx, func(ctx context.Context, c *goredis.Client) error {
		one.Lock()
		defer one.Unlock()
		return fn(ctx, c)
	})
}

// Clear deletes everything under the prefix, what says yes first. Who folds or vouches meanwhile finds its term ended.
func (s *State) Clear(ctx context.Context) error {
	if _, err := each(ctx, s, func(p goredis.Pipeliner, shard int) *goredis.IntCmd {
		return p.Del(ctx, s.key(shard, "certificate"), s.key(shard, "terms"))
	}); err != nil {
		return err
	}
	return s.masters(ctx, func(ctx context.Context, c goredis.UniversalClient) error {
		for cursor := uint64(0); ; {
			keys, next, err := c.Scan(ctx, cursor, s.o.Prefix+":{*", 1000).Result()
			if err != nil {
				return failure(err)
			}
			p := c.Pipeline()
			for _, k := range keys {
				p.Unlink(ctx, k)
			}
			if _, err := p.Exec(ctx); len(keys) > 0 && err != nil {
				return failure(err)
			}
			if cursor = next; cursor == 0 {
				return nil
			}
		}
	})
}
