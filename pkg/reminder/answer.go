package reminder

import (
	"cmp"
	"strings"
)

// AnswerText names one of the fixed answers to people who write: messages of the purpose Reply. None holds a fact about a person: a
// unit's name and phone at most.
type AnswerText string

// The texts.
const (
	// AnswerStopped says once that there will be no more messages.
	AnswerStopped AnswerText = "stopped"
	// AnswerStoppedNotCancelled says that, and AnswerNotCancelled besides.
	AnswerStoppedNotCancelled AnswerText = "stopped_not_cancelled"
	// AnswerStarted says that reminders may come again, where they are allowed.
	AnswerStarted AnswerText = "started"
	// AnswerNotCancelled says that an appointment is not cancelled until the clinic confirms it, with the clinic's phone.
	AnswerNotCancelled AnswerText = "not_cancelled"
	// AnswerWrongNumber says that the number is not written to any more, and asks to delete what came.
	AnswerWrongNumber AnswerText = "wrong_number"
	// AnswerUnread says that nobody reads here, how to reach the clinic, and 112 for emergencies.
	AnswerUnread AnswerText = "unread"
)

// AnswerTexts lists all fixed answers.
var AnswerTexts = []AnswerText{
	AnswerStopped, AnswerStoppedNotCancelled, AnswerStarted, AnswerNotCancelled, AnswerWrongNumber, AnswerUnread,
}

// AnswerSet is the set of templates from which a unit takes the text of an answer: "reply-not-cancelled", or "friendly-not-cancelled"
// where the unit's templates name the set "friendly" for the purpose reply.
func (u Unit) AnswerSet(t AnswerText) string {
	return cmp.Or(u.Templates[Reply], string(Reply)) + "-" + strings.ReplaceAll(string(t), "_", "-")
}

// AnswerOfSet is the answer that a template set is for, by the end of its name; false when it is for none.
func AnswerOfSet(set string) (AnswerText, bool) {
	var best AnswerText
	for _, t := range AnswerTexts {
		if strings.HasSuffix(set, "-"+strings.ReplaceAll(string(t), "_", "-")) && len(t) > len(best) {
			best = t
		}
	}
	return best, best != ""
}
