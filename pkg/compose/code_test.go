package compose_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
)

// Numbers implements gate.Numbers: nothing speaks against any.
func (l *line) Numbers(_ context.Context, as []reminder.AddressHash) ([]gate.Number, error) {
	return make([]gate.Number, len(as)), nil
}

// coded is a line whose lease is a one-time code.
func coded(t *testing.T) *line {
	l := newLine(t)
	l.lease.Purpose, l.lease.Rule, l.lease.Expires = reminder.Verify, "code", now.Add(10*time.Minute)
	l.code("012345")
	return l
}

func (l *line) code(digits string) {
	l.lease.Appointment = reminder.Appointment{
		Person: l.lease.Person, Unit: "rh-ortho", System: reminder.HusksOwn, BirthDate: reminder.Date{Year: 1970, Month: 1, Day: 1},
		Challenge: &reminder.Challenge{Address: reminder.NewAddress(reminder.SMS, "+4520654321"), Code: reminder.Mask(digits)},
	}
}

// fresh is another composer of the line.
func (l *line) fresh() *compose.Composer {
	l.registry = prometheus.NewRegistry()
	return l.composer()
}

func TestCodeMessage(t *testing.T) {
	l := coded(t)
	m, err := l.compose()
	if err != nil {
		t.Fatal(err)
	}
	const want = "Kode 012345: dit nummer hos Rigshospitalet. Sig den kun i samtale med os, vi beder aldrig om den i sms. Gælder 10 min."
	if m.Text.Reveal() != want || m.To.Reveal() != "+4520654321" || m.Class != 0 || m.Segments != 1 || m.Purpose != reminder.Verify || !m.NotAfter.Equal(now.Add(10*time.Minute)) {
		t.Errorf("%q, %+v", m.Text.Reveal(), m)
	}
	if s := fmt.Sprintf("%v %+v %#v", m, m, m); strings.Contains(s, "012345") || strings.Contains(s, "20654321") {
		t.Error("the message prints its code or number")
	}
	// As the carrier writes it.
	m.Reference, m.Wire = "ab01", reminder.Wire{Format: reminder.WireText, Body: m.Text}
	if err := l.fresh().Inspect(l.permit(), m); err != nil {
		t.Error(err)
	}
	// Another code than this message's is not explained.
	m.Wire.Body = reminder.Mask(strings.Replace(want, "012345", "543210", 1))
	if err := l.fresh().Inspect(l.permit(), m); !errors.Is(err, compose.ErrHeld) {
		t.Errorf("another code in the wire: %v", err)
	}
}

// Whatever code is drawn, in every language: clean, one segment, within the pack's length.
func TestEveryCodeLeaves(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	drawn := []string{"000000", "999999", "010170", "120326", "112112", "313131", "202020"}
	for range 300 {
		drawn = append(drawn, fmt.Sprintf("%06d", r.IntN(1_000_000)))
	}
	for _, lang := range []string{"da", "sv", "nb", "fi", "de", "en"} {
		l := coded(t)
		l.unit.Names = map[string]reminder.Fact{"da": {Text: "Ambulatorium 3, Ravnsholt Hospital", Class: 1}}
		composer := l.composer()
		for _, c := range drawn {
			l.code(c)
			l.lease.Appointment.Language = lang
			m, err := composer.Compose(t.Context(), l.permit())
			if err != nil {
				t.Fatalf("%s %s: %v", lang, c, err)
			}
			text := m.Text.Reveal()
			if n := sms.Count(text); n.Segments != 1 || n.Encoding != sms.GSM7 || strings.Count(text, c) != 1 || m.Class != 1 || m.Language != lang {
				t.Fatalf("%q: %+v", text, n)
			}
		}
	}
}

// What a number that is not proven may not be told, or what does not fit, gives way; what can't is refused.
func TestTheUnitGivesWayToACode(t *testing.T) {
	for name, text := range map[string]reminder.Fact{
		"a specialty":    {Text: "Hudklinikken", Class: 2},
		"an exact place": {Text: "Ambulatorium 3, indgang B", Class: 1.5},
		"a long name":    {Text: strings.Repeat("Ambulatorium ", 5) + "3", Class: 0},
		"a national id":  {Text: "Ambulatorium 010170-1234", Class: 0},
	} {
		l := coded(t)
		l.unit.Names = map[string]reminder.Fact{"da": text}
		m, err := l.compose()
		if err != nil || !strings.Contains(m.Text.Reveal(), "dit nummer hos hospitalet.") || m.Class != 0 {
			t.Errorf("%s: %q %v", name, m.Text.Reveal(), err)
		}
	}
	l := coded(t)
	l.unit.Language, l.unit.Templates = "da", map[reminder.Purpose]string{reminder.Verify: "nowhere"}
	if _, err := l.compose(); !errors.Is(err, compose.ErrNoTemplate) {
		t.Errorf("no text: %v", err)
	}
	l = coded(t)
	l.unit.Templates = map[reminder.Purpose]string{reminder.Verify: "reminder"}
	if _, err := l.compose(); !errors.Is(err, compose.ErrUnfit) {
		t.Errorf("a reminder's text: %v", err)
	}
	l = coded(t)
	l.code("12345x")
	var held *compose.HeldError
	if _, err := l.compose(); !errors.As(err, &held) || held.Findings[0].Kind != compose.KindValue || strings.Contains(err.Error(), "12345x") {
		t.Errorf("no code: %v", err)
	}
	// The code explains itself alone: another run of six digits holds the message.
	l = coded(t)
	l.use("da/verify.sms.txt", "Kode {code} fra {unit}, sag 482917.")
	if _, err := l.compose(); !errors.As(err, &held) || held.Findings[0].Kind != redact.KindDigits {
		t.Errorf("other digits: %v", err)
	}
}
