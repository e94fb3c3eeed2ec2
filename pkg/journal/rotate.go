package journal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Rotation is what Rotate came to.
type Rotation struct {
	Epoch string `json:"epoch"` // the name of the epoch key that is now
	Keys  int    `json:"keys"`  // data keys that live on, rewrapped
	// Waiting are the holders of keyset files that have the old epoch key still: until they have followed, what was dropped can
	// be read with theirs.
	Waiting []Holder `json:"waiting,omitempty"`
	// Late says that keys were dropped meanwhile that open with the epoch key that is now: Rotate is to be called again.
	Late bool `json:"late,omitempty"`
}

// Complete reports whether the old epoch key is gone from every keyset file, and all that was dropped with it.
func (x Rotation) Complete() bool { return len(x.Waiting) == 0 && !x.Late }

// Due reports whether there is something for Rotate to do: dropped keys to destroy, or a change that was not brought to its end.
func (r *Keyring) Due() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.dropped || r.change != nil || r.stuck != nil || r.cut > 0
}

// mostChanges is how many changes one Rotate makes: one, and others for what was dropped late in one before.
const mostChanges = 3

// holderWait is how long Rotate waits for the files of other processes.
const holderWait = 5 * time.Second

// Rotate destroys what was dropped. It begins a new epoch: all live data keys are wrapped with a new epoch key, which takes
// the old one's place in the keyset file of each process, with a new snapshot key; the old bytes in the file are written over. From
// then on nothing in any copy of the journal, the state or a snapshot opens with what is at hand, but by the keys that live.
//
// The stream's order decides: data keys that are wrapped with the old epoch key behind the entry which begins the change are void,
// and whoever made them makes others. A process that dies on the way, or comes back after it, goes on when it reads the stream.
func (r *Keyring) Rotate(ctx context.Context, at time.Time) (Rotation, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	if r.j.shared {
		if err := r.catchUp(ctx); err != nil {
			return Rotation{}, err
		}
	}
	if err := r.retry(); err != nil {
		return Rotation{}, err
	}
	for range mostChanges {
		if x, ok := r.rest(ctx); ok {
			return x, r.tidy(ctx, x)
		}
		c, err := r.beginChange(ctx, at)
		if err != nil {
			return Rotation{}, err
		}
		if err := r.rewrap(ctx, c, at); err != nil {
			return Rotation{}, err
		}
		if err := r.endChange(ctx, c, at); err != nil {
			return Rotation{}, err
		}
		if err := r.isStuck(); err != nil {
			return Rotation{}, err
		}
	}
	x, rest := r.rest(ctx)
	x.Late = !rest
	return x, r.tidy(ctx, x)
}

// rest is the last change; true where nothing but the files of others is waited for since.
func (r *Keyring) rest(ctx context.Context) (Rotation, bool) {
	r.mu.RLock()
	x, ok := Rotation{Epoch: r.epoch, Keys: len(r.keys)}, r.cut > 0 && r.change == nil && !r.dropped
	r.mu.RUnlock()
	if ok {
		x.Waiting = r.waitHolders(ctx, x.Epoch)
	}
	return x, ok
}

// isStuck is why the keyset's file could not be replaced.
func (r *Keyring) isStuck() error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.stuck
}

// retry tries again to replace the keyset's file, where it failed.
func (r *Keyring) retry() error {
	if r.isStuck() == nil {
		return nil
	}
	was, err := ReadKeyset(r.Keyset().file)
	if err == nil {
		r.persist(was, r.Keyset())
		err = r.isStuck()
	}
	return err
}

// beginChange begins a change, or takes up the one that is under way.
func (r *Keyring) beginChange(ctx context.Context, at time.Time) (change, error) {
	for {
		r.mu.RLock()
		c, from, last := r.change, r.epoch, r.zero
		aead := r.epochs[from]
		r.mu.RUnlock()
		if c != nil {
			if c.next == nil {
				return change{}, fmt.Errorf("%w: this process can't follow the change of epoch keys that is under way", ErrKeyset)
			}
			return *c, nil
		}
		keys := make([]byte, 64)
		_, _ = rand.Read(keys)
		to := epochName(keys[:32])
		// Keys that are being made are there before, or are made for the new epoch.
		r.making.Lock()
		err := r.epochEntry(ctx, at, last, epochClear{From: from, To: to, Next: aead.Seal(nil, nil, keys, []byte(from+to))})
		r.making.Unlock()
		if err != nil && !errors.Is(err, errOvertaken) {
			return change{}, err
		}
	}
}

// endChange ends a change, if no other process has: what ends it after a later one has begun would void the keys of that.
func (r *Keyring) endChange(ctx context.Context, c change, at time.Time) error {
	for {
		r.mu.RLock()
		open, last := r.change != nil && r.change.seq == c.seq, r.zero
		r.mu.RUnlock()
		if !open {
			return nil
		}
		if err := r.epochEntry(ctx, at, last, epochClear{From: c.from, To: c.to, Done: true}); !errors.Is(err, errOvertaken) {
			return err
		}
	}
}

// epochShard is where epoch entries stand, among others.
const epochShard = 0

// epochEntry writes an epoch entry and returns when it is taken in. Among several processes it is written only if last is what
// stands last in its shard, so that it follows what its writer knew; else errOvertaken, when what came between is taken in.
func (r *Keyring) epochEntry(ctx context.Context, at time.Time, last uint64, c epochClear) error {
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	e := Entry{Stream: StreamKeys, Kind: KindEpoch, Shard: epochShard, At: at, Clear: b}
	if !r.j.shared {
		return r.write(ctx, e)
	}
	seq, err := r.j.appendAfter(ctx, e, last)
	if errors.Is(err, errOvertaken) {
		if err := r.catchUp(ctx); err != nil {
			return err
		}
		return err
	}
	if err != nil {
		return err
	}
	return r.until(ctx, seq)
}

// rewrap writes all live keys anew, wrapped for the new epoch, and who was erased. What is dropped on the way is not written again.
func (r *Keyring) rewrap(ctx context.Context, c change, at time.Time) error {
	r.mu.RLock()
	ids := slices.Collect(maps.Keys(r.keys))
	again, err := r.goneEntries()
	r.mu.RUnlock()
	if err != nil {
		return err
	}
	for some := range slices.Chunk(ids, MaxBatch) {
		entries, err := r.rewrapped(some, c, at)
		if err == nil {
			err = r.write(ctx, entries...)
		}
		if err != nil {
			return err
		}
	}
	return r.write(ctx, again...)
}

// rewrapped are the entries of those of some keys that live and are wrapped for the old epoch still.
func (r *Keyring) rewrapped(ids []keyID, c change, at time.Time) ([]Entry, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []Entry
	if r.change == nil || r.change.seq != c.seq {
		return nil, nil // another process has ended it
	}
	for _, id := range ids {
		k := r.keys[id]
		if k == nil || r.name(k.epoch) != c.from {
			continue
		}
		raw, err := r.raw(k)
		if err != nil {
			return nil, err
		}
		e, err := r.wrapped(id, owner{k.owner, shardOf(k.owner)}, raw, k.shut, at)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// shardOf is the shard of a key's entry.
func shardOf(owner string) int {
	if p, err := reminder.ParsePersonKey(owner); err == nil {
		return p.Shard()
	}
	return 0
}

// tidy takes away what stands before the last change, and with the entry that began it the way from the old epoch key to the new, once
// nobody needs it any more.
func (r *Keyring) tidy(ctx context.Context, x Rotation) error {
	r.mu.RLock()
	cut := r.cut
	r.mu.RUnlock()
	if cut == 0 || !x.Complete() {
		return nil
	}
	if err := r.j.Purge(ctx, StreamKeys, cut+1); err != nil {
		return err
	}
	r.mu.Lock()
	r.cut = 0
	r.mu.Unlock()
	return nil
}
