package ledger

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Snapshot says where the sealed snapshot of a state that lives in memory is kept.
type Snapshot struct {
	Path  string // "" = no snapshots
	Key   []byte // 32 bytes, from the keyset
	Every int    // entries between snapshots; 0 = 1,000,000
}

// Snapshotter is a state that can be written and restored as a whole. A Restore that errs leaves the state as it was.
type Snapshotter interface {
	Snapshot(w io.Writer) error
	Restore(r io.Reader) error
}

// snapshotHead stands before the state: the snapshot is of these streams and no others.
type snapshotHead struct {
	Streams map[journal.Stream]string `json:"streams"`
	Read    state.Vector              `json:"read"` // how far the streams had been read
}

func (l *Ledger) snapshotter() (Snapshotter, cipher.AEAD, error) {
	s, ok := l.o.State.(Snapshotter)
	if !ok || l.o.Snapshot.Path == "" {
		return nil, nil, nil
	}
	b, err := aes.NewCipher(l.o.Snapshot.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: snapshot key: %w", err)
	}
	a, err := cipher.NewGCMWithRandomNonce(b)
	return s, a, err
}

// restore fills the state from the snapshot. A snapshot that is absent or damaged is not used: the journal is replayed. So
// is one of other streams, or that has read further than the journal goes; then the journal is a restored one.
func (l *Ledger) restore(ends [state.Streams]journal.End) error {
	s, aead, err := l.snapshotter()
	if s == nil || err != nil {
		return err
	}
	sealed, err := os.ReadFile(l.o.Snapshot.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ledger: snapshot: %w", err)
	}
	head, body, err := openSnapshot(aead, sealed)
	if err != nil {
		l.o.Log.Warn("the snapshot can't be used; the journal is replayed", zap.Error(err))
		return nil
	}
	for i, stream := range folded {
		if head.Streams[stream] != ends[i].ID || head.Read[i] > ends[i].Last {
			l.restored = true
			return nil
		}
	}
	if err := s.Restore(body); err != nil {
		l.o.Log.Warn("the snapshot can't be used; the journal is replayed", zap.Error(err))
	}
	return nil
}

// openSnapshot unseals a snapshot and reads its head; the state follows in the reader.
func openSnapshot(aead cipher.AEAD, sealed []byte) (snapshotHead, io.Reader, error) {
	var head snapshotHead
	plain, err := aead.Open(nil, nil, sealed, []byte("snapshot"))
	if err != nil {
		return head, nil, fmt.Errorf("ledger: snapshot: %w", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(plain))
	if err != nil {
		return head, nil, fmt.Errorf("ledger: snapshot: %w", err)
	}
	d := json.NewDecoder(z)
	if err := d.Decode(&head); err != nil {
		return head, nil, fmt.Errorf("ledger: snapshot: %w", err)
	}
	return head, io.MultiReader(d.Buffered(), z), nil
}

// snapshotDue counts folded entries and reports when it is time for a snapshot. One that fails is tried again when it is
// time for the next.
func (l *Ledger) snapshotDue(n int) bool {
	every := l.o.Snapshot.Every
	if every == 0 {
		every = 1_000_000
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since += n; l.since < every {
		return false
	}
	l.since = 0
	return true
}

// writeSnapshot writes the state's snapshot now, sealed. Where the state lives elsewhere there is nothing to write.
func (l *Ledger) writeSnapshot(read state.Vector) error {
	s, aead, err := l.snapshotter()
	if s == nil || err != nil || l.suspect() {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var plain bytes.Buffer
	z := gzip.NewWriter(&plain)
	if err := json.NewEncoder(z).Encode(snapshotHead{l.names, read}); err != nil {
		return fmt.Errorf("ledger: snapshot: %w", err)
	}
	if err := errors.Join(s.Snapshot(z), z.Close()); err != nil {
		return fmt.Errorf("ledger: snapshot: %w", err)
	}
	if err := replace(l.o.Snapshot.Path, aead.Seal(nil, nil, plain.Bytes(), []byte("snapshot"))); err != nil {
		return fmt.Errorf("ledger: snapshot: %w", err)
	}
	return nil
}

// replace writes a file as a whole or not at all.
func replace(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// level moves every shard's Applied up to what has been read, so that the next start begins there also for shards that
// saw nothing.
func (l *Ledger) level(ctx context.Context, applied *[reminder.Shards]state.Vector, done state.Vector) error {
	for {
		var runs []state.Run
		for shard, from := range applied {
			to := done
			for s := range to {
				to[s] = max(to[s], from[s]) // another projector may have read further
			}
			if to != from {
				runs = append(runs, state.Run{Shard: shard, From: from, To: to})
			}
		}
		if len(runs) == 0 {
			return nil
		}
		for i, err := range l.o.State.Fold(ctx, runs...) {
			shard := runs[i].Shard
			if err == nil {
				applied[shard] = runs[i].To
				continue
			}
			if errors.Is(err, state.ErrStale) {
				applied[shard], err = l.o.State.Applied(ctx, shard)
			}
			if err != nil {
				return fmt.Errorf("ledger: level: %w", err)
			}
		}
	}
}
