package journal

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"
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

// wrapping is a data key as it is wrapped for an epoch.
type wrapping struct {
	wrapped []byte
	epoch   string
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
// An entry that ends a change which has ended, from a process that was held up, says nothing.
func (r *Keyring) ends(e epochClear) (was Keyset, now *Keyset) {
	to := e.To
	if r.ended(to) || (r.ended(e.From) && to != r.latest) {
		return was, nil
	}
	if !r.ended(e.From) { // where it began has been purged
		r.past, r.latest = append(r.past, e.From), to
	}
	r.adopt(to)
	lost := map[string]bool{}
	for id, k := range r.keys {
		if !r.outlives(k, to) {
			delete(r.keys, id)
			if r.owner[k.owner] == id {
				delete(r.owner, k.owner)
				lost[k.owner] = true
			}
		}
	}
	r.findOwners(lost)
	c := r.change
	if c == nil {
		return was, nil
	}
	if c.to != to {
		if r.ended(c.to) { // others have gone on since
			r.change = nil
		}
		return was, nil
	}
	r.change, r.dropped, r.cut = nil, c.late, c.seq
	// Who rewraps for a later change has read of these before.
	maps.DeleteFunc(r.void, func(_ keyID, seq uint64) bool { return seq < c.seq })
	if c.next == nil {
		return was, nil
	}
	was, r.keyset = r.keyset, *c.next
	delete(r.epochs, c.from)
	return was, c.next
}

// outlives reports whether a key lives on after a change to an epoch, and leaves of it what is not over: how it is wrapped for that
// epoch, for one whose key is at hand, or where the key of to is not, for one that can't be told to be old.
func (r *Keyring) outlives(k *ringKey, to string) bool {
	all := slices.DeleteFunc(append([]wrapping{{k.wrapped, k.epoch}}, k.others...), func(w wrapping) bool {
		n := r.name(w.epoch)
		return n != to && (r.ended(n) || r.epochs[n] == nil && r.epochs[to] != nil)
	})
	if len(all) == 0 {
		return false
	}
	k.wrapped, k.epoch, k.others = all[0].wrapped, all[0].epoch, slices.Clip(all[1:])
	if len(k.others) == 0 {
		k.others = nil
	}
	return true
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
		if now, ok := r.owner[k.owner]; lost[k.owner] && k.shut.IsZero() && (!ok || bytes.Compare(id[:], now[:]) < 0) {
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
