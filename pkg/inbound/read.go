package inbound

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// word is one word of a text as it is compared.
type word struct {
	text     string
	alias    string // the same with look-alike letters or digits read as what they look like; "" = none
	sentence int
	clause   int
	line     int  // counts lines that have words
	capital  bool // begins with a capital and goes on small, within a sentence
	first    bool // of its sentence
	asked    bool // its sentence ends with a question mark
	digits   bool // has a digit and no letter
	loud     bool // of two letters or more, all capitals
	cut      bool // a mark stands behind it
}

// symbols says how symbols that stand for letters are read.
type symbols bool

const (
	asMarks   symbols = false // ™ parts words
	asLetters symbols = true  // Ⓢ Ⓣ Ⓞ Ⓟ is a word
)

// mostWords is how many words of a text are read. What people mean by an answer stands at its beginning.
const mostWords = 256

// signs are emoji that are words.
const signs = "🛑⛔🚫📵🔕"

// read cuts a text into words. It takes away what does not tell words apart: case, accents, compatibility variants, invisible
// characters, apostrophes, and the ways to write a letter that a keyboard lacks.
func read(text string, s symbols) []word {
	r := reader{begins: true}
	for _, c := range text {
		if len(r.words) >= mostWords {
			break
		}
		r.next(c, s)
	}
	r.end()
	r.sentenceEnds(false)
	return spelled(r.words)
}

// reader is a read at work.
type reader struct {
	words            []word
	b                strings.Builder // of the word in hand
	upper, lower     int             // its letters
	figures          int             // its digits
	pending          rune            // a mark that may stand within a word
	begins, any      bool            // the next word begins a sentence; this line has words
	sentence, clause int
	line             int
	open             int // the first word of the sentence in hand
}

func (r *reader) next(c rune, s symbols) {
	if c == 'ـ' || unicode.IsMark(c) || invisible(c) {
		return
	}
	if p := r.pending; p != 0 {
		r.pending = 0
		r.settle(p, c)
	}
	switch {
	case strings.ContainsRune(signs, c):
		r.end()
		r.b.WriteRune(c)
		r.lower++
		r.end()
	case r.b.Len() > 0 && strings.ContainsRune("'’ʼ`´", c), r.b.String() == "sms" && c == ':', r.figures > 0 && r.upper+r.lower == 0 && c == '.':
		r.pending = c
	case unicode.IsLetter(c) || unicode.IsDigit(c):
		r.letter(c)
	case s == asLetters && drawn(c) != 0:
		r.letter(drawn(c))
	default:
		r.mark(c)
	}
}

// settle decides what a mark within a word was, now that the next character is known: nothing ("don't", "sms:er"), or the
// end of a word ("9.15") or of more.
func (r *reader) settle(p, next rune) {
	switch {
	case p == '.' && unicode.IsDigit(next):
		r.end()
	case p == '.' || (p == ':' && !unicode.IsLetter(next)):
		r.mark(p)
	}
}

// letter adds what a letter or digit is compared as.
func (r *reader) letter(c rune) {
	switch {
	case unicode.IsDigit(c):
		r.figures++
	case unicode.IsUpper(c) || unicode.IsTitle(c):
		r.upper++
	default:
		r.lower++
	}
	bare(c, func(c rune) {
		// ae, oe and aa are ways to write æ, ø and å, and all of them are compared as a, o and a.
		if s := r.b.String(); c == 'e' || c == 'a' {
			if last, _ := utf8.DecodeLastRuneInString(s); last == 'a' || (c == 'e' && last == 'o') {
				return
			}
		}
		if r.b.Len() < 64 {
			r.b.WriteRune(c)
		}
	})
}

// mark ends the word, and perhaps the clause and the sentence.
func (r *reader) mark(c rune) {
	within := r.b.Len() > 0
	r.end()
	if n := len(r.words); n > 0 && c != ' ' && c != '\u00a0' {
		r.words[n-1].cut = true
	}
	switch c {
	case '\n':
		if r.any {
			r.line++
			r.any = false
		}
		r.sentenceEnds(false)
	case '?', '؟', '？':
		r.sentenceEnds(true)
	case '.', '!', ';', '…', '。', '۔', '！', '¡', '¿', '\r', '\u2028', '\u2029':
		r.sentenceEnds(false)
	case ',', '،', '–', '—', '(', ')', ':', '/', '+', '&':
		r.clause++
	case '-':
		if !within { // not that of sms-list
			r.clause++
		}
	}
}

func (r *reader) sentenceEnds(asked bool) {
	if r.open == len(r.words) {
		// "???" and "?!" end the sentence before.
		for i := len(r.words) - 1; asked && i >= 0 && r.words[i].sentence == r.sentence-1; i-- {
			r.words[i].asked = true
		}
		return
	}
	for i := range r.words[r.open:] {
		r.words[r.open+i].asked = asked
	}
	r.open = len(r.words)
	r.sentence++
	r.clause++
	r.begins = true
}

// end takes the word in hand.
func (r *reader) end() {
	if r.b.Len() == 0 {
		r.upper, r.lower, r.figures = 0, 0, 0
		return
	}
	w := word{
		text: r.b.String(), sentence: r.sentence, clause: r.clause, line: r.line, capital: r.upper > 0 && r.lower > 0, first: r.begins,
		digits: r.figures > 0 && r.upper+r.lower == 0, loud: r.upper > 1 && r.lower == 0,
	}
	w.alias = alias(w.text, r.figures > 0 && !w.digits)
	r.words = append(r.words, w)
	r.b.Reset()
	r.upper, r.lower, r.figures, r.begins, r.any = 0, 0, 0, false, true
}

// spelled joins letters that stand apart, as in S T O P, to a word.
func spelled(ws []word) []word {
	out := ws[:0]
	for i := 0; i < len(ws); {
		j := i
		for j < len(ws) && utf8.RuneCountInString(ws[j].text) == 1 && !ws[j].digits && ws[j].text != "🛑" && ws[j].line == ws[i].line {
			j++
		}
		if j-i < 3 {
			out = append(out, ws[i])
			i++
			continue
		}
		w := ws[j-1]
		w.first, w.loud, w.capital = ws[i].first, true, false
		var b strings.Builder
		for _, x := range ws[i:j] {
			b.WriteString(x.text)
		}
		w.text = b.String()
		w.alias = alias(w.text, false)
		out = append(out, w)
		i = j
	}
	return out
}

// bare calls fn with what a letter is compared as: its base letters, small.
func bare(c rune, fn func(rune)) {
	if c < utf8.RuneSelf {
		fn(unicode.ToLower(c))
		return
	}
	var in [utf8.UTFMax]byte
	out := in[:utf8.EncodeRune(in[:], c)]
	if d := norm.NFKD.Properties(out).Decomposition(); d != nil {
		out = d
	}
	for len(out) > 0 {
		d, size := utf8.DecodeRune(out)
		out = out[size:]
		if unicode.IsMark(d) || invisible(d) || !unicode.IsLetter(d) && !unicode.IsDigit(d) {
			continue
		}
		d = unicode.ToLower(d)
		if s, ok := plain[d]; ok {
			for _, e := range s {
				fn(e)
			}
			continue
		}
		fn(d)
	}
}

// plain are letters with no decomposition, and those that are written for one another.
var plain = map[rune]string{
	'æ': "a", 'œ': "o", 'ø': "o", 'ß': "ss", 'ð': "d", 'þ': "th", 'đ': "d", 'ł': "l", 'ı': "i", 'ħ': "h", 'ə': "a", 'ſ': "s", 'ς': "σ",
	'ى': "ي", 'ة': "ه", 'ٱ': "ا", 'ک': "ك", 'ی': "ي", 'ґ': "г", 'ё': "е", 'э': "е", 'ы': "и",
}

// drawn is the letter that a symbol draws, ⓢ or 🅢 or 🆂 or 🇸; 0 when it draws none.
func drawn(c rune) rune {
	for _, x := range drawings {
		if c >= x && c < x+26 {
			return 'a' + c - x
		}
	}
	return 0
}

// drawings are the As of the Latin alphabets that are drawn as symbols: circled, small and circled, squared, and these two in
// white on black, and those of flags.
var drawings = [...]rune{0x24B6, 0x24D0, 0x1F130, 0x1F150, 0x1F170, 0x1F1E6}

// alias reads a word of mixed scripts as one script, a word of Cyrillic or Greek letters that all look Latin as Latin, and
// digits among letters as the letters they look like.
func alias(w string, figures bool) string {
	latin, other := 0, 0
	for _, c := range w {
		switch {
		case c < 0x250 && unicode.IsLetter(c):
			latin++
		case unicode.In(c, unicode.Cyrillic, unicode.Greek, unicode.Cherokee, unicode.Armenian):
			other++
		}
	}
	if other == 0 && !figures {
		return ""
	}
	to, all := w, true
	if figures {
		to = strings.Map(func(c rune) rune {
			if d, ok := likeDigit[c]; ok {
				return d
			}
			return c
		}, to)
	}
	if other == 0 {
		return to
	}
	same := strings.Map(func(c rune) rune {
		if d, ok := likeLatin[c]; ok {
			return d
		}
		all = all && c < 0x250
		return c
	}, to)
	switch {
	case all:
		return same
	case latin == 0:
		return ""
	}
	return strings.Map(func(c rune) rune {
		if d, ok := likeCyrillic[c]; ok {
			return d
		}
		return c
	}, to)
}

// Letters that look like others, as small letters: Unicode Technical Standard 39 has them all, these are the ones of the words
// that count.
var (
	likeLatin = map[rune]rune{
		'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'ғ': 'f', 'н': 'h', 'һ': 'h', 'і': 'i', 'ј': 'j', 'к': 'k', 'м': 'm', 'о': 'o', 'р': 'p',
		'ԛ': 'q', 'ѕ': 's', 'т': 't', 'у': 'y', 'ѵ': 'v', 'ԝ': 'w', 'х': 'x',
		'α': 'a', 'β': 'b', 'ε': 'e', 'η': 'n', 'ι': 'i', 'κ': 'k', 'μ': 'm', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'σ': 's', 'τ': 't', 'υ': 'u', 'χ': 'x', 'ϲ': 'c', 'ϳ': 'j',
		'ꮪ': 's', 'ꭲ': 't', 'ꮲ': 'p', 'Ꮪ': 's', 'Ꭲ': 't', 'Ꮲ': 'p', 'օ': 'o', 'ս': 'u', 'տ': 's',
	}
	likeCyrillic = map[rune]rune{
		'a': 'а', 'b': 'в', 'c': 'с', 'e': 'е', 'h': 'н', 'i': 'і', 'k': 'к', 'm': 'м', 'o': 'о', 'p': 'р', 't': 'т', 'u': 'и', 'x': 'х', 'y': 'у', 'n': 'п',
	}
	likeDigit = map[rune]rune{'0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't'}
)

// invisible reports whether a rune has neither glyph nor width: format and control characters, and what Unicode lets be
// ignored, the fillers of Hangul among them. White space is not.
func invisible(c rune) bool {
	return c != ' ' && !unicode.IsSpace(c) && unicode.In(c, unicode.Cf, unicode.Cc, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
