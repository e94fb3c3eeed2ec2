package outbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const (
	// longestReply is the most a reply file may hold, in bytes.
	longestReply = 64 << 10
	// settle is how long a file that cannot be read is given, in case somebody is still writing it in place.
	settle = time.Second
)

// replyError says why a reply file cannot be read; its text is safe to log.
type replyError string

func (e replyError) Error() string { return "outbox: reply: " + string(e) }

// Poll hands the replies over, oldest first, as provider.Poller says. A file moves to replies/done after handle returned
// nil; a file that is no reply moves to replies/bad.
func (b *Outbox) Poll(ctx context.Context, handle func(context.Context, provider.Notice) error) error {
	b.poll.Lock()
	defer b.poll.Unlock()
	waiting, err := b.waiting()
	if err != nil {
		return fmt.Errorf("outbox: replies: %w", err)
	}
	var errs []error
	held := map[string]bool{} // addresses with a reply that failed: theirs must stay in order
	for _, w := range waiting {
		if ctx.Err() != nil {
			return errors.Join(append(errs, ctx.Err())...)
		}
		n, err := readReply(filepath.Join(b.replies, w.name))
		var no replyError
		switch {
		case errors.As(err, &no):
			if time.Since(w.at) < settle {
				continue
			}
			b.log.Warn("a reply file cannot be read; it moves to replies/bad", zap.String("reason", string(no)))
			errs = append(errs, b.move(w.name, b.bad))
			continue
		case err != nil:
			errs = append(errs, fmt.Errorf("outbox: replies: %w", withoutPath(err)))
			continue
		case held[n.From.Reveal()]:
			continue
		}
		n.At = w.at // the same however often it is read
		if err := handle(ctx, n); err != nil {
			held[n.From.Reveal()] = true
			errs = append(errs, err)
			continue
		}
		if err := b.move(w.name, b.done); err != nil {
			held[n.From.Reveal()] = true
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// reply is a file that waits.
type reply struct {
	name string
	at   time.Time // when it was last written
}

// waiting lists the reply files, oldest first; files of the same moment by name.
func (b *Outbox) waiting() ([]reply, error) {
	entries, err := os.ReadDir(b.replies)
	if err != nil {
		return nil, withoutPath(err)
	}
	var out []reply
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || !strings.HasSuffix(e.Name(), ".txt") {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, withoutPath(err)
		}
		out = append(out, reply{e.Name(), info.ModTime()})
	}
	slices.SortStableFunc(out, func(x, y reply) int { return x.at.Compare(y.at) })
	return out, nil
}

// move takes a file out of the folder without writing over one of the same name.
func (b *Outbox) move(name, dir string) error {
	to := filepath.Join(dir, name)
	for i := 2; ; i++ {
		_, err := os.Lstat(to)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return fmt.Errorf("outbox: replies: %w", withoutPath(err))
		}
		to = filepath.Join(dir, strings.TrimSuffix(name, ".txt")+"-"+strconv.Itoa(i)+".txt")
	}
	if err := os.Rename(filepath.Join(b.replies, name), to); err != nil {
		return fmt.Errorf("outbox: replies: %w", withoutPath(err))
	}
	return nil
}

// readReply reads one file. An replyError means that it will never be a reply as it is.
func readReply(name string) (provider.Notice, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return provider.Notice{}, err
	}
	if !info.Mode().IsRegular() {
		return provider.Notice{}, replyError("it is not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return provider.Notice{}, err
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, longestReply+1))
	if err != nil {
		return provider.Notice{}, err
	}
	return parseReply(raw)
}

// replyHeaders are the header lines a reply may have: From and Channel, which it must, and of a mail those that tell to what it
// answers and that a machine wrote it.
var replyHeaders = []string{
	"From", "Channel", "To", "Subject", "Auto-Submitted", "Precedence", "Return-Path", "List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond",
	"Content-Type",
}

// parseReply reads header lines, an empty line and the text. Of a mail without text the subject is read, unless it is that of the
// message which is answered.
func parseReply(raw []byte) (provider.Notice, error) {
	if len(raw) > longestReply {
		return provider.Notice{}, replyError("it is longer than 64 KiB")
	}
	if !utf8.Valid(raw) {
		return provider.Notice{}, replyError("it is not UTF-8")
	}
	whole := strings.ReplaceAll(strings.TrimPrefix(string(raw), "\ufeff"), "\r\n", "\n")
	head, text, ok := strings.Cut(whole, "\n\n")
	if !ok {
		return provider.Notice{}, replyError("no empty line between header and text")
	}
	fields := textproto.MIMEHeader{}
	for line := range strings.Lines(head) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		key = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(key))
		if !ok || !slices.Contains(replyHeaders, key) {
			return provider.Notice{}, replyError("a header line is neither From: nor Channel: nor one of a mail")
		}
		if _, twice := fields[key]; twice {
			return provider.Notice{}, replyError("a header line is there twice")
		}
		fields.Set(key, strings.TrimSpace(value))
	}
	channel := reminder.Channel(fields.Get("Channel"))
	if subject := fields.Get("Subject"); strings.TrimSpace(text) == "" && !answers(subject) {
		text = subject
	}
	n := provider.Notice{
		Kind: provider.Reply,
		From: reminder.NewAddress(channel, fields.Get("From")),
		Text: reminder.Mask(strings.TrimSuffix(text, "\n")),
	}
	if channel == reminder.Email {
		n.Automatic, n.Unsubscribe = provider.Automatic(fields), provider.Plus(fields.Get("To"))
	}
	switch {
	case fields.Get("From") == "":
		return provider.Notice{}, replyError("no From: line with an address")
	case channel != reminder.SMS && channel != reminder.Email:
		return provider.Notice{}, replyError("Channel: is neither sms nor email")
	case strings.TrimSpace(text) == "" && n.Unsubscribe == "":
		return provider.Notice{}, replyError("no text")
	}
	return n, nil
}

// answers reports whether a subject is that of the message which is answered: "Re:", "SV:", "AW:", "VS:", "Odp:", "Ynt:".
func answers(subject string) bool {
	head, _, ok := strings.Cut(subject, ":")
	return ok && len(head) <= 6 && !strings.Contains(strings.TrimSpace(head), " ")
}

// withoutPath drops the file's name from an error: people name files after phone numbers.
func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Op, p.Err)
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return fmt.Errorf("%s: %w", l.Op, l.Err)
	}
	return err
}
