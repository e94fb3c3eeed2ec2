package memory

import (
	"context"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// State implements state.State.
type State struct {
	mu sync.RWMutex

	// Folded, from the journal alone.
	applied  [reminder.Shards]state.Vector
	persons  map[reminder.PersonKey]*state.Person
	bars     map[reminder.AddressHash]bool
	switches map[string]string

	// Indexes, derived from what is folded.
	owners map[reminder.AppointmentKey]reminder.PersonKey
	whose  map[reminder.ID]reminder.PersonKey
	behind map[reminder.AddressHash]map[reminder.PersonKey]bool
	counts map[receipt.Status]int
	status map[reminder.ID]receipt.Status // as counted
	due    *dueIndex

	// Beside the fold.
	leases  map[reminder.ID]*lease
	leased  map[reminder.PersonKey]reminder.ID
	waiting map[reminder.PersonKey][]reminder.ID // due, but another of the person's is leased
	later   map[reminder.ID]deferral
	wires   map[string]state.Wire // by claim
	closed  map[string]bool       // claims that were forsaken
	seen    map[string]uint64     // open claims folded while certified, and in which unbroken period
	caps    map[reminder.PersonKey][]time.Time
	tokens  uint64

	certified time.Time // until
	period    uint64    // counts unbroken certified periods

	moved chan struct{} // closed and replaced when applied moves
}

type lease struct {
	token   string
	person  reminder.PersonKey
	version uint64
	until   time.Time
}

type deferral struct {
	at    time.Time
	route string
	tries int
}

var _ state.State = (*State)(nil)

// New returns an empty, uncertified state.
func New() *State {
	return &State{
		persons: map[reminder.PersonKey]*state.Person{}, bars: map[reminder.AddressHash]bool{}, switches: map[string]string{},
		owners: map[reminder.AppointmentKey]reminder.PersonKey{}, whose: map[reminder.ID]reminder.PersonKey{},
		behind: map[reminder.AddressHash]map[reminder.PersonKey]bool{},
		counts: map[receipt.Status]int{}, status: map[reminder.ID]receipt.Status{}, due: newDueIndex(),
		leases: map[reminder.ID]*lease{}, leased: map[reminder.PersonKey]reminder.ID{}, waiting: map[reminder.PersonKey][]reminder.ID{},
		later: map[reminder.ID]deferral{}, wires: map[string]state.Wire{}, closed: map[string]bool{}, seen: map[string]uint64{},
		caps: map[reminder.PersonKey][]time.Time{}, moved: make(chan struct{}),
	}
}

// Applied implements state.State.
func (s *State) Applied(_ context.Context, shard int) (state.Vector, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.applied[shard], nil
}

// Await implements state.State.
func (s *State) Await(ctx context.Context, shard int, stream state.Stream, seq uint64) error {
	for {
		s.mu.RLock()
		there, moved := s.applied[shard][stream] >= seq, s.moved
		s.mu.RUnlock()
		if there {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Certify implements state.State.
func (s *State) Certify(_ context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.After(s.certified) {
		s.period++
	}
	s.certified = now.Add(d)
	return nil
}

// Certified implements state.State.
func (s *State) Certified(context.Context) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.vouched()
}

func (s *State) vouched() error {
	if time.Now().After(s.certified) {
		return state.ErrNotCertified
	}
	return nil
}

// Fold implements state.State.
func (s *State) Fold(_ context.Context, shard int, from, to state.Vector, changes []state.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.applied[shard] != from {
		return state.ErrStale
	}
	for _, c := range changes {
		if c.Seq > from[c.Stream] {
			s.fold(shard, c)
		}
	}
	s.applied[shard] = to
	close(s.moved)
	s.moved = make(chan struct{})
	return nil
}

func (s *State) fold(shard int, c state.Change) {
	switch b := c.Body.(type) {
	case nil:
		return
	case state.Bar:
		if b.Lifted {
			delete(s.bars, b.Address)
		} else {
			s.bars[b.Address] = true
		}
		return
	case state.Switch:
		if b.On {
			s.switches[b.Name] = b.Reason
		} else {
			delete(s.switches, b.Name)
		}
		return
	case state.Trim:
		for key, p := range s.persons {
			if key.Shard() == shard {
				s.index(p, p.Apply(c))
			}
		}
		return
	}
	p := s.persons[c.Person]
	if p == nil {
		p = &state.Person{Key: c.Person}
		s.persons[c.Person] = p
	}
	_, moves := c.Body.(state.Contact)
	if moves {
		s.disown(p)
	}
	touched := p.Apply(c)
	if moves {
		s.own(p)
	}
	switch b := c.Body.(type) {
	case state.Planned:
		if a := p.Appointments[b.Plan.Appointment]; a != nil && a.Status != state.Taken {
			s.owners[b.Plan.Appointment] = c.Person
		}
	case receipt.Intent:
		if r := p.Reminders[b.Reminder]; len(touched) > 0 && r.Attempts[len(r.Attempts)-1].Claim == b.Claim && s.vouched() == nil {
			s.seen[b.Claim] = s.period
		}
	case receipt.Outcome:
		s.forget(b.Claim)
	case receipt.Report:
		s.forget(b.Claim)
	}
	s.index(p, touched)
}

// forget drops what stands beside the fold for a settled claim.
func (s *State) forget(claim string) {
	delete(s.wires, claim)
	delete(s.seen, claim)
	delete(s.closed, claim)
}

func (s *State) own(p *state.Person) {
	for _, a := range p.Addresses() {
		if s.behind[a] == nil {
			s.behind[a] = map[reminder.PersonKey]bool{}
		}
		s.behind[a][p.Key] = true
	}
}

func (s *State) disown(p *state.Person) {
	for _, a := range p.Addresses() {
		if delete(s.behind[a], p.Key); len(s.behind[a]) == 0 {
			delete(s.behind, a)
		}
	}
}

// index brings counts and the due index in line with the reminders touched.
func (s *State) index(p *state.Person, touched []reminder.ID) {
	for _, id := range touched {
		r := p.Reminders[id]
		if was, ok := s.status[id]; ok {
			s.counts[was]--
			delete(s.status, id)
		}
		delete(s.later, id) // what is folded is newer than a deferral
		s.due.remove(id)
		if r == nil {
			delete(s.whose, id)
			continue
		}
		s.whose[id] = p.Key
		s.status[id] = r.Status
		s.counts[r.Status]++
		s.schedule(id)
	}
}

// schedule puts a waiting reminder into the due index, unless it is leased.
func (s *State) schedule(id reminder.ID) {
	p := s.persons[s.whose[id]]
	if p == nil {
		return
	}
	r := p.Reminders[id]
	if r == nil || !r.Pending() || s.leases[id] != nil {
		return
	}
	at, route := r.Due, r.Route
	if d, ok := s.later[id]; ok {
		at = d.at
		if d.route != "" {
			route = d.route
		}
	}
	s.due.put(route, id, at)
}
