package reminder

import (
	"fmt"
	"io"
)

const mask = "[masked]"

// Masked is personal data as text (a name, an address, a message). Every way of printing or encoding it yields
// "[masked]", or nothing when it is empty; Reveal returns the text.
type Masked struct{ s string }

// Mask wraps personal data.
func Mask(s string) Masked { return Masked{s} }

// Reveal returns the text. Call it only where the text must leave: carriers, sealed storage, rendering.
func (m Masked) Reveal() string { return m.s }

// IsZero reports whether there is no text.
func (m Masked) IsZero() bool { return m.s == "" }

// String prints "[masked]", or "" when there is nothing to mask.
func (m Masked) String() string {
	if m.s == "" {
		return ""
	}
	return mask
}

// GoString masks %#v.
func (m Masked) GoString() string { return m.String() }

// Format masks every verb.
func (m Masked) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

// MarshalText masks JSON, YAML and zap's reflection.
func (m Masked) MarshalText() ([]byte, error) { return []byte(m.String()), nil }
