package config

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalid is what every KeyError is.
var ErrInvalid = errors.New("config: invalid")

// KeyError is one key that cannot be accepted.
type KeyError struct {
	Key   string // as in the file, or the environment variable's name if no key belongs to it
	Value string // as it was written; empty if it is a secret, is missing or is not known to be harmless
	Where string // "husk.yaml line 12", "HUSK_SEND_BATCH", "--send-batch"; empty for a value set by code
	Want  string // what is allowed
}

// Error implements error. It is one line.
func (p *KeyError) Error() string {
	var b strings.Builder
	b.WriteString("config: ")
	b.WriteString(p.Key)
	if p.Value != "" {
		fmt.Fprintf(&b, " = %.120q", p.Value)
	}
	if p.Where != "" && p.Where != p.Key {
		fmt.Fprintf(&b, " (%s)", p.Where)
	}
	b.WriteString(": want ")
	b.WriteString(p.Want)
	return b.String()
}

// Is reports that a KeyError is ErrInvalid.
func (p *KeyError) Is(target error) bool { return target == ErrInvalid }

// joined makes one error of problems; nil if there are none.
func joined(problems []*KeyError) error {
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}
