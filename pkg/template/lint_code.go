package template

import (
	"fmt"
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// codeFact is the placeholder of a one-time code.
const codeFact = "code"

// codeFacts are the facts that a message with a one-time code may show. It goes to a number that is not proven yet: whoever reads it
// learns which clinic asks, and nothing of anybody's appointment.
var codeFacts = []string{codeFact, "unit"}

// codes tells what a message with a one-time code must say and does not, and what it says and must not. It needs no word STOP: it
// comes once, to somebody who has just asked for it.
func (t Template) codes() []Problem {
	var out []Problem
	fail := func(line, column int, format string, args ...any) {
		out = append(out, Problem{File: t.file, Line: line, Column: column, Reason: fmt.Sprintf(format, args...)})
	}
	body := t.parts[len(t.parts)-1]
	if t.channel != reminder.SMS {
		fail(body.line, 0, "a one-time code goes by %s alone", reminder.SMS)
	}
	for _, name := range codeFacts {
		if !body.shows(name) {
			fail(body.line, 0, "{%s} is missing outside of brackets: a one-time code must say what it is and which clinic asks", name)
		}
	}
	for _, p := range t.parts {
		for _, n := range p.nodes {
			if n.fact != nil && !slices.Contains(codeFacts, n.fact.Name) {
				fail(n.line, n.column, "{%s} in a message to a number that is not proven: it may show {%s} alone", n.fact.Name, strings.Join(codeFacts, "}, {"))
			}
		}
	}
	if t.Class() > 0 {
		fail(1, 0, "class %v: the literal text of a one-time code is of class 0", t.Class())
	}
	return out
}

// strayCodes tells where a text of another purpose shows a one-time code.
func (t Template) strayCodes(purpose reminder.Purpose) []Problem {
	var out []Problem
	for _, p := range t.parts {
		for _, n := range p.nodes {
			if n.fact != nil && n.fact.Name == codeFact {
				out = append(out, Problem{File: t.file, Line: n.line, Column: n.column, Reason: fmt.Sprintf("{%s} in a %s: only a text of the purpose %s has one", codeFact, purpose, reminder.Verify)})
			}
		}
	}
	return out
}
