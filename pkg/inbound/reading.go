package inbound

import "slices"

// reading is a text as words with what each can mean in each language.
type reading struct {
	words  []word
	means  [len(languages)][]class // by word
	langs  []int                   // that have a word of the text besides courtesies
	main   []int                   // of those, the ones it may be written in
	in     [len(languages)]meaning // of langs
	union  []class                 // by word, in all languages
	unions []class                 // by sentence
	segs   [][2]int                // the whole text, its first line if there are more, each sentence
	wholes int                     // how many of segs are the text or its first line
}

func newReading(ws []word) *reading {
	r := &reading{words: ws}
	all := make([]class, len(languages)*len(ws))
	for l := range r.means {
		r.means[l] = all[l*len(ws) : (l+1)*len(ws)]
	}
	x := theLexicon()
	// Single words first: a phrase may ask for a name.
	var phrases []hit
	for i, w := range ws {
		at := func(e entry) {
			if len(e.rest) > 0 {
				phrases = append(phrases, hit{i, e})
				return
			}
			r.mark(i, e)
		}
		x.find(w.text, at)
		if w.alias != "" {
			x.find(w.alias, at)
		}
		if bare := withoutArticle(w.text); bare != "" {
			x.find(bare, at)
		}
		if !r.known(i) && len(w.text) >= 4 {
			x.findSqueezed(w.text, at)
		}
		if w.capital {
			for _, e := range x.names {
				if r.mayBeName(i, e.language) {
					phrases = append(phrases, hit{i, e})
				}
			}
		}
	}
	for _, h := range phrases {
		if end := r.match(h.at+1, h.entry.rest, h.entry.language); end > 0 {
			for i := h.at; i < end; i++ {
				r.mark(i, h.entry)
			}
		}
	}
	r.share()
	r.segments()
	return r
}

// share gives every language what all share, and what turns a STOP round in any: a sentence may have words of several. What is
// left out of langs has nothing but courtesies.
func (r *reading) share() {
	for i := range r.words {
		shared := r.means[0][i]
		for l := range r.means {
			shared |= r.means[l][i] & keep
		}
		for l := range r.means {
			r.means[l][i] |= shared
		}
	}
	known, most := [len(languages)]int{}, 0
	for l := 1; l < len(languages); l++ {
		for _, c := range r.means[l] {
			if c != 0 {
				known[l]++
			}
		}
		most = max(most, known[l])
		if slices.ContainsFunc(r.means[l], func(c class) bool { return c&^(please|and|when) != 0 }) {
			r.langs = append(r.langs, l)
		}
	}
	for _, l := range r.langs {
		if 5*known[l] >= 3*most {
			r.main = append(r.main, l)
		}
	}
	r.union = make([]class, len(r.words))
	for _, cs := range r.means {
		for i, c := range cs {
			r.union[i] |= c
		}
	}
	r.unions = r.sums(r.union)
	for _, l := range r.langs {
		r.in[l] = r.meaning(r.means[l])
	}
}

// known reports whether a word is in a list, while the lists are still looked through.
func (r *reading) known(i int) bool {
	for l := range r.means {
		if r.means[l][i] != 0 {
			return true
		}
	}
	return false
}

type hit struct {
	at    int
	entry entry
}

func (r *reading) mark(i int, e entry) { r.means[e.language][i] |= e.class }

// match finds the rest of a phrase from word i on, and returns where it ends; 0 when it is not there.
func (r *reading) match(i int, rest []piece, language int) int {
	for n, p := range rest {
		if p.gap {
			for skip := 0; skip <= gap && i+skip < len(r.words); skip++ {
				if skip > 0 && r.words[i+skip-1].sentence != r.words[i-1].sentence {
					break
				}
				if end := r.match(i+skip, rest[n+1:], language); end > 0 {
					return end
				}
			}
			return 0
		}
		if p.end {
			if i < len(r.words) && r.words[i].clause == r.words[i-1].clause {
				return 0
			}
			continue
		}
		if i >= len(r.words) || r.words[i].sentence != r.words[i-1].sentence || !r.fits(i, p, language) {
			return 0
		}
		i++
	}
	return i
}

func (r *reading) fits(i int, p piece, language int) bool {
	w := r.words[i]
	if p.name {
		return !w.first && r.mayBeName(i, language)
	}
	for _, t := range [...]string{w.text, w.alias, withoutArticle(w.text)} {
		if t == p.word && t != "" || p.begins && len(t) > len(p.word) && t[:len(p.word)] == p.word {
			return true
		}
	}
	return false
}

// mayBeName reports whether a word is written as a name is.
func (r *reading) mayBeName(i, language int) bool {
	c := r.means[language][i]
	return c&name != 0 || (r.words[i].capital && c&notname == 0)
}

// withoutArticle takes the Arabic article and the conjunction before it off; "" when there is none.
func withoutArticle(w string) string {
	const and, article = "و", "ال"
	cut := w
	if len(cut) >= 6 && cut[:len(and)] == and {
		cut = cut[len(and):]
	}
	for _, p := range [...]string{article, "بال", "لل", "ب", "ل"} {
		if len(cut) > len(p)+4 && cut[:len(p)] == p {
			return cut[len(p):]
		}
	}
	if cut == w {
		return ""
	}
	return cut
}

// segments are the stretches that may be all there is.
func (r *reading) segments() {
	if len(r.words) == 0 {
		return
	}
	r.segs = append(r.segs, [2]int{0, len(r.words)})
	for i := range r.words {
		if r.words[i].line != r.words[0].line {
			r.segs = append(r.segs, [2]int{0, i})
			break
		}
	}
	r.wholes = len(r.segs)
	from := 0
	for i := 1; i <= len(r.words); i++ {
		if i == len(r.words) || r.words[i].sentence != r.words[i-1].sentence {
			if from > 0 || i < len(r.words) {
				r.segs = append(r.segs, [2]int{from, i})
			}
			from = i
		}
	}
}

// first is the reason of the first rule that holds, "" when none does.
func (r *reading) first(rules []rule) string {
	for _, x := range rules {
		if x.is(r) {
			return x.why
		}
	}
	return ""
}

// any reports whether f holds in one of the languages.
func (r *reading) any(f func(m meaning) bool) bool {
	for _, l := range r.langs {
		if f(r.in[l]) {
			return true
		}
	}
	return false
}

// likely is any in the languages that know most of the words: of what hangs on several words, those of another language mean
// nothing together.
func (r *reading) likely(f func(m meaning) bool) bool {
	for _, l := range r.main {
		if f(r.in[l]) {
			return true
		}
	}
	return false
}

// meaning is a reading in one language.
type meaning struct {
	*reading
	c         []class // by word
	part      []int   // by word: which clause it is in
	parts     []class // by clause
	unionPart []class // by clause, in all languages
	sentences []class // by sentence
}

func (r *reading) meaning(c []class) meaning {
	m := meaning{reading: r, c: c, part: make([]int, len(c)), sentences: r.sums(c)}
	n := 0
	for i := range c {
		if i > 0 && (r.words[i].clause != r.words[i-1].clause || c[i]&and != 0) {
			n++
		}
		m.part[i] = n
	}
	m.parts, m.unionPart = make([]class, n+1), make([]class, n+1)
	for i, p := range m.part {
		m.parts[p] |= c[i]
		m.unionPart[p] |= r.union[i]
	}
	return m
}

// sums are the classes of each sentence.
func (r *reading) sums(c []class) []class {
	if len(c) == 0 {
		return nil
	}
	out := make([]class, r.words[len(c)-1].sentence+1)
	for i, w := range r.words {
		out[w.sentence] |= c[i]
	}
	return out
}

// only reports whether a segment has nothing but words of these classes, digits aside, and at least one of must.
func (m meaning) only(seg [2]int, of, must class) bool {
	found := false
	for i := seg[0]; i < seg[1]; i++ {
		if m.c[i]&(of|must) == 0 && !m.words[i].digits {
			return false
		}
		found = found || m.c[i]&must != 0
	}
	return found
}

// has reports whether a sentence has a word of the classes.
func (m meaning) has(sentence int, of class) bool { return m.sentences[sentence]&of != 0 }

// beside reports whether a word of the classes a stands within reach words of one of b, in one sentence, and ok holds for the two.
func (m meaning) beside(a, b class, reach int, ok func(i, j int) bool) bool {
	for i, w := range m.words {
		if m.c[i]&a == 0 {
			continue
		}
		for j := max(0, i-reach); j < min(len(m.words), i+reach+1); j++ {
			if j != i && m.c[j]&b != 0 && m.words[j].sentence == w.sentence && ok(i, j) {
				return true
			}
		}
	}
	return false
}

// parted reports whether another clause begins between two words.
func (m meaning) parted(i, j int) bool { return m.part[i] != m.part[j] }

// inClause reports whether the clause of word i has a word of the classes.
func (m meaning) inClause(i int, of class) bool { return m.parts[m.part[i]]&of != 0 }

// clauseInAny is inClause in any language.
func (m meaning) clauseInAny(i int, of class) bool { return m.unionPart[m.part[i]]&of != 0 }
