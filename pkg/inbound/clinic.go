package inbound

// cancels: a word to cancel that is not part of a phrase about messages, and not "don't cancel".
func (r *reading) cancels() bool {
	return r.any(func(m meaning) bool {
		for i := range m.words {
			if m.c[i]&cancel != 0 && !m.cancelsMessages(i) && !m.denied(i) {
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
