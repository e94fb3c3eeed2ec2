package provider

import (
	"context"
	"net/http"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Kind is what a Notice is.
type Kind string

// The kinds of notices.
const (
	Reply      Kind = "reply"  // a person wrote to us
	ReportKind Kind = "report" // the carrier tells what became of a message
)

// Status is what a carrier reports of a message it accepted.
type Status string

// The statuses. A value the carrier package does not know is Pending: it settles nothing, and the carrier's own word
// stays readable in Code.
const (
	Pending     Status = "pending"     // on its way
	Delivered   Status = "delivered"   // final
	Undelivered Status = "undelivered" // final
)

// Final reports whether nothing but another final status may follow. A Pending that comes after a final one is late
// and is ignored: reports come out of order.
func (s Status) Final() bool { return s == Delivered || s == Undelivered }

// Notice is something a carrier tells us: a person's reply, or a report on a message. Its personal fields print masked.
type Notice struct {
	ID   string // the carrier's own id of this notice, to know a repeated one; "" when it has none
	Kind Kind
	At   time.Time // when it happened, by the carrier, and the same each time it is handed over; zero when it does not say

	From reminder.Address // reply: as the carrier gave it, not normalised yet
	Text reminder.Masked  // reply: what was written, without the keyword of a shared number
	// Automatic says that a machine wrote it, by the header of a mail (see Automatic). It is never answered.
	Automatic bool
	// Unsubscribe is what stands between '+' and '@' of the address that a mail was sent to, "" when nothing does: the token of
	// a mailto in List-Unsubscribe.
	Unsubscribe string

	Reference string // of the message it is about: ours; "" when the carrier does not know
	CarrierID string // report: as in Accepted
	Status    Status // report
	Code      string // report: the carrier's own code, short, never personal data
}

// Report is the delivery report of a Notice.
type Report struct {
	ID        string
	Reference string
	CarrierID string
	Status    Status
	Code      string
	At        time.Time
}

// Report is what a notice of kind report says.
func (n Notice) Report() Report {
	return Report{ID: n.ID, Reference: n.Reference, CarrierID: n.CarrierID, Status: n.Status, Code: n.Code, At: n.At}
}

// Response is what a carrier wants to hear after a webhook. Some carriers send the body to the patient as a message, some
// never come again after a 4xx; so the carrier package decides it, not the HTTP server.
type Response struct {
	Status      int // HTTP status
	ContentType string
	Body        []byte
}

// Webhook is implemented by carriers that call us.
type Webhook interface {
	// Parse checks the carrier's proof on the raw bytes of the body and reads the notices in it. The Response is to be given
	// once every notice has been dealt with; with an error it is the refusal to give at once.
	Parse(r *http.Request) ([]Notice, Response, error)
}

// Poller is implemented by carriers that are asked for notices.
type Poller interface {
	// Poll hands what has come, oldest first, to handle, and acknowledges a notice to the carrier only after handle returned
	// nil. A notice whose handling failed is handed over again by a later Poll, and until then no later notice from the
	// same address is, so nobody's START overtakes their STOP. Notices from others are not held up. The error joins what failed.
	Poll(ctx context.Context, handle func(ctx context.Context, n Notice) error) error
}
