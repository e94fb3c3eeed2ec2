package pages

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
	"github.com/husk-reminders/husk/pkg/web"
)

// templateLive is what patients would read of a text, and what is to be known of it: the part template-live.
type templateLive struct {
	web.Measured
	Language string
	SMS      bool
	Found    []flaw
	ToMend   int // of Found, what keeps the text from being sent at all
	Not      int // units of those measured that can't send it
	Messages []sampleMessage
	Units    []unitMeasure
	Costly   []costly
}

// sampleMessage is the message to one sample person.
type sampleMessage struct {
	compose.Preview
	Why *sentence // it would not be sent; nil = it would
}

// unitMeasure is the longest message of a unit.
type unitMeasure struct {
	web.UnitMeasure
	Over    bool // it is of a higher class than allowed
	Sources []classSource
}

// classSource is something that gives a message its content class.
type classSource struct {
	Class   reminder.Class
	Text    string
	Warning bool
}

// costly is a letter that makes text messages dearer.
type costly struct {
	compose.Costly
	Place string
}

// measured has a text measured. unit may be "".
func (v *visit) measured(name, text, unit string) (templateLive, error) {
	language, _, channel := partsOfName(name)
	x := templateLive{Language: language, SMS: channel == string(reminder.SMS)}
	if err := v.post("/v1/templates/measure", web.MeasureText{Name: name, Text: text, Unit: unit}, &x.Measured); err != nil {
		return x, err
	}
	x.Found = v.flaws(x.Problems)
	var not []string
	for _, f := range x.Found {
		switch {
		case f.Refused && f.Unit == "":
			x.ToMend++
		case f.Refused && !slices.Contains(not, f.Unit):
			not = append(not, f.Unit)
		}
	}
	x.Not = len(not)
	for _, p := range x.Previews {
		m := sampleMessage{Preview: p}
		if p.Refused != "" {
			why := v.textReason(p.Refused)
			m.Why = &why
		}
		x.Messages = append(x.Messages, m)
	}
	for _, u := range x.Measured.Units {
		m := unitMeasure{UnitMeasure: u, Over: u.Class > u.Ceiling}
		for _, s := range u.Sources {
			m.Sources = append(m.Sources, classSource{s.Class, v.sourceOf(s), s.Warning})
		}
		x.Units = append(x.Units, m)
	}
	for _, l := range x.Letters {
		c := costly{Costly: l}
		if l.Fact != "" {
			c.Place = v.words.must("templates.letters.fact", "{"+l.Fact+"}")
		} else {
			c.Place = v.textPlace(l.Line, l.Column)
		}
		x.Costly = append(x.Costly, c)
	}
	return x, nil
}

// Worst is the measure of the longest message; nil where nothing could be measured.
func (x templateLive) Worst() *unitMeasure {
	if len(x.Units) == 0 {
		return nil
	}
	worst := slices.MaxFunc(x.Units, func(a, b unitMeasure) int {
		if a.Segments != b.Segments {
			return a.Segments - b.Segments
		}
		return a.Characters - b.Characters
	})
	return &worst
}

// Dear reports whether the longest message is in the alphabet with less room.
func (x templateLive) Dear() bool {
	w := x.Worst()
	return w != nil && w.Encoding == sms.UCS2
}

// sourceOf says in words what gives a message its class.
func (v *visit) sourceOf(s compose.Source) string {
	text := v.words.must("templates.source." + string(s.Source))
	if s.Fact != "" {
		text = v.words.must("templates.source.value", "{"+s.Fact+"}")
	}
	if s.Word != "" {
		text = v.words.must("templates.source.word", text, s.Word, v.words.must("templates.word."+string(s.Kind)))
	}
	if s.Line > 0 {
		text += " (" + v.textPlace(s.Line, s.Column) + ")"
	}
	return text
}

// textPlace is where in a text something stands.
func (v *visit) textPlace(line, column int) string {
	if column == 0 {
		return v.words.must("templates.place.line", line)
	}
	return v.words.must("templates.place", line, column)
}

// part answers with one part of a view, for a page that is left open.
func (v *visit) part(view, part string, data any) error {
	var b bytes.Buffer
	if err := v.views[v.words.language][view].ExecuteTemplate(&b, part, data); err != nil {
		return fmt.Errorf("pages: part %s: %w", part, err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", v.words.language)
	_, _ = b.WriteTo(v.w)
	return nil
}
