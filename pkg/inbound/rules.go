package inbound

import (
	"slices"
	"strings"
)

// around is what may stand around a word that is otherwise alone.
const around = please | message | send | and | more | these

// stopAlone: a STOP, or a word that is one when it is all there is, with nothing but courtesies.
func (r *reading) stopAlone() bool {
	return r.any(func(m meaning) bool {
		for n, s := range r.segs {
			must := stop | leave
			if n < r.wholes {
				must |= quit // a weaker word counts as the whole text or the first line
			}
			if m.counts(s) && (m.words[s[1]-1].asked || m.some(s, and)) || r.answersItself(s[0]) {
				continue // "stop 14?", "stop 3 or 4"
			}
			if m.only(s, around, must) && !m.some(s, keep|except) || m.only(s, around|ask|want|request, leave) && !m.some(s, keep|visit|no) {
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

// answersItself: "Stop? No no, 9:00": a segment that begins with a question, and a no behind that.
func (r *reading) answersItself(from int) bool {
	next := from
	for next < len(r.words) && r.words[next].sentence == r.words[from].sentence {
		next++
	}
	return r.words[from].asked && next < len(r.words) && r.union[next]&no != 0
}

// counts reports whether a segment has a number.
func (m meaning) counts(s [2]int) bool {
	return slices.ContainsFunc(m.words[s[0]:s[1]], func(w word) bool { return w.digits })
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
		if len(m.words) == 0 || m.c[0]&(stop|leave) == 0 || r.inAny(0)&except != 0 {
			return false
		}
		if m.c[0]&stop == 0 {
			return m.has(0, message|list) || m.only([2]int{0, m.length(0)}, around|list, leave)
		}
		if len(m.words) == 1 {
			return true
		}
		if r.answersItself(0) {
			return false
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
		case r.stopsVisit(): // "stop my appointment"
			return false
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

// stopsVisit: "stop my appointment", and nothing else.
func (r *reading) stopsVisit() bool {
	return len(r.segs) > 0 && r.likely(func(m meaning) bool {
		if m.c[0]&stop == 0 || m.some(r.segs[0], message|send|list) {
			return false
		}
		end := 1
		for end < len(m.words) && m.words[end].clause == m.words[0].clause {
			end++
		}
		return m.only(r.segs[0], stop|please|when, visit) || m.only([2]int{0, end}, stop|please, visit)
	})
}

// saysStop: a phrase.
func (r *reading) saysStop() bool {
	return r.likely(func(m meaning) bool {
		for i, w := range m.words {
			if m.c[i]&stopsay == 0 || m.has(w.sentence, keep) {
				continue
			}
			// "don't send the prescription", "I am tired of the pain"
			other := m.inClause(i, body) || m.inClause(i, thing) && m.inClause(i, no)
			if m.inClause(i, message) || !other {
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
			if m.has(w.sentence, keep|body) || m.c[i]&facts != 0 || m.inClause(i, mistake) && m.inClause(i, did) || (m.negated(i) && !w.asked && !m.requested(i)) {
				return false
			}
			return !w.asked || !w.loud || w.first // "why do you write STOP?"
		}
		return m.beside(cease, message, 8, func(i, j int) bool {
			return m.c[i]&message == 0 && (!m.parted(i, j) || i < j && (j-i <= 3 || m.inClause(j, send))) && ok(i)
		}) ||
			m.beside(cease, send, 4, func(i, j int) bool { return i < j && !m.spans(i, j, and) && ok(i) })
	})
}

// ceasesThis: "stop this", "enough now!": a sentence of such words alone, where nothing else is spoken of.
func (r *reading) ceasesThis() bool {
	return r.any(func(m meaning) bool {
		for n, s := range r.segs {
			whole, single := n < r.wholes, s[1]-s[0] == 1
			switch {
			case !whole && r.speaksOf(body|thing|visit|keep|facts), single && len(r.mended[s[0]]) > 0,
				m.words[s[0]].asked, m.words[s[1]-1].asked, m.some(s, keep|no|except|body|thing|visit):
			case m.endsThis(s):
				return true
			case m.only(s, around|me|ask|request, cease|quit) && (m.some(s, these|send|message|request) || m.some(s, quit) && (whole || !single)):
				return true
			}
		}
		return false
	})
}

// endsThis: "stop this nonsense": a segment that begins with a word to end it, and this.
func (m meaning) endsThis(s [2]int) bool {
	first := s[0]
	for first < s[1]-2 && m.c[first]&(quit|stop) == 0 && m.c[first]&(please|request) != 0 {
		first++
	}
	if m.c[first]&(quit|stop) == 0 || m.c[first]&cease == 0 || m.speaksOf(body|thing|visit|keep|facts|when&^please) {
		return false
	}
	for i := first + 1; i < min(s[1], first+4); i++ {
		if m.c[i]&these != 0 {
			return true
		}
	}
	return false
}

// speaksOf reports whether any word of the text is of the classes, in any language.
func (r *reading) speaksOf(of class) bool {
	return slices.ContainsFunc(r.union, func(c class) bool { return c&of != 0 })
}

// requested reports whether a no before word i only makes its clause polite: "can't you stop".
func (m meaning) requested(i int) bool {
	for j := i - 1; j >= 0 && m.words[j].clause == m.words[i].clause; j-- {
		if m.c[j]&request != 0 {
			return true
		}
	}
	return false
}

// wearies: "I am tired of your texts", "these reminders annoy me".
func (r *reading) wearies() bool {
	return r.likely(func(m meaning) bool {
		return m.beside(weary, message|send, 6, func(i, j int) bool {
			return m.c[i]&(message|send) == 0 && !m.words[i].asked && !m.parted(i, j) && !m.negated(i) && !m.has(m.words[i].sentence, keep|body)
		})
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

// hasInAny is has in any language that the text may be written in.
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
			if m.refusesNothing(i) || m.parted(i, j) || (i > 0 && m.c[i-1]&(stop|cease) != 0 && !m.inClause(i, more)) {
				return false
			}
			if m.c[j]&message == 0 { // "don't write to me any more"
				return m.refusesToBeSent(i, j)
			}
			if m.inClause(i, more) {
				return true
			}
			if abs(i-j) <= 1 && !m.inClause(i, others) && (i == 0 || m.parted(i-1, i) || m.c[i-1] != 0) { // not "I read no texts"
				return true
			}
			return m.near(i, want|send, 3) || m.inClause(i, want|send) && m.inClause(i, me|these) && !m.inClause(i, others)
		})
	})
}

// refusesNothing reports whether a no is a question, or is about something else.
func (m meaning) refusesNothing(i int) bool {
	return m.words[i].asked && !m.requested(i) || m.has(m.words[i].sentence, keep) || m.clauseInAny(i, facts|thing|body) || m.inClause(i, again) && !m.inClause(i, more)
}

// refusesToBeSent: "don't write to me any more", "don't send".
func (m meaning) refusesToBeSent(i, j int) bool {
	switch {
	case abs(i-j) > 5 || m.clauseInAny(i, visit):
		return false
	case m.inClause(i, more):
		return abs(i-j) <= 3 || m.inClause(i, me)
	case m.inClause(i, me) && m.clauseBegins(i) && i <= j:
		return abs(i-j) <= 2
	}
	return m.onlyClause(i, no|send|want|these|please|request|receive)
}

// clauseBegins reports whether nothing but courtesies stands before word i in its clause.
func (m meaning) clauseBegins(i int) bool {
	for j := i - 1; j >= 0 && m.part[j] == m.part[i]; j-- {
		if m.c[j]&(please|request) == 0 {
			return false
		}
	}
	return true
}

// refusesThese: "don't want to receive any more of these": no word for messages, and no room for anything else.
func (r *reading) refusesThese() bool {
	return !r.saysCancel() && r.any(func(m meaning) bool {
		for n, s := range r.segs {
			if n >= r.wholes && r.speaksOf(body|thing|visit|keep|facts) || m.words[s[0]].asked || m.some(s, keep|again) || s[1]-s[0] == 1 && len(r.mended[s[0]]) > 0 {
				continue
			}
			if !m.only(s, please|and|more|these|want|send|me|request, no) {
				continue
			}
			if m.some(s, receive|send) || m.some(s, want) && m.some(s, these|more) {
				return true
			}
		}
		return false
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

// removes: "remove my number from your list", "delete me".
func (r *reading) removes() bool {
	return r.likely(func(m meaning) bool {
		return m.beside(remove, list, 6, func(i, j int) bool {
			return m.c[j]&remove == 0 && !m.has(m.words[i].sentence, keep) && !m.inClause(i, visit|thing|body|facts|did) && !m.negated(i)
		})
	}) || r.any(func(m meaning) bool {
		for _, s := range r.segs {
			if m.only(s, please|me|message|list|these, remove) && m.some(s, me) && !m.some(s, no|keep|except) {
				return true
			}
		}
		return false
	})
}

// revokes: "I take my consent back".
func (r *reading) revokes() bool {
	return r.likely(func(m meaning) bool {
		return m.beside(revoke, consent, 6, func(i, j int) bool {
			return m.c[j]&revoke == 0 && !m.negated(i) && !m.has(m.words[i].sentence, keep|body)
		}) || m.beside(no, consent, 4, func(i, j int) bool {
			return m.has(m.words[i].sentence, message|send) && !m.words[i].asked && !m.parted(i, j) && !m.has(m.words[i].sentence, keep|body)
		})
	})
}

// nearlyStop: one word beside courtesies, which one letter makes a STOP.
func (r *reading) nearlyStop() bool {
	at := -1
	for i, w := range r.words {
		c := r.inAny(i)
		if len(r.mended[i]) > 0 {
			c = 0
		}
		switch {
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
	return len(r.words) > 1 && len(r.words) <= 4 && r.inAny(0) == 0 && !r.words[0].digits && !r.words[0].asked && r.any(func(m meaning) bool {
		return m.only([2]int{1, len(m.words)}, please, stop) && m.c[1]&stop != 0
	})
}

// doubtful: what asks for no more messages is a word that is said of appointments too, and nothing tells which is meant.
func (r *reading) doubtful() bool {
	for _, c := range r.inMain {
		if c&doubt == 0 && c&(stop|message|list|consent|stopsay|send|cease|these) != 0 {
			return false
		}
	}
	return r.speaksOf(doubt)
}
