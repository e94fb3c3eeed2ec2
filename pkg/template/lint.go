package template

import (
	"fmt"
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// needs are the facts a message of a purpose must show, whatever is left out: when and where (Datatilsynet's example text:
// "Husk din aftale [dato/kl.] på [X] Hospital ... Evt. afbud på [tlf.nr./e-mailadresse]").
var needs = map[reminder.Purpose][]string{
	reminder.Remind:  {"date", "time", "unit"},
	reminder.Changed: {"date", "time", "unit"},
	reminder.Cancel:  {"was_date", "was_time", "unit"},
}

// Lint holds a template against what a message of purpose must and must not say: when, where, a contact of the clinic and
// how to stop; no question (an answer would be case data on an open network), no link. None = fit.
func (t Template) Lint(purpose reminder.Purpose) []Problem {
	problems, ok := t.lint[purpose]
	if !ok {
		return []Problem{{File: t.file, Line: 1, Reason: "no template can serve this purpose"}}
	}
	return slices.Clone(problems)
}

func (t Template) judge(purpose reminder.Purpose) []Problem {
	var out []Problem
	fail := func(line int, format string, args ...any) {
		out = append(out, Problem{File: t.file, Line: line, Reason: fmt.Sprintf(format, args...)})
	}
	r := t.Outline()
	body := t.parts[len(t.parts)-1]
	for _, name := range needs[purpose] {
		if !body.shows(name) {
			fail(body.line, "{%s} is missing outside of brackets: a %s must say when and where", name, purpose)
		}
	}
	if !body.shows("phone") && !body.shows("mail") {
		fail(body.line, "neither {phone} nor {mail} outside of brackets: a %s must name a contact of the clinic", purpose)
	}
	if !slices.ContainsFunc(body.nodes, func(n node) bool { return n.group == 0 && hasWord(n.literal, "STOP") }) {
		fail(body.line, "no word STOP: every message must say how to stop")
	}
	for _, p := range r.Parts {
		text := p.Text.Reveal()
		for _, bad := range []struct{ find, why string }{
			{"?", "a question: answers must not come over an open network"},
			{"://", "a link"}, {"www.", "a link"},
		} {
			if i := strings.Index(strings.ToLower(text), bad.find); i >= 0 {
				fail(t.Line(r, p.Kind, i), "%s", bad.why)
			}
		}
	}
	return out
}

func (p part) shows(name string) bool {
	return slices.ContainsFunc(p.nodes, func(n node) bool { return n.fact != nil && n.fact.Name == name && n.group == 0 })
}

func hasWord(text, word string) bool {
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}), word)
}

// LongestFacts are facts of unit u whose date, time and name take the most room in the template's language: what a check
// before approval renders.
func (t Template) LongestFacts(u reminder.Unit, purpose reminder.Purpose) reminder.Facts {
	day := t.lang.longestDay()
	name, _ := Lookup("name")
	return reminder.Facts{
		Purpose: purpose, Channel: t.channel, Language: t.lang.tag, Unit: u,
		Start: day, Was: day,
		GivenName: reminder.Mask(strings.Repeat("Ŵ", name.Longest)), // outside of the GSM alphabet: the shortest segments
	}
}
