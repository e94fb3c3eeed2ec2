package journal

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Keyset is the installation's secrets: what pseudonyms, data keys and the broker's storage depend on. It lives in a
// file of its own, outside the broker's storage and outside its backups. Losing it loses every sealed byte.
type Keyset struct {
	Version   int    `json:"version"`   // of this file's format
	Pseudonym []byte `json:"pseudonym"` // PRF of person keys, ids and address hashes
	PRF       int    `json:"prf"`       // version of Pseudonym
	Epoch     []byte `json:"epoch"`     // wraps the data keys
	Snapshot  []byte `json:"snapshot"`  // seals state snapshots
	Broker    []byte `json:"broker"`    // encrypts the embedded broker's storage

	file string // where it was read or written; Rotate puts the next one there
}

// ErrKeyset is returned for a keyset that can't be used.
var ErrKeyset = errors.New("journal: keyset")

// ReadKeyset reads a keyset file. The file must not be readable by others.
func ReadKeyset(path string) (Keyset, error) {
	st, err := os.Stat(path)
	if err != nil {
		return Keyset{}, fmt.Errorf("%w: %w", ErrKeyset, err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return Keyset{}, fmt.Errorf("%w: %s is open to others (%v): chmod 600 it", ErrKeyset, path, st.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Keyset{}, fmt.Errorf("%w: %w", ErrKeyset, err)
	}
	var k Keyset
	if err := json.Unmarshal(b, &k); err != nil {
		return Keyset{}, fmt.Errorf("%w: %s is damaged: restore it from its backup", ErrKeyset, path)
	}
	if k.Version != 1 {
		return Keyset{}, fmt.Errorf("%w: %s has version %d, this program reads 1", ErrKeyset, path, k.Version)
	}
	for _, b := range [][]byte{k.Pseudonym, k.Epoch, k.Snapshot, k.Broker} {
		if len(b) != 32 {
			return Keyset{}, fmt.Errorf("%w: %s lacks a key of 32 bytes: restore it from its backup", ErrKeyset, path)
		}
	}
	k.file = path
	return k, nil
}

// NewKeyset makes fresh keys.
func NewKeyset() Keyset {
	key := func() []byte {
		b := make([]byte, 32)
		_, _ = rand.Read(b)
		return b
	}
	return Keyset{Version: 1, Pseudonym: key(), PRF: 1, Epoch: key(), Snapshot: key(), Broker: key()}
}

// Write writes the keyset to a new file, 0600, synced with its directory. It never overwrites one.
func (k Keyset) Write(path string) error {
	b, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyset, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrKeyset, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // 0600
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyset, err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Link(f.Name(), path) // unlike a rename it fails where there is a file
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s exists", ErrKeyset, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyset, err)
	}
	return nil
}

// replace writes the keyset in the place of was, whose bytes are then written over. A file that has come further than was is left
// alone: another process, which has the same file, was faster.
func (k Keyset) replace(was Keyset) error {
	if k.file == "" {
		return nil
	}
	l := flock.New(k.file+".lock", flock.SetPermissions(0o600))
	if err := l.Lock(); err != nil {
		return fmt.Errorf("%w: %w", ErrKeyset, err)
	}
	defer func() { _ = l.Unlock() }()
	now, err := ReadKeyset(k.file)
	if err != nil {
		return err
	}
	if !bytes.Equal(now.Epoch, was.Epoch) {
		return nil
	}
	old, err := os.OpenFile(k.file, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyset, err)
	}
	defer func() { _ = old.Close() }()
	b, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyset, err)
	}
	if err := swap(k.file, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}); err != nil {
		return err
	}
	// Only now, so that at no moment there is no keyset. What a file system or a disk keeps of old blocks is beyond us.
	st, err := old.Stat()
	if err == nil {
		noise := make([]byte, st.Size())
		_, _ = rand.Read(noise)
		_, err = old.WriteAt(noise, 0)
	}
	if err = errors.Join(err, old.Sync()); err != nil {
		return fmt.Errorf("%w: the old bytes: %w", ErrKeyset, err)
	}
	return nil
}

// syncDir makes a new name in a directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// File is where the keyset was read from; "" when it was not.
func (k Keyset) File() string { return k.file }

// Pseudonyms is the PRF of this keyset.
func (k Keyset) Pseudonyms() (reminder.Pseudonyms, error) {
	return reminder.NewPseudonyms(k.PRF, k.Pseudonym)
}

// ID names the keyset without telling anything of it: 32 hex digits. Processes that share a journal must have the same.
func (k Keyset) ID() string {
	m := hmac.New(sha256.New, k.Pseudonym)
	_, _ = m.Write([]byte("husk keyset id"))
	return hex.EncodeToString(m.Sum(nil)[:16])
}
