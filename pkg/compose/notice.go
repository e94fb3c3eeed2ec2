package compose

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// ErrNotice means that there is nothing to write a notice of, or nobody to write it to or from.
var ErrNotice = errors.New("compose: a notice to staff wants a unit with function_mail and from, something that waits, and for how long")

// Notice is what the one mail to a clinic's staff is made of: counts, and where the lists are. No text and no recipient can be given to
// it, so it can't be made to carry anything else, or to anybody else.
type Notice struct {
	Unit    reminder.Unit // goes to its Function, from its From
	Waiting reminder.Waiting
	After   time.Duration // what waits has waited so long or longer; whole hours
	Pages   string        // address of the clerks' pages; "" = the mail has no links
}

// most is the highest count that a notice tells.
const most = 999

// Notice writes the mail, in the unit's language or else in English, and scans it as any message to a patient is scanned. It needs no
// permit, for it is about no person. ErrNotice, or a *HeldError when the unit's own texts are not clean.
func (c *Composer) Notice(n Notice) (reminder.Message, error) {
	u := n.Unit
	if u.Function == "" || u.From.Text == "" || !n.Waiting.Any() || n.After < time.Hour {
		return reminder.Message{}, ErrNotice
	}
	lang := u.Language
	w, ok := noticeWords[lang]
	if !ok {
		lang, w = "en", noticeWords["en"]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\n", u.Name(lang).Text, strings.Replace(w.lead, "{hours}", strconv.Itoa(int(n.After/time.Hour)), 1))
	for _, x := range []struct {
		what, page string
		count      int
	}{
		{w.wishes, "/replies", n.Waiting.Wishes}, {w.misdeliveries, "/replies", n.Waiting.Misdeliveries}, {w.letters, "/letters", n.Waiting.Letters},
		{w.doubts, "/unknown", n.Waiting.Doubts}, {w.held, "/sent", n.Waiting.Held},
	} {
		if x.count == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s: %d", x.what, min(x.count, most))
		if x.count > most {
			b.WriteString("+")
		}
		b.WriteString("\n")
		if link := n.Pages + x.page; reminder.IsLink(link) {
			b.WriteString(link + "\n")
		}
	}
	b.WriteString("\n" + w.foot + "\n")
	part := func(kind reminder.PartKind, text string) reminder.Part {
		return reminder.Part{Kind: kind, Text: reminder.Mask(text), Spans: []reminder.Span{{End: len(text)}}}
	}
	r := reminder.Rendered{Template: lang + "/staff-notice.email", Language: lang, Parts: []reminder.Part{
		part(reminder.PartSender, u.From.Text), part(reminder.PartSubject, w.subject), part(reminder.PartText, b.String()),
	}}
	if found := c.scanner.Scan(r, n.known()); len(found) > 0 {
		return reminder.Message{}, &HeldError{Template: r.Template, Findings: found}
	}
	return reminder.Message{
		Channel: reminder.Email, Purpose: reminder.StaffNotice, To: reminder.NewAddress(reminder.Email, u.Function), Sender: u.From.Text,
		Language: lang, Template: r.Template, Unit: u.ID, Subject: r.Parts[1].Text, Text: r.Parts[2].Text, Origin: &r,
	}, nil
}

// InspectNotice has the bytes looked at that a carrier encoded a notice to, as Inspect does for messages to patients.
func (c *Composer) InspectNotice(n Notice, m reminder.Message) error {
	if m.Wire.Body.IsZero() || m.Origin == nil || m.Purpose != reminder.StaffNotice {
		return ErrNoWire
	}
	known := n.known()
	known.To, known.Refs = m.To.Reveal(), given(m.Reference, m.Template)
	if found := c.scanner.ScanWire(m.Wire, *m.Origin, known); len(found) > 0 {
		return &HeldError{Template: m.Template, Findings: found}
	}
	return nil
}

// known is what a notice may contain beside words and short numbers.
func (n Notice) known() redact.Known {
	k := redact.Known{Mails: given(n.Unit.From.Text), Links: given(n.Pages)}
	for _, f := range n.Unit.Names {
		k.Units = append(k.Units, given(f.Text)...)
	}
	return k
}
