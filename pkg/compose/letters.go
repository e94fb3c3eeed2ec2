package compose

import (
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
	"github.com/husk-reminders/husk/pkg/template"
)

// Rewriting is what the choice "Letters: plain" does to a text message, or would do: which letters of the text itself are written
// otherwise, and what a message to a sample person takes before and after. What is filled in is never rewritten.
type Rewriting struct {
	Chosen       bool               `json:"chosen"`
	Letters      []template.Rewrite `json:"letters"`
	SegmentsFrom int                `json:"segments_from"` // with the letters as they stand
	SegmentsTo   int                `json:"segments_to"`   // with them written otherwise
}

// Rewriting tells it of a text for one use; nil where the text has no such letter, or is no text message. The segments are 0 where such
// a message would be held.
func (c *Composer) Rewriting(t template.Template, x Use, now time.Time) *Rewriting {
	out := &Rewriting{Chosen: t.Plain(), Letters: t.Rewrites()}
	if len(out.Letters) == 0 {
		return nil
	}
	count := func(plain bool) int {
		d, _, _ := c.sample(t.InPlain(plain), x, Samples[0], now) // one that is refused for its length has one too
		for _, p := range d.rendered.Parts {
			if p.Kind == reminder.PartText {
				return sms.Count(p.Text.Reveal()).Segments
			}
		}
		return 0
	}
	out.SegmentsFrom, out.SegmentsTo = count(false), count(true)
	return out
}
