package redact

import (
	"strings"
	"unicode/utf8"
)

// lettered looks for the national ids that hold letters, from group i on: it says how many groups the id takes, its register, and
// where it ends in the view. n is 0 when there is none.
func (s *scan) lettered(v *view, i int) (n int, id register, end int) {
	if n, id, end = s.nine(v, i); n > 0 {
		return n, id, end
	}
	g := s.groups[i]
	text := v.text
	split := false
	if i+2 < len(s.groups) && (g.n == 2 || g.n == 4) && s.groups[i+1].n == 2 && s.groups[i+2].n == 2 && s.groups[i+1].sep == tight && s.groups[i+2].sep == tight {
		// A date in three groups: look behind the last one.
		split = true
		g.end, g.n = s.groups[i+2].end, g.n+4
	}
	if g.n < 6 || g.done == found {
		return 0, noRegister, 0
	}
	if g.n > 9 {
		return s.glued(v, i)
	}
	if g.n == 9 {
		return s.glued(v, i)
	}
	d := s.digits[g.d : g.d+g.n]
	// The tail: up to five letters and digits behind the date, behind at most one mark with spaces around it.
	at, spaced, dash := skipMark(text, int(g.end))
	stop := at
	for stop < len(text) && stop < at+6 && isAlnum(text[stop]) {
		stop++
	}
	if !boundary(text, stop) {
		return s.glued(v, i)
	}
	tail := text[at:stop]
	glued := at == int(g.end)
	if split {
		if id, end := s.paired(v, i, at, tail); id != noRegister {
			return s.groupsUntil(i, end), id, end
		}
	}
	id = tailID(d, tail, glued || dash && !spaced, dash, s.hint(i)&cHintReserve != 0)
	if g.done != open && (spaced || split && !strings.ContainsAny(tail, "0123456789")) && id.kind() != KindECPR && id.kind() != KindFI {
		id = noRegister // an explained date before a word or a room
	}
	if id != noRegister && !s.covered(v.origin(int(g.start)), v.originEnd(stop)) {
		return s.groupsUntil(i, stop), id, stop
	}
	// FI with spaces around its letter: 131052 A 308T.
	if g.n == 6 && len(tail) == 1 && fiSeparator(tail[0]) {
		if at, _, _ := skipMark(text, stop); at > stop && at+4 <= len(text) && boundary(text, at+4) && hetu(d, text[at:at+4]) {
			return s.groupsUntil(i, at+4), finnish(d, text[at:]), at + 4
		}
	}
	return s.glued(v, i)
}

// paired reads a date in groups and four characters in two more, with the same mark between all: "17.07.17.7H.R1".
func (s *scan) paired(v *view, i, at int, tail string) (id register, end int) {
	text := v.text
	mark := text[s.groups[i].end:s.groups[i+1].start]
	last := int(s.groups[i+2].end)
	more := at + 2 + len(mark)
	end = more + 2
	if len(tail) != 2 || len(mark) != 1 || end > len(text) || text[last:at] != mark || text[at+2:more] != mark || !isAlnum(text[more]) || !isAlnum(text[more+1]) || !boundary(text, end) {
		return noRegister, 0
	}
	tail += text[more:end]
	if isLetter(tail[0]) && isLetter(tail[1]) && digitsOnly(tail[2:]) || strings.ToUpper(tail) != tail {
		return noRegister, 0 // "kl 14"
	}
	g, h := &s.groups[i], &s.groups[i+2]
	return tailID(s.digits[g.d:h.d+h.n], tail, true, true, false), end
}

// nine reads nine digits in any grouping with a letter before or behind them: a KVNR, contiguous with its check or a label, else
// with a capital and its check; or a henkilötunnus that lost its separator, with its control character.
func (s *scan) nine(v *view, i int) (n int, id register, end int) {
	g := &s.groups[i]
	total := 0
	for i+n < len(s.groups) && total < 9 && s.groups[i+n].done != found && (n == 0 || s.groups[i+n].sep == tight) {
		total += int(s.groups[i+n].n)
		n++
	}
	if total != 9 {
		return 0, noRegister, 0
	}
	end = int(s.groups[i+n-1].end)
	d := s.digits[g.d : g.d+9]
	if s.health(v, i, n, end) {
		return n, healthNumber, end
	}
	if end < len(v.text) && isAlnum(v.text[end]) && boundary(v.text, end+1) && calendarDay(two(d), two(d[2:]), two(d[4:])) && fiCheck(d[:6], d[6:]) == upper(v.text[end]) {
		return n, hetuCode, end + 1
	}
	return 0, noRegister, 0
}

func (s *scan) health(v *view, i, n, end int) bool {
	g := &s.groups[i]
	at := int(g.start) - 1
	apart := at > 0 && (v.text[at] == ' ' || v.text[at] == '-')
	if apart {
		at--
	}
	if at < 0 || !isLetter(v.text[at]) || at > 0 && isAlnum(v.text[at-1]) || !boundary(v.text, end) {
		return false
	}
	check := deHealth(v.text[at]&^0x20, s.digits[g.d:g.d+9])
	if apart || n > 1 {
		return check && v.text[at] <= 'Z'
	}
	return check || s.hint(i)&cHintDE != 0
}

// glued reads ten or twelve digits and letters without a mark, the first six or eight of them the date.
func (s *scan) glued(v *view, i int) (n int, id register, end int) {
	g := &s.groups[i]
	start, end := int(g.start), int(g.end)
	for end < len(v.text) && end <= start+12 && isAlnum(v.text[end]) {
		end++
	}
	size := end - start
	if size != 10 && size != 12 || int(g.n) < size-4 || int(g.n) > size || int(g.n) == size || !boundary(v.text, end) || s.covered(v.origin(start), v.originEnd(end)) {
		return 0, noRegister, 0
	}
	id = tailID(s.digits[g.d:int(g.d)+size-4], v.text[end-4:end], true, false, s.hint(i)&cHintReserve != 0)
	if id == noRegister {
		return 0, noRegister, 0
	}
	return s.groupsUntil(i, end), id, end
}

// groupsUntil counts the groups from i that begin before byte end.
func (s *scan) groupsUntil(i, end int) int {
	n := 1
	for i+n < len(s.groups) && int(s.groups[i+n].start) < end {
		n++
	}
	return n
}

// tailID names the id that a date group and the letters and digits behind it make. near says that no space, dash that a mark
// stands between; reserve says that a label calls it a reserve
// number: some of them have the letters of interim numbers.
func tailID(d []byte, tail string, near, dash, reserve bool) register {
	letters := 0
	for i := range len(tail) {
		if isLetter(tail[i]) {
			letters++
		}
	}
	if letters == 0 {
		return noRegister
	}
	switch len(d) {
	case 6:
		switch {
		case len(tail) == 5 && fiSeparator(tail[0]) && hetu(d, tail[1:]):
			return finnish(d, tail[1:])
		case len(tail) == 4 && dash && hetu(d, tail):
			return finnish(d, tail)
		case len(tail) == 4 && isDigit(tail[0]) && isLetter(tail[1]) && isLetter(tail[2]) && isDigit(tail[3]) && dkDay(d):
			return ecpr(tail[0] - '0')
		case len(tail) == 4 && interim(tail[0]) && digitsOnly(tail[1:]) && seDay(d):
			return interimNumber
		case len(tail) == 4 && seDay(d) && (letters < 4 && dash || near && fourth(tail, letters)):
			return reserveSkane
		}
	case 7:
		if len(tail) == 3 && isLetter(tail[0]) && isLetter(tail[1]) && isDigit(tail[2]) && dkDay(d) {
			return ecpr(d[6])
		}
	case 8:
		day := seCentury(d) && seDay(d[2:])
		switch {
		case len(tail) != 4:
		case interim(tail[0]) && digitsOnly(tail[1:]) && day:
			if west(tail[0]) && (reserve || !interimCheck(d[2:], tail)) {
				return reserveWest
			}
			return interimNumber
		case day && (letters < 4 && dash || near && fourth(tail, letters)):
			return regional(tail)
		case (two(d) == 0 || two(d) >= 21) && reserveLetter(tail[0]) && reserveLetter(tail[1]) && isDigit(tail[2]):
			return reserveNational // XXYYMMDD, two letters, sex digit, check
		}
	}
	return noRegister
}

// fourth reports four characters, some of them letters; four letters are capitals, or they are a word.
func fourth(tail string, letters int) bool {
	return letters < 4 || strings.ToUpper(tail) == tail
}

// regional names a reserve number of a date in eight digits and four characters by the form that its region gives them (Inera).
func regional(tail string) register {
	if upper(tail[0]) == 'S' && isDigit(tail[2]) && tail[3] != '0' {
		switch upper(tail[1]) {
		case 'F', 'U', 'X', 'P', 'L':
			return reserveVarmland
		}
	}
	if west(tail[0]) && isDigit(tail[1]) && isDigit(tail[2]) {
		return reserveWest
	}
	return reserveSkane
}

// west reports the letters of Västra Götaland.
func west(c byte) bool { c &^= 0x20; return c == 'K' || c == 'M' || c == 'X' }

// interimCheck is the check of an interim number: its letter counts as 1.
func interimCheck(date []byte, tail string) bool {
	var d [10]byte
	copy(d[:], date[:6])
	d[6] = 1
	for i := 1; i < 4; i++ {
		d[6+i] = tail[i] - '0'
	}
	return luhn(d[:])
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
