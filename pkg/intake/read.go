package intake

import (
	"fmt"
	"mime"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// ReceivedHeader is the header of an event that is put back from the dead letters: when the stream first took it, in the form of
// time.RFC3339Nano. What was said before a person was erased is old, however late it is put back. The header can make an event
// older than it is in the stream, never newer; one that can't be read makes it a dead letter.
const ReceivedHeader = "Husk-Received"

// receivedBefore is when an event first came that came now, as its header tells.
func receivedBefore(h nats.Header, now time.Time) (time.Time, error) {
	told, ok := h[ReceivedHeader]
	if !ok {
		return now, nil
	}
	var at time.Time
	var err error
	if len(told) == 1 {
		at, err = time.Parse(time.RFC3339Nano, told[0])
	}
	if err != nil || at.IsZero() {
		return now, &MalformedError{Reason: ReasonMalformed, Field: "header " + ReceivedHeader, Fix: "want one time such as 2006-01-02T15:04:05Z, or no such header"}
	}
	if at.After(now) {
		return now, nil
	}
	return at, nil
}

// Read decodes an event with its decoder, as Run does. It leaves Came and Order.Sequence to the caller. Errors wrap ErrMalformed where
// the decoder keeps to its word; only a *MalformedError is sure to tell nothing of the event's content.
func (in *Intake) Read(subject string, header nats.Header, data []byte) (a reminder.Appointment, err error) {
	if len(data) > MaxEvent {
		return a, &MalformedError{Reason: ReasonTooLarge, Fix: fmt.Sprintf("an event has at most %d bytes", MaxEvent)}
	}
	d := in.Decoders[mediaType(header)]
	if d == nil {
		return a, &MalformedError{Reason: ReasonUnknownType, Fix: "no decoder for its Content-Type"}
	}
	// A decoder that panics would take the process down, and again when the event comes back.
	defer func() {
		if recover() != nil {
			a, err = reminder.Appointment{}, &MalformedError{Reason: ReasonMalformed, Fix: "the decoder broke down on it: a fault in the program"}
		}
	}()
	return d.Decode(subject, header, data)
}

// mediaType is the event's, "" when it has none, and what no decoder has when it cannot be read.
func mediaType(header nats.Header) string {
	h := header.Get("Content-Type")
	if h == "" {
		return ""
	}
	t, _, err := mime.ParseMediaType(h)
	if err != nil {
		return "?"
	}
	return t
}
