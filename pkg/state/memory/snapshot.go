package memory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// snapshotVersion is the format of a snapshot. A snapshot of another version is not read: the journal is replayed.
const snapshotVersion = 1

// ErrSnapshot is returned for a snapshot that can't be used. The remedy is to replay the journal.
var ErrSnapshot = errors.New("memory: snapshot of another format or damaged")

type head struct {
	Version  int
	Persons  int
	Applied  [reminder.Shards]state.Vector
	Bars     map[reminder.AddressHash]bool
	Switches map[string]string
}

// Snapshot writes what is folded, with how far. The caller seals it. Leases, marks and caps are not in it.
func (s *State) Snapshot(w io.Writer) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := json.NewEncoder(w)
	if err := e.Encode(head{snapshotVersion, len(s.persons), s.applied, s.bars, s.switches}); err != nil {
		return fmt.Errorf("memory: snapshot: %w", err)
	}
	for _, p := range s.persons {
		if err := e.Encode(p); err != nil {
			return fmt.Errorf("memory: snapshot: %w", err)
		}
	}
	return nil
}

// Restore fills an empty State from a snapshot.
func (s *State) Restore(r io.Reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.persons) > 0 || s.applied != [reminder.Shards]state.Vector{} {
		return errors.New("memory: restore into a state that is not empty")
	}
	d := json.NewDecoder(r)
	var h head
	if err := d.Decode(&h); err != nil || h.Version != snapshotVersion {
		return ErrSnapshot
	}
	persons := make([]*state.Person, h.Persons)
	for i := range persons {
		if err := d.Decode(&persons[i]); err != nil {
			return ErrSnapshot
		}
	}
	s.applied = h.Applied
	for a := range h.Bars {
		s.bars[a] = true
	}
	for n, reason := range h.Switches {
		s.switches[n] = reason
	}
	for _, p := range persons {
		s.persons[p.Key] = p
		for a := range p.Appointments {
			s.hold(a, p)
		}
		s.own(p)
		for _, r := range p.Reminders {
			for _, t := range r.Attempts {
				s.claims[t.Claim] = p.Key
			}
		}
		s.index(p, slices.Collect(maps.Keys(p.Reminders)))
	}
	return nil
}
