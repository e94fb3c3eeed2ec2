package acceptance

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// mounts skips the test where no file system can be mounted, unless the machine is CI's.
func mounts(t *testing.T) {
	t.Helper()
	why := "mounting a file system needs root"
	if os.Geteuid() == 0 {
		dir := t.TempDir()
		out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "husk-test", dir).CombinedOutput()
		if err == nil {
			if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
				t.Fatalf("umount: %s", out)
			}
			return
		}
		why = "no file system can be mounted here: " + string(out)
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// smallDisk mounts a file system of so many MiB for the life of the test.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	mounts(t)
	dir, err := os.MkdirTemp(scratch, "m")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "husk-test", dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
	return dir
}

// fill writes a file until the disk has no room left, and returns its size.
func fill(t *testing.T, file string) (size int) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for chunk := make([]byte, 1<<20); len(chunk) > 0; {
		n, err := f.Write(chunk)
		size += n
		switch {
		case errors.Is(err, syscall.ENOSPC):
			chunk = chunk[:len(chunk)/2]
		case err != nil:
			t.Fatal(err)
		}
	}
	return size
}

// TestDiskFull: when the disk is full while events come in and reminders go out, nobody is told that an event was taken which was not;
// the line says that it is not ready, and goes on by itself when there is room. What was acknowledged arrives once, or its
// hand-over is listed as in doubt.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	const people = 240
	disk := smallDisk(t, "128m")
	c := newCarrier(t)
	data := filepath.Join(disk, "data")
	if err := copyTree(data, seed(t)); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, c, data)
	t.Cleanup(h.kill) // before the disk is unmounted
	h.settings["broker.events_max_bytes"] = "16777216"
	h.serve()
	staff := h.staff()
	begin := time.Now()
	all := everybody(people)
	f := h.flow(all, 18*time.Millisecond)
	h.eventually(time.Minute, "nothing is handed over", func() bool { return c.count() > 20 })

	ballast := filepath.Join(disk, "ballast")
	size := fill(t, ballast)
	full := time.Now()
	// There may be some room left in files that are open; then no event is acknowledged any more.
	quiet, acked := time.Now(), f.acknowledged.Load()
	notReady := false
	h.eventually(30*time.Second, "the broker goes on acknowledging on a full disk, or the line says that it is ready", func() bool {
		if !h.running() {
			t.Fatalf("serve has ended: %v", h.exit)
		}
		size += fill(t, ballast) // a process that gives up files makes room
		if n := f.acknowledged.Load(); n != acked {
			quiet, acked = time.Now(), n
		}
		notReady = notReady || h.readyz() == 503
		return notReady && time.Since(quiet) > 2*time.Second
	})
	select {
	case <-f.done:
		t.Fatal("all events were published before the disk was full: the test shows nothing")
	default:
	}
	sent := c.count()
	h.must(os.Remove(ballast))
	room := time.Now()
	h.ready(time.Minute)
	back := time.Since(room)
	f.finished(h)
	st := h.settled(staff, time.Minute, len(all))

	y, _ := reckon(t, c.record(), all)
	unknown := len(staff.reminders("unknown"))
	if st.Counts["accepted"]+unknown != len(all) {
		t.Errorf("status counts %v, want %d accepted or unknown", st.Counts, len(all))
	}
	if y.never > unknown || unknown > slots*4 {
		t.Errorf("the carrier never had %d, and %d are listed as unknown", y.never, unknown)
	}
	// What Husk says was accepted, the carrier has.
	if y.once < st.Counts["accepted"] {
		t.Errorf("%d are accepted and the carrier has %d", st.Counts["accepted"], y.once)
	}
	h.stop()
	t.Logf("%d events, disk full (%d MB of ballast) for %.1f s when %d were acknowledged and %d sent: ready again %.1f s after there was room; once %d, never %d, twice %d, unknown %d; %d published again; %.1f s",
		len(all), size>>20, room.Sub(full).Seconds(), acked, sent, back.Seconds(), y.once, y.never, y.more, unknown, f.repeated.Load(), time.Since(begin).Seconds())
}
