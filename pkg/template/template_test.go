package template_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/templates"
)

var update = flag.Bool("update", false, "write the golden files anew")

func defaults(t testing.TB) *template.Set {
	t.Helper()
	s, err := template.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func load(t testing.TB, path, text string) template.Template {
	t.Helper()
	tp, err := template.Parse(path, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tp
}

var copenhagen = func() *time.Location {
	l, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		panic(err)
	}
	return l
}()

func facts() reminder.Facts {
	return reminder.Facts{
		Purpose: reminder.Remind, Start: time.Date(2026, 3, 12, 14, 30, 0, 0, copenhagen), GivenName: reminder.Mask("Anna"),
		Unit: reminder.Unit{
			ID: "rh-ortho", Language: "da",
			Names: map[string]reminder.Fact{
				"da": {Text: "Rigshospitalet", Class: 0}, "en": {Text: "Rigshospitalet, Copenhagen", Class: 0},
			},
			Address:  reminder.Fact{Text: "Blegdamsvej 9, 2100 København Ø", Class: 1},
			Entrance: reminder.Fact{Text: "Indgang 3", Class: 1.5},
			Phone:    reminder.Fact{Text: "35 45 35 45", Class: 1.5},
			Mail:     reminder.Fact{Text: "tid@hospital.example", Class: 1.5},
		},
	}
}

var purposes = []reminder.Purpose{reminder.Remind, reminder.Changed, reminder.Cancel}

func TestGolden(t *testing.T) {
	set := defaults(t)
	for _, lang := range template.Languages() {
		for _, p := range purposes {
			for _, c := range reminder.Channels {
				name := fmt.Sprintf("%s/%s.%s", lang, p, c)
				t.Run(name, func(t *testing.T) {
					tp, ok := set.Find(string(p), c, lang)
					if !ok {
						t.Fatal("no such template")
					}
					if tp.Name() != name || tp.Language() != lang || tp.Channel() != c {
						t.Errorf("it says it is %s, %s, %s", tp.Name(), tp.Language(), tp.Channel())
					}
					f := facts()
					f.Purpose = p
					if p != reminder.Remind {
						f.Was = time.Date(2026, 3, 10, 9, 5, 0, 0, copenhagen)
					}
					var b strings.Builder
					r, err := tp.Render(f)
					if err != nil {
						t.Fatal(err)
					}
					write(&b, r)
					f.GivenName, f.Unit.Entrance, f.Unit.Mail, f.Was = reminder.Masked{}, reminder.Fact{}, reminder.Fact{}, time.Time{}
					if r, err = tp.Render(f); err != nil {
						t.Fatal(err)
					}
					b.WriteString("--- with nothing that may be empty\n")
					write(&b, r)
					golden(t, filepath.Join("testdata", lang, fmt.Sprintf("%s.%s.golden", p, c)), b.String())
				})
			}
		}
	}
	n := 0
	for _, tp := range set.All() {
		if _, answer := reminder.AnswerOfSet(tp.Set()); !answer && tp.Set() != string(reminder.Verify) { // TestAnswers and TestCodes have those
			n++
		}
	}
	if n != 36 {
		t.Errorf("%d templates, 36 tested", n)
	}
}

func write(b *strings.Builder, r reminder.Rendered) {
	for _, p := range r.Parts {
		fmt.Fprintf(b, "%s: %s\n", p.Kind, p.Text.Reveal())
		if len(r.Parts) == 1 {
			fmt.Fprintf(b, "(%d letters, %+v)\n", utf8.RuneCountInString(p.Text.Reveal()), sms.Count(p.Text.Reveal()))
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDefaultsSayWhatTheyMust(t *testing.T) {
	for _, tp := range defaults(t).All() {
		for _, p := range purposes {
			problems := tp.Lint(p)
			if tp.Set() == string(p) && len(problems) > 0 {
				t.Errorf("%s: %v", tp.Name(), problems)
			}
		}
		text := tp.Outline()
		for _, part := range text.Parts {
			for _, r := range part.Text.Reveal() {
				if !sms.IsGSM7(r) {
					t.Errorf("%s: %q is not in the GSM alphabet", tp.Name(), r)
				}
			}
		}
	}
}

// The Danish guidance (Datatilsynet) speaks of 140 letters; the longest day of the year must fit with a usual unit.
func TestDanishTextsFitOnTheirLongestDay(t *testing.T) {
	for _, p := range purposes {
		tp, _ := defaults(t).Find(string(p), reminder.SMS, "da")
		for _, name := range []string{"Rigshospitalet", "Ambulatorium 3, Aarhus Hospital"} {
			u := facts().Unit
			u.Names = map[string]reminder.Fact{"da": {Text: name}}
			r, err := tp.RenderWithin(tp.LongestFacts(u, p), 140)
			if err != nil {
				t.Fatal(err)
			}
			if n := utf8.RuneCountInString(r.Parts[0].Text.Reveal()); n > 140 {
				t.Errorf("%s at %s: %d letters", p, name, n)
			}
		}
	}
}

func TestBracketsGiveWayFirstOnesFirst(t *testing.T) {
	tp := load(t, "da/x.sms.txt", "A {unit}[, {address}][, {entrance}]. B\n")
	f := facts()
	full := "A Rigshospitalet, Blegdamsvej 9, 2100 København Ø, Indgang 3. B"
	for _, c := range []struct {
		limit int
		want  string
	}{
		{0, full}, {utf8.RuneCountInString(full), full},
		{utf8.RuneCountInString(full) - 1, "A Rigshospitalet, Indgang 3. B"},
		{29, "A Rigshospitalet. B"}, {5, "A Rigshospitalet. B"},
	} {
		r, err := tp.RenderWithin(f, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Parts[0].Text.Reveal(); got != c.want {
			t.Errorf("limit %d: %q, want %q", c.limit, got, c.want)
		}
	}
}

func TestMissingFacts(t *testing.T) {
	tp := load(t, "da/x.sms.txt", "{date} {was_date}")
	f := facts()
	if _, err := tp.Render(f); !errors.Is(err, template.ErrMissing) || !strings.Contains(err.Error(), "{was_date}") {
		t.Errorf("a reminder has no earlier time: %v", err)
	}
	f.Purpose = reminder.Cancel
	r, err := tp.Render(f)
	if err != nil || r.Parts[0].Text.Reveal() != "12. marts 12. marts" {
		t.Errorf("a cancelled notice names the start: %v %q", err, r.Parts[0].Text.Reveal())
	}
	f.Start = time.Time{}
	if _, err := tp.Render(f); !errors.Is(err, template.ErrMissing) {
		t.Errorf("no start: %v", err)
	}
	if _, err := (template.Template{}).Render(f); !errors.Is(err, template.ErrZero) {
		t.Errorf("zero template: %v", err)
	}
}

func TestNeutral(t *testing.T) {
	tp := load(t, "en/x.sms.txt", "At {unit}, {address}[, {entrance}]")
	r, err := tp.RenderWithin(facts(), 0, "unit", "entrance")
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Parts[0].Text.Reveal(); got != "At the hospital, Blegdamsvej 9, 2100 København Ø" {
		t.Errorf("%q", got)
	}
	if _, err := tp.RenderWithin(facts(), 0, "address"); !errors.Is(err, template.ErrNoNeutral) {
		t.Errorf("an address has none: %v", err)
	}
}

func TestValuesAreBroughtToNFC(t *testing.T) {
	f := facts()
	f.GivenName = reminder.Mask("Bjo\u0308rn")
	r, err := load(t, "sv/x.sms.txt", "[{name} ]{date}").Render(f)
	if err != nil || r.Parts[0].Text.Reveal() != "Bj\u00f6rn 12 mars" {
		t.Errorf("%q %v", r.Parts[0].Text.Reveal(), err)
	}
}

func TestDatesAreNeverBareDigits(t *testing.T) {
	for _, lang := range template.Languages() {
		tp := load(t, lang+"/x.sms.txt", "{date}|{time}|{weekday}")
		for h := range 24 * 366 {
			f := facts()
			f.Start = time.Date(2026, 1, 1, h, h%60, 0, 0, time.UTC)
			r, err := tp.Render(f)
			if err != nil {
				t.Fatal(err)
			}
			run := 0
			for _, c := range r.Parts[0].Text.Reveal() {
				switch {
				case c >= '0' && c <= '9':
					run++
				case c != '.' && c != ':' && c != ' ':
					run = 0
				}
				if run > 4 {
					t.Fatalf("%s: %q", lang, r.Parts[0].Text.Reveal())
				}
			}
		}
	}
}

func TestVersionIsOfTheBytes(t *testing.T) {
	a, b := load(t, "da/x.sms.txt", "{date}"), load(t, "da/x.sms.txt", "{date} ")
	if a.ID() == b.ID() || a.Name() != b.Name() || !strings.HasPrefix(a.ID(), "da/x.sms@") || len(a.ID()) != len("da/x.sms@")+8 {
		t.Errorf("%s and %s", a.ID(), b.ID())
	}
	r, err := a.Render(facts())
	if err != nil || r.Template != a.ID() || r.Language != "da" {
		t.Errorf("%+v %v", r, err)
	}
}

func TestFaultsAreNamedWithTheirPlace(t *testing.T) {
	for _, c := range []struct{ path, text, want string }{
		{"da/x.sms.txt", "Hej\nog {klinik}", "da/x.sms.txt:2:4: unknown placeholder {klinik}"},
		{"da/x.sms.txt", "på {date", "da/x.sms.txt:1:4: malformed placeholder"},
		{"da/x.sms.txt", "{Date}", "1:1: malformed placeholder"},
		{"da/x.sms.txt", "{}", "1:1: malformed placeholder"},
		{"da/x.sms.txt", "{date?}", "1:1: malformed placeholder"},
		{"da/x.sms.txt", "ø}", "1:2: '}' without '{'"},
		{"da/x.sms.txt", "a]", "1:2: ']' without '['"},
		{"da/x.sms.txt", "a [b {date}", "1:3: '[' without ']'"},
		{"da/x.sms.txt", "[[{date}]]", "1:2: brackets in brackets"},
		{"da/x.sms.txt", "ab[c]", "1:3: brackets without a placeholder"},
		{"da/x.sms.txt", "{entrance}", "1:1: {entrance} may be empty"},
		{"da/x.sms.txt", strings.Repeat("[{name}] ", 17), "1:145: more than 16 brackets"},
		{"da/x.sms.txt", "{name}", "1:1: {name} may be empty"},
		{"da/x.sms.txt", "", "1: no text"},
		{"da/x.sms.txt", "a\u200bb", "1:2: invisible letter U+200B"},
		{"da/x.sms.txt", "\ufeffa", "1:1: invisible letter U+FEFF"},
		{"da/x.sms.txt", "a\n b\u202ec", "2:3: invisible letter U+202E"},
		{"da/x.sms.txt", "a\u00a0b", "1:2: invisible letter U+00A0"},
		{"da/x.sms.txt", "a\tb", "1:2: invisible letter U+0009"},
		{"da/x.sms.txt", "a\ufe0f", "1:2: invisible letter U+FE0F"},
		{"da/x.sms.txt", "a\r\nb", "1:2: carriage return"},
		{"da/x.sms.txt", "a\nbo\u0308", "2:2: letter and accent are two code points"},
		{"da/x.sms.txt", "a\xff", "1:2: not UTF-8"},
		{"da/x.sms.txt", "Class: 3\n\na", "1:8: content class"},
		{"da/x.email.txt", "Hej", "1: want the line \"Subject: ...\" first"},
		{"da/x.email.txt", "Subject: a\nHej", "2: want a blank line"},
		{"da/x.email.txt", "Subject: a", "2: want a blank line"},
		{"da/x.email.txt", "Subject: a\n\n\n", "2: want a blank line"},
		{"da/x.email.txt", "Subject: ø {x}\n\n[", "1:12: unknown placeholder {x}"},
		{"da/x.email.txt", "Subject: a\n\nb {x}", "3:3: unknown placeholder {x}"},
		{"xx/x.sms.txt", "a", "file name"},
		{"da/x.fax.txt", "a", "file name"},
		{"da/X.sms.txt", "a", "file name"},
		{"da/x.sms", "a", "file name"},
		{"da/y/x.sms.txt", "a", "file name"},
	} {
		_, err := template.Parse(c.path, []byte(c.text))
		if !errors.Is(err, template.ErrSyntax) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	_, err := template.Load(fstest.MapFS{
		"da/a.sms.txt": {Data: []byte("{x} {y}")}, "da/b.sms.text": {Data: []byte("a")}, "sv/c.sms.txt": {Data: []byte("{")},
	})
	for _, want := range []string{"da/a.sms.txt:1:1", "da/a.sms.txt:1:5", "da/b.sms.text:1", "sv/c.sms.txt:1:1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in %v", want, err)
		}
	}
}

func TestLoadReadsADirectory(t *testing.T) {
	dir := os.DirFS("../../templates") // with its Go file
	s, err := template.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, tp := range defaults(t).All() {
		if tp.ID() != s.All()[i].ID() {
			t.Errorf("%s embedded, %s in the directory", tp.ID(), s.All()[i].ID())
		}
	}
	if _, err := template.Load(fstest.MapFS{}); err == nil {
		t.Error("nothing was loaded, and nobody was told")
	}
	if _, err := template.Load(os.DirFS("does-not-exist")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
}

func TestClassLine(t *testing.T) {
	for text, want := range map[string]reminder.Class{"a": 0, "Class: 2\n\na": 2, "Class: 1.5\n\na": 1.5} {
		tp := load(t, "da/x.sms.txt", text)
		r, err := tp.Render(facts())
		if err != nil || tp.Class() != want || r.Parts[0].Text.Reveal() != "a" {
			t.Errorf("%q: class %v, %v", text, tp.Class(), err)
		}
	}
	tp := load(t, "da/x.email.txt", "Class: 1\nSubject: s\n\na")
	if r, err := tp.Render(facts()); err != nil || tp.Class() != 1 || len(r.Parts) != 2 || r.Parts[0].Kind != reminder.PartSubject {
		t.Errorf("e-mail: %v %+v %v", tp.Class(), r, err)
	}
}

func TestErrorsTellNoValue(t *testing.T) {
	f := facts()
	f.GivenName = reminder.Mask("Zebulon")
	f.Unit.Phone.Text = ""
	_, err := load(t, "da/x.sms.txt", "[{name} ]{date} {phone}").Render(f)
	if err == nil || strings.Contains(err.Error(), "Zebulon") {
		t.Errorf("%v", err)
	}
}
