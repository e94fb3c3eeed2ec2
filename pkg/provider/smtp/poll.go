package smtp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
)

const (
	// answersAtOnce is how many mails of people, each of another address, are handled at the same time.
	answersAtOnce = 16
	// ahead is how many mails of people are read before the first of them are handled: they are kept in memory.
	ahead = 1000
	// relist is how often a Poll looks for what has come in meanwhile.
	relist = time.Second
	// shownErrors is how many errors of a Poll are told in full.
	shownErrors = 10
)

// Poll implements provider.Poller: it reads the mails that have come back. What people write and complain of is handled as it is read, of
// different addresses at the same time and of one in its order. Reports come one after another, and only while nothing else is to be read:
// a STOP waits neither for a heap of bounces nor for somebody else's STOP, also when it comes in meanwhile. What fails stays where it is
// for the next Poll.
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
	p := &poll{
		s: s, handle: handle, free: answersAtOnce,
		known: map[string]bool{}, inHand: map[string]bool{}, held: map[string]bool{}, outcomes: make(chan outcome),
	}
	if err := p.list(); err != nil {
		return err
	}
	p.run(ctx)
	return p.err(ctx)
}

// letter is a mail that has been read.
type letter struct {
	file   boxFile
	seen   fs.FileInfo // how the file was then
	notice provider.Notice
}

// of is what a letter is kept in order by: whom it is from, or else what it is about.
func (l *letter) of() string {
	if l.notice.Kind == provider.Reply {
		return strings.ToLower(l.notice.From.Reveal())
	}
	return l.notice.Reference + " " + l.notice.Unsubscribe
}

// outcome is what became of a letter that was handed over.
type outcome struct {
	letter *letter
	err    error
}

// poll is one Poll. All but the handling of notices is done by one goroutine.
type poll struct {
	s      *Sender
	handle func(context.Context, provider.Notice) error

	box             box
	known           map[string]bool // paths that were listed
	unread          []boxFile       // oldest first
	people, reports []*letter       // read and not handed over, oldest first
	free            int             // how many more of people may be handed over
	reporting       bool            // a report is in hand
	inHand, held    map[string]bool // by what letters are kept in order by: of whom one is handed over; of whom one failed
	outcomes        chan outcome

	errs   []error
	failed int
}

// always can be received from.
var always = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// run deals with everything once, and with what comes in meanwhile.
func (p *poll) run(ctx context.Context) {
	again := time.NewTicker(relist)
	defer again.Stop()
	for {
		for p.free > 0 && ctx.Err() == nil && p.give(ctx, &p.people) {
			p.free--
		}
		var more <-chan struct{}
		switch {
		case ctx.Err() != nil:
		case len(p.unread) > 0 && len(p.people) < ahead:
			more = always
		case !p.reporting:
			p.reporting = p.give(ctx, &p.reports)
		}
		if more == nil && len(p.inHand) == 0 {
			return
		}
		select {
		case <-more:
			f := p.unread[0]
			p.unread = p.unread[1:]
			p.fail(p.read(f))
		case <-again.C:
			p.fail(p.list())
		case o := <-p.outcomes:
			p.settle(o)
		}
	}
}

// list finds the files that have come in.
func (p *poll) list() error {
	b, err := openBox(p.s.config.Bounces.Dir)
	if err != nil {
		return err
	}
	p.box = b
	for _, f := range b.waiting {
		if !p.known[f.path] {
			p.known[f.path] = true
			p.unread = append(p.unread, f)
		}
	}
	return nil
}

// read reads a file. What is for people to read is put aside.
func (p *poll) read(f boxFile) error {
	raw, seen, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a mail program moved it
	}
	if err != nil && !errors.Is(err, errUnfit) {
		return withoutPath(err)
	}
	var n provider.Notice
	if err == nil {
		n, err = p.s.readMail(raw, f.at)
	}
	if err != nil {
		p.s.log.Warn("a mail that came back is neither a report nor an answer to one of ours; it is put aside for people to read", zap.String("provider", Name))
		return p.box.aside(f)
	}
	l := &letter{f, seen, n}
	if n.Kind == provider.ReportKind {
		p.reports = append(p.reports, l)
	} else {
		p.people = append(p.people, l)
	}
	return nil
}

// give hands over the first letter that may be, and reports whether there was one. One behind a letter that failed waits for the next Poll.
func (p *poll) give(ctx context.Context, letters *[]*letter) bool {
	for i := 0; i < len(*letters); {
		l := (*letters)[i]
		if p.inHand[l.of()] {
			i++
			continue
		}
		*letters = slices.Delete(*letters, i, i+1)
		if p.held[l.of()] {
			p.fail(errHeld)
			continue
		}
		p.inHand[l.of()] = true
		go func() { p.outcomes <- outcome{l, p.handle(ctx, l.notice)} }()
		return true
	}
	return false
}

// settle deals with the file of a letter that was handed over, and with that alone which was read: one that was written to meanwhile is
// read again.
func (p *poll) settle(o outcome) {
	l := o.letter
	delete(p.inHand, l.of())
	if l.notice.Kind == provider.ReportKind {
		p.reporting = false
	} else {
		p.free++
	}
	switch {
	case errors.Is(o.err, provider.ErrUnknownMessage):
		p.s.log.Warn("a mail that came back is about a message that is not known; it is put aside for people to read", zap.String("provider", Name))
		p.fail(p.box.aside(l.file))
		return
	case o.err != nil:
		p.held[l.of()] = true
		p.fail(o.err)
		return
	}
	switch now, err := os.Lstat(l.file.path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		p.fail(withoutPath(err))
	case !os.SameFile(l.seen, now) || now.Size() != l.seen.Size() || !now.ModTime().Equal(l.seen.ModTime()):
		p.fail(errGrown)
	default:
		p.fail(withoutPath(os.Remove(l.file.path)))
	}
}

func (p *poll) fail(err error) {
	if err == nil {
		return
	}
	if p.failed++; len(p.errs) < shownErrors {
		p.errs = append(p.errs, err)
	}
}

// err is what failed.
func (p *poll) err(ctx context.Context) error {
	if n := p.failed - len(p.errs); n > 0 {
		p.errs = append(p.errs, fmt.Errorf("smtp: bounces.dir: and %d errors more", n))
	}
	return errors.Join(append(p.errs, ctx.Err())...)
}
