package inbound

// wrongAlone: FEJL, FEL, FEIL, VÄÄRÄ.
func (r *reading) wrongAlone() bool {
	return r.any(func(m meaning) bool {
		for _, s := range r.segs[:r.wholes] {
			if m.only(s, please|number, wrongalone) && !m.some(s, thing|body) {
				return true
			}
		}
		return false
	})
}

// saysWrong: a phrase.
func (r *reading) saysWrong() bool {
	return r.likely(func(m meaning) bool {
		for i, w := range m.words {
			if m.c[i]&wrongsay != 0 && !w.asked && !m.has(w.sentence, kin) { // "it is for my son"
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

// notMine: two things that only somebody else than the patient says: "who is Anna", "never been there", "this is my phone now".
func (r *reading) notMine() bool {
	return r.likely(func(m meaning) bool {
		found := class(0)
		for i, c := range m.c {
			if c &= mine | stranger | away | whois; c != 0 && (c&whois != 0 || !m.words[i].asked) && !m.has(m.words[i].sentence, keep&^whois) {
				found |= c
			}
		}
		return found&(found-1) != 0
	})
}
