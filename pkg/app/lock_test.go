package app

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
)

// child starts this binary as another process and waits for its first line.
func child(t *testing.T, what, dir string) (*exec.Cmd, string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), childEnv+"="+what+":"+dir)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(c) })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child said %q, %v", line, err)
	}
	return c, strings.TrimSpace(line)
}

// kill ends a child as a power cut would.
func kill(c *exec.Cmd) {
	_ = c.Process.Kill()
	_ = c.Wait()
}

// holdChild takes the lock and keeps it.
func holdChild(dir string) error {
	l, err := lock(dir)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(l) // its file, and the lock with it, goes when it is collected
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	time.Sleep(time.Minute)
	return nil
}

func TestOneProcessOwnsTheData(t *testing.T) {
	w := &world{T: t, ctx: t.Context(), dir: t.TempDir(), clock: newClock(noon)}
	if who, err := Holder(w.dir); who != "" || err != nil {
		t.Errorf("an empty directory is held by %q, %v", who, err)
	}
	c, said := child(t, "hold", w.dir)
	if said != "held" {
		t.Fatalf("the child said %q", said)
	}
	cfg, err := configIn(w.dir)
	w.ok(err)
	_, err = Open(t.Context(), Options{Config: cfg})
	w.is(err, ErrHeld)
	name := "process " + strconv.Itoa(c.Process.Pid)
	if err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("%v: want it to name %s", err, name)
	}
	if who, err := Holder(w.dir); !strings.HasPrefix(who, name) || err != nil {
		t.Errorf("held by %q, %v", who, err)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "broker")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the broker's files were touched without the lock")
	}
	kill(c)
	w.open() // the lock dies with its process
	if who, err := Holder(w.dir); !strings.HasPrefix(who, "process "+strconv.Itoa(os.Getpid())) || err != nil {
		t.Errorf("held by %q, %v", who, err)
	}
	_, err = Open(t.Context(), Options{Config: cfg})
	w.is(err, ErrHeld)
	w.Close()
	if who, err := Holder(w.dir); who != "" || err != nil {
		t.Errorf("held by %q after Close, %v", who, err)
	}
}

func TestKeyset(t *testing.T) {
	w := &world{T: t, ctx: t.Context(), dir: t.TempDir(), clock: newClock(noon)}
	w.open()
	w.Close()
	c, err := configIn(w.dir)
	w.ok(err)
	if st, err := os.Stat(c.Keys.File); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("the keyset: %v, %v", st, err)
	}
	open := func() error {
		a, err := Open(t.Context(), Options{Config: c})
		if err == nil {
			a.Close()
		}
		return err
	}
	w.ok(open())
	good, err := os.ReadFile(c.Keys.File)
	w.ok(err)

	w.ok(os.Remove(c.Keys.File))
	err = open()
	if err == nil || !strings.Contains(err.Error(), "keys.file") || !strings.Contains(err.Error(), "restore the keyset") {
		t.Errorf("data without a keyset: %v", err)
	}
	if _, err := os.Stat(c.Keys.File); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a new keyset was made beside data it does not open")
	}
	w.ok(os.WriteFile(c.Keys.File, good[:len(good)/2], 0o600))
	w.is(open(), journal.ErrKeyset)
	w.ok(os.Remove(c.Keys.File))
	w.ok(journal.NewKeyset().Write(c.Keys.File))
	if err := open(); err == nil {
		t.Error("opened with another installation's keyset")
	}
	w.ok(os.Remove(c.Keys.File))
	w.ok(os.WriteFile(c.Keys.File, good, 0o644))
	w.is(open(), journal.ErrKeyset) // open to others
	w.ok(os.Chmod(c.Keys.File, 0o600))
	w.ok(open())
}
