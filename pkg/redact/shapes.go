package redact

import "strings"

// Typed shapes: what may stand in plain text without Known. Scan, which has provenance, knows none of them.
//
//	firm, before the national-id rules (a check digit or a form no person's number can have):
//	  IBAN                 DK FO GL NO SE FI IS DE, length and mod 97 (ISO 13616)
//	  GLN, GTIN, ISBN      13 digits, contiguous or behind a label, GS1 check digit
//	  organisation number  SE and IS in the grouping 6-4; any of them behind a label; always with its check
//	  coordinates          two decimal degrees with four decimals or more
//	  hours                8.00-15.30, 08:00 - 15:30, 0800-1530, 14:30:00
//	  UUID                 8-4-4-4-12
//	  date                 of 2020 to 2059, year in four digits, when the message's appointment is not known
//	  help lines           116 000, 006, 111, 117, 123 (EU decision 2007/116/EC)
//	soft, only where no national-id rule fits:
//	  code                 up to eight digits behind "Kode", "PIN" or before "er din kode"
//	  reference            behind "Ref.", "Sag", "Faktura" or the like, when the message's references are not known
//	  account              behind "Konto", "Bankgiro" or the like
//	  room                 up to eight digits behind "stue", "rum", "lokale" or the like
//	  money                groups of three beside a currency

// firmShapes marks the firm shapes of a chain as explained.
func (s *scan) firmShapes(v *view, a, b int) {
	for i := a; i < b; {
		if s.groups[i].done != open {
			i++
			continue
		}
		n := s.firmShape(v, i, b)
		for k := i; k < i+n; k++ {
			s.groups[k].done = explained
		}
		i += max(n, 1)
	}
}

func (s *scan) firmShape(v *view, i, b int) int {
	if !s.asWritten(v, i, s.clusterEnd(i, min(b, i+16))) {
		return 0
	}
	if n := s.iban(v, i, b); n > 0 {
		return n
	}
	g := &s.groups[i]
	d := s.digits[g.d : g.d+g.n]
	label := s.labels(i, 3)
	if g.n == 13 && gs1(d) {
		return 1
	}
	e := s.clusterEnd(i, min(b, i+16)) // no shape has more groups
	whole := s.digits[g.d : s.groups[e-1].d+s.groups[e-1].n]
	if label&cOrg != 0 && len(whole) <= 13 {
		if len(whole) == 13 && gs1(whole) || organisation(whole) && label&(cHintDK|cHintSE|cHintNO|cHintFI|cHintDE) == 0 {
			return e - i
		}
	}
	if e-i == 2 && g.n == 6 && s.groups[i+1].n == 4 && d[0] < 8 && v.text[g.end] == '-' &&
		(isCompany(whole) && two(d) <= 60 || seCompany(whole)) { // days above 60 are DK replacement numbers as well
		return 2
	}
	if label&cHintIS != 0 && len(whole) == 10 && isCompany(whole) {
		return e - i
	}
	if n := s.coordinates(v, i, b); n > 0 {
		return n
	}
	if e-i == 4 && s.hour(v, i) && s.hour(v, i+2) && v.text[s.groups[i+1].end] != '.' {
		return 4
	}
	if e-i == 2 && g.n == 4 && s.groups[i+1].n == 4 && s.value(i) < s.value(i+1) && s.hourMinute(i) && s.hourMinute(i+1) {
		switch strings.Trim(v.text[g.end:s.groups[i+1].start], " ") {
		case "-", "–":
			return 2
		}
	}
	if e-i == 3 && s.hour(v, i) && s.groups[i+2].n == 2 && s.value(i+2) < 60 && v.text[g.end] == ':' && v.text[s.groups[i+1].end] == ':' {
		return 3
	}
	if uuid(v.text, int(g.start)) {
		n := 1
		for i+n < b && int(s.groups[i+n].start) < int(g.start)+36 && s.groups[i+n].sep == tight && uuid(v.text, int(s.groups[i+n].start)) {
			n++
		}
		return n
	}
	if len(s.known.Appt) == 0 {
		if n := s.date(v, i, b); n > 0 {
			return n
		}
	}
	if helpLine(whole) && (e-i == 1 || g.n == 3) && (e == len(s.groups) || !s.continued(v, e)) {
		return e - i
	}
	return 0
}

func helpLine(d []byte) bool {
	if len(d) != 6 || d[0] != 1 || d[1] != 1 || d[2] != 6 {
		return false
	}
	switch int(d[3])*100 + two(d[4:]) {
	case 0, 6, 111, 117, 123:
		return true
	}
	return false
}

// hour reports the groups i and i+1 as a time of day.
func (s *scan) hour(v *view, i int) bool {
	h, m := &s.groups[i], &s.groups[i+1]
	sep := v.text[h.end:m.start]
	return h.n <= 2 && m.n == 2 && (sep == "." || sep == ":") && s.value(i) <= 24 && s.value(i+1) < 60
}

// hourMinute reports a group of four digits as a time of day, of five minutes as hours of opening are.
func (s *scan) hourMinute(i int) bool {
	hm := s.value(i)
	return hm/100 <= 24 && hm%100 < 60 && hm%5 == 0
}

// date reports a calendar day of 2020 to 2059.
func (s *scan) date(v *view, i, b int) int {
	if i+2 >= b || s.groups[i+1].sep > stop || s.groups[i+2].sep > stop || v.text[s.groups[i].end:s.groups[i+1].start] != v.text[s.groups[i+1].end:s.groups[i+2].start] {
		return 0
	}
	if i+3 < b && s.groups[i+3].sep == tight && s.groups[i+3].n > 2 {
		return 0 // a serial follows
	}
	y, m, d := i+2, i+1, i
	if s.groups[i].n == 4 {
		y, d = i, i+2
	}
	if s.groups[y].n != 4 || s.groups[m].n > 2 || s.groups[d].n > 2 || s.value(y) < 2020 || s.value(y) > 2059 ||
		!calendarDay(int(s.value(d)), int(s.value(m)), int(s.value(y))) {
		return 0
	}
	return 3
}

// coordinates reports latitude and longitude in decimal degrees.
func (s *scan) coordinates(v *view, i, b int) int {
	if i+3 >= b || s.groups[i+2].sep == letters {
		return 0
	}
	for k := i; k < i+4; k += 2 {
		whole, frac := &s.groups[k], &s.groups[k+1]
		if whole.n > 3 || frac.n < 4 || frac.n > 8 || v.text[whole.end:frac.start] != "." || s.value(k) > 180 {
			return 0
		}
	}
	return 4
}

// iban reports the length in groups of an IBAN whose digits begin at group i.
func (s *scan) iban(v *view, i, b int) int {
	g := &s.groups[i]
	at := int(g.start)
	if at < 2 || g.n < 2 || !isLetter(v.text[at-1]) || !isLetter(v.text[at-2]) || at > 2 && isAlnum(v.text[at-3]) {
		return 0
	}
	c0, c1 := v.text[at-2]&^0x20, v.text[at-1]&^0x20
	want := 0
	switch string([]byte{c0, c1}) {
	case "DK", "FI", "FO", "GL":
		want = 16
	case "NO":
		want = 13
	case "SE", "DE":
		want = 22
		if c0 == 'D' {
			want = 20
		}
	case "IS":
		want = 24
	default:
		return 0
	}
	n, total := 0, 0
	for ; i+n < b && total < want && (n == 0 || s.groups[i+n].sep == tight); n++ {
		total += int(s.groups[i+n].n)
	}
	if total != want {
		return 0
	}
	d := s.digits[g.d : int(g.d)+total]
	rest := 0
	for _, x := range d[2:] {
		rest = (rest*10 + int(x)) % 97
	}
	for _, c := range [2]byte{c0, c1} {
		rest = (rest*100 + int(c-'A') + 10) % 97
	}
	for _, x := range d[:2] {
		rest = (rest*10 + int(x)) % 97
	}
	if rest != 1 {
		return 0
	}
	return n
}

// uuid reports that byte i lies in a UUID (RFC 9562).
func uuid(text string, i int) bool {
	from := i
	for from > 0 && i-from < 36 && hexDash(text[from-1]) {
		from--
	}
	if from+36 > len(text) || (from+36 < len(text) && hexDash(text[from+36])) || from > 0 && isAlnum(text[from-1]) {
		return false
	}
	lettersSeen := false
	for k := range 36 {
		c := text[from+k]
		if dash := k == 8 || k == 13 || k == 18 || k == 23; dash != (c == '-') || !hexDash(c) {
			return false
		}
		lettersSeen = lettersSeen || isLetter(c)
	}
	return lettersSeen
}

func hexDash(c byte) bool {
	return isDigit(c) || c == '-' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// softShape reports that the run of groups from i up to j is a labelled number.
func (s *scan) softShape(v *view, i, j int) bool {
	n := int(s.groups[j-1].d + s.groups[j-1].n - s.groups[i].d)
	label := s.labels(i, 3)
	if label&(cHintDK|cHintSE|cHintNO|cHintIS|cHintFI|cHintDE|cPhone) != 0 || s.pairs(v, i, j) && label&cAccount == 0 {
		return false
	}
	if !s.asWritten(v, i, j) || s.continued(v, i) || j < len(s.groups) && s.continued(v, j) {
		return false
	}
	switch {
	case n <= 8 && (label&cCode != 0 || s.labels(i, 5)&cCode != 0 || s.codeBehind(j)):
		return true
	case label&cAccount != 0 && n <= 16:
		return true
	case label&cRef != 0 && n <= 24:
		return len(s.known.Refs) == 0 && s.dashed(v, i, j)
	case label&cRoom != 0 && n <= 8 && j-i > 1 && s.groups[i].n < 6:
		return true
	}
	return s.money(v, i, j)
}

// asWritten reports that the digits of the groups stand in the part as ASCII digits: encoded or disguised ones are no typed shape.
func (s *scan) asWritten(v *view, i, j int) bool {
	for k := i; k < j && v.off != nil; k++ {
		g := &s.groups[k]
		if v.originEnd(int(g.end))-v.origin(int(g.start)) != int(g.end-g.start) {
			return false
		}
	}
	return true
}

// continued reports that group i goes on the number before it: no word, comma or sentence end stands between.
func (s *scan) continued(v *view, i int) bool {
	if i == 0 || s.groups[i].sep == letters || s.groups[i].sep == stop {
		return false
	}
	return !strings.ContainsAny(v.text[s.groups[i-1].end:s.groups[i].start], ",;")
}

// dashed reports up to three groups with a single dash or slash between them, as references are written, none as long as a
// national id.
func (s *scan) dashed(v *view, i, j int) bool {
	if j-i > 3 {
		return false
	}
	for k := i; k < j; k++ {
		if n := s.groups[k].n; n >= 10 && n <= 12 {
			return false
		}
		if k == i {
			continue
		}
		if gap := v.text[s.groups[k-1].end:s.groups[k].start]; gap != "-" && gap != "/" {
			return false
		}
	}
	return true
}

// codeBehind reports "… er din kode" behind the groups up to j. A word that digits are glued to is none: "KOD0".
func (s *scan) codeBehind(j int) bool {
	w := int(s.groups[j-1].words)
	for k := w; k < len(s.words) && k < w+4; k++ {
		if int(s.words[k].groups) != j {
			return false
		}
		if s.words[k].lex.class&cCode != 0 {
			return j == len(s.groups) || s.groups[j].start != s.words[k].end
		}
	}
	return false
}

// money reports 1.234.567 or 1 295,00 beside a currency.
func (s *scan) money(v *view, i, j int) bool {
	for k := i; k < j; k++ {
		if n := s.groups[k].n; n > 3 || k > i && n != 3 && (k < j-1 || n != 2) {
			return false
		}
	}
	if j-i < 2 || v.text[s.groups[i].end] == '-' {
		return false
	}
	w := int(s.groups[i].words)
	return w > 0 && s.words[w-1].lex.class&cMoney != 0 || w < len(s.words) && int(s.words[w].groups) == j && s.words[w].lex.class&cMoney != 0
}
