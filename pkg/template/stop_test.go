package template_test

import (
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

func parseText(t *testing.T, path, text string) template.Template {
	t.Helper()
	x, err := template.Parse(path, []byte(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return x
}

// The ways to stop that a text names, in the languages that texts are written in.
func TestWaysToStop(t *testing.T) {
	for _, c := range []struct {
		path, text    string
		reply, ravn   bool // by an answer, and by one to a number that is shared
		phone, inLint bool
	}{
		{"da/reminder.sms.txt", "Husk {date} {time} {unit}. Afbud {phone}. Stop sms: svar STOP", true, false, false, true},
		{"da/reminder.sms.txt", "Husk {date} {time} {unit}. Afbud {phone}. Stop sms: svar RAVN STOP", true, true, false, true},
		{"da/reminder.sms.txt", "Husk {date} {time} {unit}. Afbud {phone}. Stop sms: svar ravn STOP", true, true, false, true},
		{"da/reminder.sms.txt", "Husk {date} {time} {unit}. Afbud {phone}. Stop sms: svar KRAVN STOP", true, false, false, true},
		{"da/reminder.sms.txt", "Husk {date} {time} {unit}. Afbud {phone}. Stop sms: ring {phone}", false, false, true, true},
		{"da/reminder.sms.txt", "Husk {date} {time} {unit}. Afbud eller stop af sms: {phone}", false, false, true, true},
		{"da/reminder.sms.txt", "Husk {date} {time} {unit}. Stop sms: svar STOP eller ring {phone}", true, false, true, true},
		{"da/reminder.sms.txt", "Husk {date} {time} {unit}. Stop sms: svar STOP, afbud {phone}", true, false, false, true},
		{"da/reminder.sms.txt", "Husk {date} {time} {unit}. Afbud {phone}", false, false, false, false},
		{"da/reminder.sms.txt", "Husk {date} {time} {unit}. Afbud {phone}. Stop.", false, false, false, false},
		{"da/reminder.sms.txt", "Husk {date} {time} {unit}. Afbud {phone}[. {name}: stop sms: ring {phone}]", false, false, false, false},
		{"da/reminder.sms.txt", "Husk {date} {time} {unit}. Afbud {phone}.[ {name}: svar STOP]", false, false, false, false},
		{"sv/reminder.sms.txt", "Kom ihåg {date} {time} {unit}. Avboka {phone}. Stoppa sms: ring {phone}", false, false, true, true},
		{"sv/reminder.sms.txt", "Kom ihåg {date} {time} {unit}. Avboka {phone}. Svara RAVN STOPP", true, true, false, true},
		{"nb/reminder.sms.txt", "Husk {date} {time} {unit}. Avbestill {phone}. Stopp sms: ring {phone}", false, false, true, true},
		{"fi/reminder.sms.txt", "Muista {date} {time} {unit}. Peruutus {phone}. Lopeta sms: soita {phone}", false, false, true, true},
		{"de/reminder.sms.txt", "Termin {date} {time} {unit}. Absage {phone}. SMS stoppen: Tel. {phone}", false, false, true, true},
		{"en/reminder.sms.txt", "Appointment {date} {time} {unit}. To cancel: {phone}. Stop sms: call {phone}", false, false, true, true},
		{"en/reminder.sms.txt", "Appointment {date} {time} {unit}. To cancel: {phone}. Stop sms: reply RAVN24 STOP", true, false, false, true},
		{"da/reminder.email.txt", "Subject: Tid\n\nHusk {date} {time} {unit}. Stop: ring {phone}", false, false, false, false},
		{"da/reminder.email.txt", "Subject: Tid\n\nHusk {date} {time} {unit}. Afbud {phone}. Svar STOP", true, false, false, true},
	} {
		x := parseText(t, c.path, c.text)
		if x.StopsByReply("") != c.reply || x.StopsByReply("RAVN") != c.ravn || x.StopsByPhone() != c.phone {
			t.Errorf("%q: reply %v, with keyword %v, phone %v", c.text, x.StopsByReply(""), x.StopsByReply("RAVN"), x.StopsByPhone())
		}
		lint := x.Lint(reminder.Remind)
		if ok := len(lint) == 0; ok != c.inLint {
			t.Errorf("%q: %v", c.text, lint)
		}
	}
	if x := parseText(t, "en/a.sms.txt", "reply RAVN24 STOP"); !x.StopsByReply("ravn24") || x.StopsByReply("AVN24") || x.StopsByReply("24") {
		t.Error("a keyword with digits is not known whole")
	}
	if (template.Template{}).StopsByReply("") || (template.Template{}).StopsByPhone() {
		t.Error("no template names a way to stop")
	}
}

// A keyword before STOP is no licence to ask for other answers.
func TestOnlyAKeywordStandsBeforeStop(t *testing.T) {
	for text, fit := range map[string]bool{
		"svar RAVN STOP": true, "svar RAVN24 STOP": true, "svar med ordene RAVN STOP": true,
		"svar JA": false, "svar JA, STOP": false, "svar JA NEJ STOP": false, "svar 1 STOP": false, "svar Ravn": false,
	} {
		x := parseText(t, "da/reminder.sms.txt", "Husk {date} {time} {unit}. Afbud {phone}. Stop sms: ring {phone}. Stop: "+text)
		if lint := x.Lint(reminder.Remind); (len(lint) == 0) != fit {
			t.Errorf("%q: %v", text, lint)
		}
	}
}

// What is told as an example is itself a way that works for the unit.
func TestExamplesOfWaysToStopWork(t *testing.T) {
	for _, language := range template.Languages() {
		for _, u := range []reminder.Unit{{}, {Replies: reminder.NumberReplies}, {Replies: reminder.NumberReplies, Keyword: "RAVN"}} {
			begin := "{date} {time} {unit} {phone}. "
			example := parseText(t, language+"/x.sms.txt", begin).StopExample(u)
			x := parseText(t, language+"/x.sms.txt", begin+example)
			if works := u.TakesReplies() && x.StopsByReply(u.Keyword) || !u.TakesReplies() && x.StopsByPhone() && !strings.Contains(example, "STOP"); !works || len(x.Lint(reminder.Remind)) > 0 {
				t.Errorf("%s: %q: %v", language, example, x.Lint(reminder.Remind))
			}
		}
	}
}
