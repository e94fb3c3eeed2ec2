package template

import (
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// LongestFacts are facts of unit u whose weekday, date, time and name take the most room in the template's language: what a
// check before approval renders.
func (t Template) LongestFacts(u reminder.Unit, purpose reminder.Purpose) reminder.Facts {
	day := t.lang.longestDay()
	name, _ := Lookup("name")
	f := reminder.Facts{
		Purpose: purpose, Channel: t.channel, Language: t.lang.tag, Unit: u, Start: day, Was: day,
		GivenName: reminder.Mask(name.LongestValue(t.lang.tag)),
	}
	if code, _ := Lookup(codeFact); purpose == reminder.Verify {
		f.Code = reminder.Mask(code.LongestValue(t.lang.tag))
	}
	return f
}

// LongestUnit is a unit whose every text is as long as the unit directory allows, for a check that knows no unit yet. Its
// values are of the right kind and nobody's.
func (t Template) LongestUnit() reminder.Unit {
	fact := func(name string) reminder.Fact {
		p, _ := Lookup(name)
		return reminder.Fact{Text: p.LongestValue(t.lang.tag)}
	}
	return reminder.Unit{
		Language: t.lang.tag, Names: map[string]reminder.Fact{t.lang.tag: fact("unit")},
		Address: fact("address"), Entrance: fact("entrance"), Phone: fact("phone"), Mail: fact("mail"), Link: fact("link"),
	}
}

// longestDay is a start whose weekday, date and time take the most letters. Every weekday falls on every date within 28 years.
func (l language) longestDay() time.Time {
	weekday, date := letters(longestMoments()[l.tag]["weekday"]), letters(longestMoments()[l.tag]["date"])
	t := time.Date(2024, 1, 1, 22, 30, 0, 0, time.UTC)
	for letters(l.weekday(t)) < weekday || letters(l.date(t)) < date {
		t = t.AddDate(0, 0, 1)
	}
	return t
}
