package acceptance

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// persons is how many people the seeded data knows; each has consented and proven an address.
const persons = 2000

var seedOnce sync.Once

// seed is a data directory that knows the persons. It is made once, through the admin socket; each caller gets a copy.
func seed(t *testing.T) string {
	t.Helper()
	origin := filepath.Join(scratch, "seed")
	seedOnce.Do(func() {
		h := newHouse(t, newCarrier(t), filepath.Join(scratch, "seeding"))
		h.bin = build(t, false)
		h.serve()
		begin := time.Now()
		s := h.staff()
		h.must(each(persons, 48, func(i int) error { return s.welcome(someone(i)) }))
		t.Logf("seeded %d persons in %.1f s", persons, time.Since(begin).Seconds())
		h.stop()
		h.must(os.Rename(h.data, origin))
	})
	if _, err := os.Stat(origin); err != nil {
		t.Fatal("the data could not be seeded")
	}
	return origin
}

// seeded is a data directory of one's own that knows the persons.
func seeded(t *testing.T) string {
	t.Helper()
	origin := seed(t)
	dir, err := os.MkdirTemp(scratch, "d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	data := filepath.Join(dir, "data")
	if err := copyTree(data, origin); err != nil {
		t.Fatal(err)
	}
	return data
}

// copyTree copies directories and regular files for this user alone, as serve wants its data.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return copyFile(target, path)
	})
}

func copyFile(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}
