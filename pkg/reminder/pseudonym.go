package reminder

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// AppointmentKey is the pseudonym of (system, appointment id): "1-" and 32 hex digits.
type AppointmentKey string

// ID names a reminder: a pseudonym of (system, appointment, rule, start), "1-" and 32 hex digits; so a changed room
// sends nothing twice and a moved time reminds anew.
type ID string

// AddressHash is the keyed hash of a normalised address, "1-" and 32 hex digits: the key of a bar.
type AddressHash string

// Shard is the shard of the address's bar, 0 to 63.
func (h AddressHash) Shard() int { return shardOf(string(h)) }

// Pseudonyms is the keyed PRF (HMAC-SHA-256, cut to 128 bits) behind every key and id in Husk. A plain hash would be
// reversed by enumeration: there are under 4·10⁸ CPR numbers.
type Pseudonyms struct {
	version int
	key     []byte
}

// NewPseudonyms takes a key version, 1 to 9, and at least 32 bytes of key.
func NewPseudonyms(version int, key []byte) (Pseudonyms, error) {
	if version < 1 || version > 9 {
		return Pseudonyms{}, fmt.Errorf("reminder: pseudonym key version %d: want 1 to 9", version)
	}
	if len(key) < 32 {
		return Pseudonyms{}, errors.New("reminder: pseudonym key: want at least 32 bytes")
	}
	return Pseudonyms{version, append([]byte(nil), key...)}, nil
}

func (p Pseudonyms) prf(parts ...string) string {
	if len(p.key) == 0 {
		panic("reminder: zero Pseudonyms")
	}
	m := hmac.New(sha256.New, p.key)
	for _, s := range parts {
		// Length first: no two lists of parts give the same input.
		_, _ = fmt.Fprintf(m, "%d:", len(s))
		_, _ = m.Write([]byte(s))
	}
	return strconv.Itoa(p.version) + "-" + hex.EncodeToString(m.Sum(nil)[:16])
}

// Person is the pseudonym of a national id.
func (p Pseudonyms) Person(n NationalID) PersonKey {
	return PersonKey(p.prf("person", string(n.Country), n.Reveal()))
}

// Appointment is the pseudonym of a booking system's appointment.
func (p Pseudonyms) Appointment(system, id string) AppointmentKey {
	return AppointmentKey(p.prf("appointment", system, id))
}

// Reminder is the id of the reminder that rule makes for an appointment starting at start.
func (p Pseudonyms) Reminder(a AppointmentKey, rule string, start time.Time) ID {
	return ID(p.prf("reminder", string(a), rule, strconv.FormatInt(start.Unix(), 10)))
}

// StartTag tells two start instants of one appointment apart without telling what they are.
func (p Pseudonyms) StartTag(a AppointmentKey, start time.Time) string {
	return p.prf("start", string(a), strconv.FormatInt(start.Unix(), 10))
}

// Address is the keyed hash of an address.
func (p Pseudonyms) Address(a Address) AddressHash {
	return AddressHash(p.prf("address", string(a.Channel), a.Reveal()))
}

// NoticeID is the id of the nth notice (changed or cancelled) of an appointment. It needs no key: the appointment key
// is a pseudonym already, and n counts the changes, so A→B→A tells the patient of A again.
func NoticeID(a AppointmentKey, purpose Purpose, n int) ID {
	sum := sha256.Sum256([]byte(string(a) + "|" + string(purpose) + "|" + strconv.Itoa(n)))
	return ID(string(a[:2]) + hex.EncodeToString(sum[:16]))
}

// NewClaim is a random claim on one attempt, and the reference the carrier gets: two hex digits of the person's shard,
// then 26 of randomness.
func NewClaim(k PersonKey) string {
	for {
		var b [13]byte
		_, _ = rand.Read(b[:])
		if c := fmt.Sprintf("%02x", k.Shard()) + hex.EncodeToString(b[:]); strings.ContainsAny(c, "abcdef") {
			return c // one of digits alone, three in a million, would be held as a number that nothing explains
		}
	}
}

// ClaimShard is the shard a claim belongs to; false when s is no claim.
func ClaimShard(s string) (int, bool) {
	if len(s) != 28 || !isHex(s) {
		return 0, false
	}
	n := int(unhex(s[0])<<4 | unhex(s[1]))
	return n, n < Shards
}

// IsZero reports whether there is no key. Every other method of a zero Pseudonyms panics.
func (p Pseudonyms) IsZero() bool { return len(p.key) == 0 }
