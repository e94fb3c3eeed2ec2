package pages

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// Row is a page of the table.
type Row struct{ Method, Pattern, Operation, Section string }

// Table is what New put together.
func (p *Pages) Table() []Row {
	var rows []Row
	for _, x := range p.table {
		rows = append(rows, Row{x.method, x.pattern, x.operation, x.section})
	}
	return rows
}

// Text is a text of the program.
func (p *Pages) Text(language, key string, args ...any) string {
	return p.words[language].must(key, args...)
}

// Hurry has the figures of the day looked at so often, and a comment sent after so long.
func (p *Pages) Hurry(every, beat time.Duration) { p.streams.every, p.streams.beat = every, beat }

// Streams is how many pages are kept up to date.
func (p *Pages) Streams() int {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	return p.streams.count
}

// Taken is what a form makes of an answer of the staff API.
func (p *Pages) Taken(language string, err error) (errors []string, ok bool) {
	v := &visit{Pages: p, words: p.words[language]}
	f := v.blank()
	ok = f.take(err)
	for _, e := range f.Errors {
		errors = append(errors, e.Field+": "+e.Text)
	}
	return errors, ok
}

// Again shows a form with every part of views/part-forms.html, after a POST whose fields are all wrong.
func (p *Pages) Again(language, body string) (string, error) {
	t, err := p.views[language]["error"].Clone()
	if err == nil {
		_, err = t.Parse(everyPart)
	}
	if err != nil {
		return "", err
	}
	views := views{"every-part": t}
	r := httptest.NewRequest(http.MethodPost, "/x", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	v := &visit{Pages: p, w: httptest.NewRecorder(), r: r, words: p.words[language]}
	var in struct {
		Line string   `form:"line,required"`
		Text string   `form:"text"`
		One  string   `form:"one"`
		Many []string `form:"many"`
		Sure bool     `form:"sure"`
	}
	f := v.read(&in)
	for _, name := range f.fields {
		if f.Error(name) == nil {
			f.Wrong(name, "form.number")
		}
	}
	f.Wrong("", "error.409.text")
	var b strings.Builder
	err = views.execute(&b, "every-part", v.frame(nil))
	return b.String(), err
}

const everyPart = `{{define "title"}}{{t "signin.title"}}{{end}}{{define "main"}}{{$options := list (dict "value" "a" "text" "A") (dict "value" "b" "text" "B")}}<form method="post" action="/x">
{{template "input" dict "form" $.Form "name" "line" "label" "audit.reason" "hint" "wrong.reason" "required" true "width" "short"}}
{{template "textarea" dict "form" $.Form "name" "text" "label" "audit.reason"}}
{{template "select" dict "form" $.Form "name" "one" "label" "audit.reason" "options" $options "empty" "form.optional"}}
{{template "choices" dict "form" $.Form "name" "many" "label" "audit.reason" "options" $options "many" true}}
{{template "tick" dict "form" $.Form "name" "sure" "label" "audit.reason" "hint" "wrong.reason"}}</form>
{{template "confirm" dict "title" "T" "text" "X" "action" "/x" "button" "layout.sign-out" "back" "/" "danger" true "fields" (dict "hidden" "b")}}
{{template "box" dict "kind" "warning" "title" "T" "text" "X"}}{{template "progress" dict "label" "L" "value" 1 "max" 3}}{{template "progress" dict "label" "L"}}{{end}}`
