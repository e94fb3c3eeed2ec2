package template

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// needs are the facts a message of a purpose must show, whatever is left out: when and where (Datatilsynet's example text:
// "Husk din aftale [dato/kl.] på [X] Hospital ... Evt. afbud på [tlf.nr./e-mailadresse]").
var needs = map[reminder.Purpose][]string{
	reminder.Remind:  {"date", "time", "unit"},
	reminder.Changed: {"date", "time", "unit"},
	reminder.Cancel:  {"was_date", "was_time", "unit"},
}

// WordClass is the content class of a text that names a specialty, diagnosis, procedure or drug.
const WordClass reminder.Class = 2

// Raise is a word in the literal text that makes it class 2, and where it stands in the file.
type Raise struct {
	Hit
	Part   reminder.PartKind `json:"part"`
	Line   int               `json:"line"`
	Column int               `json:"column"`
}

// Raises are the words that make the literal text class 2, in the order of the file.
func (t Template) Raises() []Raise { return slices.Clone(t.raises) }

// Lint holds a template against what a message of purpose must and must not say. It must say when, where, a contact of the
// clinic and how to stop. It must not ask (an answer would be case data on an open network), speak of results, advertise,
// carry a link, mail address or number of its own, or hint at health more than the author declared. What Lint refuses is
// never sent; it tells where and what to write instead. None = fit.
func (t Template) Lint(purpose reminder.Purpose) []Problem {
	problems, ok := t.lint[purpose]
	if !ok {
		return []Problem{{File: t.file, Line: 1, Reason: "no template can serve this purpose: want reminder, changed, cancelled, reply or verify"}}
	}
	return slices.Clone(problems)
}

// judge finds what is wrong for each purpose, once.
func (t *Template) judge() {
	j := judge{t: t, seen: map[Problem]bool{}}
	for _, p := range slices.Concat(t.parts, t.sent) { // as they stand, and as they are sent
		j.seams(p)
		// The second reading finds what comes together where brackets are left out.
		readings := []reading{p.reading(true), p.reading(false)}
		if p.brackets() == 0 {
			readings = readings[:1]
		}
		for _, r := range readings {
			r.look()
			j.health(p.kind, r)
			j.wording(r)
			j.links(r)
			j.numbers(r)
		}
	}
	for _, x := range t.raises {
		if t.class < WordClass {
			j.fail(x.Line, x.Column, "%q names a %s, so the text is class %v and not %v: leave the word out, or write \"Class: %v\" in the file's first line",
				x.Word, x.Kind, WordClass, t.class, WordClass)
		}
	}
	slices.SortStableFunc(j.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	t.lint = map[reminder.Purpose][]Problem{}
	for purpose, facts := range needs {
		t.lint[purpose] = append(t.missing(purpose, facts), j.problems...)
	}
	t.lint[reminder.Reply] = append(t.answers(), j.problems...)
	t.lint[reminder.Verify] = append(t.codes(), j.problems...)
	for purpose := range t.lint {
		if purpose != reminder.Verify {
			t.lint[purpose] = append(t.strayCodes(purpose), t.lint[purpose]...)
		}
		if _, ok := needs[purpose]; t.event && !ok {
			t.lint[purpose] = append(t.lint[purpose], Problem{File: t.file, Line: 1, Reason: fmt.Sprintf("a %s is about no appointment: remove the line \"Calendar: yes\"", purpose)})
		}
	}
}

// missing tells what a message of purpose must say and does not.
func (t Template) missing(purpose reminder.Purpose, facts []string) []Problem {
	var out []Problem
	body := t.parts[len(t.parts)-1]
	fail := func(format string, args ...any) {
		out = append(out, Problem{File: t.file, Line: body.line, Reason: fmt.Sprintf(format, args...)})
	}
	for _, name := range facts {
		if !body.shows(name) {
			fail("{%s} is missing outside of brackets: a %s must say when and where", name, purpose)
		}
	}
	if !body.shows("phone") && !body.shows("mail") {
		fail("neither {phone} nor {mail} outside of brackets: a %s must name a contact of the clinic", purpose)
	}
	if !t.StopsByReply("") && !t.StopsByPhone() {
		fail("no word STOP outside of brackets: every message must say how to stop: write, for example, %q", t.lang.example)
	}
	return out
}

func (p part) shows(name string) bool {
	return slices.ContainsFunc(p.nodes, func(n node) bool { return n.fact != nil && n.fact.Name == name && n.group == 0 })
}

// brackets is the number of brackets in the part.
func (p part) brackets() int {
	n := 0
	for _, node := range p.nodes {
		n = max(n, node.group)
	}
	return n
}

// maxProblems is how many faults of one text are told; a text with more is no better known for them.
const maxProblems = 64

// judge collects what is wrong with the literal text, whatever the purpose.
type judge struct {
	t        *Template
	problems []Problem
	seen     map[Problem]bool
}

func (j *judge) fail(line, column int, format string, args ...any) {
	p := Problem{File: j.t.file, Line: line, Column: column, Reason: fmt.Sprintf(format, args...)}
	if !j.seen[p] && len(j.problems) < maxProblems {
		j.seen[p] = true
		j.problems = append(j.problems, p)
	}
}

// at is fail for a byte of a reading.
func (j *judge) at(r reading, offset int, format string, args ...any) {
	if len(j.problems) >= maxProblems {
		return
	}
	line, column := r.place(offset)
	j.fail(line, column, format, args...)
}

// health finds words that hint at health, in the literal text alone.
func (j *judge) health(kind reminder.PartKind, r reading) {
	ws := r.words
	for _, m := range j.find(r, healthKinds...) {
		if len(j.t.raises) >= maxProblems {
			break
		}
		from, to := ws[m.first].start, ws[m.last].end
		x := Raise{Hit: Hit{Kind: m.kind, Word: strings.Join(strings.Fields(r.text[from:to]), " "), Offset: from, Length: to - from}, Part: kind}
		x.Line, x.Column = r.place(from)
		if !slices.ContainsFunc(j.t.raises, func(y Raise) bool { return y.Line == x.Line && y.Column == x.Column }) {
			j.t.raises = append(j.t.raises, x)
		}
	}
}

// find picks words of the kinds in a reading, by the template's language.
func (j *judge) find(r reading, kinds ...WordKind) []matched {
	return match(r.looked, []string{j.t.lang.tag}, kinds...)
}

// marks tells of each word of a reading whether it is of the kind.
func (j *judge) marks(r reading, kind WordKind) []bool {
	out := make([]bool, len(r.words))
	for _, m := range j.find(r, kind) {
		for i := m.first; i <= m.last; i++ {
			out[i] = true
		}
	}
	return out
}

// seams refuses brackets without which two words, or a number and a fact, would run into one.
func (j *judge) seams(p part) {
	for i, n := range p.nodes {
		// The pieces that can come to stand behind n: those of the next brackets, or of any after brackets left out.
		for k, skipped := i+1, 0; k < len(p.nodes); k++ {
			m := p.nodes[k]
			if m.group == n.group && n.group != 0 {
				break
			}
			if first := k == 0 || p.nodes[k-1].group != m.group; skipped > 0 && (m.group == 0 || first) && runTogether(n, m) {
				j.fail(m.line, m.column, "without the brackets before it this runs into the word or number in front of them: put a space outside of the brackets")
			}
			if m.group == 0 {
				break
			}
			skipped++
		}
	}
}

// runTogether reports whether two pieces would read as one word or number, side by side.
func runTogether(a, b node) bool {
	edge := func(n node, last bool) int {
		if n.fact != nil {
			return isDigit // its value may end or begin with one
		}
		r, _ := utf8.DecodeRuneInString(n.literal)
		if last {
			r, _ = utf8.DecodeLastRuneInString(n.literal)
		}
		return kindOf(r)
	}
	x, y := edge(a, true), edge(b, false)
	if a.fact != nil && b.fact != nil {
		return true
	}
	return x != 0 && x == y
}

// capital reports whether the word begins with a capital letter.
func capital(text string) bool { return unicode.IsUpper(rune1(text)) }
