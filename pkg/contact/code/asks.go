package code

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// ErrConflict is what a Store says when somebody else has written the key since.
var ErrConflict = errors.New("code: the entry has changed since it was read")

// Store keeps small values with a revision each. It must be one for all processes of the installation, and forget nothing
// before its time: a store that lost a try would give it again. Values hold keyed hashes, pseudonyms and times alone; keys hold
// pseudonyms alone, of the characters a-z, 0-9, '.' and '-'.
type Store interface {
	// Get returns a key's value and its revision; no value and 0 when there is none.
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Put writes a value if the key's revision is still the given one (0: the key is not there), else it returns
	// ErrConflict. From until on the key may be forgotten.
	Put(ctx context.Context, key string, value []byte, revision uint64, until time.Time) error
}

// Message is one code on its way to the line: purpose verify, channel SMS. It prints without number and code. Who sends it keeps
// both nowhere but sealed with the person's own key.
type Message struct {
	Person    reminder.PersonKey
	Address   reminder.Address
	Hash      reminder.AddressHash
	Code      reminder.Masked
	Unit      string
	Language  string
	Reference string    // random, names this challenge to the line
	NotAfter  time.Time // the code is useless from here on
}

// Sender is the line's door for codes. Between Send and the wire it asks the gate and the bars once more, as for any
// message.
type Sender interface {
	// Send returns when the carrier has taken the message (nil), when it surely will not leave (an error that wraps
	// ErrNotSent), or when nobody knows (any other error; the code stays good, it may have arrived).
	Send(ctx context.Context, m Message) error
}

// ErrNotSent is wrapped by the error of a message that surely did not leave.
var ErrNotSent = errors.New("code: the message was not sent")

// NotSentError is an ErrNotSent whose reason the line knows: a word of small letters and '_' from a closed list of the line's, such
// as "kill_switch"; "" = not told.
type NotSentError struct{ Reason string }

// Error names the reason.
func (e *NotSentError) Error() string {
	if e.Reason == "" {
		return ErrNotSent.Error()
	}
	return ErrNotSent.Error() + ": " + e.Reason
}

// Unwrap is ErrNotSent.
func (e *NotSentError) Unwrap() error { return ErrNotSent }

// notSent is the line's error with nothing of it but the reason: it may quote what it was handed.
func notSent(err error) error {
	var e *NotSentError
	if !errors.As(err, &e) || len(e.Reason) > 40 || strings.Trim(e.Reason, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return &NotSentError{}
	}
	return &NotSentError{e.Reason}
}

// Standing is what speaks against a number for a person.
type Standing int

// The standings. The zero Standing is a no: what is not known is not written to.
const (
	NotKnown Standing = iota
	Clear
	Barred    // a STOP came from it
	Disputed  // somebody has said that it is the wrong number, or a misdelivery to it is open
	Forbidden // the person must not be written to: protected, deceased, or a child below the pack's age
)

// Standings asks the certified state.
type Standings interface {
	// Standing is of the number whoever has it: a dispute of another person's counts.
	Standing(ctx context.Context, person reminder.PersonKey, address reminder.AddressHash) (Standing, error)
}

// The errors of Start and Check that say why there is no code or no proof.
var (
	ErrRequest   = errors.New("code: request")
	ErrBarred    = errors.New("code: a STOP came from the number: no code is sent there")
	ErrDisputed  = errors.New("code: the number is in dispute: it needs proof by another way")
	ErrForbidden = errors.New("code: the person must not be written to")
	ErrUnknown   = errors.New("code: what is known of the number can't be had now: try again")
	ErrStore     = errors.New("code: the store does not answer rightly: try again")
)
