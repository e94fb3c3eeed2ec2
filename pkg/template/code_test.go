package template_test

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
	"github.com/husk-reminders/husk/pkg/template"
)

// The shipped texts of one-time codes: one a language, one segment, and no more than the Danish 140 letters with a usual clinic.
func TestCodes(t *testing.T) {
	set := defaults(t)
	for _, lang := range template.Languages() {
		tp, ok := set.Find(string(reminder.Verify), reminder.SMS, lang)
		if !ok {
			t.Fatalf("%s: no such template", lang)
		}
		if ps := tp.Lint(reminder.Verify); len(ps) > 0 || tp.Class() != 0 {
			t.Errorf("%s: class %v, %v", tp.Name(), tp.Class(), ps)
		}
		f := facts()
		f.Purpose, f.Code = reminder.Verify, reminder.Mask("012345")
		f.Unit.Names = map[string]reminder.Fact{"da": {Text: "Ambulatorium 3, Ravnsholt Hospital"}}
		r, err := tp.Render(f)
		if err != nil {
			t.Fatal(err)
		}
		text := r.Parts[0].Text.Reveal()
		if n := sms.Count(text); n.Encoding != sms.GSM7 || n.Segments != 1 || utf8.RuneCountInString(text) > 140 {
			t.Errorf("%s: %d letters, %+v", tp.Name(), utf8.RuneCountInString(text), n)
		}
		for _, want := range []string{"012345", "Ambulatorium 3, Ravnsholt Hospital", "10 "} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", tp.Name(), want)
			}
		}
		var b strings.Builder
		write(&b, r)
		golden(t, filepath.Join("testdata", lang, "verify.sms.golden"), b.String())
		f.Code = reminder.Masked{}
		if _, err := tp.Render(f); err == nil {
			t.Errorf("%s is written without a code", tp.Name())
		}
	}
}

func TestLintOfCodes(t *testing.T) {
	for _, c := range []struct{ path, text, want string }{
		{"da/x.sms.txt", "Kode {code} fra {unit}.", ""},
		{"da/x.sms.txt", "Kode fra {unit}.", "{code} is missing"},
		{"da/x.sms.txt", "Kode [{code} ]fra {unit}.", "{code} is missing"},
		{"da/x.sms.txt", "Kode {code}.", "{unit} is missing"},
		{"da/x.sms.txt", "Kode {code} fra {unit} {date}.", "{date} in a message to a number that is not proven"},
		{"da/x.sms.txt", "Kode {code} fra {unit}[, {name}].", "{name} in a message"},
		{"da/x.sms.txt", "Kode {code} fra {unit}. Ring {phone}.", "{phone} in a message"},
		{"da/x.sms.txt", "Class: 1\n\nKode {code} fra {unit}.", "class 0"},
		{"da/x.email.txt", "Subject: Kode\n\nKode {code} fra {unit}.", "by sms alone"},
		{"da/x.sms.txt", "Kode {code} fra {unit}. Svar på denne sms.", "asks for a reply"},
	} {
		ps := load(t, c.path, c.text).Lint(reminder.Verify)
		if (c.want == "") != (len(ps) == 0) {
			t.Errorf("%q: %v", c.text, ps)
			continue
		}
		found := c.want == ""
		for _, p := range ps {
			found = found || strings.Contains(p.Reason, c.want) && p.Line > 0
		}
		if !found {
			t.Errorf("%q: %v, want %s", c.text, ps, c.want)
		}
	}
	tp := load(t, "da/x.sms.txt", "{code} {date} {time} {unit} {phone} STOP")
	for _, p := range []reminder.Purpose{reminder.Remind, reminder.Changed, reminder.Cancel, reminder.Reply} {
		ps := tp.Lint(p)
		if len(ps) == 0 || !strings.Contains(ps[0].Reason, "{code} in a "+string(p)) {
			t.Errorf("a code in a %s: %v", p, ps)
		}
	}
}
