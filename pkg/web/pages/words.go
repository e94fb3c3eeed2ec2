package pages

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/husk-reminders/husk/pkg/reminder"
)

//go:embed words
var wordFiles embed.FS

// languages are those that the pages speak. The first is for who asks for none, English for who asks for others.
var languages = []struct{ tag, name string }{{"da", "Dansk"}, {"sv", "Svenska"}, {"nb", "Norsk bokmål"}, {"en", "English"}}

// matcher finds the language for a browser's wishes. Norwegian of any kind is bokmål.
var matcher = language.NewMatcher([]language.Tag{language.Danish, language.Swedish, language.MustParse("nb"), language.English, language.MustParse("no"), language.MustParse("nn")})

// words are the texts of one language.
type words struct {
	language string
	texts    map[string]string
}

func readWords() (map[string]*words, error) {
	all := map[string]*words{}
	for _, l := range languages {
		w := &words{language: l.tag, texts: map[string]string{}}
		files, err := fs.Glob(wordFiles, "words/"+l.tag+"/*.json")
		if err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
		for _, f := range files {
			if err := w.add(f); err != nil {
				return nil, err
			}
		}
		all[l.tag] = w
	}
	return all, nil
}

// add reads a file of texts. No two files have the same key.
func (w *words) add(file string) error {
	b, err := wordFiles.ReadFile(file)
	if err != nil {
		return fmt.Errorf("pages: %w", err)
	}
	var texts map[string]string
	if err := json.Unmarshal(b, &texts); err != nil {
		return fmt.Errorf("pages: %s: %w", file, err)
	}
	for key, text := range texts {
		if _, ok := w.texts[key]; ok {
			return fmt.Errorf("pages: %s: %q is in another file as well", file, key)
		}
		w.texts[key] = text
	}
	return nil
}

// errNoWords means that a text is missing.
var errNoWords = errors.New("pages: no such text")

// text is the text of a key, with {0}, {1} … replaced by args.
func (w *words) text(key string, args ...any) (string, error) {
	s, ok := w.texts[key]
	if !ok {
		return "", fmt.Errorf("%w: %q in %s", errNoWords, key, w.language)
	}
	if len(args) == 0 {
		return s, nil
	}
	pairs := make([]string, 0, 2*len(args))
	for i, a := range args {
		pairs = append(pairs, fmt.Sprintf("{%d}", i), fmt.Sprint(a))
	}
	return strings.NewReplacer(pairs...).Replace(s), nil
}

// must is the text of a key that is in the program's own words; a missing one is shown by its key, and the tests find it.
func (w *words) must(key string, args ...any) string {
	s, err := w.text(key, args...)
	if err != nil {
		return key
	}
	return s
}

// of is the key of a text as it is for messages of a channel: <key>.<channel> where there is one, for it is a phone company that takes the
// one and a mail provider that takes the other.
func (w *words) of(c reminder.Channel, key string) string {
	if _, ok := w.texts[key+"."+string(c)]; ok {
		return key + "." + string(c)
	}
	return key
}

// route is what a way to people is called: its channel's word, or the name that it has in the configuration.
func (w *words) route(name string) string {
	if text, err := w.text("channel." + name); err == nil {
		return text
	}
	return name
}

// count is the text of key.one or key.other, with {0} replaced by the number and {1} … by args.
func (w *words) count(key string, n int, args ...any) (string, error) {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return w.text(key+form, append([]any{w.number(n)}, args...)...)
}

// number is a number as the language writes it: in groups of three, with a thin, unbreakable gap.
func (w *words) number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// clock is a time of day in a zone, which is not named.
func (w *words) clock(zone *time.Location, at time.Time) string {
	layout := "15.04"
	if w.language == "sv" || w.language == "en" {
		layout = "15:04"
	}
	return at.In(zone).Format(layout)
}

// day is a date with its day of the week.
func (w *words) day(zone *time.Location, at time.Time) (string, error) {
	at = at.In(zone)
	week, err := w.text("time.week")
	if err != nil {
		return "", err
	}
	date, err := w.date(zone, at)
	return strings.Split(week, " ")[at.Weekday()] + " " + date, err
}

// date is a date.
func (w *words) date(zone *time.Location, at time.Time) (string, error) {
	at = at.In(zone)
	months, err := w.text("time.months")
	if err != nil {
		return "", err
	}
	return w.text("time.date", at.Day(), strings.Split(months, " ")[at.Month()-1], at.Year())
}

// moment is an instant, with its zone named.
func (w *words) moment(zone *time.Location, at time.Time) (string, error) {
	date, err := w.date(zone, at)
	if err != nil {
		return "", err
	}
	return w.text("time.moment", date, w.clock(zone, at), zone.String())
}

// language is the one that the browser chose here, else the one it asks for.
func (p *Pages) language(r *http.Request) *words {
	if c, err := r.Cookie(p.cookieName(languageCookie)); err == nil {
		if w, ok := p.words[c.Value]; ok {
			return w
		}
	}
	wishes, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(wishes) == 0 {
		return p.words[languages[0].tag]
	}
	_, i, confidence := matcher.Match(wishes...)
	switch {
	case confidence == language.No:
		return p.words["en"]
	case i >= len(languages):
		return p.words["nb"]
	}
	return p.words[languages[i].tag]
}
