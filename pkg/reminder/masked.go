package reminder

import (
	"fmt"
	"io"
)

const mask = "[masked]"

// Masked is personal data as text (a name, an address, a message). Every way of printing or encoding it yields
// "[masked]", or nothing when it is empty; Reveal returns the text. It holds a pointer because fmt looks through unexported
// fields of the structs around it without asking for methods, but prints a pointer there as a number. Compare with
// Equal, not ==.
type Masked struct{ p *string }

// Mask wraps personal data.
func Mask(s string) Masked {
	if s == "" {
		return Masked{}
	}
	return Masked{&s}
}

// Reveal returns the text. Call it only where the text must leave: carriers, sealed storage, rendering.
func (m Masked) Reveal() string {
	if m.p == nil {
		return ""
	}
	return *m.p
}

// Equal compares the texts.
func (m Masked) Equal(n Masked) bool { return m.Reveal() == n.Reveal() }

// IsZero reports whether there is no text.
func (m Masked) IsZero() bool { return m.p == nil }

// String prints "[masked]", or "" when there is nothing to mask.
func (m Masked) String() string {
	if m.p == nil {
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
