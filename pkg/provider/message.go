package provider

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// The reasons why no carrier may be handed a message at all.
var (
	ErrReference = errors.New("provider: message reference: want 1 to 64 letters, digits, '-' or '_'")
	ErrChannel   = errors.New("provider: message channel: this carrier does not serve it, route the channel to another carrier")
	ErrTo        = errors.New("provider: message recipient: want an address of the message's channel")
	ErrHeader    = errors.New("provider: message field: a field other than the text holds a line break or control character, or is not UTF-8")
	ErrText      = errors.New("provider: message text: want UTF-8 that is not empty")
	ErrWire      = errors.New("provider: message wire: it is empty: call Encode first")
	ErrSlotUsed  = errors.New("provider: slot: it has carried its message, open another")
)

// Inspect refuses, with an *Error of outcome Reject, a message that no carrier may be handed: without a proper
// reference, on a channel the carrier does not serve, or with a line break or control character in any field but the
// text. So no field can grow into a header or command of its own (RFC 5321 section 2.3.8, RFC 5322 section 2.2).
// Every carrier calls it first in Encode.
func Inspect(m reminder.Message, serves ...reminder.Channel) error {
	if err := addressed(m, serves); err != nil {
		return err
	}
	for _, f := range []string{
		m.To.Reveal(), m.Sender, m.ReplyTo, m.Subject.Reveal(), m.Language, m.Template, m.Unit, string(m.Purpose), m.Unsubscribe.Header(),
	} {
		if !oneLine(f) {
			return reject("bad_field", ErrHeader)
		}
	}
	if m.Text.IsZero() || !utf8.ValidString(m.Text.Reveal()) {
		return reject("bad_text", ErrText)
	}
	return nil
}

// Encoded refuses, with an *Error of outcome Reject, a message that was not through Encode. Every carrier calls it first in Send.
func Encoded(m reminder.Message, serves ...reminder.Channel) error {
	if err := addressed(m, serves); err != nil {
		return err
	}
	if m.Wire.Body.IsZero() {
		return reject("not_encoded", ErrWire)
	}
	return nil
}

func reject(code string, err error) error { return &Error{Outcome: Reject, Code: code, Err: err} }

func addressed(m reminder.Message, serves []reminder.Channel) error {
	switch {
	case !ValidReference(m.Reference):
		return reject("bad_reference", ErrReference)
	case !slices.Contains(serves, m.Channel):
		return reject("bad_channel", ErrChannel)
	case m.To.IsZero() || m.To.Channel != m.Channel:
		return reject("bad_recipient", ErrTo)
	}
	return nil
}

// ValidReference reports whether s is 1 to 64 letters, digits, hyphens or underscores: safe as a file name, in a
// Message-ID and in a query string.
func ValidReference(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return true
}

// oneLine reports whether s has neither control characters nor the Unicode line separators.
func oneLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	})
}
