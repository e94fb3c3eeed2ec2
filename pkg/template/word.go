package template

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// after is what stands between a word and the one before it, from the weakest to the strongest parting.
type after int

const (
	afterSpace after = iota // spaces, hyphens and the like
	afterLine               // the end of a line
	afterComma
	afterStop // the end of a sentence, or an empty line
)

// word is a run of letters or of digits in a text, or a placeholder.
type word struct {
	text       string // in lower case; "" for digits and placeholders
	digits     string
	fact       string
	start, end int // bytes
	capitals   bool
	after      after
}

// wordsOf takes a text apart. The facts are ranges of it that stand for a placeholder, in order.
func wordsOf(text string, facts []factRange) []word {
	var out []word
	gap, newlines, stop := afterSpace, 0, false
	add := func(w word) {
		// A full stop ends a sentence where the next one begins: not in "tlf. 35 45" or "kl. 14".
		if stop && (w.text != "" && unicode.IsUpper(rune1(text[w.start:])) || w.fact != "" && len(out) > 0 && len(out[len(out)-1].text) > 4) {
			gap = afterStop
		}
		w.after, gap, newlines, stop = gap, afterSpace, 0, false
		if len(out) == 0 {
			w.after = afterStop
		}
		out = append(out, w)
	}
	for i := 0; i < len(text); {
		if len(facts) > 0 && i == facts[0].start {
			add(word{fact: facts[0].name, start: i, end: facts[0].end})
			i, facts = facts[0].end, facts[1:]
			continue
		}
		limit := len(text)
		if len(facts) > 0 {
			limit = facts[0].start
		}
		r := rune1(text[i:limit])
		is := kindOf(r)
		end := i
		for end == i || end < limit && is != 0 && kindOf(rune1(text[end:limit])) == is {
			_, n := utf8.DecodeRuneInString(text[end:limit])
			end += n
		}
		switch is {
		case isLetter:
			raw := text[i:end]
			add(word{text: strings.ToLower(norm.NFKC.String(raw)), start: i, end: end, capitals: letters(raw) > 1 && raw == strings.ToUpper(raw)})
		case isDigit:
			add(word{digits: text[i:end], start: i, end: end})
		default:
			switch r {
			case '\n':
				if newlines++; newlines > 1 || stop {
					gap = afterStop
				}
				gap = max(gap, afterLine)
			case ',', '،', '，':
				gap = max(gap, afterComma)
			case '.', '…':
				stop = true
			case '!', ';', '·', '•':
				gap = afterStop
			default:
				if isQuestion(r) {
					gap = afterStop
				}
			}
		}
		i = end
	}
	return out
}

// factRange is where a placeholder's name or value stands in a text.
type factRange struct {
	name       string
	start, end int
}

const (
	isLetter = 1
	isDigit  = 2
)

func rune1(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

func kindOf(r rune) int {
	switch {
	case unicode.IsLetter(r), unicode.IsMark(r):
		return isLetter
	case unicode.IsNumber(r):
		return isDigit
	}
	return 0
}

// isQuestion reports whether r is a question mark of any script, or the one turned round that begins a question.
func isQuestion(r rune) bool {
	return strings.ContainsRune("?\u00bf\u037e\u055e\u061f\u203d\u2047\u2048\u2049\u2e2e\ufe56\uff1f", r)
}
