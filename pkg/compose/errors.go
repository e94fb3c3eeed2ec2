package compose

import (
	"errors"
	"fmt"

	"github.com/husk-reminders/husk/pkg/redact"
)

// The refusals. Each is final for this message.
var (
	ErrNoPermit    = errors.New("compose: no permit: only the gate gives one")
	ErrNoWire      = errors.New("compose: nothing to inspect: the message was not composed here, or not encoded")
	ErrNoTemplate  = errors.New("compose: no template")
	ErrUnfit       = errors.New("compose: template lacks what a message must say, or says what it must not")
	ErrNoSender    = errors.New("compose: the unit has no sender for this channel: set sender_id or from")
	ErrHeld        = errors.New("compose: held")
	ErrTooLong     = errors.New("compose: longer than the policy pack allows")
	ErrOverCeiling = errors.New("compose: content class over the policy pack's ceiling")
)

// KindValue is the kind of a finding that this package makes beside those of package redact: the value of a fact is not
// of the fact's type (template.CheckValue).
const KindValue = "value"

// HeldError says why a message is held for a clerk. The findings tell kind, part, place and fact, never the value.
type HeldError struct {
	Template string // "da/reminder.sms@3f2a91c0"
	Findings []redact.Finding
}

// Error names the first finding and counts the others.
func (e *HeldError) Error() string {
	if len(e.Findings) == 0 {
		return fmt.Sprintf("%s: %s", ErrHeld, e.Template)
	}
	f := e.Findings[0]
	s := fmt.Sprintf("%s: %s: %s in the %s at byte %d", ErrHeld, e.Template, f.Kind, f.Part, f.Offset)
	if f.Fact != "" {
		s += ", in {" + f.Fact + "}"
	}
	if n := len(e.Findings) - 1; n > 0 {
		s += fmt.Sprintf(", and %d more", n)
	}
	return s
}

// Is makes every HeldError an ErrHeld.
func (e *HeldError) Is(target error) bool { return target == ErrHeld }
