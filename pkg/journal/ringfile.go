package journal

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Beside the keyset's file stands one with all data keys as they were wrapped when the epoch key was changed last, and with who was
// erased. A copy of the journal from before that change has them wrapped with a key that is gone; with this file it can be
// restored, and those who were erased since stay erased. It tells nothing without the keyset.

// ringSuffix is what its name has behind the keyset's.
const ringSuffix = ".ring"

// ringLine is a line of the file. The first has Epoch and Past, the others one key or one erased person each.
type ringLine struct {
	Epoch string     `json:"epoch,omitempty"`
	Past  []string   `json:"past,omitempty"`
	Key   *keyClear  `json:"key,omitempty"`
	Gone  *dropClear `json:"gone,omitempty"`
}

// writeRing writes the file.
func (r *Keyring) writeRing() error {
	file := r.Keyset().file
	if file == "" {
		return nil
	}
	r.mu.RLock()
	lines := []ringLine{{Epoch: epochName(r.keyset.Epoch), Past: r.past}}
	for id, k := range r.keys {
		lines = append(lines, ringLine{Key: &keyClear{ID: hex.EncodeToString(id[:]), Owner: k.owner, Wrapped: k.wrapped, Epoch: r.name(k.epoch), Shut: k.shut}})
	}
	for o, at := range r.gone {
		lines = append(lines, ringLine{Gone: &dropClear{Owner: o, At: at}})
	}
	r.mu.RUnlock()
	return swap(file+ringSuffix, func(w io.Writer) error {
		e := json.NewEncoder(w)
		for _, l := range lines {
			if err := e.Encode(l); err != nil {
				return err
			}
		}
		return nil
	})
}

// readRing takes in what the journal lacks of the file, when it is of this epoch: it returns entries that say it again, and the
// epochs before this one.
func (r *Keyring) readRing() ([]Entry, []string, error) {
	if r.keyset.file == "" {
		return nil, nil, nil
	}
	f, err := os.Open(r.keyset.file + ringSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrKeyset, err)
	}
	defer func() { _ = f.Close() }()
	d := json.NewDecoder(bufio.NewReader(f))
	var head ringLine
	if err := d.Decode(&head); err != nil || head.Epoch != epochName(r.keyset.Epoch) {
		return nil, nil, nil // of another epoch, or a file that was cut: the journal has what there is
	}
	var lost []Entry
	for d.More() {
		var l ringLine
		if err := d.Decode(&l); err != nil {
			return nil, nil, fmt.Errorf("%w: %s is damaged: restore it from its backup", ErrKeyset, r.keyset.file+ringSuffix)
		}
		e, err := r.lost(l)
		if err != nil {
			return nil, nil, err
		}
		if e.Kind == "" {
			continue
		}
		if err := r.take(e); err != nil {
			return nil, nil, err
		}
		lost = append(lost, e)
	}
	return lost, head.Past, nil
}

// lost is the entry of a line that the journal lacks; a zero one when it does not.
func (r *Keyring) lost(l ringLine) (Entry, error) {
	switch {
	case l.Key != nil:
		id, err := parseKeyID(l.Key.ID)
		if err != nil {
			return Entry{}, err
		}
		// One that was dropped since stands nowhere in the journal, as one that was lost; so only what is there is mended, in a
		// journal that has been set back.
		if k := r.keys[id]; k == nil || r.epochs[r.name(k.epoch)] != nil && k.epoch != "" {
			return Entry{}, nil
		}
		b, err := json.Marshal(l.Key)
		return Entry{Stream: StreamKeys, Kind: KindKey, Shard: shardOf(l.Key.Owner), At: time.Now(), Clear: b}, err //nolint:forbidigo // for people, who look at a clock
	case l.Gone != nil:
		if !l.Gone.At.After(r.gone[l.Gone.Owner]) {
			return Entry{}, nil
		}
		return dropEntry(*l.Gone, l.Gone.At)
	}
	return Entry{}, nil
}

// swap writes a file as a whole or not at all, synced, 0600.
func swap(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // 0600
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyset, err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	w := bufio.NewWriter(f)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyset, err)
	}
	return nil
}
