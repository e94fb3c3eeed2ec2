package smtp

import (
	"bytes"
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
