package redact

// A shape is the sizes of up to sixteen groups, four bits each: 6-4 is 0x64.
type shape uint64

const shapeOdd shape = 0 // any other grouping of a whole cluster

// canonical reports the groupings in which people write national ids. Layout beats check digit there: a number with a
// typing error still shows a birth date.
func canonical(x shape) bool {
	switch x {
	case 0x64, 0x84, 0x65, 0x63, 0x2224, 0x4224, 0x2244, 0x2225, 0x632, 0x22232, 0x22222, 0x222222, 0x264, 0x624, 0x2333,
		0x2223, 0x2245, 0x85, 0x1111111111, 0x11111111111, 0x111111111111:
		return true
	}
	return false
}

// national looks for a national id in the groups from i up to b, names it and says how many groups it takes. The longest
// one wins.
func (s *scan) national(v *view, i, b int) int {
	if n, id, end := s.lettered(v, i); n > 0 {
		s.addID(v, id, s.layout(i, i+n), int(s.groups[i].start), end)
		return n
	}
	h := s.hint(i)
	best, id := 0, noRegister
	total, x := 0, shape(0)
	loose, clear := 0, true // separators that are not tight, and whether nothing of it is explained
	all := true
	clusterStart := s.groups[i].head || s.groups[i].sep != tight
	for j := i; j < b && j < i+12; j++ {
		g := &s.groups[j]
		total += int(g.n)
		if total > 13 || g.done == found {
			break
		}
		if j > i && g.sep != tight {
			loose++
		}
		clear = clear && g.free()
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
		if k := identify(d, layout, plus, h); k != noRegister {
			best, id = j-i+1, k
		}
	}
	if best > 0 {
		s.addID(v, id, s.layout(i, i+best), int(s.groups[i].start), int(s.groups[i+best-1].end))
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

// identify names the national id that nine to thirteen digits in this shape are. Canonical layouts go by their date; contiguous
// digits and odd groupings by DK and IS date, SE Luhn, NO check digits.
func identify(d []byte, x shape, plus bool, h class) register {
	firm := canonical(x)
	switch len(d) {
	case 9:
		if ok, repl := dkDate(d); ok && !repl && (x == 0x63 || x == 0x2223) {
			if h&cHintFI != 0 { // its control character is gone
				return hetuCodeWrong
			}
			return faroeseNumber
		}
	case 10:
		return ten(d, x, plus, h)
	case 11:
		return eleven(d, x, firm, h)
	case 12:
		return twelve(d, x, firm, plus, h)
	case 13:
		if short := [11]byte(append(append([]byte{}, d[:4]...), d[6:]...)); (x == 0x2245 || x == 0x85) && seCentury(d[4:]) && noDate(short[:]) { // DD MM YYYY NNNNN
			return norwegian(short[:])
		}
	}
	return noRegister
}

func ten(d []byte, x shape, plus bool, h class) register {
	dk, repl := dkDate(d)
	se, sam := seDate(d)
	se = se && (luhn(d) || canonical(x) || h&cHintSE != 0)
	switch {
	case se && (plus || h&cHintSE != 0):
		return swedish(sam, plus)
	case h&cHintFI != 0 && dk && !repl: // its control character can be a digit
		return finnish(d[:6], string([]byte{d[6] + '0', d[7] + '0', d[8] + '0', d[9] + '0'}))
	case h&cHintIS != 0 && dk && !repl:
		return icelandic(d)
	case h&cHintIS != 0 && d[0] >= 8:
		return systemKennitala
	case dk && (h&cHintDK != 0 || !repl && dkMod11(d)):
		return cpr(d, repl)
	case se && luhn(d):
		return swedish(sam, plus)
	case dk:
		return cpr(d, repl)
	case se:
		return swedish(sam, plus)
	case x == 0x64 && d[0] >= 8:
		return systemKennitala
	}
	return noRegister
}

func eleven(d []byte, x shape, firm bool, h class) register {
	date := noDate(d)
	strict, rule2032 := noCheck(d)
	switch {
	case h&cHintDE != 0 || x == 0x2333 && deTax(d):
		return taxNumber
	case date && strict:
		return norwegian(d)
	case d[0] >= 8 && strict: // for patients not known: no date
		return fhNumber
	case date && rule2032:
		return birthNumber2032
	case date && (firm && x != 0x2333 || h&cHintNO != 0):
		return norwegian(d)
	case h&cHintNO != 0:
		return birthNumber
	}
	return noRegister
}

func twelve(d []byte, x shape, firm, plus bool, h class) register {
	se, sam := seDate(d[2:])
	switch {
	case h&cHintDUF != 0:
		return dufNumber
	case seCentury(d) && se && (luhn(d[2:]) || firm || h&cHintSE != 0):
		return swedish(sam, plus)
	case d[0] == 9 && d[1] == 9 && seCentury(d[2:]) && luhn(d[4:]): // 99 YYYY NNNNN C
		return reserveStockholm
	case seCentury(d) && two(d[4:]) >= 1 && two(d[4:]) <= 12 && two(d[6:]) >= 32 && two(d[6:]) <= 59:
		return reserveCarelink
	case seCentury(d[4:]) && (x == 0x84 || x == 0x2244 || x == 0x222222 || h&cHintDK != 0): // DD MM YYYY SSSS
		short := [10]byte{d[0], d[1], d[2], d[3], d[6], d[7], d[8], d[9], d[10], d[11]}
		if ok, repl := dkDate(short[:]); ok {
			return cpr(short[:], repl)
		}
	}
	return noRegister
}

// hint is what a word before the digits says of their country.
func (s *scan) hint(i int) class {
	return s.labels(i, 3) & (cHintDK | cHintSE | cHintNO | cHintFI | cHintIS | cHintDE | cHintReserve | cHintDUF)
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
