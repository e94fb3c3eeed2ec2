package intake

import (
	"context"
	"errors"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Sink is where appointments and dead letters go.
type Sink interface {
	// Accept plans and journals appointments, in order. A nil outer error says that for every element either everything
	// that follows from it is on disk (nil) or why it is not: an element error that wraps ErrRefused will not get better
	// by trying again and makes a dead letter; any other is tried again later. An outer error says that nothing is certain:
	// all are tried again. The slice is nil or as long as the appointments.
	Accept(ctx context.Context, as []reminder.Appointment) ([]error, error)
	// Bury seals dead letters and puts them on disk, all or an error.
	Bury(ctx context.Context, letters []DeadLetter) error
}

// Reason is why an event became a dead letter. The list is closed: it labels metrics.
type Reason string

// The reasons.
const (
	ReasonMalformed   Reason = "malformed"    // not what the format's schema asks for
	ReasonTooLarge    Reason = "too_large"    // larger than MaxEvent
	ReasonSubject     Reason = "subject"      // the subject does not agree with the event
	ReasonUnknownType Reason = "unknown_type" // a Content-Type without a decoder
	ReasonUnknownUnit Reason = "unknown_unit" // the unit directory does not have the unit
	ReasonRefused     Reason = "refused"      // refused by the Sink for another reason
	ReasonPoison      Reason = "poison"       // made the Sink fail again and again while other events went through
)

// Reasons lists all reasons.
var Reasons = []Reason{ReasonMalformed, ReasonTooLarge, ReasonSubject, ReasonUnknownType, ReasonUnknownUnit, ReasonRefused, ReasonPoison}

// ErrRefused is wrapped by a Sink's error for an appointment that it will never take.
var ErrRefused = errors.New("intake: refused")

// refusal is an ErrRefused with the reason for the listing.
type refusal struct {
	reason Reason
	err    error
}

func (r refusal) Error() string   { return ErrRefused.Error() + ": " + r.err.Error() }
func (r refusal) Unwrap() []error { return []error{ErrRefused, r.err} }

// Refuse wraps err, which must tell nothing personal, as ErrRefused for a reason of the list.
func Refuse(reason Reason, err error) error { return refusal{reason, err} }

func reasonOf(err error) Reason {
	var m *MalformedError
	var r refusal
	switch {
	case errors.As(err, &m):
		return m.Reason
	case errors.As(err, &r):
		return r.reason
	case errors.Is(err, ErrRefused):
		return ReasonRefused
	}
	return ReasonMalformed
}

// DeadLetter is an event that could not be understood or taken. Only Data holds content of the event, and is for the Sink to
// seal.
type DeadLetter struct {
	Subject     string    // as published
	ContentType string    // its header, for the replay; "" = none
	Reason      Reason    // why
	Detail      string    // field and fix, or the Sink's words; no content
	Shape       string    // size, top-level JSON type and number of fields: "612 bytes, object of 9 fields"
	Data        []byte    // the event as published
	Received    time.Time // when the stream first took it, by the clock of who took it in then; see ReceivedHeader
	Sequence    uint64    // its place in the stream
}
