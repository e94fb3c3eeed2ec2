package config

import (
	"fmt"
	"io"
)

// hidden is what a secret prints as.
const hidden = "(not shown)"

// Secret is a value that may hold a password. It prints masked, whatever the verb or encoder.
type Secret string

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }

// Format implements fmt.Formatter.
func (s Secret) Format(w fmt.State, _ rune) {
	if s != "" {
		_, _ = io.WriteString(w, hidden)
	}
}

// MarshalText implements encoding.TextMarshaler, which JSON, YAML and zap use.
func (s Secret) MarshalText() ([]byte, error) { return fmt.Append(nil, s), nil }

// Settings are a carrier's own settings, undecoded. Names are in lower case. They may hold a password and so print as
// their number alone.
type Settings map[string]any

// Format implements fmt.Formatter.
func (s Settings) Format(w fmt.State, _ rune) {
	_, _ = fmt.Fprintf(w, "(%d settings, not shown)", len(s))
}

// MarshalText implements encoding.TextMarshaler, which JSON, YAML and zap use.
func (s Settings) MarshalText() ([]byte, error) { return fmt.Append(nil, s), nil }
