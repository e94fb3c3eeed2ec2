package redact

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Names are compared folded: lower case, without diacritics, and with the ways of writing them without (ø, ö and oe; æ, ä
// and ae; å and aa; ü and ue; ß and ss; þ and th) made one; kk, pp, tt and ss count once.

// bases holds the folded letter of each character below U+0250.
var bases = func() (t [0x250]byte) {
	for r := rune(0xc0); r < 0x250; r++ {
		d := norm.NFD.String(string(r))
		if c := d[0] | 0x20; d[0] < 0x80 && isLetter(c) {
			t[r] = c
		}
	}
	for r, c := range map[rune]byte{'æ': 'a', 'Æ': 'a', 'ø': 'o', 'Ø': 'o', 'ß': 's', 'þ': 't', 'Þ': 't', 'ð': 'd', 'Ð': 'd', 'đ': 'd', 'Đ': 'd',
		'ł': 'l', 'Ł': 'l', 'ı': 'i', 'œ': 'o', 'Œ': 'o', 'ŋ': 'n', 'Ŋ': 'n', 'ħ': 'h', 'Ħ': 'h', 'ŧ': 't', 'Ŧ': 't'} {
		t[r] = c
	}
	return t
}()

const longestName = 48 // bytes of a folded word that are compared

// fold appends the folded letters of s to dst, at most longestName of them.
func fold(dst []byte, s string) []byte {
	from := len(dst)
	for i := 0; i < len(s) && len(dst)-from < longestName; {
		var last byte
		if len(dst) > from {
			last = dst[len(dst)-1]
		}
		c := s[i]
		if c < 0x80 {
			i++
			if !isLetter(c) {
				continue
			}
			c |= 0x20
			if last != 0 && digraph(last, c) {
				continue
			}
			dst = append(dst, c)
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch {
		case r < 0x250 && bases[r] != 0:
			dst = append(dst, bases[r])
		case unicode.IsLetter(r):
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
	}
	return dst
}

func digraph(a, b byte) bool {
	switch b {
	case 'e':
		return a == 'a' || a == 'o' || a == 'u'
	case 'a':
		return a == 'a'
	case 'h':
		return a == 't'
	case 's', 'k', 'p', 't': // Finnish gradation, Mikko and Mikon; ß
		return a == b
	}
	return false
}

// nameSet is the folded words of the negative list's names.
type nameSet struct {
	buf   []byte
	words []nameWord
	heads [256]bool // first bytes there are
	inits [][2]byte // first letters of first and last name, upper case: "P.J."
}

type nameWord struct {
	from, to int
	short    bool // two or three letters: only where the text has it capitalised
}

func (n *nameSet) reset() {
	n.buf, n.words, n.inits = n.buf[:0], n.words[:0], n.inits[:0]
	n.heads = [256]bool{}
}

func (n *nameSet) wipe() {
	clear(n.buf[:cap(n.buf)])
	clear(n.inits[:cap(n.inits)])
	n.reset()
}

// add takes a name apart: each word of two letters or more that is not a particle stands for the person.
func (n *nameSet) add(name string) {
	var init [2]byte
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		if !unicode.IsLetter(r) {
			i += size
			continue
		}
		j := i
		for j < len(name) {
			r, size := utf8.DecodeRuneInString(name[j:])
			if !unicode.IsLetter(r) && !unicode.IsMark(r) {
				break
			}
			j += size
		}
		w := name[i:j]
		i = j
		if particle(w) {
			continue
		}
		from := len(n.buf)
		n.buf = fold(n.buf, w)
		letters := len(n.buf) - from
		if letters > 0 && isLetter(n.buf[from]) {
			c := n.buf[from] &^ 0x20
			if init[0] == 0 {
				init[0] = c
			} else {
				init[1] = c
			}
		}
		if letters < 2 {
			n.buf = n.buf[:from]
			continue
		}
		n.words = append(n.words, nameWord{from, len(n.buf), letters < 4})
		n.heads[n.buf[from]] = true
	}
	if init[1] != 0 {
		n.inits = append(n.inits, init)
	}
}

func particle(w string) bool {
	switch w {
	case "af", "av", "von", "van", "der", "den", "de", "du", "da", "di", "del", "la", "le", "el", "al", "bin", "ibn", "ben", "zu", "und", "og", "och", "ter", "ten",
		"dr", "Dr", "hr", "Hr", "fr", "Fr", "Herr", "Frau", "læge", "Læge", "overlæge", "Overlæge":
		return true
	}
	return false
}

// match reports whether the folded word is one of the names, perhaps inflected.
func (n *nameSet) match(w []byte, capital bool) bool {
	if len(w) == 0 || !n.heads[w[0]] {
		return false
	}
	for _, k := range n.words {
		if k.short && !capital {
			continue
		}
		if inflected(w, n.buf[k.from:k.to]) {
			return true
		}
	}
	return false
}

// inflected reports whether word is name, or name with a case ending of one of the six languages: genitive -s (-es after s), the
// Finnish local cases with their -i-, and the Icelandic endings of names in -a and -i.
func inflected(word, name []byte) bool {
	n := 0
	for n < len(word) && n < len(name) && word[n] == name[n] {
		n++
	}
	if n == len(name) {
		switch string(word[n:]) {
		case "", "s", "es", "ns", "n", "in", "le", "lle", "ille", "lta", "ilta", "lla", "illa", "ssa", "sta", "ista", "issa", "sa", "isa", "ar", "sar":
			return true
		case "a", "i", "u":
			return len(name) >= 4 && name[n-1] != 'n'
		}
		return false
	}
	// Helga → Helgu, Helgi → Helga.
	return n == len(name)-1 && n >= 3 && len(word) > n && len(word)-n <= 2 && (name[n] == 'a' || name[n] == 'i') &&
		(word[n] == 'u' || word[n] == 'a') && (len(word) == n+1 || word[n+1] == 'r' || word[n+1] == 's')
}

// named reports whether word is a word of one of the names, perhaps in the genitive.
func named(word []byte, names []string) bool {
	var buf [longestName + 4]byte
	for _, name := range names {
		for i := 0; i < len(name); {
			j := i
			for j < len(name) && name[j] != ' ' && name[j] != '-' && name[j] != ',' && name[j] != '.' {
				j++
			}
			if k := fold(buf[:0], name[i:j]); len(k) > 0 && inflected(word, k) {
				return true
			}
			i = j + 1
		}
	}
	return false
}
