package check

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// months and weekdays are written out here, not taken from the program's locale data.
var months = map[string][]string{
	"da": {"januar", "februar", "marts", "april", "maj", "juni", "juli", "august", "september", "oktober", "november", "december"},
	"sv": {"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december"},
	"nb": {"januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "desember"},
	"en": {"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"},
}

var weekdays = map[string][]string{
	"da": {"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"},
	"sv": {"söndag", "måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag"},
	"nb": {"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"},
	"en": {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"},
}

// marks are words that stand in a message of one language and in none of the others.
var marks = map[string][]string{
	"da": {"aftale", "afbud", "aflyst", "gælder", "din tid er flyttet", "stop sms: svar"},
	"sv": {"kom ihåg", "avboka", "inställd", "är flyttad", "stoppa sms", "vänliga"},
	"nb": {"timen din", "avbestill", "avlyst", "gjelder", "stopp sms", "vennlig hilsen"},
	"en": {"appointment", "your", "please", "reply", "cancel"},
}

// tells reports whether a text names the day, month and time of a start in the way of a language.
func tells(text, language string, start time.Time) bool {
	text = strings.ToLower(norm.NFC.String(text))
	return tellsDay(text, language, start) && tellsTime(text, start)
}

// toldIn reports whether a text tells a start in any language.
func toldIn(text string, start time.Time) bool {
	for l := range months {
		if tells(text, l, start) {
			return true
		}
	}
	return false
}

func tellsTime(text string, start time.Time) bool {
	h, m := start.Hour(), start.Minute()
	if matches(text, `\b0?%d[.:]%02d\b`, h, m) {
		return true
	}
	half := "a"
	if h >= 12 {
		half = "p"
	}
	return matches(text, `\b0?%d[.:]%02d\s*%s\.?m\b`, (h+11)%12+1, m, half)
}

func tellsDay(text, language string, start time.Time) bool {
	d, m := start.Day(), int(start.Month())
	if matches(text, `\b0?%d[./]0?%d\b`, d, m) || strings.Contains(text, start.Format(time.DateOnly)) {
		return rightWeekday(text, start)
	}
	names := months[language]
	if names == nil {
		return false
	}
	name := names[m-1]
	// A month may be cut to three letters or more: "18. mar.", "apr".
	word := regexp.QuoteMeta(string([]rune(name)[:3])) + `\w*`
	if full := regexp.MustCompile(`\b`+word).FindAllString(text, -1); !anyPrefix(full, name) {
		return false
	}
	if !matches(text, `\b0?%d(\.|st|nd|rd|th)?\s+(of\s+)?`+word, d) && !matches(text, `\b`+word+`\s+0?%d\b`, d) {
		return false
	}
	return rightWeekday(text, start)
}

// anyPrefix reports whether one of the words is the name or cut from it: "mars" is not Danish for "marts".
func anyPrefix(words []string, name string) bool {
	for _, w := range words {
		if strings.HasPrefix(name, w) {
			return true
		}
	}
	return false
}

// rightWeekday is false when the text names days of the week, in whatever language, but not the start's.
func rightWeekday(text string, start time.Time) bool {
	named := false
	for _, names := range weekdays {
		for i, w := range names {
			if !strings.Contains(text, w) {
				continue
			}
			if i == int(start.Weekday()) {
				return true
			}
			named = true
		}
	}
	return !named
}

// matches compiles a pattern once: the same few come again for every message.
func matches(text, pattern string, args ...any) bool {
	return compiled(fmt.Sprintf(pattern, args...)).MatchString(text)
}

var patterns sync.Map // pattern → *regexp.Regexp

func compiled(pattern string) *regexp.Regexp {
	if re, ok := patterns.Load(pattern); ok {
		return re.(*regexp.Regexp)
	}
	re := regexp.MustCompile(pattern)
	patterns.Store(pattern, re)
	return re
}

// inLanguage reports whether a text has words of the language; where it has none, whether at least no other language's.
func inLanguage(text, language string) bool {
	text = strings.ToLower(norm.NFC.String(text))
	count := func(l string) int {
		n := 0
		for _, w := range marks[l] {
			if strings.Contains(text, w) {
				n++
			}
		}
		return n
	}
	own := count(language)
	for l := range marks {
		if l != language && count(l) > own {
			return false
		}
	}
	return true
}

// digits are the decimal digits of a text in whatever script, and nothing else.
func digits(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKC.String(s) {
		if !unicode.Is(unicode.Nd, r) {
			continue
		}
		value := 0 // digits stand in runs from zero to nine
		for value < 9 && unicode.Is(unicode.Nd, r-rune(value)-1) {
			value++
		}
		if r < 0x80 {
			value = int(r - '0')
		}
		b.WriteByte('0' + byte(value))
	}
	return b.String()
}

// says reports whether a text contains a word on its own, with or without a genitive s, whatever its case.
func says(text, word string) bool {
	word = strings.ToLower(norm.NFC.String(word))
	for _, w := range strings.FieldsFunc(strings.ToLower(norm.NFC.String(text)), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if w == word || w == word+"s" {
			return true
		}
	}
	return false
}
