package inbound

import "slices"

// cancels: a word to cancel that is not part of a phrase about messages, and not "don't cancel".
func (r *reading) cancels() bool {
	return r.any(func(m meaning) bool {
		for i := range m.words {
			if m.c[i]&cancel != 0 && !m.cancelsMessages(i) && !m.denied(i) && (!m.inClause(i, thing) || m.inClause(i, visit)) { // not the taxi
				return true
			}
		}
		return false
	})
}

// cancelsMessages reports whether the word to cancel at i is said of messages, as far as words beside it tell.
func (m meaning) cancelsMessages(i int) bool {
	if i+1 < len(m.words) && m.c[i+1]&visit != 0 {
		return false
	}
	s := m.words[i].sentence
	return m.c[i]&(stopsay|leave|quit) != 0 || (i > 0 && m.c[i-1]&leave != 0) || m.has(s, consent) || (m.c[i]&cease != 0 && m.has(s, message) && !m.has(s, visit))
}

// denied reports whether a no stands right before word i.
func (m meaning) denied(i int) bool {
	return i > 0 && m.c[i-1]&no != 0 && m.c[i-1]&please == 0 && m.words[i-1].clause == m.words[i].clause
}

func (r *reading) saysCancel() bool {
	return !r.speaksOf(machine) && r.likely(func(m meaning) bool {
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

// moves: "can I have another day", with the appointment or as all that is said.
func (r *reading) moves() bool {
	return r.likely(func(m meaning) bool {
		for i, w := range m.words {
			if m.c[i]&soft != 0 && !m.has(w.sentence, message|list|keep) {
				return true
			}
		}
		return false
	})
}

// strikes: "delete my second appointment".
func (r *reading) strikes() bool {
	return r.likely(func(m meaning) bool {
		return m.beside(remove, visit, 8, func(i, j int) bool {
			s := m.words[i].sentence
			return m.c[j]&remove == 0 && (!m.negated(i) && !m.words[i].asked || m.requested(i)) && !m.has(s, message|list|keep|mistake) && !m.besidesVisit(i, thing|body|facts|did)
		})
	})
}

// besidesVisit reports whether the clause of word i has a word of the classes that does not mean the appointment.
func (m meaning) besidesVisit(i int, of class) bool {
	for j, c := range m.c {
		if m.part[j] == m.part[i] && c&of != 0 && c&visit == 0 {
			return true
		}
	}
	return false
}

// needless: "I don't need the visit any more", with nothing but small words between, which would be what is not needed instead.
func (r *reading) needless() bool {
	const small = please | no | more | these | want | need
	return r.likely(func(m meaning) bool {
		return m.beside(need, visit, 5, func(i, j int) bool {
			if m.words[i].asked || m.parted(i, j) || !m.near(i, no, 4) || m.has(m.words[i].sentence, keep|message) || m.besidesVisit(i, thing|body|facts) {
				return false
			}
			for k := min(i, j) + 1; k < max(i, j); k++ {
				if m.c[k]&(small|visit) == 0 {
					return false
				}
			}
			return true
		})
	})
}

// thinksAgain: "I have changed my mind about the operation".
func (r *reading) thinksAgain() bool {
	return r.speaksOf(mind) && r.likely(func(m meaning) bool {
		return m.speaksOfItself(mind) && m.speaksOfItself(visit) && !m.speaksOfItself(message|send|list|keep|comeyes)
	})
}

// speaksOfItself is speaksOf in one language.
func (m meaning) speaksOfItself(of class) bool {
	return slices.ContainsFunc(m.sentences, func(c class) bool { return c&of != 0 })
}
