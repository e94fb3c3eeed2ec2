package outbox

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// partial ends the name of a file that is still being written.
const partial = ".part"

// write puts the message on disk: a hidden file, flushed, then linked to its name, which fails where the name is taken,
// then the folder flushed. Until the link nothing left, and past ctx's deadline nothing is linked; after it, only a failed flush of
// the folder is doubt.
func (b *Outbox) write(ctx context.Context, m reminder.Message) (provider.Accepted, error) {
	at := b.now().Truncate(time.Second)
	name, part := b.file(m.Reference), filepath.Join(b.messages, "."+m.Reference+"-"+rand.Text()+partial)
	err := b.flush(part, []byte("Date: "+at.Format(time.RFC3339)+"\n"+m.Wire.Body.Reveal()))
	// By the clock: a process that was suspended goes on before its timers have told ctx.
	if by, limited := ctx.Deadline(); err == nil && limited && !time.Now().Before(by) {
		err = context.DeadlineExceeded
	}
	if err == nil {
		err = b.disk.link(part, name)
	}
	// A failed removal harms nobody: New sweeps, and readers skip hidden files.
	_ = b.disk.remove(part)
	taken := errors.Is(err, fs.ErrExist)
	if err != nil && !taken {
		return provider.Accepted{}, &provider.Error{Outcome: provider.Retry, Code: code(err), Err: err}
	}
	if err := b.disk.syncDir(b.messages); err != nil {
		return provider.Accepted{}, &provider.Error{Outcome: provider.Unknown, Code: code(err), Err: err}
	}
	if taken {
		if at, err = b.written(m.Reference); err != nil {
			return provider.Accepted{}, &provider.Error{Outcome: provider.Unknown, Code: code(err), Err: err}
		}
	}
	return provider.Accepted{CarrierID: m.Reference, At: at}, nil
}

// code is the word for a disk's error.
func code(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "disk_full"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "not_writable"
	case errors.Is(err, context.DeadlineExceeded):
		return provider.Cause(err)
	}
	return "disk"
}

// flush writes a new file and has the disk keep it.
func (b *Outbox) flush(name string, data []byte) error {
	f, err := b.disk.create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// render is the file of a message. provider.Inspect has seen to it that no field holds a line break.
func render(m reminder.Message) string {
	var s strings.Builder
	field := func(name, value string) {
		s.WriteString(name + ": " + value + "\n")
	}
	field("Reference", m.Reference)
	field("Channel", string(m.Channel))
	field("Purpose", string(m.Purpose))
	field("To", m.To.Reveal())
	field("From", m.Sender)
	if m.ReplyTo != "" {
		field("Reply-To", m.ReplyTo)
	}
	field("Unit", m.Unit)
	field("Language", m.Language)
	field("Template", m.Template)
	if m.Channel == reminder.SMS {
		field("Segments", strconv.Itoa(m.Segments))
	} else {
		field("Subject", m.Subject.Reveal())
		field("Auto-Submitted", provider.AutoSubmitted(m.Purpose))
		if h := m.Unsubscribe.Header(); h != "" {
			field("List-Unsubscribe", h)
		}
	}
	s.WriteString("\n" + m.Text.Reveal())
	return s.String()
}

// disk is what can fail of a disk; tests make it fail.
type disk interface {
	create(name string) (file, error)
	link(old, new string) error
	remove(name string) error
	syncDir(dir string) error
}

// file is an open file of a disk.
type file interface {
	io.WriteCloser
	Sync() error
}

// realDisk is the operating system's.
type realDisk struct{}

func (realDisk) create(name string) (file, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (realDisk) link(old, new string) error { return os.Link(old, new) }

func (realDisk) remove(name string) error { return os.Remove(name) }

func (realDisk) syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
