package template

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// node is a piece of a template: literal text, or a placeholder. Pieces of the same brackets have the same group, from 1;
// group 0 stands outside.
type node struct {
	literal string
	fact    *Placeholder
	group   int
	line    int // of the file, where it begins
	column  int // in letters
}

// part is one parsed part of a message.
type part struct {
	kind  reminder.PartKind
	line  int // of the file, where its text begins
	nodes []node
}

// maxBrackets is how many brackets one part may have.
const maxBrackets = 16

// source is a file being parsed.
type source struct {
	file     string
	problems []Problem
}

func (s *source) fail(line, column int, reason string) {
	s.problems = append(s.problems, Problem{File: s.file, Line: line, Column: column, Reason: reason})
}

// checkText refuses what cannot be seen, or be written in two ways.
func (s *source) checkText(text string) {
	line, column := 1, 1
	for _, r := range text {
		switch {
		case r == utf8.RuneError:
			s.fail(line, column, "not UTF-8: save the file as UTF-8")
			return
		case r == '\r':
			s.fail(line, column, "carriage return: save the file with LF line ends")
			return
		case r != '\n' && Invisible(r):
			s.fail(line, column, fmt.Sprintf("invisible letter %U: remove it, or write a plain space", r))
		}
		if column++; r == '\n' {
			line, column = line+1, 1
		}
	}
	if n := norm.NFC.QuickSpanString(text); !norm.NFC.IsNormalString(text) {
		before := text[:n]
		s.fail(1+strings.Count(before, "\n"), 1+letters(before[strings.LastIndexByte(before, '\n')+1:]),
			"letter and accent are two code points: save the file in Unicode form NFC")
	}
}

// Invisible reports whether r cannot be seen in a message, or changes how others are seen: control, zero-width and
// bidirectional format characters, variation selectors, line and paragraph separators, any space but U+0020, and code
// points which are private or not assigned.
func Invisible(r rune) bool {
	if r == ' ' {
		return false
	}
	return !unicode.IsGraphic(r) || unicode.IsSpace(r) || unicode.Is(unicode.Z, r) ||
		unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) || r == '\u2800'
}

// parsePart reads text which begins at line, column of the file.
func (s *source) parsePart(kind reminder.PartKind, text string, line, column int) part {
	p := part{kind: kind, line: line}
	group, groups, inGroup := 0, 0, 0
	var openLine, openColumn, fromLine, fromColumn int
	literal := strings.Builder{}
	flush := func() {
		if literal.Len() > 0 {
			p.nodes = append(p.nodes, node{literal: literal.String(), group: group, line: fromLine, column: fromColumn})
			literal.Reset()
		}
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch r {
		case '{':
			name, ok := placeholderName(text[i:])
			if !ok {
				s.fail(line, column, "malformed placeholder: want a name of small letters and '_' between '{' and '}'")
				break
			}
			n = len(name) + 2
			fact, known := Lookup(name)
			switch {
			case !known:
				s.fail(line, column, "unknown placeholder {"+name+"}: want one of "+names())
			case fact.Empty && group == 0:
				s.fail(line, column, "{"+name+"} may be empty: put it in brackets with the words that belong to it")
			default:
				flush()
				p.nodes = append(p.nodes, node{fact: &fact, group: group, line: line, column: column})
				inGroup++
			}
		case '}':
			s.fail(line, column, "'}' without '{'")
		case '[':
			if group != 0 {
				s.fail(line, column, "brackets in brackets")
				break
			}
			if groups++; groups == maxBrackets+1 {
				s.fail(line, column, fmt.Sprintf("more than %d brackets", maxBrackets))
			}
			flush()
			group, inGroup, openLine, openColumn = groups, 0, line, column
		case ']':
			if group == 0 {
				s.fail(line, column, "']' without '['")
				break
			}
			if inGroup == 0 {
				s.fail(openLine, openColumn, "brackets without a placeholder in them")
			}
			flush()
			group = 0
		default:
			if literal.Len() == 0 {
				fromLine, fromColumn = line, column
			}
			literal.WriteString(text[i : i+n])
		}
		column += letters(text[i : i+n])
		if r == '\n' {
			line, column = line+1, 1
		}
		i += n
	}
	if group != 0 {
		s.fail(openLine, openColumn, "'[' without ']'")
	}
	flush()
	return p
}

// placeholderName reads "{name}" at the beginning of text.
func placeholderName(text string) (string, bool) {
	end := strings.IndexByte(text, '}')
	if end < 2 || end > 32 {
		return "", false
	}
	for _, c := range []byte(text[1:end]) {
		if (c < 'a' || c > 'z') && c != '_' {
			return "", false
		}
	}
	return text[1:end], true
}

func names() string {
	var b strings.Builder
	for i, p := range catalogue {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(p.Name)
	}
	return b.String()
}
