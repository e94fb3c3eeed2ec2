package statetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// looksFirst is a store that looks at the bar before it marks, with a pause between the two: what the order of mark and
// check is there to prevent.
type looksFirst struct {
	state.State
	mu    sync.Mutex
	marks map[string]reminder.AddressHash
	pause time.Duration
}

// nowhere is an address that nobody bars.
const nowhere = reminder.AddressHash("1-ffffffffffffffffffffffffffffffff")

func (s *looksFirst) Confirm(ctx context.Context, cs []state.Confirmation) ([]error, error) {
	b, err := s.Behind(ctx, []reminder.AddressHash{cs[0].Address})
	if err != nil {
		return nil, err
	}
	if b[0].Barred {
		return []error{state.ErrBarred}, nil
	}
	time.Sleep(s.pause)
	s.mu.Lock()
	s.marks[cs[0].Claim] = cs[0].Address
	s.mu.Unlock()
	c := cs[0]
	c.Address = nowhere // the store's own check has nothing to find
	return s.State.Confirm(ctx, []state.Confirmation{c})
}

func (s *looksFirst) Wires(ctx context.Context, a reminder.AddressHash, p reminder.PersonKey) ([]state.Wire, error) {
	ws, err := s.State.Wires(ctx, nowhere, p)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(ws, func(w state.Wire) bool { return s.marks[w.Claim] != a }), err
}

// remembersBars is a store whose Confirm looks at a copy of the bars that is now and then older than the bars.
type remembersBars struct {
	state.State
	mu   sync.Mutex
	bars map[reminder.AddressHash]bool
	read map[reminder.AddressHash]int
}

func (s *remembersBars) Confirm(ctx context.Context, cs []state.Confirmation) ([]error, error) {
	a := cs[0].Address
	s.mu.Lock()
	if s.read[a]%8 == 0 {
		b, err := s.Behind(ctx, []reminder.AddressHash{a})
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		s.bars[a] = b[0].Barred
	}
	s.read[a]++
	stale := s.bars[a]
	s.mu.Unlock()
	if stale {
		return []error{state.ErrBarred}, nil
	}
	errs, err := s.State.Confirm(ctx, cs)
	if err == nil && errors.Is(errs[0], state.ErrBarred) {
		c := cs[0]
		c.Address = nowhere
		return s.State.Confirm(ctx, []state.Confirmation{c})
	}
	return errs, err
}

// remembersReads is a store that answers the gate's looks at bars now and then from the last look: a stale read, as of a replica.
type remembersReads struct {
	state.State
	mu    sync.Mutex
	last  map[int][]state.Address // by how many were asked for
	calls int
}

func (s *remembersReads) Behind(ctx context.Context, hs []reminder.AddressHash) ([]state.Address, error) {
	s.mu.Lock()
	old, n := s.last[len(hs)], s.calls
	s.calls++
	s.mu.Unlock()
	if len(hs) > 1 && n%5 == 0 && old != nil {
		return old, nil
	}
	as, err := s.State.Behind(ctx, hs)
	s.mu.Lock()
	s.last[len(hs)] = as
	s.mu.Unlock()
	return as, err
}

// others makes a store wrong for everybody but the projector.
func others(spoil func(state.State) state.State) fault {
	return func(projector, others state.State) (state.State, state.State) { return projector, spoil(others) }
}

// folding makes the projector wrong.
func folding(spoil func(state.State) state.State) fault {
	return func(projector, others state.State) (state.State, state.State) { return spoil(projector), others }
}

// faults are stores that are wrong.
func (l Linear) faults() map[string]fault {
	isErased := func(c state.Change) bool {
		_, is := c.Body.(state.Erased)
		return is
	}
	return map[string]fault{
		"looks before it marks": others(func(s state.State) state.State {
			return &looksFirst{State: s, marks: map[string]reminder.AddressHash{}, pause: l.Pause}
		}),
		"answers from its last look": others(func(s state.State) state.State {
			return &remembersReads{State: s, last: map[int][]state.Address{}}
		}),
		"looks at old bars": others(func(s state.State) state.State {
			return &remembersBars{State: s, bars: map[reminder.AddressHash]bool{}, read: map[reminder.AddressHash]int{}}
		}),
		"does not fold a wrong number": folding(func(s state.State) state.State {
			return drops{s, func(c state.Change) bool {
				b, is := c.Body.(state.Contact)
				return is && b.Type == contact.Wrong
			}}
		}),
		"confirms after a wrong number": others(func(s state.State) state.State { return forgives{s, afterWrongNumber} }),
		"lifts a clerk's bar on START":  folding(func(s state.State) state.State { return liftsAll{s} }),
		"lifts a wrong number on START": func(projector, others state.State) (state.State, state.State) {
			u := &undone{since: map[reminder.AddressHash]bool{}}
			return undoes{projector, u}, undoes{others, u}
		},
		"overlooks that a guardian has changed": others(func(s state.State) state.State {
			return &overlooks{State: s, seen: map[reminder.PersonKey]uint64{}, next: map[reminder.PersonKey]bool{}}
		}),
		"does not fold an erasure": folding(func(s state.State) state.State { return drops{s, isErased} }),
		"erases words, and no visits": folding(func(s state.State) state.State {
			return drops{s, func(c state.Change) bool { return isErased(c) && c.Stream == state.Journal }}
		}),
		"confirms after an erasure": others(func(s state.State) state.State { return forgives{s, isNotErased} }),
	}
}

// isNotErased reports whether somebody was not erased, or is back.
func isNotErased(p state.Person) bool { return p.Erased.IsZero() || len(p.Consent) > 0 }
