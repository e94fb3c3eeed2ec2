package redact

// minRun is how many unexplained digits hold a message: a birth date has six.
const minRun = 6

// minList is how many single digits with commas between hold plain text: "Linje 1, 2, 3, 4, 5, 6" is a list.
const minList = 8

// chains looks at every chain: the digit groups with no letter between them.
func (s *scan) chains(v *view) {
	for a := 0; a < len(s.groups); {
		b, n := a+1, int(s.groups[a].n)
		for b < len(s.groups) && !s.groups[b].head {
			n += int(s.groups[b].n)
			b++
		}
		if n >= minRun {
			s.chain(v, a, b)
		}
		a = b
	}
}

func (s *scan) chain(v *view, a, b int) {
	if s.explain(v, a, b) && !s.beside(v, a, b) {
		return
	}
	if !s.strict && !v.ids {
		s.firmShapes(v, a, b)
	}
	for i := a; i < b; {
		if s.groups[i].done == found {
			i++
			continue
		}
		n := s.national(v, i, b)
		for k := i; k < i+n && k < len(s.groups); k++ {
			s.groups[k].done = found
		}
		i += max(n, 1)
	}
	if !v.ids {
		s.deny(v, a, b)
	}
}

// beside reports that a letter is glued to a group of the chain, or that digits and letters follow what may be a date: an
// explained date may still begin an id with letters.
func (s *scan) beside(v *view, a, b int) bool {
	for i := a; i < b; i++ {
		g := &s.groups[i]
		end := int(g.end)
		if end+1 >= len(v.text) {
			continue
		}
		if isLetter(v.text[end]) || g.n >= minRun && i+1 < b {
			return true
		}
		if g.n < minRun && (g.n != 2 || i < a+2) {
			continue
		}
		at, _, _ := skipMark(v.text, end)
		letter, digit := false, false
		for k := at; k < len(v.text) && k < at+5 && isAlnum(v.text[k]); k++ {
			letter, digit = letter || isLetter(v.text[k]), digit || isDigit(v.text[k])
		}
		if letter && digit {
			return true
		}
	}
	return false
}

// deny holds every run of six or more digits that are neither explained nor part of a finding; an hour or a day that is
// explained on its own doesn't count, and doesn't end a run either. In plain text weak separators end a run, a list of single
// digits excepted, and typed shapes pass.
func (s *scan) deny(v *view, a, b int) {
	for i := a; i < b; {
		if !s.groups[i].free() {
			i++
			continue
		}
		from, end, n := -1, i, 0 // the first open group, and behind the last
		single := true
		j := i
		for ; j < b && s.groups[j].free(); j++ {
			one := single && s.groups[j].n == 1
			if j > i && !s.strict && s.groups[j].sep != tight && !one {
				break
			}
			single = one
			if k := s.groups[j].left(); k > 0 {
				if from < 0 {
					from = j
				}
				n += k
				end = j + 1
			}
		}
		if single && from >= 0 && j-i >= minList { // a digit a word: no hour, no day
			from, end, n = i, j, j-i
		}
		if n >= minRun && (s.strict || (!single || n >= minList || s.groups[from+1].sep == tight) && !s.softShape(v, from, end)) {
			s.denyRun(v, from, end)
		}
		i = j
	}
}

func (s *scan) denyRun(v *view, i, j int) {
	from, to := s.groups[i].d, s.groups[j-1].d+s.groups[j-1].n
	d := s.digits[from:to]
	start := int(s.groups[i].start)
	plus := start > 0 && v.text[start-1] == '+'
	kind := KindDigits
	switch {
	case len(d) <= 20 && anyNumber(s.others, d, plus):
		kind = KindThird
	case plus, len(d) > 9 && d[0] == 0 && d[1] == 0, s.pairs(v, i, j), len(d) <= 12 && s.labels(i, 2)&cPhone != 0:
		kind = KindPhone
	}
	id := labelled(s.hint(i), len(d))
	if id == noRegister && j == i+1 && len(d) == 11 && deTax(d) {
		id = taxNumber
	}
	if id != noRegister && kind == KindDigits {
		s.addID(v, id, s.layout(i, j), start, int(s.groups[j-1].end))
	} else {
		s.add(v, kind, s.layout(i, j), start, int(s.groups[j-1].end))
	}
	for ; i < j; i++ {
		s.groups[i].done = found
	}
}

// pairs reports eight digits grouped as Danes and Norwegians write phones.
func (s *scan) pairs(v *view, i, j int) bool {
	if j-i != 4 {
		return j-i == 2 && s.groups[i].n == 4 && s.groups[i+1].n == 4 && v.text[s.groups[i].end] != '/'
	}
	for k := i; k < j; k++ {
		if s.groups[k].n != 2 {
			return false
		}
	}
	return true
}
