package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Holder is a keyset file of an installation whose processes share a broker: as long as one of them has the old epoch key, what was
// dropped is not gone.
type Holder struct {
	ID    string    `json:"id"`
	Host  string    `json:"host"`
	File  string    `json:"file"`
	Epoch string    `json:"epoch"` // the name of the epoch key that is in it
	At    time.Time `json:"at"`    // since when
}

// holderClear is the clear part of a holder entry.
type holderClear struct {
	Holder
	Gone bool `json:"gone,omitempty"` // the file is no more
}

// held takes in what a holder has.
func (r *Keyring) held(e Entry) error {
	var c holderClear
	if err := json.Unmarshal(e.Clear, &c); err != nil {
		return fmt.Errorf("%w: holder entry", ErrFormat)
	}
	c.At = e.At
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Gone {
		delete(r.holders, c.ID)
	} else {
		r.holders[c.ID] = c.Holder
	}
	return nil
}

// announce tells the other processes which epoch key is in this one's keyset file, if they don't know.
func (r *Keyring) announce(ctx context.Context) error {
	r.mu.RLock()
	file, epoch := r.keyset.file, epochName(r.keyset.Epoch)
	r.mu.RUnlock()
	if file == "" {
		return nil
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	if full, err := filepath.Abs(file); err == nil {
		file = full
	}
	sum := sha256.Sum256([]byte(host + "\n" + file))
	h := Holder{ID: hex.EncodeToString(sum[:6]), Host: host, File: file, Epoch: epoch}
	r.mu.RLock()
	known := r.holders[h.ID].Epoch == epoch
	r.mu.RUnlock()
	if known {
		return nil
	}
	return r.tell(ctx, holderClear{Holder: h})
}

func (r *Keyring) tell(ctx context.Context, c holderClear) error {
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return r.write(ctx, Entry{Stream: StreamKeys, Kind: KindHolder, At: time.Now(), Clear: b}) //nolint:forbidigo // for people, who look at a clock
}

// Holders are the keyset files that the processes have told of, by id; none where one process owns the data.
func (r *Keyring) Holders() []Holder {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]Holder, 0, len(r.holders))
	for _, id := range slices.Sorted(maps.Keys(r.holders)) {
		out = append(out, r.holders[id])
	}
	return out
}

// EpochName names the epoch key that is now.
func (r *Keyring) EpochName() string { return epochName(r.Keyset().Epoch) }

// Forget takes a holder's file off the list: somebody has destroyed it. ErrNotFound when there is no such.
func (r *Keyring) Forget(ctx context.Context, id string) error {
	r.mu.RLock()
	h, ok := r.holders[id]
	r.mu.RUnlock()
	if !ok {
		return ErrNotFound
	}
	return r.tell(ctx, holderClear{Holder: h, Gone: true})
}

// waitHolders waits a little until no holder has another epoch key, and returns those who do.
func (r *Keyring) waitHolders(ctx context.Context, epoch string) []Holder {
	deadline := time.After(holderWait)
	for {
		waiting := slices.DeleteFunc(r.Holders(), func(h Holder) bool { return h.Epoch == epoch })
		if len(waiting) == 0 {
			return nil
		}
		select {
		case <-deadline:
			return waiting
		case <-ctx.Done():
			return waiting
		case <-time.After(20 * time.Millisecond):
		}
	}
}
