package redact

import (
	"bytes"
	"strings"
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

// twins are the Greek and Cyrillic letters that look like a Latin one.
var twins = func() map[rune]byte {
	m := map[rune]byte{}
	for pair := range strings.FieldsSeq(`аa еe оo рp сc хx уy кk тt нh вb мm іi јj ѕs ӏl һh ԁd АA ВB ЕE КK МM НH ОO РP СC ТT ХX УY ІI ЈJ ЅS
		αa οo ρp νv ιi κk τt υu ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX`) {
		r, n := utf8.DecodeRuneInString(pair)
		m[r] = pair[n] | 0x20
	}
	return m
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
		case r < 0x530 && twins[r] != 0:
			dst = append(dst, twins[r])
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
	heads [256]bool           // first bytes there are
	inits [][maxInitials]byte // first letters of each name's words, capitals: "PJ"
}

// maxInitials is how many words of a name have initials that are compared.
const maxInitials = 4

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
	var init [maxInitials]byte
	words := 0
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
		if letters > 0 && isLetter(n.buf[from]) && words < maxInitials {
			init[words] = n.buf[from] &^ 0x20
			words++
		}
		if letters < 2 {
			n.buf = n.buf[:from]
			continue
		}
		n.words = append(n.words, nameWord{from, len(n.buf), letters < 4})
		n.heads[n.buf[from]] = true
	}
	if words > 1 {
		n.inits = append(n.inits, init)
	}
}

// initials reports the initials of a name: of all its words, or of the first and another.
func (n *nameSet) initials(in []byte) bool {
	for i := range n.inits {
		own := n.inits[i][:]
		if end := bytes.IndexByte(own, 0); end >= 0 {
			own = own[:end]
		}
		if bytes.Equal(own, in) || len(in) == 2 && in[0] == own[0] && bytes.IndexByte(own[1:], in[1]) >= 0 {
			return true
		}
	}
	return false
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
// Finnish local cases with their -i-, names in -nen and -s, and the Icelandic endings of names in -a, -i, -ur, -ir, -son and -dóttir.
func inflected(word, name []byte) bool {
	n := 0
	for n < len(word) && n < len(name) && word[n] == name[n] {
		n++
	}
	rest := word[n:]
	if n == len(name) {
		switch string(rest) {
		case "", "s", "es", "ns", "n", "in", "le", "lle", "ille", "lta", "ilta", "lla", "illa", "ssa", "sta", "ista", "issa", "sa", "isa", "ar", "sar":
			return true
		case "a", "i", "u":
			return len(name) >= 4 && (name[n-1] != 'n' || rest[0] == 'u')
		}
		return false
	}
	if n < 3 || len(rest) > 6 {
		return false
	}
	switch string(name[n:]) {
	case "a", "i": // Helga → Helgu, Helgi → Helga
		return len(rest) > 0 && len(rest) <= 2 && (rest[0] == 'u' || rest[0] == 'a') && (len(rest) == 1 || rest[1] == 'r' || rest[1] == 's')
	case "ir": // Bjarnadóttir → Bjarnadóttur
		return string(rest) == "ur"
	case "r": // Birgir → Birgi, Birgis
		return name[n-1] == 'i' && (len(rest) == 0 || string(rest) == "s")
	case "ur": // Sigurður → Sigurð, Sigurði, Sigurðar
		return len(rest) == 0 || string(rest) == "i" || string(rest) == "ar" || string(rest) == "s"
	case "on": // Jónsson → Jónssyni
		return name[n-1] == 's' && string(rest) == "yni"
	case "nen": // Virtanen → Virtasen
		return len(rest) > 1 && rest[0] == 's' && rest[1] == 'e'
	case "s": // Markus → Markuksen
		return len(rest) > 2 && rest[0] == 'k' && rest[1] == 's' && rest[2] == 'e'
	}
	return false
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
