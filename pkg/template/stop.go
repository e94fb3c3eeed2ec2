package template

import (
	"strings"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// The ways to stop that a text names. Which of them works is for the unit's sender to say: see reminder.Replies.

// StopsByReply reports whether the text says, outside of brackets, to answer STOP; with a keyword, to answer that keyword and STOP
// behind it, as a number that others share wants it. STOP stands in capitals; where the language writes it with two p also STOPP.
// Both are understood, whatever the language.
func (t Template) StopsByReply(keyword string) bool {
	if t.IsZero() {
		return false
	}
	r := t.parts[len(t.parts)-1].reading(false)
	ws := wordsOf(r.text, r.facts)
	for i, w := range ws {
		if t.lang.saysStop(w) && (keyword == "" || wordBefore(r.text, ws, i, keyword)) {
			return true
		}
	}
	return false
}

// StopsByPhone reports whether a sentence of the text says, outside of brackets, to ring {phone} to stop. A sentence that asks for an
// answer too must say to ring just before the number: else that may be there for something else. An e-mail is answered or left by its
// unsubscribe header, so its text must not name a phone for that.
func (t Template) StopsByPhone() bool {
	if t.IsZero() || t.channel != reminder.SMS {
		return false
	}
	r := t.parts[len(t.parts)-1].reading(false)
	r.look()
	j := judge{t: &t}
	stops, replies, calls := j.marks(r, wordStop), j.marks(r, wordReply), j.marks(r, wordCall)
	for i, w := range r.words {
		if w.fact != byPhone {
			continue
		}
		from, to := sentenceOf(r.words, i)
		if !some(stops[from:to]) {
			continue
		}
		if !some(replies[from:to]) || i > from && calls[i-1] || i > from+1 && calls[i-2] {
			return true
		}
	}
	return false
}

// StopExample is how a text in the template's language says how to stop: by an answer, with the keyword of a shared number where
// there is one, or by phone.
func (t Template) StopExample(u reminder.Unit) string {
	switch {
	case !u.TakesReplies():
		return t.lang.ring
	case u.Keyword != "":
		return strings.Replace(t.lang.example, "STOP", u.Keyword+" STOP", 1)
	}
	return t.lang.example
}

// saysStop reports whether a word is what a citizen sends.
func (l language) saysStop(w word) bool { return w.capitals && l.isStop(w.text) }

func (l language) isStop(w string) bool {
	return w == "stop" || w == "stopp" && (l.tag == "nb" || l.tag == "sv" || l.tag == "de")
}

// wordBefore reports whether the keyword stands before word i, with nothing but space between them. A keyword with digits in it is
// several words.
func wordBefore(text string, ws []word, i int, keyword string) bool {
	before := strings.TrimRight(text[:ws[i].start], " \n")
	at := len(before) - len(keyword)
	if len(before) == ws[i].start || at < 0 || !strings.EqualFold(before[at:], keyword) {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(before[:at])
	return at == 0 || kindOf(last) == 0 && last != '}' // a placeholder's value would run into it
}

// keyworded is the word behind the keyword of a shared number, "HOSP" or "HOSP24" in capitals, that begins at word i; i where none
// begins there.
func keyworded(ws []word, i int) int {
	if ws[i].text == "" || !ws[i].capitals {
		return i
	}
	k := i + 1
	for k < len(ws) && ws[k].start == ws[k-1].end && (ws[k].digits != "" || ws[k].capitals) {
		k++
	}
	if k < len(ws) && ws[k].after == afterSpace {
		return k
	}
	return i
}

// sentenceOf is where the sentence of word i begins and ends.
func sentenceOf(ws []word, i int) (from, to int) {
	from, to = i, i+1
	for from > 0 && ws[from].after < afterStop {
		from--
	}
	for to < len(ws) && ws[to].after < afterStop {
		to++
	}
	return from, to
}

func some(marks []bool) bool {
	for _, m := range marks {
		if m {
			return true
		}
	}
	return false
}
