package journal

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// epochClear is the clear part of an epoch entry. The one that begins a change bears the next epoch and snapshot key, sealed
// with the epoch key that ends: who has that reads it, and nobody who has only a later one. The one that ends it has Done.
type epochClear struct {
	From string `json:"from"`
	To   string `json:"to"`
	Next []byte `json:"next,omitempty"`
	Done bool   `json:"done,omitempty"`
}

// change is a change of epochs under way.
type change struct {
	from, to string
	seq      uint64  // of the entry that began it
	next     *Keyset // nil = the keyset of this process is further already, or can't follow
	late     bool    // keys were dropped since it began
}

// epochName names an epoch key without telling anything of it: 16 hex digits.
func epochName(key []byte) string {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte("husk epoch"))
	return hex.EncodeToString(m.Sum(nil)[:8])
}

// name is an epoch as key entries have it, by its name. The caller holds mu, as in all below.
func (r *Keyring) name(epoch string) string {
	if epoch == "" {
		return r.first
	}
	return epoch
}

// ended reports whether an epoch is over.
func (r *Keyring) ended(epoch string) bool { return slices.Contains(r.past, r.name(epoch)) }

// changed takes in that an epoch ends, or has ended.
func (r *Keyring) changed(e Entry) error {
	var c epochClear
	if err := json.Unmarshal(e.Clear, &c); err != nil {
		return fmt.Errorf("%w: epoch entry", ErrFormat)
	}
	r.mu.Lock()
	if !c.Done {
		defer r.mu.Unlock()
		return r.begins(c, e.Seq)
	}
	was, now := r.ends(c)
	r.mu.Unlock()
	if now != nil {
		r.persist(was, *now)
	}
	return nil
}

// begins begins a change. Of two from one epoch the first counts.
func (r *Keyring) begins(c epochClear, seq uint64) error {
	if r.ended(c.From) {
		return nil
	}
	if len(r.past) == 0 {
		r.first = c.From // only the first epoch's keys don't name it
	}
	r.past, r.latest = append(r.past, c.From), c.To
	r.change = &change{from: c.From, to: c.To, seq: seq}
	from := r.epochs[c.From]
	if from == nil {
		return nil
	}
	keys, err := from.Open(nil, nil, c.Next, []byte(c.From+c.To))
	if err != nil || len(keys) != 64 || epochName(keys[:32]) != c.To {
		return fmt.Errorf("%w: epoch entry", ErrFormat)
	}
	next := r.keyset
	next.Epoch, next.Snapshot = bytes.Clone(keys[:32]), bytes.Clone(keys[32:])
	if r.epochs[c.To], err = newAEAD(next.Epoch); err != nil {
		return err
	}
	r.change.next, r.epoch = &next, c.To
	return nil
}

// ends ends a change: what was not rewrapped is gone. It returns the keyset that was and the one that is, if it is to be written.
func (r *Keyring) ends(e epochClear) (was Keyset, now *Keyset) {
	to := e.To
	if !slices.Contains(r.past, e.From) { // where it began has been purged
		r.past, r.latest = append(r.past, e.From), to
	}
	r.adopt(to)
	lost := map[string]bool{}
	for id, k := range r.keys {
		if r.name(k.epoch) != to {
			delete(r.keys, id)
			if r.owner[k.owner] == id {
				delete(r.owner, k.owner)
				lost[k.owner] = true
			}
		}
	}
	r.findOwners(lost)
	c := r.change
	if c == nil || c.to != to {
		return was, nil
	}
	r.change, r.dropped, r.cut = nil, c.late, c.seq
	if c.next == nil {
		return was, nil
	}
	was, r.keyset = r.keyset, *c.next
	delete(r.epochs, c.from)
	return was, c.next
}

// adopt takes the epoch key from the keyset's file, for a process that was held up so long that it can't follow by the stream: all
// others went on, one of them with the same file.
func (r *Keyring) adopt(epoch string) {
	if r.epochs[epoch] != nil || r.keyset.file == "" {
		return
	}
	k, err := ReadKeyset(r.keyset.file)
	if err != nil || epochName(k.Epoch) != epoch {
		return
	}
	if aead, err := newAEAD(k.Epoch); err == nil {
		r.keyset, r.epoch, r.epochs = k, epoch, map[string]cipher.AEAD{epoch: aead}
	}
}

// findOwners gives owners who lost the key in use another of theirs, if they have one.
func (r *Keyring) findOwners(lost map[string]bool) {
	if len(lost) == 0 {
		return
	}
	for id, k := range r.keys {
		if now, ok := r.owner[k.owner]; lost[k.owner] && (!ok || bytes.Compare(id[:], now[:]) < 0) {
			r.owner[k.owner] = id
		}
	}
}

// persist puts a keyset in the place of the one in the file. While it can't, the file still has the old epoch key, and no change
// is complete.
func (r *Keyring) persist(was, now Keyset) {
	err := r.writeRing()
	if err == nil {
		err = now.replace(was)
	}
	if err != nil {
		r.j.log.Error("the keyset's file can't be replaced: it keeps the old epoch key, and what was erased is not gone", zap.Error(err))
	}
	r.mu.Lock()
	r.stuck = err
	r.mu.Unlock()
	if err == nil && now.file != "" {
		r.j.log.Warn("the epoch key has changed: put the keyset and the file beside it in the place of the copies that you keep, and destroy those",
			zap.String("file", now.file))
	}
	if err == nil && r.j.shared {
		r.j.wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), missWait)
			defer cancel()
			if err := r.announce(ctx); err != nil {
				r.j.log.Warn("not told that the old epoch key is destroyed here", zap.Error(err))
			}
		})
	}
}

// Rotation is what Rotate came to.
type Rotation struct {
	Epoch string `json:"epoch"` // the name of the epoch key that is now
	Keys  int    `json:"keys"`  // data keys that live on, rewrapped
	// Waiting are the holders of keyset files that have the old epoch key still: until they have followed, what was dropped can
	// be read with theirs.
	Waiting []Holder `json:"waiting,omitempty"`
}

// Complete reports whether the old epoch key is gone from every keyset file.
func (x Rotation) Complete() bool { return len(x.Waiting) == 0 }

// Due reports whether there is something for Rotate to do: dropped keys to destroy, or a change that was not brought to its end.
func (r *Keyring) Due() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.dropped || r.change != nil || r.stuck != nil || r.cut > 0
}

// holderWait is how long Rotate waits for the files of other processes.
const holderWait = 5 * time.Second

// Rotate destroys what Drop has dropped. It begins a new epoch: all live data keys are wrapped with a new epoch key, which takes
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
	if x, ok := r.rest(ctx); ok {
		return x, r.tidy(ctx, x)
	}
	c, err := r.beginChange(ctx, at)
	if err != nil {
		return Rotation{}, err
	}
	kept, err := r.rewrap(ctx, c, at)
	if err != nil {
		return Rotation{}, err
	}
	if err := r.epochEntry(ctx, at, epochClear{From: c.from, To: c.to, Done: true}); err != nil {
		return Rotation{}, err
	}
	if err := r.isStuck(); err != nil {
		return Rotation{}, err
	}
	x := Rotation{Epoch: c.to, Keys: kept, Waiting: r.waitHolders(ctx, c.to)}
	return x, r.tidy(ctx, x)
}

// rest is the last change, where nothing but the files of others is waited for since.
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
		c, from := r.change, r.epoch
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
		err := r.epochEntry(ctx, at, epochClear{From: from, To: to, Next: aead.Seal(nil, nil, keys, []byte(from+to))})
		r.making.Unlock()
		if err != nil {
			return change{}, err
		}
	}
}

func (r *Keyring) epochEntry(ctx context.Context, at time.Time, c epochClear) error {
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return r.write(ctx, Entry{Stream: StreamKeys, Kind: KindEpoch, At: at, Clear: b})
}

// rewrap writes all live keys anew, wrapped for the new epoch, and who was erased. It returns how many keys live.
func (r *Keyring) rewrap(ctx context.Context, c change, at time.Time) (int, error) {
	r.mu.Lock()
	n := 0
	var entries []Entry
	var err error
	for id, k := range r.keys {
		if n++; r.name(k.epoch) != c.from {
			continue
		}
		var raw []byte
		if raw, err = r.raw(k); err != nil {
			break
		}
		var e Entry
		if e, err = r.wrapped(id, owner{k.owner, shardOf(k.owner)}, raw, at); err != nil {
			break
		}
		entries = append(entries, e)
	}
	if err == nil {
		var again []Entry
		again, err = r.goneEntries()
		entries = append(entries, again...)
	}
	r.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return n, r.write(ctx, entries...)
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

// Keyset is the keyset as it is now.
func (r *Keyring) Keyset() Keyset {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.keyset
}

// fit finds out whether the keyset is that of the keys that were read. past are the epochs that the file beside the keyset tells
// of.
func (r *Keyring) fit(past []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.latest != "" && r.epochs[r.latest] == nil && !slices.Contains(past, r.latest) {
		return fmt.Errorf("%w: it is older than the data: copy the file from a process that works, or from a newer backup", ErrKeyset)
	}
	fits := len(r.keys) == 0
	for _, k := range r.keys { // one is enough to know the epoch key is the right one
		if k.epoch != "" {
			continue
		}
		if _, err := r.unwrap(k); err == nil {
			fits = true
		} else if len(past) > 0 { // the journal was restored, from before the epoch key was changed
			r.first = past[0]
		}
		break
	}
	for _, k := range r.keys {
		if k.epoch != "" && r.epochs[k.epoch] != nil {
			if _, err := r.unwrap(k); err != nil {
				return err
			}
			fits = true
			break
		}
	}
	if !fits {
		return fmt.Errorf("%w: the epoch key does not fit the stored data keys: use the keyset this data was made with", ErrKeyset)
	}
	return nil
}
