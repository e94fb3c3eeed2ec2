package redact

import "unicode/utf8"

// tokenKind is what a run of letters and digits may stand for.
type tokenKind uint8

const (
	tokenOther tokenKind = iota
	tokenDigits
	tokenMixed // digits and letters that look like them: 3ll2O0
	tokenAlike // such letters only
	tokenWord  // a digit spelled out
)

type token struct {
	from, to int
	kind     tokenKind
	digit    uint8 // of a word
	swap     bool
}

// alike reads a view again with letters that look like digits, and digits spelled out, written as digits.
func (s *scan) alike(v *view) {
	toks, any := tokensOf(v.text)
	if !any {
		return
	}
	changed := false
	for i := range toks {
		t := &toks[i]
		switch t.kind {
		case tokenMixed:
			t.swap = true
		case tokenAlike: // "3 l 1 2 O": between numbers only
			t.swap = i > 0 && i+1 < len(toks) && t.from-toks[i-1].to <= 2 && toks[i+1].from-t.to <= 2 &&
				(toks[i-1].kind == tokenDigits || toks[i-1].swap) && toks[i+1].kind >= tokenDigits && toks[i+1].kind <= tokenAlike
		}
		changed = changed || t.swap
	}
	// Digit words: three or more in a row of digit words and digits.
	for i := 0; i < len(toks); {
		j, words := i, 0
		for j < len(toks) && (toks[j].kind == tokenWord || toks[j].kind == tokenDigits) && (j == i || toks[j].from-toks[j-1].to <= 3) {
			if toks[j].kind == tokenWord {
				words++
			}
			j++
		}
		if words >= 3 {
			changed = true
			for k := i; k < j; k++ {
				toks[k].swap = toks[k].kind == tokenWord
			}
		}
		i = max(j, i+1)
	}
	if !changed {
		return
	}
	b := newBuilder(v)
	from := 0
	for _, t := range toks {
		if !t.swap {
			continue
		}
		b.copy(from, t.from)
		from = t.to
		if t.kind == tokenWord {
			b.put([]byte{'0' + t.digit}, t.from)
			continue
		}
		for i := t.from; i < t.to; {
			r, n := utf8.DecodeRuneInString(v.text[i:])
			if d := lookAlike(r); d >= 0 {
				b.put([]byte{byte('0' + d)}, i)
			} else {
				b.copy(i, i+n)
			}
			i += n
		}
	}
	b.copy(from, len(v.text))
	s.look(b.view())
}

// tokensOf cuts a text into its runs of letters and digits; any says that one of them may be swapped.
func tokensOf(text string) (toks []token, any bool) {
	for i := 0; i < len(text); {
		if n := letterOrDigit(text[i:]); n == 0 {
			_, n = utf8.DecodeRuneInString(text[i:])
			i += n
			continue
		}
		t := token{from: i}
		digits, looks, runes := 0, 0, 0
		for i < len(text) {
			n := letterOrDigit(text[i:])
			if n == 0 {
				break
			}
			r, _ := utf8.DecodeRuneInString(text[i:])
			switch {
			case isDigit(text[i]):
				digits++
			case lookAlike(r) >= 0:
				looks++
			}
			runes++
			i += n
		}
		t.to = i
		switch {
		case digits == runes:
			t.kind = tokenDigits
		case digits+looks == runes && digits > 0:
			t.kind, any = tokenMixed, true
		case looks == runes && looks <= 4 && text[t.from:t.to] != "i":
			t.kind, any = tokenAlike, true
		default:
			if l := lexicon.find(hashWord(text[t.from:t.to])); l.class&cDigitWord != 0 {
				t.kind, t.digit, any = tokenWord, l.digit, true
			}
		}
		toks = append(toks, t)
	}
	return toks, any
}

func letterOrDigit(text string) int {
	if text[0] < 0x80 {
		if isAlnum(text[0]) {
			return 1
		}
		return 0
	}
	r, n := utf8.DecodeRuneInString(text)
	if classify(r, n) == runeLetter {
		return n
	}
	return 0
}
