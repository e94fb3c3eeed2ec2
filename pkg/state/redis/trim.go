package redis

import (
	"context"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// trimBatch is about how many persons are trimmed at a time.
const trimBatch = 200

// trim applies a trim to all persons of a shard, some at a time, each time only if nobody wrote since. Applied stays: who
// begins again finds less to do.
func (s *State) trim(ctx context.Context, t *nonced, shard int, at state.Vector, c state.Change) error {
	for cursor := uint64(0); ; {
		found, next, err := s.client.HScan(ctx, s.key(shard, "persons"), cursor, "", trimBatch).Result()
		if err != nil {
			return failure(err)
		}
		keys := make([]reminder.PersonKey, 0, len(found)/2)
		needs := map[reminder.PersonKey]part{}
		for i := 0; i+1 < len(found); i += 2 {
			k := reminder.PersonKey(found[i])
			if needs[k] == 0 { // a scan may show one twice
				keys = append(keys, k)
			}
			needs[k] = parts(c)
		}
		if err := s.trimSome(ctx, t, shard, at, c, keys, needs); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// trimSome trims persons and leaves Applied where it is.
func (s *State) trimSome(ctx context.Context, t *nonced, shard int, at state.Vector, c state.Change, keys []reminder.PersonKey, needs map[reminder.PersonKey]part) error {
	f := &folding{shard: shard, from: at, to: at, keys: keys, needs: needs, w: newWriting(shard, at)}
	if s.readParts(ctx, []*folding{f}); f.err != nil {
		return f.err
	}
	if f.w.at.at != at {
		return state.ErrStale
	}
	for _, k := range keys {
		x := f.works[k]
		n, v, sealed := len(x.person.Appointments), x.person.Version, len(x.person.Sealed)
		x.apply(c)
		if len(x.person.Appointments) == n && x.person.Version == v && len(x.person.Sealed) == sealed && len(x.touched) == 0 {
			continue
		}
		x.write(f.w)
	}
	if len(f.w.groups) == 0 {
		return nil
	}
	s.commit(ctx, t, []*folding{f})
	return f.err
}
