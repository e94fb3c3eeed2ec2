package smtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
)

// Bounces is where the mails come that our own bring back: what could not be delivered (RFC 3464), complaints (RFC 5965), and answers.
type Bounces struct {
	// Dir is a Maildir that a mail server delivers the return path into, or a folder of files, each one mail. What has been dealt with is
	// removed; what is for people to read moves to the Maildir's cur, or to other in the folder. An mbox is refused and left as it is: a
	// mail that is appended while it is read would be lost. Of the processes that share a Dir one reads at a time. "" = none is read.
	Dir string `yaml:"dir" mapstructure:"dir"`
}

const (
	// longestMail is the most that is read of one mail, in bytes: a bounce has its report before the mail that it returns, and an answer
	// its words before what hangs on it.
	longestMail = 512 << 10
	// written is how long a file in a plain folder must have been left alone: somebody may still be writing it.
	written = 2 * time.Second
	// lockFile is what the process that reads has locked.
	lockFile = ".husk.lock"
)

// Poll implements provider.Poller: it reads the mails that have come back.
func (s *Sender) Poll(ctx context.Context, handle func(context.Context, provider.Notice) error) error {
	if s.config.Bounces.Dir == "" {
		return nil
	}
	s.polling.Lock()
	defer s.polling.Unlock()
	lock := flock.New(filepath.Join(s.config.Bounces.Dir, lockFile))
	mine, err := lock.TryLock()
	if err != nil {
		return withoutPath(err)
	}
	if !mine {
		return nil // another process reads it
	}
	defer func() { _ = lock.Unlock() }()
	box, err := openBox(s.config.Bounces.Dir)
	if err != nil {
		return err
	}
	var errs []error
	held := map[string]bool{} // whose notice failed: theirs stay in order
	for _, f := range box.waiting {
		if ctx.Err() != nil {
			return errors.Join(append(errs, ctx.Err())...)
		}
		if err := s.pollFile(ctx, box, f, held, handle); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// pollFile deals with one file, and with that alone which it has read: one that was written to meanwhile is read again.
func (s *Sender) pollFile(ctx context.Context, box box, f boxFile, held map[string]bool, handle func(context.Context, provider.Notice) error) error {
	raw, seen, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a mail program moved it
	}
	if err != nil && !errors.Is(err, errUnfit) {
		return withoutPath(err)
	}
	var n provider.Notice
	if err == nil {
		n, err = s.readMail(raw, f.at)
	}
	if err != nil {
		s.log.Warn("a mail that came back is neither a report nor an answer to one of ours; it is put aside for people to read", zap.String("provider", Name))
		return box.aside(f)
	}
	who := n.Reference + " " + n.Unsubscribe + " " + n.From.Reveal()
	if held[who] {
		return errHeld
	}
	switch err := handle(ctx, n); {
	case errors.Is(err, provider.ErrUnknownMessage):
		s.log.Warn("a mail that came back is about a message that is not known; it is put aside for people to read", zap.String("provider", Name))
		return box.aside(f)
	case err != nil:
		held[who] = true
		return err
	}
	switch now, err := os.Lstat(f.path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return withoutPath(err)
	case !os.SameFile(seen, now) || now.Size() != seen.Size() || !now.ModTime().Equal(seen.ModTime()):
		return errGrown
	}
	return withoutPath(os.Remove(f.path))
}

// ErrMbox is had while a file of bounces.dir is an mbox. It is left as it is.
var ErrMbox = errors.New("smtp: bounces.dir: an mbox is in it and is not read: have the mail server deliver into a Maildir, or one file for each mail")

var (
	errUnfit = errors.New("smtp: bounces.dir: not a regular file")
	errHeld  = errors.New("smtp: bounces.dir: a mail waits behind one that was not dealt with")
	errGrown = errors.New("smtp: bounces.dir: a file was written to while it was read; it is read again")
)

// box is a folder of mails.
type box struct {
	dir     string
	maildir bool
	waiting []boxFile // oldest first
}

// boxFile is a file of a box.
type boxFile struct {
	path string
	at   time.Time // when it was written
}

func openBox(dir string) (box, error) {
	b := box{dir: dir}
	from := dir
	if info, err := os.Stat(filepath.Join(dir, "new")); err == nil && info.IsDir() {
		b.maildir, from = true, filepath.Join(dir, "new")
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return b, withoutPath(err)
	}
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := e.Info()
		if err != nil || !b.maildir && time.Since(info.ModTime()) < written {
			continue // gone, or not finished
		}
		b.waiting = append(b.waiting, boxFile{filepath.Join(from, e.Name()), info.ModTime()})
	}
	slices.SortStableFunc(b.waiting, func(x, y boxFile) int { return x.at.Compare(y.at) })
	return b, nil
}

// read reads the mail in a file, or its beginning, and tells how the file was then.
func (f boxFile) read() ([]byte, fs.FileInfo, error) {
	info, err := os.Lstat(f.path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errUnfit
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = file.Close() }()
	if info, err = file.Stat(); err != nil {
		return nil, nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(file, longestMail))
	if err != nil {
		return nil, nil, err
	}
	if bytes.HasPrefix(raw, []byte("From ")) { // RFC 4155
		return nil, nil, ErrMbox
	}
	return raw, info, nil
}

// aside puts a file where people find it, and we don't, without writing over another.
func (b box) aside(f boxFile) error {
	dir, name := filepath.Join(b.dir, "other"), filepath.Base(f.path)
	if b.maildir {
		name, _, _ = strings.Cut(name, ":")
		dir, name = filepath.Join(b.dir, "cur"), name+":2,"
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return withoutPath(err)
	}
	to := filepath.Join(dir, name)
	for i := 2; ; i++ {
		_, err := os.Lstat(to)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return withoutPath(err)
		}
		to = filepath.Join(dir, strconv.Itoa(i)+"-"+name)
	}
	if err := os.Rename(f.path, to); err != nil {
		return withoutPath(err)
	}
	return nil
}

// withoutPath drops a file's name from an error: mail servers may name files after whom they are of.
func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("smtp: bounces.dir: %s: %w", p.Op, p.Err)
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return fmt.Errorf("smtp: bounces.dir: %s: %w", l.Op, l.Err)
	}
	return err
}
