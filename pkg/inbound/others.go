package inbound

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
			if w.asked && (!m.requested(i) || m.speaksOfItself(mistake)) || m.has(w.sentence, no) {
				continue
			}
			if m.c[i]&startsay != 0 && !m.tells(w.sentence) {
				return true
			}
			if m.has(w.sentence, facts) {
				continue
			}
			if m.c[i]&on != 0 && m.beside(on, message, 4, func(a, b int) bool { return !m.parted(a, b) }) {
				return true
			}
			if m.c[i]&again != 0 && !w.asked && !m.has(w.sentence, mistake) && m.has(w.sentence, message) && m.has(w.sentence, want|send|start) {
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

// tells reports whether a sentence tells of messages, with words that are not part of asking for them again.
func (m meaning) tells(sentence int) bool {
	for i, c := range m.c {
		if m.words[i].sentence == sentence && c&facts != 0 && c&startsay == 0 {
			return true
		}
	}
	return false
}

// undoes: "I pressed stop by mistake", "put me back, I said stop".
func (r *reading) undoes() bool {
	return r.likely(func(m meaning) bool {
		for i, w := range m.words {
			if m.has(w.sentence, no) {
				continue
			}
			if m.c[i]&mistake != 0 && m.has(w.sentence, did) && m.has(w.sentence, stop|leave|cease|quit|cancel|stopsay) {
				return true
			}
			if m.c[i]&startsay != 0 && !w.asked && m.has(w.sentence, did) && m.has(w.sentence, stop|leave|cease|quit) {
				return true
			}
		}
		return false
	})
}

// asksWhat: "what are these messages?".
func (r *reading) asksWhat() bool {
	return r.likely(func(m meaning) bool {
		for i := range m.words {
			if m.c[i]&helpsay != 0 {
				return true
			}
		}
		return false
	})
}
