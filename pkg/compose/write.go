package compose

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// factSender names the sender in findings; it is scanned as a part of its own.
const factSender = "sender"

// write renders and scans until the text is clean. Every round shows one more fact by its neutral text, so there are no more
// rounds than facts. What has none is held, unless an approver released it.
func (c *Composer) write(d *draft, t template.Template, f reminder.Facts, limit int, release *reminder.Release) error {
	known := c.known(f)
	for {
		r, err := t.RenderWithin(f, limit, d.neutral...)
		if err != nil {
			return err
		}
		found := append(malformed(r, d.neutral), c.scanner.Scan(withSender(r, d.sender), known)...)
		before := len(d.neutral)
		var held []redact.Finding
		for _, x := range found {
			p, ok := template.Lookup(x.Fact)
			if ok {
				_, ok = p.Neutral(t.Language())
			}
			switch {
			case ok && !slices.Contains(d.neutral[:before], x.Fact):
				if !slices.Contains(d.neutral, x.Fact) {
					d.neutral = append(d.neutral, x.Fact)
				}
			case !released(release, r.Template, x):
				held = append(held, x)
			}
		}
		switch {
		case len(d.neutral) > before: // what is held may stand elsewhere in the next rendering
		case len(held) > 0:
			return &HeldError{Template: r.Template, Findings: held}
		default:
			d.rendered = r
			return nil
		}
	}
}

// released reports whether an approver let this very finding pass in a message of this template. What nobody may release is not.
func released(r *reminder.Release, template string, x redact.Finding) bool {
	return r != nil && r.Template == template && x.Releasable() && slices.ContainsFunc(r.Findings, func(y reminder.Finding) bool {
		return y.Kind == x.Kind && y.Layout == x.Layout && y.Part == x.Part && y.Offset == x.Offset && y.Length == x.Length
	})
}

// withSender adds what the carrier shows beside the text.
func withSender(r reminder.Rendered, sender string) reminder.Rendered {
	r.Parts = append(slices.Clip(r.Parts), reminder.Part{
		Kind: reminder.PartSender, Text: reminder.Mask(sender), Spans: []reminder.Span{{End: len(sender), Fact: factSender}},
	})
	return r
}

// malformed finds values that are not of their fact's type.
func malformed(r reminder.Rendered, neutral []string) []redact.Finding {
	var out []redact.Finding
	for _, p := range r.Parts {
		if p.Kind == reminder.PartHTML {
			continue // made of the same values, escaped
		}
		text := p.Text.Reveal()
		for _, s := range p.Spans {
			if s.Fact == "" || slices.Contains(neutral, s.Fact) || template.CheckValue(s.Fact, text[s.Start:s.End]) == nil {
				continue
			}
			out = append(out, redact.Finding{Kind: KindValue, Part: p.Kind, Offset: s.Start, Length: s.End - s.Start, Fact: s.Fact})
		}
	}
	return out
}

// known is what this one message may contain: its own times and the unit's phone, mail addresses and texts, and the people
// it must not name.
func (c *Composer) known(f reminder.Facts) redact.Known {
	u := f.Unit
	k := redact.Known{
		Phones: append(given(u.Phone.Text), given(u.SenderNumber())...), Mails: given(u.Mail.Text, u.From.Text), Links: given(u.Link.Text), Recipient: recipient(f),
		Units:  c.trusted(u, f.Language),
		Others: f.Others, Refs: given(f.Code.Reveal()),
	}
	for _, at := range []time.Time{f.Start, f.Was} {
		if !at.IsZero() { // an answer is about no appointment
			k.Appt = append(k.Appt, at)
		}
	}
	return k
}

// recipient is the patient's given name, unless somebody else on the booking bears it whole: then the booking system may have
// mixed them up, and the name counts as the other's.
func recipient(f reminder.Facts) []string {
	for _, o := range f.Others {
		if slices.ContainsFunc(o.Names, func(n reminder.Masked) bool { return strings.EqualFold(n.Reveal(), f.GivenName.Reveal()) }) {
			return nil
		}
	}
	return given(f.GivenName.Reveal())
}

// given are the texts that are there, in the Unicode form in which they are rendered.
func given(texts ...string) []string {
	var out []string
	for _, s := range texts {
		if s != "" {
			out = append(out, norm.NFC.String(s))
		}
	}
	return out
}

// trusted are the unit's texts, without one that is or becomes part of a national id when they stand side by side: to be in
// the directory does not make it fit to send.
func (c *Composer) trusted(u reminder.Unit, language string) []string {
	var out []string
	var spans []reminder.Span
	all := strings.Builder{}
	texts := given(u.Name(language).Text, u.Address.Text, u.Entrance.Text)
	for i, s := range texts {
		if i > 0 {
			all.WriteString(", ")
		}
		spans = append(spans, reminder.Span{Start: all.Len(), End: all.Len() + len(s), Fact: "unit"})
		all.WriteString(s)
	}
	found := c.scanner.Scan(reminder.Rendered{Parts: []reminder.Part{{Kind: reminder.PartText, Text: reminder.Mask(all.String()), Spans: spans}}}, redact.Known{})
	for i, s := range texts {
		if !slices.ContainsFunc(found, func(x redact.Finding) bool {
			return x.NationalID() && x.Offset < spans[i].End && spans[i].Start < x.Offset+x.Length
		}) {
			out = append(out, s)
		}
	}
	return out
}
