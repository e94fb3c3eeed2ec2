package pages

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/pkg/web"
)

// templatePages are about the texts of messages.
func (p *Pages) templatePages() []page {
	const one = "/templates/{language}/{name}"
	pages := []page{
		{method: http.MethodGet, pattern: "/templates", operation: "template.list", section: "templates", serve: (*visit).templates},
		{method: http.MethodGet, pattern: one, operation: "template.show", serve: (*visit).template},
		{method: http.MethodGet, pattern: one + "/compare", operation: "template.show", serve: (*visit).compareTemplate},
		{method: http.MethodGet, pattern: one + "/edit", operation: "template.save", serve: (*visit).editTemplate},
		{method: http.MethodPost, pattern: one + "/edit", operation: "template.save", serve: (*visit).saveTemplate},
		{method: http.MethodPost, pattern: one + "/measure", operation: "template.measure", serve: (*visit).measureTemplate},
		{method: http.MethodGet, pattern: one + "/approve", operation: "template.approve", serve: (*visit).approvalOfTemplate},
		{method: http.MethodPost, pattern: one + "/approve", operation: "template.approve", serve: (*visit).approveTemplate},
	}
	for _, m := range templateMoves {
		pages = append(pages,
			page{method: http.MethodGet, pattern: one + "/" + m.what, operation: "template." + m.what, serve: func(v *visit) error { return v.askToMoveTemplate(m) }},
			page{method: http.MethodPost, pattern: one + "/" + m.what, operation: "template." + m.what, serve: func(v *visit) error { return v.moveTemplate(m) }},
		)
	}
	return pages
}

// listedTemplate is a template with what people call it.
type listedTemplate struct {
	web.Template
	Title string
	Zone  *time.Location // of the first unit that uses it
}

// templatesView is what the view templates shows.
type templatesView struct {
	Open, Coming, Templates []listedTemplate // with a draft; approved for later; those that the filters choose
	Languages               []string
	Sets                    []languagesOfSet
	Filters                 []textFilter
}

// languagesOfSet says in which languages a set has a text.
type languagesOfSet struct {
	web.TemplateSet
	Title string
	In    []languageOfSet
}

type languageOfSet struct {
	Language, Title, Path string
	Has                   bool
	First                 string // a language to begin from; "" = there is none
}

// textFilter is one select of the list.
type textFilter struct {
	Name    string
	Options []choice
}

// templates lists the texts. Who comes without a filter sees those in the language of their own unit first.
func (v *visit) templates() error {
	q := v.r.URL.Query()
	if v.r.URL.RawQuery == "" {
		q.Set("language", v.unitLanguage())
	}
	const path = "/v1/templates"
	var all, chosen web.Templates
	if err := v.get(path, &all); err != nil {
		return err
	}
	chosen = all
	if narrow := query(path, "unit", q.Get("unit"), "purpose", q.Get("purpose"), "channel", q.Get("channel"), "language", q.Get("language"), "state", q.Get("state")); narrow != path {
		chosen = web.Templates{}
		if err := v.get(narrow, &chosen); err != nil {
			return err
		}
	}
	view := templatesView{Languages: template.Languages(), Filters: v.templateFilters(q)}
	for _, t := range all.Templates {
		if t.Draft != "" {
			view.Open = append(view.Open, v.listed(t))
		}
		if t.Waiting != "" {
			view.Coming = append(view.Coming, v.listed(t))
		}
	}
	for _, t := range chosen.Templates {
		view.Templates = append(view.Templates, v.listed(t))
	}
	for _, s := range chosen.Sets {
		x := languagesOfSet{TemplateSet: s, Title: v.words.must("templates.name.set", v.setName(s.Set), v.words.must("templates.channel."+string(s.Channel)))}
		for _, l := range view.Languages {
			name := l + "/" + s.Set + "." + string(s.Channel)
			in := languageOfSet{Language: l, Title: v.titleOf(name), Path: "/templates/" + name, Has: slices.Contains(s.Has, l)}
			if !in.Has && len(s.Has) > 0 {
				in.First = s.Has[0]
			}
			x.In = append(x.In, in)
		}
		view.Sets = append(view.Sets, x)
	}
	return v.show("templates", view)
}

func (v *visit) listed(t web.Template) listedTemplate {
	return listedTemplate{Template: t, Title: v.titleOf(t.Name), Zone: v.zoneOfUnits(t.Units)}
}

// zoneOfUnits is the zone of the first of several units; that of the visit without one.
func (v *visit) zoneOfUnits(units []string) *time.Location {
	if len(units) > 0 {
		return v.zoneOf(units[0])
	}
	return v.zone()
}

// unitLanguage is the language of the unit that somebody works for first, if texts can be in it.
func (v *visit) unitLanguage() string {
	if u := v.firstUnit(); slices.Contains(template.Languages(), u.Language) {
		return u.Language
	}
	return ""
}

// templateFilters are the selects of the list.
func (v *visit) templateFilters(q url.Values) []textFilter {
	filters := []textFilter{{Name: "unit"}, {Name: "purpose"}, {Name: "channel"}, {Name: "language"}, {Name: "state"}}
	add := func(i int, value, text string) {
		f := &filters[i]
		f.Options = append(f.Options, choice{value, text, q.Get(f.Name) == value})
	}
	for _, u := range v.ownUnits() {
		add(0, u.ID, u.Name)
	}
	for _, p := range []reminder.Purpose{reminder.Remind, reminder.Changed, reminder.Cancel, reminder.Reply, reminder.Verify} {
		add(1, string(p), v.words.must("templates.purpose."+string(p)))
	}
	for _, c := range reminder.Channels {
		add(2, string(c), v.words.must("templates.channel."+string(c)))
	}
	for _, l := range template.Languages() {
		add(3, l, v.words.must("templates.language."+l))
	}
	for _, s := range template.States {
		add(4, string(s), v.words.must("templates.state."+string(s)))
	}
	return filters
}

// titleOf is what people call a template: what it is for, the channel and the language.
func (v *visit) titleOf(name string) string {
	language, set, channel := partsOfName(name)
	return v.words.must("templates.name", v.setName(set), v.words.must("templates.channel."+channel), v.words.must("templates.language."+language))
}

// setName is what people call a set. One that only some units have goes by the one that it stands in for, and whose it is.
func (v *visit) setName(set string) string {
	if text, err := v.words.text("templates.set." + set); err == nil {
		return text
	}
	instead, whose := "", []string(nil)
	for _, u := range v.o.Units().Units() {
		if x := insteadOf(u, set); x != "" {
			instead, whose = cmp.Or(instead, x), append(whose, v.unitName(u.ID, v.words.language))
		}
	}
	text, err := v.words.text("templates.set." + instead)
	if err != nil {
		return set
	}
	return v.words.must("templates.own", text, strings.Join(whose, ", "))
}

// insteadOf is the set that everybody has, in place of which a unit has another; "" = it has not.
func insteadOf(u reminder.Unit, set string) string {
	for _, purpose := range reminder.Purposes {
		if purpose != reminder.Reply && u.Templates[purpose] == set {
			return string(purpose)
		}
	}
	for _, t := range reminder.AnswerTexts {
		if u.AnswerSet(t) == set {
			return (reminder.Unit{}).AnswerSet(t)
		}
	}
	return ""
}

// partsOfName takes "da/reminder.sms" apart.
func partsOfName(name string) (language, set, channel string) {
	language, file, _ := strings.Cut(name, "/")
	set, channel, _ = strings.Cut(file, ".")
	return language, set, channel
}

// templateName is the template that a page is about.
func (v *visit) templateName() (string, error) {
	name := v.r.PathValue("language") + "/" + v.r.PathValue("name")
	if _, ok := template.Path(name); !ok {
		return "", errNotHere
	}
	return name, nil
}
