package compose

import (
	"errors"

	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// ErrTrial means that there is nobody to write a trial to or from.
var ErrTrial = errors.New("compose: a trial wants an address, and a unit that writes on its channel")

// The whole text of a trial. Nothing can be put into it.
const (
	trialSubject = "Husk: test"
	trialText    = "Test from Husk. This is about no appointment and no patient. Nothing has to be done."
)

// Trial writes the fixed message with which an operator tries a carrier, from a unit's sender, and scans it as any message is scanned. It
// needs no permit, for it is about no person; to whom it may go is for dispatch to check.
func (c *Composer) Trial(u reminder.Unit, to reminder.Address) (reminder.Message, error) {
	sender := u.SenderID.Text
	if to.Channel == reminder.Email {
		sender = u.From.Text
	}
	if to.IsZero() || sender == "" {
		return reminder.Message{}, ErrTrial
	}
	part := func(kind reminder.PartKind, text string) reminder.Part {
		return reminder.Part{Kind: kind, Text: reminder.Mask(text), Spans: []reminder.Span{{End: len(text)}}}
	}
	r := reminder.Rendered{Template: "en/trial." + string(to.Channel), Language: "en", Parts: []reminder.Part{part(reminder.PartSender, sender)}}
	m := reminder.Message{
		Channel: to.Channel, Purpose: reminder.Trial, To: to, Sender: sender, Language: "en", Template: r.Template, Unit: u.ID, Text: reminder.Mask(trialText), Segments: 1,
	}
	if to.Channel == reminder.Email {
		m.Subject, m.Segments = reminder.Mask(trialSubject), 0
		r.Parts = append(r.Parts, part(reminder.PartSubject, trialSubject))
	}
	r.Parts = append(r.Parts, part(reminder.PartText, trialText))
	m.Origin = &r
	if found := c.scanner.Scan(r, trialKnown(m)); len(found) > 0 {
		return reminder.Message{}, &HeldError{Template: r.Template, Findings: found}
	}
	return m, nil
}

// InspectTrial has the bytes looked at that a carrier encoded a trial to, as Inspect does for messages to patients.
func (c *Composer) InspectTrial(m reminder.Message) error {
	if m.Wire.Body.IsZero() || m.Origin == nil || m.Purpose != reminder.Trial {
		return ErrNoWire
	}
	known := trialKnown(m)
	known.To, known.Refs = m.To.Reveal(), given(m.Reference, m.Template)
	if found := c.scanner.ScanWire(m.Wire, *m.Origin, known); len(found) > 0 {
		return &HeldError{Template: m.Template, Findings: found}
	}
	return nil
}

// trialKnown is what a trial may contain beside words: its sender.
func trialKnown(m reminder.Message) redact.Known {
	if m.Channel == reminder.Email {
		return redact.Known{Mails: given(m.Sender)}
	}
	return redact.Known{Phones: given(m.Sender)}
}
