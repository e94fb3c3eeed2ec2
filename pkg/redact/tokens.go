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
	flagSpell                    // three digit words in a row
	flagBase64                   // mixed case or digits inside a word
	flagAt
	flagLink

	flagSlow = flagOdd | flagMarkup | flagLook | flagSpell | flagBase64
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
	s.digits, s.groups, s.words = s.digits[:0], s.groups[:0], s.words[:0]
	var fl flags
	head := true
	spelled := 0 // digit words in a row
	mixed := 0   // changes between letters and digits without a separator
	for i := 0; i < len(text); {
		c := text[i]
		switch byteClasses[c] {
		case bDigit:
			j, d := i, len(s.digits)
			for j < len(text) && isDigit(text[j]) {
				s.digits = append(s.digits, text[j]-'0')
				j++
			}
			if i == 0 || !isLetter(text[i-1]) {
				mixed = 0
			} else if mixed++; mixed > 2 {
				fl |= flagBase64
			}
			g := group{start: int32(i), end: int32(j), d: int32(d), n: int32(j - i), words: int32(len(s.words)), head: head, sep: letters}
			if !head {
				g.sep = separator(text[s.groups[len(s.groups)-1].end:i])
			}
			s.groups = append(s.groups, g)
			head, i = false, j
		case bLetter:
			if i == 0 || !isDigit(text[i-1]) {
				mixed = 0
			} else {
				mixed++
			}
			i = s.word(text, i, &fl, &spelled)
			head = true
		case bHigh:
			r, n := utf8.DecodeRuneInString(text[i:])
			switch classify(r, n) {
			case runeLetter:
				i = s.word(text, i, &fl, &spelled)
				head = true
				continue
			case runeOdd:
				fl |= flagOdd
			case runeHidden:
				fl |= flagOdd
				s.add(v, KindHidden, "", i, i+n)
			case runeSelector:
				fl |= flagOdd
				if s.strict {
					s.add(v, KindHidden, "", i, i+n)
				}
			}
			i += n
		case bMarkup:
			if i+1 < len(text) && mayDecode(text[i:]) {
				fl |= flagMarkup
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
			s.add(v, KindHidden, "", i, i+1)
			fl |= flagOdd
			i++
		default:
			i++
		}
	}
	return fl
}

// word reads the letters from i, looks the word up, and returns where it ends.
func (s *scan) word(text string, i int, fl *flags, spelled *int) int {
	w := word{start: int32(i), groups: int32(len(s.groups)), capital: text[i]-'A' < 26}
	h := uint64(hashSeed)
	look, lower := true, false
	first := true
	for i < len(text) {
		c := text[i]
		switch byteClasses[c] {
		case bLetter:
			up := c-'A' < 26
			if up && lower {
				*fl |= flagBase64
			}
			lower = !up
			look = look && looksLikeDigit(c)
			h = (h ^ uint64(c|0x20)) * hashPrime
			i++
			first = false
			continue
		case bHigh:
			r, n := utf8.DecodeRuneInString(text[i:])
			if classify(r, n) == runeLetter {
				if first {
					w.capital = unicode.IsUpper(r)
				}
				lower = false
				look = look && lookAlikeRune(r)
				if compatibility(r) {
					*fl |= flagOdd
				}
				h = (h ^ uint64(lowerRune(r))) * hashPrime
				i += n
				first = false
				continue
			}
		}
		break
	}
	w.end = int32(i)
	w.lex = lexicon.find(h)
	a, b := int(w.start), i
	if look && ((a > 0 && isDigit(text[a-1])) || (b < len(text) && isDigit(text[b])) || (a > 1 && isDigit(text[a-2]))) {
		*fl |= flagLook
	}
	if w.lex.class&cDigitWord != 0 && (len(s.words) == 0 || s.words[len(s.words)-1].groups == w.groups) {
		if *spelled++; *spelled >= 3 {
			*fl |= flagSpell
		}
	} else if *spelled = 0; w.lex.class&cDigitWord != 0 {
		*spelled = 1
	}
	if w.lex.class&cDomain != 0 && a > 2 && text[a-1] == '.' && isAlnum(text[a-2]) && isAlnum(text[a-3]) {
		*fl |= flagLink
	}
	s.words = append(s.words, w)
	return i
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
