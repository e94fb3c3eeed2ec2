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
	ID      string `json:"id"`      // 16 hex digits; begins every sealed value
	Owner   string `json:"owner"`   // person key, or "day-2006-01-02" for what belongs to nobody known
	Wrapped []byte `json:"wrapped"` // the key, sealed with the epoch key
}

type keyID [8]byte

// Keyring holds the data keys, one a person, wrapped in HUSK_KEYS. Keys are unwrapped when first used. Those that other
// processes add are followed; two processes that make a person's key at the same time leave two, and both open.
type Keyring struct {
	j     *Journal
	epoch cipher.AEAD
	mu    sync.RWMutex
	owner map[string]keyID // the key new values are sealed with
	keys  map[keyID]*ringKey

	read  uint64        // all keys up to this sequence are known
	moved chan struct{} // closed and replaced when read moves
}

type ringKey struct {
	owner   string
	wrapped []byte
	aead    cipher.AEAD // nil until used
}

// OpenKeyring reads all keys.
func (j *Journal) OpenKeyring(ctx context.Context, k Keyset) (*Keyring, error) {
	epoch, err := newAEAD(k.Epoch)
	if err != nil {
		return nil, err
	}
	r := &Keyring{j: j, epoch: epoch, owner: map[string]keyID{}, keys: map[keyID]*ringKey{}, moved: make(chan struct{})}
	if err := j.Read(ctx, StreamKeys, 1, r.came); err != nil {
		return nil, err
	}
	if j.shared {
		j.wg.Go(r.follow)
	}
	for id := range r.keys {
		if _, err := r.key(id); err != nil { // one is enough to know the epoch key is the right one
			return nil, fmt.Errorf("%w: the epoch key does not fit the stored data keys: use the keyset this data was made with", ErrKeyset)
		}
		break
	}
	return r, nil
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

func (r *Keyring) add(e Entry) error {
	if e.Kind != KindKey {
		return nil
	}
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
	if r.keys[id] == nil { // one of our own comes again from the stream
		r.keys[id] = &ringKey{owner: c.Owner, wrapped: c.Wrapped}
	}
	if _, ok := r.owner[c.Owner]; !ok { // the first in the stream's order is the one in use
		r.owner[c.Owner] = id
	}
	return nil
}

// came adds the stream's next key.
func (r *Keyring) came(e Entry) error {
	if err := r.add(e); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = e.Seq
	close(r.moved)
	r.moved = make(chan struct{})
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
	for err == nil {
		r.mu.RLock()
		there, moved := r.read >= last, r.moved
		r.mu.RUnlock()
		if there {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			err = fmt.Errorf("journal: keys: %w", ctx.Err())
		}
	}
	return err
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

func parseKeyID(s string) (keyID, error) {
	var id keyID
	if n, err := hex.Decode(id[:], []byte(s[:min(len(s), 2*len(id))])); err != nil || n != len(id) {
		return id, fmt.Errorf("%w: key id", ErrFormat)
	}
	return id, nil
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

// EnsureDay makes the key of a day, for what belongs to nobody known, and returns its owner name for Seal.
func (r *Keyring) EnsureDay(ctx context.Context, at time.Time) (reminder.PersonKey, error) {
	name := "day-" + at.UTC().Format(time.DateOnly)
	return reminder.PersonKey(name), r.ensure(ctx, at, []owner{{name, 0}})
}

type owner struct {
	name  string
	shard int
}

func (r *Keyring) ensure(ctx context.Context, at time.Time, owners []owner) error {
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
		c, err := json.Marshal(keyClear{ID: hex.EncodeToString(id[:]), Owner: o.name, Wrapped: r.epoch.Seal(nil, nil, key, []byte(o.name))})
		if err != nil {
			r.mu.RUnlock()
			return fmt.Errorf("journal: %w", err)
		}
		entries = append(entries, Entry{Stream: StreamKeys, Kind: KindKey, Shard: o.shard, At: at, Clear: c})
	}
	r.mu.RUnlock()
	for len(entries) > 0 {
		n := min(len(entries), MaxBatch)
		if _, err := r.j.Append(ctx, entries[:n]...); err != nil {
			return err
		}
		for _, e := range entries[:n] {
			if err := r.add(e); err != nil {
				return err
			}
		}
		entries = entries[n:]
	}
	return nil
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
	if k.aead == nil {
		raw, err := r.epoch.Open(nil, nil, k.wrapped, []byte(k.owner))
		if err != nil {
			return nil, fmt.Errorf("%w: a data key does not open with this epoch key", ErrKeyset)
		}
		if k.aead, err = newAEAD(raw); err != nil {
			return nil, err
		}
	}
	return k.aead, nil
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
