package redis

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/state"
)

// Named implements state.State. A carrier's id does not tell the person, so all shards are asked, in one round trip.
func (s *State) Named(ctx context.Context, names []state.Name) ([][]string, error) {
	out := make([][]string, len(names))
	if len(names) == 0 {
		return out, nil
	}
	keys := make([]string, len(names))
	for i, n := range names {
		keys[i] = n.Key()
	}
	found, err := each(ctx, s, func(p goredis.Pipeliner, shard int) *goredis.SliceCmd {
		return p.HMGet(ctx, s.key(shard, "named"), keys...)
	})
	if err != nil {
		return nil, err
	}
	for shard, c := range found {
		claims, err := c.Result()
		if err != nil {
			return nil, failure(err)
		}
		for i, x := range claims {
			if text, ok := x.(string); ok && text != "" {
				out[i] = append(out[i], fmt.Sprintf("%02x", shard)+hex.EncodeToString([]byte(text)))
			}
		}
	}
	return out, nil
}

// stray is an orphan as it is stored.
type stray struct {
	Orphan state.Orphan `json:"o"`
	Since  time.Time    `json:"s"`
}

func encodeOrphan(o state.Orphan) []byte { return appendRecord(nil, &stray{o, o.Since}) }

// Orphans implements state.State.
func (s *State) Orphans(ctx context.Context) ([]state.Orphan, error) {
	cs, err := each(ctx, s, func(p goredis.Pipeliner, shard int) *goredis.StringSliceCmd {
		return p.HVals(ctx, s.key(shard, "orphans"))
	})
	if err != nil {
		return nil, err
	}
	var out []state.Orphan
	for _, c := range cs {
		texts, err := c.Result()
		if err != nil && !errors.Is(err, goredis.Nil) {
			return nil, failure(err)
		}
		for _, text := range texts {
			var x stray
			if err := readRecord(text, &x); err != nil {
				return nil, err
			}
			x.Orphan.Since = x.Since
			out = append(out, x.Orphan)
		}
	}
	return out, nil
}
