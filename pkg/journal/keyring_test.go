package journal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func openKeys(t *testing.T, j *journal.Journal, k journal.Keyset) *journal.Keyring {
	t.Helper()
	r, err := j.OpenKeyring(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestKeyring(t *testing.T) {
	j := newBroker(t).open(0)
	keyset := journal.NewKeyset()
	keys := openKeys(t, j, keyset)
	p, q := person(1), person(2)
	const secret = "0101701234"

	if _, err := keys.Seal(p, "appointment", []byte(secret)); !errors.Is(err, journal.ErrErased) {
		t.Errorf("sealed without a key: %v", err)
	}
	if err := keys.Ensure(t.Context(), noon, p, q, p); err != nil {
		t.Fatal(err)
	}
	sealed, err := keys.Seal(p, "appointment", []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte(secret)) {
		t.Error("the sealed value tells its secret")
	}
	if again, err := keys.Seal(p, "appointment", []byte(secret)); err != nil || bytes.Equal(again, sealed) {
		t.Errorf("the same value sealed twice is the same: who has it before can tell: %v", err)
	}
	if plain, err := keys.Open(p, "appointment", sealed); err != nil || string(plain) != secret {
		t.Errorf("%q, %v", plain, err)
	}
	if empty, err := keys.Seal(q, "flags", nil); err != nil {
		t.Error(err)
	} else if plain, err := keys.Open(q, "flags", empty); err != nil || len(plain) != 0 {
		t.Errorf("nothing sealed: %q, %v", plain, err)
	}

	flip := func(i int) []byte {
		b := bytes.Clone(sealed)
		b[i] ^= 1
		return b
	}
	for name, c := range map[string]struct {
		p      reminder.PersonKey
		what   string
		sealed []byte
		want   error
	}{
		"another person":           {q, "appointment", sealed, journal.ErrFormat},
		"a person without a key":   {person(9), "appointment", sealed, journal.ErrFormat},
		"another label":            {p, "flags", sealed, journal.ErrFormat},
		"no label":                 {p, "", sealed, journal.ErrFormat},
		"a label moved over":       {p + "|appointment", "", sealed, journal.ErrFormat},
		"a flipped bit at the end": {p, "appointment", flip(len(sealed) - 1), journal.ErrFormat},
		"a flipped bit of text":    {p, "appointment", flip(8 + 12), journal.ErrFormat},
		"a flipped bit of nonce":   {p, "appointment", flip(8), journal.ErrFormat},
		"a key that is not there":  {p, "appointment", flip(0), journal.ErrErased},
		"cut to the key's id":      {p, "appointment", sealed[:8], journal.ErrFormat},
		"cut":                      {p, "appointment", sealed[:len(sealed)-1], journal.ErrFormat},
		"too short":                {p, "appointment", sealed[:7], journal.ErrFormat},
		"nothing":                  {p, "appointment", nil, journal.ErrFormat},
	} {
		plain, err := keys.Open(c.p, c.what, c.sealed)
		if !errors.Is(err, c.want) || plain != nil {
			t.Errorf("%s: %q, %v; want %v", name, plain, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), string(p))) {
			t.Errorf("%s: the error tells too much: %v", name, err)
		}
	}

	// A second start reads what the first sealed, and seals with the same keys.
	again := openKeys(t, j, keyset)
	if plain, err := again.Open(p, "appointment", sealed); err != nil || string(plain) != secret {
		t.Errorf("after a restart: %q, %v", plain, err)
	}
	if err := again.Ensure(t.Context(), noon, p, q); err != nil {
		t.Error(err)
	}
	if end, err := j.End(t.Context(), journal.StreamKeys); err != nil || end.Last != 2 {
		t.Errorf("%d keys for two persons, %v", end.Last, err)
	}
	// With another keyset it does not start.
	if _, err := j.OpenKeyring(t.Context(), journal.NewKeyset()); !errors.Is(err, journal.ErrKeyset) {
		t.Errorf("the wrong keyset: %v", err)
	}
}

func TestKeyringErased(t *testing.T) {
	j := newBroker(t).open(0)
	keyset := journal.NewKeyset()
	keys := openKeys(t, j, keyset)
	if err := keys.Ensure(t.Context(), noon, person(1), person(2)); err != nil {
		t.Fatal(err)
	}
	var sealed [2][]byte
	for i := range sealed {
		var err error
		if sealed[i], err = keys.Seal(person(1+i), "x", []byte("secret")); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Delete(t.Context(), journal.StreamKeys, 1); err != nil {
		t.Fatal(err)
	}
	keys = openKeys(t, j, keyset)
	if _, err := keys.Open(person(1), "x", sealed[0]); !errors.Is(err, journal.ErrErased) {
		t.Errorf("an erased person's value: %v", err)
	}
	if plain, err := keys.Open(person(2), "x", sealed[1]); err != nil || string(plain) != "secret" {
		t.Errorf("another's: %q, %v", plain, err)
	}
	// Who comes back gets a new key; what was erased stays so.
	if err := keys.Ensure(t.Context(), noon, person(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Open(person(1), "x", sealed[0]); !errors.Is(err, journal.ErrErased) {
		t.Errorf("after a new key: %v", err)
	}
}

func TestKeyringOnDiskHoldsNoKey(t *testing.T) {
	b := newBroker(t)
	j := b.open(0)
	keyset := journal.NewKeyset()
	if err := openKeys(t, j, keyset).Ensure(t.Context(), noon, person(1)); err != nil {
		t.Fatal(err)
	}
	e, err := j.Get(t.Context(), journal.StreamKeys, 1)
	if err != nil {
		t.Fatal(err)
	}
	var clear struct{ Wrapped []byte }
	if err := json.Unmarshal(e.Clear, &clear); err != nil || len(clear.Wrapped) <= 32 {
		t.Errorf("%d bytes are wrapped, %v", len(clear.Wrapped), err)
	}
	if bytes.Contains(e.Clear, keyset.Epoch) {
		t.Error("the epoch key is in the journal")
	}
}

func TestEnsureTogether(t *testing.T) {
	j := newBroker(t).open(0)
	keyset := journal.NewKeyset()
	keys := openKeys(t, j, keyset)
	var mu sync.Mutex
	sealed := map[int][][]byte{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range 20 {
				if err := keys.Ensure(t.Context(), noon, person(n), person((n+1)%20)); err != nil {
					t.Error(err)
					return
				}
				b, err := keys.Seal(person(n), "x", fmt.Append(nil, n))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				sealed[n] = append(sealed[n], b)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	// Whichever key a racing worker sealed with: it was on disk before.
	for name, r := range map[string]*journal.Keyring{"same process": keys, "restarted": openKeys(t, j, keyset)} {
		for n, bs := range sealed {
			for _, b := range bs {
				if plain, err := r.Open(person(n), "x", b); err != nil || string(plain) != fmt.Sprint(n) {
					t.Errorf("%s: person %d: %q, %v", name, n, plain, err)
				}
			}
		}
	}
}

func TestEnsureMany(t *testing.T) {
	j := newBroker(t).open(0)
	keys := openKeys(t, j, journal.NewKeyset())
	ps := make([]reminder.PersonKey, journal.MaxBatch+10)
	for i := range ps {
		ps[i] = reminder.PersonKey(fmt.Sprintf("1-%032x", i))
	}
	if err := keys.Ensure(t.Context(), noon, ps...); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Seal(ps[len(ps)-1], "x", nil); err != nil {
		t.Error(err)
	}
}

func TestEnsureFails(t *testing.T) {
	b := newBroker(t)
	j := b.open(0)
	keys := openKeys(t, j, journal.NewKeyset())
	j.Close()
	if err := keys.Ensure(t.Context(), noon, person(1)); !errors.Is(err, journal.ErrRefused) {
		t.Errorf("with a closed journal: %v", err)
	}
	if _, err := keys.Seal(person(1), "x", nil); !errors.Is(err, journal.ErrErased) {
		t.Errorf("sealed with a key that is not on disk: %v", err)
	}
}

// secrets are a keyset as its file has it.
func secrets(k journal.Keyset) string {
	b, _ := json.Marshal(k)
	return string(b)
}

func TestKeyset(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "deep", "keyset.json")
	k := journal.NewKeyset()
	if err := k.Write(path); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	back, err := journal.ReadKeyset(path)
	if err != nil || secrets(back) != secrets(k) {
		t.Errorf("read back: %v", err)
	}
	if a, b := journal.NewKeyset(), journal.NewKeyset(); bytes.Equal(a.Epoch, b.Epoch) || bytes.Equal(a.Epoch, a.Pseudonym) || bytes.Equal(a.Snapshot, a.Broker) {
		t.Error("keys repeat")
	}
	p, err := back.Pseudonyms()
	if err != nil || p.IsZero() {
		t.Errorf("pseudonyms: %v", err)
	}
	// Never over another one.
	if err := journal.NewKeyset().Write(path); !errors.Is(err, journal.ErrKeyset) {
		t.Errorf("written over another: %v", err)
	}
	if again, err := journal.ReadKeyset(path); err != nil || secrets(again) != secrets(k) {
		t.Errorf("the first was changed: %v", err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

// TestKeysetWriteTogether: of many first starts at once one makes the keyset, and nobody goes on with another.
func TestKeysetWriteTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyset.json")
	var mu sync.Mutex
	var won []journal.Keyset
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			k := journal.NewKeyset()
			err := k.Write(path)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, k)
			} else if !errors.Is(err, journal.ErrKeyset) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	k, err := journal.ReadKeyset(path)
	if len(won) != 1 || err != nil || secrets(k) != secrets(won[0]) {
		t.Errorf("%d wrote it, %v", len(won), err)
	}
}

// TestKeysetIgnoresALeftOver: a file that a crashed start left, open to others, does not become the keyset.
func TestKeysetIgnoresALeftOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyset.json")
	if err := os.WriteFile(path+".new", []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := journal.NewKeyset().Write(path); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.ReadKeyset(path); err != nil {
		t.Error(err)
	}
}

func TestReadKeysetRefuses(t *testing.T) {
	good, err := json.Marshal(journal.NewKeyset())
	if err != nil {
		t.Fatal(err)
	}
	without := func(field string, value any) []byte {
		var m map[string]any
		if err := json.Unmarshal(good, &m); err != nil {
			t.Fatal(err)
		}
		m[field] = value
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	dir := t.TempDir()
	for name, c := range map[string]struct {
		data []byte
		mode os.FileMode
		want string
	}{
		"open to its group":       {good, 0o640, "chmod 600"},
		"open to all":             {good, 0o604, "chmod 600"},
		"writable by others":      {good, 0o602, "chmod 600"},
		"empty":                   {nil, 0o600, "damaged"},
		"cut":                     {good[:len(good)-2], 0o600, "damaged"},
		"a newer version":         {without("version", 2), 0o600, "version 2"},
		"no version":              {without("version", 0), 0o600, "version 0"},
		"no epoch key":            {without("epoch", nil), 0o600, "32 bytes"},
		"a short pseudonym key":   {without("pseudonym", []byte("short")), 0o600, "32 bytes"},
		"a long snapshot key":     {without("snapshot", make([]byte, 33)), 0o600, "32 bytes"},
		"an empty broker key":     {without("broker", []byte{}), 0o600, "32 bytes"},
		"a key that is no base64": {without("broker", "!"), 0o600, "damaged"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		k, err := journal.ReadKeyset(path)
		if !errors.Is(err, journal.ErrKeyset) || !strings.Contains(fmt.Sprint(err), c.want) || k.Epoch != nil {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := journal.ReadKeyset(filepath.Join(dir, "none")); !errors.Is(err, journal.ErrKeyset) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "good"), good, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.ReadKeyset(filepath.Join(dir, "good")); err != nil {
		t.Errorf("read-only: %v", err)
	}
}

// Two processes on one journal: each reads what the other sealed, also of a person it had never heard of, and says that a
// key is gone only when it is.
func TestKeyringsOfTwoProcesses(t *testing.T) {
	b := newBroker(t)
	keyset := journal.NewKeyset()
	open := func() (*journal.Journal, *journal.Keyring) {
		j, err := journal.Open(t.Context(), journal.Options{Conn: b.connect(), Shared: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(j.Close)
		return j, openKeys(t, j, keyset)
	}
	_, ours := open()
	_, theirs := open()
	for n := range 3 {
		p := person(n)
		if err := ours.Ensure(t.Context(), noon, p); err != nil {
			t.Fatal(err)
		}
		sealed, err := ours.Seal(p, "appointment", []byte("a"))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := theirs.Open(p, "appointment", sealed); err != nil || string(plain) != "a" {
			t.Fatalf("the other process reads %q, %v", plain, err)
		}
		if back, err := theirs.Seal(p, "address", []byte("b")); err != nil {
			t.Fatalf("the other process has no key: %v", err)
		} else if plain, err := ours.Open(p, "address", back); err != nil || string(plain) != "b" {
			t.Fatalf("%q, %v", plain, err)
		}
	}
	if err := theirs.Ensure(t.Context(), noon, person(0), person(1), person(2)); err != nil {
		t.Fatal(err)
	}
	if keys, err := b.open(0).End(t.Context(), journal.StreamKeys); err != nil || keys.Last != 3 {
		t.Errorf("%d keys for three persons, %v", keys.Last, err)
	}
	if _, err := theirs.Seal(person(9), "appointment", nil); !errors.Is(err, journal.ErrErased) {
		t.Errorf("sealed without a key: %v", err)
	}
	b.down()
	if _, err := theirs.Seal(person(9), "appointment", nil); err == nil || errors.Is(err, journal.ErrErased) {
		t.Errorf("without the broker nobody can say that a key is gone: %v", err)
	}
}
