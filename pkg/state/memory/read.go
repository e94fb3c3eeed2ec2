package memory

import (
	"context"
	"maps"
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
		p := s.persons[k]
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
		out[i] = state.Address{Barred: s.bars[a], Persons: len(s.behind[a])}
	}
	return out, nil
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
			if a := s.persons[k].Appointments[key]; a != nil {
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
func (s *State) Needs(context.Context) (first uint64, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range s.persons {
		first = p.Needs(first)
	}
	return first, s.vouched()
}

// Agenda implements state.State.
func (s *State) Agenda(ctx context.Context, a state.Agenda, until time.Time, fn func(*state.Person) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, e := range s.agendas.due(string(a), func(at time.Time) bool { return until.IsZero() || !at.After(until) }) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(s.persons[e.person]); err != nil {
			return err
		}
	}
	return nil
}

// View implements state.State.
func (s *State) View(_ context.Context, key reminder.PersonKey, fn func(*state.Person) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if p := s.persons[key]; p != nil {
		return fn(p)
	}
	return nil
}

// Each implements state.State.
func (s *State) Each(ctx context.Context, fn func(*state.Person) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range s.persons {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(p); err != nil {
			return err
		}
	}
	return nil
}

// Counts implements state.State.
func (s *State) Counts(context.Context) (map[receipt.Status]int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.counts), nil
}

// Pending implements state.State.
func (s *State) Pending(_ context.Context, due time.Time) (state.Pending, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n, next := s.due.pending(due)
	for p, ids := range s.waiting { // popped from the index, but due all the same
		for _, id := range ids {
			x := ref{p, id}
			if _, at, ok := s.when(x); ok && s.due.items[x] == nil && !at.After(due) {
				n++
			}
		}
	}
	return state.Pending{Due: n, Leased: len(s.leases), Next: next}, nil
}
