package redis

import (
	"strconv"
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// A person is stored in two values: the head, which the gate looks at, and the rest: appointments and reminders. So the gate
// reads no appointments, and an attempt's entries no consent. A head begins with the person's version, for scripts.

// rest is what a head lacks.
type rest struct {
	Appointments map[reminder.AppointmentKey]*state.Appointment `json:"a"`
	Reminders    map[reminder.ID]*state.Reminder                `json:"r"`
}

func encodeHead(p *state.Person) []byte {
	h := *p
	h.Appointments, h.Reminders = nil, nil
	b := append(strconv.AppendUint(make([]byte, 0, 1024), p.Version, 10), ' ')
	return appendRecord(b, &h)
}

func encodeRest(p *state.Person) []byte {
	return appendRecord(make([]byte, 0, 2048), &rest{p.Appointments, p.Reminders})
}

// decodeHead reads a head into p; "" is nobody, and leaves p as it is.
func decodeHead(text string, p *state.Person) error {
	if text == "" {
		return nil
	}
	_, body, _ := strings.Cut(text, " ")
	return readRecord(body, p)
}

// decodeRest reads a rest into p; "" is one without appointments.
func decodeRest(text string, p *state.Person) error {
	if text == "" {
		return nil
	}
	var r rest
	if err := readRecord(text, &r); err != nil {
		return err
	}
	p.Appointments, p.Reminders = r.Appointments, r.Reminders
	return nil
}
