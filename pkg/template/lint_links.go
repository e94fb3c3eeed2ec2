package template

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// links refuses what a phone or mail program would make a link of, and mail addresses: those come from the unit directory alone.
func (j *judge) links(r reading) {
	const link = "a link: write {link} in brackets: it shows the unit's own where policy pack and unit allow it"
	r.literals(func(text string, at int, before, _ string) {
		flat, from := flatten(text)
		done := -1 // the end of the last link
		found := func(i int) {
			start := i
			for start > 0 && !unicode.IsSpace(flat[start-1]) {
				start--
			}
			if start >= done {
				j.at(r, at+from[start], link)
			}
			for done = i; done < len(flat) && !unicode.IsSpace(flat[done]); done++ {
			}
		}
		for i, c := range flat {
			switch {
			case i < done:
			case hasAt(flat, i, "://"), hasAt(flat, i, "www."), hasAt(flat, i, "http"):
				found(i)
			case c == '@':
				j.at(r, at+from[i], "a mail address: write {mail}, which shows the unit's own")
			case c == '.' && isDomain(flat, i, before != "" && i == 0):
				found(i)
			}
		}
	})
}

// flatten folds a text as a mail program's eye does: compatibility forms to plain ones, capitals to small letters; from tells
// the byte of the text that each letter comes from.
func flatten(text string) (flat []rune, from []int) {
	for i, c := range text {
		s := string(c)
		if c > unicode.MaxASCII {
			s = strings.NewReplacer("。", ".", "｡", ".").Replace(norm.NFKC.String(s))
		}
		for _, f := range strings.ToLower(s) {
			flat, from = append(flat, f), append(from, i)
		}
	}
	return flat, from
}

func hasAt(flat []rune, i int, want string) bool {
	n := 0
	for _, c := range want {
		if i+n >= len(flat) || flat[i+n] != c {
			return false
		}
		n++
	}
	return true
}

// topLevel are the names after whose dot even one letter or a number makes a link.
var topLevel = strings.Fields("dk se no fi de is fo gl eu com org net info io app me link ly co uk us nu at ch nl be fr es it pl ru cn health " +
	"care online site web dev xyz top biz page help clinic hospital sundhed example")

// notDomain are ends of abbreviations: "tlf.nr", "inkl.evt".
var notDomain = []string{"nr", "eks", "ex"}

// isDomain reports whether the dot at i is inside a domain name. fact says that a placeholder touches the dot.
func isDomain(flat []rune, i int, fact bool) bool {
	left := i
	for left > 0 && (kindOf(flat[left-1]) != 0 || flat[left-1] == '-') {
		left--
	}
	right := i + 1
	for right < len(flat) && kindOf(flat[right]) == isLetter {
		right++
	}
	name := string(flat[i+1 : right])
	switch {
	case i == left && !fact, name == "", slices.Contains(notDomain, name):
		return false
	case slices.Contains(topLevel, name):
		return true
	}
	return i-left >= 2 && kindOf(flat[left]) == isLetter && right-i > 2
}
