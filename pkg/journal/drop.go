package journal

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// dropClear is the clear part of a drop entry.
type dropClear struct {
	Owner string    `json:"owner"`
	Keys  []string  `json:"keys,omitempty"` // their ids; none = it only says again that the owner was erased
	At    time.Time `json:"at,omitzero"`    // when the owner was erased; zero = it was not, its keys' time was over
	Shut  bool      `json:"shut,omitempty"` // the keys seal nothing more, and open until they are dropped
}

// Retire takes all data keys of owners out of use, in every process, as DropShut does, without the note that anybody was erased: of
// those whose time is over, and of the keys of days.
func (r *Keyring) Retire(ctx context.Context, at time.Time, owners ...reminder.PersonKey) error {
	if r.j.shared {
		if err := r.catchUp(ctx); err != nil {
			return err
		}
	}
	return r.writeDrops(ctx, at, time.Time{}, r.keysOf(owners), false)
}

// keysOf are the ids of all keys of owners, by owner.
func (r *Keyring) keysOf(owners []reminder.PersonKey) map[string][]string {
	ids := make(map[string][]string, len(owners))
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, o := range owners {
		ids[string(o)] = nil
	}
	for id, k := range r.keys {
		if of, ok := ids[k.owner]; ok {
			ids[k.owner] = append(of, hex.EncodeToString(id[:]))
		}
	}
	return ids
}

func (r *Keyring) writeDrops(ctx context.Context, at, erased time.Time, ids map[string][]string, shut bool) error {
	var entries []Entry
	for _, o := range slices.Sorted(maps.Keys(ids)) {
		if len(ids[o]) == 0 && erased.IsZero() {
			continue
		}
		e, err := dropEntry(dropClear{Owner: o, Keys: ids[o], At: erased, Shut: shut}, at)
		if err != nil {
			return err
		}
		entries = append(entries, e)
	}
	return r.write(ctx, entries...)
}

// Shut is keys that seal nothing more.
type Shut struct {
	ids map[string][]string // by owner
}

// Shut has the keys of persons seal nothing more, in every process, though they open until DropShut: what is said of a person from
// now on is sealed with another key, which Ensure makes, and outlives them. Processes that share the broker follow within moments,
// and what was sealed before may be written after it. A key that is shut and never dropped opens on.
func (r *Keyring) Shut(ctx context.Context, at time.Time, persons ...reminder.PersonKey) (Shut, error) {
	if r.j.shared {
		if err := r.catchUp(ctx); err != nil {
			return Shut{}, err
		}
	}
	s := Shut{r.keysOf(persons)}
	return s, r.writeDrops(ctx, at, time.Time{}, s.ids, true)
}

// ShutBefore is the keys of those persons whose keys were all shut before a time, as who shut them had it, or who have none. The
// others have one that seals still, or was shut later.
func (r *Keyring) ShutBefore(ctx context.Context, before time.Time, persons ...reminder.PersonKey) (s Shut, others []reminder.PersonKey, err error) {
	if r.j.shared {
		if err := r.catchUp(ctx); err != nil {
			return Shut{}, nil, err
		}
	}
	s = Shut{r.keysOf(persons)}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, k := range r.keys {
		if _, asked := s.ids[k.owner]; asked && (k.shut.IsZero() || !k.shut.Before(before)) {
			delete(s.ids, k.owner)
			others = append(others, reminder.PersonKey(k.owner))
		}
	}
	return s, others, nil
}

// NoteErased notes that persons were erased at a time, as DropShut does, and leaves their keys.
func (r *Keyring) NoteErased(ctx context.Context, at time.Time, persons ...reminder.PersonKey) error {
	ids := make(map[string][]string, len(persons))
	for _, p := range persons {
		ids[string(p)] = nil
	}
	return r.writeDrops(ctx, at, at, ids, false)
}

// DropShut takes the keys that were shut out of use, in every process, and none that were made since: what they sealed answers
// ErrErased from now on. What a copy of the journal holds opens until Rotate has destroyed the keys. Who comes back gets a new key.
// at is noted as when their owners were erased, for good; see Erased.
func (r *Keyring) DropShut(ctx context.Context, at time.Time, s Shut) error {
	return r.writeDrops(ctx, at, at, s.ids, false)
}

func dropEntry(c dropClear, at time.Time) (Entry, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return Entry{}, fmt.Errorf("journal: %w", err)
	}
	return Entry{Stream: StreamKeys, Kind: KindDrop, Shard: shardOf(c.Owner), At: at, Clear: b}, nil
}

// drop takes in that keys are no longer used.
func (r *Keyring) drop(e Entry) error {
	var c dropClear
	if err := json.Unmarshal(e.Clear, &c); err != nil {
		return fmt.Errorf("%w: drop entry", ErrFormat)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.At.After(r.gone[c.Owner]) {
		r.gone[c.Owner] = c.At
	}
	for _, s := range c.Keys {
		id, err := parseKeyID(s)
		if err != nil {
			return err
		}
		if c.Shut {
			r.shut(id, e.At)
			continue
		}
		r.void[id] = max(r.void[id], e.Seq)
		k := r.keys[id]
		if k == nil {
			continue
		}
		delete(r.keys, id)
		if r.owner[c.Owner] == id {
			delete(r.owner, c.Owner)
			r.findOwners(map[string]bool{c.Owner: true})
		}
		if r.change != nil && !r.ended(k.epoch) {
			r.waits(c.Owner)
		} else if !strings.HasPrefix(c.Owner, dayPrefix) {
			r.dropped = true
		}
	}
	return nil
}

// shut has a key seal nothing more, since the first time that was said. The caller holds mu.
func (r *Keyring) shut(id keyID, at time.Time) {
	k := r.keys[id]
	if k == nil || !k.shut.IsZero() {
		return
	}
	k.shut = at
	if r.owner[k.owner] == id {
		delete(r.owner, k.owner)
		r.findOwners(map[string]bool{k.owner: true})
	}
}

// waits notes that a dropped key of an owner stands in the stream as the epoch key opens it that is, or that will be after the
// change under way: only another change destroys it. The keys of days go with the next change; for them alone nobody changes the
// keyset. The caller holds mu.
func (r *Keyring) waits(owner string) {
	if strings.HasPrefix(owner, dayPrefix) {
		return
	}
	r.dropped = true
	if r.change != nil {
		r.change.late = true
	}
}

func parseKeyID(s string) (keyID, error) {
	var id keyID
	if n, err := hex.Decode(id[:], []byte(s[:min(len(s), 2*len(id))])); err != nil || n != len(id) {
		return id, fmt.Errorf("%w: key id", ErrFormat)
	}
	return id, nil
}

// Erased tells when a person was erased last; false when they never were. It is known as long as the installation lives.
func (r *Keyring) Erased(p reminder.PersonKey) (time.Time, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	at, ok := r.gone[string(p)]
	return at, ok
}

// AllErased tells of everybody who was erased, and when last.
func (r *Keyring) AllErased() map[reminder.PersonKey]time.Time {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make(map[reminder.PersonKey]time.Time, len(r.gone))
	for o, at := range r.gone {
		out[reminder.PersonKey(o)] = at
	}
	return out
}

// Owners are the owners of data keys that which holds for, in any order.
func (r *Keyring) Owners(which func(owner reminder.PersonKey) bool) []reminder.PersonKey {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []reminder.PersonKey
	for o := range r.owner {
		if which(reminder.PersonKey(o)) {
			out = append(out, reminder.PersonKey(o))
		}
	}
	for _, k := range r.keys {
		if _, ok := r.owner[k.owner]; !k.shut.IsZero() && !ok && which(reminder.PersonKey(k.owner)) && !slices.Contains(out, reminder.PersonKey(k.owner)) {
			out = append(out, reminder.PersonKey(k.owner))
		}
	}
	return out
}

// goneEntries say again who was erased. The caller holds mu.
func (r *Keyring) goneEntries() ([]Entry, error) {
	var out []Entry
	for _, o := range slices.Sorted(maps.Keys(r.gone)) {
		e, err := dropEntry(dropClear{Owner: o, At: r.gone[o]}, r.gone[o])
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}
