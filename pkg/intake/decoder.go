package intake

import (
	"errors"

	"github.com/nats-io/nats.go"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// MaxEvent is the largest event that is decoded, in bytes. Real ones have about 600.
const MaxEvent = 64 << 10

// SubjectPrefix begins the subject of every booking event: husk.events.<system>.<unit>.
const SubjectPrefix = "husk.events."

// Decoder turns an event of one format into an appointment. It is pure and safe for concurrent use. Its errors wrap
// ErrMalformed, as a *MalformedError. It leaves Order.Sequence to the Intake.
type Decoder interface {
	Decode(subject string, header nats.Header, data []byte) (reminder.Appointment, error)
}

// ErrMalformed is what a Decoder's errors wrap: trying again will not help.
var ErrMalformed = errors.New("intake: malformed event")

// MalformedError tells what is wrong with an event: which field, and how to mend it. It never holds a value of the event, nor
// a name that the event chose.
type MalformedError struct {
	Reason Reason // ReasonMalformed, ReasonTooLarge, ReasonSubject or ReasonUnknownType
	Field  string // path of the field as the schema names it: "patient.id"; "" = the event as a whole
	Fix    string // what is wanted
}

// Error is "intake: malformed event: patient.id: want ...".
func (m *MalformedError) Error() string { return ErrMalformed.Error() + ": " + m.Detail() }

// Detail is field and fix, for the listing of dead letters.
func (m *MalformedError) Detail() string {
	if m.Field == "" {
		return m.Fix
	}
	return m.Field + ": " + m.Fix
}

// Unwrap is ErrMalformed.
func (m *MalformedError) Unwrap() error { return ErrMalformed }
