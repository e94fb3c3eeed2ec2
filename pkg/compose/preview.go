package compose

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
	"github.com/husk-reminders/husk/pkg/template"
)

// Sample is an invented person for whom a message is written before anybody real gets one.
type Sample struct {
	ID        string // adult, child, child-no-place, long-name, sami
	Name      string // given name of the patient
	HidePlace bool   // it goes to a guardian who is not to know where the patient is
}

// Samples are the invented people. The child's messages are as a guardian reads them.
var Samples = []Sample{
	{ID: "adult", Name: "Anna"},
	{ID: "child", Name: "Noah"},
	{ID: "child-no-place", Name: "Noah", HidePlace: true},
	{ID: "long-name", Name: "Christophersdatter-Maximiliane Alexandra"},
	{ID: "sami", Name: "Máret Áilu Ŋiŋŋá"},
}

// Preview is the message that a sample person would get.
type Preview struct {
	Sample     string           `json:"sample"`
	Unit       string           `json:"unit"`
	Purpose    reminder.Purpose `json:"purpose"`
	Sender     string           `json:"sender,omitempty"`
	ReplyTo    string           `json:"reply_to,omitempty"` // of e-mail
	Subject    string           `json:"subject,omitempty"`  // of e-mail
	Text       string           `json:"text,omitempty"`     // "" where it would be held, or can't be written
	HTML       string           `json:"html,omitempty"`     // of e-mail: a whole document, beside the text
	Event      *Entry           `json:"event,omitempty"`    // of e-mail: what its calendar file has; absent where it has none
	Characters int              `json:"characters,omitempty"`
	Encoding   sms.Encoding     `json:"encoding,omitempty"` // of SMS
	Segments   int              `json:"segments,omitempty"` // of SMS
	Neutral    []string         `json:"neutral,omitempty"`  // facts shown by their neutral text
	Refused    string           `json:"refused,omitempty"`  // why it would not be sent
	Findings   []redact.Finding `json:"findings,omitempty"` // of a text that would be held: their places alone
}

// Entry is what a mail puts into the recipient's calendar. It has no end: how long an appointment is is told to nobody.
type Entry struct {
	Gone    bool      `json:"gone,omitempty"` // it takes the entry out that an earlier mail put in
	Start   time.Time `json:"start"`          // in the unit's zone
	Summary string    `json:"summary"`
	Place   string    `json:"place,omitempty"` // "" where the text names none
}

// Preview writes the message to a sample person whose appointment is in eight days, the way Compose writes one: the same renderer, limits
// and scanner. A message that is clean and would not be sent for its length or class is shown, with the reason.
func (c *Composer) Preview(t template.Template, x Use, s Sample, now time.Time) Preview {
	p := Preview{Sample: s.ID, Unit: x.Unit.ID, Purpose: x.Purpose}
	d, f, err := c.sample(t, x, s, now)
	var held *HeldError
	switch {
	case errors.As(err, &held):
		p.Refused, p.Findings = fmt.Sprintf("%v: %s", ErrHeld, held.Findings[0].Kind), held.Findings
		return p
	case err != nil:
		p.Refused = err.Error()
	}
	if len(d.rendered.Parts) == 0 {
		return p
	}
	p.Sender, p.Neutral = d.sender, d.neutral
	for _, part := range d.rendered.Parts {
		switch part.Kind {
		case reminder.PartSubject:
			p.Subject = part.Text.Reveal()
		case reminder.PartText:
			p.Text = part.Text.Reveal()
		case reminder.PartHTML:
			p.HTML = part.Text.Reveal()
		}
	}
	p.Characters = utf8.RuneCountInString(p.Text)
	if t.Channel() == reminder.SMS {
		n := sms.Count(p.Text)
		p.Encoding, p.Segments = n.Encoding, n.Segments
	} else {
		p.ReplyTo, p.Event = x.Unit.Mail.Text, entryOf(t, f, d.rendered)
	}
	return p
}

// entryOf is what a sample person's calendar gets. An answer to somebody is about no appointment, so it has none.
func entryOf(t template.Template, f reminder.Facts, r reminder.Rendered) *Entry {
	l := reminder.Lease{Purpose: f.Purpose}
	if f.Purpose != reminder.Reply {
		l.Appointment.Key = "sample"
	}
	e := eventOf(t, l, f, r)
	if e == nil {
		return nil
	}
	return &Entry{Gone: e.Gone, Start: e.Start, Summary: e.Summary.Reveal(), Place: e.Location.Reveal()}
}

// sample writes to a sample person, of whose appointment it tells what the message may use.
func (c *Composer) sample(t template.Template, x Use, s Sample, now time.Time) (draft, reminder.Facts, error) {
	zone, err := reminder.LoadZone(x.Unit.Zone)
	if err != nil {
		return draft{}, reminder.Facts{}, err
	}
	y, m, day := now.In(zone).Date()
	start := time.Date(y, m, day+8, 14, 30, 0, 0, zone)
	f := reminder.Facts{
		Purpose: x.Purpose, Channel: t.Channel(), Language: t.Language(), Unit: x.Unit,
		Start: start, Was: start.AddDate(0, 0, -1), Length: 30 * time.Minute, GivenName: reminder.Mask(s.Name),
	}
	if x.Purpose == reminder.Verify {
		f.Code = reminder.Mask("275916")
	}
	f.Unit.Link = linkOf(x.Unit, x.Pack, t.Channel())
	if !s.HidePlace {
		d, err := c.draft(t, f, x.Pack, nil)
		return d, f, err
	}
	f.Unit = placeless(f.Unit)
	d, err := c.draftPlaceless(t, f, x.Pack, nil)
	return d, f, err
}

// Costly is a letter that is outside of the GSM alphabet, so that a text message with it has 70 letters in the place of 160.
type Costly struct {
	Letter string `json:"letter"`
	Fact   string `json:"fact,omitempty"`   // the placeholder whose value has it
	Line   int    `json:"line,omitempty"`   // of the text's own letters
	Column int    `json:"column,omitempty"` // of the text's own letters
}

// Costly lists the costly letters of a text message: of the text itself, and of what the unit's facts put into it; each once. A patient's
// name may have others.
func (c *Composer) Costly(t template.Template, x Use) []Costly {
	if t.Channel() != reminder.SMS {
		return nil
	}
	var out []Costly
	seen := map[rune]bool{}
	add := func(r rune, y Costly) {
		if !sms.IsGSM7(r) && !seen[r] {
			seen[r], y.Letter = true, string(r)
			out = append(out, y)
		}
	}
	other := map[string]bool{} // written otherwise
	if t.Plain() {
		for _, w := range t.Rewrites() {
			other[w.Letter] = true
		}
	}
	for _, part := range t.Outline().Parts {
		text := part.Text.Reveal()
		for _, s := range part.Spans {
			if s.Fact != "" {
				continue
			}
			for i, r := range text[s.Start:s.End] {
				if !sms.IsGSM7(r) && !seen[r] && !other[string(r)] {
					line, column := t.Place(part.Kind, s.Start+i)
					add(r, Costly{Line: line, Column: column})
				}
			}
		}
	}
	f := t.LongestFacts(x.Unit, x.Purpose)
	for _, p := range t.Shows() {
		if p.Kind == template.Person {
			continue
		}
		for _, r := range t.Show(p, f) {
			add(r, Costly{Fact: p.Name})
		}
	}
	return out
}

// Unsavable tells what stands in a text that may not be kept anywhere, such as a national id or somebody's number: with its line and
// column, never the value. t is the text as a template, the zero one where it is none.
func (c *Composer) Unsavable(name string, t template.Template, text string) []Problem {
	r := reminder.Rendered{Parts: []reminder.Part{{Kind: reminder.PartText, Text: reminder.Mask(text), Spans: []reminder.Span{{End: len(text)}}}}}
	place := func(_ reminder.PartKind, offset int) (int, int) { return placeIn(text, offset) }
	if !t.IsZero() {
		r, place = t.Outline(), t.Place
	}
	var out []Problem
	for _, x := range c.scanner.Scan(r, redact.Known{}) {
		if x.Fact != "" {
			continue
		}
		line, column := place(x.Part, x.Offset)
		out = append(out, Problem{
			Template: name, File: name + ".txt", Line: line, Column: column, Refused: true,
			Reason: fmt.Sprintf("the text may not be kept: %s: %s", x.Kind, instead(x)),
		})
	}
	return out
}

// placeIn is the line and column of a byte of a text, both from 1, the column in letters.
func placeIn(text string, offset int) (line, column int) {
	line, column = 1, 1
	for _, r := range text[:min(offset, len(text))] {
		if column++; r == '\n' {
			line, column = line+1, 1
		}
	}
	return line, column
}
