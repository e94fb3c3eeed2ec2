package consent

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

//go:embed page.html.tmpl
var pageText string

var pageTemplate = template.Must(template.New("page").Option("missingkey=error").Parse(pageText))

// PageLanguages lists the languages that a page can be written in.
var PageLanguages = []string{"da", "sv", "nb", "en"}

type line struct{ Name, Value string }

type pageEntry struct {
	Title  string
	Lines  []line
	Sample string
}

// Page writes a person's record as one HTML page that needs nothing else, for the person to read (GDPR Article 15): every record
// with what it is worth, the newest first, and the text that was shown. language is one of PageLanguages. What decides between
// guardians and sources is in it too, since it is held of the person.
func Page(records []Record, f Facts, language string) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	w, ok := pageWords[language]
	if !ok {
		return nil, fmt.Errorf("%w: language: want one of %s", ErrExport, strings.Join(PageLanguages, ", "))
	}
	v := struct {
		Lang, Person, Controller, At, AtISO, Pack string
		W                                         map[string]string
		Entries                                   []pageEntry
	}{
		Lang: language, Person: string(f.Person), Controller: f.Controller.Name, At: day(f.At), AtISO: moment(f.At),
		Pack: f.Pack.ID + " (" + f.Pack.Short() + ")", W: w,
	}
	for _, e := range History(records, f.BirthDate, f.Pack, f.At) {
		v.Entries = append(v.Entries, e.page(w))
	}
	slices.Reverse(v.Entries)
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("consent: page: %w", err)
	}
	return b.Bytes(), nil
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// page is an entry in words; a code that has none is shown as it is.
func (e Entry) page(w map[string]string) pageEntry {
	r := e.Record
	word := func(kind, code string) string {
		if s, ok := w[kind+"."+code]; ok {
			return s
		}
		return code
	}
	out := pageEntry{Title: word("type", string(r.Type)), Sample: r.Sample.Text}
	add := func(name string, values ...string) {
		if s := strings.Join(slices.DeleteFunc(values, func(s string) bool { return s == "" }), ", "); s != "" {
			out.Lines = append(out.Lines, line{w[name], s})
		}
	}
	instant := func(name string, t time.Time) {
		if !t.IsZero() {
			add(name, day(t))
		}
	}
	add("status", word("status", string(e.Status)))
	instant("said", r.EventTime)
	instant("taken", r.Recorded)
	if r.isWord() {
		add("purposes", all(r.Purposes, w["everything"], func(p reminder.Purpose) string { return word("purpose", string(p)) }))
		add("channels", all(r.Channels, w["everyway"], func(c reminder.Channel) string { return word("channel", string(c)) }))
	}
	if r.Scope.Kind == policy.ControllerScope {
		add("scope", word("scope", string(r.Scope.Kind)))
	} else {
		add("scope", word("scope", string(r.Scope.Kind))+" "+r.Scope.Ref)
	}
	add("method", word("method", string(r.Method)))
	add("actor", word("actor", string(r.Actor.Kind)), r.Actor.Ref)
	add("by", r.RecordedBy)
	add("basis", word("basis", string(r.LegalBasis)))
	add("notice", r.Notice.ID, r.Notice.Language, r.Notice.Hash)
	add("ceiling", word("class", string(r.Ceiling)))
	instant("until", r.ValidUntil)
	if r.Validity.CareContact {
		add("ends", w["care"])
	}
	if r.Validity.UntilAge > 0 {
		add("age", strconv.Itoa(r.Validity.UntilAge))
	}
	add("addressage", r.Validity.AddressAge.String())
	if r.NoPlace {
		add("place", w["noplace"])
	}
	if len(r.TakeBack) > 0 {
		add("takeback", all(r.TakeBack, "", func(m Method) string { return word("method", string(m)) }))
	}
	return out
}

// all joins a list; none stands for an empty one.
func all[T any](ts []T, none string, write func(T) string) string {
	if len(ts) == 0 {
		return none
	}
	ss := make([]string, len(ts))
	for i, t := range ts {
		ss[i] = write(t)
	}
	return strings.Join(ss, ", ")
}
