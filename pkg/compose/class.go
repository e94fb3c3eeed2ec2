package compose

import (
	"slices"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// classOf is the highest class of the literal text, of every fact that is shown, and of what the carrier shows beside it:
// the sender, and for e-mail the address for replies. A neutral text adds nothing.
func classOf(t template.Template, u reminder.Unit, d draft) reminder.Class {
	class := max(t.Class(), senderOf(u, t.Channel()).Class)
	if t.Channel() == reminder.Email && u.Mail.Text != "" {
		class = max(class, u.Mail.Class)
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
