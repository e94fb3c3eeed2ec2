package compose

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
	"github.com/husk-reminders/husk/pkg/template"
)

// Problem is what an approver or an operator should know of a template before it meets a patient.
type Problem struct {
	Template string // "da/reminder.sms"
	File     string
	Line     int    // of the file
	Unit     string // the unit it concerns; "" = all
	Refused  bool   // such a message would not be sent; else it is sent, and this is what will be odd about it
	Reason   string
}

// String is "da/reminder.sms.txt:1: unit rh-ortho: reason".
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d: ", p.File, p.Line)
	if p.File == "" {
		s = p.Template + ": "
	}
	if p.Unit != "" {
		s += "unit " + p.Unit + ": "
	}
	return s + p.Reason
}

// Check tells what is wrong with template t for a purpose: in itself, and with the facts of each unit on the longest day
// of the year under the rules of pack. None = approve.
func (c *Composer) Check(t template.Template, purpose reminder.Purpose, pack policy.Pack, units ...reminder.Unit) []Problem {
	var out []Problem
	for _, p := range t.Lint(purpose) {
		out = append(out, Problem{Template: t.Name(), File: p.File, Line: p.Line, Refused: true, Reason: p.Reason})
	}
	if t.IsZero() {
		return out
	}
	r, literal := t.Outline(), false
	for _, x := range c.scanner.Scan(r, redact.Known{}) {
		if x.Fact == "" {
			literal = true
			out = append(out, Problem{
				Template: t.Name(), File: t.File(), Line: t.Line(r, x.Part, x.Offset), Refused: true,
				Reason: fmt.Sprintf("the literal text may not be sent: %s", x.Kind),
			})
		}
	}
	for _, u := range units {
		out = append(out, c.checkUnit(t, purpose, pack, u, literal)...)
	}
	return out
}

// CheckUnit checks every template that a unit would use: for each purpose the pack has a basis for and each of the unit's
// channels the pack allows, in every language of the unit's public names.
func (c *Composer) CheckUnit(pack policy.Pack, u reminder.Unit) []Problem {
	var out []Problem
	seen := map[string]bool{}
	for _, purpose := range pack.Purposes() {
		for _, ch := range u.Channels {
			if !pack.Allows(ch) {
				continue
			}
			for _, language := range languagesOf(u) {
				t, err := c.choose(u, purpose, ch, language)
				if err != nil {
					out = append(out, Problem{Template: string(purpose) + "." + string(ch), Unit: u.ID, Refused: true, Reason: "no template in " + u.Language})
					break
				}
				if id := t.ID() + string(purpose); !seen[id] {
					seen[id] = true
					out = append(out, c.Check(t, purpose, pack, u)...)
				}
			}
		}
	}
	return out
}

// languagesOf lists the unit's own language first.
func languagesOf(u reminder.Unit) []string {
	out := []string{u.Language}
	for l := range u.Names {
		if l != u.Language {
			out = append(out, l)
		}
	}
	slices.Sort(out[1:])
	return out
}

// checkUnit checks a template with one unit's facts. told says that what is in the literal text has been told.
func (c *Composer) checkUnit(t template.Template, purpose reminder.Purpose, pack policy.Pack, u reminder.Unit, told bool) []Problem {
	var out []Problem
	tell := func(refused bool, format string, args ...any) {
		out = append(out, Problem{
			Template: t.Name(), File: t.File(), Line: t.Line(t.Outline(), reminder.PartText, 0), Unit: u.ID, Refused: refused,
			Reason: fmt.Sprintf(format, args...),
		})
	}
	f := t.LongestFacts(u, purpose)
	d, err := c.draft(t, f, pack)
	var held *HeldError
	switch {
	case errors.As(err, &held):
		for _, x := range held.Findings {
			switch {
			case x.Fact != "":
				tell(true, "the value of {%s} may not be sent: %s", x.Fact, x.Kind)
			case !told:
				tell(true, "the text may not be sent: %s", x.Kind)
			}
		}
		return out
	case err != nil:
		tell(true, "%v", err)
		return out
	}
	for _, fact := range d.neutral {
		tell(false, "the value of {%s} may not be sent: its neutral text is shown", fact)
	}
	if limit := pack.MaxLength[t.Channel()]; limit > 0 {
		if full, err := t.RenderWithin(f, 0, d.neutral...); err == nil && lettersOf(full) > lettersOf(d.rendered) {
			tell(false, "%d letters, %s allows %d: brackets are left out down to %d", lettersOf(full), pack.ID, limit, lettersOf(d.rendered))
		}
	}
	if t.Channel() == reminder.SMS {
		text := d.rendered.Parts[len(d.rendered.Parts)-1].Text.Reveal()
		if s := sms.Count(text); s.Segments > 1 {
			tell(false, "%d letters go out as %d segments (%s)", lettersOf(d.rendered), s.Segments, s.Encoding)
		}
	}
	return out
}

func lettersOf(r reminder.Rendered) int {
	return utf8.RuneCountInString(r.Parts[len(r.Parts)-1].Text.Reveal())
}
