package plan

import (
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Status is what a plan says of its appointment.
type Status string

// The statuses of a plan.
const (
	Booked     Status = "booked"     // the wanted set holds
	Cancelled  Status = "cancelled"  // nothing is wanted any more
	Remembered Status = "remembered" // booked beyond the horizon: to be planned again later, nothing wanted yet
	Single     Status = "single"     // no appointment, but one message that was asked for: it is told nobody of, moved or planned again
)

// Plan is the whole wanted set of reminders of one appointment, not a difference: an empty set cancels all. It is
// journalled in the clear and holds no personal data; the start is told only by StartTag and by the times that follow
// from it.
type Plan struct {
	Appointment reminder.AppointmentKey `json:"appointment"`
	Person      reminder.PersonKey      `json:"person"`
	Order       reminder.Order          `json:"order"`
	Status      Status                  `json:"status"`
	StartTag    string                  `json:"start,omitempty"` // Pseudonyms.StartTag of the start; "" when cancelled
	Reminders   []Wanted                `json:"reminders,omitempty"`
	Notice      Notice                  `json:"notice,omitzero"`
	PlannedAt   time.Time               `json:"planned_at"`
	Ends        time.Time               `json:"ends"` // midnight UTC after the day the appointment ends, for retention
}

// Wanted is one reminder that should go.
type Wanted struct {
	ID      reminder.ID      `json:"id"`
	Rule    string           `json:"rule"`
	Purpose reminder.Purpose `json:"purpose"`
	Due     time.Time        `json:"due"`
	Expires time.Time        `json:"expires"`
	Route   string           `json:"route"` // the unit's preferred channel
}

// Notice is when a changed or cancelled notice goes, if the fold finds that the person was told another start or told
// of an appointment which is now cancelled. The zero Notice comes with a start that is past: there is nothing left to
// tell.
type Notice struct {
	Due     time.Time `json:"due"`
	Expires time.Time `json:"expires"`
	Route   string    `json:"route"`
}

// IsZero reports whether no notice would help.
func (n Notice) IsZero() bool { return n.Due.IsZero() }
