package pages

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// textView is a message as it was, or would be, with what was found in it.
type textView struct {
	lifeView
	Text *shownText // nil = not asked for yet, or it can't be written anew
	Gone bool       // it can't be written anew
}

// shownText is a masked message.
type shownText struct {
	Sent      bool
	Channel   reminder.Channel
	Template  string
	Parts     []textPart
	Found     []textFinding // numbered from 1 through all parts
	Elsewhere []textFinding // in what the carrier makes of it beside these parts
	Neutral   []string
}

// textPart is one part of a message, cut where findings begin and end.
type textPart struct {
	Kind reminder.PartKind
	Runs []textRun
}

// textRun is a piece of a part, with the numbers of the findings that lie over it.
type textRun struct {
	Text  string
	Found []int
}

// textFinding is something that was found in a message, in words.
type textFinding struct {
	Number     int // 0 = has no mark
	Text       string
	Do         string
	Register   string // whose number it is, by the register's own name
	Layout     string // sizes of the groups of digits
	Fact       string // the placeholder in whose value it lies; "" = the text's own words
	Part       reminder.PartKind
	Releasable bool
}

func (v *visit) sentText() error {
	x, err := v.life()
	if err != nil {
		return err
	}
	return v.show("sent-text", textView{lifeView: x})
}

// showSentText shows the message. Why it is looked at goes to the audit, so it is asked for first.
func (v *visit) showSentText() error {
	var in struct {
		Reason string `form:"reason,required"`
	}
	f := v.read(&in)
	life, err := v.life()
	if err != nil {
		return err
	}
	x := textView{lifeView: life}
	if f.OK() {
		if err := v.write(&x, in.Reason); err != nil {
			return err
		}
	}
	return v.show("sent-text", x)
}

// write has the message written anew, unless that can't be done or something is wrong with the reason.
func (v *visit) write(x *textView, reason string) error {
	var t web.Text
	path := "/v1/reminders/" + url.PathEscape(string(x.R.ID)) + "/text"
	err := v.get(query(path, "person", string(x.R.Person), "reason", reason), &t)
	switch {
	case err == nil:
		x.Text = v.shown(t)
		return nil
	case isAnswer(err, http.StatusConflict):
		x.Gone = true
		return nil
	case v.form.take(err):
		return nil
	}
	return err
}

// shown numbers what was found, and cuts the parts.
func (v *visit) shown(t web.Text) *shownText {
	out := &shownText{Sent: t.Sent, Channel: t.Channel, Template: t.Template, Neutral: t.Neutral, Elsewhere: v.findings(t.Elsewhere)}
	for _, p := range t.Parts {
		text := []rune(p.Text)
		cuts := []int{0, len(text)}
		first := len(out.Found)
		for _, x := range p.Findings {
			f := v.finding(x.Kind, x.Name, x.Layout, x.Fact, x.Releasable)
			f.Number, f.Part = len(out.Found)+1, p.Kind
			out.Found = append(out.Found, f)
			cuts = append(cuts, min(max(x.Offset, 0), len(text)), min(max(x.Offset+x.Length, 0), len(text)))
		}
		slices.Sort(cuts)
		cuts = slices.Compact(cuts)
		part := textPart{Kind: p.Kind}
		for i := 0; i+1 < len(cuts); i++ {
			run := textRun{Text: string(text[cuts[i]:cuts[i+1]])}
			for n, x := range p.Findings {
				if x.Offset <= cuts[i] && cuts[i+1] <= x.Offset+x.Length {
					run.Found = append(run.Found, first+n+1)
				}
			}
			part.Runs = append(part.Runs, run)
		}
		out.Parts = append(out.Parts, part)
	}
	return out
}

func (v *visit) findings(all []reminder.Finding) []textFinding {
	var out []textFinding
	for _, x := range all {
		f := v.finding(x.Kind, x.Name, x.Layout, x.Fact, x.Releasable)
		f.Part = x.Part
		if !slices.Contains(out, f) { // the same in two parts is told twice, in one part once
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b textFinding) int { return cmp.Compare(a.Part, b.Part) })
	return out
}

func (v *visit) finding(kind, name, layout, fact string, releasable bool) textFinding {
	what := findingOf(kind)
	return textFinding{
		Text: v.words.must("finding." + what), Do: v.words.must("finding." + what + ".do"), Register: name, Layout: layout, Fact: fact, Releasable: releasable,
	}
}
