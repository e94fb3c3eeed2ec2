package httpsms

import (
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// SenderKind is the type of number of a sender.
type SenderKind uint8

// The kinds.
const (
	NoSender      SenderKind = iota
	Alphanumeric             // 1 to 11 letters, digits and spaces inside, at least one letter
	International            // E.164, with its plus or without
	Short                    // 3 to 8 digits
)

// KindOf says what kind of sender s is.
func KindOf(s string) SenderKind {
	switch {
	case international(s), len(s) > 8 && international("+"+s):
		return International
	case len(s) >= 3 && len(s) <= 8 && digits(s):
		return Short
	case len(s) <= 11 && strings.ContainsFunc(s, letter) && strings.Trim(s, alphanumeric+" ") == "" && strings.TrimSpace(s) == s:
		return Alphanumeric
	}
	return NoSender
}

// WithPlus is a sender as carriers want it that take numbers in E.164 only with the plus.
func WithPlus(sender string, kind SenderKind) string {
	if kind == International && sender[0] != '+' {
		return "+" + sender
	}
	return sender
}

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func letter(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' }

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// international reports E.164: a plus, and 8 to 15 digits that do not begin with 0.
func international(s string) bool {
	n, ok := strings.CutPrefix(s, "+")
	return ok && len(n) >= 8 && len(n) <= 15 && digits(n) && n[0] != '0'
}

// From is the address of one who wrote, as an SMS address: carriers leave out the plus of E.164 which their documents promise.
func From(number string) reminder.Address {
	if international("+" + number) {
		number = "+" + number
	}
	return reminder.NewAddress(reminder.SMS, number)
}

// Validity is how long a message that is useless after until may try to be delivered, from now, held between lo and hi; 0 where
// nothing is said.
func Validity(until, now time.Time, lo, hi time.Duration) time.Duration {
	if until.IsZero() {
		return 0
	}
	return min(max(until.Sub(now), lo), hi)
}
