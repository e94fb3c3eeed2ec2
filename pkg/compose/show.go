package compose

import (
	"errors"
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// Showing asks for a message as staff may see it.
type Showing struct {
	Template  template.Template // zero = the one that would be chosen now
	Lease     reminder.Lease    // with the appointment that the message is about
	Unit      reminder.Unit
	Pack      policy.Pack
	Channel   reminder.Channel
	HidePlace bool               // it goes, or went, to a guardian who is not to know where the patient is
	Findings  []reminder.Finding // for which it was held
}

// Shown is a message, masked: blocks stand for what is a person's (the given name, a one-time code), and letter for letter for whatever
// was found in it that must not leave. Nothing of it is kept anywhere.
type Shown struct {
	Template string           `json:"template"` // with its version
	Language string           `json:"language"`
	Channel  reminder.Channel `json:"channel"`
	Parts    []ShownPart      `json:"parts"`             // the sender too
	Neutral  []string         `json:"neutral,omitempty"` // facts shown by their neutral text
	// Elsewhere was found in what the carrier makes of the message beside these parts, such as a header.
	Elsewhere []reminder.Finding `json:"elsewhere,omitempty"`
}

// ShownPart is one part of it.
type ShownPart struct {
	Kind     reminder.PartKind `json:"kind"`
	Text     string            `json:"text"` // masked
	Findings []ShownFinding    `json:"findings,omitempty"`
}

// ShownFinding marks a place in a masked text, in letters (Unicode code points), not bytes.
type ShownFinding struct {
	Kind       string `json:"kind"`
	Name       string `json:"name,omitempty"`   // the register's own name of a national id
	Layout     string `json:"layout,omitempty"` // sizes of the digit groups
	Fact       string `json:"fact,omitempty"`   // the placeholder in whose value it lies
	Offset     int    `json:"offset"`
	Length     int    `json:"length"`
	Releasable bool   `json:"releasable"` // somebody may let it pass
}

// Block stands for a letter that is not shown; a name is as many of them as nameBlocks, however long it is.
const (
	Block      = '█'
	nameBlocks = 4
)

// Show writes a message anew, as Compose would, and masks it. It is no leave to send anything. The error is ErrNoTemplate,
// template.ErrMissing where a fact is not known any more, or ErrNoSender.
func (c *Composer) Show(s Showing) (Shown, error) {
	t := s.Template
	if t.IsZero() {
		language := s.Lease.Appointment.Language
		if language == "" {
			language = s.Unit.Language
		}
		var err error
		if t, err = c.choose(s.Unit, setOf(s.Unit, s.Lease.Purpose, ""), s.Channel, language); err != nil {
			return Shown{}, err
		}
	}
	f := project(s.Lease, s.Unit, s.Pack, t.Channel(), s.HidePlace, t.Language())
	d := draft{sender: senderOf(f.Unit, t.Channel()).Text}
	if d.sender == "" {
		return Shown{}, ErrNoSender
	}
	if s.HidePlace {
		d.neutral = []string{"unit", "name"}
	}
	limit := s.Pack.MaxLength[t.Channel()]
	err := c.write(&d, t, f, limit, s.Lease.Release)
	var held *HeldError
	found := slices.Clone(s.Findings)
	if errors.As(err, &held) {
		for _, x := range held.Findings {
			found = append(found, findingOf(x))
		}
		d.rendered, err = t.RenderWithin(f, limit, d.neutral...)
	}
	if err != nil {
		return Shown{}, err
	}
	// What was let pass is a finding all the same, and masked.
	for _, x := range c.scanner.Scan(withSender(d.rendered, d.sender), c.known(f)) {
		found = append(found, findingOf(x))
	}
	out := Shown{Template: t.ID(), Language: t.Language(), Channel: t.Channel(), Parts: []ShownPart{}, Neutral: d.neutral}
	marked := map[reminder.Finding]bool{}
	for _, p := range withSender(d.rendered, d.sender).Parts {
		if p.Kind == reminder.PartHTML {
			continue // it says what the text says; what was found in it alone is among Elsewhere
		}
		out.Parts = append(out.Parts, mask(p, d.neutral, found, marked))
	}
	for _, x := range found {
		if !marked[x] {
			marked[x] = true
			out.Elsewhere = append(out.Elsewhere, x)
		}
	}
	return out, nil
}

// mask masks one part, and notes which findings lie in it.
func mask(p reminder.Part, neutral []string, found []reminder.Finding, marked map[reminder.Finding]bool) ShownPart {
	text := p.Text.Reveal()
	hidden := make([]bool, len(text))
	var here []reminder.Finding
	for _, x := range found {
		if x.Part == p.Kind && !marked[x] && x.Offset >= 0 && x.Length > 0 && x.Offset+x.Length <= len(text) {
			marked[x] = true
			here = append(here, x)
			for i := x.Offset; i < x.Offset+x.Length; i++ {
				hidden[i] = true
			}
		}
	}
	var b strings.Builder
	at, n := make([]int, len(text)+1), 0 // for each byte, which letter of the masked text it is
	for _, s := range p.Spans {
		if isPersons(s.Fact, neutral) && s.End > s.Start {
			for i := s.Start; i < s.End; i++ {
				at[i] = n
			}
			n += nameBlocks
			b.WriteString(strings.Repeat(string(Block), nameBlocks))
			continue
		}
		for i, r := range text[s.Start:s.End] {
			if i += s.Start; hidden[i] {
				r = Block
			}
			for j := i; j < s.End && (j == i || text[j]&0xC0 == 0x80); j++ {
				at[j] = n
			}
			n++
			b.WriteRune(r)
		}
	}
	at[len(text)] = n
	out := ShownPart{Kind: p.Kind, Text: b.String()}
	for _, x := range here {
		out.Findings = append(out.Findings, ShownFinding{
			Kind: x.Kind, Name: x.Name, Layout: x.Layout, Fact: x.Fact, Offset: at[x.Offset], Length: max(1, at[x.Offset+x.Length]-at[x.Offset]), Releasable: x.Releasable,
		})
	}
	slices.SortFunc(out.Findings, func(a, b ShownFinding) int { return a.Offset - b.Offset })
	return out
}

// isPersons reports whether a placeholder shows what is a person's.
func isPersons(fact string, neutral []string) bool {
	p, ok := template.Lookup(fact)
	return ok && (p.Kind == template.Person || p.Kind == template.Code) && !slices.Contains(neutral, fact)
}

func findingOf(x redact.Finding) reminder.Finding {
	return reminder.Finding{
		Kind: x.Kind, Name: x.Name, Layout: x.Layout, Part: x.Part, Fact: x.Fact, Offset: x.Offset, Length: x.Length, Releasable: x.Releasable(),
	}
}
