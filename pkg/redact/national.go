package redact

// A shape is the sizes of up to sixteen groups, four bits each: 6-4 is 0x64.
type shape uint64

const shapeOdd shape = 0 // any other grouping of a whole cluster

// canonical reports the groupings in which people write national ids. Layout beats check digit there: a number with a
// typing error still shows a birth date.
func canonical(x shape) bool {
	switch x {
	case 0x64, 0x84, 0x65, 0x63, 0x2224, 0x4224, 0x2244, 0x2225, 0x632, 0x22232, 0x22222, 0x222222, 0x264, 0x624, 0x2333,
		0x2223, 0x1111111111, 0x11111111111, 0x111111111111:
		return true
	}
	return false
}

// national looks for a national id in the groups from i up to b, names it and says how many groups it takes. The longest
// one wins.
func (s *scan) national(v *view, i, b int) int {
	if n, kind, end := s.lettered(v, i); n > 0 {
		s.add(v, kind, s.layout(i, i+n), int(s.groups[i].start), end)
		return n
	}
	h := s.hint(i)
	best, kind := 0, ""
	total, x := 0, shape(0)
	loose, clear := 0, true // separators that are not tight, and whether nothing of it is explained
	all := true
	clusterStart := s.groups[i].head || s.groups[i].sep != tight
	for j := i; j < b && j < i+12; j++ {
		g := &s.groups[j]
		total += int(g.n)
		if total > 12 || g.done == found {
			break
		}
		if j > i && g.sep != tight {
			loose++
		}
		clear = clear && g.done == open
		all = all && g.done != open
		x = x<<4 | shape(g.n)
		if total < 9 || all {
			continue
		}
		layout := x
		whole := clusterStart && (j+1 == b || s.groups[j+1].sep != tight)
		switch {
		case j == i:
		case canonical(x):
			if loose > 0 && (!clear || !s.looseOK(v, i, j)) {
				continue
			}
		case whole && loose == 0 && clear:
			layout = shapeOdd
		default:
			continue
		}
		d := s.digits[s.groups[i].d : int(s.groups[i].d)+total]
		plus := x == 0x64 && v.text[s.groups[j].start-1] == '+' || x == 0x84 && v.text[s.groups[j].start-1] == '+'
		if k := identify(d, layout, plus, h); k != "" {
			best, kind = j-i+1, k
		}
	}
	if best > 0 {
		s.add(v, kind, s.layout(i, i+best), int(s.groups[i].start), int(s.groups[i+best-1].end))
	}
	return best
}

// looseOK allows weak separators: anything between two groups, and the same one all along between more.
func (s *scan) looseOK(v *view, i, j int) bool {
	if j == i+1 {
		return true
	}
	sep := v.text[s.groups[i].end:s.groups[i+1].start]
	for k := i + 2; k <= j; k++ {
		if v.text[s.groups[k-1].end:s.groups[k].start] != sep {
			return false
		}
	}
	return sep != ", "
}

// identify names the national id that nine to twelve digits in this shape are, "" when they are none. Canonical layouts go by
// their date; contiguous digits and odd groupings by DK and IS date, SE Luhn, NO check digits.
func identify(d []byte, x shape, plus bool, h class) string {
	firm := canonical(x)
	switch len(d) {
	case 9:
		if ok, repl := dkDate(d); ok && !repl && (x == 0x63 || x == 0x2223) {
			return KindFO
		}
	case 10:
		return ten(d, x, plus, h)
	case 11:
		return eleven(d, x, firm, h)
	case 12:
		return twelve(d, x, firm, h)
	}
	return ""
}

func ten(d []byte, x shape, plus bool, h class) string {
	firm := canonical(x)
	dk, repl := dkDate(d)
	se, sam := seDate(d)
	sweden := KindSE
	if sam {
		sweden = KindSESam
	}
	se = se && (luhn(d) || firm || h&cHintSE != 0)
	switch {
	case plus && se:
		return sweden
	case h&cHintSE != 0 && se:
		return sweden
	case h&cHintIS != 0 && dk && !repl:
		return KindIS
	case h&cHintIS != 0 && d[0] >= 8:
		return KindISSystem
	case h&cHintDK != 0 && dk && repl:
		return KindCPRRepl
	case dk && !repl && dkMod11(d):
		return KindCPR
	case se && luhn(d):
		return sweden
	case dk && repl:
		return KindCPRRepl
	case dk:
		return KindCPRNoMod11
	case se:
		return sweden
	case x == 0x64 && d[0] >= 8:
		return KindISSystem
	}
	return ""
}

func eleven(d []byte, x shape, firm bool, h class) string {
	date := noDate(d)
	strict, rule2032 := noCheck(d)
	switch {
	case h&cHintDE != 0 || x == 0x2333 && deTax(d):
		return KindDE
	case date && strict, d[0] >= 8 && strict: // FH-numbers, for patients not known, have no date
		return KindNO
	case date && rule2032:
		return KindNO2032
	case date && firm && x != 0x2333, h&cHintNO != 0:
		return KindNO
	}
	return ""
}

func twelve(d []byte, x shape, firm bool, h class) string {
	se, sam := seDate(d[2:])
	switch {
	case seCentury(d) && se && (luhn(d[2:]) || firm || h&cHintSE != 0):
		if sam {
			return KindSESam
		}
		return KindSE
	case d[0] == 9 && d[1] == 9 && seCentury(d[2:]) && luhn(d[4:]): // Region Stockholm: 99 YYYY NNNNN C
		return KindSEResv
	case seCentury(d) && two(d[4:]) >= 1 && two(d[4:]) <= 12 && two(d[6:]) >= 32 && two(d[6:]) <= 59: // Carelink
		return KindSEResv
	case x == 0x84 || x == 0x2244 || x == 0x222222 || h&cHintDK != 0: // DD MM YYYY SSSS
		if day := two(d); seCentury(d[4:]) && (calendarDay(day, two(d[2:]), two(d[6:])) || calendarDay(day-60, two(d[2:]), two(d[6:]))) {
			return KindCPR
		}
	}
	return ""
}

// hint is what a word before the digits says of their country.
func (s *scan) hint(i int) class {
	return s.labels(i, 3) & (cHintDK | cHintSE | cHintNO | cHintIS | cHintDE)
}

// labels is the union of classes of the up to n words before group i and behind the group before it.
func (s *scan) labels(i, n int) (c class) {
	g := s.groups[i]
	for k := int(g.words) - 1; k >= 0 && k >= int(g.words)-n; k-- {
		w := s.words[k]
		if int(w.groups) < i {
			// A group stands between: its label is not ours.
			if i == 0 || s.groups[i-1].start > w.start {
				break
			}
		}
		c |= w.lex.class
	}
	return c
}
