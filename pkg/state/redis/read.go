package redis

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Persons implements state.State.
func (s *State) Persons(ctx context.Context, keys []reminder.PersonKey) ([]state.Person, error) {
	out := make([]state.Person, len(keys))
	bs := sorted(len(keys), func(i int) int { return keys[i].Shard() })
	for k, a := range s.gate(ctx, "persons", questions(bs, func(i int) []any { return []any{string(keys[i])} })) {
		heads, err := a.list(len(bs[k].at))
		if err != nil {
			return nil, err
		}
		for j, i := range bs[k].at {
			text, _ := heads[j].(string)
			out[i].Key = keys[i]
			if err := decodeHead(text, &out[i]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// Behind implements state.State.
func (s *State) Behind(ctx context.Context, addresses []reminder.AddressHash) ([]state.Address, error) {
	out := make([]state.Address, len(addresses))
	bs := sorted(len(addresses), func(i int) int { return addresses[i].Shard() })
	for k, a := range s.gate(ctx, "behind", questions(bs, func(i int) []any { return []any{string(addresses[i])} })) {
		pairs, err := a.list(2 * len(bs[k].at))
		if err != nil {
			return nil, err
		}
		for j, i := range bs[k].at {
			n, _ := pairs[2*j+1].(int64)
			out[i] = state.Address{Barred: pairs[2*j] != int64(0), Kept: pairs[2*j] == int64(2), Persons: int(n)}
		}
	}
	return out, nil
}

// Whose implements state.State. The cells say who may have it: that somebody has it is written there before it is folded, and that
// they have it no more too, so whoever had it once is asked for as well. What is folded decides.
func (s *State) Whose(ctx context.Context, a reminder.AddressHash) ([]reminder.PersonKey, error) {
	cells, err := s.gate(ctx, "whose", []ask{{a.Shard(), []any{string(a)}}})[0].pairs()
	if err != nil {
		return nil, err
	}
	keys := make([]reminder.PersonKey, len(cells))
	for i, c := range cells {
		keys[i] = reminder.PersonKey(c[0])
	}
	ps, err := s.Persons(ctx, keys)
	if err != nil {
		return nil, err
	}
	var out []reminder.PersonKey
	for _, p := range ps {
		if slices.Contains(p.Addresses(), a) {
			out = append(out, p.Key)
		}
	}
	return out, nil
}

// Switches implements state.State. It answers uncertified: what stops sending is looked at again by Confirm, which does not.
func (s *State) Switches(ctx context.Context) (map[string]string, error) {
	m, err := s.client.HGetAll(ctx, s.key(0, "switches")).Result()
	return m, failure(err)
}

// Appointments implements state.State. Once this process has seen a certificate it answers
// state.ErrNotCertified without one: that nobody holds an appointment must not be read from a store that was emptied.
func (s *State) Appointments(ctx context.Context, as []reminder.AppointmentKey) ([]state.Held, error) {
	out := make([]state.Held, len(as))
	bs := sorted(len(as), func(i int) int { return homeOf(as[i]) })
	if s.gates.Load() == nil {
		return out, s.holdersUnasked(ctx, as, out)
	}
	for k, a := range s.gate(ctx, "holders", questions(bs, func(i int) []any { return []any{string(as[i])} })) {
		holders, err := a.list(len(bs[k].at))
		if err != nil {
			return nil, err
		}
		for j, i := range bs[k].at {
			cells, _ := holders[j].([]any)
			m := make(map[string]string, len(cells)/2)
			for n := 0; n+1 < len(cells); n += 2 {
				person, _ := cells[n].(string)
				m[person], _ = cells[n+1].(string)
			}
			if out[i], err = holder(m); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// holdersUnasked answers before there is any certificate.
func (s *State) holdersUnasked(ctx context.Context, as []reminder.AppointmentKey, out []state.Held) error {
	p := s.client.Pipeline()
	cells := make([]*goredis.MapStringStringCmd, len(as))
	for i, a := range as {
		cells[i] = p.HGetAll(ctx, s.key(homeOf(a), "holders:"+string(a)))
	}
	if _, err := p.Exec(ctx); err != nil && len(as) > 0 {
		return failure(err)
	}
	for i, c := range cells {
		var err error
		if out[i], err = holder(c.Val()); err != nil {
			return err
		}
	}
	return nil
}

// holder chooses among those who hold an appointment.
func holder(cells map[string]string) (state.Held, error) {
	hs := make([]state.Holder, 0, len(cells))
	for person, cell := range cells { // "seq holding"
		_, text, _ := strings.Cut(cell, " ")
		if text == "" {
			continue // forgotten
		}
		h, err := parseHolding(text)
		if err != nil {
			return state.Held{}, err
		}
		hs = append(hs, state.Holder{Person: reminder.PersonKey(person), Order: h.order, Status: h.status, Seq: h.seq})
	}
	return state.HeldBy(hs...), nil
}

// View implements state.State.
func (s *State) View(ctx context.Context, key reminder.PersonKey, fn func(*state.Person) error) error {
	ps, err := s.whole(ctx, key.Shard(), []string{string(key)})
	if err != nil || len(ps) == 0 {
		return err
	}
	return fn(ps[0])
}

// whole reads persons whole, each in one step; who is unknown is not among them.
func (s *State) whole(ctx context.Context, shard int, keys []string) ([]*state.Person, error) {
	p := s.client.TxPipeline()
	heads := p.HMGet(ctx, s.key(shard, "heads"), keys...)
	rests := p.HMGet(ctx, s.key(shard, "persons"), keys...)
	if _, err := p.Exec(ctx); err != nil {
		return nil, failure(err)
	}
	var out []*state.Person
	for i, k := range keys {
		h, _ := heads.Val()[i].(string)
		r, _ := rests.Val()[i].(string)
		if h == "" {
			continue
		}
		x := &state.Person{Key: reminder.PersonKey(k)}
		if err := errors.Join(decodeHead(h, x), decodeRest(r, x)); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// Each implements state.State. Persons who are new since it began may be missing.
func (s *State) Each(ctx context.Context, fn func(*state.Person) error) error {
	for shard := range reminder.Shards {
		if err := s.persons(ctx, shard, fn); err != nil {
			return err
		}
	}
	return nil
}

// eachBatch is about how many persons are read at a time.
const eachBatch = 200

// persons calls fn for every person of a shard, once.
func (s *State) persons(ctx context.Context, shard int, fn func(*state.Person) error) error {
	seen := map[string]bool{} // a scan may show one twice
	for cursor := uint64(0); ; {
		found, next, err := s.client.HScan(ctx, s.key(shard, "heads"), cursor, "", eachBatch).Result()
		if err != nil {
			return failure(err)
		}
		var keys []string
		for i := 0; i < len(found); i += 2 {
			if !seen[found[i]] {
				seen[found[i]] = true
				keys = append(keys, found[i])
			}
		}
		if err := s.call(ctx, shard, keys, fn); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// Needs implements state.State. Under one nonce from the first look to the last, nothing was lost in between.
func (s *State) Needs(ctx context.Context) (first uint64, err error) {
	before, err := s.certified(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.Each(ctx, func(p *state.Person) error {
		first = p.Needs(first)
		return nil
	}); err != nil {
		return 0, err
	}
	after, err := s.certified(ctx)
	if err == nil && after != before {
		err = state.ErrNotCertified
	}
	return first, err
}

// Counts implements state.State.
func (s *State) Counts(ctx context.Context) (map[receipt.Status]int, error) {
	cs, err := each(ctx, s, func(p goredis.Pipeliner, shard int) *goredis.MapStringStringCmd {
		return p.HGetAll(ctx, s.key(shard, "counts"))
	})
	if err != nil {
		return nil, err
	}
	out := map[receipt.Status]int{}
	for _, c := range cs {
		for status, text := range c.Val() {
			n, err := strconv.Atoi(text)
			if err != nil {
				return nil, ErrFormat
			}
			out[receipt.Status(status)] += n
		}
	}
	return out, nil
}

// Pending implements state.State.
func (s *State) Pending(ctx context.Context, until time.Time) (state.Pending, error) {
	var out state.Pending
	routes, err := each(ctx, s, func(p goredis.Pipeliner, shard int) *goredis.StringSliceCmd {
		return p.SMembers(ctx, s.key(shard, "routes"))
	})
	if err != nil {
		return out, err
	}
	leases, err := each(ctx, s, func(p goredis.Pipeliner, shard int) *goredis.IntCmd { return p.HLen(ctx, s.key(shard, "leases")) })
	if err != nil {
		return out, err
	}
	p := s.client.Pipeline()
	var dues []*goredis.IntCmd
	var nexts []*goredis.ZSliceCmd
	score := strconv.FormatInt(until.UnixMilli(), 10)
	for shard := range reminder.Shards {
		out.Leased += int(leases[shard].Val())
		for _, r := range routes[shard].Val() {
			k := s.key(shard, "due:"+r)
			dues = append(dues, p.ZCount(ctx, k, "-inf", score))
			nexts = append(nexts, p.ZRangeByScoreWithScores(ctx, k, &goredis.ZRangeBy{Min: "(" + score, Max: "+inf", Count: 1}))
		}
	}
	if _, err := p.Exec(ctx); err != nil && len(dues) > 0 {
		return out, failure(err)
	}
	for i, d := range dues {
		out.Due += int(d.Val())
		if z := nexts[i].Val(); len(z) > 0 {
			if at := time.UnixMilli(int64(z[0].Score)); out.Next.IsZero() || at.Before(out.Next) {
				out.Next = at
			}
		}
	}
	return out, nil
}
