package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// Versions keeps the texts of templates and their records.
type Versions interface {
	// Record is the record of a template and its revision; an empty one and 0 when there is none.
	Record(ctx context.Context, name string) (template.Record, uint64, error)
	// Records are all records, by name.
	Records(ctx context.Context) (map[string]template.Record, error)
	// Write puts a record in the place of a revision, 0 = of none; ErrRaced when another is there.
	Write(ctx context.Context, r template.Record, revision uint64) error
	// Keep keeps the text of a version for good; template.ErrCollision when another text has its id.
	Keep(ctx context.Context, id string, text []byte) error
	// Text is the text of a version; template.ErrNoVersion when it is not kept.
	Text(ctx context.Context, id string) ([]byte, error)
}

// Template is a template as a list shows it.
type Template struct {
	Name     string             `json:"name"` // "da/reminder.sms"
	Set      string             `json:"set"`
	Language string             `json:"language"`
	Channel  reminder.Channel   `json:"channel"`
	Purposes []reminder.Purpose `json:"purposes"` // that units use it for
	Units    []string           `json:"units"`    // that use it
	Live     string             `json:"live,omitempty"`
	Since    time.Time          `json:"since,omitzero"` // absent = it came with the files
	Draft    string             `json:"draft,omitempty"`
	Waiting  string             `json:"waiting,omitempty"` // approved, for
	From     time.Time          `json:"from,omitzero"`     // this instant
	Broken   string             `json:"broken,omitempty"`  // why nothing is sent with it
	Canary   *TemplateCanary    `json:"canary,omitempty"`  // the live version is on its trial share, or the last one was stopped on it
	Foreign  string             `json:"foreign,omitempty"` // the version that the file has, which is not sent: no version says the same
}

// TemplateCanary is the trial share of a version: of the live one while Ended is absent; else of one that was stopped by itself.
type TemplateCanary struct {
	Version string            `json:"version"`
	Before  string            `json:"before,omitempty"` // what the others get
	Share   int               `json:"share"`            // percent of the messages
	Until   time.Time         `json:"until"`            // it ends by then
	Ended   *template.Verdict `json:"ended,omitempty"`
}

// canaryOf is what there is to say of trial shares: of one that goes on, or of one that was stopped and nobody has approved anything since.
func canaryOf(r template.Record, now time.Time) *TemplateCanary {
	if t, before := r.Trying(now); t != nil {
		return &TemplateCanary{Version: t.Version, Before: before, Share: t.Canary.Share, Until: t.Canary.Until}
	}
	if t := r.Stopped(now); t != nil {
		return &TemplateCanary{Version: t.Version, Share: t.Canary.Share, Until: t.Canary.Until, Ended: t.Canary.Ended}
	}
	return nil
}

// TemplateSet says in which languages a set has a text for a channel.
type TemplateSet struct {
	Set      string             `json:"set"`
	Channel  reminder.Channel   `json:"channel"`
	Purposes []reminder.Purpose `json:"purposes"`
	Units    []string           `json:"units"`   // that use it
	Has      []string           `json:"has"`     // languages
	Missing  []string           `json:"missing"` // of the languages that templates may be written in: patients get the unit's language instead
	Without  []string           `json:"without"` // units whose own language is missing: nothing can be sent for them
}

// Templates answers GET /v1/templates.
type Templates struct {
	Templates []Template    `json:"templates"`
	Sets      []TemplateSet `json:"sets"`
}

// TemplateTurn says when a version began or begins to be live, and by whose decision.
type TemplateTurn struct {
	Version   string       `json:"version"`
	From      time.Time    `json:"from"`
	By        string       `json:"by"`
	At        time.Time    `json:"at"`
	Back      bool         `json:"back,omitempty"` // rolled back
	Reason    string       `json:"reason,omitempty"`
	Cancelled *TemplateAct `json:"cancelled,omitempty"`
}

// TemplateAct is something done to a version.
type TemplateAct struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// TemplateVersion is one text of a template.
type TemplateVersion struct {
	ID        string         `json:"id"`
	State     template.State `json:"state"`
	By        string         `json:"by,omitempty"` // "" = it came with the files
	At        time.Time      `json:"at,omitzero"`
	Mine      bool           `json:"mine,omitempty"` // whoever asks has written it
	Base      string         `json:"base,omitempty"`
	Note      string         `json:"note,omitempty"`
	Text      string         `json:"text"`
	Discarded *TemplateAct   `json:"discarded,omitempty"`
}

// TemplateHistory answers GET /v1/templates/{language}/{name}.
type TemplateHistory struct {
	Template
	Head     string            `json:"head,omitempty"` // what a new draft has to be made from
	Versions []TemplateVersion `json:"versions"`       // the newest first
	Turns    []TemplateTurn    `json:"turns"`          // the newest first
	Change   *TemplateChange   `json:"change,omitempty"`
	Tries    bool              `json:"tries,omitempty"`   // a version that is approved begins with a trial share, where there is one before it
	Pending  *PendingMessages  `json:"pending,omitempty"` // absent = they can't be counted now
	Problems []compose.Problem `json:"problems"`          // of the draft, else of the version that was approved; of a file none are told
}

type templatesInput struct {
	Unit     string `query:"unit" maxLength:"64" doc:"Used by the unit with this id alone"`
	Purpose  string `query:"purpose" enum:"reminder,changed,cancelled,reply,verify" doc:"Used for this purpose alone"`
	Channel  string `query:"channel" enum:"sms,email" doc:"For this channel alone"`
	Language string `query:"language" maxLength:"8" doc:"In this language alone"`
	State    string `query:"state" enum:"draft,approved,live,superseded,discarded" doc:"With a version in this state alone"`
}

// templates lists the texts, those that the caller's units use.
func (a *API) templates(ctx context.Context, c *caller, in *templatesInput) (Templates, error) {
	if err := a.unitKnown(in.Unit); err != nil {
		return Templates{}, err
	}
	if in.Language != "" && !slices.Contains(template.Languages(), in.Language) {
		return Templates{}, want("language", "one of "+strings.Join(template.Languages(), ", "))
	}
	of := about(anybody)
	if in.Unit != "" {
		of = ofUnit(in.Unit)
	}
	if err := a.audit(ctx, c, of, "template.list", "", "", ""); err != nil {
		return Templates{}, err
	}
	records, err := a.o.Versions.Records(ctx)
	if err != nil {
		return Templates{}, err
	}
	chosen := func(x compose.Use) bool {
		return (in.Unit == "" || x.Unit.ID == in.Unit) && (in.Purpose == "" || string(x.Purpose) == in.Purpose) &&
			(in.Channel == "" || string(x.Channel) == in.Channel) && c.covers(x.Unit.ID)
	}
	now, uses := a.o.Now(), a.uses()
	narrow := in.Unit != "" || in.Purpose != "" || !c.whole()
	out := Templates{Templates: []Template{}, Sets: setsOf(uses, chosen, a.names(records))}
	for _, name := range a.names(records) {
		t := a.listed(name, records[name], uses, now)
		if narrow && !slices.ContainsFunc(uses, func(x compose.Use) bool { return x.Set == t.Set && x.Channel == t.Channel && chosen(x) }) ||
			in.Channel != "" && string(t.Channel) != in.Channel || in.Language != "" && t.Language != in.Language ||
			in.State != "" && !a.hasState(records[name], t, template.State(in.State), now) {
			continue
		}
		out.Templates = append(out.Templates, t)
	}
	return out, nil
}

// names are the templates that there are, by file or by record.
func (a *API) names(records map[string]template.Record) []string {
	names := slices.Collect(maps.Keys(records))
	for _, t := range a.o.Templates.All() {
		names = append(names, t.Name())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// uses are all uses of templates by units now.
func (a *API) uses() []compose.Use { return compose.Uses(a.o.Units.Units(), a.packNow()) }

func (a *API) packNow() func(reminder.Country) (policy.Pack, bool) {
	now := a.o.Now()
	return func(c reminder.Country) (policy.Pack, bool) { return a.o.Packs.For(c, now) }
}

// usesOf are the uses of one template.
func (a *API) usesOf(name string) []compose.Use {
	_, set, ch := partsOf(name)
	return compose.UsesOf(set, ch, a.o.Units.Units(), a.packNow())
}

// partsOf takes a name apart: "da/reminder.sms".
func partsOf(name string) (language, set string, ch reminder.Channel) {
	language, file, _ := strings.Cut(name, "/")
	set, channel, _ := strings.Cut(file, ".")
	return language, set, reminder.Channel(channel)
}

// fileOf is the id of the version that this process's files have.
func (a *API) fileOf(name string) string {
	if t, ok := a.o.Templates.File(name); ok {
		return t.ID()
	}
	return ""
}

func (a *API) hasState(r template.Record, t Template, s template.State, now time.Time) bool {
	if s == template.Serving {
		return t.Live != ""
	}
	return slices.ContainsFunc(r.Versions, func(v template.Version) bool { return r.State(v.ID, now, a.fileOf(t.Name)) == s })
}

// listed is a template with what its record says of it.
func (a *API) listed(name string, r template.Record, uses []compose.Use, now time.Time) Template {
	t, file := Template{Name: name, Purposes: []reminder.Purpose{}, Units: []string{}}, a.fileOf(name)
	t.Language, t.Set, t.Channel = partsOf(name)
	for _, x := range uses {
		if x.Set != t.Set || x.Channel != t.Channel {
			continue
		}
		if !slices.Contains(t.Units, x.Unit.ID) {
			t.Units = append(t.Units, x.Unit.ID)
		}
		if !slices.Contains(t.Purposes, x.Purpose) {
			t.Purposes = append(t.Purposes, x.Purpose)
		}
	}
	t.Live = r.Live(now, file)
	for _, turn := range r.Turns {
		if turn.Version == t.Live && turn.Cancelled == nil && !turn.From.After(now) {
			t.Since = turn.From
		}
	}
	if v, ok := r.Open(now, file); ok {
		t.Draft = v.ID
	}
	if w := r.Waiting(now); w != nil {
		t.Waiting, t.From = w.Version, w.From
	}
	t.Canary = canaryOf(r, now)
	if err := a.o.Templates.Broken()[name]; err != nil {
		t.Broken = err.Error()
	}
	if slices.Contains(a.o.Templates.Foreign(), file) {
		t.Foreign = file
	}
	return t
}

// setsOf says of each set that is used in which languages it is there.
func setsOf(uses []compose.Use, chosen func(compose.Use) bool, names []string) []TemplateSet {
	out := []TemplateSet{}
	for _, x := range uses {
		if !chosen(x) {
			continue
		}
		i := slices.IndexFunc(out, func(s TemplateSet) bool { return s.Set == x.Set && s.Channel == x.Channel })
		if i < 0 {
			i = len(out)
			s := TemplateSet{Set: x.Set, Channel: x.Channel, Purposes: []reminder.Purpose{}, Units: []string{}, Has: []string{}, Missing: []string{}, Without: []string{}}
			for _, l := range template.Languages() {
				if slices.Contains(names, l+"/"+x.Set+"."+string(x.Channel)) {
					s.Has = append(s.Has, l)
				} else {
					s.Missing = append(s.Missing, l)
				}
			}
			out = append(out, s)
		}
		s := &out[i]
		if !slices.Contains(s.Purposes, x.Purpose) {
			s.Purposes = append(s.Purposes, x.Purpose)
		}
		if !slices.Contains(s.Units, x.Unit.ID) {
			s.Units = append(s.Units, x.Unit.ID)
			if !slices.Contains(s.Has, x.Unit.Language) {
				s.Without = append(s.Without, x.Unit.ID)
			}
		}
	}
	slices.SortFunc(out, func(x, y TemplateSet) int {
		return cmp.Or(cmp.Compare(x.Set, y.Set), cmp.Compare(x.Channel, y.Channel))
	})
	return out
}

type templateInput struct {
	Language string `path:"language" pattern:"^[a-z]{2}$" patternDescription:"a language"`
	Name     string `path:"name" pattern:"^[a-z][a-z0-9-]{0,62}[.](sms|email)$" patternDescription:"a set and a channel: reminder.sms"`
}

// template shows every version of a template, who wrote and who approved it, and what the draft would change.
func (a *API) template(ctx context.Context, c *caller, in *templateInput) (TemplateHistory, error) {
	name := in.Language + "/" + in.Name
	if err := a.audit(ctx, c, anybody, "template.show "+name, "", "", ""); err != nil {
		return TemplateHistory{}, err
	}
	r, _, err := a.textRecord(ctx, name)
	if err != nil {
		return TemplateHistory{}, err
	}
	if len(r.Versions) == 0 {
		return TemplateHistory{}, ErrNotFound
	}
	now, file := a.o.Now(), a.fileOf(name)
	h := TemplateHistory{
		Template: a.listed(name, r, a.uses(), now), Head: r.Head(now, file), Versions: []TemplateVersion{}, Turns: []TemplateTurn{}, Problems: []compose.Problem{},
	}
	for _, v := range slices.Backward(r.Versions) {
		x, err := a.versionOf(ctx, c, r, v)
		if err != nil {
			return TemplateHistory{}, err
		}
		h.Versions = append(h.Versions, x)
	}
	for _, t := range slices.Backward(r.Turns) {
		h.Turns = append(h.Turns, TemplateTurn{Version: t.Version, From: t.From, By: t.By.Name, At: t.At, Back: t.Back, Reason: t.Reason, Cancelled: actOf(t.Cancelled)})
	}
	h.Tries = a.o.Canary.Share > 0
	h.Pending = a.pending(ctx, a.usesOf(name))
	if len(r.Turns) == 0 && h.Draft == "" {
		return h, nil
	}
	j, err := a.judgeVersion(ctx, r, cmp.Or(h.Draft, h.Waiting, h.Live))
	if err != nil {
		return TemplateHistory{}, err
	}
	h.Problems = j.problems
	if h.Draft != "" || h.Waiting != "" {
		h.Change = j.change
		h.Change.Pending = h.Pending
	}
	return h, nil
}

// textRecord is the record of a template, with the version of this process's files in it.
func (a *API) textRecord(ctx context.Context, name string) (template.Record, uint64, error) {
	r, revision, err := a.o.Versions.Record(ctx, name)
	if err != nil {
		return r, 0, err
	}
	if file := a.fileOf(name); file != "" {
		text, err := a.o.Versions.Text(ctx, file)
		if err != nil {
			return r, 0, err
		}
		r.Seed(template.NewVersion(name, text))
	}
	return r, revision, nil
}

func (a *API) versionOf(ctx context.Context, c *caller, r template.Record, v template.Version) (TemplateVersion, error) {
	text, err := a.o.Versions.Text(ctx, v.ID)
	if err != nil && !errors.Is(err, template.ErrNoVersion) {
		return TemplateVersion{}, err
	}
	return TemplateVersion{
		ID: v.ID, State: r.State(v.ID, a.o.Now(), a.fileOf(r.Name)), By: v.Author.Name, At: v.At, Mine: v.Author.Is(c.author()), Base: v.Base, Note: v.Note,
		Text: string(text), Discarded: actOf(v.Discarded),
	}, nil
}

func actOf(x *template.Act) *TemplateAct {
	if x == nil {
		return nil
	}
	return &TemplateAct{By: x.By.Name, At: x.At, Reason: x.Reason}
}

// author is the caller as a version's author. What tells people apart is kept as a hash.
func (c *caller) author() template.Author {
	x := template.Author{Subject: shortSubject(c.self), Name: c.actor}
	if c.holder != "" {
		x.Holder = shortSubject("holder " + c.holder)
	}
	if id, name, ok := strings.Cut(c.actor, " "); ok && strings.HasPrefix(id, "staff:") {
		x.Name = name
	}
	return x
}

// anyOf is for what is at least one unit's of several.
func anyOf(uses []compose.Use) about {
	return func(_ context.Context, _ *API, c *caller) error {
		if c.whole() || slices.ContainsFunc(uses, func(x compose.Use) bool { return c.covers(x.Unit.ID) }) {
			return nil
		}
		return &forbidden{"no unit of the key uses this template"}
	}
}

// everyOf is for what is several units' at once.
func everyOf(uses []compose.Use) about {
	return func(_ context.Context, _ *API, c *caller) error {
		if c.whole() || len(uses) > 0 && !slices.ContainsFunc(uses, func(x compose.Use) bool { return !c.covers(x.Unit.ID) }) {
			return nil
		}
		return &forbidden{"the template is used by units that the key is not for"}
	}
}

// textError is a text that is not taken, with what is wrong with it and where.
type textError struct {
	why      string
	problems []compose.Problem
}

// Error implements error.
func (e *textError) Error() string { return "web: " + e.why }

// movedError is a text that was made from another one than is there now.
type movedError struct {
	err    error
	latest TemplateVersion
}

// Error implements error.
func (e *movedError) Error() string { return e.err.Error() }

// Unwrap implements errors.Unwrap.
func (e *movedError) Unwrap() error { return e.err }

// templateRefusal is an error of a template's life as it is answered; nil when it is none.
func templateRefusal(err error) *Error {
	var text *textError
	var moved *movedError
	switch {
	case errors.As(err, &text):
		e := &Error{code: http.StatusBadRequest, Text: text.why, Field: "text", Problems: text.problems}
		if len(text.problems) > 0 {
			p := text.problems[0]
			e.Text += fmt.Sprintf(": line %d, column %d: %s", p.Line, max(p.Column, 1), p.Text())
		}
		return e
	case errors.As(err, &moved):
		return &Error{code: http.StatusConflict, Text: "somebody else has saved a text since: read it, and save yours as made from it", Latest: &moved.latest}
	case errors.Is(err, template.ErrNoVersion):
		return &Error{code: http.StatusNotFound, Text: "no such version"}
	}
	for _, e := range []error{template.ErrConflict, template.ErrSame, template.ErrWasLive, template.ErrApproved, template.ErrNotDraft, template.ErrWaits, template.ErrCollision, template.ErrNoCanary} {
		if errors.Is(err, e) {
			return &Error{code: http.StatusConflict, Text: strings.TrimPrefix(err.Error(), "template: ")}
		}
	}
	return nil
}
