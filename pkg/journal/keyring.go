package journal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// ErrErased is returned for sealed bytes whose data key is gone: the person was erased, or the key never was.
var ErrErased = errors.New("journal: the data key is gone")

// ErrDisconnected is returned for what can't be said without the broker, which does not answer now.
var ErrDisconnected = errors.New("journal: the broker does not answer")

// keyClear is the clear part of a key entry.
type keyClear struct {
	ID      string `json:"id"`              // 16 hex digits; begins every sealed value
	Owner   string `json:"owner"`           // person key, or "day-2006-01-02" for what belongs to nobody known
	Wrapped []byte `json:"wrapped"`         // the key, sealed with the epoch key
	Epoch   string `json:"epoch,omitempty"` // names that epoch key; "" = the first, of releases that knew no other
	// Shut is since when a key that is wrapped anew seals nothing more; zero = it does.
	Shut time.Time `json:"shut,omitzero"`
}

type keyID [8]byte

// Keyring holds the data keys, one a person, wrapped in HUSK_KEYS. Keys are unwrapped when first used. Those that other
// processes add are followed; two processes that make a person's key at the same time leave two, and both open.
//
// DropShut and Retire take keys out of use, Rotate destroys them: see there.
type Keyring struct {
	j      *Journal
	turn   sync.Mutex   // one Rotate at a time
	making sync.RWMutex // held for reading while keys are made, so that an epoch ends when none is

	mu      sync.RWMutex
	keyset  Keyset
	epochs  map[string]cipher.AEAD // the epoch keys at hand, by name: the one in use, and while keys are rewrapped the next
	epoch   string                 // what new keys are wrapped with
	first   string                 // what "" names in key entries; "" = an epoch key that is not at hand
	past    []string               // epochs that have ended, the oldest first
	latest  string                 // what the last of them led to; "" = none has ended
	change  *change                // under way; nil = none
	cut     uint64                 // of the change that ended last, where it began, until what stands before it is purged
	stuck   error                  // why the keyset's file could not be replaced
	dropped bool                   // a key was dropped that is not destroyed yet
	void    map[keyID]uint64       // keys that were dropped, by the entry that did: no later entry brings them back
	owner   map[string]keyID       // the key new values are sealed with
	keys    map[keyID]*ringKey
	gone    map[string]time.Time // who was erased, and when last
	holders map[string]Holder    // whose files have an epoch key, by id

	read  uint64        // all entries up to this sequence are known
	zero  uint64        // the last of them that stands in the shard of epoch entries
	moved chan struct{} // closed and replaced when read moves
}

type ringKey struct {
	owner   string
	wrapped []byte
	epoch   string
	aead    cipher.AEAD // nil until used
	shut    time.Time   // since when it opens, and seals nothing more; zero = it does
	others  []wrapping  // as it came for epochs of which it is not known yet which are over
}

// OpenKeyring reads all keys. It goes on from where a process that died had come in Rotate.
func (j *Journal) OpenKeyring(ctx context.Context, k Keyset) (*Keyring, error) {
	epoch, err := newAEAD(k.Epoch)
	if err != nil {
		return nil, err
	}
	name := epochName(k.Epoch)
	r := &Keyring{
		j: j, keyset: k, epochs: map[string]cipher.AEAD{name: epoch}, epoch: name, first: name, owner: map[string]keyID{}, keys: map[keyID]*ringKey{},
		gone: map[string]time.Time{}, holders: map[string]Holder{}, void: map[keyID]uint64{}, moved: make(chan struct{}),
	}
	if err := j.Read(ctx, StreamKeys, 1, r.came); err != nil {
		return nil, err
	}
	lost, past, err := r.readRing()
	if err == nil {
		err = r.fit(past)
	}
	if err != nil {
		return nil, err
	}
	if j.shared {
		j.wg.Go(r.follow)
		if err := r.announce(ctx); err != nil {
			return nil, err
		}
	}
	return r, r.write(ctx, lost...)
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	a, err := cipher.NewGCMWithRandomNonce(b)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return a, nil
}

// take takes an entry of the stream in, in the stream's order.
func (r *Keyring) take(e Entry) error {
	switch e.Kind {
	case KindKey:
		return r.add(e)
	case KindDrop:
		return r.drop(e)
	case KindEpoch:
		return r.changed(e)
	case KindHolder:
		return r.held(e)
	}
	return nil
}

func (r *Keyring) add(e Entry) error {
	var c keyClear
	if err := json.Unmarshal(e.Clear, &c); err != nil {
		return fmt.Errorf("%w: key entry", ErrFormat)
	}
	id, err := parseKeyID(c.ID)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended(c.Epoch) {
		return nil // wrapped with the old epoch key after the new epoch had begun: whoever made it makes another
	}
	if _, void := r.void[id]; void {
		r.waits(c.Owner) // it was on its way when it was dropped, and stands in the stream now
		return nil
	}
	k := r.keys[id]
	switch {
	case k == nil:
		r.keys[id] = &ringKey{owner: c.Owner, wrapped: c.Wrapped, epoch: c.Epoch}
	case k.epoch != c.Epoch: // rewrapped, or where the beginning of a change has been purged, late for the epoch before
		if !r.ended(k.epoch) {
			k.others = append(k.others, wrapping{k.wrapped, k.epoch})
		}
		k.wrapped, k.epoch = c.Wrapped, c.Epoch
	}
	if !c.Shut.IsZero() {
		r.shut(id, c.Shut)
	}
	if _, ok := r.owner[c.Owner]; !ok && r.keys[id].shut.IsZero() { // the first in the stream's order is the one in use
		r.owner[c.Owner] = id
	}
	return nil
}

// came takes the stream's next entry in.
func (r *Keyring) came(e Entry) error {
	if err := r.take(e); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = e.Seq
	if e.Shard == epochShard {
		r.zero = e.Seq
	}
	close(r.moved)
	r.moved = make(chan struct{})
	return nil
}

// write appends entries and returns when they are taken in.
func (r *Keyring) write(ctx context.Context, entries ...Entry) error {
	for len(entries) > 0 {
		n := min(len(entries), MaxBatch)
		ps, err := r.j.Append(ctx, entries[:n]...)
		if err != nil {
			return err
		}
		if r.j.shared { // in the order of all processes
			if err := r.until(ctx, ps[n-1].Seq); err != nil {
				return err
			}
		} else {
			for i, e := range entries[:n] {
				e.Seq = ps[i].Seq
				if err := r.take(e); err != nil {
					return err
				}
			}
		}
		entries = entries[n:]
	}
	return nil
}

// follow adds the keys that come, until the journal is closed.
func (r *Keyring) follow() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-r.j.quit:
			cancel()
		case <-ctx.Done():
		}
	}()
	for ctx.Err() == nil {
		r.mu.RLock()
		next := r.read + 1
		r.mu.RUnlock()
		if err := r.j.Follow(ctx, StreamKeys, next, func(es []Entry) error { return r.came(es[0]) }); err != nil && ctx.Err() == nil {
			r.j.log.Warn("the data keys of other processes can't be followed", zap.Error(err))
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}

// catchUp returns when all keys are known that are in the stream now.
func (r *Keyring) catchUp(ctx context.Context) error {
	last, err := r.j.last(ctx, StreamKeys)
	if err != nil {
		return err
	}
	return r.until(ctx, last)
}

// until returns when all entries up to seq are known.
func (r *Keyring) until(ctx context.Context, seq uint64) error {
	for {
		r.mu.RLock()
		there, moved := r.read >= seq, r.moved
		r.mu.RUnlock()
		if there {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("journal: keys: %w", ctx.Err())
		case <-r.j.quit:
			return fmt.Errorf("%w: closed", ErrRefused)
		}
	}
}

// missWait is how long reading the keys of other processes may take.
const missWait = 10 * time.Second

// missed waits for what other processes have added, where there are any, since this one lacks a key.
func (r *Keyring) missed() error {
	if !r.j.shared {
		return nil
	}
	if !r.j.nc.IsConnected() {
		return fmt.Errorf("%w: keys can't be read", ErrDisconnected)
	}
	ctx, cancel := context.WithTimeout(context.Background(), missWait)
	defer cancel()
	if err := r.catchUp(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	return nil
}

// Ensure makes the data keys that persons lack. They are on disk when it returns: no entry is ever sealed with a key that
// could be lost.
func (r *Keyring) Ensure(ctx context.Context, at time.Time, persons ...reminder.PersonKey) error {
	owners := make([]owner, 0, len(persons))
	for _, p := range persons {
		owners = append(owners, owner{string(p), p.Shard()})
	}
	return r.ensure(ctx, at, owners)
}

// dayPrefix begins the owner's name of the key of a day.
const dayPrefix = "day-"

// EnsureDay makes the key of a day, for what belongs to nobody known, and returns its owner name for Seal.
func (r *Keyring) EnsureDay(ctx context.Context, at time.Time) (reminder.PersonKey, error) {
	name := dayPrefix + at.UTC().Format(time.DateOnly)
	return reminder.PersonKey(name), r.ensure(ctx, at, []owner{{name, 0}})
}

// EnsureNamed makes the key of a name of the caller's choice that is no person's.
func (r *Keyring) EnsureNamed(ctx context.Context, at time.Time, name reminder.PersonKey) error {
	return r.ensure(ctx, at, []owner{{string(name), shardOf(string(name))}})
}

type owner struct {
	name  string
	shard int
}

func (r *Keyring) ensure(ctx context.Context, at time.Time, owners []owner) error {
	for {
		missing, err := r.make(ctx, at, owners)
		if err != nil || missing == 0 || !r.j.shared {
			return err
		}
		// A new epoch may have begun before them, which voids them: then they are made again.
	}
}

// make makes the keys that owners lack, and returns for how many it did.
func (r *Keyring) make(ctx context.Context, at time.Time, owners []owner) (int, error) {
	r.making.RLock()
	defer r.making.RUnlock()
	var entries []Entry
	seen := map[string]bool{}
	r.mu.RLock()
	for _, o := range owners {
		if _, ok := r.owner[o.name]; ok || seen[o.name] {
			continue
		}
		seen[o.name] = true
		var id keyID
		key := make([]byte, 32)
		_, _ = rand.Read(id[:])
		_, _ = rand.Read(key)
		e, err := r.wrapped(id, o, key, time.Time{}, at)
		if err != nil {
			r.mu.RUnlock()
			return 0, err
		}
		entries = append(entries, e)
	}
	r.mu.RUnlock()
	return len(entries), r.write(ctx, entries...)
}

// wrapped is the entry of a key, wrapped for the epoch that is now. The caller holds mu.
func (r *Keyring) wrapped(id keyID, o owner, key []byte, shut, at time.Time) (Entry, error) {
	c, err := json.Marshal(keyClear{
		ID: hex.EncodeToString(id[:]), Owner: o.name, Wrapped: r.epochs[r.epoch].Seal(nil, nil, key, []byte(o.name)), Epoch: r.epoch, Shut: shut,
	})
	if err != nil {
		return Entry{}, fmt.Errorf("journal: %w", err)
	}
	return Entry{Stream: StreamKeys, Kind: KindKey, Shard: o.shard, At: at, Clear: c}, nil
}

func (r *Keyring) find(id keyID) *ringKey {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.keys[id]
}

// key unwraps a key. That it is gone is said only when the whole stream was read.
func (r *Keyring) key(id keyID) (cipher.AEAD, error) {
	k := r.find(id)
	if k == nil {
		if err := r.missed(); err != nil {
			return nil, err
		}
		if k = r.find(id); k == nil {
			return nil, ErrErased
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unwrap(k)
}

// unwrap makes a key fit for use; ErrErased when its epoch key is gone. The caller holds mu.
func (r *Keyring) unwrap(k *ringKey) (cipher.AEAD, error) {
	if k.aead != nil {
		return k.aead, nil
	}
	raw, err := r.raw(k)
	if err != nil {
		return nil, err
	}
	k.aead, err = newAEAD(raw)
	return k.aead, err
}

func (r *Keyring) raw(k *ringKey) ([]byte, error) {
	epoch := r.epochs[r.name(k.epoch)]
	if epoch == nil {
		return nil, ErrErased
	}
	raw, err := epoch.Open(nil, nil, k.wrapped, []byte(k.owner))
	if err != nil {
		return nil, fmt.Errorf("%w: a data key does not open with this epoch key", ErrKeyset)
	}
	return raw, nil
}

// Seal seals plain for a person, bound to the person and to what it is ("appointment", "address", …). Ensure must have
// been called for the person.
func (r *Keyring) Seal(p reminder.PersonKey, what string, plain []byte) ([]byte, error) {
	id, ok := r.sealsWith(p)
	if !ok {
		if err := r.missed(); err != nil {
			return nil, err
		}
		if id, ok = r.sealsWith(p); !ok {
			return nil, ErrErased
		}
	}
	k, err := r.key(id)
	if err != nil {
		return nil, err
	}
	return k.Seal(id[:], nil, plain, bind(p, what)), nil
}

func (r *Keyring) sealsWith(p reminder.PersonKey) (keyID, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	id, ok := r.owner[string(p)]
	return id, ok
}

// Open reads what Seal sealed. ErrErased when the key is gone.
func (r *Keyring) Open(p reminder.PersonKey, what string, sealed []byte) ([]byte, error) {
	var id keyID
	if len(sealed) < len(id) {
		return nil, fmt.Errorf("%w: sealed value too short", ErrFormat)
	}
	copy(id[:], sealed)
	k, err := r.key(id)
	if err != nil {
		return nil, err
	}
	plain, err := k.Open(nil, nil, sealed[len(id):], bind(p, what))
	if err != nil {
		return nil, fmt.Errorf("%w: a sealed %s does not open", ErrFormat, what)
	}
	return plain, nil
}

func bind(p reminder.PersonKey, what string) []byte { return []byte(string(p) + "|" + what) }
