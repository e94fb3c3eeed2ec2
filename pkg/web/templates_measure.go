package web

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
	"github.com/husk-reminders/husk/pkg/template"
)

// MeasureText is what POST /v1/templates/measure takes.
type MeasureText struct {
	Name string `json:"name"` // of the template: "da/reminder.sms"
	Text string `json:"text"`
	Unit string `json:"unit,omitempty"` // measured for this unit beside the worst ones; "" = for those alone
}

// UnitMeasure is the longest message of a unit, and how high it may be classed.
type UnitMeasure struct {
	compose.Assessment
	Ceiling reminder.Class `json:"ceiling"` // of the pack for the channel
}

// Measured answers it: what a patient would read. Nothing is kept.
type Measured struct {
	Name     string            `json:"name"`
	ID       string            `json:"id"`       // that the version would have
	Savable  bool              `json:"savable"`  // false = it holds what may not be kept anywhere
	Problems []compose.Problem `json:"problems"` // the text's own first
	Using    int               `json:"using"`    // units that use the template
	Units    []UnitMeasure     `json:"units"`    // the unit that was asked for, then the worst: the longest and the highest class under each pack
	Letters  []compose.Costly  `json:"letters"`  // that make the message expensive
	// Plain is what writing the text's own letters otherwise does, or would do; absent where there are none to write so.
	Plain    *compose.Rewriting `json:"plain,omitempty"`
	Previews []compose.Preview  `json:"previews"`
	Change   *TemplateChange    `json:"change,omitempty"` // from the live version, for the units measured; reminders are not counted
}

// TemplateChange says what a version changes of the one that is live.
type TemplateChange struct {
	From         string         `json:"from,omitempty"` // "" = there is none
	To           string         `json:"to"`
	Added        []string       `json:"added"`   // placeholders
	Removed      []string       `json:"removed"` // placeholders
	ClassFrom    reminder.Class `json:"class_from"`
	ClassTo      reminder.Class `json:"class_to"` // for the unit for which it rises most
	SegmentsFrom int            `json:"segments_from,omitempty"`
	SegmentsTo   int            `json:"segments_to,omitempty"` // for the unit for which they rise most
	// Letters are those of the text itself that are sent otherwise, because the version chooses so.
	Letters []template.Rewrite `json:"letters,omitempty"`
	Units   []string           `json:"units"`
	Pending *PendingMessages   `json:"pending,omitempty"`
}

// PendingMessages is how many reminders wait that the template may write: of all languages, since a patient's is sealed.
type PendingMessages struct {
	Count   int  `json:"count"`
	AtLeast bool `json:"at_least,omitempty"` // there are more than were looked at
}

// mostPending is how many waiting reminders are looked at, and pendingTime for how long.
const (
	mostPending = 2_000
	pendingTime = 3 * time.Second
)

type measureInput struct{ Body MeasureText }

// measure is the editor's live answer. Of units that use the template it looks at the worst, so that it is as quick for hundreds;
// approving looks at all.
func (a *API) measure(ctx context.Context, c *caller, in *measureInput) (Measured, error) {
	q := in.Body
	if err := textKnown(q.Name, q.Text); err != nil {
		return Measured{}, err
	}
	if err := a.unitKnown(q.Unit); err != nil {
		return Measured{}, err
	}
	uses := a.usesOf(q.Name)
	of := anyOf(uses)
	if q.Unit != "" {
		of = ofUnit(q.Unit)
	}
	if err := a.audit(ctx, c, of, "template.measure "+q.Name, "", "", ""); err != nil {
		return Measured{}, err
	}
	m := Measured{
		Name: q.Name, ID: template.NewVersion(q.Name, []byte(q.Text)).ID, Units: []UnitMeasure{}, Letters: []compose.Costly{}, Previews: []compose.Preview{},
		Using: len(unitsIn(uses)),
	}
	t, problems := parsed(q.Name, q.Text)
	unsavable := a.o.Composer.Unsavable(q.Name, t, q.Text)
	m.Savable = len(unsavable) == 0
	if m.Problems = append(unsavable, problems...); t.IsZero() {
		return m, nil
	}
	chosen := worst(t, uses)
	if q.Unit != "" {
		own := slices.DeleteFunc(slices.Clone(uses), func(x compose.Use) bool { return x.Unit.ID != q.Unit })
		chosen = append(own, slices.DeleteFunc(chosen, func(x compose.Use) bool { return x.Unit.ID == q.Unit })...)
	}
	j := a.judge(t, q.Name, chosen)
	if m.Savable {
		m.Problems = append(m.Problems, j.problems...)
	}
	for i, x := range j.assessed {
		m.Units = append(m.Units, UnitMeasure{x, chosen[i].Pack.Ceiling[t.Channel()]})
	}
	if len(chosen) > 0 {
		m.Letters = append(m.Letters, a.o.Composer.Costly(t, chosen[0])...)
		m.Plain = a.o.Composer.Rewriting(t, chosen[0], a.o.Now())
		for _, s := range compose.Samples {
			m.Previews = append(m.Previews, a.o.Composer.Preview(t, chosen[0], s, a.o.Now()))
		}
	}
	m.Change = j.change
	return m, nil
}

// textKnown checks that a text can be one of a template.
func textKnown(name, text string) error {
	if _, ok := template.Path(name); !ok {
		return want("name", "a language, a set and a channel, as da/reminder.sms")
	}
	if len(text) > template.MaxText {
		return want("text", "at most 64 KiB")
	}
	return nil
}

// parsed is the template of a text, the zero one and what is wrong where it is none.
func parsed(name, text string) (template.Template, []compose.Problem) {
	path, _ := template.Path(name)
	t, err := template.Parse(path, []byte(text))
	out := []compose.Problem{}
	for _, p := range template.Problems(err) {
		out = append(out, compose.Problem{Template: name, File: p.File, Line: p.Line, Column: p.Column, Refused: true, Reason: p.Reason})
	}
	return t, out
}

// worst are those uses of a template, for each purpose and pack, whose messages are the longest and of the highest class.
func worst(t template.Template, uses []compose.Use) []compose.Use {
	type extent struct {
		segments, letters int
		class             reminder.Class
	}
	of := make([]extent, len(uses))
	for i, x := range uses {
		if r, err := t.RenderWithin(t.LongestFacts(x.Unit, x.Purpose), 0); err == nil {
			text := r.Parts[len(r.Parts)-1].Text.Reveal()
			of[i] = extent{segments: sms.Count(text).Segments, letters: len([]rune(text))}
		}
		for _, p := range t.Shows() {
			of[i].class = max(of[i].class, p.Class(x.Unit, t.Language()))
		}
	}
	var out []compose.Use
	taken := map[string]bool{}
	take := func(i int) {
		if key := string(uses[i].Purpose) + " " + uses[i].Unit.ID; !taken[key] {
			taken[key] = true
			out = append(out, uses[i])
		}
	}
	for i, x := range uses {
		longest, highest, first := i, i, true
		for k, y := range uses {
			if y.Purpose != x.Purpose || y.Pack.ID != x.Pack.ID {
				continue
			}
			first = first && k >= i
			if cmp.Or(cmp.Compare(of[k].segments, of[longest].segments), cmp.Compare(of[k].letters, of[longest].letters)) > 0 {
				longest = k
			}
			if of[k].class > of[highest].class {
				highest = k
			}
		}
		if first {
			take(longest)
			take(highest)
		}
	}
	return out
}

// judgement is what is wrong with a text, and what it changes.
type judgement struct {
	assessed []compose.Assessment // one a use
	problems []compose.Problem    // each once
	blocking []compose.Problem    // those that keep it from being approved
	change   *TemplateChange
}

// judge assesses a text for uses, beside the live one. A unit whose messages are refused with the live text too keeps nothing from
// being approved: that is mended in the unit directory. A text without a working way to stop is not approved all the same.
func (a *API) judge(t template.Template, name string, uses []compose.Use) judgement {
	live, isLive := a.o.Templates.Named(name)
	j := judgement{problems: []compose.Problem{}, change: &TemplateChange{To: t.ID(), Added: []string{}, Removed: []string{}, Units: unitsIn(uses)}}
	if isLive {
		j.change.From = live.ID()
	}
	j.change.Added, j.change.Removed = shownBeside(t, live), shownBeside(live, t)
	j.change.ClassFrom, j.change.ClassTo = live.Class(), t.Class()
	if t.Plain() {
		j.change.Letters = t.Rewrites()
	}
	seen := map[compose.Problem]bool{}
	var class, segments rise
	for _, x := range uses {
		now := a.o.Composer.Assess(t, x.Purpose, x.Pack, x.Unit)
		var before compose.Assessment
		switch {
		case isLive && live.ID() == t.ID():
			before = now
		case isLive:
			before = a.o.Composer.Assess(live, x.Purpose, x.Pack, x.Unit)
		}
		j.assessed = append(j.assessed, now)
		for _, p := range now.Problems {
			if seen[p] {
				continue
			}
			seen[p] = true
			j.problems = append(j.problems, p)
			if p.Refused && (p.Unit == "" || p.Stands || !slices.ContainsFunc(before.Problems, func(q compose.Problem) bool { return q.Refused && !q.Stands && q.Unit == p.Unit })) {
				j.blocking = append(j.blocking, p)
			}
		}
		if class.highest(float64(before.Class), float64(now.Class)) {
			j.change.ClassFrom, j.change.ClassTo = before.Class, now.Class
		}
		if now.Segments > 0 && segments.highest(float64(before.Segments), float64(now.Segments)) {
			j.change.SegmentsFrom, j.change.SegmentsTo = before.Segments, now.Segments
		}
	}
	if len(uses) == 0 {
		p := compose.Problem{Template: name, File: t.File(), Line: 1, Refused: true, Reason: "no unit uses this template: name its set in a unit's templates"}
		j.problems, j.blocking = append(j.problems, p), append(j.blocking, p)
	}
	return j
}

// rise remembers the greatest rise, and of equal ones the one to the highest.
type rise struct {
	by, to float64
	any    bool
}

func (r *rise) highest(from, to float64) bool {
	if r.any && (to-from < r.by || to-from == r.by && to <= r.to) {
		return false
	}
	*r = rise{to - from, to, true}
	return true
}

// judgeVersion judges a kept version for every use.
func (a *API) judgeVersion(ctx context.Context, r template.Record, id string) (judgement, error) {
	none := judgement{problems: []compose.Problem{}, change: &TemplateChange{To: id, Added: []string{}, Removed: []string{}, Units: unitsIn(a.usesOf(r.Name))}}
	v, ok := r.Find(id)
	text, err := a.o.Versions.Text(ctx, id)
	switch {
	case errors.Is(err, template.ErrNoVersion) || !ok:
		return none, nil
	case err != nil:
		return none, err
	case template.NewVersion(r.Name, text).Sum != v.Sum:
		return none, template.ErrAltered
	}
	t, problems := parsed(r.Name, string(text))
	if t.IsZero() {
		none.problems, none.blocking = problems, problems
		return none, nil
	}
	return a.judge(t, r.Name, a.usesOf(r.Name)), nil
}

// shownBeside are the placeholders that t has and other has not.
func shownBeside(t, other template.Template) []string {
	out := []string{}
	for _, p := range t.Shows() {
		if !slices.ContainsFunc(other.Shows(), func(q template.Placeholder) bool { return q.Name == p.Name }) {
			out = append(out, p.Name)
		}
	}
	return out
}

func unitsIn(uses []compose.Use) []string {
	out := []string{}
	for _, x := range uses {
		if !slices.Contains(out, x.Unit.ID) {
			out = append(out, x.Unit.ID)
		}
	}
	return out
}

// pending counts the waiting reminders that the uses would write; nil when they can't be counted now. The earliest due are looked at.
func (a *API) pending(ctx context.Context, uses []compose.Use) *PendingMessages {
	ctx, cancel := context.WithTimeout(ctx, pendingTime)
	defer cancel()
	found, err := a.o.Ledger.Reminders(ctx, ledger.Filter{Status: receipt.Planned, Max: mostPending})
	if err != nil {
		return nil
	}
	type use struct {
		unit    string
		purpose reminder.Purpose
		route   string
	}
	used := map[use]bool{}
	for _, x := range uses {
		used[use{x.Unit.ID, x.Purpose, string(x.Channel)}] = true
	}
	out := &PendingMessages{AtLeast: len(found) >= mostPending}
	for _, x := range found {
		if used[use{x.Unit, x.Purpose, x.Route}] {
			out.Count++
		}
	}
	return out
}
