package template

import (
	"fmt"
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// emergency is Europe's number for help: the one number that an answer may write out (Directive (EU) 2018/1972 Article 109).
const emergency = "112"

// answerFacts are the facts that an answer may show: all of the unit, none of a person.
var answerFacts = []string{"unit", "phone", "mail"}

// calling are the answers that are of no use without a way to the clinic. A unit may have no phone, so it may stand in brackets.
var calling = []reminder.AnswerText{reminder.AnswerNotCancelled, reminder.AnswerStoppedNotCancelled, reminder.AnswerUnread}

// answers tells what an answer must say and does not, and what it says and must not: whoever has the address reads it, be they the
// patient or not.
func (t Template) answers() []Problem {
	var out []Problem
	body := t.parts[len(t.parts)-1]
	fail := func(line, column int, format string, args ...any) {
		out = append(out, Problem{File: t.file, Line: line, Column: column, Reason: fmt.Sprintf(format, args...)})
	}
	for _, p := range t.parts {
		for _, n := range p.nodes {
			if n.fact != nil && !slices.Contains(answerFacts, n.fact.Name) {
				fail(n.line, n.column, "{%s} in an answer to whoever wrote: it may show {%s} alone", n.fact.Name, strings.Join(answerFacts, "}, {"))
			}
		}
	}
	text, ok := reminder.AnswerOfSet(t.Set())
	if !ok {
		return out
	}
	if slices.Contains(calling, text) && !slices.ContainsFunc(body.nodes, func(n node) bool { return n.fact != nil && n.fact.Name == byPhone }) {
		fail(body.line, 0, "{phone} is missing, in brackets or outside: this answer sends people to the clinic's phone")
	}
	if text == reminder.AnswerUnread && !slices.ContainsFunc(body.nodes, func(n node) bool { return n.group == 0 && strings.Contains(n.literal, emergency) }) {
		fail(body.line, 0, "%s is missing outside of brackets: who writes in an emergency must be told that nobody reads", emergency)
	}
	return out
}
