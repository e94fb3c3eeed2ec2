package redis

import (
	"context"
	"strconv"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// tell writes what runs say in other shards. A run that could not say all of it fails, and says it again.
func (s *State) tell(ctx context.Context, t *nonced, fs []*folding) {
	var asks []ask
	var of []*folding
	for _, f := range fs {
		w := f.w
		n := strconv.FormatUint(stamp(w.to), 10)
		for shard, words := range w.told {
			asks, of = append(asks, ask{shard, append([]any{w.shard, n}, words...)}), append(of, f)
			w.op("HSET", "to", shard, n)
		}
	}
	if len(asks) == 0 {
		return
	}
	for i, a := range s.run(ctx, t, "side", asks) {
		if a.err != nil {
			of[i].err = failure(a.err)
		}
	}
}

// tellAgain repeats in the shard dest what the persons of source say there: dest has lost it.
func (s *State) tellAgain(ctx context.Context, t *nonced, source, dest int) error {
	at, err := placeOf(s.client.Get(ctx, s.key(source, "applied")))
	if err != nil {
		return err
	}
	say := func(upTo uint64, words ...any) error {
		return failure(firstError(s.run(ctx, t, "side", []ask{{dest, append([]any{source, strconv.FormatUint(upTo, 10)}, words...)}})))
	}
	err = s.persons(ctx, source, func(p *state.Person) error {
		w := newWriting(source, at.at)
		now := addressesOf(p)
		for _, c := range p.Contact {
			if c.Hash.Shard() == dest {
				w.link(c.Hash, p.Key, at.at[state.People], now[c.Hash])
			}
		}
		for key, a := range p.Appointments {
			if homeOf(key) == dest {
				h := holdingOf(a)
				w.hold(key, p.Key, at.at[state.Journal], &h)
			}
		}
		if len(w.told) == 0 {
			return nil
		}
		return say(0, w.told[dest]...)
	})
	if err != nil {
		return err
	}
	return say(stamp(at.at))
}

// marks is the key of the marks behind an address.
func (s *State) marks(a reminder.AddressHash) string { return s.key(a.Shard(), "marks:"+string(a)) }
