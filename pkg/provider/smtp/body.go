package smtp

import (
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// The boundaries between parts. "=_" can stand in no part, because each is quoted-printable; so they need no chance in them.
const (
	betweenAlternatives = "husk=_alternative"
	betweenAttachments  = "husk=_mixed"
)

// calendarFile names the attachment, whatever the appointment.
const calendarFile = "appointment.ics"

// entity is a MIME entity: its own header lines and what follows the blank line. Lines end with CRLF.
type entity struct{ header, body string }

// bodyOf is the text, beside it the HTML where there is one, and the calendar file behind both where there is one.
func bodyOf(m reminder.Message, organizer string, now time.Time) (entity, error) {
	e, err := leaf("text/plain; charset=UTF-8", m.Text.Reveal())
	if err != nil {
		return e, err
	}
	if !m.HTML.IsZero() {
		h, err := leaf("text/html; charset=UTF-8", m.HTML.Reveal())
		if err != nil {
			return e, err
		}
		e = multipart("alternative", betweenAlternatives, e, h) // the best last (RFC 2046 section 5.1.4)
	}
	if m.Event != nil {
		file, method := calendar(*m.Event, organizer, now)
		c, err := leaf("text/calendar; charset=UTF-8; method="+method, file)
		if err != nil {
			return e, err
		}
		c.header += "Content-Disposition: attachment; filename=" + calendarFile + "\r\n"
		e = multipart("mixed", betweenAttachments, e, c)
	}
	return e, nil
}

// leaf is a part without parts, in quoted-printable: no server on the way has a reason to encode it anew, which would break its
// signature.
func leaf(kind, text string) (entity, error) {
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		return entity{}, err
	}
	if err := w.Close(); err != nil {
		return entity{}, err
	}
	return entity{"Content-Transfer-Encoding: quoted-printable\r\nContent-Type: " + kind + "\r\n", b.String()}, nil
}

func multipart(kind, boundary string, parts ...entity) entity {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n" + p.header + "\r\n" + p.body + "\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return entity{"Content-Type: multipart/" + kind + "; boundary=\"" + boundary + "\"\r\n", b.String()}
}

// calendar writes an event (RFC 5545), and the method it is of (RFC 5546): PUBLISH, which asks for no answer, or CANCEL of what was
// published under the same UID. Times are in UTC, so it needs no rules of a time zone.
func calendar(e reminder.Event, organizer string, now time.Time) (file, method string) {
	c := ics.NewCalendar()
	c.SetProductId("-//Husk//reminders//EN")
	c.SetCalscale("GREGORIAN")
	v := c.AddEvent(e.UID)
	v.SetDtStampTime(now)
	v.SetSequence(e.Sequence)
	v.SetStartAt(e.Start)
	v.SetSummary(e.Summary.Reveal())
	if !e.Location.IsZero() {
		v.SetLocation(e.Location.Reveal())
	}
	v.SetOrganizer(organizer) // RFC 5546 section 3.2 asks for one
	v.SetClass(ics.ClassificationPrivate)
	if e.Gone {
		c.SetMethod(ics.MethodCancel)
		v.SetStatus(ics.ObjectStatusCancelled)
		return c.Serialize(ics.WithNewLineWindows), string(ics.MethodCancel)
	}
	c.SetMethod(ics.MethodPublish)
	v.SetStatus(ics.ObjectStatusConfirmed)
	return c.Serialize(ics.WithNewLineWindows), string(ics.MethodPublish)
}

// eventFault is what is wrong with an event, nil when nothing is.
func eventFault(e *reminder.Event) error {
	if e == nil {
		return nil
	}
	if e.UID == "" || e.Sequence < 0 || e.Start.IsZero() || e.Summary.IsZero() || strings.ContainsFunc(
		e.UID+e.Summary.Reveal()+e.Location.Reveal(), func(r rune) bool { return r < ' ' || r == 0x7f },
	) {
		return ErrEvent
	}
	return nil
}

// bareFrom is the sender without a name.
func bareFrom(a *mail.Address) string { return "mailto:" + a.Address }
