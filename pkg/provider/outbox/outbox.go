// Package outbox is a carrier that brings messages nowhere: it writes each into a file of its own, for demonstrations
// and trials, and reads people's replies from a folder.
//
// A message is <dir>/messages/<reference>.txt, UTF-8: header lines "Name: value", an empty line, the text. A reply is a
// file <dir>/replies/*.txt of the same shape with From and Channel (sms or email). Write a reply under a name that begins with
// '.' or ends in .part and rename it; one that was read moves to replies/done, one that cannot be read to replies/bad.
//
// It guarantees that a message is there whole and on disk, or not at all; that one reference makes one message however
// often it is sent; that Lookup is authoritative; and that a reply leaves its folder only after it was dealt with.
//
// It must never be a production carrier: its folder holds addresses and texts in the clear.
package outbox

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Name names this carrier in configuration, metrics and records.
const Name = "outbox"

// Config is the carrier's part of the configuration file.
type Config struct {
	Dir   string `yaml:"dir" mapstructure:"dir"`     // the folder; made, with its parents, when absent
	Slots int    `yaml:"slots" mapstructure:"slots"` // files written at the same time; 0 = 8
}

// Validate names the field that is wrong.
func (c Config) Validate() error {
	if c.Dir == "" {
		return errors.New("outbox: dir: want the folder that messages are written to")
	}
	if c.Slots < 0 || c.Slots > 1024 {
		return errors.New("outbox: slots: want 1 to 1024, or 0 for the default")
	}
	return nil
}

// Options make an Outbox.
type Options struct {
	Dir   string
	Slots int              // 0 = 8
	Now   func() time.Time // the carrier's clock; nil = time.Now
	Log   *zap.Logger      // nil = none
}

// Outbox is the carrier. It is safe for concurrent use.
type Outbox struct {
	messages, replies, done, bad string

	limit *provider.Limit
	disk  disk
	now   func() time.Time
	log   *zap.Logger
	poll  sync.Mutex // one reader of replies at a time
}

var (
	_ provider.Sender  = (*Outbox)(nil)
	_ provider.Lookup  = (*Outbox)(nil)
	_ provider.Checker = (*Outbox)(nil)
	_ provider.Poller  = (*Outbox)(nil)
)

// New makes the folders and removes what a crash left half written.
func New(o Options) (*Outbox, error) {
	if err := (Config{Dir: o.Dir, Slots: o.Slots}).Validate(); err != nil {
		return nil, err
	}
	if o.Slots == 0 {
		o.Slots = 8
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	limit, err := provider.NewLimit(o.Slots, 0)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	replies := filepath.Join(o.Dir, "replies")
	b := &Outbox{
		messages: filepath.Join(o.Dir, "messages"), replies: replies,
		done: filepath.Join(replies, "done"), bad: filepath.Join(replies, "bad"),
		limit: limit, disk: realDisk{}, now: o.Now, log: o.Log,
	}
	for _, d := range []string{b.messages, b.done, b.bad} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("outbox: %w", err)
		}
	}
	left, err := filepath.Glob(filepath.Join(b.messages, ".*"+partial))
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	for _, f := range left {
		if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("outbox: remove what a crash left: %w", err)
		}
	}
	return b, nil
}

// Encode writes the file of a message but for its Date, which is when Send writes it.
func (b *Outbox) Encode(m reminder.Message) (reminder.Wire, error) {
	if err := provider.Inspect(m, reminder.SMS, reminder.Email); err != nil {
		return reminder.Wire{}, err
	}
	return reminder.Wire{Format: reminder.WireMail, Body: reminder.Mask(render(m))}, nil
}

// Open waits for a slot.
func (b *Outbox) Open(ctx context.Context) (provider.Slot, error) {
	release, err := b.limit.Take(ctx)
	if err != nil {
		return nil, err
	}
	return &slot{box: b, release: release}, nil
}

// slot is the right to write one file.
type slot struct {
	box     *Outbox
	release func()
	spent   bool
}

// Close gives the slot back.
func (s *slot) Close() {
	s.spent = true
	s.release()
}

// Send writes the file.
func (s *slot) Send(ctx context.Context, m reminder.Message) (provider.Accepted, error) {
	if s.spent {
		return provider.Accepted{}, &provider.Error{Outcome: provider.Retry, Code: "slot_used", Err: provider.ErrSlotUsed}
	}
	s.spent = true
	if err := provider.Encoded(m, reminder.SMS, reminder.Email); err != nil {
		return provider.Accepted{}, err
	}
	if err := ctx.Err(); err != nil {
		return provider.Accepted{}, &provider.Error{Outcome: provider.Retry, Code: provider.Cause(err), Err: err}
	}
	return s.box.write(ctx, m)
}

// FinalAfter implements provider.Final: what is not there did not leave.
func (b *Outbox) FinalAfter() time.Duration { return 0 }

// Lookup reads the file of a reference.
func (b *Outbox) Lookup(_ context.Context, reference string) (provider.Accepted, bool, error) {
	if !provider.ValidReference(reference) {
		return provider.Accepted{}, false, fmt.Errorf("outbox: lookup: %w", provider.ErrReference)
	}
	at, err := b.written(reference)
	if errors.Is(err, fs.ErrNotExist) {
		return provider.Accepted{}, false, nil
	}
	if err != nil {
		return provider.Accepted{}, false, fmt.Errorf("outbox: lookup: %w", err)
	}
	return provider.Accepted{CarrierID: reference, At: at}, true, nil
}

// Check writes a file to the messages folder, flushes and removes it, and lists the replies.
func (b *Outbox) Check(context.Context) error {
	name := filepath.Join(b.messages, ".check-"+rand.Text()+partial)
	if err := errors.Join(b.flush(name, []byte("check\n")), b.disk.remove(name)); err != nil {
		return fmt.Errorf("outbox: the messages folder cannot be written to: %w", err)
	}
	if _, err := os.ReadDir(b.replies); err != nil {
		return fmt.Errorf("outbox: the replies folder cannot be read: %w", err)
	}
	return nil
}

func (b *Outbox) file(reference string) string {
	return filepath.Join(b.messages, reference+".txt")
}

// written is the Date of a message file.
func (b *Outbox) written(reference string) (time.Time, error) {
	raw, err := os.ReadFile(b.file(reference))
	if err != nil {
		return time.Time{}, err
	}
	head, _, _ := strings.Cut(string(raw), "\n\n")
	for line := range strings.Lines(head) {
		if v, ok := strings.CutPrefix(line, "Date: "); ok {
			return time.Parse(time.RFC3339, strings.TrimSpace(v))
		}
	}
	return time.Time{}, errors.New("outbox: message file without a Date")
}
