package template

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/da"
	"github.com/go-playground/locales/de"
	"github.com/go-playground/locales/en_GB"
	"github.com/go-playground/locales/fi"
	"github.com/go-playground/locales/nb"
	"github.com/go-playground/locales/sv"
)

// language writes dates and times as the Unicode CLDR has them.
type language struct {
	tag     string
	locale  locales.Translator
	before  string          // the word before a time of day
	behind  string          // and behind it
	example string          // how a text says how to stop, as an example for whoever wrote none
	ring    string          // the same where nobody can answer
	plain   map[rune]string // letters that may be written otherwise
}

// languages are the ones templates may be written in. English is British: a 24-hour clock, the day before the month.
var languages = map[string]language{
	"da": {"da", da.New(), "kl. ", "", "Stop sms: svar STOP", "Stop sms: ring {phone}", accents},
	"sv": {"sv", sv.New(), "kl. ", "", "Stoppa sms: svara STOP", "Stoppa sms: ring {phone}", borrowed},
	"nb": {"nb", nb.New(), "kl. ", "", "Stopp sms: svar STOP", "Stopp sms: ring {phone}", borrowed},
	"fi": {"fi", fi.New(), "klo ", "", "Lopeta sms: vastaa STOP", "Lopeta sms: soita {phone}", carons},
	"de": {"de", de.New(), "um ", " Uhr", "SMS stoppen: Antwort STOP", "SMS stoppen: Tel. {phone}", sharp},
	"en": {"en", en_GB.New(), "at ", "", "Stop sms: reply STOP", "Stop sms: call {phone}", borrowed},
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

// weekday is "torsdag", "Thursday"; in Finnish "torstaina", on Thursday.
func (l language) weekday(t time.Time) string { return l.locale.WeekdayWide(t.Weekday()) }

// date is the day and month, "12. marts", "12 March".
func (l language) date(t time.Time) string {
	return strings.TrimSpace(strings.TrimSuffix(l.locale.FmtDateLong(t), l.year(t)))
}

// year is "2026".
func (l language) year(t time.Time) string { return strconv.Itoa(t.Year()) }

// time is the time of day with its words, "kl. 14.30", "um 14:30 Uhr".
func (l language) time(t time.Time) string { return l.before + l.locale.FmtTimeShort(t) + l.behind }
