package contact

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers/v2"
	"golang.org/x/net/idna"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// ErrAddress is the error of text that is no address Husk can write to. What wraps it says what is wrong and never holds the
// text.
var ErrAddress = errors.New("contact: address")

func refuse(why string) error { return fmt.Errorf("%w: %s", ErrAddress, why) }

// Normalise turns what was typed or imported into the one form an address has, so that equal addresses have equal hashes.
// country is where a phone number without a country code belongs: the record's, never a guess. It accepts
//
//   - for SMS a number that can receive one, as E.164 with '+' (ITU-T E.164): in Denmark any number, since its plan does not
//     tell mobile from fixed; a Norwegian number in 59…, which carriers use and the number library does not know;
//   - for e-mail one mail address (RFC 5321), with its domain in ASCII (RFC 5891). The whole is lower case: a STOP must
//     find the address however it is written, and no mail provider in use tells the cases apart. Dots and plus tags are kept.
//
// It refuses letters, two numbers in one field, short codes, landlines and quoted or non-ASCII local parts.
func Normalise(c reminder.Channel, raw string, country reminder.Country) (reminder.Address, error) {
	var s string
	var err error
	switch c {
	case reminder.SMS:
		s, err = phone(strings.TrimSpace(raw), country)
	case reminder.Email:
		s, err = mail(strings.TrimSpace(raw))
	default:
		err = refuse("unknown channel: want sms or email")
	}
	if err != nil {
		return reminder.Address{}, err
	}
	return reminder.NewAddress(c, s), nil
}

func phone(raw string, country reminder.Country) (string, error) {
	if raw == "" {
		return "", refuse("no number")
	}
	if len(raw) > 64 {
		return "", refuse("too long for one number")
	}
	for i, r := range raw {
		switch {
		case unicode.IsDigit(r), strings.ContainsRune(" \u00a0\u202f-.()", r):
		case r == '+' && i == 0:
		case unicode.IsLetter(r):
			return "", refuse("a number has no letters: put a note elsewhere")
		default:
			return "", refuse("want one number: digits, spaces, '-', '.', brackets and a leading '+'")
		}
	}
	n, err := phonenumbers.Parse(raw, string(country))
	if errors.Is(err, phonenumbers.ErrInvalidCountryCode) {
		return "", refuse("want the number with '+' and its country code, or the country of the record")
	}
	if err != nil {
		return "", refuse("not a phone number")
	}
	if !phonenumbers.IsPossibleNumber(n) {
		return "", refuse("too short or too long for a phone number of its country")
	}
	if norwegian59(n) {
		return phonenumbers.Format(n, phonenumbers.E164), nil
	}
	if !phonenumbers.IsValidNumber(n) {
		return "", refuse("no such number in its country's plan: check the digits and the country")
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
		return phonenumbers.Format(n, phonenumbers.E164), nil
	}
	return "", refuse("the number can't receive SMS: want a mobile number")
}

// norwegian59 reports whether the number is in +47 59, a mobile series that some metadata leave out.
func norwegian59(n *phonenumbers.PhoneNumber) bool {
	nat := n.GetNationalNumber()
	return n.GetCountryCode() == 47 && nat >= 59_000_000 && nat <= 59_999_999
}

// The length limits of RFC 5321 § 4.5.3.1, in octets.
const (
	maxLocal  = 64
	maxDomain = 253
	maxMail   = 254
)

func mail(raw string) (string, error) {
	if raw == "" {
		return "", refuse("no mail address")
	}
	local, domain, ok := strings.Cut(raw, "@")
	if !ok || strings.Contains(domain, "@") {
		return "", refuse("want one mail address with one '@'")
	}
	if len(local) == 0 || len(local) > maxLocal {
		return "", refuse("want 1 to 64 characters before the '@'")
	}
	for i := range len(local) {
		if !isAtext(local[i]) {
			return "", refuse("want only letters a to z, digits and !#$%&'*+-/=?^_`{|}~. before the '@'")
		}
	}
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return "", refuse("want no '.' at an end or twice in a row before the '@'")
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	// A name that is not its own form would hash differently when it comes back.
	if again, err2 := idna.Lookup.ToASCII(ascii); err != nil || err2 != nil || again != ascii || !isDomain(ascii) {
		return "", refuse("want a domain name with at least one '.' behind the '@'")
	}
	s := strings.ToLower(local) + "@" + ascii
	if len(s) > maxMail {
		return "", refuse("too long for a mail address")
	}
	return s, nil
}

// isAtext reports whether a byte may stand in an unquoted local part (RFC 5322 § 3.2.3).
func isAtext(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", b) >= 0
}

func isDomain(s string) bool {
	if len(s) > maxDomain || !strings.Contains(s, ".") {
		return false
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 {
			return false
		}
		for i := range len(l) {
			if b := l[i]; b != '-' && (b < '0' || b > '9') && (b < 'a' || b > 'z') {
				return false
			}
		}
	}
	// A top-level domain has a letter first, or else it is an IP address.
	top := labels[len(labels)-1]
	return top[0] >= 'a' && top[0] <= 'z'
}
