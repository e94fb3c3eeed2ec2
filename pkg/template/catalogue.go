package template

import (
	"time"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Kind is the type of a fact: what its value may look like (see CheckValue).
type Kind string

// The kinds.
const (
	Moment Kind = "moment" // a weekday, date, year or time which this package wrote
	Text   Kind = "text"   // one line of the unit directory
	Phone  Kind = "phone"
	Mail   Kind = "mail"
	Person Kind = "person" // a given name
)

// Placeholder is one entry of the closed catalogue.
type Placeholder struct {
	Name    string
	Kind    Kind
	Longest int  // letters a value may have
	Empty   bool // may be empty by nature: allowed in brackets only

	value   func(reminder.Facts, language) string
	class   func(u reminder.Unit, language string) reminder.Class // nil = 0
	neutral map[string]string                                     // by language; nil = none
}

// leftOut is the neutral text of a fact that may be empty: the brackets around it are left out.
var leftOut = map[string]string{"da": "", "sv": "", "nb": "", "en": ""}

// catalogue is everything a template may say about an appointment.
var catalogue = []Placeholder{
	moment("weekday", 9, start, language.weekday),
	moment("date", 13, start, language.date),
	moment("year", 4, start, language.year),
	moment("time", 9, start, language.time),
	moment("was_weekday", 9, was, language.weekday),
	moment("was_date", 13, was, language.date),
	moment("was_year", 4, was, language.year),
	moment("was_time", 9, was, language.time),
	{
		Name: "unit", Kind: Text, Longest: 160,
		value:   func(f reminder.Facts, l language) string { return f.Unit.Name(l.tag).Text },
		class:   func(u reminder.Unit, l string) reminder.Class { return u.Name(l).Class },
		neutral: map[string]string{"da": "hospitalet", "sv": "sjukhuset", "nb": "sykehuset", "en": "the hospital"},
	},
	unitFact("address", Text, 160, false, nil, func(u reminder.Unit) reminder.Fact { return u.Address }),
	unitFact("entrance", Text, 160, true, leftOut, func(u reminder.Unit) reminder.Fact { return u.Entrance }),
	unitFact("phone", Phone, 25, false, nil, func(u reminder.Unit) reminder.Fact { return u.Phone }),
	unitFact("mail", Mail, 160, false, nil, func(u reminder.Unit) reminder.Fact { return u.Mail }),
	{
		Name: "name", Kind: Person, Longest: 40, Empty: true,
		value:   func(f reminder.Facts, _ language) string { return f.GivenName.Reveal() },
		class:   func(reminder.Unit, string) reminder.Class { return 1 }, // whoever reads it knows who has an appointment
		neutral: leftOut,
	},
}

func moment(name string, longest int, at func(reminder.Facts) time.Time, write func(language, time.Time) string) Placeholder {
	return Placeholder{Name: name, Kind: Moment, Longest: longest, value: func(f reminder.Facts, l language) string {
		t := at(f)
		if t.IsZero() {
			return ""
		}
		return write(l, t)
	}}
}

func unitFact(name string, k Kind, longest int, empty bool, neutral map[string]string, of func(reminder.Unit) reminder.Fact) Placeholder {
	return Placeholder{
		Name: name, Kind: k, Longest: longest, Empty: empty, neutral: neutral,
		value: func(f reminder.Facts, _ language) string { return of(f.Unit).Text },
		class: func(u reminder.Unit, _ string) reminder.Class { return of(u).Class },
	}
}

func start(f reminder.Facts) time.Time { return f.Start }

// was is the start the patient was told of. A cancelled notice of an appointment nobody was told of names the start itself.
func was(f reminder.Facts) time.Time {
	if f.Was.IsZero() && f.Purpose == reminder.Cancel {
		return f.Start
	}
	return f.Was
}

// Checked names the placeholders whose value this package writes from a typed time, so that a scanner may take their digits as
// explained.
func Checked() map[string]bool {
	out := map[string]bool{}
	for _, p := range catalogue {
		if p.Kind == Moment {
			out[p.Name] = true
		}
	}
	return out
}

// Lookup finds a placeholder by its name without braces.
func Lookup(name string) (Placeholder, bool) {
	for _, p := range catalogue {
		if p.Name == name {
			return p, true
		}
	}
	return Placeholder{}, false
}

// Class is the content class a message in language has when it shows this fact of unit u.
func (p Placeholder) Class(u reminder.Unit, language string) reminder.Class {
	if p.class == nil {
		return 0
	}
	return p.class(u, language)
}

// Neutral is the text that may stand for a value which must not be shown; "" leaves out the brackets around it. False
// when there is none: without the value the message would be of no use.
func (p Placeholder) Neutral(language string) (string, bool) {
	s, ok := p.neutral[language]
	return s, ok
}

func letters(s string) int { return utf8.RuneCountInString(s) }
