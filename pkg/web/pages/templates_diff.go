package pages

import (
	"regexp"
	"slices"
	"strings"
)

// diffLine is one line of two texts that are laid over each other.
type diffLine struct {
	Kind  string // same, del or ins
	Words []diffWord
}

// diffWord is a piece of a line.
type diffWord struct {
	Text    string
	Changed bool // the line of the other text has it not
}

// mostCompared bounds the work of one comparison: lines of one text times lines of the other. What is beyond is shown as taken out and
// put in as a whole.
const mostCompared = 1 << 20

// pieces are the words of a line, with a placeholder as one of them.
var pieces = regexp.MustCompile(`\{[a-z_]*\}|[\p{L}\p{M}]+|\p{N}+|\s+|.`)

// diffTexts lays a text over the one before it, line by line, and in lines that stand in each other's place word by word.
func diffTexts(before, after string) []diffLine {
	a, b := linesOf(before), linesOf(after)
	var out []diffLine
	var gone, come []string
	flush := func() {
		var put []diffLine
		for i, line := range gone {
			words := []diffWord{{Text: line}}
			if i < len(come) {
				old, fresh := pieces.FindAllString(line, -1), pieces.FindAllString(come[i], -1)
				kept := common(old, fresh)
				words = marked(old, kept, 0)
				put = append(put, diffLine{"ins", marked(fresh, kept, 1)})
			}
			out = append(out, diffLine{"del", words})
		}
		for _, line := range come[min(len(gone), len(come)):] {
			put = append(put, diffLine{"ins", []diffWord{{Text: line}}})
		}
		out, gone, come = append(out, put...), nil, nil
	}
	i, j := 0, 0
	for _, k := range append(common(a, b), [2]int{len(a), len(b)}) {
		gone, come = append(gone, a[i:k[0]]...), append(come, b[j:k[1]]...)
		flush()
		if i, j = k[0]+1, k[1]+1; k[0] < len(a) {
			out = append(out, diffLine{"same", []diffWord{{Text: a[k[0]]}}})
		}
	}
	return out
}

func linesOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// marked are the pieces of one side, those that the other has not marked, joined where neighbours are alike.
func marked(words []string, kept [][2]int, side int) []diffWord {
	var out []diffWord
	for i, w := range words {
		changed := true
		if len(kept) > 0 && kept[0][side] == i {
			changed, kept = false, kept[1:]
		}
		if n := len(out); n > 0 && out[n-1].Changed == changed {
			out[n-1].Text += w
			continue
		}
		out = append(out, diffWord{w, changed})
	}
	return out
}

// common is a longest common subsequence, as pairs of places.
func common(a, b []string) [][2]int {
	var head, tail [][2]int
	from := 0
	for from < len(a) && from < len(b) && a[from] == b[from] {
		head = append(head, [2]int{from, from})
		from++
	}
	endA, endB := len(a), len(b)
	for endA > from && endB > from && a[endA-1] == b[endB-1] {
		endA, endB = endA-1, endB-1
		tail = append(tail, [2]int{endA, endB})
	}
	slices.Reverse(tail)
	n, m := endA-from, endB-from
	if n*m > mostCompared {
		return append(head, tail...)
	}
	length := make([][]int, n+1) // of what a[from+i:endA] and b[from+j:endB] have in common
	for i := range length {
		length[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if length[i][j] = max(length[i+1][j], length[i][j+1]); a[from+i] == b[from+j] {
				length[i][j] = length[i+1][j+1] + 1
			}
		}
	}
	for i, j := 0, 0; i < n && j < m; {
		switch {
		case a[from+i] == b[from+j]:
			head = append(head, [2]int{from + i, from + j})
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return append(head, tail...)
}
