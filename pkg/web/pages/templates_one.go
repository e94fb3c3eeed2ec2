package pages

import (
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/pkg/web"
)

// templateView is one template with all its versions. Several views show it.
type templateView struct {
	H            web.TemplateHistory
	Title, Path  string
	Zone         *time.Location
	Versions     []versionRow
	Open         *versionRow // the draft; nil = none
	Coming, Live *versionRow
	Turns        []turnRow
	Found        []flaw // in the draft, else in what was approved
}

// versionRow is a version as pages show it.
type versionRow struct {
	web.TemplateVersion
	Short   string // the end of its id, which names it within its template
	Was     bool   // it was live, and can be again
	Beside, // the version that it is compared with; "" = none
	Language string
}

// turnRow is a turn as pages show it.
type turnRow struct {
	web.TemplateTurn
	Short string // of its version
}

// readTemplate reads the template that a page is about.
func (v *visit) readTemplate() (templateView, error) {
	name, err := v.templateName()
	if err != nil {
		return templateView{}, err
	}
	x := templateView{Title: v.titleOf(name), Path: "/templates/" + name}
	if err := v.get("/v1/templates/"+name, &x.H); err != nil {
		return x, err
	}
	x.Zone, x.Found = v.zoneOfUnits(x.H.Units), v.flaws(x.H.Problems)
	was := map[string]bool{}
	for _, t := range x.H.Turns {
		x.Turns = append(x.Turns, turnRow{t, shortVersion(t.Version)})
		was[t.Version] = was[t.Version] || t.Cancelled == nil && !t.From.After(v.o.Now())
	}
	for _, y := range x.H.Versions {
		r := versionRow{TemplateVersion: y, Short: shortVersion(y.ID), Language: x.H.Language}
		r.Was = y.State == template.Superseded && (was[y.ID] || y.By == "")
		if r.Beside = shortVersion(x.H.Live); y.ID == x.H.Live || r.Beside == "" {
			r.Beside = shortVersion(y.Base)
		}
		x.Versions = append(x.Versions, r)
	}
	x.Open, x.Coming, x.Live = x.version(x.H.Draft), x.version(x.H.Waiting), x.version(x.H.Live)
	return x, nil
}

// version finds a version by its id or the end of it; nil = there is none.
func (x templateView) version(id string) *versionRow {
	for i, r := range x.Versions {
		if r.ID == id || r.Short == id {
			return &x.Versions[i]
		}
	}
	return nil
}

// shortVersion is the end of a version's id: "3f2a91c0" of "da/reminder.sms@3f2a91c0".
func shortVersion(id string) string {
	_, short, _ := strings.Cut(id, "@")
	return short
}

func (v *visit) template() error {
	x, err := v.readTemplate()
	if err != nil {
		return err
	}
	return v.show("template", x)
}

// comparedTemplate is what the view template-compare shows.
type comparedTemplate struct {
	templateView
	From, To *versionRow
	Diff     []diffLine
}

// compareTemplate lays two versions over each other: where none are named the draft, or the newest, over the one that is live.
func (v *visit) compareTemplate() error {
	x, err := v.readTemplate()
	if err != nil {
		return err
	}
	c := comparedTemplate{templateView: x, From: x.version(v.r.URL.Query().Get("from")), To: x.version(v.r.URL.Query().Get("to"))}
	if c.To == nil {
		if c.To = x.Open; c.To == nil {
			c.To = &x.Versions[0]
		}
	}
	if c.From == nil {
		if c.From = x.version(c.To.Beside); c.From == nil {
			c.From = c.To
		}
	}
	c.Diff = diffTexts(c.From.Text, c.To.Text)
	return v.show("template-compare", c)
}

// templateMove is what is done to a version beside approving it.
type templateMove struct {
	what   string // the operation's end, and the path's
	danger bool
	reason bool                                   // it must be said why
	of     func(templateView, string) *versionRow // the version that it is done to
}

var templateMoves = []templateMove{
	{what: "discard", danger: true, of: func(x templateView, _ string) *versionRow { return x.Open }},
	{what: "unschedule", reason: true, of: func(x templateView, _ string) *versionRow { return x.Coming }},
	{what: "rollback", reason: true, danger: true, of: func(x templateView, id string) *versionRow {
		if r := x.version(id); r != nil && r.Was {
			return r
		}
		return nil
	}},
}

// movedTemplate is what the view template-move shows.
type movedTemplate struct {
	templateView
	What           string
	Danger, Reason bool
	Version        *versionRow
	Diff           []diffLine // of rolling back: what patients get now, and then
}

func (v *visit) askToMoveTemplate(m templateMove) error {
	id := v.r.URL.Query().Get("version")
	x, err := v.readTemplate()
	if err != nil {
		return err
	}
	return v.showMove(m, x, id)
}

// showMove asks for the step. Where there is nothing to do it to any more, it says so and leads back.
func (v *visit) showMove(m templateMove, x templateView, id string) error {
	d := movedTemplate{templateView: x, What: m.what, Danger: m.danger, Reason: m.reason, Version: m.of(x, id)}
	if d.Version == nil {
		return v.gone(x)
	}
	if m.what == "rollback" && x.Live != nil {
		d.Diff = diffTexts(x.Live.Text, d.Version.Text)
	}
	if v.form == nil {
		v.form = v.blank()
	}
	v.form.Values.Set("id", d.Version.ID)
	return v.show("template-move", d)
}

// gone leads back to a template whose version somebody else has dealt with meanwhile.
func (v *visit) gone(x templateView) error {
	if err := v.say("note", "templates.gone"); err != nil {
		return err
	}
	return v.see(x.Path)
}

func (v *visit) moveTemplate(m templateMove) error {
	var in struct {
		ID     string `form:"id"`
		Reason string `form:"reason"`
	}
	f := v.read(&in)
	if m.reason && in.Reason == "" {
		f.Wrong("reason", "form.required")
	}
	if f.OK() {
		err := v.post("/v1/templates/"+m.what, web.MoveTemplate{ID: in.ID, Reason: in.Reason}, nil)
		if err == nil {
			if err := v.say("done", "templates.moved."+m.what); err != nil {
				return err
			}
			return v.see(strings.TrimSuffix(v.r.URL.EscapedPath(), "/"+m.what))
		}
		if !v.takeText(f, err) {
			return err
		}
	}
	x, err := v.readTemplate()
	if err != nil {
		return err
	}
	return v.showMove(m, x, in.ID)
}

// approvedTemplate is what the view template-approve shows.
type approvedTemplate struct {
	templateView
	Diff []diffLine
	Text templateLive
}

func (v *visit) approvalOfTemplate() error {
	x, err := v.readTemplate()
	if err != nil {
		return err
	}
	return v.showApproval(x)
}

func (v *visit) showApproval(x templateView) error {
	if x.Open == nil {
		return v.gone(x)
	}
	d := approvedTemplate{templateView: x}
	if x.Live != nil {
		d.Diff = diffTexts(x.Live.Text, x.Open.Text)
	}
	var err error
	if d.Text, err = v.measured(x.H.Name, x.Open.Text, ""); err != nil {
		return err
	}
	d.Text.Found = nil // those of all units are told by the template's own page and here
	if v.form == nil {
		v.form = v.blank()
	}
	v.form.Values.Set("id", x.Open.ID)
	return v.show("template-approve", d)
}

// approveTemplate lets the draft that was read take over, at once or at a day and time of the unit's zone.
func (v *visit) approveTemplate() error {
	var in struct {
		ID     string `form:"id,required"`
		Day    string `form:"day"`
		Clock  string `form:"clock"`
		Reason string `form:"reason"`
		Whole  bool   `form:"whole"`
	}
	f := v.read(&in)
	x, err := v.readTemplate()
	if err != nil {
		return err
	}
	from := v.startOf(f, in.Day, in.Clock, x.Zone)
	if f.OK() {
		var done web.ChangedTemplate
		err := v.post("/v1/templates/approve", web.ApproveTemplate{ID: in.ID, From: from, Reason: in.Reason, Whole: in.Whole}, &done)
		switch {
		case err == nil && from.IsZero() && done.Share > 0:
			err = v.say("done", "templates.approved.share", v.words.number(done.Share))
		case err == nil && from.IsZero():
			err = v.say("done", "templates.approved.now")
		case err == nil:
			at, _ := v.words.moment(x.Zone, from)
			err = v.say("done", "templates.approved.later", at)
		case v.takeText(f, err):
			return v.showApproval(x)
		}
		if err != nil {
			return err
		}
		return v.see(x.Path)
	}
	return v.showApproval(x)
}

// startOf reads a start; the zero instant = at once.
func (v *visit) startOf(f *form, day, clock string, zone *time.Location) time.Time {
	if day == "" && clock == "" {
		return time.Time{}
	}
	if day == "" {
		f.Wrong("day", "templates.start.day")
		return time.Time{}
	}
	if clock == "" {
		clock = "00:00"
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", day+" "+strings.ReplaceAll(clock, ".", ":"), zone)
	switch {
	case err != nil:
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			f.Wrong("day", "templates.start.day")
		} else {
			f.Wrong("clock", "templates.start.clock")
		}
		return time.Time{}
	case !at.After(v.o.Now()):
		f.Wrong("day", "templates.start.past")
	}
	return at
}
