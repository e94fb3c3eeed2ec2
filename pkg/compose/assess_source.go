package compose

import (
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// SourceKind says where in a message a class comes from.
type SourceKind string

// The sources.
const (
	FromLiteral SourceKind = "literal" // the template's own text
	FromSubject SourceKind = "subject" // the template's own subject, which is the calendar entry's title too
	FromFact    SourceKind = "fact"
	FromSender  SourceKind = "sender" // SMS sender id
	FromFrom    SourceKind = "from"
	FromReplyTo SourceKind = "reply-to"
)

// Source is one thing that gives a message its content class.
type Source struct {
	Source SourceKind        `json:"source"`
	Class  reminder.Class    `json:"class"`
	Fact   string            `json:"fact,omitempty"`   // the placeholder whose value it is
	Word   string            `json:"word,omitempty"`   // the word that hints at health
	Kind   template.WordKind `json:"kind,omitempty"`   // what the word names
	Line   int               `json:"line,omitempty"`   // of the file, for literal text
	Column int               `json:"column,omitempty"` // of the file, for literal text

	// Warning says that the word lists alone give the class, and the unit directory says less. A word of the literal text is
	// the template author's to mend, and raises the class for good. A unit's name may be made of such a word and tell
	// nothing ("Hjertegade", a hospital named after its founder), and who keeps the directory has been asked for its class by
	// name: there the words make the assessment's class and a warning of husk doctor, and the directory's class is what
	// sending goes by.
	Warning bool `json:"warning,omitempty"`
}

// sourcesOf lists what gives a message of t with facts f its class.
func sourcesOf(t template.Template, f reminder.Facts, d draft) []Source {
	u, own := f.Unit, languagesFor(f.Unit, t.Language())
	var out []Source
	if t.Declared() > 0 {
		out = append(out, Source{Source: FromLiteral, Class: t.Declared(), Line: 1, Column: 1})
	}
	for _, r := range t.Raises() {
		s := Source{Source: FromLiteral, Class: template.WordClass, Word: r.Word, Kind: r.Kind, Line: r.Line, Column: r.Column}
		if r.Part == reminder.PartSubject {
			s.Source = FromSubject
		}
		out = append(out, s)
	}
	for _, p := range t.Shows() {
		value := t.Show(p, f)
		if value == "" || slices.Contains(d.neutral, p.Name) {
			continue
		}
		s := Source{Source: FromFact, Fact: p.Name, Class: p.Class(u, t.Language())}
		if _, fixed := p.FixedClass(); fixed {
			out = append(out, s)
			continue
		}
		out = append(append(out, s), byWords(s, value, own)...)
	}
	if u.ID != "" {
		for _, b := range besides(u, t.Channel()) {
			s := Source{Source: b.source, Class: b.fact.Class}
			out = append(append(out, s), byWords(s, b.fact.Text, own)...)
		}
		out = append(out, joined(t, f, d, own)...)
	}
	out = slices.DeleteFunc(out, func(s Source) bool { return s.Class == 0 })
	byClass(out)
	return out
}

// languagesFor are the languages in which a unit's facts are likely written in a message.
func languagesFor(u reminder.Unit, language string) []string {
	if u.Language == language {
		return []string{language}
	}
	return []string{language, u.Language}
}

// byWords lists the words of a value that give it a higher class than the directory does.
func byWords(s Source, value string, languages []string) []Source {
	if s.Class >= template.WordClass {
		return nil
	}
	var out []Source
	for _, h := range template.FindWords(value, languages...) {
		s.Class, s.Word, s.Kind, s.Warning = template.WordClass, h.Word, h.Kind, true
		out = append(out, s)
	}
	return out
}

// joined lists the words which only literal text and a value make together: "Hud{unit}" with "klinikken".
func joined(t template.Template, f reminder.Facts, d draft, languages []string) []Source {
	r, err := t.RenderWithin(f, 0, d.neutral...)
	if err != nil {
		return nil
	}
	var out []Source
	for _, p := range r.Parts {
		if p.Kind == reminder.PartHTML {
			continue // it has the text's words
		}
		text := p.Text.Reveal()
		for _, h := range template.FindWords(text, languages...) {
			var over []reminder.Span
			for _, s := range p.Spans {
				if s.Start < h.Offset+h.Length && h.Offset < s.End {
					over = append(over, s)
				}
			}
			if len(over) < 2 || strings.ContainsAny(h.Word, " \n") {
				continue
			}
			for _, s := range over {
				if s.Fact != "" {
					out = append(out, Source{Source: FromFact, Fact: s.Fact, Class: template.WordClass, Word: h.Word, Kind: h.Kind, Warning: true})
					break
				}
			}
		}
	}
	return out
}

// CheckFacts tells of the facts of a unit whose words hint at health while the unit directory gives them a lower class. Such
// a message is sent by the directory's class: whoever keeps it decides.
func CheckFacts(u reminder.Unit) []Problem {
	type field struct {
		name string
		fact reminder.Fact
		lang string
	}
	var fields []field
	for _, l := range languagesOf(u) {
		if f, ok := u.Names[l]; ok {
			fields = append(fields, field{"names." + l, f, l})
		}
	}
	fields = append(fields,
		field{"address", u.Address, u.Language}, field{"entrance", u.Entrance, u.Language}, field{"mail", u.Mail, u.Language},
		field{"link", u.Link, u.Language}, field{"sender_id", u.SenderID, u.Language}, field{"from", u.From, u.Language},
	)
	var out []Problem
	for _, x := range fields {
		for _, s := range byWords(Source{Class: x.fact.Class}, x.fact.Text, languagesFor(u, x.lang)) {
			out = append(out, Problem{Unit: u.ID, Reason: factReason(x.name, x.fact.Class, s)})
		}
	}
	return out
}
