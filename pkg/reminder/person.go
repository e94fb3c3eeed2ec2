package reminder

import (
	"errors"
	"fmt"
	"time"
)

// Country is the ISO 3166-1 alpha-2 code of the register a national id belongs to: "DK", "SE", "NO", "FI", "IS".
type Country string

// NationalID is a CPR number, personnummer, fødselsnummer or the like, in canonical form: digits (and letters where the
// register has them) without separators; Swedish numbers with their century, twelve digits. It prints masked.
type NationalID struct {
	Country Country
	value   Masked
}

// NewNationalID wraps a canonical national id.
func NewNationalID(c Country, canonical string) NationalID {
	return NationalID{Country: c, value: Mask(canonical)}
}

// Reveal returns the canonical number. Only the pseudonym function and sealed storage call it.
func (n NationalID) Reveal() string { return n.value.Reveal() }

// IsZero reports whether there is no number.
func (n NationalID) IsZero() bool { return n.value.IsZero() }

// String prints masked.
func (n NationalID) String() string { return n.value.String() }

// Format masks every verb.
func (n NationalID) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, n.String()) }

// MarshalText masks JSON, YAML and zap's reflection.
func (n NationalID) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// PersonKey stands for a person everywhere behind the intake door: a versioned keyed pseudonym of the national id,
// "1-" and 32 hex digits. It is neither secret nor reversible without the key.
type PersonKey string

// Shards is the number of shards of the journal and the state.
const Shards = 64

// Shard is the shard of the person's entries and state, 0 to 63.
func (k PersonKey) Shard() int { return shardOf(string(k)) }

// ErrPersonKey is returned for text which is not a PersonKey; a national id is never one.
var ErrPersonKey = errors.New("reminder: not a person key: want a version, '-' and 32 hex digits")

// ParsePersonKey checks the form of a person key.
func ParsePersonKey(s string) (PersonKey, error) {
	if len(s) != 34 || s[0] < '1' || s[0] > '9' || s[1] != '-' || !isHex(s[2:]) {
		return "", ErrPersonKey
	}
	return PersonKey(s), nil
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// shardOf reads the shard from the first hex byte behind "v-".
func shardOf(key string) int {
	if len(key) < 4 {
		return 0
	}
	return int(unhex(key[2])<<4|unhex(key[3])) % Shards
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0
}

// Date is a calendar day, used for birth dates. The zero Date is unknown.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads "2006-01-02".
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("reminder: date: want YYYY-MM-DD")
	}
	y, m, d := t.Date()
	return Date{y, m, d}, nil
}

// IsZero reports whether the date is unknown.
func (d Date) IsZero() bool { return d == Date{} }

// Age is the number of whole years from d to the day of at, in at's zone; -1 when d is unknown or later than at.
func (d Date) Age(at time.Time) int {
	if d.IsZero() {
		return -1
	}
	y, m, day := at.Date()
	age := y - d.Year
	if m < d.Month || (m == d.Month && day < d.Day) {
		age--
	}
	return max(age, -1)
}

// ISO is the date as YYYY-MM-DD, "" when unknown. It is personal data: sealed storage only.
func (d Date) ISO() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// String prints masked: a birth date is personal data.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return mask
}

// Format masks every verb.
func (d Date) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, d.String()) }

// MarshalText masks JSON, YAML and zap's reflection.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
