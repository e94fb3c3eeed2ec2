package provider

import (
	"context"
	"errors"
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
	// Complaint: who got the message takes it for spam, and the carrier's rules have us write to the address no more. It has the message's
	// Reference, or Unsubscribe where the message is known by that alone.
	Complaint Kind = "complaint"
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
	Text reminder.Masked  // reply: what was written, with the keyword of a shared number where there is one: inbound takes it away
	// Automatic says that a machine wrote it, by the header of a mail (see Automatic). It is never answered.
	Automatic bool
	// Unsubscribe is what stands between '+' and '@' of the address that a mail was sent to, "" when nothing does: the token of
	// a mailto in List-Unsubscribe.
	Unsubscribe string

	Reference string // of the message it is about: ours; "" when the carrier does not know
	CarrierID string // report: as in Accepted, also of one of its parts
	Status    Status // report
	Code      string // report: the carrier's own code, short, never personal data
	Fault     Fault  // report: what is wrong with the address for good
	// Signed says that the carrier proved this notice itself: a signature over its bytes, or the connection that we opened to the
	// carrier and that it came by. A shared password or a secret address proves less: whoever has read it once can say anything.
	Signed bool
}

// Report is the delivery report of a Notice.
type Report struct {
	ID        string
	Reference string
	CarrierID string
	Status    Status
	Code      string
	Fault     Fault
	Signed    bool
	At        time.Time
}

// Report is what a notice of kind report says.
func (n Notice) Report() Report {
	return Report{ID: n.ID, Reference: n.Reference, CarrierID: n.CarrierID, Status: n.Status, Code: n.Code, Fault: n.Fault, Signed: n.Signed, At: n.At}
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

// ErrUnknownMessage is had from the handling of a notice about a message that nobody knows, and that nothing else says whom it went to. It
// would be no better known the next time: a carrier that can keeps what it came in for people, and hands it over no more.
var ErrUnknownMessage = errors.New("provider: a notice about a message that is not known")

// Poller is implemented by carriers that are asked for notices.
type Poller interface {
	// Poll hands what has come, oldest first, to handle, and acknowledges a notice to the carrier only after handle returned
	// nil. Notices of different addresses may be handed over at the same time. A notice whose handling failed is handed over again
	// later, and until then no later notice from the same address is, so nobody's START overtakes their STOP. Notices from others are
	// not held up. The error joins what failed; ErrUnknownMessage is no failure.
	Poll(ctx context.Context, handle func(ctx context.Context, n Notice) error) error
}
