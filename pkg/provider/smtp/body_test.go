package smtp_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	gomessage "github.com/emersion/go-message"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/smtp"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// leaves are the parts of a mail that have no parts: "multipart/mixed multipart/alternative text/plain" and the text.
func leaves(t *testing.T, wire string) (kinds, texts []string) {
	t.Helper()
	e, err := gomessage.Read(strings.NewReader(wire))
	if err != nil {
		t.Fatal(err)
	}
	err = e.Walk(func(path []int, e *gomessage.Entity, err error) error {
		if err != nil {
			return err
		}
		kind, _, err := e.Header.ContentType()
		if err != nil || strings.HasPrefix(kind, "multipart/") {
			kinds = append(kinds, kind)
			return err
		}
		raw, err := io.ReadAll(e.Body)
		kinds, texts = append(kinds, kind), append(texts, string(raw))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds, texts
}

func TestParts(t *testing.T) {
	s := sender(t, smtp.Config{Host: "mail.example.org", Domain: "example.org"})
	for name, c := range map[string]struct {
		change func(*reminder.Message)
		want   string
	}{
		"text":            {func(m *reminder.Message) { m.HTML, m.Event = reminder.Masked{}, nil }, "text/plain"},
		"HTML beside":     {func(m *reminder.Message) { m.Event = nil }, "multipart/alternative text/plain text/html"},
		"a calendar file": {func(m *reminder.Message) { m.HTML = reminder.Masked{} }, "multipart/mixed text/plain text/calendar"},
		"all":             {func(*reminder.Message) {}, "multipart/mixed multipart/alternative text/plain text/html text/calendar"},
	} {
		m := rich("00aa")
		c.change(&m)
		w, err := s.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		kinds, texts := leaves(t, w.Body.Reveal())
		if got := strings.Join(kinds, " "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if got := strings.ReplaceAll(texts[0], "\r\n", "\n"); got != text {
			t.Errorf("%s: text %q", name, got)
		}
		if i := len(texts) - 1; !m.HTML.IsZero() && strings.ReplaceAll(texts[1], "\r\n", "\n") != m.HTML.Reveal() && i > 0 {
			t.Errorf("%s: HTML %q", name, texts[1])
		}
		for i, line := range strings.Split(w.Body.Reveal(), "\r\n") {
			if strings.ContainsAny(line, "\r\n") || len(line) > 200 {
				t.Errorf("%s: line %d is %d long or ends in LF alone", name, i, len(line))
			}
		}
	}
}

func TestCalendar(t *testing.T) {
	s := sender(t, smtp.Config{Host: "mail.example.org", Domain: "example.org"})
	file := func(m reminder.Message) string {
		t.Helper()
		w, err := s.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		_, texts := leaves(t, w.Body.Reveal())
		return texts[len(texts)-1]
	}
	m := rich("00aa")
	published := file(m)
	if strings.Count(published, "\n") != strings.Count(published, "\r\n") {
		t.Error("a line without CRLF (RFC 5545 section 3.1)")
	}
	for line := range strings.SplitSeq(published, "\r\n") {
		if len(line) > 75 {
			t.Errorf("a line of %d octets", len(line))
		}
	}
	m.Event.Gone, m.Event.Sequence = true, 3
	for want, raw := range map[string]string{
		"PUBLISH 2 CONFIRMED": published,
		"CANCEL 3 CANCELLED":  file(m),
	} {
		c, err := ics.ParseCalendar(strings.NewReader(raw))
		if err != nil || len(c.Events()) != 1 {
			t.Fatalf("%v\n%s", err, raw)
		}
		e := c.Events()[0]
		value := func(p ics.ComponentProperty) string { return e.GetProperty(p).Value }
		method := ""
		for _, p := range c.CalendarProperties {
			if p.IANAToken == "METHOD" {
				method = p.Value
			}
		}
		if got := method + " " + value(ics.ComponentPropertySequence) + " " + value(ics.ComponentPropertyStatus); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		at, err := e.GetStartAt()
		if err != nil || !at.Equal(m.Event.Start) || value(ics.ComponentPropertyDtStart) != "20260317T133000Z" {
			t.Errorf("start %v, %v", at, err)
		}
		if value(ics.ComponentPropertyUniqueId) != m.Event.UID || value(ics.ComponentPropertyDtstamp) != "20260310T070000Z" ||
			value(ics.ComponentPropertyOrganizer) != "mailto:rh@mail.example.org" {
			t.Errorf("UID, stamp or organizer:\n%s", raw)
		}
		if value(ics.ComponentPropertySummary) != m.Event.Summary.Reveal() || value(ics.ComponentPropertyLocation) != m.Event.Location.Reveal() {
			t.Errorf("summary %q, location %q", value(ics.ComponentPropertySummary), value(ics.ComponentPropertyLocation))
		}
		for _, p := range []ics.ComponentProperty{ics.ComponentPropertyDtEnd, ics.ComponentPropertyAttendee, ics.ComponentPropertyDescription} {
			if e.HasProperty(p) {
				t.Errorf("it has a %s", p)
			}
		}
	}
	for name, spoil := range map[string]func(*reminder.Event){
		"no UID":                      func(e *reminder.Event) { e.UID = "" },
		"no start":                    func(e *reminder.Event) { e.Start = time.Time{} },
		"no summary":                  func(e *reminder.Event) { e.Summary = reminder.Masked{} },
		"a sequence below nothing":    func(e *reminder.Event) { e.Sequence = -1 },
		"a line break in the UID":     func(e *reminder.Event) { e.UID = "a\r\nATTENDEE:mailto:eve@example.org" },
		"a line break in the summary": func(e *reminder.Event) { e.Summary = reminder.Mask("a\nb") },
		"a line break in the place":   func(e *reminder.Event) { e.Location = reminder.Mask("a\r\nURL:https://evil.example") },
	} {
		bad := rich("00aa")
		spoil(bad.Event)
		var e *provider.Error
		if _, err := s.Encode(bad); !errors.As(err, &e) || e.Outcome != provider.Reject || e.Code != "bad_event" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
