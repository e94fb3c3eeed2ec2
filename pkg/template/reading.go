package template

import "strings"

// reading is the text of a part as a check reads it: literal text, and the placeholders by their names in braces. One reading
// has all brackets' content, another none of it, because what stands on both sides then comes together.
type reading struct {
	text  string
	facts []factRange
	nodes []node
	at    []int // where each node begins in the text

	words  []word // after look
	looked [][]found
}

// look takes the text apart and finds the listed words in it.
func (r *reading) look() {
	r.words = wordsOf(r.text, r.facts)
	r.looked = look(r.words)
}

func (p part) reading(brackets bool) reading {
	var r reading
	var b strings.Builder
	for _, n := range p.nodes {
		if n.group != 0 && !brackets {
			continue
		}
		r.nodes, r.at = append(r.nodes, n), append(r.at, b.Len())
		if n.fact == nil {
			b.WriteString(n.literal)
			continue
		}
		from := b.Len()
		b.WriteString("{" + n.fact.Name + "}")
		r.facts = append(r.facts, factRange{n.fact.Name, from, b.Len()})
	}
	r.text = b.String()
	return r
}

// place is the line and column of the file where the byte at offset stands.
func (r reading) place(offset int) (line, column int) {
	line, column = 1, 1
	for i := len(r.nodes) - 1; i >= 0; i-- {
		if r.at[i] > offset {
			continue
		}
		n := r.nodes[i]
		line, column = n.line, n.column
		if n.fact == nil {
			before := n.literal[:min(offset-r.at[i], len(n.literal))]
			if k := strings.Count(before, "\n"); k > 0 {
				line, column = line+k, 1
				before = before[strings.LastIndexByte(before, '\n')+1:]
			}
			column += letters(before)
		}
		break
	}
	return line, column
}

// literals calls do for each run of literal text, with where it begins and what placeholders touch it, "" = none.
func (r reading) literals(do func(text string, at int, before, behind string)) {
	from, before := 0, ""
	for _, f := range r.facts {
		if f.start > from {
			do(r.text[from:f.start], from, before, f.name)
		}
		from, before = f.end, f.name
	}
	if from < len(r.text) {
		do(r.text[from:], from, before, "")
	}
}
