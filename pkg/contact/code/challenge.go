package code

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// What a code is. The numbers are the product's promise, not settings.
const (
	Digits = 6
	Life   = 10 * time.Minute
	Tries  = 5
)

// Phase is where a challenge stands.
type Phase string

// The phases; the last two are final.
const (
	Open   Phase = "open"
	Proven Phase = "proven"
	Voided Phase = "void"
)

// Cause is why a challenge is void.
type Cause string

// The causes.
const (
	Spent     Cause = "spent"     // five wrong codes
	Expired   Cause = "expired"   // ten minutes
	NotSent   Cause = "not_sent"  // the line surely did not send it
	Refused   Cause = "refused"   // the number has become barred or disputed
	Withdrawn Cause = "withdrawn" // somebody called Void
)

// challenge is one code for one person and number, as the store keeps it: no code, no number.
type challenge struct {
	ID      string               `json:"id"` // random
	Person  reminder.PersonKey   `json:"person"`
	Address reminder.AddressHash `json:"address"`
	MAC     []byte               `json:"mac"`
	Issued  time.Time            `json:"issued"`
	Tries   int                  `json:"tries"` // codes told so far
	Phase   Phase                `json:"phase"`
	Cause   Cause                `json:"cause,omitempty"`
	Closed  time.Time            `json:"closed,omitzero"`
}

// mac is the keyed hash of a code in this challenge. There are a million codes: without the key any hash is reversed at
// once; with the id, equal codes of two challenges have two hashes.
func (c challenge) mac(key []byte, code string) []byte {
	m := hmac.New(sha256.New, key)
	for _, part := range []string{"husk one-time code 1", c.ID, string(c.Person), string(c.Address), code} {
		_, _ = fmt.Fprintf(m, "%d:%s", len(part), part)
	}
	return m.Sum(nil)
}

// expired reports whether the code no longer holds. A clock before its issue is as wrong as one behind its end.
func (c challenge) expired(now time.Time) bool {
	return now.Before(c.Issued.Add(-slack)) || !now.Before(c.Issued.Add(Life))
}

// slack is how far two processes' clocks may differ.
const slack = time.Minute

// void closes an open challenge.
func (c challenge) void(cause Cause, now time.Time) challenge {
	if c.Phase == Open {
		c.Phase, c.Cause, c.Closed = Voided, cause, now
	}
	return c
}

// try takes one try down, before anything is compared. ok is false when there is none to be had: the challenge that comes
// back says why, and is to be kept.
func (c challenge) try(now time.Time) (next challenge, ok bool) {
	switch {
	case c.Phase != Open:
		return c, false
	case c.expired(now):
		return c.void(Expired, now), false
	case c.Tries >= Tries:
		return c.void(Spent, now), false
	}
	c.Tries++
	return c, true
}

// settle says what a try came to.
func (c challenge) settle(right bool, now time.Time) challenge {
	switch {
	case c.Phase != Open:
	case right:
		c.Phase, c.Closed = Proven, now
	case c.Tries >= Tries:
		c = c.void(Spent, now)
	}
	return c
}
