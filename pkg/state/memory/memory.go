package memory

import (
	"context"
	"maps"
	"slices"
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
	shards   [reminder.Shards]shard
	switches map[string]string // the journal has them all in shard 0

	// Indexes, derived from what is folded.
	holders map[reminder.AppointmentKey][]reminder.PersonKey // who have, or had, a part in it
	claims  map[string]reminder.PersonKey
	behind  map[reminder.AddressHash]map[reminder.PersonKey]bool
	counts  map[receipt.Status]int
	status  map[ref]receipt.Status // as counted
	open    map[ref]bool           // whose status is Intended

	// Beside the fold.
	leases  map[ref]*lease
	leased  map[reminder.PersonKey]bool
	waiting map[reminder.PersonKey][]reminder.ID // due, but another of the person's is leased
	later   map[ref]deferral
	wires   map[string]state.Wire                       // by claim
	closed  map[string]bool                             // claims that were forsaken
	seen    map[string]uint64                           // open claims folded while certified, and in which unbroken period
	caps    map[reminder.PersonKey]map[string]time.Time // when each claim was confirmed
	tokens  uint64

	certified time.Time // until
	period    uint64    // counts unbroken certified periods

	moved chan struct{} // closed and replaced when applied moves

	snapshots sync.Mutex // one at a time
}

// shard is what is folded of one shard, and what is walked shard by shard.
type shard struct {
	applied state.Vector
	persons map[reminder.PersonKey]*state.Person
	bars    map[reminder.AddressHash]state.Bars
	orphans map[string]state.Orphan
	named   map[string]string // claims, by what carriers call their attempts; derived
	due     *timeline[ref]    // by route
	agendas *timeline[entry]
	copying *copying // a snapshot on its way, nil = none
}

type lease struct {
	token string
	until time.Time
}

type deferral struct {
	at    time.Time
	route string
	tries int
}

var _ state.State = (*State)(nil)

// New returns an empty, uncertified state.
func New() *State {
	s := &State{
		switches: map[string]string{},
		holders:  map[reminder.AppointmentKey][]reminder.PersonKey{}, claims: map[string]reminder.PersonKey{},
		behind: map[reminder.AddressHash]map[reminder.PersonKey]bool{},
		counts: map[receipt.Status]int{}, status: map[ref]receipt.Status{}, open: map[ref]bool{},
		leases: map[ref]*lease{}, leased: map[reminder.PersonKey]bool{}, waiting: map[reminder.PersonKey][]reminder.ID{},
		later: map[ref]deferral{}, wires: map[string]state.Wire{}, closed: map[string]bool{}, seen: map[string]uint64{},
		caps: map[reminder.PersonKey]map[string]time.Time{}, moved: make(chan struct{}),
	}
	for n := range s.shards {
		s.shards[n] = shard{
			persons: map[reminder.PersonKey]*state.Person{}, bars: map[reminder.AddressHash]state.Bars{},
			orphans: map[string]state.Orphan{}, named: map[string]string{},
			due: newTimeline[ref](), agendas: newTimeline[entry](),
		}
	}
	return s
}

// of is the shard of a person.
func (s *State) of(p reminder.PersonKey) *shard { return &s.shards[p.Shard()] }

// person is who has a record, else nil.
func (s *State) person(p reminder.PersonKey) *state.Person { return s.of(p).persons[p] }

// bars are the bars of an address.
func (s *State) bars(a reminder.AddressHash) state.Bars { return s.shards[a.Shard()].bars[a] }

// Begin implements state.State.
func (s *State) Begin(context.Context) (applied [reminder.Shards]state.Vector, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for n := range s.shards {
		applied[n] = s.shards[n].applied
	}
	return applied, nil
}

// Applied implements state.State.
func (s *State) Applied(_ context.Context, shard int) (state.Vector, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.shards[shard].applied, nil
}

// Await implements state.State.
func (s *State) Await(ctx context.Context, shard int, stream state.Stream, seq uint64) error {
	for {
		s.mu.RLock()
		there, moved := s.shards[shard].applied[stream] >= seq, s.moved
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

// foldMost is about how many changes are folded, and how many persons are trimmed, before others get their turn.
const foldMost = 2000

// Fold implements state.State.
func (s *State) Fold(_ context.Context, runs ...state.Run) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, len(runs))
	work := 0
	for i, r := range runs {
		if work > foldMost {
			s.mu.Unlock()
			s.mu.Lock()
			work = 0
		}
		x := &s.shards[r.Shard]
		if x.applied != r.From {
			errs[i] = state.ErrStale
			continue
		}
		for _, c := range r.Changes {
			if c.Seq > r.From[c.Stream] {
				work += s.fold(r.Shard, c)
			}
		}
		x.applied = r.To
	}
	close(s.moved)
	s.moved = make(chan struct{})
	return errs
}

// fold folds one change of a shard, and returns how many persons were looked at.
func (s *State) fold(shard int, c state.Change) int {
	switch b := c.Body.(type) {
	case nil:
		return 1
	case state.Bar:
		bars := s.shards[b.Address.Shard()].bars
		if bars[b.Address] = bars[b.Address].After(b); bars[b.Address] == 0 {
			delete(bars, b.Address)
		}
		return 1
	case state.Orphan:
		if orphans := s.shards[shard].orphans; b.Gone {
			delete(orphans, b.Key())
		} else {
			b.Since = c.At
			orphans[b.Key()] = b
		}
		return 1
	case state.Switch:
		if b.On {
			s.switches[b.Name] = b.Reason
		} else {
			delete(s.switches, b.Name)
		}
		return 1
	case state.Trim:
		x := &s.shards[shard]
		for _, p := range x.persons {
			if p.Trims(b) {
				x.copying.take(p)
				s.trim(p, c)
			}
		}
		return len(x.persons)
	}
	x := s.of(c.Person)
	p := x.persons[c.Person]
	if p == nil {
		p = &state.Person{Key: c.Person}
		x.persons[c.Person] = p
	}
	x.copying.take(p)
	moves := state.MovesAddresses(c)
	if moves {
		s.disown(p)
	}
	claim := settles(c)
	var before []state.Name
	if claim != "" {
		before = namesOf(p, claim)
	}
	touched := p.Apply(c)
	if moves {
		s.own(p)
	}
	if _, ok := c.Body.(receipt.Intent); !ok || len(touched) > 0 { // else it is not the first
		s.follow(p, c)
		s.index(p, touched)
		if claim != "" {
			if names := namesOf(p, claim); !slices.Equal(names, before) {
				s.name(p, claim, names)
			}
		}
	}
	return 1
}

// follow brings what stands beside a person in line with a change that was folded.
func (s *State) follow(p *state.Person, c state.Change) {
	switch b := c.Body.(type) {
	case state.Planned:
		s.hold(b.Plan.Appointment, p)
	case receipt.Intent:
		s.claims[b.Claim] = p.Key
		if s.vouched() == nil {
			s.seen[b.Claim] = s.period
		}
	case receipt.Outcome:
		if b.By != "" {
			return // of a doubt, which has no mark
		}
		s.forget(b.Claim)
		if p.Spared(b) {
			delete(s.caps[c.Person], b.Claim)
		}
	case receipt.Report:
		if !isOpen(p, b.Claim) {
			s.forget(b.Claim)
		}
	}
}

// isOpen reports whether the attempt with a claim has no outcome: a report of one of its segments may have come before that.
func isOpen(p *state.Person, claim string) bool {
	for _, r := range p.Reminders {
		for _, t := range r.Attempts {
			if t.Claim == claim {
				return t.Status == receipt.Intended
			}
		}
	}
	return false
}

// trim folds a trim for one person.
func (s *State) trim(p *state.Person, c state.Change) {
	held, reminders := slices.Collect(maps.Keys(p.Appointments)), maps.Clone(p.Reminders)
	s.index(p, p.Apply(c))
	for _, key := range held {
		if p.Appointments[key] != nil {
			continue
		}
		left := slices.DeleteFunc(s.holders[key], func(k reminder.PersonKey) bool { return k == p.Key })
		if s.holders[key] = left; len(left) == 0 {
			delete(s.holders, key)
		}
	}
	for id, r := range reminders {
		if p.Reminders[id] == nil {
			for _, t := range r.Attempts {
				delete(s.claims, t.Claim)
				for _, n := range t.Names() {
					delete(s.of(p.Key).named, n.Key())
				}
			}
		}
	}
}

// hold notes that p has a part in an appointment.
func (s *State) hold(key reminder.AppointmentKey, p *state.Person) {
	if p.Appointments[key] != nil && !slices.Contains(s.holders[key], p.Key) {
		s.holders[key] = append(s.holders[key], p.Key)
	}
}

// name notes what its carrier calls an attempt.
func (s *State) name(p *state.Person, claim string, names []state.Name) {
	for _, n := range names {
		s.of(p.Key).named[n.Key()] = claim
	}
}

// namesOf are what its carrier calls the attempt with a claim.
func namesOf(p *state.Person, claim string) []state.Name {
	for _, r := range p.Reminders {
		for i := range r.Attempts {
			if t := &r.Attempts[i]; t.Claim == claim {
				return t.Names()
			}
		}
	}
	return nil
}

// settles is the claim of the attempt that a change tells of, "" when it tells of none.
func settles(c state.Change) string {
	switch b := c.Body.(type) {
	case receipt.Outcome:
		return b.Claim
	case receipt.Report:
		return b.Claim
	}
	return ""
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

// index brings counts, the due index and the agendas in line with the person, whose reminders touched have changed.
func (s *State) index(p *state.Person, touched []reminder.ID) {
	shard := s.of(p.Key)
	for _, a := range state.Agendas {
		if at := p.Next(a); at.IsZero() {
			shard.agendas.remove(entry{p.Key, a})
		} else {
			shard.agendas.put(string(a), entry{p.Key, a}, at)
		}
	}
	for _, id := range touched {
		x := ref{p.Key, id}
		if was, ok := s.status[x]; ok {
			s.counts[was]--
			delete(s.status, x)
			delete(s.open, x)
		}
		delete(s.later, x) // what is folded is newer than a deferral
		shard.due.remove(x)
		if r := p.Reminders[id]; r != nil {
			s.status[x] = r.Status
			s.counts[r.Status]++
			if r.Status == receipt.Intended {
				s.open[x] = true
			}
			s.schedule(x)
		}
	}
}

// schedule puts a waiting reminder into the due index, unless it is leased.
func (s *State) schedule(x ref) {
	if route, at, ok := s.when(x); ok {
		s.of(x.person).due.put(route, x, at)
	}
}

// when is where and when a reminder is due; false when it is leased or does not wait.
func (s *State) when(x ref) (route string, at time.Time, ok bool) {
	p := s.person(x.person)
	if p == nil {
		return "", time.Time{}, false
	}
	r := p.Reminders[x.id]
	if r == nil || !r.Pending() || s.leases[x] != nil {
		return "", time.Time{}, false
	}
	route, at = r.Route, r.At()
	if d, ok := s.later[x]; ok {
		at = d.at
		if d.route != "" {
			route = d.route
		}
	}
	return route, at, true
}
