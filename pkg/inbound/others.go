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
			if w.asked || m.has(w.sentence, no|facts) {
				continue
			}
			if m.c[i]&startsay != 0 {
				return true
			}
			if m.c[i]&on != 0 && m.beside(on, message, 4, func(a, b int) bool { return !m.parted(a, b) }) {
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

// undoes: "I pressed stop by mistake".
func (r *reading) undoes() bool {
	return r.likely(func(m meaning) bool {
		for i, w := range m.words {
			if m.c[i]&mistake != 0 && m.has(w.sentence, did) && m.has(w.sentence, stop|leave|cease|quit|cancel) && !m.has(w.sentence, no) {
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
