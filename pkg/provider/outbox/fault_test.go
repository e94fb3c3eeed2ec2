package outbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// faulty is a disk that fails at one step.
type faulty struct {
	realDisk
	at  string
	err error
}

func (d faulty) create(name string) (file, error) {
	if d.at == "create" {
		return nil, d.err
	}
	f, err := d.realDisk.create(name)
	return faultyFile{f, d}, err
}

func (d faulty) link(old, new string) error {
	if d.at == "link" {
		return d.err
	}
	return d.realDisk.link(old, new)
}

func (d faulty) syncDir(dir string) error {
	if d.at == "syncDir" {
		return d.err
	}
	return d.realDisk.syncDir(dir)
}

type faultyFile struct {
	file
	d faulty
}

func (f faultyFile) Write(p []byte) (int, error) {
	if f.d.at == "write" {
		n, _ := f.file.Write(p[:len(p)/2])
		return n, f.d.err
	}
	return f.file.Write(p)
}

func (f faultyFile) Sync() error {
	if f.d.at == "sync" {
		return f.d.err
	}
	return f.file.Sync()
}

func (f faultyFile) Close() error {
	err := f.file.Close()
	if f.d.at == "close" {
		return f.d.err
	}
	return err
}

func TestDiskFaults(t *testing.T) {
	full := &os.PathError{Op: "write", Path: "/outbox/+4520123456", Err: syscall.ENOSPC}
	for _, c := range []struct {
		at      string
		err     error
		outcome provider.Outcome
		code    string
		there   bool
	}{
		{"create", full, provider.Retry, "disk_full", false},
		{"write", full, provider.Retry, "disk_full", false},
		{"sync", full, provider.Retry, "disk_full", false},
		{"close", full, provider.Retry, "disk_full", false},
		{"link", full, provider.Retry, "disk_full", false},
		{"create", os.ErrPermission, provider.Retry, "not_writable", false},
		{"sync", syscall.EIO, provider.Retry, "disk", false},
		{"syncDir", syscall.EIO, provider.Unknown, "disk", true},
	} {
		t.Run(c.at+" "+c.code, func(t *testing.T) {
			dir := t.TempDir()
			b, err := New(Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			b.disk = faulty{at: c.at, err: c.err}
			m := reminder.Message{
				Reference: "00aa", Channel: reminder.SMS, To: reminder.NewAddress(reminder.SMS, "+4520123456"), Text: reminder.Mask("Husk din aftale"),
			}
			s, err := b.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, err = providertest.Send(t.Context(), b, s, m)
			s.Close()
			var e *provider.Error
			if !errors.As(err, &e) || e.Outcome != c.outcome || e.Code != c.code {
				t.Fatalf("%v, want %v %s", err, c.outcome, c.code)
			}
			if strings.Contains(err.Error(), "4520123456") {
				t.Error("the error's text holds a path")
			}
			if _, found, err := b.Lookup(t.Context(), "00aa"); found != c.there || err != nil {
				t.Errorf("found %v, %v; want %v", found, err, c.there)
			}
			left, err := os.ReadDir(filepath.Join(dir, "messages"))
			if err != nil {
				t.Fatal(err)
			}
			if want := map[bool]int{true: 1}[c.there]; len(left) != want {
				t.Errorf("%d files left, want %d", len(left), want)
			}
			b.disk = realDisk{} // room again
			s, err = b.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := providertest.Send(t.Context(), b, s, m); err != nil {
				t.Errorf("once the disk is well: %v", err)
			}
		})
	}
}

// slow is a disk that holds a message up until its time is over, as a process that is suspended is.
type slow struct {
	realDisk
	until time.Time
}

func (d slow) create(name string) (file, error) {
	f, err := d.realDisk.create(name)
	time.Sleep(time.Until(d.until))
	return f, err
}

func TestNothingIsLinkedPastTheDeadline(t *testing.T) {
	dir := t.TempDir()
	b, err := New(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	by := time.Now().Add(50 * time.Millisecond)
	b.disk = slow{until: by}
	s, err := b.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithDeadline(t.Context(), by)
	defer cancel()
	m := reminder.Message{
		Reference: "00aa", Channel: reminder.SMS, To: reminder.NewAddress(reminder.SMS, "+4520123456"), Text: reminder.Mask("Husk din aftale"),
	}
	_, err = providertest.Send(ctx, b, s, m)
	var e *provider.Error
	if !errors.As(err, &e) || e.Outcome != provider.Retry || e.Code != "timeout" {
		t.Errorf("%v, want retry timeout", err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "messages")); err != nil || len(left) > 0 {
		t.Errorf("%d files left, %v", len(left), err)
	}
}

func FuzzParseReply(f *testing.F) {
	f.Add([]byte("From: +4520123456\nChannel: sms\n\nSTOP\n"))
	f.Add([]byte("\ufeffFrom: a@example.org\r\nChannel: email\r\n\r\nAfmeld"))
	f.Add([]byte("From:\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := parseReply(raw)
		if err != nil {
			var no replyError
			if !errors.As(err, &no) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if n.From.IsZero() || n.Text.IsZero() || n.Kind != provider.Reply || (n.From.Channel != reminder.SMS && n.From.Channel != reminder.Email) {
			t.Fatal("an incomplete reply is taken")
		}
	})
}
