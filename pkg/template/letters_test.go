package template_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
	"github.com/husk-reminders/husk/pkg/template"
)

func writtenFacts(name string) reminder.Facts {
	start := time.Date(2026, 3, 12, 14, 30, 0, 0, time.UTC)
	u := reminder.Unit{Names: map[string]reminder.Fact{"da": {Text: "Klinik “Š” – Ávila"}}, Language: "da", Phone: reminder.Fact{Text: "70 99 10 31"}}
	return reminder.Facts{Purpose: reminder.Remind, Channel: reminder.SMS, Start: start, Unit: u, GivenName: reminder.Mask(name)}
}

// The text's own letters are written otherwise where its head says so, and no other letter ever is.
func TestLettersWrittenOtherwise(t *testing.T) {
	const text = "Husk “din” aftale – {unit}… {phone}. {date} {time}[ Hej {name}’s] STOP"
	asIs, plain := parseText(t, "da/reminder.sms.txt", text), parseText(t, "da/reminder.sms.txt", "Letters: plain\n\n"+text)
	if asIs.Plain() || !plain.Plain() {
		t.Fatalf("chosen: %v, %v", asIs.Plain(), plain.Plain())
	}
	f := writtenFacts("Ŋiŋŋá’s")
	for _, c := range []struct {
		of   template.Template
		want string
	}{
		{asIs, "Husk “din” aftale – Klinik “Š” – Ávila… 70 99 10 31. 12. marts kl. 14.30 Hej Ŋiŋŋá’s’s STOP"},
		{plain, `Husk "din" aftale - Klinik “Š” – Ávila... 70 99 10 31. 12. marts kl. 14.30 Hej Ŋiŋŋá’s's STOP`},
		{plain.InPlain(false), "Husk “din” aftale – Klinik “Š” – Ávila… 70 99 10 31. 12. marts kl. 14.30 Hej Ŋiŋŋá’s’s STOP"},
		{asIs.InPlain(true), `Husk "din" aftale - Klinik “Š” – Ávila... 70 99 10 31. 12. marts kl. 14.30 Hej Ŋiŋŋá’s's STOP`},
	} {
		r, err := c.of.Render(f)
		if err != nil {
			t.Fatal(err)
		}
		p := r.Parts[len(r.Parts)-1]
		if got := p.Text.Reveal(); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
		for _, s := range p.Spans { // provenance holds on the text that is sent
			if v := p.Text.Reveal()[s.Start:s.End]; s.Fact == "name" && v != "Ŋiŋŋá’s" || s.Fact == "unit" && v != "Klinik “Š” – Ávila" {
				t.Errorf("{%s} is %q", s.Fact, v)
			}
		}
	}
	if got := plain.Outline().Parts[0].Text.Reveal(); !strings.Contains(got, "“din” aftale –") {
		t.Errorf("an approver reads %q: want the letters of the file", got)
	}
	want := []template.Rewrite{{"“", `"`, 1, 6}, {"”", `"`, 1, 10}, {"–", "-", 1, 19}, {"…", "...", 1, 27}, {"’", "'", 1, 63}}
	if got := asIs.Rewrites(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := plain.Rewrites(); len(got) != len(want) || got[0].Line != 3 || got[4].As != "'" {
		t.Errorf("got %v, want the same two lines below", got)
	}
}

// Only letters that a language lets be written otherwise are, and each becomes letters of the GSM alphabet.
func TestLettersOfALanguage(t *testing.T) {
	for _, c := range []struct{ language, text, want string }{
		{"da", "én á ó", "én a o"}, {"da", "š ð", "š ð"}, {"fi", "šekki Žorž", "shekki Zhorzh"}, {"sv", "façade", "facade"},
		{"nb", "fôr", "for"}, {"de", "STRAẞE „x“", `STRASSE "x"`}, {"en", "naïve – café", "naive - café"}, {"en", "č ŋ þ", "č ŋ þ"},
	} {
		x := parseText(t, c.language+"/x.sms.txt", "Letters: plain\n\n"+c.text+" {phone}")
		r, err := x.Render(writtenFacts(""))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(r.Parts[0].Text.Reveal(), " 70 99 10 31"); got != c.want {
			t.Errorf("%s: %q became %q, want %q", c.language, c.text, got, c.want)
		}
	}
	for _, language := range template.Languages() {
		var all strings.Builder
		for r := rune(0xa0); r < 0x2500; r++ {
			if !template.Invisible(r) && !unicode.IsMark(r) && norm.NFC.IsNormalString(string(r)) {
				all.WriteRune(r)
			}
		}
		x := parseText(t, language+"/x.sms.txt", all.String())
		if len(x.Rewrites()) < 20 {
			t.Errorf("%s: only %v", language, x.Rewrites())
		}
		for _, w := range x.Rewrites() {
			if size := sms.Count(w.As); size.Encoding != sms.GSM7 || sms.IsGSM7([]rune(w.Letter)[0]) || strings.ContainsAny(w.As, "0123456789{}[]") {
				t.Errorf("%s: %q is written %q", language, w.Letter, w.As)
			}
		}
	}
}

// The choice is one of text messages, made once and in one word; what is sent is held against the same rules as what is read.
func TestTheChoiceOfLetters(t *testing.T) {
	for text, want := range map[string]string{
		"Letters: yes\n\nHej": "want Letters: plain", "Letters: plain\nLetters: plain\n\nHej": "is there twice", "Letters: plain\nHej": "want a blank line",
	} {
		if _, err := template.Parse("da/x.sms.txt", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := template.Parse("da/x.email.txt", []byte("Subject: a\nLetters: plain\n\nHej")); err == nil || !strings.Contains(err.Error(), "choice of SMS") {
		t.Errorf("an e-mail: %v", err)
	}
	if x := parseText(t, "da/x.sms.txt", "Class: 1\nLetters: plain\n\nHej – du"); !x.Plain() || x.Declared() != 1 {
		t.Error("two lines of a head are not read")
	}
	const touching = "Husk {date} {time} {unit}. Afbud {phone}. Vindue 12–{time}. Svar STOP"
	if lint := parseText(t, "da/reminder.sms.txt", touching).Lint(reminder.Remind); len(lint) != 0 {
		t.Errorf("with a dash: %v", lint)
	}
	if lint := parseText(t, "da/reminder.sms.txt", "Letters: plain\n\n"+touching).Lint(reminder.Remind); len(lint) != 1 || !strings.Contains(lint[0].Reason, "digits touch {time}") || lint[0].Line != 3 {
		t.Errorf("with a hyphen: %v", lint)
	}
	if x := parseText(t, "da/x.email.txt", "Subject: – a\n\n– b"); len(x.Rewrites()) != 0 {
		t.Errorf("an e-mail would be rewritten: %v", x.Rewrites())
	}
}
