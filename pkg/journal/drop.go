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
}

// Drop takes the data keys of persons out of use, in every process: what they sealed answers ErrErased from now on. What a copy
// of the journal holds opens until Rotate has destroyed the keys. Who comes back gets a new key. at is noted as when they were
// erased, for good; see Erased.
func (r *Keyring) Drop(ctx context.Context, at time.Time, persons ...reminder.PersonKey) error {
	return r.dropAll(ctx, at, at, persons)
}

// Retire is Drop without the note: of those whose time is over, who were not erased, and of the keys of days.
func (r *Keyring) Retire(ctx context.Context, at time.Time, owners ...reminder.PersonKey) error {
	return r.dropAll(ctx, at, time.Time{}, owners)
}

func (r *Keyring) dropAll(ctx context.Context, at, erased time.Time, owners []reminder.PersonKey) error {
	if r.j.shared {
		if err := r.catchUp(ctx); err != nil {
			return err
		}
	}
	ids := make(map[string][]string, len(owners))
	r.mu.RLock()
	for _, o := range owners {
		ids[string(o)] = nil
	}
	for id, k := range r.keys {
		if of, ok := ids[k.owner]; ok {
			ids[k.owner] = append(of, hex.EncodeToString(id[:]))
		}
	}
	r.mu.RUnlock()
	var entries []Entry
	for _, o := range slices.Sorted(maps.Keys(ids)) {
		if len(ids[o]) == 0 && erased.IsZero() {
			continue
		}
		e, err := dropEntry(dropClear{Owner: o, Keys: ids[o], At: erased}, at)
		if err != nil {
			return err
		}
		entries = append(entries, e)
	}
	return r.write(ctx, entries...)
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
		if r.keys[id] == nil {
			continue
		}
		delete(r.keys, id)
		if r.owner[c.Owner] == id {
			delete(r.owner, c.Owner)
			r.findOwners(map[string]bool{c.Owner: true})
		}
		// The keys of days go with the next change; for them alone nobody changes the keyset.
		if strings.HasPrefix(c.Owner, dayPrefix) {
			continue
		}
		r.dropped = true
		if r.change != nil {
			r.change.late = true
		}
	}
	return nil
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
