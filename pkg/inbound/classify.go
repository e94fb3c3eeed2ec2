package inbound

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Kind is what an answer is, and a label of metrics. The list is closed.
type Kind string

// The kinds of answers.
const (
	Stop        Kind = "stop"
	Start       Kind = "start"
	Help        Kind = "help"
	WrongNumber Kind = "wrong_number"
	Other       Kind = "other"
)

// longest is how much of a text is read, in bytes. A word that counts stands at its beginning.
const longest = 4096

// Classify says what an answer is. One text can be two things, STOP and a wrong number, or STOP and something about an
// appointment for a clerk: then STOP comes first. It never returns nothing.
//
// What counts is the words: case, spacing, punctuation, emoji, accents, invisible characters and the typographic variants
// of letters (NFKC) do not. Of a mail only what stands above the quoted message counts. STOP is meant when the text begins with a strong
// word, or when its first line, or all of it, is one of the words that are a STOP on their own, letters apart or not.
func Classify(text string) []Kind {
	if len(text) > longest {
		text = text[:longest]
	}
	own := unquoted(strings.ToValidUTF8(text, " "))
	// Two readings, because a symbol can be decoration (™ at the end) or a letter (Ⓢ Ⓣ Ⓞ Ⓟ).
	a, b := read(own, true), read(own, false)
	wrong := a.wrong() || b.wrong()
	stop := a.stops() || b.stops() || wrong && (a.mentionsStop() || b.mentionsStop())
	switch {
	case stop && wrong:
		return []Kind{Stop, WrongNumber}
	case stop && contains(a.words, appointmentWords):
		return []Kind{Stop, Other}
	case stop:
		return []Kind{Stop}
	case wrong:
		return []Kind{WrongNumber}
	case a.is(startWhole) || b.is(startWhole):
		return []Kind{Start}
	case a.is(helpWhole) || b.is(helpWhole):
		return []Kind{Help}
	}
	return []Kind{Other}
}

// reading is a text as words.
type reading struct {
	words []string
	first []string // of the first line that has any
}

// stops reports whether the text is a STOP.
func (r reading) stops() bool {
	return startsWith(r.words, stopFirst) || r.is(stopWhole) || alone(r.words, stopFirst) || alone(r.first, stopFirst)
}

// is reports whether all of the text, or its first line, is one of the phrases, letters apart or not.
func (r reading) is(list [][]string) bool { return alone(r.words, list) || alone(r.first, list) }

// wrong reports whether the text says that we have the wrong number.
func (r reading) wrong() bool { return contains(r.words, wrongAnywhere) }

// mentionsStop reports whether a strong word stands anywhere.
func (r reading) mentionsStop() bool { return contains(r.words, stopFirst) }

// read cuts a text into words. symbols says that what is no letter, mark or digit parts words before it can turn into
// letters.
func read(text string, symbols bool) reading {
	var r reading
	for line := range strings.Lines(text) {
		if symbols {
			line = strings.Map(func(c rune) rune {
				if unicode.IsLetter(c) || unicode.IsMark(c) || unicode.IsDigit(c) || invisible(c) {
					return c
				}
				return ' '
			}, line)
		}
		words := words(line)
		if r.first == nil && len(words) > 0 {
			r.first = words
		}
		r.words = append(r.words, words...)
	}
	return r
}

// words are the runs of letters and digits of the skeleton of s.
func words(s string) []string {
	return strings.FieldsFunc(skeleton(s), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
}

// skeleton takes away what does not tell words apart: compatibility variants, marks, invisible characters, case.
func skeleton(s string) string {
	bare := func(s string) string {
		return strings.Map(func(c rune) rune {
			if unicode.IsMark(c) || invisible(c) {
				return -1
			}
			return c
		}, norm.NFKD.String(s))
	}
	return bare(cases.Fold().String(bare(s)))
}

// invisible reports whether a rune has neither glyph nor width: format and control characters, and what Unicode lets be
// ignored, the fillers of Hangul among them. White space is not.
func invisible(c rune) bool {
	return !unicode.IsSpace(c) && unicode.In(c, unicode.Cf, unicode.Cc, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// unquoted is what a person wrote above the message they answer: the text up to the first line that begins with '>'.
func unquoted(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimLeft(line, " \t"), ">") {
			break
		}
		b.WriteString(line)
	}
	if len(read(b.String(), true).words) == 0 {
		return text // '>' is then decoration, not a quotation
	}
	return b.String()
}

// phrases are the words of each phrase, as a text's words are made.
func phrases(list ...string) [][]string {
	out := make([][]string, len(list))
	for i, p := range list {
		out[i] = words(p)
	}
	return out
}

// startsWith reports whether the words begin with one of the phrases.
func startsWith(w []string, list [][]string) bool {
	return slices.ContainsFunc(list, func(p []string) bool { return len(w) >= len(p) && slices.Equal(w[:len(p)], p) })
}

// contains reports whether one of the phrases stands anywhere in the words.
func contains(w []string, list [][]string) bool {
	for i := range w {
		if startsWith(w[i:], list) {
			return true
		}
	}
	return false
}

// alone reports whether the words are one of the phrases and nothing else; the letters may stand apart, as in S T O P.
func alone(w []string, list [][]string) bool {
	const longestPhrase = 64
	joined := strings.Join(w, "")
	if joined == "" || utf8.RuneCountInString(joined) > longestPhrase {
		return false
	}
	return slices.ContainsFunc(list, func(p []string) bool { return strings.Join(p, "") == joined })
}
