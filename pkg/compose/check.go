package compose

import (
	"fmt"
	"slices"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// Problem is what an approver or an operator should know of a template, or of a unit's texts, before it meets a patient.
type Problem struct {
	Template string `json:"template,omitempty"` // "da/reminder.sms"; "" = the unit's own texts
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`   // of the file
	Column   int    `json:"column,omitempty"` // of the file, in letters; 0 = the whole line
	Unit     string `json:"unit,omitempty"`   // the unit it concerns; "" = all
	Refused  bool   `json:"refused"`          // such a message would not be sent, or not be approved; else this is what will be odd about it
	Reason   string `json:"reason"`
	// Stands is said of what is no smaller fault because the text that is live has it too: no version is approved with it.
	Stands bool `json:"stands,omitempty"`
}

// String is "da/reminder.sms.txt:1:17: unit rh-ortho: reason".
func (p Problem) String() string {
	if place := p.Place(); place != "" {
		return place + ": " + p.Text()
	}
	return p.Text()
}

// Place is where to mend it: "da/reminder.sms.txt:1:17", or the template alone; "" for a unit's own texts.
func (p Problem) Place() string {
	switch {
	case p.File == "":
		return p.Template
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Text is the reason, behind the unit that it concerns.
func (p Problem) Text() string {
	if p.Unit == "" {
		return p.Reason
	}
	return "unit " + p.Unit + ": " + p.Reason
}

// Check tells what is wrong with template t for a purpose: in itself, and in the worst case that Assess finds for each unit under
// the rules of pack. None = approve.
func (c *Composer) Check(t template.Template, purpose reminder.Purpose, pack policy.Pack, units ...reminder.Unit) []Problem {
	out := c.literal(t, purpose)
	for _, u := range units {
		out = append(out, c.assess(t, purpose, pack, u).Problems...)
	}
	return out
}

// literal tells what is wrong with the template's own text.
func (c *Composer) literal(t template.Template, purpose reminder.Purpose) []Problem {
	var out []Problem
	for _, p := range t.Lint(purpose) {
		out = append(out, Problem{Template: t.Name(), File: p.File, Line: p.Line, Column: p.Column, Refused: true, Reason: p.Reason})
	}
	if t.IsZero() {
		return out
	}
	for _, x := range c.scanner.Scan(t.Outline(), redact.Known{}) {
		line, column := t.Place(x.Part, x.Offset)
		if x.Fact != "" || slices.ContainsFunc(out, func(p Problem) bool { return p.Line == line && p.Column == column }) {
			continue
		}
		out = append(out, Problem{
			Template: t.Name(), File: t.File(), Line: line, Column: column, Refused: true,
			Reason: fmt.Sprintf("the literal text may not be sent: %s: %s", x.Kind, instead(x)),
		})
	}
	return out
}

// instead says what to write in the place of a finding in literal text.
func instead(x redact.Finding) string {
	switch x.Kind {
	case redact.KindThird:
		return "name nobody, or only the patient by {name}"
	case redact.KindMail:
		return "write {mail}"
	case redact.KindLink:
		return "write {link} in brackets"
	case redact.KindHidden, redact.KindEncoded:
		return "write plain letters"
	}
	return "leave the digits out; a phone is {phone}, a day {date}, a time {time}"
}

// CheckUnit checks every template that a unit would use: for each purpose the pack has a basis for, for each fixed answer, and for
// each of the unit's channels the pack allows, in every language a patient may be written in. It also warns of facts whose words say more than
// their class.
func (c *Composer) CheckUnit(pack policy.Pack, u reminder.Unit) []Problem {
	out := CheckFacts(u)
	seen := map[string]bool{}
	for _, s := range setsOf(pack, u) {
		for _, ch := range u.Channels {
			if !pack.Allows(ch) || (s.purpose == reminder.Verify && ch != reminder.SMS) {
				continue
			}
			for _, language := range languagesOf(u) {
				t, err := c.choose(u, s.name, ch, language)
				if err != nil {
					out = append(out, Problem{Template: s.name + "." + string(ch), Unit: u.ID, Refused: true, Reason: "no template in " + u.Language})
					break
				}
				if id := t.ID() + string(s.purpose); !seen[id] {
					seen[id] = true
					out = append(out, c.Check(t, s.purpose, pack, u)...)
				}
			}
		}
	}
	return out
}

// usedSet is a set of templates that a unit uses for a purpose.
type usedSet struct {
	purpose reminder.Purpose
	name    string
}

// setsOf lists the sets that a unit may use under a pack. Answers and one-time codes need no basis.
func setsOf(pack policy.Pack, u reminder.Unit) []usedSet {
	var out []usedSet
	for _, p := range pack.Purposes() {
		if p != reminder.Reply && p != reminder.Verify {
			out = append(out, usedSet{p, setOf(u, p, "")})
		}
	}
	for _, t := range reminder.AnswerTexts {
		out = append(out, usedSet{reminder.Reply, setOf(u, reminder.Reply, t)})
	}
	out = append(out, usedSet{reminder.Verify, setOf(u, reminder.Verify, "")})
	return out
}

// languagesOf lists the unit's own language first, then those of its other names and of the templates.
func languagesOf(u reminder.Unit) []string {
	out := template.Languages()
	for l := range u.Names {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	out = slices.DeleteFunc(out, func(l string) bool { return l == u.Language })
	slices.Sort(out)
	return append([]string{u.Language}, out...)
}

// factReason says what a word in a unit's text names and what to do about it.
func factReason(field string, class reminder.Class, s Source) string {
	return fmt.Sprintf("%s: %q names a %s, and the unit directory gives it class %v: give it class %v, or a text that does not tell", field, s.Word, s.Kind, class, s.Class)
}
