package compose

import (
	"slices"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// classOf is the highest class of the literal text, of every fact that is shown, and of what the carrier shows beside it:
// the sender, and for e-mail the address for replies. A neutral text adds nothing.
func classOf(t template.Template, u reminder.Unit, d draft) reminder.Class {
	class := t.Class()
	for _, s := range besides(u, t.Channel()) {
		class = max(class, s.fact.Class)
	}
	for _, part := range d.rendered.Parts {
		for _, s := range part.Spans {
			if p, ok := template.Lookup(s.Fact); ok && !slices.Contains(d.neutral, s.Fact) {
				class = max(class, p.Class(u, t.Language()))
			}
		}
	}
	return class
}

// senderOf is whom the message comes from: the sender id of an SMS, the From address of an e-mail.
func senderOf(u reminder.Unit, c reminder.Channel) reminder.Fact {
	if c == reminder.Email {
		return u.From
	}
	return u.SenderID
}

// beside is a fact of the unit that the carrier shows beside the text.
type beside struct {
	source SourceKind
	fact   reminder.Fact
}

func besides(u reminder.Unit, c reminder.Channel) []beside {
	if c != reminder.Email {
		return []beside{{FromSender, u.SenderID}}
	}
	out := []beside{{FromFrom, u.From}}
	if u.Mail.Text != "" {
		out = append(out, beside{FromReplyTo, u.Mail})
	}
	return out
}

// linkOf is the link that a message of unit u may carry on the channel: the unit's own, where the pack allows one.
func linkOf(u reminder.Unit, pack policy.Pack, c reminder.Channel) reminder.Fact {
	if !pack.AllowsLink(c) {
		return reminder.Fact{}
	}
	return u.Link
}
