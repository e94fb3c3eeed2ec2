package ledger

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/state"
)

// A snapshot's file is its body in sealed blocks, each of sealedBlock plain bytes but the last, then the sealed foot, then the
// foot's length in four bytes. A block is bound to its file and place, so that blocks of two snapshots can't be mixed.
const sealedBlock = 1 << 20

// snapshotFoot stands behind the state: the snapshot is of these streams and no others.
type snapshotFoot struct {
	File    []byte                    `json:"file"` // random
	Blocks  uint64                    `json:"blocks"`
	Streams map[journal.Stream]string `json:"streams"`
	Read    state.Vector              `json:"read"` // how far the streams had been read
}

var footBound = []byte("snapshot foot")

// boundTo is what a block is bound to.
func boundTo(file []byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte("snapshot block "), file...), n)
}

// sealer seals what is written to it, block by block.
type sealer struct {
	aead   cipher.AEAD
	w      io.Writer
	file   []byte
	blocks uint64
	plain  bytes.Buffer
	sealed []byte
}

func newSealer(aead cipher.AEAD, w io.Writer) *sealer {
	s := &sealer{aead: aead, w: w, file: make([]byte, 16)}
	_, _ = rand.Read(s.file) // it never fails
	return s
}

// Write implements io.Writer.
func (s *sealer) Write(b []byte) (int, error) {
	_, _ = s.plain.Write(b) // it never fails
	for s.plain.Len() >= sealedBlock {
		if err := s.seal(s.plain.Next(sealedBlock)); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (s *sealer) seal(block []byte) error {
	s.sealed = s.aead.Seal(s.sealed[:0], nil, block, boundTo(s.file, s.blocks))
	s.blocks++
	_, err := s.w.Write(s.sealed)
	return err
}

// end writes the last block and the foot.
func (s *sealer) end(foot snapshotFoot) error {
	if s.plain.Len() > 0 {
		if err := s.seal(s.plain.Bytes()); err != nil {
			return err
		}
	}
	foot.File, foot.Blocks = s.file, s.blocks
	b, err := json.Marshal(foot)
	if err != nil {
		return err
	}
	b = s.aead.Seal(nil, nil, b, footBound)
	_, err = s.w.Write(binary.BigEndian.AppendUint32(b, uint32(len(b))))
	return err
}

// errSnapshotFile means that a file is no snapshot of this program, or not whole.
var errSnapshotFile = errors.New("ledger: snapshot: not a snapshot, or not whole")

// openSnapshot unseals a snapshot's foot; the state follows in the reader.
func openSnapshot(aead cipher.AEAD, f *os.File) (snapshotFoot, io.Reader, error) {
	var foot snapshotFoot
	st, err := f.Stat()
	if err != nil {
		return foot, nil, fmt.Errorf("ledger: snapshot: %w", err)
	}
	const footMost = 1 << 16
	size := st.Size()
	tail := make([]byte, min(size, footMost))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return foot, nil, fmt.Errorf("ledger: snapshot: %w", err)
	}
	if len(tail) < 4 {
		return foot, nil, errSnapshotFile
	}
	length := tail[len(tail)-4:]
	tail = tail[:len(tail)-4]
	n := int64(binary.BigEndian.Uint32(length))
	if n > int64(len(tail)) {
		return foot, nil, errSnapshotFile
	}
	plain, err := aead.Open(nil, nil, tail[int64(len(tail))-n:], footBound)
	if err != nil || json.Unmarshal(plain, &foot) != nil {
		return foot, nil, errSnapshotFile
	}
	return foot, &opener{aead: aead, r: io.NewSectionReader(f, 0, size-4-n), foot: foot}, nil
}

// opener reads what a sealer wrote.
type opener struct {
	aead   cipher.AEAD
	r      io.Reader
	foot   snapshotFoot
	blocks uint64 // read
	sealed []byte
	plain  []byte // read and not given out
}

// Read implements io.Reader. It gives out nothing that was not sealed so.
func (o *opener) Read(b []byte) (int, error) {
	if len(o.plain) == 0 {
		if o.blocks == o.foot.Blocks {
			return 0, io.EOF
		}
		if o.sealed == nil {
			o.sealed = make([]byte, sealedBlock+o.aead.Overhead())
		}
		n, err := io.ReadFull(o.r, o.sealed)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, errSnapshotFile
		}
		if o.plain, err = o.aead.Open(nil, nil, o.sealed[:n], boundTo(o.foot.File, o.blocks)); err != nil {
			return 0, errSnapshotFile
		}
		o.blocks++
	}
	n := copy(b, o.plain)
	o.plain = o.plain[n:]
	return n, nil
}

// rewrite writes a file as a whole or not at all.
func rewrite(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	return os.Rename(path+".new", path)
}

// replace writes a file of these bytes as a whole or not at all.
func replace(path string, b []byte) error {
	return rewrite(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}
