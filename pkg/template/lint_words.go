package template

import "strings"

// A contact in the same sentence by which a patient may tell the clinic something: speech, not text on an open network.
const byPhone = "phone"

// wording refuses questions, requests for information, results and advertising, by the template's own language.
func (j *judge) wording(r reading) {
	ws := r.words
	find := func(kinds ...WordKind) []matched { return j.find(r, kinds...) }
	shown := func(m matched) string {
		return strings.Join(strings.Fields(r.text[ws[m.first].start:ws[m.last].end]), " ")
	}
	turned, we, asking := j.marks(r, wordNever), j.marks(r, wordWe), j.marks(r, wordAsk)
	for _, m := range find(wordResult, wordMarket) {
		why := "speaks of results, and a message on an open network says no more than when and where: leave it out"
		if m.kind == wordMarket {
			why = "advertises, recruits or surveys, and a message about an appointment may not: leave it out"
		}
		j.at(r, ws[m.first].start, "%q %s", shown(m), why)
	}
	for _, m := range find(wordAsk) {
		if denied(ws, turned, m) || m.first > 0 && we[m.first-1] || j.stopFollows(ws, m.last, 3) {
			continue
		}
		j.at(r, ws[m.first].start, "%q asks for information, and that must not come over an open network: leave it out, or ask to ring {phone}", shown(m))
	}
	for _, m := range find(wordTell) {
		if !denied(ws, turned, m) && !inSentence(ws, m.first, func(w word) bool { return w.fact == byPhone }) && !j.stopFollows(ws, m.last, 3) {
			j.at(r, ws[m.first].start, "%q asks to be told something: say in the same sentence that it is by {phone}", shown(m))
		}
	}
	for _, m := range find(wordReply) {
		if !denied(ws, turned, m) && !j.asksForStop(ws, m.last) && !asking[m.first] {
			j.at(r, ws[m.first].start, "%q asks for a reply, and the only reply that is read is STOP: write that, or ask to ring {phone}", shown(m))
		}
	}
	for _, m := range find(wordQuestion, wordInvert) {
		if beginsQuestion(r.text, ws, m) {
			j.at(r, ws[m.first].start, "%q begins a question, and answers must not come over an open network: write a statement", shown(m))
		}
	}
	r.literals(func(text string, at int, _, _ string) {
		for i, c := range text {
			if isQuestion(c) {
				j.at(r, at+i, "a question: answers must not come over an open network: write a statement")
			}
		}
	})
}

// denied reports whether a negation stands beside the match, at most three words before it or one behind: "du kan ikke svare",
// "svar ikke på denne besked".
func denied(ws []word, turned []bool, m matched) bool {
	for i := m.first; i > 0 && i > m.first-3 && ws[i].after < afterComma; i-- {
		if turned[i-1] {
			return true
		}
	}
	return m.last+1 < len(ws) && ws[m.last+1].after < afterComma && turned[m.last+1]
}

// stopFollows reports whether one of the next words is STOP.
func (j *judge) stopFollows(ws []word, i, within int) bool {
	for k := i + 1; k < len(ws) && k <= i+within && ws[k].after < afterStop; k++ {
		if ws[k].capitals && j.t.lang.isStop(ws[k].text) {
			return true
		}
	}
	return false
}

// asksForStop reports whether what a reply asks for, from word i on, is STOP: the first word in capitals, with no number before
// it; or the first behind one such word, the keyword of a number that others share.
func (j *judge) asksForStop(ws []word, i int) bool {
	for k := i + 1; k < len(ws) && ws[k].after < afterStop; k++ {
		switch w := ws[k]; {
		case w.digits != "":
			return false
		case w.capitals && w.text != "sms":
			return j.t.lang.isStop(w.text) || j.t.lang.saysStop(ws[keyworded(ws, k)])
		}
	}
	return false
}

// inSentence reports whether a word of the sentence of word i is so.
func inSentence(ws []word, i int, so func(word) bool) bool {
	from, to := sentenceOf(ws, i)
	for _, w := range ws[from:to] {
		if so(w) {
			return true
		}
	}
	return false
}

// beginsQuestion reports whether the match stands first in a sentence or line and begins a question there. "Hvor: ..." is a
// heading, "Where to go" is none either, and "Kan du ikke komme, så ..." is a condition.
func beginsQuestion(text string, ws []word, m matched) bool {
	if w := ws[m.first]; w.after != afterStop && (w.after != afterLine || !capital(text[w.start:])) {
		return false
	}
	if strings.HasPrefix(strings.TrimLeft(text[ws[m.last].end:], " "), ":") {
		return false
	}
	if m.last+1 < len(ws) && ws[m.last+1].text == "to" {
		return false
	}
	if m.kind == wordQuestion {
		return true
	}
	for k := m.last + 1; k < len(ws) && ws[k].after < afterStop; k++ {
		if ws[k].after == afterComma {
			return false
		}
	}
	return true
}
