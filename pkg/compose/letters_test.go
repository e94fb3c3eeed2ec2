package compose_test

import (
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// What writing the text's own letters otherwise saves is told before anybody chooses it, and never of what is filled in.
func TestRewriting(t *testing.T) {
	const text = "Husk “din” aftale – {date} {time} på {unit}… Afbud {phone}. Stop sms: svar STOP"
	for name, c := range map[string]struct {
		text, unit string
		want       string // letters and what becomes of them
		from, to   int
		chosen     bool
	}{
		"offered":                       {text, "Klinik 3", `“" ”" –- …...`, 2, 1, false},
		"chosen":                        {"Letters: plain\n\n" + text, "Klinik 3", `“" ”" –- …...`, 2, 1, true},
		"a clinic's name has one too":   {text, "Klinik Š", `“" ”" –- …...`, 2, 2, false},
		"nothing to write otherwise":    {strings.NewReplacer("“", "", "”", "", " –", "", "…", ".").Replace(text), "Klinik 3", "", 0, 0, false},
		"letters nothing may stand for": {strings.NewReplacer("“", "", "”", "", "–", "ŋ", "…", ".").Replace(text), "Klinik 3", "", 0, 0, false},
	} {
		l := newLine(t)
		l.unit.Names = map[string]reminder.Fact{"da": {Text: c.unit}}
		l.use("da/reminder.sms.txt", c.text)
		x, _ := l.templates.Find("reminder", reminder.SMS, "da")
		got := l.composer().Rewriting(x, l.used(reminder.Remind, reminder.SMS), now)
		if c.want == "" {
			if got != nil {
				t.Errorf("%s: %+v", name, got)
			}
			continue
		}
		var said []string
		for _, w := range got.Letters {
			said = append(said, w.Letter+w.As)
		}
		if strings.Join(said, " ") != c.want || got.SegmentsFrom != c.from || got.SegmentsTo != c.to || got.Chosen != c.chosen {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A message goes out in the letters that its text chooses, with names as they are, and the scanner reads what is sent.
func TestAMessageInPlainLetters(t *testing.T) {
	l := newLine(t)
	l.unit.Names = map[string]reminder.Fact{"da": {Text: "Klinik “Š”"}}
	l.use("da/reminder.sms.txt", "Letters: plain\n\nHusk din aftale – {weekday} {date} {time} på {unit}… Afbud {phone}. Stop sms: svar STOP")
	m, err := l.compose()
	if err != nil {
		t.Fatal(err)
	}
	if want := "Husk din aftale - torsdag 12. marts kl. 14.30 på Klinik “Š”... Afbud 35 45 35 45. Stop sms: svar STOP"; m.Text.Reveal() != want {
		t.Errorf("got  %q\nwant %q", m.Text.Reveal(), want)
	}
}
