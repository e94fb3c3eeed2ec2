package redact

import (
	"slices"
	"strings"
	"time"
)

// cover is a range of bytes of the part that is explained.
type cover struct{ start, end int }

// cover finds what is explained by position in a part: the values of checked placeholders, and the unit's texts, mail
// addresses, links and references where they stand in the text.
func (s *scan) cover(text string, found flags) {
	s.covers = append(s.covers[:0], s.given...)
	lists := [4][]string{s.known.Units, s.known.Refs, s.known.Links, s.known.Mails}
	if found&flagAt == 0 {
		lists[3] = nil
	}
	var seen [4]uint64 // of each list, the first 64 texts: the whole value of a placeholder, so not searched for elsewhere
	for i := range s.spans {
		sp := &s.spans[i]
		if sp.Fact == "" {
			continue
		}
		if s.trusted(sp.Fact) {
			s.covers = append(s.covers, cover{sp.Start, sp.End})
			continue
		}
		size := sp.End - sp.Start
		for l := range lists {
			list := lists[l]
			for k := range list {
				if len(list[k]) == size && list[k] == text[sp.Start:sp.End] && s.coverAt(text, sp.Start, sp.End) {
					seen[l] |= 1 << k
				}
			}
		}
	}
	for l := range lists {
		list := lists[l]
		for k := range list {
			if seen[l]>>k&1 == 0 {
				s.coverText(text, list[k])
			}
		}
	}
	ordered := true
	for i := 1; i < len(s.covers); i++ {
		ordered = ordered && s.covers[i-1].end < s.covers[i].start
	}
	if ordered {
		return
	}
	slices.SortFunc(s.covers, func(a, b cover) int { return a.start - b.start })
	merged := s.covers[:1]
	for _, c := range s.covers[1:] {
		if last := &merged[len(merged)-1]; c.start <= last.end {
			last.end = max(last.end, c.end)
		} else {
			merged = append(merged, c)
		}
	}
	s.covers = merged
}

// trusted reports a checked placeholder.
func (s *scan) trusted(fact string) bool {
	if fact == "" {
		return false
	}
	for _, c := range s.checked {
		if c == fact {
			return true
		}
	}
	return false
}

// coverText covers every occurrence of a known text.
func (s *scan) coverText(text, k string) {
	k = strings.Trim(k, " ")
	for i := 0; ; {
		j := strings.Index(text[i:], k)
		if j < 0 || k == "" {
			return
		}
		if !s.coverAt(text, i+j, i+j+len(k)) && len(k) < 3 {
			return
		}
		i += j + len(k)
	}
}

// coverAt covers a known text, unless it begins or ends inside a number or word. Texts without a letter explain nothing here;
// they are numbers, see appendNumber.
func (s *scan) coverAt(text string, from, to int) bool {
	if to-from < 3 || !hasLetter(text[from:to]) || from > 0 && joined(text[from-1], text[from]) || to < len(text) && joined(text[to-1], text[to]) {
		return false
	}
	s.covers = append(s.covers, cover{from, to})
	return true
}

func joined(a, b byte) bool {
	return isDigit(a) && isDigit(b) || (isLetter(a) || a >= 0x80) && (isLetter(b) || b >= 0x80)
}

// covered reports whether all bytes from..to of the part are explained by position.
func (s *scan) covered(from, to int) bool {
	i, j := 0, len(s.covers)
	for i < j { // the first that ends behind from
		if h := int(uint(i+j) >> 1); s.covers[h].end <= from {
			i = h + 1
		} else {
			j = h
		}
	}
	return i < len(s.covers) && s.covers[i].start <= from && to <= s.covers[i].end
}

// number is a phone or reference as digits. plus says that it was written with + or 00: the country code is its own.
type number struct {
	d    [20]byte
	n    uint8
	plus bool
}

// appendNumber takes the digits of a phone or reference; one with letters, with fewer than four digits or more than
// twenty is none.
func appendNumber(dst []number, s string) []number {
	var k number
	for i := range len(s) {
		c := s[i]
		switch {
		case isDigit(c):
			if int(k.n) == len(k.d) {
				return dst
			}
			k.d[k.n] = c - '0'
			k.n++
		case c == '+' && k.n == 0:
			k.plus = true
		case isLetter(c) || c == '@':
			return dst
		}
	}
	if k.n < 4 {
		return dst
	}
	return append(dst, k)
}

// national cuts 00 or +, the country code and the trunk 0: what is left compares across ways of writing. Only the codes
// of the countries Husk serves are cut (ITU E.164).
func national(d []byte, plus bool) []byte {
	if len(d) > 6 && d[0] == 0 && d[1] == 0 {
		d, plus = d[2:], true
	}
	if plus || len(d) >= 10 {
		switch {
		case len(d) > 8 && d[0] == 4 && (d[1] >= 5 && d[1] <= 7 || d[1] == 9):
			d = d[2:]
		case len(d) > 8 && (d[0] == 3 && d[1] == 5 && (d[2] == 8 || d[2] == 4) || d[0] == 2 && d[1] == 9 && (d[2] == 8 || d[2] == 9)):
			d = d[3:]
		}
	}
	if len(d) > 5 && d[0] == 0 {
		d = d[1:]
	}
	return d
}

func (k *number) same(d []byte, plus bool) bool {
	own := k.d[:k.n]
	return slices.Equal(own, d) || slices.Equal(national(own, k.plus), national(d, plus))
}

// clock is a time as the numbers it may be printed with.
type clock struct{ year, month, day, hour, minute int }

func clockOf(t time.Time) clock {
	y, m, d := t.Date()
	return clock{y, int(m), d, t.Hour(), t.Minute()}
}

// times are what the message's appointments may look like.
func (s *scan) times() []clock {
	if len(s.appts) == 0 {
		for _, t := range s.known.Appt {
			s.appts = append(s.appts, clockOf(t))
			if _, off := t.Zone(); off != 0 {
				s.appts = append(s.appts, clockOf(t.UTC())) // calendar files print UTC
			}
		}
	}
	return s.appts
}

// contiguous reports whether v, written with n digits, is the time printed without separators.
func (c clock) contiguous(v uint64, n int) bool {
	yy := c.year % 100
	dmy, ymd := c.day*10000+c.month*100+yy, yy*10000+c.month*100+c.day
	dmY, Ymd := c.day*1000000+c.month*10000+c.year, c.year*10000+c.month*100+c.day
	hm := c.hour*100 + c.minute
	x := int(v)
	switch n {
	case 6:
		return x == dmy || x == ymd || x == hm*100
	case 8:
		return x == dmY || x == Ymd
	case 10:
		return x == dmy*10000+hm || x == ymd*10000+hm
	case 12:
		return x == dmY*10000+hm || x == Ymd*10000+hm
	case 14:
		return x == Ymd*1000000+hm*100
	}
	return false
}

// explain marks the groups from a up to b (one chain) that Known explains, and forgets small pieces in clusters where
// something else is left: an hour of the appointment must not eat two digits of a stranger's phone.
func (s *scan) explain(v *view, a, b int) (all bool) {
	if s.covered(v.origin(int(s.groups[a].start)), v.originEnd(int(s.groups[b-1].end))) {
		for k := a; k < b; k++ {
			s.groups[k].done = explained
		}
		return true
	}
	for k := a; k < b; {
		g := &s.groups[k]
		if s.covered(v.origin(int(g.start)), v.originEnd(int(g.end))) {
			g.done = explained
			k++
			continue
		}
		timed := false
		n, m := s.explainNumber(v, k, b)
		if n > 0 && s.goesOn(v, k, k+n, b) {
			n, m = 0, open
		}
		if n == 0 {
			n, m = s.explainTime(k, b)
			timed = true
			if n == 3 && k > a && s.inPairs(v, k) {
				n, m = 0, open
			}
		}
		for i := range n {
			s.groups[k+i].done = m
			s.groups[k+i].lone = n == 1 && m == partial
		}
		s.groups[k].bare = n == 1 && timed && g.n >= minRun
		k += max(n, 1)
	}
	all = true
	for c := a; c < b; {
		e := s.clusterEnd(c, b)
		whole := true
		// An hour, a day or a year on its own says little: three of them in a row may be any date, and one behind a day and month
		// the beginning of somebody's id.
		alone, short, pieces, digits := 0, 0, 0, 0
		for k := c; k < e; k++ {
			g := &s.groups[k]
			whole = whole && g.done != open
			if g.done == partial {
				pieces++
				digits += int(g.n)
			}
			if g.lone {
				if alone++; g.n <= 2 {
					short++
				}
			}
		}
		whole = whole && alone <= 2 && short <= 1 && (short == 0 || pieces == alone || digits < minRun)
		for k := c; k < e; k++ {
			if g := &s.groups[k]; g.done == partial {
				g.done = open
				if whole {
					g.done = explained
				}
			}
		}
		all = all && whole
		c = e
	}
	// A date in bare digits that runs on into others, "120326\n5004", is no date of ours.
	for k := a; k < b; k++ {
		if s.groups[k].bare && (k+1 < b && s.groups[k+1].done == open && s.continued(v, k+1) || k > a && s.groups[k-1].done == open && s.continued(v, k)) {
			s.groups[k].done, all = open, false
		}
	}
	return all
}

// goesOn reports that the known number in the groups from k up to e is only the beginning of another, "35 45 35 45 12": a group
// of the same size follows behind the same mark, and no hours do.
func (s *scan) goesOn(v *view, k, e, b int) bool {
	if e >= b || e-k < 2 || s.groups[e].n != s.groups[e-1].n || e+1 < b && v.text[s.groups[e].end:s.groups[e+1].start] == "-" {
		return false
	}
	return v.text[s.groups[e-1].end:s.groups[e].start] == v.text[s.groups[e-2].end:s.groups[e-1].start]
}

// inPairs reports that the three groups from k, which may be a date, only go on a number in pairs, "67 83 26 03 14 4": what stands
// before them is unexplained, and as far off as they are from each other.
func (s *scan) inPairs(v *view, k int) bool {
	p := &s.groups[k-1]
	return p.done == open && p.n == 2 && v.text[p.end:s.groups[k].start] == v.text[s.groups[k].end:s.groups[k+1].start]
}

// clusterEnd is the end of the groups from c that only tight separators hold together.
func (s *scan) clusterEnd(c, b int) int {
	for c++; c < b && s.groups[c].sep == tight; c++ {
	}
	return c
}

// explainNumber matches the groups from k with the unit's phones and the references: the longest match wins.
func (s *scan) explainNumber(v *view, k, b int) (groups int, m mark) {
	if len(s.phones)+len(s.refs) == 0 {
		return 0, open
	}
	from := s.groups[k].d
	plus := s.groups[k].start > 0 && v.text[s.groups[k].start-1] == '+'
	for j := k; j < b; j++ {
		g := s.groups[j]
		if j > k && g.sep != tight {
			break
		}
		n := int(g.d + g.n - from)
		if n > 20 {
			break
		}
		if d := s.digits[from : int(from)+n]; n >= 4 && (anyNumber(s.phones, d, plus) || exactNumber(s.refs, d)) {
			groups, m = j-k+1, explained
			if n < minRun {
				m = partial
			}
		}
	}
	return groups, m
}

func anyNumber(ks []number, d []byte, plus bool) bool {
	for i := range ks {
		if ks[i].same(d, plus) {
			return true
		}
	}
	return false
}

func exactNumber(ks []number, d []byte) bool {
	for i := range ks {
		if slices.Equal(ks[i].d[:ks[i].n], d) {
			return true
		}
	}
	return false
}

// explainTime matches the groups from k with the appointment's times, in any order and grouping they are printed in.
func (s *scan) explainTime(k, b int) (groups int, m mark) {
	g := &s.groups[k]
	if len(s.known.Appt) == 0 || g.n > 14 {
		return 0, open
	}
	if g.n >= 6 {
		for _, c := range s.times() {
			if c.contiguous(s.value(k), int(g.n)) {
				return 1, explained
			}
		}
		return 0, open
	}
	var val [3]int
	var n [3]int
	have := 0
	for j := k; j < b && have < 3 && s.groups[j].n <= 4 && (j == k || s.groups[j].sep <= stop); j++ {
		val[have], n[have] = int(s.value(j)), int(s.groups[j].n)
		have++
	}
	for _, c := range s.times() {
		got, how := c.match(val[:have], n[:have])
		if got > groups {
			groups, m = got, how
		}
	}
	return groups, m
}

// match says how many of the groups at hand are the time, and whether they are a whole date.
func (c clock) match(val, n []int) (groups int, m mark) {
	year := func(i int) bool { return n[i] == 4 && val[i] == c.year || n[i] == 2 && val[i] == c.year%100 }
	is := func(i, want int) bool { return n[i] <= 2 && val[i] == want }
	hour := func(i int) bool { return is(i, c.hour) || c.hour > 12 && is(i, c.hour-12) || c.hour == 0 && is(i, 12) }
	if len(val) >= 3 {
		switch {
		case is(0, c.day) && is(1, c.month) && year(2), year(0) && is(1, c.month) && is(2, c.day) && n[1] == 2:
			return 3, explained
		case is(0, c.hour) && is(1, c.minute) && is(2, 0):
			return 3, partial
		}
	}
	if len(val) >= 2 && (is(0, c.day) && is(1, c.month) || hour(0) && is(1, c.minute) && n[1] == 2) {
		return 2, partial
	}
	if len(val) >= 1 {
		switch {
		case n[0] == 4 && (val[0] == c.year || val[0] == c.hour*100+c.minute || val[0] == c.day*100+c.month),
			n[0] == 3 && val[0] == c.hour*100+c.minute, is(0, c.day), is(0, c.hour):
			return 1, partial
		}
	}
	return 0, open
}

// value is a group's digits as a number; groups of more than 18 digits have none.
func (s *scan) value(k int) uint64 {
	g := s.groups[k]
	if g.n > 18 {
		return 0
	}
	var v uint64
	for _, d := range s.digits[g.d : g.d+g.n] {
		v = v*10 + uint64(d)
	}
	return v
}
