package compose_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// used is how the line's unit uses a set.
func (l *line) used(purpose reminder.Purpose, ch reminder.Channel) compose.Use {
	l.unit.Channels = []reminder.Channel{reminder.SMS, reminder.Email}
	return compose.Use{Set: string(purpose), Channel: ch, Purpose: purpose, Unit: l.unit, Pack: l.pack()}
}

func textOf(t *testing.T, path, text string) template.Template {
	t.Helper()
	tp, err := template.Parse(path, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tp
}

// What a sample person reads is what a patient with the same facts would get.
func TestPreviewIsWhatComposeWrites(t *testing.T) {
	for _, ch := range reminder.Channels {
		l := newLine(t)
		l.channel = ch
		l.lease.Appointment.Start = start.AddDate(0, 0, 6) // eight days from now, at the same hour
		l.lease.Expires = l.lease.Appointment.Start.Add(-2 * time.Hour)
		sent, err := l.compose()
		if err != nil {
			t.Fatal(err)
		}
		tp, _ := l.templates.Find("reminder", ch, "da")
		l.registry = prometheus.NewRegistry()
		p := l.composer().Preview(tp, l.used(reminder.Remind, ch), compose.Samples[0], now)
		if p.Refused != "" || p.Text != sent.Text.Reveal() || p.Subject != sent.Subject.Reveal() || p.Sender != sent.Sender || p.Segments != sent.Segments {
			t.Errorf("%s: %+v, sent %q %q", ch, p, sent.Subject.Reveal(), sent.Text.Reveal())
		}
	}
}

// Who approves a mail sees its HTML and what goes into the calendar, as they leave.
func TestPreviewOfARichMailIsWhatComposeWrites(t *testing.T) {
	l := newLine(t)
	l.rich()
	l.unit.Link = reminder.Fact{Text: "https://hospital.example/ortho", Class: 1}
	l.lease.Appointment.Start = start.AddDate(0, 0, 6) // eight days from now, at the same hour
	l.lease.Expires = l.lease.Appointment.Start.Add(-2 * time.Hour)
	c := l.composer()
	sent, err := c.Compose(t.Context(), l.permit())
	if err != nil {
		t.Fatal(err)
	}
	tp, _ := l.templates.Find("reminder", reminder.Email, "da")
	p := c.Preview(tp, l.used(reminder.Remind, reminder.Email), compose.Samples[0], now)
	if p.Refused != "" || p.HTML == "" || p.HTML != sent.HTML.Reveal() {
		t.Errorf("refused %q, HTML %q, sent %q", p.Refused, p.HTML, sent.HTML.Reveal())
	}
	want := compose.Entry{Start: sent.Event.Start, Summary: sent.Event.Summary.Reveal(), Place: sent.Event.Location.Reveal()}
	if p.Event == nil || !p.Event.Start.Equal(want.Start) || p.Event.Summary != want.Summary || p.Event.Place != want.Place || want.Place == "" || p.Event.Gone {
		t.Errorf("event %+v, want %+v", p.Event, want)
	}
	// What takes an appointment out of the calendar says when it was.
	p = c.Preview(tp, l.used(reminder.Cancel, reminder.Email), compose.Samples[0], now)
	if p.Event == nil || !p.Event.Gone || !p.Event.Start.Equal(want.Start.AddDate(0, 0, -1)) {
		t.Errorf("cancelled: %+v", p.Event)
	}
	// An answer is about no appointment, and a plain text has neither.
	if p := c.Preview(tp, l.used(reminder.Reply, reminder.Email), compose.Samples[0], now); p.Event != nil {
		t.Errorf("an answer has an event: %+v", p.Event)
	}
	plain := textOf(t, "da/reminder.email.txt", "Subject: Husk\n\nHusk {date} {time} på {unit}. Afbud {phone}. Svar STOP\n")
	if p := c.Preview(plain, l.used(reminder.Remind, reminder.Email), compose.Samples[0], now); p.Text == "" || p.HTML != "" || p.Event != nil {
		t.Errorf("a plain text: %+v", p)
	}
}

func TestPreviewsOfSamplePeople(t *testing.T) {
	l := newLine(t)
	c := l.composer()
	by := map[string]compose.Preview{}
	tp, _ := l.templates.Find("reminder", reminder.Email, "da")
	for _, s := range compose.Samples {
		by[s.ID] = c.Preview(tp, l.used(reminder.Remind, reminder.Email), s, now)
	}
	for id, name := range map[string]string{"adult": "Anna", "child": "Noah", "long-name": "Christophersdatter-Maximiliane", "sami": "Ŋiŋŋá"} {
		if !strings.Contains(by[id].Text, name) || by[id].Refused != "" {
			t.Errorf("%s: %+v", id, by[id])
		}
	}
	if p := by["child-no-place"]; !strings.Contains(p.Refused, "without the place") || strings.Contains(p.Text, "Noah") {
		t.Errorf("the place is told: %+v", p)
	}
	long := textOf(t, "da/reminder.sms.txt", strings.Repeat("Husk ", 40)+"{date} {time} {unit} {phone} STOP")
	if p := c.Preview(long, l.used(reminder.Remind, reminder.SMS), compose.Samples[0], now); p.Refused == "" || p.Text == "" || p.Segments < 2 {
		t.Errorf("too long: %+v", p)
	}
	held := textOf(t, "da/reminder.sms.txt", "CPR 010170-1234 {date} {time} {unit} {phone} STOP")
	if p := c.Preview(held, l.used(reminder.Remind, reminder.SMS), compose.Samples[0], now); p.Refused == "" || p.Text != "" || len(p.Findings) == 0 {
		t.Errorf("held: %+v", p)
	}
}

func TestCostlyLetters(t *testing.T) {
	l := newLine(t)
	l.unit.Names["da"] = reminder.Fact{Text: "Čáhcesuolu"}
	got := l.composer().Costly(textOf(t, "da/reminder.sms.txt", "Husk\nnu – {date} {time} {unit} {phone} STOP – æøå"), l.used(reminder.Remind, reminder.SMS))
	if len(got) != 3 || got[0] != (compose.Costly{Letter: "–", Line: 2, Column: 4}) || got[1] != (compose.Costly{Letter: "Č", Fact: "unit"}) || got[2].Letter != "á" {
		t.Errorf("%+v", got)
	}
}

func TestUsesOfASet(t *testing.T) {
	l := newLine(t)
	l.unit.Channels = []reminder.Channel{reminder.SMS}
	other := l.unit
	other.ID, other.Templates = "rh-eye", map[reminder.Purpose]string{reminder.Remind: "short"}
	units := []reminder.Unit{l.unit, other}
	packs := func(reminder.Country) (policy.Pack, bool) { return l.pack(), true }
	for _, x := range []struct {
		set  string
		ch   reminder.Channel
		want string
	}{
		{"reminder", reminder.SMS, "rh-ortho"}, {"short", reminder.SMS, "rh-eye"}, {"reminder", reminder.Email, ""}, {"changed", reminder.SMS, "rh-ortho rh-eye"},
		{"reply-stopped", reminder.SMS, "rh-ortho rh-eye"}, {"nothing", reminder.SMS, ""},
	} {
		var got []string
		for _, u := range compose.UsesOf(x.set, x.ch, units, packs) {
			got = append(got, u.Unit.ID)
		}
		if strings.Join(got, " ") != x.want {
			t.Errorf("%s by %s is used by %v, want %s", x.set, x.ch, got, x.want)
		}
	}
	if us := compose.UsesOf("reminder", reminder.SMS, units, func(reminder.Country) (policy.Pack, bool) { return policy.Pack{}, false }); len(us) != 0 {
		t.Errorf("without a pack: %v", us)
	}
}
