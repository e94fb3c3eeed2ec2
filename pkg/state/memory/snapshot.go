package memory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// snapshotVersion is the format of a snapshot. A snapshot of another version is not read: the journal is replayed.
const snapshotVersion = 3

// ErrSnapshot is returned for a snapshot that can't be used. The remedy is to replay the journal.
var ErrSnapshot = errors.New("memory: snapshot of another format or damaged")

// A snapshot is a head, and for each shard a section with its persons behind it.
type head struct {
	Version int
}

type section struct {
	Applied  state.Vector
	Bars     map[reminder.AddressHash]state.Bars `json:",omitempty"`
	Switches map[string]string                   `json:",omitempty"`
	Orphans  []orphan                            `json:",omitempty"`
	Persons  int
}

// orphan is an Orphan with when it was journalled.
type orphan struct {
	state.Orphan
	At time.Time `json:"since"`
}

// Snapshot writes what is folded, with how far. The caller seals it. Leases, marks and caps are not in it.
//
// Each shard is as it was at one moment, and a later shard of a later one: each is folded on from its own Applied. Nobody
// waits for w, and nobody for the encoding of more than a few persons: who is folded meanwhile is encoded first, as he was.
func (s *State) Snapshot(w io.Writer) error {
	s.snapshots.Lock()
	defer s.snapshots.Unlock()
	if err := json.NewEncoder(w).Encode(head{snapshotVersion}); err != nil {
		return fmt.Errorf("memory: snapshot: %w", err)
	}
	for n := range s.shards {
		if err := s.copyShard(n, w); err != nil {
			return fmt.Errorf("memory: snapshot: %w", err)
		}
	}
	return nil
}

// copying is the copy of a shard as it was when the copy began.
type copying struct {
	left map[reminder.PersonKey]bool // who is not in it yet
	done bytes.Buffer                // what was encoded and not written
	err  error
}

// take encodes a person who is not in the copy yet. It is called before the person changes.
func (c *copying) take(p *state.Person) {
	if c == nil || !c.left[p.Key] {
		return
	}
	delete(c.left, p.Key)
	c.err = errors.Join(c.err, json.NewEncoder(&c.done).Encode(p))
}

// copyShard writes a shard as it is now.
func (s *State) copyShard(n int, w io.Writer) error {
	x := &s.shards[n]
	head, keys := s.beginCopy(n)
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		x.copying = nil
	}()
	if err := json.NewEncoder(w).Encode(head); err != nil {
		return err
	}
	var out []byte
	for some := range slices.Chunk(keys, turn) {
		err := s.oneTurn(func() error {
			for _, k := range some {
				x.copying.take(x.persons[k])
			}
			out = append(out[:0], x.copying.done.Bytes()...)
			x.copying.done.Reset()
			return x.copying.err
		})
		if err != nil {
			return err
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) beginCopy(n int) (section, []reminder.PersonKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := &s.shards[n]
	head := section{Applied: x.applied, Bars: maps.Clone(x.bars), Persons: len(x.persons)}
	for _, o := range x.orphans {
		head.Orphans = append(head.Orphans, orphan{o, o.Since})
	}
	if n == 0 {
		head.Switches = maps.Clone(s.switches)
	}
	x.copying = &copying{left: make(map[reminder.PersonKey]bool, len(x.persons))}
	keys := make([]reminder.PersonKey, 0, len(x.persons))
	for k := range x.persons {
		keys = append(keys, k)
		x.copying.left[k] = true
	}
	return head, keys
}

// Restore fills an empty State from a snapshot.
func (s *State) Restore(r io.Reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.shards {
		if len(x.persons) > 0 || x.applied != (state.Vector{}) {
			return errors.New("memory: restore into a state that is not empty")
		}
	}
	d := json.NewDecoder(r)
	var h head
	if err := d.Decode(&h); err != nil || h.Version != snapshotVersion {
		return ErrSnapshot
	}
	var sections [reminder.Shards]section
	var persons [reminder.Shards][]*state.Person
	for n := range sections {
		if err := d.Decode(&sections[n]); err != nil {
			return ErrSnapshot
		}
		for range sections[n].Persons {
			var p *state.Person
			if err := d.Decode(&p); err != nil || p == nil || p.Key.Shard() != n {
				return ErrSnapshot
			}
			persons[n] = append(persons[n], p)
		}
	}
	for n, x := range sections {
		s.shards[n].applied = x.Applied
		maps.Copy(s.shards[n].bars, x.Bars)
		maps.Copy(s.switches, x.Switches)
		for _, o := range x.Orphans {
			o.Since = o.At
			s.shards[n].orphans[o.Key()] = o.Orphan
		}
		for _, p := range persons[n] {
			s.restore(p)
		}
	}
	return nil
}

// restore puts a person in, and all that is derived.
func (s *State) restore(p *state.Person) {
	s.of(p.Key).persons[p.Key] = p
	for a := range p.Appointments {
		s.hold(a, p)
	}
	s.own(p)
	for _, r := range p.Reminders {
		for _, t := range r.Attempts {
			s.claims[t.Claim] = p.Key
			s.name(p, t.Claim, t.Names())
		}
	}
	s.index(p, slices.Collect(maps.Keys(p.Reminders)))
}
