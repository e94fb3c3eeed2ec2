package template

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// ErrValue is returned for a fact whose value is not of its kind. The text names the fact and the reason, never the value.
var ErrValue = errors.New("template: value")

// CheckValue holds a value against the kind of the placeholder called fact. A phone is 3 to 15 digits (ITU-T E.164 §6) with spaces and
// punctuation between them; a mail address is a bare RFC 5322 addr-spec; a link is what reminder.IsLink takes; a given name is letters, and ' - . or a space
// between them; a code is six digits; every value is one line of visible letters.
func CheckValue(fact, value string) error {
	p, ok := Lookup(fact)
	if !ok {
		return fmt.Errorf("%w of {%s}: no such placeholder", ErrValue, fact)
	}
	if reason := p.fault(value); reason != "" {
		return fmt.Errorf("%w of {%s}: %s", ErrValue, fact, reason)
	}
	return nil
}

func (p Placeholder) fault(value string) string {
	switch {
	case value == "":
		return "empty"
	case !utf8.ValidString(value):
		return "not UTF-8"
	case letters(value) > p.longest():
		return fmt.Sprintf("longer than %d letters", p.longest())
	case strings.ContainsFunc(value, Invisible):
		return "a control, zero-width or other invisible letter"
	case strings.TrimSpace(value) != value:
		return "a space at its beginning or end"
	}
	switch p.Kind {
	case Phone:
		return phoneFault(value)
	case Mail:
		if a, err := mail.ParseAddress(value); err != nil || a.Address != value {
			return "not a bare mail address"
		}
	case Link:
		if !reminder.IsLink(value) {
			return "not a plain https address"
		}
	case Person:
		return personFault(value)
	case Code:
		if len(value) != longestCode || strings.Trim(value, "0123456789") != "" {
			return "not six digits"
		}
	}
	return ""
}

// longest is the most letters of a value in any language.
func (p Placeholder) longest() int {
	n := 0
	for tag := range languages {
		n = max(n, p.Longest(tag))
	}
	return n
}

func phoneFault(value string) string {
	digits := 0
	for i, r := range value {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == '+' && i == 0, i > 0 && strings.ContainsRune(" -/().", r), r == '(':
		default:
			return "not a phone number"
		}
	}
	if digits < 3 || digits > 15 {
		return "not a phone number: want 3 to 15 digits"
	}
	return ""
}

func personFault(value string) string {
	found := false
	for _, r := range value {
		switch {
		case unicode.IsLetter(r):
			found = true
		case unicode.IsMark(r), strings.ContainsRune(" -'’.", r):
		default:
			return "not a given name: want letters"
		}
	}
	if !found {
		return "not a given name: want letters"
	}
	return ""
}
