package reminder

import "time"

// Purpose is why a message is sent. The list is closed.
type Purpose string

// The purposes.
const (
	Remind     Purpose = "reminder"
	Changed    Purpose = "changed"
	Cancel     Purpose = "cancelled"
	Verify     Purpose = "verify"
	Reply      Purpose = "reply"
	Correction Purpose = "correction"
)

// StaffNotice is the purpose of the one mail that goes to a clinic's staff and to no patient: what waits for them, as counts. It is
// none of Purposes: nothing is planned for it, and no consent, template or unit can name it.
const StaffNotice Purpose = "staff-notice"

// Trial is the purpose of the fixed message with which an operator tries a carrier. It is none of Purposes either.
const Trial Purpose = "trial"

// Purposes lists all purposes of messages to patients.
var Purposes = []Purpose{Remind, Changed, Cancel, Verify, Reply, Correction}

// NoticeLead is how long before a start a changed or cancelled notice should be there: one that can't wait so long for the
// send window goes at once, at any hour.
const NoticeLead = 3 * time.Hour

// Class is the sensitivity of a text on the Danish regions' scale: 0 time and hospital only; 1 general place; 1.5 exact
// place and a number to cancel on, no hint of health; 2 names a specialty.
type Class float64

// Lease is one due reminder, held for a limited time by one worker.
type Lease struct {
	Reminder    ID
	Token       string // names this lease; a later lease of the same reminder has another
	Version     uint64 // of the appointment's plan; a newer plan makes the lease void
	Person      PersonKey
	Rule        string
	Purpose     Purpose
	Due         time.Time
	Expires     time.Time
	Attempt     int // the number the next attempt will have, from 1
	Refusals    int // attempts that a carrier has refused
	Tries       int // deferrals so far, for the back-off
	Route       string
	Appointment Appointment // as last planned
	Told        time.Time   // the start the person was last told of; zero = never told
	Release     *Release    // what an approver let pass in this plan's message; nil = nothing
}

// Finding says where a message is not clean, never what stands there.
type Finding struct {
	Kind       string   `json:"kind"`             // of package redact's or compose's closed lists
	Name       string   `json:"name,omitempty"`   // the register's own name of a national id
	Layout     string   `json:"layout,omitempty"` // sizes of the digit groups, "6-4"; "" where there are none
	Part       PartKind `json:"part"`
	Fact       string   `json:"fact,omitempty"` // the placeholder in whose value it lies; "" = literal text
	Offset     int      `json:"offset"`         // first byte in the part's text
	Length     int      `json:"length"`         // bytes
	Releasable bool     `json:"releasable,omitempty"`
}

// Release lets findings pass in a message of one template version, each where it was found and nowhere else.
type Release struct {
	Template string    `json:"template"` // "da/reminder.sms@3f2a91c0"
	Findings []Finding `json:"findings"`
}

// Facts are what a template's placeholders may stand for.
type Facts struct {
	Purpose   Purpose
	Channel   Channel
	Language  string    // of the message, one the templates have
	Start     time.Time // of the appointment, in its zone
	Was       time.Time // the start told before; zero when there is none
	Length    time.Duration
	GivenName Masked
	Unit      Unit
	Others    []Other // never rendered: the negative list
	Code      Masked  // six digits; of the purpose Verify alone
}

// PartKind names a part of a message.
type PartKind string

// The parts.
const (
	PartText     PartKind = "text" // SMS text or plain e-mail body
	PartSubject  PartKind = "subject"
	PartSender   PartKind = "sender" // the SMS sender id or From address
	PartHTML     PartKind = "html"
	PartCalendar PartKind = "calendar"
	PartHeader   PartKind = "header" // any other header line of an e-mail, and the boundaries of its parts
	PartFileName PartKind = "filename"
)

// Span is a run of bytes in a part, from Start up to End, and where it comes from.
type Span struct {
	Start, End int
	Fact       string // the placeholder's name; "" = the template's approved literal text
}

// Part is one rendered part with its provenance: the spans cover every byte in order.
type Part struct {
	Kind  PartKind
	Text  Masked
	Spans []Span
}

// Rendered is a rendered message before it is scanned.
type Rendered struct {
	Template string // name and version of the template: "da/reminder.sms@3f2a91c0"
	Language string
	Parts    []Part
}

// WireFormat says how the bytes of a Wire are to be read.
type WireFormat string

// The formats.
const (
	WireText WireFormat = "text" // the text alone, UTF-8
	WireMail WireFormat = "mail" // header lines, a blank line, the body (RFC 5322, RFC 2045)
	WireJSON WireFormat = "json" // one JSON object (RFC 8259)
	WireForm WireFormat = "form" // name=value pairs, percent-encoded (application/x-www-form-urlencoded)
	WireSMPP WireFormat = "smpp" // submit_sm PDUs one after another, one a segment, with the sequence number 0 (SMPP 3.4 §4.4.1)
)

// Wire is a message as the carrier's Encode wrote it: what is scanned last, and written byte for byte.
type Wire struct {
	Format WireFormat
	Body   Masked
	// Fixed is what the carrier's configuration has it write into every message alike, each the whole value of one field of JSON or
	// of a form, or all of it before the message's reference: an account's number, the address of our callbacks. Some hold secrets.
	Fixed []Masked
}

// Event is the appointment as a calendar file tells it (RFC 5545): no more than the text of the same message.
type Event struct {
	UID      string // the same for all messages of the appointment, and of no use to find it by
	Sequence int    // grows with every change of the appointment
	Gone     bool   // it is cancelled
	Start    time.Time
	Summary  Masked
	Location Masked // zero = the text names none
}

// Message is what a carrier is handed. Its texts print masked.
type Message struct {
	Reference string // the attempt's claim: random, opaque, safe to show to the carrier
	Channel   Channel
	Purpose   Purpose
	To        Address
	Sender    string // SMS sender id or From mail address, the unit's
	ReplyTo   string // the unit's mail address; "" = none
	Subject   Masked // e-mail only
	Text      Masked
	HTML      Masked // e-mail only: the text once more, as HTML; zero = none
	Event     *Event // e-mail only: the appointment for a calendar; nil = none
	Language  string
	Segments  int // SMS segments
	Template  string
	Class     Class
	Unit      string
	// Unsubscribe is what a reminder by e-mail offers mail programs; zero = nothing.
	Unsubscribe Unsubscribe
	NotAfter    time.Time // useless from here on: the carrier's validity period where it has one
	Origin      *Rendered // what it was made of, with provenance, for the scan of the wire
	Wire        Wire      // what the carrier writes
}
