package compose

import (
	"crypto/sha256"
	"math"
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// eventWords is what a calendar calls an appointment.
var eventWords = map[string]string{
	"da": "Aftale", "sv": "Bokad tid", "nb": "Time", "fi": "Ajanvaraus", "de": "Termin", "en": "Appointment",
}

// eventOf is the appointment for the recipient's calendar, nil where the template doesn't choose one. It takes the words for unit and
// place out of the finished text, so it says no more than that: not how long the appointment is, and nothing that was left out or shown
// by its neutral text.
func eventOf(t template.Template, l reminder.Lease, f reminder.Facts, r reminder.Rendered) *reminder.Event {
	if !t.Calendar() || l.Appointment.Key == "" {
		return nil
	}
	e := &reminder.Event{
		UID: eventID(l.Appointment.Key), Sequence: int(min(l.Version, math.MaxInt32)), Gone: l.Purpose == reminder.Cancel, Start: f.Start,
	}
	if e.Gone && !f.Was.IsZero() {
		e.Start = f.Was
	}
	text := r.Parts[len(r.Parts)-1]
	summary := eventWords[t.Language()]
	if unit := shown(text, "unit"); unit != "" {
		summary += ": " + unit
	}
	e.Summary = reminder.Mask(summary)
	var place []string
	for _, fact := range []string{"address", "entrance"} {
		if s := shown(text, fact); s != "" {
			place = append(place, s)
		}
	}
	if len(place) > 0 {
		e.Location = reminder.Mask(strings.Join(place, ", "))
	}
	return e
}

// shown is the value of a fact as it stands in a part, "" where it does not.
func shown(p reminder.Part, fact string) string {
	for _, s := range p.Spans {
		if s.Fact == fact {
			return p.Text.Reveal()[s.Start:s.End]
		}
	}
	return ""
}

// eventID is the UID of an appointment's events: 32 letters, so that nobody takes it for a number, which tell nothing of the
// appointment's own pseudonym.
func eventID(key reminder.AppointmentKey) string {
	sum := sha256.Sum256([]byte("husk calendar 1 " + key))
	b := make([]byte, 0, 32)
	for _, x := range sum[:16] {
		b = append(b, 'a'+x>>4, 'a'+x&0x0f)
	}
	return string(b)
}
