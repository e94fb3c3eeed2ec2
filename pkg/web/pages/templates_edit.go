package pages

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/pkg/web"
)

// editedTemplate is what the view template-edit shows.
type editedTemplate struct {
	Title, Path, Language string
	SMS                   bool
	Draft                 *versionRow // the open draft that is gone on from; nil = there is none
	New                   bool
	Others                []languageOfSet // of a new text: the languages to begin from
	Model                 *versionRow     // the text in another language that it is begun from
	Insert                []insertable
	Units                 []choice
	Live                  templateLive
	Theirs                *web.TemplateVersion // saved by somebody else meanwhile
	Diff                  []diffLine           // from theirs to the text that was to be saved
}

// insertable is an entry of the placeholder catalogue.
type insertable struct{ Name, Text string }

// textForm is the form of the editor.
type textForm struct {
	Text string `form:"text,required,raw"`
	Base string `form:"base"` // the version that the text was made from
	Note string `form:"note"`
	Unit string `form:"unit"` // that the messages are shown for
	Do   string `form:"do"`   // save, or show
}

// file is the text as a template's file has it: it ends with one line end.
func (t textForm) file() string { return strings.TrimRight(t.Text, "\n") + "\n" }

func (v *visit) editTemplate() error {
	x, uses, err := v.edited()
	if err != nil {
		return err
	}
	text, base := "", ""
	if x.Draft != nil {
		text, base = x.Draft.Text, x.Draft.ID
	}
	if x.Model != nil {
		text = x.Model.Text
	}
	if x.Draft != nil && x.Draft.State != template.Draft {
		x.Draft = nil // it is the one that is live, or is to be
	}
	unit := ""
	for _, u := range x.Units {
		if u.Value != "" && slices.Contains(v.session.Staff().Units, u.Value) {
			unit = u.Value
			break
		}
	}
	v.form = v.blank("text", text, "base", base, "unit", unit)
	return v.showEditor(x, uses, text, unit)
}

// edited begins the view: Draft is the version that a new draft is made from.
func (v *visit) edited() (editedTemplate, []reminder.Purpose, error) {
	name, err := v.templateName()
	if err != nil {
		return editedTemplate{}, nil, err
	}
	language, set, channel := partsOfName(name)
	x := editedTemplate{Title: v.titleOf(name), Path: "/templates/" + name, Language: language, SMS: channel == string(reminder.SMS)}
	one, err := v.readTemplate()
	if err == nil {
		x.Draft = one.version(one.H.Head)
		x.Units = v.unitChoices(one.H.Units)
		return x, one.H.Purposes, nil
	}
	if !isAnswer(err, http.StatusNotFound) {
		return x, nil, err
	}
	var all web.Templates
	if err := v.get(query("/v1/templates", "channel", channel), &all); err != nil {
		return x, nil, err
	}
	i := slices.IndexFunc(all.Sets, func(s web.TemplateSet) bool { return s.Set == set && string(s.Channel) == channel })
	if i < 0 {
		return x, nil, errNotHere // nobody uses such a text
	}
	x.New, x.Units = true, v.unitChoices(all.Sets[i].Units)
	for _, l := range all.Sets[i].Has {
		x.Others = append(x.Others, languageOfSet{Language: l, Title: v.words.must("templates.language." + l), Path: x.Path + "/edit?from=" + l})
	}
	if from := v.r.URL.Query().Get("from"); slices.Contains(all.Sets[i].Has, from) {
		var h web.TemplateHistory
		if err := v.get("/v1/templates/"+from+"/"+set+"."+channel, &h); err != nil {
			return x, nil, err
		}
		model := templateView{H: h}
		for _, y := range h.Versions {
			model.Versions = append(model.Versions, versionRow{TemplateVersion: y, Language: from})
		}
		if x.Model = model.version(h.Live); x.Model == nil {
			x.Model = model.version(h.Head)
		}
	}
	return x, all.Sets[i].Purposes, nil
}

// unitChoices are the units that use a text, of those that somebody works for.
func (v *visit) unitChoices(using []string) []choice {
	var out []choice
	for _, u := range v.ownUnits() {
		if slices.Contains(using, u.ID) {
			out = append(out, choice{Value: u.ID, Text: u.Name})
		}
	}
	return out
}

// insertables are the placeholders that make sense in a text for some purposes. One that may be empty stands in brackets.
func (v *visit) insertables(purposes []reminder.Purpose) []insertable {
	var out []insertable
	for _, p := range template.Catalogue() {
		was, moved := strings.HasPrefix(p.Name, "was_"), slices.Contains(purposes, reminder.Changed) || slices.Contains(purposes, reminder.Cancel)
		fits := p.Kind != template.Code && (!was || moved)
		switch {
		case slices.Contains(purposes, reminder.Verify):
			fits = p.Kind == template.Code || p.Name == "unit"
		case slices.Contains(purposes, reminder.Reply):
			fits = p.Name == "unit" || p.Name == "phone" || p.Name == "mail"
		}
		if !fits {
			continue
		}
		text := "{" + p.Name + "}"
		if p.Empty {
			text = "[ " + text + "]"
		}
		out = append(out, insertable{p.Name, text})
	}
	return out
}

// showEditor shows the editor with the live answer below.
func (v *visit) showEditor(x editedTemplate, purposes []reminder.Purpose, text, unit string) error {
	x.Insert = v.insertables(purposes)
	for i := range x.Units {
		x.Units[i].Chosen = x.Units[i].Value == unit
	}
	var err error
	if strings.TrimSpace(text) != "" {
		if x.Live, err = v.measured(strings.TrimPrefix(x.Path, "/templates/"), text, unit); err != nil && (v.form == nil || !v.form.take(err)) {
			return err
		}
	}
	return v.show("template-edit", x)
}

// saveTemplate saves a draft, or shows without JavaScript what patients would read.
func (v *visit) saveTemplate() error {
	var in textForm
	f := v.read(&in)
	x, purposes, err := v.edited()
	if err != nil {
		return err
	}
	if x.Draft != nil && x.Draft.State != template.Draft {
		x.Draft = nil
	}
	if in.Do != "save" || !f.OK() {
		return v.showEditor(x, purposes, in.file(), in.Unit)
	}
	err = v.post("/v1/templates/save", web.SaveTemplate{Name: strings.TrimPrefix(x.Path, "/templates/"), Text: in.file(), Base: in.Base, Note: in.Note}, nil)
	if err == nil {
		if err := v.say("done", "templates.saved"); err != nil {
			return err
		}
		return v.see(x.Path)
	}
	var e *web.Error
	if errors.As(err, &e) && e.Latest != nil {
		f.Wrong("", "templates.conflict", e.Latest.By)
		x.Theirs, x.Draft = e.Latest, nil
		x.Diff = diffTexts(e.Latest.Text, in.file())
		f.Values.Set("base", e.Latest.ID) // what is saved next has been read beside theirs
		v.status = http.StatusConflict
	} else if !v.takeText(f, err) {
		return err
	}
	return v.showEditor(x, purposes, in.file(), in.Unit)
}

// measureTemplate answers the editor while somebody writes.
func (v *visit) measureTemplate() error {
	name, err := v.templateName()
	if err != nil {
		return err
	}
	var in textForm
	v.read(&in)
	x, err := v.measured(name, in.file(), in.Unit)
	if err != nil {
		return err
	}
	return v.part("template-edit", "template-live", map[string]any{"live": x, "edit": true})
}
