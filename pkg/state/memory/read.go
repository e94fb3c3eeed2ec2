package memory

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Persons implements state.State.
func (s *State) Persons(_ context.Context, keys []reminder.PersonKey) ([]state.Person, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.vouched(); err != nil {
		return nil, err
	}
	out := make([]state.Person, len(keys))
	for i, k := range keys {
		p := s.person(k)
		if p == nil {
			out[i].Key = k
			continue
		}
		out[i] = *p
		out[i].Flags = maps.Clone(p.Flags)
		// The slices only ever grow at the end, so the copy's view of them does not change.
		out[i].Appointments, out[i].Reminders = nil, nil
	}
	return out, nil
}

// Behind implements state.State.
func (s *State) Behind(_ context.Context, as []reminder.AddressHash) ([]state.Address, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.vouched(); err != nil {
		return nil, err
	}
	out := make([]state.Address, len(as))
	for i, a := range as {
		out[i] = state.Address{Barred: s.bars(a) != 0, Kept: s.bars(a)&state.KeptBar != 0, Persons: len(s.behind[a])}
	}
	return out, nil
}

// Whose implements state.State.
func (s *State) Whose(_ context.Context, a reminder.AddressHash) ([]reminder.PersonKey, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.vouched(); err != nil {
		return nil, err
	}
	return slices.Collect(maps.Keys(s.behind[a])), nil
}

// Switches implements state.State.
func (s *State) Switches(context.Context) (map[string]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.switches), nil
}

// Appointments implements state.State.
func (s *State) Appointments(_ context.Context, as []reminder.AppointmentKey) ([]state.Held, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]state.Held, len(as))
	for i, key := range as {
		var hs []state.Holder
		for _, k := range s.holders[key] {
			if a := s.person(k).Appointments[key]; a != nil {
				hs = append(hs, state.Holder{Person: k, Order: a.Order, Status: a.Status, Seq: a.Seq})
			}
		}
		out[i] = state.HeldBy(hs...)
	}
	return out, nil
}

// Claimants implements state.State. It needs a certified state.
func (s *State) Claimants(_ context.Context, claims []string) ([]reminder.PersonKey, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.vouched(); err != nil {
		return nil, err
	}
	out := make([]reminder.PersonKey, len(claims))
	for i, c := range claims {
		out[i] = s.claims[c]
	}
	return out, nil
}

// Needs implements state.State.
func (s *State) Needs(ctx context.Context) (first uint64, err error) {
	began, err := s.unbroken()
	if err != nil {
		return 0, err
	}
	err = s.Each(ctx, func(p *state.Person) error {
		first = p.Needs(first)
		return nil
	})
	if err != nil {
		return 0, err
	}
	now, err := s.unbroken()
	if err == nil && now != began {
		err = state.ErrNotCertified
	}
	return first, err
}

// unbroken is the certified period that it is now.
func (s *State) unbroken() (period uint64, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.period, s.vouched()
}

// Agenda implements state.State.
func (s *State) Agenda(ctx context.Context, a state.Agenda, until time.Time, fn func(*state.Person) error) error {
	come := func(at time.Time) bool { return until.IsZero() || !at.After(until) }
	for n := range s.shards {
		x := &s.shards[n]
		s.mu.RLock()
		due := x.agendas.due(string(a), come)
		s.mu.RUnlock()
		err := inTurns(ctx, s, due, func(e entry) error {
			if it := x.agendas.items[e]; it == nil || !come(it.at) {
				return nil
			}
			return fn(x.persons[e.person])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// View implements state.State.
func (s *State) View(_ context.Context, key reminder.PersonKey, fn func(*state.Person) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if p := s.person(key); p != nil {
		return fn(p)
	}
	return nil
}

// Each implements state.State.
func (s *State) Each(ctx context.Context, fn func(*state.Person) error) error {
	for n := range s.shards {
		x := &s.shards[n]
		if err := inTurns(ctx, s, s.keys(x), func(k reminder.PersonKey) error { return fn(x.persons[k]) }); err != nil {
			return err
		}
	}
	return nil
}

// keys are the persons of a shard now.
func (s *State) keys(x *shard) []reminder.PersonKey {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(maps.Keys(x.persons))
}

// turn is how many persons are looked at before others get their turn. Nothing that walks persons holds the lock for longer:
// a STOP waits for no list, no sweep and no snapshot.
const turn = 32

// inTurns calls fn for each of a list under the lock, and lets it go after every turn.
func inTurns[K any](ctx context.Context, s *State, list []K, fn func(K) error) error {
	for some := range slices.Chunk(list, turn) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.oneTurn(func() error {
			for _, k := range some {
				if err := fn(k); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) oneTurn(fn func() error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return fn()
}

// Counts implements state.State.
func (s *State) Counts(context.Context) (map[receipt.Status]int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.counts), nil
}

// Pending implements state.State. It counts shard by shard.
func (s *State) Pending(_ context.Context, due time.Time) (state.Pending, error) {
	var p state.Pending
	for n := range s.shards {
		s.mu.RLock()
		many, next := s.shards[n].due.pending(due)
		s.mu.RUnlock()
		p.Due += many
		if p.Next.IsZero() || (!next.IsZero() && next.Before(p.Next)) {
			p.Next = next
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	p.Leased = len(s.leases)
	for key, ids := range s.waiting { // popped from the index, but due all the same
		for _, id := range ids {
			x := ref{key, id}
			if _, at, ok := s.when(x); ok && s.of(key).due.items[x] == nil && !at.After(due) {
				p.Due++
			}
		}
	}
	return p, nil
}

// Named implements state.State.
func (s *State) Named(_ context.Context, names []state.Name) ([][]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([][]string, len(names))
	for i, name := range names {
		for n := range s.shards {
			if claim := s.shards[n].named[name.Key()]; claim != "" {
				out[i] = append(out[i], claim)
			}
		}
	}
	return out, nil
}

// Orphans implements state.State.
func (s *State) Orphans(context.Context) ([]state.Orphan, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []state.Orphan
	for n := range s.shards {
		out = slices.AppendSeq(out, maps.Values(s.shards[n].orphans))
	}
	return out, nil
}
