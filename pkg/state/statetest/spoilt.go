package statetest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// fault makes a store wrong, as the projector sees it and as everybody else does.
type fault func(projector, others state.State) (state.State, state.State)

// sound is no fault.
func sound(projector, others state.State) (state.State, state.State) { return projector, others }

// forgives is a store whose Confirm lets an attempt go although the person has changed since the decision, where that is by
// something it does not mind.
type forgives struct {
	state.State
	minds func(state.Person) bool
}

func (s forgives) Confirm(ctx context.Context, cs []state.Confirmation) ([]error, error) {
	errs, err := s.State.Confirm(ctx, cs)
	if err != nil || !errors.Is(errs[0], state.ErrMoved) {
		return errs, err
	}
	ps, err := s.Persons(ctx, []reminder.PersonKey{cs[0].Person})
	if err != nil || s.minds(ps[0]) {
		return errs, err
	}
	return []error{nil}, nil
}

// afterWrongNumber reports whether the last that became known of a person's addresses is anything but that one is somebody else's.
func afterWrongNumber(p state.Person) bool {
	n := len(p.Contact)
	return n == 0 || p.Contact[n-1].Type != contact.Wrong
}

// drops is a projector that folds nothing of some entries.
type drops struct {
	state.State
	what func(state.Change) bool
}

func (s drops) Fold(ctx context.Context, runs ...state.Run) []error {
	return s.State.Fold(ctx, rewritten(runs, func(c state.Change) state.Change {
		if s.what(c) {
			c.Body = nil
		}
		return c
	})...)
}

func rewritten(runs []state.Run, by func(state.Change) state.Change) []state.Run {
	out := make([]state.Run, len(runs))
	for i, r := range runs {
		out[i] = r
		out[i].Changes = make([]state.Change, len(r.Changes))
		for n, c := range r.Changes {
			out[i].Changes[n] = by(c)
		}
	}
	return out
}

// liftsAll is a projector for which a START from the address is a clerk's word.
type liftsAll struct{ state.State }

func (s liftsAll) Fold(ctx context.Context, runs ...state.Run) []error {
	return s.State.Fold(ctx, rewritten(runs, func(c state.Change) state.Change {
		if b, ok := c.Body.(state.Bar); ok && b.Lifted {
			b.Via = state.ViaStaff
			c.Body = b
		}
		return c
	})...)
}

// undone are the addresses from which a START came since they were said to be somebody else's.
type undone struct {
	mu    sync.Mutex
	since map[reminder.AddressHash]bool
}

// undoes is a store for which a START from an address undoes that it is somebody else's.
type undoes struct {
	state.State
	*undone
}

func (s undoes) Fold(ctx context.Context, runs ...state.Run) []error {
	errs := s.State.Fold(ctx, runs...)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range runs {
		for _, c := range r.Changes {
			switch b := c.Body.(type) {
			case state.Bar:
				if b.Lifted && b.Own() {
					s.since[b.Address] = true
				}
			case state.Contact:
				if b.Type == contact.Wrong {
					delete(s.since, b.Hash)
				}
			}
		}
	}
	return errs
}

func (s undoes) Persons(ctx context.Context, keys []reminder.PersonKey) ([]state.Person, error) {
	ps, err := s.State.Persons(ctx, keys)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range ps {
		ps[i].Contact = slices.DeleteFunc(slices.Clone(ps[i].Contact), func(c state.Contact) bool { return c.Type == contact.Wrong && s.since[c.Hash] })
	}
	return ps, err
}

// overlooks is a store that answers the gate's look at a guardian after the mark with the version that the decision saw.
type overlooks struct {
	state.State
	mu   sync.Mutex
	seen map[reminder.PersonKey]uint64
	next map[reminder.PersonKey]bool // whose confirmation is waiting for it
}

func (s *overlooks) Confirm(ctx context.Context, cs []state.Confirmation) ([]error, error) {
	errs, err := s.State.Confirm(ctx, cs)
	if n := cs[0].Person.Shard() - 1; err == nil && errs[0] == nil && n%residents == child {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.next[key(n/residents, guardian)] = true
	}
	return errs, err
}

func (s *overlooks) Persons(ctx context.Context, keys []reminder.PersonKey) ([]state.Person, error) {
	ps, err := s.State.Persons(ctx, keys)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch last := len(keys) - 1; {
	case last == 1: // a child and its guardian
		s.seen[keys[last]] = ps[last].Version
	case last == 0 && s.next[keys[last]]:
		delete(s.next, keys[last])
		ps[last].Version = s.seen[keys[last]]
	}
	return ps, nil
}
