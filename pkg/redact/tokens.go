package redact

import (
	"unicode"
	"unicode/utf8"
)

// group is a run of digits with nothing between them.
type group struct {
	start, end int32 // bytes in the view
	d          int32 // index of its first digit in scan.digits
	n          int32 // digits
	words      int32 // words of the view before it
	head       bool  // a letter stands between it and the group before
	sep        sepKind
	done       mark
	lone       bool // explained as partial, and alone
	bare       bool // explained as a time in digits without separators
}

// free reports digits that belong to what stands around them: unexplained, or an hour or a day that says little on its own.
func (g *group) free() bool { return g.done == open || g.done == explained && g.lone }

// left is how many digits of the group nothing explains.
func (g *group) left() int {
	if g.done == open {
		return int(g.n)
	}
	return 0
}

// sepKind says what stands before a group, after the group before it.
type sepKind uint8

const (
	tight   sepKind = iota // one or two marks and spaces: part of one number
	stop                   // ". ": ordinal dates, sentence ends
	weak                   // comma, semicolon, line end, or more than three characters
	letters                // a word: another chain
)

// mark says why a group's digits are no longer looked at.
type mark uint8

const (
	open    mark = iota
	partial      // explained as a small piece (an hour, a day): counts only when all its cluster is explained
	explained
	found
)

// word is a run of letters.
type word struct {
	start, end int32
	groups     int32 // groups before it
	lex        lex
	capital    bool
}

type flags uint16

const (
	flagOdd    flags = 1 << iota // digits of other scripts, combining marks, compatibility letters, hidden characters
	flagMarkup                   // < & % = \ that may begin an encoding, folded lines
	flagLook                     // letters that look like digits beside digits
	flagSpell                    // two digit words in a row
	flagBase64                   // mixed case or digits inside a word
	flagAt
	flagLink
	flagSpaced   // six single digits in a row
	flagCapitals // a word of up to four capitals, as initials are
	flagApart    // a single letter, or a word behind a hyphen

	flagSlow = flagOdd | flagMarkup | flagLook | flagSpell | flagBase64 | flagSpaced
)

type byteClass uint8

const (
	bSep byteClass = iota
	bDigit
	bLetter
	bHigh
	bMarkup
	bAt
	bColon
	bControl
)

var byteClasses = func() (t [256]byteClass) {
	for c := range 256 {
		switch {
		case c >= '0' && c <= '9':
			t[c] = bDigit
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			t[c] = bLetter
		case c >= 0x80:
			t[c] = bHigh
		case c == '<', c == '&', c == '%', c == '=', c == '\\', c == '\n':
			t[c] = bMarkup
		case c == '@':
			t[c] = bAt
		case c == ':':
			t[c] = bColon
		case c == '\r', c == '\t':
		case c < 0x20, c == 0x7f:
			t[c] = bControl
		}
	}
	return t
}()

func isDigit(c byte) bool  { return c-'0' < 10 }
func isLetter(c byte) bool { return (c|0x20)-'a' < 26 }
func isAlnum(c byte) bool  { return isDigit(c) || isLetter(c) }

// tokenize splits a view into digit groups and words, reports hidden characters of the raw part, and says what else must
// be looked at.
func (s *scan) tokenize(v *view) flags {
	text := v.text
	s.groups, s.words, s.spelled = s.groups[:0], s.words[:0], 0
	s.work += len(text)
	digits := s.digits[:0]
	var fl flags
	head := true
	singles := 0 // single digits in a row
	mixed := 0   // changes between letters and digits without a separator
	for i := 0; i < len(text); {
		c := text[i]
		k := byteClasses[c]
		if k == bLetter { // most of any text
			if i == 0 || !isDigit(text[i-1]) {
				mixed = 0
			} else {
				mixed++
			}
			more := flags(0)
			i, more = s.word(text, i)
			fl |= more
			head = true
			if i < len(text) && text[i] == ' ' {
				i++
			}
			continue
		}
		switch k {
		case bDigit:
			j, d := i, len(digits)
			for j < len(text) && isDigit(text[j]) {
				digits = append(digits, text[j]-'0')
				j++
			}
			if i == 0 || !isLetter(text[i-1]) {
				mixed = 0
			} else if mixed++; mixed > 2 {
				fl |= flagBase64
			}
			// Filled in place: a copy of what was just written in pieces would wait for them.
			at := len(s.groups)
			if at < cap(s.groups) {
				s.groups = s.groups[:at+1]
			} else {
				s.groups = append(s.groups, group{})
			}
			g := &s.groups[at]
			g.start, g.end, g.d, g.n, g.words = int32(i), int32(j), int32(d), int32(j-i), int32(len(s.words))
			g.head, g.sep, g.done, g.lone, g.bare = head, letters, open, false, false
			if !head {
				last := &s.groups[at-1]
				g.sep = separator(text[last.end:i])
				if g.n != 1 || last.n != 1 || g.start-last.end > maxGap {
					singles = 0
				} else if singles++; singles == minRun-1 {
					fl |= flagSpaced
				}
			} else {
				singles = 0
			}
			head, i = false, j
		case bHigh:
			r, n := utf8.DecodeRuneInString(text[i:])
			switch classify(r, n) {
			case runeLetter:
				more := flags(0)
				i, more = s.word(text, i)
				fl |= more
				head = true
				continue
			case runeOdd:
				fl |= flagOdd
			case runeHidden:
				fl |= flagOdd
				if !v.quiet {
					s.add(v, KindHidden, "", i, i+n)
				}
			case runeSelector:
				fl |= flagOdd
				if s.strict && !v.quiet {
					s.add(v, KindHidden, "", i, i+n)
				}
			}
			i += n
		case bMarkup:
			if i+1 < len(text) && mayDecode(text[i:]) {
				fl |= flagMarkup
				if c == '&' {
					i += signEntity(text[i:])
				}
			}
			i++
		case bAt:
			fl |= flagAt
			i++
		case bColon:
			if i+2 < len(text) && text[i+1] == '/' && text[i+2] == '/' {
				fl |= flagLink
			}
			i++
		case bControl:
			if !v.quiet {
				s.add(v, KindHidden, "", i, i+1)
			}
			fl |= flagOdd
			i++
		default:
			i++
		}
	}
	s.digits = digits
	return fl
}

// What a letter tells: its value below 0x20 is its place in the alphabet.
const (
	letterCapital = 0x20
	letterSmall   = 0x40
	letterDigit   = 0x80 // it looks like one
)

// letterTable says it of each byte; 0 = no ASCII letter.
var letterTable = func() (t [256]byte) {
	for c := range 256 {
		b := byte(c)
		if !isLetter(b) {
			continue
		}
		t[c] = b & 0x1f
		if b < 'a' {
			t[c] |= letterCapital
		} else {
			t[c] |= letterSmall
		}
		if looksLikeDigit(b) {
			t[c] |= letterDigit
		}
	}
	return t
}()

// word reads the letters from a, looks the word up, and returns where it ends.
func (s *scan) word(text string, a int) (b int, fl flags) {
	all, last := byte(0xff), byte(0) // what all letters tell, and the one before
	camel := byte(0)
	looks := 0 // letters at the end that look like digits
	capital := false
	b = a
	for b < len(text) {
		c := text[b]
		if k := letterTable[c]; k != 0 {
			camel |= last & (k << 1) // small, then capital
			all, last = all&k, k
			if k&letterDigit != 0 {
				looks++
			} else {
				looks = 0
			}
			b++
			continue
		}
		if c < 0x80 {
			break
		}
		r, n := rune(0), 2
		if c == 0xc3 && b+1 < len(text) && text[b+1]&0xc0 == 0x80 && text[b+1]&0x1f != 0x17 { // Latin-1 letters
			r = 0xc0 | rune(text[b+1]&0x3f)
			if b == a {
				capital = r < 0xe0 && r != 0xdf
			}
			all, last, looks = 0, 0, 0
		} else {
			if r, n = utf8.DecodeRuneInString(text[b:]); classify(r, n) != runeLetter {
				break
			}
			if b == a {
				capital = unicode.IsUpper(r)
			}
			if looks++; !lookAlikeRune(r) {
				all, looks = 0, 0
			}
			if compatibility(r) {
				fl |= flagOdd
			}
			last = 0
		}
		b += n
	}
	if camel&letterSmall != 0 {
		fl |= flagBase64
	}
	at := len(s.words)
	if at < cap(s.words) {
		s.words = s.words[:at+1]
	} else {
		s.words = append(s.words, word{})
	}
	w := &s.words[at]
	w.start, w.end, w.groups = int32(a), int32(b), int32(len(s.groups))
	w.capital = capital || letterTable[text[a]]&letterCapital != 0
	if b-a <= maxInitials {
		if all&letterCapital != 0 {
			fl |= flagCapitals
		}
		if b-a == 1 {
			fl |= flagApart
		}
	}
	if a > 0 && text[a-1] == '-' {
		fl |= flagApart
	}
	e := &lexicon[lexicon.slot(hashAt(text, a, b))]
	w.lex = e.lex
	look := all&letterDigit != 0
	switch {
	case a > 0 && isDigit(text[a-1]) && (look || letterTable[text[a]]&letterDigit != 0),
		b < len(text) && isDigit(text[b]) && (look || letterTable[text[b-1]]&letterDigit != 0),
		look && digitSoon(text[max(a-maxGap, 0):a]), looks > 4 && digitSoon(text[b:]),
		b-a > 5 && letterTable[text[a]]&letterTable[text[a+1]]&letterTable[text[a+2]]&letterDigit != 0:
		fl |= flagLook
	}
	if c := e.lex.class; c&(cDigitWord|cDomain) == 0 {
		s.spelled = 0
	} else if c&cDigitWord == 0 {
		s.spelled = 0
		if a > 2 && text[a-1] == '.' && isAlnum(text[a-2]) && isAlnum(text[a-3]) {
			fl |= flagLink
		}
	} else if s.spelled++; s.spelled >= 2 {
		fl |= flagSpell
	}
	return b, fl
}

// signEntity is how many bytes the number of a numeric entity takes that stands for a space or dash, "&#8209;": the number is no
// number of the text. Of any other one it is 0.
func signEntity(text string) int {
	if text[1] != '#' {
		return 0
	}
	n, v := 2, 0
	for n < len(text) && n < 8 && isDigit(text[n]) {
		v = v*10 + int(text[n]-'0')
		n++
	}
	if n == len(text) || text[n] != ';' || v != 0xa0 && v != 0x2212 && (v < 0x2000 || v >= 0x2070) {
		return 0
	}
	return n
}

// digitSoon reports a digit among the next bytes.
func digitSoon(text string) bool {
	for i := range min(len(text), maxGap+1) {
		if isDigit(text[i]) {
			return true
		}
	}
	return false
}

// separator classes what stands between two groups of one chain; there are no letters in it.
func separator(gap string) sepKind {
	if len(gap) == 1 {
		switch gap[0] {
		case ',', ';', '\n', '\r', '!', '?':
			return weak
		}
		return tight
	}
	runes, kind := 0, tight
	for i := 0; i < len(gap); {
		c := gap[i]
		switch c {
		case ',', ';', '\n', '\r', '!', '?':
			return weak
		case '.':
			if i+1 < len(gap) && gap[i+1] == ' ' {
				kind = stop
			}
		}
		n := 1
		if c >= 0x80 {
			_, n = utf8.DecodeRuneInString(gap[i:])
		}
		i += n
		if runes++; runes > 3 {
			return weak
		}
	}
	return kind
}
