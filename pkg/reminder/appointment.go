package reminder

import (
	"strings"
	"time"
)

// Status is what the booking system says of an appointment.
type Status string

// The statuses of an appointment. A moved appointment is Booked, with a newer order and another start.
const (
	Booked    Status = "booked"
	Cancelled Status = "cancelled"
)

// Order tells which of two events of one appointment is the newer: by Revision where both have one, else by SourceTime
// where both have one, else by Sequence (the event's place in the intake stream). Zero fields are absent.
type Order struct {
	Revision   uint64    `json:"rev,omitempty"`
	SourceTime time.Time `json:"at,omitzero"`
	Sequence   uint64    `json:"seq,omitempty"`
}

// Newer reports whether o comes after p. Equal is not newer.
func (o Order) Newer(p Order) bool {
	if o.Revision != 0 && p.Revision != 0 {
		return o.Revision > p.Revision
	}
	if !o.SourceTime.IsZero() && !p.SourceTime.IsZero() && !o.SourceTime.Equal(p.SourceTime) {
		return o.SourceTime.After(p.SourceTime)
	}
	return o.Sequence > p.Sequence
}

// Role is what another person is to a booking.
type Role string

// The roles of the other people on a booking.
const (
	Relative    Role = "relative"
	Guardian    Role = "guardian"
	Referrer    Role = "referrer"
	Interpreter Role = "interpreter"
)

// Other is somebody else on the booking record: the negative list of this appointment's messages.
type Other struct {
	Role   Role
	Names  []Masked
	Phones []Masked
	Mails  []Masked
}

// Appointment is one event of a booking system, decoded: the wanted state of one appointment.
type Appointment struct {
	Key    AppointmentKey // pseudonym of System and ID
	System string         // the booking system, a token of [a-z0-9-]
	ID     string         // the booking system's own id of the appointment
	Order  Order
	Came   time.Time // when the event came to the broker, by the clock of who took it in; zero = just now
	Status Status
	Start  time.Time // in the appointment's zone, whole seconds
	Length time.Duration
	Unit   string // id in the unit directory
	Kind   string // kind of visit, a token; "" = the unit's default

	Person     PersonKey
	NationalID NationalID // sealed from here on
	GivenName  Masked     // how the patient may be addressed; "" = not at all
	Language   string     // BCP 47 primary tag of the patient: da, sv, nb, en; "" = the unit's
	BirthDate  Date
	Protected  bool // the person's address is protected
	Deceased   bool
	Others     []Other

	Challenge *Challenge // of a one-time code, which is no appointment: it has neither start nor patient's data; else nil
}

// ZoneName is the IANA name of the appointment's zone.
func (a Appointment) ZoneName() string { return a.Start.Location().String() }

// PrimaryLanguage cuts "nb-NO" to "nb" and maps "no" to "nb".
func PrimaryLanguage(tag string) string {
	l := strings.ToLower(tag)
	if i := strings.IndexAny(l, "-_"); i >= 0 {
		l = l[:i]
	}
	if l == "no" || l == "nn" {
		return "nb"
	}
	return l
}
