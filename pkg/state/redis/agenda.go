package redis

import (
	"context"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// agendaPage is how many of a shard's persons are read from an agenda at a time.
const agendaPage = 100

// Agenda implements state.State. Where nobody's time has come it is one round trip.
func (s *State) Agenda(ctx context.Context, a state.Agenda, until time.Time, fn func(*state.Person) error) error {
	end := "+inf"
	if !until.IsZero() {
		end = strconv.FormatInt(until.UnixMilli(), 10)
	}
	page := func(p goredis.Cmdable, shard, from int) *goredis.StringSliceCmd {
		return p.ZRangeByScore(ctx, s.key(shard, "agenda:"+string(a)), &goredis.ZRangeBy{Min: "-inf", Max: end, Offset: int64(from), Count: agendaPage})
	}
	first, err := each(ctx, s, func(p goredis.Pipeliner, shard int) *goredis.StringSliceCmd { return page(p, shard, 0) })
	if err != nil {
		return err
	}
	for shard, c := range first {
		for from := 0; ; {
			keys, err := c.Result()
			if err != nil {
				return failure(err)
			}
			for i, k := range keys {
				keys[i] = unpack(k)
			}
			if err := s.call(ctx, shard, keys, fn); err != nil {
				return err
			}
			if len(keys) < agendaPage {
				break
			}
			from += len(keys)
			c = page(s.client, shard, from)
		}
	}
	return nil
}

// call calls fn for persons of a shard.
func (s *State) call(ctx context.Context, shard int, keys []string, fn func(*state.Person) error) error {
	if len(keys) == 0 {
		return nil
	}
	ps, err := s.whole(ctx, shard, keys)
	if err != nil {
		return err
	}
	for _, p := range ps {
		if err := fn(p); err != nil {
			return err
		}
	}
	return nil
}

// Claimants implements state.State. It needs a certified state: that a claim is nobody's must not be read from a store that
// was emptied.
func (s *State) Claimants(ctx context.Context, claims []string) ([]reminder.PersonKey, error) {
	out := make([]reminder.PersonKey, len(claims))
	var live []int
	for i, c := range claims {
		if packClaim(c) != "" {
			live = append(live, i)
		}
	}
	if len(live) == 0 {
		if err := s.Certified(ctx); err != nil {
			return nil, err
		}
		return out, nil
	}
	bs := sorted(len(live), func(i int) int {
		shard, _ := reminder.ClaimShard(claims[live[i]])
		return shard
	})
	for k, a := range s.gate(ctx, "claimants", questions(bs, func(i int) []any { return []any{packClaim(claims[live[i]])} })) {
		persons, err := a.list(len(bs[k].at))
		if err != nil {
			return nil, err
		}
		for j, i := range bs[k].at {
			text, _ := persons[j].(string)
			out[live[i]] = reminder.PersonKey(unpack(text))
		}
	}
	return out, nil
}
