package memory

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Lease implements state.State.
func (s *State) Lease(_ context.Context, route string, due time.Time, limit int, d time.Duration) ([]state.Leased, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.vouched(); err != nil {
		return nil, err
	}
	now := time.Now()
	for x, l := range s.leases {
		if now.After(l.until) {
			s.end(x)
		}
	}
	var out []state.Leased
	first := s.firsts(route)
	for len(out) < limit {
		x, ok := first.pop(due)
		if !ok {
			break
		}
		key, id := x.person, x.id
		if s.leased[key] {
			if !slices.Contains(s.waiting[key], id) {
				s.waiting[key] = append(s.waiting[key], id)
			}
			continue
		}
		next, ok := s.person(key).Lease(id)
		if !ok {
			continue
		}
		s.tokens++
		l := &lease{token: strconv.FormatUint(s.tokens, 36), until: now.Add(d)}
		s.leases[x], s.leased[key] = l, true
		next.Token, next.Tries, next.Route = l.token, s.later[x].tries, route
		out = append(out, next)
	}
	return out, nil
}

// end takes a lease away and puts what waited back.
func (s *State) end(x ref) {
	delete(s.leases, x)
	delete(s.leased, x.person)
	s.schedule(x)
	waiting := s.waiting[x.person]
	delete(s.waiting, x.person)
	for _, id := range waiting {
		s.schedule(ref{x.person, id})
	}
}

// held reports whether token is the lease of a reminder, its time has not come and the plan has not moved.
func (s *State) held(x ref, token string, version uint64) bool {
	l := s.leases[x]
	if l == nil || l.token != token || time.Now().After(l.until) {
		return false
	}
	p := s.person(x.person)
	r := p.Reminders[x.id]
	return r != nil && p.Appointments[r.Appointment].Version == version
}

// Retry implements state.State.
func (s *State) Retry(_ context.Context, l reminder.Lease, at time.Time, route string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := ref{l.Person, l.Reminder}
	if !s.held(x, l.Token, l.Version) {
		return state.ErrLost
	}
	s.later[x] = deferral{at: at, route: route, tries: l.Tries + 1}
	s.end(x)
	return nil
}

// Done implements state.State.
func (s *State) Done(_ context.Context, l reminder.Lease) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := ref{l.Person, l.Reminder}
	if held := s.leases[x]; held != nil && held.token == l.Token {
		s.end(x)
	}
	return nil
}

// Confirm implements state.State.
func (s *State) Confirm(_ context.Context, cs []state.Confirmation) ([]error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, len(cs))
	for i, c := range cs {
		// The mark first, then the checks: a STOP either finds the mark or is found here. An older mark of the same claim
		// stays, for then the claim may have left already.
		if _, twice := s.wires[c.Claim]; twice {
			errs[i] = state.ErrClaim
			continue
		}
		s.wires[c.Claim] = state.Wire{Claim: c.Claim, Reminder: c.Reminder, Person: c.Person, Address: c.Address}
		if errs[i] = s.check(c); errs[i] != nil {
			delete(s.wires, c.Claim)
		}
	}
	return errs, nil
}

func (s *State) check(c state.Confirmation) error {
	if err := s.vouched(); err != nil {
		return err
	}
	if s.bars(c.Address) != 0 {
		return state.ErrBarred
	}
	for _, n := range c.Switches {
		if _, on := s.switches[n]; on {
			return state.ErrStopped
		}
	}
	if !c.NotAfter.IsZero() && c.At.After(c.NotAfter) {
		return state.ErrTooLate
	}
	p := s.person(c.Person)
	if p == nil || p.Version != c.PersonVersion {
		return state.ErrMoved
	}
	if !s.held(ref{c.Person, c.Reminder}, c.Token, c.Version) {
		return state.ErrLost
	}
	r := p.Reminders[c.Reminder]
	if s.closed[c.Claim] || len(r.Attempts) != c.Attempt || r.Status != receipt.Intended || r.Attempts[c.Attempt-1].Claim != c.Claim {
		return state.ErrClaim
	}
	return s.take(c)
}

// take takes one message from the person's frequency cap.
func (s *State) take(c state.Confirmation) error {
	if c.CapMax <= 0 {
		return nil
	}
	taken := s.caps[c.Person]
	for claim, at := range taken {
		if c.At.Sub(at) >= c.CapPer {
			delete(taken, claim)
		}
	}
	if len(taken) >= c.CapMax {
		return state.ErrCapped
	}
	if taken == nil {
		taken = map[string]time.Time{}
		s.caps[c.Person] = taken
	}
	taken[c.Claim] = c.At
	return nil
}

// Wires implements state.State.
func (s *State) Wires(_ context.Context, a reminder.AddressHash, p reminder.PersonKey) ([]state.Wire, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.vouched(); err != nil {
		return nil, err
	}
	var out []state.Wire
	for _, w := range s.wires {
		if (a != "" && w.Address == a) || (a == "" && w.Person == p) {
			out = append(out, w)
		}
	}
	return out, nil
}

// Forsake implements state.State.
func (s *State) Forsake(_ context.Context, os []receipt.Open) ([]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]bool, len(os))
	if s.vouched() != nil {
		return out, nil
	}
	for i, o := range os {
		claim := o.Claim
		if _, wire := s.wires[claim]; wire || s.seen[claim] != s.period {
			continue
		}
		s.closed[claim] = true
		out[i] = true
	}
	return out, nil
}

// Opens implements state.State.
func (s *State) Opens(_ context.Context, before time.Time) ([]receipt.Open, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []receipt.Open
	for x := range s.open {
		as := s.person(x.person).Reminders[x.id].Attempts
		if t := as[len(as)-1]; t.At.Before(before) {
			o := receipt.Open{Intent: t.Intent, At: t.At}
			o.Person = x.person
			out = append(out, o)
		}
	}
	return out, nil
}
