package template

import (
	"slices"
	"strings"
	"sync"
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
	Link   Kind = "link"   // an https address without query
	Person Kind = "person" // a given name
	Code   Kind = "code"   // six digits
)

// The most letters of a value that is not written by this package. The unit directory allows no longer ones.
const (
	longestText  = 160
	longestPhone = 21
	longestLink  = 80
	longestName  = 40
	longestCode  = 6
)

// linkFact is the placeholder of the unit's web page.
const linkFact = "link"

// Placeholder is one entry of the closed catalogue.
type Placeholder struct {
	Name  string
	Kind  Kind
	Empty bool   // may be empty by nature: allowed in brackets only
	About string // what it stands for

	bound   int                                 // letters at most; 0 = what write makes of any day
	at      func(reminder.Facts) time.Time      // of a moment
	write   func(language, time.Time) string    // of a moment
	value   func(reminder.Facts, string) string // of all others
	class   func(reminder.Unit, string) reminder.Class
	fixed   bool              // the class does not come from the unit directory
	neutral map[string]string // by language; nil = none
}

// leftOut is the neutral text of a fact that may be empty: the brackets around it are left out.
var leftOut = map[string]string{"da": "", "sv": "", "nb": "", "fi": "", "de": "", "en": ""}

// catalogue is everything a template may say about an appointment.
var catalogue = []Placeholder{
	moment("weekday", "weekday of the appointment", start, language.weekday),
	moment("date", "day and month of the appointment", start, language.date),
	moment("year", "year of the appointment", start, language.year),
	moment("time", "time of day of the appointment, with the word before it", start, language.time),
	moment("was_weekday", "weekday told before", was, language.weekday),
	moment("was_date", "day and month told before", was, language.date),
	moment("was_year", "year told before", was, language.year),
	moment("was_time", "time of day told before", was, language.time),
	{
		Name: "unit", Kind: Text, bound: longestText, About: "public name of the unit",
		value: func(f reminder.Facts, l string) string { return f.Unit.Name(l).Text },
		class: func(u reminder.Unit, l string) reminder.Class { return u.Name(l).Class },
		neutral: map[string]string{
			"da": "hospitalet", "sv": "sjukhuset", "nb": "sykehuset", "fi": "sairaala", "de": "das Krankenhaus", "en": "the hospital",
		},
	},
	unitFact("address", "street address", Text, longestText, false, nil, func(u reminder.Unit) reminder.Fact { return u.Address }),
	unitFact("entrance", "entrance, floor, desk", Text, longestText, true, leftOut, func(u reminder.Unit) reminder.Fact { return u.Entrance }),
	unitFact("phone", "number to cancel on", Phone, longestPhone, false, nil, func(u reminder.Unit) reminder.Fact { return u.Phone }),
	unitFact("mail", "mail address of the unit", Mail, longestText, false, nil, func(u reminder.Unit) reminder.Fact { return u.Mail }),
	unitFact(linkFact, "web page of the unit, where policy pack and unit allow a link", Link, longestLink, true, leftOut,
		func(u reminder.Unit) reminder.Fact { return u.Link }),
	{
		Name: "name", Kind: Person, bound: longestName, Empty: true, About: "given name of the patient",
		value:   func(f reminder.Facts, _ string) string { return f.GivenName.Reveal() },
		class:   func(reminder.Unit, string) reminder.Class { return 1 }, // whoever reads it knows who has an appointment
		fixed:   true,
		neutral: leftOut,
	},
	{
		Name: codeFact, Kind: Code, bound: longestCode, About: "one-time code that proves a number: of the purpose verify alone",
		value: func(f reminder.Facts, _ string) string { return f.Code.Reveal() },
		class: func(reminder.Unit, string) reminder.Class { return 0 },
		fixed: true,
	},
}

func moment(name, about string, at func(reminder.Facts) time.Time, write func(language, time.Time) string) Placeholder {
	return Placeholder{
		Name: name, Kind: Moment, About: about, at: at, write: write, fixed: true,
		class: func(reminder.Unit, string) reminder.Class { return 0 },
	}
}

func unitFact(name, about string, k Kind, longest int, empty bool, neutral map[string]string, of func(reminder.Unit) reminder.Fact) Placeholder {
	return Placeholder{
		Name: name, Kind: k, About: about, bound: longest, Empty: empty, neutral: neutral,
		value: func(f reminder.Facts, _ string) string { return of(f.Unit).Text },
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

// Catalogue lists the placeholders a template may use.
func Catalogue() []Placeholder { return slices.Clone(catalogue) }

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

// show is the value of the placeholder; "" when there is none.
func (p Placeholder) show(f reminder.Facts, l language) string {
	if p.Kind != Moment {
		return p.value(f, l.tag)
	}
	if t := p.at(f); !t.IsZero() {
		return p.write(l, t)
	}
	return ""
}

// Class is the content class a message in language has when it shows this fact of unit u.
func (p Placeholder) Class(u reminder.Unit, language string) reminder.Class {
	return p.class(u, language)
}

// FixedClass is the content class that the fact has whatever the unit; false when the unit directory says it.
func (p Placeholder) FixedClass() (reminder.Class, bool) {
	if !p.fixed {
		return 0, false
	}
	return p.class(reminder.Unit{}, ""), true
}

// Neutral is the text that may stand for a value which must not be shown; "" leaves out the brackets around it. False
// when there is none: without the value the message would be of no use.
func (p Placeholder) Neutral(language string) (string, bool) {
	s, ok := p.neutral[language]
	return s, ok
}

// Longest is the number of letters that a value may have in a language: for a moment that of the longest of all days and times
// of day, for all others the bound of the unit directory, 40 for a name. 0 in a language that has no templates.
func (p Placeholder) Longest(language string) int {
	if _, ok := languages[language]; !ok {
		return 0
	}
	if p.bound == 0 {
		return letters(longestMoments()[language][p.Name])
	}
	return p.bound
}

// LongestValue is a value as long as Longest, in letters that make an SMS the longest: text and names are outside of the GSM
// alphabet.
func (p Placeholder) LongestValue(language string) string {
	n := p.Longest(language)
	if n == 0 {
		return ""
	}
	switch p.Kind {
	case Moment:
		return longestMoments()[language][p.Name]
	case Phone:
		return "+45-00-00-00-00-00-00"
	case Mail:
		return strings.Repeat("m", n-len("@mail.example")) + "@mail.example"
	case Link:
		return "https://link.example/" + strings.Repeat("l", n-len("https://link.example/"))
	case Code:
		return strings.Repeat("8", n)
	}
	return strings.Repeat("Ŵ", n)
}

// longestMoments are the longest values of each moment in each language.
var longestMoments = sync.OnceValue(func() map[string]map[string]string {
	out := map[string]map[string]string{}
	for tag, l := range languages {
		out[tag] = map[string]string{}
		for _, p := range catalogue {
			if p.Kind != Moment {
				continue
			}
			longest := ""
			for _, t := range allMoments {
				if v := p.write(l, t); letters(v) > letters(longest) {
					longest = v
				}
			}
			out[tag][p.Name] = longest
		}
	}
	return out
})

// allMoments has every day of a leap year, with it every weekday, and every minute of a day.
var allMoments = func() []time.Time {
	var out []time.Time
	for day := range 366 {
		out = append(out, time.Date(2024, 1, 1+day, 0, 0, 0, 0, time.UTC))
	}
	for minute := range 24 * 60 {
		out = append(out, time.Date(2024, 1, 1, 0, minute, 0, 0, time.UTC))
	}
	return out
}()

func letters(s string) int { return utf8.RuneCountInString(s) }
