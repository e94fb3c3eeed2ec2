package redact

import "unicode/utf8"

// tokenKind is what a run of letters and digits may stand for.
type tokenKind uint8

const (
	tokenOther  tokenKind = iota
	tokenDigits           // digits only
	tokenMixed            // digits and letters that look like them: 3ll2O0
	tokenAlike            // such letters only
	tokenWord             // a digit spelled out
)

type token struct {
	from, to int
	runes    int
	kind     tokenKind
	digits   int  // how many of its runes are digits
	head     int  // bytes of a first letter
	alike    int  // bytes behind it that are digits or look like them
	weak     bool // "i", a word
	far      bool // it is digits and letters that look like them, those among them that hardly do
	word     lex  // of a digit word
	at, swap int  // where to begin writing digits, and for how many bytes
}

// maxGap is how many bytes stand at most between what belongs together.
const maxGap = 3

// clothes reads a view again as somebody may who makes digits of letters and words, or puts single digits together.
func (s *scan) clothes(v *view, found flags) {
	if v.ids || found&(flagLook|flagSpell|flagSpaced|flagBase64) == 0 {
		return
	}
	toks, some := tokensOf(v.text)
	if some {
		if near(toks) {
			s.look(swapped(v, toks, false))
		}
		for _, mark := range [2]func([]token) bool{lettersBeside, farAlike} {
			for i := range toks {
				toks[i].swap = 0
			}
			if mark(toks) {
				s.lookForIDs(swapped(v, toks, true))
			}
		}
	}
	if found&flagSpaced == 0 {
		return
	}
	for _, how := range [3]squeezing{sameGaps, sameGapsShort, anyGaps} {
		if u := squeezed(v, toks, how); u != nil {
			s.lookForIDs(u)
		}
	}
}

func (s *scan) lookForIDs(v *view) {
	v.ids = true
	s.look(v)
}

// near marks the letters that look like 0 and 1 among digits, and digits spelled out.
func near(toks []token) (some bool) {
	for i := range toks {
		t := &toks[i]
		switch {
		case t.kind == tokenMixed:
			t.all()
		case t.kind == tokenAlike && t.runes > 4: // "lOlllO-5900": before a number only
			if i+1 < len(toks) && toks[i+1].from-t.to <= maxGap && toks[i+1].digits >= 2 && toks[i+1].runes <= 5 {
				t.all()
			}
		case t.kind == tokenAlike: // "3 l 1 2 O": between numbers only
			if i > 0 && i+1 < len(toks) && t.from-toks[i-1].to <= 2 && toks[i+1].from-t.to <= 2 &&
				(toks[i-1].kind == tokenDigits || toks[i-1].swap > 0) && toks[i+1].kind >= tokenDigits && toks[i+1].kind <= tokenAlike &&
				(!t.weak || toks[i-1].runes == 1 && toks[i+1].runes == 1) {
				t.all()
			}
		}
		some = some || t.swap > 0
	}
	return spelled(toks) || some
}

// spelled marks the words of a row of digit words and digits: three words, or two and six digits in all. The English "to" between
// two numbers is no word of it.
func spelled(toks []token) (some bool) {
	for i := 0; i < len(toks); {
		j, words, digits := i, 0, 0
		for ; j < len(toks) && (j == i || toks[j].from-toks[j-1].to <= maxGap); j++ {
			t := &toks[j]
			if t.kind != tokenWord && t.kind != tokenDigits {
				break
			}
			digits += t.digits
			if t.kind == tokenDigits {
				continue
			}
			digits += int(t.word.width)
			if t.to-t.from != 2 || t.word.digit != 2 || j == i || toks[j-1].kind != tokenDigits || j+1 == len(toks) || toks[j+1].kind != tokenDigits {
				words++
			}
		}
		if words >= 3 || words == 2 && digits >= minRun {
			some = true
			for k := i; k < j; k++ {
				if toks[k].kind == tokenWord {
					toks[k].all()
				}
			}
		}
		i = max(j, i+1)
	}
	return some
}

// lettersBeside marks the digits, and the letters that look like them, of ids with letters of their own: 13lO52A308T, A0OO5OOO15.
func lettersBeside(toks []token) (some bool) {
	for i := range toks {
		t := &toks[i]
		if t.alike >= minRun && t.runes <= 13 && t.alike < t.to-t.from && (t.digits >= 2 || i+1 < len(toks) && toks[i+1].digits >= 3 && toks[i+1].from-t.to <= maxGap) {
			t.at, t.swap, some = t.from+t.head, t.alike, true
		}
	}
	return some
}

// farAlike marks the tokens that would be a national id in a canonical layout if S were 5 and B were 8: 6-4, 6-5 and 8-4 with or
// without the mark.
func farAlike(toks []token) (some bool) {
	for i := range toks {
		t := &toks[i]
		if !t.far && t.kind != tokenDigits && t.kind != tokenMixed {
			continue
		}
		if t.far && t.runes >= 10 && t.runes <= 12 && t.digits >= 7 {
			t.all()
			some = true
		}
		if i+1 == len(toks) || t.runes != 6 && t.runes != 8 {
			continue
		}
		o := &toks[i+1]
		if (t.far || o.far) && (o.runes == 4 || o.runes == 5) && o.from-t.to <= maxGap && t.digits >= 4 && o.digits >= 2 &&
			(o.far || o.kind == tokenDigits || o.kind == tokenMixed) {
			t.all()
			o.all()
			some = true
		}
	}
	return some
}

// all marks a whole token.
func (t *token) all() { t.at, t.swap = t.from, t.to-t.from }

// swapped writes the marked bytes of the tokens as digits.
func swapped(v *view, toks []token, far bool) *view {
	b := newBuilder(v)
	from := 0
	for _, t := range toks {
		if t.swap == 0 {
			continue
		}
		b.copy(from, t.at)
		from = t.at + t.swap
		if t.kind == tokenWord {
			if t.word.width == 2 {
				b.put([]byte{'0' + t.word.digit/10}, t.from)
			}
			b.put([]byte{'0' + t.word.digit%10}, t.from)
			continue
		}
		for i := t.at; i < from; {
			r, n := utf8.DecodeRuneInString(v.text[i:])
			d := lookAlike(r)
			if d < 0 && far {
				d = farLookAlike(r)
			}
			if d >= 0 {
				b.put([]byte{byte('0' + d)}, i)
			} else {
				b.copy(i, i+n)
			}
			i += n
		}
	}
	b.copy(from, len(v.text))
	return b.view()
}

// squeezing is how single digits and letters are put together.
type squeezing uint8

const (
	sameGaps      squeezing = iota // with the same between all
	sameGapsShort                  // the same, without a letter at the end, which may be a word
	anyGaps
)

// squeezed takes out what is between single digits and letters, six digits among them: "2 6 0 3 1 1 S 2 8 3". nil when there are none.
func squeezed(v *view, toks []token, how squeezing) *view {
	b := newBuilder(v)
	from, cut := 0, false
	for i := 0; i < len(toks); {
		j, digits := i, 0
		for j < len(toks) && toks[j].runes == 1 && (j == i || toks[j].from-toks[j-1].to <= maxGap) {
			if how != anyGaps && j > i+1 && v.text[toks[j-1].to:toks[j].from] != v.text[toks[i].to:toks[i+1].from] {
				break
			}
			digits += toks[j].digits
			j++
		}
		if digits >= minRun {
			end := j
			if how == sameGapsShort && toks[end-1].digits == 0 {
				end--
				cut = true
			}
			for k := i + 1; k < end; k++ {
				b.copy(from, toks[k-1].to)
				from = toks[k].from
			}
		}
		i = max(j, i+1)
	}
	if from == 0 || how == sameGapsShort && !cut {
		return nil
	}
	b.copy(from, len(v.text))
	return b.view()
}

// tokensOf cuts a text into its runs of letters and digits; some says that one of them may be swapped.
func tokensOf(text string) (toks []token, some bool) {
	for i := 0; i < len(text); {
		if n := letterOrDigit(text[i:]); n == 0 {
			_, n = utf8.DecodeRuneInString(text[i:])
			i += n
			continue
		}
		t := token{from: i}
		looks, far, same := 0, 0, true
		for i < len(text) {
			n := letterOrDigit(text[i:])
			if n == 0 {
				break
			}
			r, _ := utf8.DecodeRuneInString(text[i:])
			digit, look := isDigit(text[i]), lookAlike(r) >= 0
			switch {
			case digit:
				t.digits++
			case look:
				looks++
			case farLookAlike(r) >= 0:
				far++
			}
			switch {
			case same && (digit || look):
				t.alike += n
			case t.runes == 0:
				t.head = n
			default:
				same = false
			}
			t.runes++
			i += n
		}
		t.to = i
		t.far = far > 0 && t.digits > 0 && t.digits+looks+far == t.runes
		switch {
		case t.digits == t.runes:
			t.kind = tokenDigits
		case t.digits+looks == t.runes && t.digits > 0:
			t.kind, some = tokenMixed, true
		case looks == t.runes && looks <= 8:
			t.kind, t.weak, some = tokenAlike, text[t.from:t.to] == "i", true
		default:
			if t.word = lexicon.find(hashWord(text[t.from:t.to])); t.word.class&cDigitWord != 0 {
				t.kind = tokenWord
			}
			some = some || t.kind == tokenWord || t.far || t.alike >= minRun
		}
		toks = append(toks, t)
	}
	return toks, some
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
