package ledger

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func aead(t *testing.T, key byte) cipher.AEAD {
	t.Helper()
	b, err := aes.NewCipher(bytes.Repeat([]byte{key}, 32))
	if err != nil {
		t.Fatal(err)
	}
	a, err := cipher.NewGCMWithRandomNonce(b)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// noise is so many bytes that no two blocks of are alike.
func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// sealedFile writes a snapshot's file and returns its bytes.
func sealedFile(t *testing.T, body []byte) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "snapshot")
	err := rewrite(path, func(w io.Writer) error {
		s := newSealer(aead(t, 1), w)
		for len(body) > 0 {
			n := min(len(body), 100_000)
			if _, err := s.Write(body[:n]); err != nil {
				return err
			}
			body = body[n:]
		}
		return s.end(snapshotFoot{})
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// unsealed reads what a file holds.
func unsealed(t *testing.T, a cipher.AEAD, file []byte) ([]byte, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "snapshot")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, r, err := openSnapshot(a, f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestSnapshotFile(t *testing.T) {
	for _, n := range []int{0, 1, sealedBlock - 1, sealedBlock, sealedBlock + 1, 3*sealedBlock + 500} {
		body := noise(n, 1)
		if got, err := unsealed(t, aead(t, 1), sealedFile(t, body)); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d bytes: %d came back, %v", n, len(got), err)
		}
	}
}

// Whoever can write the file can't make it say anything that was not sealed so.
func TestSnapshotFileThatWasChanged(t *testing.T) {
	const block = sealedBlock + 28 // with nonce and tag
	good, other := sealedFile(t, noise(3*sealedBlock+500, 1)), sealedFile(t, noise(3*sealedBlock+500, 2))
	cat := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	flipped := bytes.Clone(good)
	flipped[block+5] ^= 1
	for name, b := range map[string][]byte{
		"empty":                   nil,
		"three bytes":             good[:3],
		"cut in the body":         good[:2*block],
		"cut in the foot":         good[:len(good)-10],
		"a byte flipped":          flipped,
		"two blocks changed over": cat(good[block:2*block], good[:block], good[2*block:]),
		"a block twice":           cat(good[:block], good),
		"a block less":            good[block:],
		"another's block":         cat(other[:block], good[block:]),
		"another's foot":          cat(good[:3*block+528], other[3*block+528:]),
		"a foot of any length":    cat(good[:len(good)-4], []byte{255, 255, 255, 255}),
	} {
		if got, err := unsealed(t, aead(t, 1), b); !errors.Is(err, errSnapshotFile) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if _, err := unsealed(t, aead(t, 2), good); !errors.Is(err, errSnapshotFile) {
		t.Errorf("with another key: %v", err)
	}
}

// A write that fails leaves the older file, and no half one.
func TestRewriteThatFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	if err := replace(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("full")
	if err := rewrite(path, func(w io.Writer) error {
		_, _ = w.Write([]byte("half"))
		return full
	}); !errors.Is(err, full) {
		t.Error(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "old" {
		t.Errorf("%q, %v", b, err)
	}
	if fs, err := os.ReadDir(filepath.Dir(path)); err != nil || len(fs) != 1 {
		t.Errorf("%d files, %v", len(fs), err)
	}
}

// Who has time rests longer than the work took, and ends at once when there is no more time.
func TestUnhurried(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	u := &unhurried{Writer: io.Discard, ctx: ctx}
	const work = 20 * time.Millisecond
	began := time.Now()
	for range 5 {
		if _, err := u.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(work)
	}
	if took := time.Since(began); took < (5+4*restFor)*work {
		t.Errorf("%v for 5 pieces of work of %v each, want a rest after each but the last", took, work)
	}
	cancel()
	if _, err := u.Write([]byte("x")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
