package inbound

import (
	"slices"
	"strings"
)

// around is what may stand around a word that is otherwise alone.
const around = please | message | send | and

// stopAlone: a STOP, or a word that is one when it is all there is, with nothing but courtesies.
func (r *reading) stopAlone() bool {
	return r.any(func(m meaning) bool {
		for n, s := range r.segs {
			must := stop | leave
			if n < r.wholes {
				must |= quit // a weaker word counts as the whole text or the first line
			}
			if m.only(s, around, must) && !m.some(s, keep) {
				return true
			}
		}
		// "…, stop": the last clause.
		last := len(r.words) - 1
		from := last
		for from > 0 && r.words[from-1].clause == r.words[last].clause {
			from--
		}
		return last >= 0 && !r.words[last].asked && !r.words[last].digits && m.only([2]int{from, last + 1}, please, stop) && !m.some([2]int{from, last + 1}, keep|no|except)
	})
}

// mentionsStop: STOP stands anywhere.
func (r *reading) mentionsStop() bool {
	for _, c := range r.union {
		if c&keep != 0 {
			return false
		}
	}
	for _, c := range r.union {
		if c&stop != 0 {
			return true
		}
	}
	return false
}

func (m meaning) some(s [2]int, of class) bool {
	for i := s[0]; i < s[1]; i++ {
		if m.c[i]&of != 0 {
			return true
		}
	}
	return false
}

// stopFirst: the text begins with STOP, and goes on in a way that leaves it one.
func (r *reading) stopFirst() bool {
	return r.any(func(m meaning) bool {
		if len(m.words) == 0 || m.c[0]&(stop|leave) == 0 || m.c[0]&except != 0 {
			return false
		}
		if m.c[0]&stop == 0 {
			return m.has(0, message|list) || m.only([2]int{0, m.length(0)}, around|list, leave)
		}
		if len(m.words) == 1 {
			return true
		}
		first, next := m.words[0], 1
		for next < len(m.words) && m.c[next]&stop != 0 {
			next++
		}
		if next == len(m.words) {
			return true
		}
		if first.cut || m.words[next].sentence != first.sentence || (first.loud && !m.words[next].loud && r.inAny(next)&no == 0) {
			return true // set off from the rest
		}
		switch {
		case r.inAny(next)&no != 0 && r.inAny(next)&please == 0: // "stop ikke"
			return m.has(0, more)
		case m.words[next].digits: // "Stop 12"
			return m.has(0, message)
		case r.hasInAny(0, body|keep):
			return m.has(0, message)
		case first.asked: // "Stop the tablets?"
			return m.has(0, message|send) || m.c[next]&please != 0
		}
		return true
	})
}

// saysStop: a phrase.
func (r *reading) saysStop() bool {
	return r.any(func(m meaning) bool {
		for i, w := range m.words {
			if m.c[i]&stopsay != 0 && !m.has(w.sentence, keep) {
				return true
			}
		}
		return false
	})
}

// unsubscribes: "afmeld" and messages.
func (r *reading) unsubscribes() bool {
	return r.likely(func(m meaning) bool {
		return m.beside(leave, message|list, 8, func(i, j int) bool {
			return m.c[j]&leave == 0 && !m.has(m.words[i].sentence, keep|body)
		})
	})
}

// ceases: "stop sending", "how do I stop these texts?".
func (r *reading) ceases() bool {
	return r.likely(func(m meaning) bool {
		ok := func(i int) bool {
			w := m.words[i]
			if m.has(w.sentence, keep|body) || (m.negated(i) && !w.asked) {
				return false
			}
			return !w.asked || !w.loud || w.first // "why do you write STOP?"
		}
		return m.beside(cease, message, 7, func(i, j int) bool {
			return m.c[i]&message == 0 && (!m.parted(i, j) || (i < j && j-i <= 3)) && ok(i)
		}) ||
			m.beside(cease, send, 4, func(i, j int) bool { return i < j && !m.spans(i, j, and) && ok(i) })
	})
}

func (m meaning) spans(i, j int, of class) bool {
	for k := i + 1; k < j; k++ {
		if m.c[k]&of != 0 {
			return true
		}
	}
	return false
}

// hasInAny is has in any language.
func (r *reading) hasInAny(sentence int, of class) bool { return r.unions[sentence]&of != 0 }

// negated reports whether a no stands at most two words before, or behind it, in the clause.
func (m meaning) negated(i int) bool {
	if i+1 < len(m.words) && m.c[i+1]&no != 0 && m.c[i+1]&(please|message|send) == 0 && m.words[i+1].clause == m.words[i].clause && !m.inClause(i, more) {
		return true
	}
	for j := max(0, i-2); j < i; j++ {
		if m.c[j]&no != 0 && m.c[j]&please == 0 && m.words[j].clause == m.words[i].clause {
			return true
		}
	}
	return false
}

// refuses: "no more texts", "I don't want reminders", "don't send me messages".
func (r *reading) refuses() bool {
	return r.likely(func(m meaning) bool {
		return m.beside(no, message|send, 7, func(i, j int) bool {
			if m.words[i].asked || m.has(m.words[i].sentence, keep) || m.clauseInAny(i, facts|thing|body) || m.inClause(i, again) && !m.inClause(i, more) {
				return false
			}
			if m.parted(i, j) || (i > 0 && m.c[i-1]&(stop|cease) != 0 && !m.inClause(i, more)) {
				return false
			}
			if m.c[j]&message == 0 { // "don't write to me any more"
				return m.inClause(i, more) && abs(i-j) <= 3
			}
			return abs(i-j) <= 1 || m.inClause(i, more) || m.near(i, want|send, 3)
		})
	})
}

// near reports whether a word of the classes stands within reach of word i, in its clause, or is word i.
func (m meaning) near(i int, of class, reach int) bool {
	for j := max(0, i-reach); j < min(len(m.words), i+reach+1); j++ {
		if m.c[j]&of != 0 && m.words[j].clause == m.words[i].clause {
			return true
		}
	}
	return false
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// removes: "remove my number from your list".
func (r *reading) removes() bool {
	return r.likely(func(m meaning) bool {
		return m.beside(remove, list, 6, func(i, j int) bool {
			return m.c[j]&remove == 0 && !m.has(m.words[i].sentence, keep) && !m.inClause(i, visit|thing|body) && !m.negated(i)
		})
	})
}

// revokes: "I take my consent back".
func (r *reading) revokes() bool {
	return r.likely(func(m meaning) bool {
		return m.beside(revoke, consent, 6, func(i, j int) bool {
			return m.c[j]&revoke == 0 && !m.negated(i) && !m.has(m.words[i].sentence, keep)
		})
	})
}

// nearlyStop: one word beside courtesies, which one letter makes a STOP.
func (r *reading) nearlyStop() bool {
	at := -1
	for i, w := range r.words {
		switch c := r.inAny(i); {
		case c&(please|message) != 0 || w.digits:
		case c&^(body|thing|cease|quit|leave) != 0 || at >= 0:
			return r.apart()
		default:
			at = i
		}
	}
	if at < 0 {
		return r.apart()
	}
	w, x := r.words[at], theLexicon()
	return x.isNear(w.text) || repeated(w.text) || (w.alias != "" && x.isNear(w.alias))
}

// apart reports whether the letters of all the text are a STOP that marks or blanks part: "St.op".
func (r *reading) apart() bool {
	var b strings.Builder
	for _, w := range r.words {
		if b.WriteString(w.text); b.Len() > 20 {
			return false
		}
	}
	return len(r.words) > 1 && slices.Contains(theLexicon().near, b.String())
}

// inAny is what a word can mean in any language.
func (r *reading) inAny(i int) class { return r.union[i] }

// repeated reports whether a word is STOP several times over: STOPSTOP.
func repeated(w string) bool {
	for _, s := range [...]string{"stop", "stopp", "стоп"} {
		if n := len(w) / len(s); n > 1 && n*len(s) == len(w) && strings.Repeat(s, n) == w {
			return true
		}
	}
	return false
}

// loudStop: STOP in capitals is the last word of a text that is not.
func (r *reading) loudStop() bool {
	n := len(r.words) - 1
	if n < 1 || !r.words[n].loud || r.words[n].asked || r.means[0][n]&stop == 0 || r.hasInAny(r.words[n].sentence, keep) {
		return false
	}
	for i, w := range r.words[:n] {
		if (w.loud && len(w.text) > 1) || (w.sentence == r.words[n].sentence && r.inAny(i)&no != 0 && r.inAny(i)&please == 0) {
			return false
		}
	}
	return true
}

// keywordStop: STOP behind one word that no list knows: another's keyword on a shared number.
func (r *reading) keywordStop() bool {
	return len(r.words) > 1 && r.inAny(0) == 0 && !r.words[0].digits && !r.words[0].asked && r.any(func(m meaning) bool {
		return m.only([2]int{1, len(m.words)}, please, stop) && m.c[1]&stop != 0
	})
}

// wrongAlone: FEJL, FEL, FEIL, VÄÄRÄ.
func (r *reading) wrongAlone() bool {
	return r.any(func(m meaning) bool {
		for _, s := range r.segs[:r.wholes] {
			if m.only(s, please|number, wrongalone) {
				return true
			}
		}
		return false
	})
}

// saysWrong: a phrase.
func (r *reading) saysWrong() bool {
	return r.any(func(m meaning) bool {
		for i, w := range m.words {
			if m.c[i]&wrongsay != 0 && !w.asked {
				return true
			}
		}
		return false
	})
}

// wrongPerson: "wrong" and "number".
func (r *reading) wrongPerson() bool {
	return r.likely(func(m meaning) bool {
		return m.beside(wrong, number, 3, func(i, j int) bool {
			s := m.words[i].sentence
			if m.c[j]&wrong != 0 || m.has(s, thing|body|keep) || m.negated(i) {
				return false
			}
			return !m.words[i].asked || m.length(s) <= 4
		})
	})
}

func (m meaning) length(sentence int) int {
	n := 0
	for _, w := range m.words {
		if w.sentence == sentence {
			n++
		}
	}
	return n
}

// cancels: a word to cancel that is not part of a phrase about messages.
func (r *reading) cancels() bool {
	return r.any(func(m meaning) bool {
		for i := range m.words {
			s := m.words[i].sentence
			ofMessages := m.c[i]&(stopsay|leave|quit) != 0 || (i > 0 && m.c[i-1]&leave != 0) || m.has(s, consent) || (m.c[i]&cease != 0 && m.has(s, message) && !m.has(s, visit))
			if m.c[i]&cancel != 0 && !ofMessages {
				return true
			}
		}
		return false
	})
}

func (r *reading) saysCancel() bool {
	return r.any(func(m meaning) bool {
		for i := range m.words {
			if m.c[i]&cancelsay != 0 && !m.lateIn(i) {
				return true
			}
		}
		return false
	})
}

// lateIn reports whether the clause of word i tells of coming late, or in.
func (m meaning) lateIn(i int) bool {
	return m.likely(func(l meaning) bool {
		for j := i; j >= 0 && !l.parted(i, j); j-- {
			if l.isLate(j) {
				return true
			}
		}
		for j := i; j < len(l.words) && !l.parted(i, j); j++ {
			if l.isLate(j) {
				return true
			}
		}
		return false
	})
}

func (m meaning) isLate(i int) bool { return m.c[i]&late != 0 && m.c[i]&(cancelsay|visit) == 0 }

// unbooks: "afmeld min tid".
func (r *reading) unbooks() bool {
	return r.likely(func(m meaning) bool {
		return m.beside(leave, visit, 8, func(i, j int) bool { return m.c[j]&leave == 0 })
	})
}

// staysAway: "kan ikke komme".
func (r *reading) staysAway() bool {
	return r.likely(func(m meaning) bool {
		return m.beside(no, come, 3, func(i, j int) bool {
			return !m.parted(i, j) && !m.lateIn(i) && m.c[j]&no == 0
		})
	})
}

func (r *reading) startAlone() bool {
	return len(r.segs) > 0 && r.any(func(m meaning) bool {
		for _, s := range r.segs[:r.wholes] {
			if m.only(s, please|message|again, start) && !m.some(s, no) {
				return true
			}
		}
		return false
	})
}

// saysStart: a phrase, or messages and again.
func (r *reading) saysStart() bool {
	return r.likely(func(m meaning) bool {
		for i, w := range m.words {
			if w.asked || m.has(w.sentence, no|facts) {
				continue
			}
			if m.c[i]&startsay != 0 {
				return true
			}
			if m.c[i]&again != 0 && m.has(w.sentence, message) && m.has(w.sentence, want|send|start) {
				return true
			}
		}
		return false
	})
}

func (r *reading) helpAlone() bool {
	return len(r.segs) > 0 && r.any(func(m meaning) bool { return m.only(r.segs[0], please, help) && !m.some(r.segs[0], except) })
}

// confirms: "yes", "I'll come".
func (r *reading) confirms() bool {
	return len(r.segs) > 0 && r.any(func(m meaning) bool {
		s := r.segs[0]
		return m.only(s, please|when|visit, yes|comeyes) && !r.words[0].asked && !m.some(s, no&^please)
	})
}
