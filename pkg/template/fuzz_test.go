package template_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/templates"
)

// FuzzParse: any file is taken or refused with a place in it, and what Lint and Raises tell of it has its place too.
func FuzzParse(f *testing.F) {
	seed(f, func(data []byte) { f.Add(data) })
	f.Add([]byte("Class: 2\n\nHud[ {name}]klinik? Se x.dk, ring 112 kl. 0845 {date}26"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, path := range []string{"da/f.sms.txt", "de/f.email.txt", "fi/f.sms.txt"} {
			tp, err := template.Parse(path, data)
			if err != nil {
				if !errors.Is(err, template.ErrSyntax) {
					t.Fatal(err)
				}
				continue
			}
			lines := strings.Split(string(data), "\n")
			inside := func(line, column int) bool {
				return line >= 1 && line <= len(lines) && column >= 0 && column <= utf8.RuneCountInString(lines[line-1])
			}
			for _, p := range tp.Lint(reminder.Changed) {
				if !inside(p.Line, p.Column) {
					t.Errorf("%v is not in the file", p)
				}
			}
			for _, x := range tp.Raises() {
				if !inside(x.Line, x.Column) || x.Column == 0 || !strings.Contains(lines[x.Line-1], strings.Fields(x.Word)[0][:1]) {
					t.Errorf("%+v is not in the file", x)
				}
			}
		}
	})
}

// FuzzRender: whatever parses renders into spans that cover every byte, in order; literal bytes are the file's, and Place finds
// them there.
func FuzzRender(f *testing.F) {
	seed(f, func(data []byte) { f.Add(data, "Anna", "Blegdamsvej 9", 0) })
	f.Add([]byte("[{name}][{entrance}{address}]{date}"), "", "", 7)
	f.Add([]byte("a{b"), "e\u0301", "\xff", 1)
	f.Add([]byte("æ{date}\n[ø {link}\n] å"), "x", "y", 3)
	f.Fuzz(func(t *testing.T, data []byte, name, address string, limit int) {
		for _, path := range []string{"da/f.sms.txt", "en/f.email.txt"} {
			tp, err := template.Parse(path, data)
			if err != nil {
				continue
			}
			checkSpans(t, tp.Outline())
			checkPlaces(t, tp, string(data))
			fx := facts()
			fx.GivenName, fx.Unit.Address.Text, fx.Unit.Link.Text = reminder.Mask(name), address, name
			r, err := tp.RenderWithin(fx, max(0, limit))
			if err != nil {
				if !errors.Is(err, template.ErrMissing) {
					t.Fatal(err)
				}
				continue
			}
			checkSpans(t, r)
			checkLiteral(t, r, string(data))
		}
	})
}

func seed(f *testing.F, add func([]byte)) {
	f.Helper()
	for _, tp := range defaults(f).All() {
		data, err := templates.FS.ReadFile(tp.Name() + ".txt")
		if err != nil {
			f.Fatal(err)
		}
		add(data)
	}
}

// checkPlaces looks each letter of the outline's literal text up in the file.
func checkPlaces(t *testing.T, tp template.Template, file string) {
	t.Helper()
	lines := strings.Split(file, "\n")
	for _, p := range tp.Outline().Parts {
		text := p.Text.Reveal()
		for _, s := range p.Spans {
			for i, r := range text[s.Start:s.End] {
				if s.Fact != "" && i > 0 || r == '\n' {
					continue
				}
				line, column := tp.Place(p.Kind, s.Start+i)
				if got := []rune(lines[line-1]); column < 1 || column > len(got) || got[column-1] != r {
					t.Fatalf("%s byte %d: %d:%d of the file is not that letter", p.Kind, s.Start+i, line, column)
				}
			}
		}
	}
}

// checkLiteral finds the literal text of a rendering in the file, piece after piece.
func checkLiteral(t *testing.T, r reminder.Rendered, file string) {
	t.Helper()
	for _, p := range r.Parts {
		text := p.Text.Reveal()
		for _, s := range p.Spans {
			if s.Fact != "" {
				continue
			}
			for _, c := range text[s.Start:s.End] {
				i := strings.IndexRune(file, c)
				if i < 0 {
					t.Fatalf("%s: literal text that is not the file's, in this order", p.Kind)
				}
				file = file[i+utf8.RuneLen(c):]
			}
		}
	}
}

func checkSpans(t *testing.T, r reminder.Rendered) {
	t.Helper()
	for _, p := range r.Parts {
		text, at := p.Text.Reveal(), 0
		for i, s := range p.Spans {
			if s.Start != at || s.End <= s.Start || s.End > len(text) {
				t.Fatalf("span %d is %d to %d, the last ended at %d of %d", i, s.Start, s.End, at, len(text))
			}
			if i > 0 && s.Fact == "" && p.Spans[i-1].Fact == "" {
				t.Fatalf("span %d: two runs of literal text are not joined", i)
			}
			if s.Fact == "" && (strings.ContainsAny(text[s.Start:s.End], "{}[]") || !utf8.ValidString(text[s.Start:s.End])) {
				t.Fatalf("span %d: literal text with braces, or cut within a letter", i)
			}
			if _, ok := template.Lookup(s.Fact); s.Fact != "" && !ok {
				t.Fatalf("span %d is of no placeholder", i)
			}
			at = s.End
		}
		if at != len(text) {
			t.Fatalf("spans end at %d of %d", at, len(text))
		}
	}
}
