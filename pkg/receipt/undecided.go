package receipt

import (
	"strings"
	"time"
)

// undecided begins the reason of a preview that waits for a register.
const undecided = "undecided: "

// Silent is the reason of an undecided preview: the register, by its method, has not answered since an instant. It stands on the
// letter list: "undecided: krr has not answered since 2026-03-01T12:00:00Z".
func Silent(register string, since time.Time) string {
	return undecided + register + " has not answered since " + since.UTC().Format(time.RFC3339)
}

// IsUndecided reports whether a preview's reason is that a register is silent.
func IsUndecided(reason string) bool { return strings.HasPrefix(reason, undecided) }
