package compose_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// A trial is the fixed text from the unit's sender, and is about nobody.
func TestTrial(t *testing.T) {
	l := newLine(t)
	c := l.composer()
	l.unit.SenderID, l.unit.From = reminder.Fact{Text: "+4570991099"}, reminder.Fact{Text: "paamindelse@rh.example"}
	for channel, x := range map[reminder.Channel]struct{ to, sender, subject string }{
		reminder.SMS:   {"+4520123456", "+4570991099", ""},
		reminder.Email: {"test@rh.example", "paamindelse@rh.example", "Husk: test"},
	} {
		m, err := c.Trial(l.unit, reminder.NewAddress(channel, x.to))
		if err != nil {
			t.Fatalf("%s: %v", channel, err)
		}
		if m.Sender != x.sender || m.Subject.Reveal() != x.subject || m.To.Reveal() != x.to || m.Purpose != reminder.Trial || m.Channel != channel || m.Unit != l.unit.ID {
			t.Errorf("%s: %+v", channel, m)
		}
		if text := m.Text.Reveal(); !strings.HasPrefix(text, "Test from Husk.") || strings.ContainsAny(text, "0123456789{}") {
			t.Errorf("%s: %q", channel, text)
		}
		if (m.Segments == 1) != (channel == reminder.SMS) {
			t.Errorf("%s: %d segments", channel, m.Segments)
		}
	}
}

func TestTrialRefuses(t *testing.T) {
	l := newLine(t)
	c := l.composer()
	to := reminder.NewAddress(reminder.SMS, "+4520123456")
	if _, err := c.Trial(l.unit, reminder.Address{}); !errors.Is(err, compose.ErrTrial) {
		t.Errorf("nobody to write to: %v", err)
	}
	u := l.unit
	u.SenderID = reminder.Fact{}
	if _, err := c.Trial(u, to); !errors.Is(err, compose.ErrTrial) {
		t.Errorf("no sender: %v", err)
	}
	u.SenderID = reminder.Fact{Text: "Klinik 311299-5004"}
	m, err := c.Trial(u, to)
	if !errors.Is(err, compose.ErrHeld) || !m.To.IsZero() || strings.Contains(err.Error(), "311299") {
		t.Errorf("a national id for a sender: %v", err)
	}
}

// What a carrier makes of a trial is scanned as a whole: it may add the recipient and the reference, and nothing else.
func TestInspectTrial(t *testing.T) {
	l := newLine(t)
	c := l.composer()
	m, err := c.Trial(l.unit, reminder.NewAddress(reminder.SMS, "+4520123456"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.InspectTrial(m); !errors.Is(err, compose.ErrNoWire) {
		t.Errorf("without a wire: %v", err)
	}
	m.Reference = "ref-abcdefgh"
	for body, clean := range map[string]bool{
		`{"to":"+4520123456","message":"` + m.Text.Reveal() + `","reference":"ref-abcdefgh"}`: true,
		`{"to":"+4520123457","message":"` + m.Text.Reveal() + `","reference":"ref-abcdefgh"}`: false,
		`{"to":"+4520123456","message":"` + m.Text.Reveal() + ` 311299-5004"}`:                false,
	} {
		m.Wire = reminder.Wire{Format: reminder.WireJSON, Body: reminder.Mask(body)}
		if err := c.InspectTrial(m); clean != (err == nil) || !clean && !errors.Is(err, compose.ErrHeld) {
			t.Errorf("%s: %v", body, err)
		}
	}
	m.Purpose = reminder.Remind
	if err := c.InspectTrial(m); !errors.Is(err, compose.ErrNoWire) {
		t.Errorf("a reminder by the trials' way: %v", err)
	}
}
