package compose_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// certified is a state that vouches for itself.
func certified(context.Context) error { return nil }

// answer is the leave to answer one who wrote.
func (l *line) answer(text reminder.AnswerText) gate.Permit {
	l.t.Helper()
	g, err := gate.New(gate.Options{People: l, Switches: l, Confirmer: l, Packs: l.packs(), Units: l, Certified: certified, Hash: hash})
	if err != nil {
		l.t.Fatal(err)
	}
	to := reminder.NewAddress(reminder.SMS, "+4520123456")
	if l.channel == reminder.Email {
		to = reminder.NewAddress(reminder.Email, "anna@patient.example")
	}
	p, err := g.Answer(l.t.Context(), gate.Reply{To: to, Text: text, Unit: l.unit.ID, Language: l.lease.Appointment.Language, Route: "x"}, now)
	if err != nil {
		l.t.Fatal(err)
	}
	return p
}

func TestEveryAnswerComposes(t *testing.T) {
	l := newLine(t)
	c := l.composer()
	for _, lang := range template.Languages() {
		for _, ch := range reminder.Channels {
			for _, text := range reminder.AnswerTexts {
				for _, phone := range []string{"35 45 35 45", "+45 35 45 35 45", ""} {
					l.channel, l.lease.Appointment.Language, l.unit.Phone.Text = ch, lang, phone
					m, err := c.Compose(t.Context(), l.answer(text))
					if err != nil {
						t.Errorf("%s %s %s, phone %q: %v", lang, ch, text, phone, err)
						continue
					}
					if m.Language != lang || m.Purpose != reminder.Reply || m.Unit != "rh-ortho" || m.Segments > 1 ||
						!strings.HasPrefix(m.Template, lang+"/reply-"+strings.ReplaceAll(string(text), "_", "-")+"."+string(ch)+"@") {
						t.Errorf("%s %s %s: %+v", lang, ch, text, m)
					}
					if n := utf8.RuneCountInString(m.Text.Reveal()); ch == reminder.SMS && n > 140 {
						t.Errorf("%s %s: %d letters", lang, text, n)
					}
					calls := text == reminder.AnswerNotCancelled || text == reminder.AnswerStoppedNotCancelled || text == reminder.AnswerUnread
					if calls && !strings.Contains(m.Text.Reveal(), phone) {
						t.Errorf("%s %s %s: without the phone: %s", lang, ch, text, m.Text.Reveal())
					}
				}
			}
		}
	}
}

// What holds for every message holds for an answer.
func TestAnAnswerIsHeldToTheRules(t *testing.T) {
	long := strings.Repeat("ord ", 40)
	for _, c := range []struct {
		name, text string
		spoil      func(*line)
		want       error
	}{
		{"what a person is", "Du får ikke flere sms'er[ {name}].", nil, compose.ErrUnfit},
		{"a number of nobody's", "Sagen 123456 er lukket.", nil, compose.ErrHeld},
		{"too long", long, nil, compose.ErrTooLong},
		{"over the ceiling", "Ring {phone}.", func(l *line) { l.unit.Phone.Class = 2 }, compose.ErrOverCeiling},
		{"a day", "Vi ses torsdag 12. marts.", nil, nil}, // no digits to explain
		{"a bare date", "Vi ses 01.01.01 00:00.", nil, compose.ErrHeld},
		{"no sender", "Tak.", func(l *line) { l.unit.SenderID = reminder.Fact{} }, compose.ErrNoSender},
	} {
		l := newLine(t)
		l.use("da/reply-stopped.sms.txt", c.text+"\n")
		if c.spoil != nil {
			c.spoil(l)
		}
		if _, err := l.composer().Compose(t.Context(), l.answer(reminder.AnswerStopped)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	l := newLine(t)
	l.use("da/friendly-stopped.sms.txt", "Tak.\n")
	c := l.composer()
	if _, err := c.Compose(t.Context(), l.answer(reminder.AnswerStopped)); !errors.Is(err, compose.ErrNoTemplate) {
		t.Errorf("a set that the unit has not: %v", err)
	}
	l.unit.Templates = map[reminder.Purpose]string{reminder.Reply: "friendly"}
	if m, err := c.Compose(t.Context(), l.answer(reminder.AnswerStopped)); err != nil || m.Text.Reveal() != "Tak." {
		t.Errorf("the unit's own set: %v", err)
	}
}

func TestCheckUnitLooksAtAnswers(t *testing.T) {
	l := newLine(t)
	l.unit.Channels = reminder.Channels
	l.unit.Templates = map[reminder.Purpose]string{reminder.Reply: "friendly"}
	got := refused(l.composer().CheckUnit(l.pack(), l.unit))
	if len(got) != 2*len(reminder.AnswerTexts) || got[0].Template != "friendly-stopped.sms" {
		t.Errorf("%v", got)
	}
}
