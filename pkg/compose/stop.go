package compose

import (
	"slices"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// mustStop are the purposes whose messages must say how to stop: those that Husk begins by itself. A one-time code comes once to
// somebody who has just asked for it, and an answer to somebody who wrote.
var mustStop = []reminder.Purpose{reminder.Remind, reminder.Changed, reminder.Cancel}

// stop tells where no way to stop that the text names works for the unit. What works is for the unit's sender to say: whether an answer
// to it reaches us, and with which keyword. An e-mail can be answered whoever sent it, and is left by its unsubscribe header; that its
// text says STOP is for Lint.
func (j assessor) stop(u reminder.Unit) {
	if j.t.Channel() != reminder.SMS {
		return
	}
	says, phone := j.t.StopsByReply(""), j.t.StopsByPhone()
	works := u.TakesReplies() && j.t.StopsByReply(u.Keyword)
	must := slices.Contains(mustStop, j.a.Purpose)
	switch {
	case works, !must && (!says || !u.TakesReplies()): // an answer of a unit that nobody can write to is never sent
	case phone && says && u.TakesReplies():
		j.tell(false, "the text says to answer STOP, and answers to %s reach us behind the keyword %s alone: write, for example, %q", u.SenderID.Text, u.Keyword, j.t.StopExample(u))
	case phone && says:
		j.tell(false, "the text says to answer STOP, and no answer to %s reaches us: write, for example, %q", u.SenderID.Text, j.t.StopExample(u))
	case phone:
	case u.TakesReplies() && u.Keyword != "":
		j.stands("no working way to stop: answers to %s reach us behind the keyword %s alone: write, for example, %q", u.SenderID.Text, u.Keyword, j.t.StopExample(u))
	case u.TakesReplies():
		j.stands("no working way to stop: write, for example, %q", j.t.StopExample(u))
	default:
		j.stands("no working way to stop: no answer to %s reaches us: write, for example, %q, or give the unit a sender_id that takes replies", u.SenderID.Text, j.t.StopExample(u))
	}
}

// stands tells of what keeps every version from being approved.
func (j assessor) stands(format string, args ...any) {
	j.tell(true, format, args...)
	j.a.Problems[len(j.a.Problems)-1].Stands = true
}
