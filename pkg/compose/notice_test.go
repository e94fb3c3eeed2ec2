package compose_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

func noticeOf(l *line, lang string) compose.Notice {
	u := l.unit
	u.Language, u.Function = lang, "team@hospital.example"
	u.Names = map[string]reminder.Fact{lang: {Text: "Klinik Øst"}}
	return compose.Notice{
		Unit: u, Waiting: reminder.Waiting{Wishes: 3, Misdeliveries: 1, Letters: 12, Doubts: 7, Held: 2}, After: 24 * time.Hour,
		Pages: "https://husk.hospital.example",
	}
}

var numbers = regexp.MustCompile(`[0-9]+`)

// In every language the mail has the counts, for how long, and no other digit; what each carrier makes of it is clean, by a scanner that
// is told of nothing but where the pages are and who sends and gets it.
func TestNoticeHoldsCountsAlone(t *testing.T) {
	scanner, err := redact.New(redact.Options{Checked: template.Checked()})
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"da", "sv", "nb", "fi", "en", "de"} {
		for name, by := range carriers(t) {
			l := newLine(t)
			c, n := l.composer(), noticeOf(l, lang)
			m, err := c.Notice(n)
			if err != nil {
				t.Fatalf("%s: %v", lang, err)
			}
			text := m.Subject.Reveal() + "\n" + m.Text.Reveal()
			if got, want := numbers.FindAllString(text, -1), []string{"24", "3", "1", "12", "7", "2"}; !slices.Equal(got, want) {
				t.Errorf("%s: numbers %v, want %v:\n%s", lang, got, want, text)
			}
			for _, page := range []string{"/replies\n", "/letters\n", "/unknown\n", "/sent\n"} {
				if !strings.Contains(text, "https://husk.hospital.example"+page) {
					t.Errorf("%s: no link to %s", lang, page)
				}
			}
			if m.Language != lang || m.To.Reveal() != "team@hospital.example" || m.Sender != "husk@hospital.example" || m.ReplyTo != "" || m.Purpose != reminder.StaffNotice {
				t.Errorf("%s: %+v", lang, m)
			}
			m.Reference = "NOTICEONE"
			if m.Wire, err = by.Encode(m); err != nil {
				t.Fatal(err)
			}
			if err := c.InspectNotice(n, m); err != nil {
				t.Errorf("%s by %s: %v", lang, name, err)
			}
			known := redact.Known{To: m.To.Reveal(), Mails: []string{m.Sender}, Links: []string{n.Pages}, Refs: []string{m.Reference, m.Template}}
			if found := scanner.ScanWire(m.Wire, reminder.Rendered{}, known); len(found) != 0 {
				t.Errorf("%s by %s: %+v\n%s", lang, name, found, m.Wire.Body.Reveal())
			}
		}
	}
}

// The highest counts are no run of digits that is held, and zeros are not told.
func TestNoticeCounts(t *testing.T) {
	l := newLine(t)
	c := l.composer()
	n := noticeOf(l, "da")
	const many = 1_234_567
	n.Waiting, n.After = reminder.Waiting{Wishes: many, Misdeliveries: many, Letters: many, Doubts: many, Held: many}, 720*time.Hour
	m, err := c.Notice(n)
	if err != nil || strings.Count(m.Text.Reveal(), ": 999+\n") != 5 || strings.Contains(m.Text.Reveal(), "1234567") {
		t.Errorf("%v: %s", err, m.Text.Reveal())
	}
	n.Waiting = reminder.Waiting{Held: 1}
	if m, err = c.Notice(n); err != nil || strings.Contains(m.Text.Reveal(), "/replies") || strings.Contains(m.Text.Reveal(), ": 0") {
		t.Errorf("%v: %s", err, m.Text.Reveal())
	}
	n.Pages = "http://127.0.0.1:8486" // for a trial: no link that a mail may carry
	if m, err = c.Notice(n); err != nil || strings.Contains(m.Text.Reveal(), "http") {
		t.Errorf("%v: %s", err, m.Text.Reveal())
	}
	n.Unit.Language = "is" // no words of its own
	if m, err = c.Notice(n); err != nil || m.Language != "en" {
		t.Errorf("%v, %s", err, m.Language)
	}
}

func TestNoNotice(t *testing.T) {
	l := newLine(t)
	c := l.composer()
	for name, spoil := range map[string]func(*compose.Notice){
		"nobody to write to": func(n *compose.Notice) { n.Unit.Function = "" },
		"nobody from":        func(n *compose.Notice) { n.Unit.From = reminder.Fact{} },
		"nothing waits":      func(n *compose.Notice) { n.Waiting = reminder.Waiting{} },
		"for no time":        func(n *compose.Notice) { n.After = 0 },
	} {
		n := noticeOf(l, "da")
		spoil(&n)
		if m, err := c.Notice(n); !errors.Is(err, compose.ErrNotice) || m.Channel != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	n := noticeOf(l, "da")
	m, err := c.Notice(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.InspectNotice(n, m); !errors.Is(err, compose.ErrNoWire) {
		t.Errorf("not encoded: %v", err)
	}
	m.Reference = "NOTICEONE"
	if m.Wire, err = carriers(t)["smtp"].Encode(m); err != nil {
		t.Fatal(err)
	}
	m.Wire.Body = reminder.Mask("X-Patient: 311299-5004\r\n" + m.Wire.Body.Reveal())
	if err := c.InspectNotice(n, m); !errors.Is(err, compose.ErrHeld) || strings.Contains(fmt.Sprint(err), "5004") {
		t.Errorf("what a carrier adds: %v", err)
	}
	patient := m
	patient.Purpose = reminder.Remind
	if err := c.InspectNotice(n, patient); !errors.Is(err, compose.ErrNoWire) {
		t.Errorf("a reminder: %v", err)
	}
}
