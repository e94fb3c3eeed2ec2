package redact

import "unicode/utf8"

// lettered looks for the national ids that hold letters, from group i on: it says how many groups the id takes, its kind, and
// where it ends in the view. n is 0 when there is none.
func (s *scan) lettered(v *view, i int) (n int, kind string, end int) {
	g := s.groups[i]
	text := v.text
	split := false
	if i+2 < len(s.groups) && (g.n == 2 || g.n == 4) && s.groups[i+1].n == 2 && s.groups[i+2].n == 2 && s.groups[i+1].sep == tight && s.groups[i+2].sep == tight {
		// A date in three groups: look behind the last one.
		split = true
		g.end, g.n = s.groups[i+2].end, g.n+4
	}
	if g.n < 6 || g.n > 9 || g.done == found {
		return 0, "", 0
	}
	d := s.digits[g.d : g.d+g.n]
	if g.n == 9 {
		if g.start > 0 && isLetter(text[g.start-1]) && (g.start == 1 || !isAlnum(text[g.start-2])) && boundary(text, int(g.end)) &&
			(deHealth(text[g.start-1]&^0x20, d) || s.hint(i)&cHintDE != 0) {
			return 1, KindDE, int(g.end)
		}
		// A henkilötunnus that lost its separator: only with the right control character.
		if e := int(g.end); e < len(text) && boundary(text, e+1) && calendarDay(two(d), two(d[2:]), two(d[4:])) && fiCheck(d[:6], d[6:]) == text[e]&^0x20 {
			return 1, KindFI, e + 1
		}
		return 0, "", 0
	}
	// The tail: up to five letters and digits behind the date, behind at most one mark with spaces around it.
	at, spaced, dash := skipMark(text, int(g.end))
	stop := at
	for stop < len(text) && stop < at+6 && isAlnum(text[stop]) {
		stop++
	}
	if !boundary(text, stop) {
		return 0, "", 0
	}
	tail := text[at:stop]
	glued := at == int(g.end)
	kind = tailKind(d, tail, glued, dash)
	if (spaced || split) && g.done != open && kind != KindECPR && kind != KindFI {
		kind = "" // an explained date before a word
	}
	if kind != "" && !s.covered(v.origin(int(g.start)), v.originEnd(stop)) {
		return s.groupsUntil(i, stop), kind, stop
	}
	// FI with spaces around its letter: 131052 A 308T.
	if g.n == 6 && len(tail) == 1 && fiSeparator(tail[0]) {
		if at, _, _ := skipMark(text, stop); at > stop && at+4 <= len(text) && boundary(text, at+4) && hetu(d, text[at:at+4]) {
			return s.groupsUntil(i, at+4), KindFI, at + 4
		}
	}
	return 0, "", 0
}

// groupsUntil counts the groups from i that begin before byte end.
func (s *scan) groupsUntil(i, end int) int {
	n := 1
	for i+n < len(s.groups) && int(s.groups[i+n].start) < end {
		n++
	}
	return n
}

// tailKind names the id that a date group and the letters and digits behind it make.
func tailKind(d []byte, tail string, glued, dash bool) string {
	letters := 0
	for i := range len(tail) {
		if isLetter(tail[i]) {
			letters++
		}
	}
	if letters == 0 {
		return ""
	}
	switch len(d) {
	case 6:
		switch {
		case len(tail) == 5 && fiSeparator(tail[0]) && hetu(d, tail[1:]):
			return KindFI
		case len(tail) == 4 && dash && hetu(d, tail):
			return KindFI
		case len(tail) == 4 && isDigit(tail[0]) && isLetter(tail[1]) && isLetter(tail[2]) && isDigit(tail[3]) && dkDay(d):
			return KindECPR
		case len(tail) == 4 && interim(tail[0]) && digitsOnly(tail[1:]) && seDay(d):
			return KindSEInterim
		case len(tail) == 4 && letters < 4 && seDay(d) && (glued || dash):
			return KindSEResv
		}
	case 7:
		if len(tail) == 3 && isLetter(tail[0]) && isLetter(tail[1]) && isDigit(tail[2]) && dkDay(d) {
			return KindECPR
		}
	case 8:
		day := seCentury(d) && seDay(d[2:])
		switch {
		case len(tail) != 4:
		case interim(tail[0]) && digitsOnly(tail[1:]) && day:
			return KindSEInterim
		case letters < 4 && day && (glued || dash):
			return KindSEResv // VGR, Värmland, Skåne
		case (two(d) == 0 || two(d) >= 21) && reserveLetter(tail[0]) && reserveLetter(tail[1]) && isDigit(tail[2]):
			return KindSEResv // NRID: XXYYMMDD, two letters, sex digit, check
		}
	}
	return ""
}

func dkDay(d []byte) bool { ok, _ := dkDate(d); return ok }
func seDay(d []byte) bool { ok, _ := seDate(d); return ok }

// hetu reports NNN and a control character behind a date; a wrong control character is a typing error, not another thing.
func hetu(d []byte, tail string) bool {
	return digitsOnly(tail[:3]) && isAlnum(tail[3]) && calendarDay(two(d), two(d[2:]), two(d[4:]))
}

// fiSeparator reports the letters that tell the century: A to F 2000s, U to Y 1900s (DVV, in force 2023).
func fiSeparator(c byte) bool {
	c &^= 0x20
	return c >= 'A' && c <= 'F' || c >= 'U' && c <= 'Y'
}

func interim(c byte) bool {
	switch c &^ 0x20 {
	case 'T', 'R', 'S', 'U', 'W', 'X', 'J', 'K', 'L', 'M', 'N':
		return true
	}
	return false
}

func reserveLetter(c byte) bool {
	if !isLetter(c) {
		return false
	}
	switch c &^ 0x20 {
	case 'I', 'O', 'Q', 'V', 'W':
		return false
	}
	return true
}

func digitsOnly(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return len(s) > 0
}

// boundary reports that no letter or digit stands at i.
func boundary(text string, i int) bool {
	if i >= len(text) {
		return true
	}
	if text[i] < 0x80 {
		return !isAlnum(text[i])
	}
	r, n := utf8.DecodeRuneInString(text[i:])
	return classify(r, n) != runeLetter
}

// skipMark skips spaces, at most one mark and an opening bracket, and spaces; dash says that there was a mark.
func skipMark(text string, i int) (at int, spaced, dash bool) {
	for range 5 {
		if i >= len(text) || isAlnum(text[i]) {
			break
		}
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			spaced = true
			i++
		case c < 0x80:
			if dash && c != '(' {
				return i, spaced, dash
			}
			dash = true
			i++
		default:
			r, n := utf8.DecodeRuneInString(text[i:])
			switch {
			case classify(r, n) != runeSep:
				return i, spaced, dash
			case r == 0xa0 || r >= 0x2000 && r <= 0x200a || r == 0x202f || r == 0x205f || r == 0x3000:
				spaced = true
			case dash:
				return i, spaced, dash
			default:
				dash = true
			}
			i += n
		}
	}
	return i, spaced, dash
}
