package inbound

import "slices"

// reading is a text as words with what each can mean in each language.
type reading struct {
	words  []word
	mended [][]string        // by word: what it may stand for that no list knows
	means  [readings][]class // by word
	langs  []int             // that have a word of the text besides courtesies
	main   []int             // of those, the ones it may be written in
	in     [readings]meaning // of langs
	union  []class           // by word, in all languages
	inMain []class           // by word, in the languages of main
	unions []class           // by sentence, in those
	segs   [][2]int          // the whole text, its first line if there are more, each sentence
	wholes int               // how many of segs are the text or its first line
	steps  int               // of match so far
}

// neighbours are languages that people mix, or write the words of for one another: they are read as one, too.
var neighbours = [...][]int{{1, 2, 3, 4}, {13, 14}}

// german writes its nouns with capitals.
const german = 7

// compounding are the languages that write compounds as one word.
var compounding = [len(languages)]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true}

// readings is how many ways there are to read a text.
const readings = len(languages) + len(neighbours)

// alone are the classes that say something by themselves: a word that has to be mended first has none of them.
const alone = stop | leave | quit | start | help | yes | comeyes | wrongalone | name

func newReading(ws []word) *reading {
	r := &reading{words: ws, mended: make([][]string, len(ws))}
	all := make([]class, readings*len(ws))
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
			if s := squeeze(w.text); s == "stop" || s == "стоп" { // held down: "stoppp", where one p or two is another word in no language
				x.find(s, at)
			}
		}
		if w.capital || r.listed(i, 0) {
			for _, e := range x.names {
				if r.listed(i, e.language) || !e.begins && r.mayBeName(i, e.language) {
					phrases = append(phrases, hit{i, e})
				}
			}
		}
	}
	r.mend(func(i int, e entry) {
		if e.class &^= alone; len(e.rest) > 0 {
			phrases = append(phrases, hit{i, e})
		} else {
			e.class &^= stopsay | wrongsay | cancelsay | startsay | weary
			r.mark(i, e)
		}
	})
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

// mend looks for what the words that no list knows may stand for, in the languages that know most of the others, and calls fn
// with the entries that begin with it.
func (r *reading) mend(fn func(int, entry)) {
	x := theLexicon()
	var known [len(languages)]int
	var unknown []int
	for i, w := range r.words {
		for l := range languages {
			if r.means[l][i] != 0 {
				known[l]++
			}
		}
		if !r.known(i) && !w.digits && !x.known[w.text] {
			unknown = append(unknown, i)
		}
	}
	most := slices.Max(known[1:])
	for _, i := range unknown {
		name := r.words[i].capital && !r.words[i].first
		likely := func(e entry) {
			if 5*known[e.language] >= 3*most && (!name || e.language == german) {
				fn(i, e)
			}
		}
		r.uncompound(i, likely)
		r.mended[i] = x.mended(r.words[i].text)
		for _, like := range r.mended[i] {
			x.find(like, likely)
		}
	}
}

// uncompound calls fn with what a compound's last part means, when it is what we send: "servicemeddelanden".
func (r *reading) uncompound(i int, fn func(entry)) {
	x, w := theLexicon(), r.words[i].text
	for cut := range w {
		if cut < 3 || len(w)-cut < 5 {
			continue
		}
		x.find(w[cut:], func(e entry) {
			if e.class&message != 0 && len(e.rest) == 0 && compounding[e.language] {
				fn(e)
			}
		})
	}
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
		for n, group := range neighbours {
			for _, l := range group {
				r.means[len(languages)+n][i] |= r.means[l][i] &^ late // Swedish åt is Danish at
			}
		}
	}
	known, most := [readings]int{}, 0
	for l := 1; l < readings; l++ {
		for _, c := range r.means[l] {
			if c != 0 {
				known[l]++
			}
		}
		if l < len(languages) {
			most = max(most, known[l])
		}
		if slices.ContainsFunc(r.means[l], func(c class) bool { return c&^(please|and|when) != 0 }) {
			r.langs = append(r.langs, l)
		}
	}
	for _, l := range r.langs {
		if 5*known[l] >= 3*most {
			r.main = append(r.main, l)
		}
	}
	r.union, r.inMain = make([]class, len(r.words)), make([]class, len(r.words))
	for l, cs := range r.means {
		main := slices.Contains(r.main, l)
		for i, c := range cs {
			r.union[i] |= c
			if main {
				r.inMain[i] |= c
			}
		}
	}
	r.unions = r.sums(r.inMain)
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

// mostSteps bounds what phrases with gaps cost in a text made for it. What people write takes less than a hundredth of it.
const mostSteps = 100_000

// match finds the rest of a phrase from word i on, and returns where it ends; 0 when it is not there.
func (r *reading) match(i int, rest []piece, language int) int {
	if r.steps++; r.steps > mostSteps {
		return 0
	}
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
		if p.optional {
			if end := r.match(i, rest[n+1:], language); end > 0 {
				return end
			}
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
	if p.name && (r.listed(i, language) || !p.listed && !w.first && r.mayBeName(i, language)) {
		return true
	}
	fits := func(t string) bool {
		return slices.ContainsFunc(p.either, func(s stem) bool {
			return t == s.word || s.begins && len(t) > len(s.word) && t[:len(s.word)] == s.word
		})
	}
	return fits(w.text) || fits(w.alias) || fits(withoutArticle(w.text)) || slices.ContainsFunc(r.mended[i], fits)
}

// listed reports whether a word is a name of the lists.
func (r *reading) listed(i, language int) bool {
	return (r.means[language][i]|r.means[0][i])&name != 0
}

// mayBeName reports whether a word is written as a name is.
func (r *reading) mayBeName(i, language int) bool {
	return r.listed(i, language) || (r.words[i].capital && (r.means[language][i]|r.means[0][i])&notname == 0)
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
	unionPart []class // by clause, in all languages of main
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
		m.unionPart[p] |= r.inMain[i]
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

// onlyClause reports whether the clause of word i has nothing but words of these classes, digits aside.
func (m meaning) onlyClause(i int, of class) bool {
	for j, p := range m.part {
		if p == m.part[i] && m.c[j]&of == 0 && !m.words[j].digits {
			return false
		}
	}
	return true
}

// clauseInAny is inClause in any language that the text may be written in.
func (m meaning) clauseInAny(i int, of class) bool { return m.unionPart[m.part[i]]&of != 0 }
