package redact

import "github.com/husk-reminders/husk/pkg/reminder"

// A reader sees the parts of a message beside each other: a subject above its text, a sender's name before both. So the digits
// that nothing explains at the end of one part and at the beginning of another count as one run, whichever part a program
// shows first.

// edge is the unexplained digits at one end of a part: fewer than minRun, or they would be a finding already.
type edge struct {
	part   reminder.PartKind
	fact   string
	offset int // in the part
	length int
	n      int
	d      [minRun - 1]byte
	shape  shape // sizes of the groups
	all    bool  // the part holds nothing else
}

// ends are the two edges of a part.
type ends struct{ lead, tail edge }

// edges keeps the longest run at each end of any view of the part. Digits before byte s.begins are a header's name.
func (s *scan) edges(v *view) {
	a := 0
	for a < len(s.groups) && v.origin(int(s.groups[a].start)) < s.begins {
		a++
	}
	if a == len(s.groups) {
		return
	}
	e := &s.ends[len(s.ends)-1]
	first, last := &s.groups[a], &s.groups[len(s.groups)-1]
	leads := first.words == 0 || v.origin(int(s.words[first.words-1].start)) < s.begins
	trails := int(last.words) == len(s.words)
	if leads {
		b := a + 1
		for b < len(s.groups) && !s.groups[b].head {
			b++
		}
		s.settle(v, a, b)
		j, n := a, 0
		for j < b && s.groups[j].free() && n < minRun {
			n += s.groups[j].left()
			j++
		}
		if n > e.lead.n && n < minRun {
			s.edge(v, &e.lead, a, j)
			e.lead.all = j == len(s.groups) && trails
		}
	}
	if trails {
		b := len(s.groups)
		i := b - 1
		for i > a && !s.groups[i].head {
			i--
		}
		s.settle(v, i, b)
		j, n := b, 0
		for j > i && s.groups[j-1].free() && n < minRun {
			j--
			n += s.groups[j].left()
		}
		if n > e.tail.n && n < minRun {
			s.edge(v, &e.tail, j, b)
		}
	}
}

// settle explains the groups of a chain too short to have been looked at.
func (s *scan) settle(v *view, a, b int) {
	n := 0
	for k := a; k < b; k++ {
		n += int(s.groups[k].n)
	}
	if n < minRun {
		s.explain(v, a, b)
	}
}

// edge fills e with the open groups from i up to j.
func (s *scan) edge(v *view, e *edge, i, j int) {
	for j > i && s.groups[j-1].done != open {
		j--
	}
	for i < j && s.groups[i].done != open {
		i++
	}
	start, end := v.origin(int(s.groups[i].start)), v.originEnd(int(s.groups[j-1].end))
	*e = edge{part: s.part, offset: start, length: end - start, fact: s.factAt(start, end)}
	for ; i < j; i++ {
		if g := &s.groups[i]; g.done == open {
			e.n += copy(e.d[e.n:], s.digits[g.d:g.d+g.n])
			e.shape = e.shape<<4 | shape(g.n)
		}
	}
}

// join holds every pair of parts of which the end of one and the beginning of the other make a run, and parts that are digits
// alone and do so together. The finding stands at the one that is read first.
func (s *scan) join() {
	for i := range s.ends {
		for k := range s.ends {
			if a, b := &s.ends[i].tail, &s.ends[k].lead; i != k && a.n > 0 && b.n > 0 && a.n+b.n >= minRun {
				s.pair(a, b)
			}
		}
	}
	if len(s.out) > 0 {
		return
	}
	n, first, tail := 0, -1, -1
	for i := range s.ends {
		switch e := &s.ends[i]; {
		case !e.lead.all:
			if e.tail.n > 0 && (tail < 0 || e.tail.n > s.ends[tail].tail.n) {
				tail = i
			}
		case first < 0:
			first = i
			fallthrough
		default:
			n += e.lead.n
		}
	}
	if first < 0 {
		return
	}
	lead := 0
	for i := range s.ends {
		if e := &s.ends[i]; i != tail && !e.lead.all {
			lead = max(lead, e.lead.n)
		}
	}
	if tail >= 0 {
		n += s.ends[tail].tail.n
	}
	if e := &s.ends[first].lead; n+lead >= minRun {
		s.out = append(s.out, Finding{Kind: KindDigits, Part: e.part, Offset: e.offset, Length: e.length, Fact: e.fact})
	}
}

// pair records the run that two edges make.
func (s *scan) pair(a, b *edge) {
	if len(s.out)-s.first >= maxFindings {
		return
	}
	var buf [2 * (minRun - 1)]byte
	d := append(append(buf[:0], a.d[:a.n]...), b.d[:b.n]...)
	x := a.shape
	for y := b.shape; y != 0; y >>= 4 {
		x <<= 4
	}
	x |= b.shape
	f := Finding{Kind: KindDigits, Layout: x.String(), Part: a.part, Offset: a.offset, Length: a.length, Fact: a.fact}
	if id := identify(d, x, false, 0); id != noRegister {
		f.Kind, f.Name = id.kind(), registers[id].name
	} else if anyNumber(s.others, d, false) {
		f.Kind = KindThird
	}
	s.out = append(s.out, f)
}

// String is the sizes of the groups, "6-4".
func (x shape) String() string {
	var b []byte
	for i := 60; i >= 0; i -= 4 {
		if n := x >> i & 15; n > 0 {
			if len(b) > 0 {
				b = append(b, '-')
			}
			b = append(b, byte('0'+n))
		}
	}
	return string(b)
}
