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
	if !s.strict {
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
	s.deny(v, a, b)
}

// beside reports that a letter or digit is glued to a group of the chain, or one mark away: an explained date may still begin
// an id with letters.
func (s *scan) beside(v *view, a, b int) bool {
	for i := a; i < b; i++ {
		g := &s.groups[i]
		end := int(g.end)
		if end+1 >= len(v.text) {
			continue
		}
		c, next := v.text[end], v.text[end+1]
		if isLetter(c) || g.n >= 6 && (isLetter(next) || i+1 < b) || i >= a+2 && g.n == 2 && c == '-' && isAlnum(next) {
			return true
		}
	}
	return false
}

// deny holds every run of six or more digits that are neither explained nor part of a finding. In plain text weak
// separators end a run, a list of single digits excepted, and typed shapes pass.
func (s *scan) deny(v *view, a, b int) {
	for i := a; i < b; {
		if s.groups[i].done != open {
			i++
			continue
		}
		j, n := i+1, int(s.groups[i].n)
		single := n == 1
		for ; j < b && s.groups[j].done == open; j++ {
			single = single && s.groups[j].n == 1
			if !s.strict && s.groups[j].sep != tight && !single {
				break
			}
			n += int(s.groups[j].n)
		}
		if n >= minRun && (s.strict || (!single || n >= minList || s.groups[i+1].sep == tight) && !s.softShape(v, i, j)) {
			s.denyRun(v, i, j)
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
	case plus, len(d) > 9 && d[0] == 0 && d[1] == 0, s.pairs(i, j), len(d) <= 12 && s.labels(i, 2)&cPhone != 0:
		kind = KindPhone
	}
	s.add(v, kind, s.layout(i, j), start, int(s.groups[j-1].end))
}

// pairs reports eight digits grouped as Danes and Norwegians write phones.
func (s *scan) pairs(i, j int) bool {
	if j-i != 4 {
		return j-i == 2 && s.groups[i].n == 4 && s.groups[i+1].n == 4
	}
	for k := i; k < j; k++ {
		if s.groups[k].n != 2 {
			return false
		}
	}
	return true
}
