package compose

import (
	"cmp"
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

// Assessment is the worst case of a template for a purpose under a policy pack with a unit's facts: what an approver confirms.
type Assessment struct {
	Template string           `json:"template"` // "da/reminder.sms@3f2a91c0"
	Purpose  reminder.Purpose `json:"purpose"`
	Channel  reminder.Channel `json:"channel"`
	Language string           `json:"language"`
	Pack     string           `json:"pack,omitempty"`
	Unit     string           `json:"unit,omitempty"` // "" = the longest values of the catalogue

	Text       string         `json:"text,omitempty"`    // the longest text that would be sent; "" where it would be held
	Subject    string         `json:"subject,omitempty"` // the longest subject of an e-mail
	Characters int            `json:"characters,omitempty"`
	Whole      int            `json:"whole,omitempty"` // characters with all brackets
	Limit      int            `json:"limit,omitempty"` // characters that the pack allows; 0 = no limit
	Encoding   sms.Encoding   `json:"encoding,omitempty"`
	Segments   int            `json:"segments,omitempty"`
	GivesWay   []string       `json:"gives_way,omitempty"` // brackets that are left out for the limit
	Declared   reminder.Class `json:"declared"`            // of the literal text, by its author
	Class      reminder.Class `json:"class"`               // the highest of Sources
	Sources    []Source       `json:"sources,omitempty"`   // what gives the message its class, the highest first; class 0 is left out

	Problems []Problem `json:"problems,omitempty"`
}

// Refused reports whether such a message would not be sent.
func (a Assessment) Refused() bool {
	return slices.ContainsFunc(a.Problems, func(p Problem) bool { return p.Refused })
}

// Assess computes the worst case of template t: its longest text, and the highest class, with the facts of unit u on the
// longest day of the year. With the zero Unit it takes the longest values of the catalogue, and what is too long then is told
// and not refused: no unit is so long-winded, and Check with the units decides.
func (c *Composer) Assess(t template.Template, purpose reminder.Purpose, pack policy.Pack, u reminder.Unit) Assessment {
	a := c.assess(t, purpose, pack, u)
	a.Problems = append(c.literal(t, purpose), a.Problems...)
	return a
}

// assess is Assess without what is wrong with the literal text.
func (c *Composer) assess(t template.Template, purpose reminder.Purpose, pack policy.Pack, u reminder.Unit) Assessment {
	a := Assessment{
		Template: t.ID(), Purpose: purpose, Channel: t.Channel(), Language: t.Language(), Pack: pack.ID, Unit: u.ID,
		Limit: pack.MaxLength[t.Channel()], Declared: t.Declared(),
	}
	if t.IsZero() {
		return a
	}
	j := assessor{t: t, pack: pack, a: &a}
	if !pack.IsZero() && !pack.Allows(t.Channel()) {
		j.tell(true, "%s allows no message by %s", pack.ID, t.Channel())
	}
	var d draft
	f := t.LongestFacts(u, purpose)
	if u.ID == "" {
		f.Unit = t.LongestUnit()
		d = j.alone(f)
	} else {
		j.link(u)
		f.Unit.Link = linkOf(u, pack, t.Channel())
		d = j.withUnit(c, f)
	}
	j.measure(d, f)
	j.class(d, f)
	if u.ID != "" {
		j.stop(u)
	}
	return a
}

// assessor fills an Assessment.
type assessor struct {
	t    template.Template
	pack policy.Pack
	a    *Assessment
}

func (j assessor) tell(refused bool, format string, args ...any) {
	line, column := j.t.Place(reminder.PartText, 0)
	j.a.Problems = append(j.a.Problems, Problem{
		Template: j.t.Name(), File: j.t.File(), Line: line, Column: column, Unit: j.a.Unit, Refused: refused, Reason: fmt.Sprintf(format, args...),
	})
}

// alone renders without a unit. Nothing is scanned: the values are nobody's.
func (j assessor) alone(f reminder.Facts) draft {
	r, err := j.t.RenderWithin(f, j.a.Limit)
	if err != nil {
		j.tell(true, "%v", err)
		return draft{}
	}
	if n := lettersOf(r); j.a.Limit > 0 && n > j.a.Limit {
		j.tell(false, "%d letters with values as long as the unit directory allows, %s allows %d: see it with the units", n, j.pack.ID, j.a.Limit)
	}
	return draft{rendered: r}
}

// withUnit renders as for sending, with all that may refuse it.
func (j assessor) withUnit(c *Composer, f reminder.Facts) draft {
	d, err := c.draft(j.t, f, j.pack, nil)
	var held *HeldError
	switch {
	case errors.As(err, &held):
		for _, x := range held.Findings {
			switch {
			case x.Fact != "":
				j.tell(true, "the value of {%s} may not be sent: %s", x.Fact, x.Kind)
			case !c.foundIn(j.t):
				j.tell(true, "the text may not be sent: %s", x.Kind)
			}
		}
		return draft{neutral: d.neutral}
	case err != nil:
		j.tell(true, "%v", err)
	}
	for _, fact := range d.neutral {
		j.tell(false, "the value of {%s} may not be sent: its neutral text is shown", fact)
	}
	return d
}

// link tells of a {link} that will be left out.
func (j assessor) link(u reminder.Unit) {
	switch {
	case !slices.ContainsFunc(j.t.Shows(), func(p template.Placeholder) bool { return p.Kind == template.Link }):
	case !j.pack.AllowsLink(j.t.Channel()):
		j.tell(false, "{link} is left out: %s allows no link by %s", j.pack.ID, j.t.Channel())
	case u.Link.Text == "":
		j.tell(false, "{link} is left out: the unit has no link")
	}
}

// measure counts the longest text.
func (j assessor) measure(d draft, f reminder.Facts) {
	for _, p := range d.rendered.Parts {
		switch p.Kind {
		case reminder.PartText:
			j.a.Text = p.Text.Reveal()
		case reminder.PartSubject:
			j.a.Subject = p.Text.Reveal()
		}
	}
	if j.a.Text == "" {
		return
	}
	j.a.Characters = utf8.RuneCountInString(j.a.Text)
	if whole, err := j.t.RenderWithin(f, 0, d.neutral...); err == nil {
		j.a.Whole = lettersOf(whole)
	}
	if _, n, err := j.t.Fit(f, j.a.Limit, d.neutral...); err == nil && n > 0 {
		j.a.GivesWay = j.t.Brackets()[:n]
		if j.a.Characters <= j.a.Limit {
			j.tell(false, "%d letters, %s allows %d: brackets are left out down to %d", j.a.Whole, j.pack.ID, j.a.Limit, j.a.Characters)
		}
	}
	if j.t.Channel() == reminder.SMS {
		s := sms.Count(j.a.Text)
		j.a.Encoding, j.a.Segments = s.Encoding, s.Segments
		if s.Segments > 1 && j.a.Unit != "" && (j.a.Limit == 0 || j.a.Characters <= j.a.Limit) {
			j.tell(false, "%d letters go out as %d segments (%s)", j.a.Characters, s.Segments, s.Encoding)
		}
	}
}

// class finds what gives the message its class. Unlike at sending, every bracket counts: on a shorter day it is shown.
func (j assessor) class(d draft, f reminder.Facts) {
	j.a.Sources = sourcesOf(j.t, f, d)
	counted := reminder.Class(0)
	for _, s := range j.a.Sources {
		j.a.Class = max(j.a.Class, s.Class)
		if !s.Warning {
			counted = max(counted, s.Class)
		}
	}
	over := !j.pack.IsZero() && counted > j.pack.Ceiling[j.t.Channel()]
	if over && j.a.Unit != "" && !slices.ContainsFunc(j.a.Problems, func(p Problem) bool { return p.Refused }) || over && j.a.Unit == "" {
		j.tell(true, "%v: it is %v where all brackets are shown, %s allows %v", ErrOverCeiling, counted, j.pack.ID, j.pack.Ceiling[j.t.Channel()])
	}
}

// foundIn reports whether the scanner finds something in the literal text itself, which is told once for all units.
func (c *Composer) foundIn(t template.Template) bool {
	return slices.ContainsFunc(c.scanner.Scan(t.Outline(), redact.Known{}), func(x redact.Finding) bool { return x.Fact == "" })
}

func lettersOf(r reminder.Rendered) int {
	return utf8.RuneCountInString(r.Parts[len(r.Parts)-1].Text.Reveal())
}

// byClass sorts the highest class first, and keeps the order otherwise.
func byClass(ss []Source) {
	slices.SortStableFunc(ss, func(a, b Source) int { return cmp.Compare(b.Class, a.Class) })
}
