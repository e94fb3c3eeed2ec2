package reminder

import "fmt"

// Channel is a way to a person.
type Channel string

// The channels.
const (
	SMS   Channel = "sms"
	Email Channel = "email"
)

// Channels in their default order of preference.
var Channels = []Channel{SMS, Email}

// Address is where a person is reached: E.164 with '+' for SMS, a mail address for e-mail. It prints masked.
type Address struct {
	Channel Channel
	value   Masked
}

// NewAddress wraps an address that is already normalised (package contact does that).
func NewAddress(c Channel, normalised string) Address { return Address{c, Mask(normalised)} }

// Reveal returns the address. Only carriers, the address hash and sealed storage call it.
func (a Address) Reveal() string { return a.value.Reveal() }

// IsZero reports whether there is no address.
func (a Address) IsZero() bool { return a.value.IsZero() }

// String prints the channel and a mask.
func (a Address) String() string {
	if a.IsZero() {
		return ""
	}
	return string(a.Channel) + ":" + mask
}

// GoString masks %#v.
func (a Address) GoString() string { return a.String() }

// Format masks every verb.
func (a Address) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, a.String()) }

// MarshalText masks JSON, YAML and zap's reflection.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }
