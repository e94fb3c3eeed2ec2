package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// filed is a fresh keyset in a file of its own.
func filed(t *testing.T) journal.Keyset {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyset.json")
	if err := journal.NewKeyset().Write(path); err != nil {
		t.Fatal(err)
	}
	return reread(t, path)
}

func reread(t *testing.T, path string) journal.Keyset {
	t.Helper()
	k, err := journal.ReadKeyset(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal(t *testing.T, r *journal.Keyring, p reminder.PersonKey, plain string) []byte {
	t.Helper()
	if err := r.Ensure(t.Context(), noon, p); err != nil {
		t.Fatal(err)
	}
	b, err := r.Seal(p, "x", []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantOpen opens a sealed value, or with "" wants it erased.
func wantOpen(t *testing.T, what string, r *journal.Keyring, p reminder.PersonKey, sealed []byte, plain string) {
	t.Helper()
	b, err := r.Open(p, "x", sealed)
	if plain == "" {
		if !errors.Is(err, journal.ErrErased) {
			t.Errorf("%s: %q, %v; want it erased", what, b, err)
		}
	} else if err != nil || string(b) != plain {
		t.Errorf("%s: %q, %v; want %q", what, b, err, plain)
	}
}

// copyKeys writes the key stream of one journal into another, as a backup that was taken now would have it.
func copyKeys(t *testing.T, from *journal.Journal) *journal.Journal {
	t.Helper()
	to := newBroker(t).open(0)
	if err := from.Read(t.Context(), journal.StreamKeys, 1, func(e journal.Entry) error {
		_, err := to.Append(t.Context(), e)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return to
}

func drop(t *testing.T, r *journal.Keyring, ps ...reminder.PersonKey) {
	t.Helper()
	shut, err := r.Shut(t.Context(), noon, ps...)
	if err == nil {
		err = r.DropShut(t.Context(), noon, shut)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func rotate(t *testing.T, r *journal.Keyring) journal.Rotation {
	t.Helper()
	x, err := r.Rotate(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestRotate(t *testing.T) {
	j := newBroker(t).open(0)
	keyset := filed(t)
	file := keyset.File()
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	held, err := os.Open(file) // the old bytes, under whatever name
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	r := openKeys(t, j, keyset)
	gone, stays := seal(t, r, person(1), "gone"), seal(t, r, person(2), "stays")
	backup := copyKeys(t, j)
	wantOpen(t, "in the copy, before", openKeys(t, backup, keyset), person(1), gone, "gone")

	drop(t, r, person(1))
	wantOpen(t, "dropped", r, person(1), gone, "")
	if !r.Due() {
		t.Error("nothing to destroy")
	}
	x := rotate(t, r)
	if !x.Complete() || x.Keys != 1 || r.Due() {
		t.Errorf("%+v, due %v", x, r.Due())
	}
	now := reread(t, file)
	if bytes.Equal(now.Epoch, keyset.Epoch) || bytes.Equal(now.Snapshot, keyset.Snapshot) || !bytes.Equal(now.Pseudonym, keyset.Pseudonym) || now.ID() != keyset.ID() {
		t.Error("the keyset's file is not of the next epoch")
	}
	old := make([]byte, len(before))
	if n, err := held.ReadAt(old, 0); err != nil || n != len(before) || bytes.Contains(old, []byte("epoch")) {
		t.Errorf("the old file's bytes are there still: %v", err)
	}
	wantOpen(t, "another's", r, person(2), stays, "stays")

	for name, r := range map[string]*journal.Keyring{"this process": r, "restarted": openKeys(t, j, now)} {
		wantOpen(t, name, r, person(1), gone, "")
		wantOpen(t, name, r, person(2), stays, "stays")
		if at, ok := r.Erased(person(1)); !ok || !at.Equal(noon) {
			t.Errorf("%s: erased at %v, %v", name, at, ok)
		}
		if _, ok := r.Erased(person(2)); ok {
			t.Errorf("%s: another is erased", name)
		}
	}
	if end, err := j.End(t.Context(), journal.StreamKeys); err != nil || end.First < 4 {
		t.Errorf("the stream begins at %d, %v: the keys of the old epoch are there still", end.First, err)
	}
	// Without the file beside the keyset, nothing in the copy opens; with it, what lives.
	if err := os.Rename(file+".ring", file+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.OpenKeyring(t.Context(), now); !errors.Is(err, journal.ErrKeyset) {
		t.Errorf("the copy with the keyset alone: %v", err)
	}
	if err := os.Rename(file+".away", file+".ring"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"restored", "restored and restarted"} {
		r := openKeys(t, backup, now)
		wantOpen(t, name, r, person(1), gone, "")
		wantOpen(t, name, r, person(2), stays, "stays")
		if _, ok := r.Erased(person(1)); !ok {
			t.Errorf("%s: nobody is erased", name)
		}
	}
	// Who comes back has a new key, and a keyset that was left behind fits no more.
	again := seal(t, r, person(1), "again")
	wantOpen(t, "who came back", r, person(1), again, "again")
	kept := filepath.Join(t.TempDir(), "keyset.json")
	if err := os.WriteFile(kept, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := j.OpenKeyring(t.Context(), reread(t, kept)); !errors.Is(err, journal.ErrKeyset) {
		t.Errorf("a copy of the old keyset: %v", err)
	}
	// And once more.
	rotate(t, r)
	wantOpen(t, "in the third epoch", openKeys(t, j, reread(t, file)), person(1), again, "again")
}

// A process that dies on the way goes on from where it was.
func TestRotateInterrupted(t *testing.T) {
	for _, cut := range []string{`"k":"epoch"`, `"k":"key"`, `"done":true`} {
		t.Run(cut, func(t *testing.T) {
			b := newBroker(t)
			j := b.open(time.Second)
			keyset := filed(t)
			r := openKeys(t, j, keyset)
			gone, stays := seal(t, r, person(1), "gone"), seal(t, r, person(2), "stays")
			drop(t, r, person(1))
			b.cutWhenSent(cut)
			_, err := r.Rotate(t.Context(), noon)
			if err == nil {
				t.Fatal("nothing was cut")
			}
			j.Close()
			again := b.open(0)
			r = openKeys(t, again, reread(t, keyset.File()))
			wantOpen(t, "after the cut", r, person(1), gone, "")
			wantOpen(t, "after the cut", r, person(2), stays, "stays")
			late := seal(t, r, person(3), "late")
			if !r.Due() {
				t.Error("nothing to be done")
			}
			rotate(t, r)
			r = openKeys(t, again, reread(t, keyset.File()))
			wantOpen(t, "in the end", r, person(1), gone, "")
			wantOpen(t, "in the end", r, person(2), stays, "stays")
			wantOpen(t, "in the end", r, person(3), late, "late")
			if r.Due() || bytes.Equal(r.Keyset().Epoch, keyset.Epoch) {
				t.Error("the old epoch key is there still")
			}
		})
	}
}

// shared opens a keyring of one process of several.
func shared(t *testing.T, b *broker, k journal.Keyset) (*journal.Journal, *journal.Keyring) {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Conn: b.connect(), Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	return j, openKeys(t, j, k)
}

func TestRotateShared(t *testing.T) {
	b := newBroker(t)
	keyset := filed(t)
	other := filepath.Join(t.TempDir(), "keyset.json")
	if err := keyset.Write(other); err != nil {
		t.Fatal(err)
	}
	_, one := shared(t, b, keyset)
	_, two := shared(t, b, reread(t, other))
	third := filepath.Join(t.TempDir(), "keyset.json")
	if err := keyset.Write(third); err != nil {
		t.Fatal(err)
	}
	away, three := shared(t, b, reread(t, third))
	gone, stays := seal(t, one, person(1), "gone"), seal(t, two, person(2), "stays")
	wantOpen(t, "the other's", two, person(1), gone, "gone")
	_ = three
	away.Close() // it is not running now; its file is there

	drop(t, two, person(1))
	x := rotate(t, two)
	if x.Complete() || len(x.Waiting) != 1 || x.Waiting[0].File != third {
		t.Fatalf("%+v: want it to wait for the third", x)
	}
	for name, r := range map[string]*journal.Keyring{"one": one, "two": two} {
		wantOpen(t, name, r, person(1), gone, "")
		wantOpen(t, name, r, person(2), stays, "stays")
		wantOpen(t, name, r, person(4), seal(t, r, person(4), name), name)
	}
	for _, f := range []string{keyset.File(), other} {
		if k := reread(t, f); bytes.Equal(k.Epoch, keyset.Epoch) || !bytes.Equal(k.Epoch, one.Keyset().Epoch) {
			t.Errorf("%s has not followed", f)
		}
	}
	if !two.Due() {
		t.Error("complete, though the third has the old key")
	}
	// It comes back, and follows.
	_, three = shared(t, b, reread(t, third))
	wantOpen(t, "three", three, person(1), gone, "")
	wantOpen(t, "three", three, person(2), stays, "stays")
	if bytes.Equal(reread(t, third).Epoch, keyset.Epoch) {
		t.Error("the third's file has not followed")
	}
	if x := rotate(t, one); !x.Complete() || one.Due() {
		t.Errorf("%+v", x)
	}
	wantOpen(t, "three, an epoch later", three, person(2), stays, "stays")
}

// A file that nobody can change any more is taken off the list.
func TestForgetHolder(t *testing.T) {
	b := newBroker(t)
	keyset := filed(t)
	lost := filepath.Join(t.TempDir(), "keyset.json")
	if err := keyset.Write(lost); err != nil {
		t.Fatal(err)
	}
	_, one := shared(t, b, keyset)
	j, _ := shared(t, b, reread(t, lost))
	j.Close()
	x := rotate(t, one)
	if len(x.Waiting) != 1 {
		t.Fatalf("%+v", x)
	}
	if err := one.Forget(t.Context(), "no such"); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("forgot nobody: %v", err)
	}
	if err := one.Forget(t.Context(), x.Waiting[0].ID); err != nil {
		t.Fatal(err)
	}
	if x := rotate(t, one); !x.Complete() || len(one.Holders()) != 1 {
		t.Errorf("%+v, holders %v", x, one.Holders())
	}
}

// Keys that are made while the epoch changes are never lost, whoever makes them.
func TestEnsureWhileRotating(t *testing.T) {
	b := newBroker(t)
	keyset := filed(t)
	var rings []*journal.Keyring
	for range 3 {
		_, r := shared(t, b, keyset)
		rings = append(rings, r)
	}
	type value struct {
		p      reminder.PersonKey
		sealed []byte
		plain  string
	}
	done := make(chan []value, len(rings))
	for n, r := range rings[1:] {
		go func() {
			var out []value
			for i := range 120 {
				p, plain := person(1000*n+i), fmt.Sprint(n, i)
				if err := r.Ensure(t.Context(), noon, p); err != nil {
					t.Error(err)
					break
				}
				b, err := r.Seal(p, "x", []byte(plain))
				if err != nil {
					t.Error(err)
					break
				}
				out = append(out, value{p, b, plain})
			}
			done <- out
		}()
	}
	for range 4 {
		rotate(t, rings[0])
	}
	all := append(<-done, <-done...)
	rotate(t, rings[0])
	_, fresh := shared(t, b, reread(t, keyset.File()))
	if len(all) != 240 {
		t.Fatalf("%d values", len(all))
	}
	for _, v := range all {
		wantOpen(t, "a fresh process", fresh, v.p, v.sealed, v.plain)
	}
}

// Where the file can't be replaced the old key is not gone, and it says so.
func TestRotateReadOnlyKeyset(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("as root a directory can't be made read-only; the file is taken away instead")
	}
	j := newBroker(t).open(0)
	keyset := filed(t)
	r := openKeys(t, j, keyset)
	gone := seal(t, r, person(1), "gone")
	drop(t, r, person(1))
	if err := os.Rename(keyset.File(), keyset.File()+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rotate(t.Context(), noon); !errors.Is(err, journal.ErrKeyset) || !r.Due() {
		t.Errorf("%v, due %v", err, r.Due())
	}
	wantOpen(t, "all the same", r, person(1), gone, "")
	if err := os.Rename(keyset.File()+".away", keyset.File()); err != nil {
		t.Fatal(err)
	}
	if x := rotate(t, r); !x.Complete() || r.Due() || bytes.Equal(reread(t, keyset.File()).Epoch, keyset.Epoch) {
		t.Errorf("%+v", x)
	}
}
