package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// ErrHeld means that another process owns the data directory.
var ErrHeld = errors.New("app: the data directory is in use")

// lock takes the data directory for this process, and writes into the lock file who holds it.
func lock(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("app: data: %w", err)
	}
	path := filepath.Join(dir, "lock")
	l := flock.New(path, flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("app: data: lock: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("%w by %s: stop it, or use another --data", ErrHeld, holder(path))
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("app: data: lock: %w", err), l.Unlock())
	}
	return l, nil
}

// Holder names the process that owns a data directory now; "" when none does.
func Holder(dir string) (string, error) {
	path := filepath.Join(dir, "lock")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	l := flock.New(path, flock.SetPermissions(0o600))
	ok, err := l.TryRLock()
	if err != nil {
		return "", fmt.Errorf("app: data: lock: %w", err)
	}
	if ok {
		return "", l.Unlock()
	}
	return holder(path), nil
}

// holder names the process that holds the lock.
func holder(path string) string {
	b, err := os.ReadFile(path)
	pid := strings.TrimSpace(string(b))
	if err != nil || pid == "" {
		return "another process"
	}
	name := "process " + pid
	if c, err := os.ReadFile("/proc/" + pid + "/comm"); err == nil {
		name += " (" + strings.TrimSpace(string(c)) + ")"
	}
	return name
}
