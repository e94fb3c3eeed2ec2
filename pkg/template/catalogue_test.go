package template_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

func TestCheckValue(t *testing.T) {
	for _, c := range []struct {
		fact, value string
		ok          bool
	}{
		{"phone", "35 45 35 45", true}, {"phone", "+45 35453545", true}, {"phone", "08-465 004 11", true}, {"phone", "(08) 465", true},
		{"phone", "ring os", false}, {"phone", "12", false}, {"phone", "1234567890123456", false}, {"phone", "45+35", false},
		{"mail", "tid@hospital.example", true}, {"mail", "Tid <tid@hospital.example>", false}, {"mail", "tid", false},
		{"name", "Anna-Lise", true}, {"name", "Þór", true}, {"name", "O'Neil", true}, {"name", "Anna 2", false}, {"name", "0101701234", false},
		{"name", " - ", false}, {"name", strings.Repeat("a", 41), false}, {"name", "Anna@x", false},
		{"address", "Blegdamsvej 9", true}, {"address", "a\nb", false}, {"address", "a\u200bb", false}, {"address", " a", false}, {"address", "", false},
		{"link", "https://rh.example/tid", true}, {"link", "https://rh.example", true}, {"link", "http://rh.example", false}, {"link", "https://rh.example/?a", false},
		{"link", "https://u@rh.example", false}, {"link", "https://RH.example", false}, {"link", "https://localhost", false}, {"address", "a\xff", false}, {"time", "kl. 14.30", true}, {"klinik", "x", false},
		{"code", "012345", true}, {"code", "12345", false}, {"code", "1234567", false}, {"code", "12 345", false}, {"code", "12345a", false}, {"code", "１２３４５６", false},
	} {
		err := template.CheckValue(c.fact, c.value)
		if (err == nil) != c.ok {
			t.Errorf("%s %q: %v", c.fact, c.value, err)
		}
		if err != nil && (!errors.Is(err, template.ErrValue) || len(c.value) > 3 && strings.Contains(err.Error(), c.value)) {
			t.Errorf("%s: the error quotes the value, or is not ErrValue: %v", c.fact, err)
		}
	}
}

func TestCatalogueIsWhole(t *testing.T) {
	for _, p := range template.Catalogue() {
		for _, lang := range template.Languages() {
			n, has := p.Neutral(lang)
			if _, all := p.Neutral("da"); has != all {
				t.Errorf("{%s} has a neutral text in some languages only: %s", p.Name, lang)
			}
			if has && n == "" && !p.Empty {
				t.Errorf("{%s} may be left out by a neutral text, but may stand outside of brackets", p.Name)
			}
			if v := p.LongestValue(lang); utf8.RuneCountInString(v) != p.Longest(lang) || template.CheckValue(p.Name, v) != nil {
				t.Errorf("%s {%s}: the longest value has %d letters, want %d: %v", lang, p.Name, utf8.RuneCountInString(v), p.Longest(lang), template.CheckValue(p.Name, v))
			}
			if p.About == "" || p.Longest("xx") != 0 || p.LongestValue("xx") != "" {
				t.Errorf("{%s} is not told of, or has a longest value in no language", p.Name)
			}
		}
		if c, fixed := p.FixedClass(); fixed != (p.Kind == template.Moment || p.Kind == template.Person || p.Kind == template.Code) || fixed && c != p.Class(facts().Unit, "da") {
			t.Errorf("{%s}: class %v, fixed %v", p.Name, c, fixed)
		}
	}
	unit, ok := template.Lookup("unit")
	if f := facts(); !ok || unit.Class(f.Unit, "da") != f.Unit.Names["da"].Class {
		t.Error("the class of {unit} is not the directory's")
	}
}

func TestLongestMoments(t *testing.T) {
	for _, c := range []struct {
		lang, name string
		want       int
	}{
		{"da", "weekday", 7}, {"da", "date", 13}, {"da", "time", 9}, {"da", "year", 4}, {"da", "was_date", 13},
		{"sv", "date", 12}, {"nb", "date", 13}, {"fi", "weekday", 13}, {"fi", "date", 15}, {"fi", "time", 9},
		{"de", "weekday", 10}, {"de", "date", 13}, {"de", "time", 12}, {"en", "weekday", 9}, {"en", "date", 12}, {"en", "time", 8},
	} {
		p, ok := template.Lookup(c.name)
		if !ok || p.Longest(c.lang) != c.want {
			t.Errorf("%s {%s}: %d letters (%s), want %d", c.lang, c.name, p.Longest(c.lang), p.LongestValue(c.lang), c.want)
		}
	}
	// The day of LongestFacts has them all at once.
	for _, lang := range template.Languages() {
		tp := load(t, lang+"/x.sms.txt", "{weekday}{date}{time}{year}")
		r, err := tp.Render(tp.LongestFacts(tp.LongestUnit(), reminder.Remind))
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, name := range []string{"weekday", "date", "time", "year"} {
			p, _ := template.Lookup(name)
			want += p.Longest(lang)
		}
		if got := utf8.RuneCountInString(r.Parts[0].Text.Reveal()); got != want {
			t.Errorf("%s: %d letters, want %d: %s", lang, got, want, r.Parts[0].Text.Reveal())
		}
	}
}

func TestLinkIsLeftOutWhereThereIsNone(t *testing.T) {
	tp := load(t, "da/x.sms.txt", "A {unit}[. Se {link}].")
	f := facts()
	for link, want := range map[string]string{"": "A Rigshospitalet.", "https://rh.example/tid": "A Rigshospitalet. Se https://rh.example/tid."} {
		f.Unit.Link.Text = link
		if r, err := tp.Render(f); err != nil || r.Parts[0].Text.Reveal() != want {
			t.Errorf("%q: %q %v", link, r.Parts[0].Text.Reveal(), err)
		}
	}
	if _, err := template.Parse("da/x.sms.txt", []byte("{link}")); err == nil {
		t.Error("a link outside of brackets is taken")
	}
}
