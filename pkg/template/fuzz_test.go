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

// FuzzTemplate: whatever parses renders into spans that cover every byte, in order, and hold what their facts say.
func FuzzTemplate(f *testing.F) {
	for _, tp := range defaults(f).All() {
		data, err := templates.FS.ReadFile(tp.Name() + ".txt")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "Anna", "Blegdamsvej 9", 0)
	}
	f.Add([]byte("[{name}][{entrance}{address}]{date}"), "", "", 7)
	f.Add([]byte("a{b"), "e\u0301", "\xff", 1)
	f.Fuzz(func(t *testing.T, data []byte, name, address string, limit int) {
		for _, path := range []string{"da/f.sms.txt", "en/f.email.txt"} {
			tp, err := template.Parse(path, data)
			if err != nil {
				if !errors.Is(err, template.ErrSyntax) {
					t.Fatal(err)
				}
				continue
			}
			fx := facts()
			fx.GivenName, fx.Unit.Address.Text = reminder.Mask(name), address
			r, err := tp.RenderWithin(fx, max(0, limit))
			if err != nil {
				if !errors.Is(err, template.ErrMissing) {
					t.Fatal(err)
				}
				continue
			}
			checkSpans(t, r)
			checkSpans(t, tp.Outline())
		}
	})
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
