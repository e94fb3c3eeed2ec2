package template

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/da"
	"github.com/go-playground/locales/en_GB"
	"github.com/go-playground/locales/nb"
	"github.com/go-playground/locales/sv"
)

// language writes dates and times as the Unicode CLDR has them.
type language struct {
	tag    string
	locale locales.Translator
	clock  string // the word before a time of day
}

// languages are the ones templates may be written in. English is British: a 24-hour clock, the day before the month.
var languages = map[string]language{
	"da": {"da", da.New(), "kl. "},
	"sv": {"sv", sv.New(), "kl. "},
	"nb": {"nb", nb.New(), "kl. "},
	"en": {"en", en_GB.New(), "at "},
}

// Languages lists the languages templates may be written in, as BCP 47 primary tags.
func Languages() []string {
	var out []string
	for tag := range languages {
		out = append(out, tag)
	}
	slices.Sort(out)
	return out
}

// weekday is "torsdag", "Thursday".
func (l language) weekday(t time.Time) string { return l.locale.WeekdayWide(t.Weekday()) }

// date is the day and month, "12. marts", "12 March".
func (l language) date(t time.Time) string {
	return strings.TrimSpace(strings.TrimSuffix(l.locale.FmtDateLong(t), l.year(t)))
}

// year is "2026".
func (l language) year(t time.Time) string { return strconv.Itoa(t.Year()) }

// time is the time of day with the word before it, "kl. 14.30", "at 14:30".
func (l language) time(t time.Time) string { return l.clock + l.locale.FmtTimeShort(t) }

// longestDay is a start whose weekday, date and time take the most letters.
func (l language) longestDay() time.Time {
	longest, most := time.Time{}, 0
	for day := range 366 {
		t := time.Date(2024, 1, 1+day, 22, 30, 0, 0, time.UTC)
		if n := letters(l.weekday(t) + l.date(t)); n > most {
			longest, most = t, n
		}
	}
	return longest
}
