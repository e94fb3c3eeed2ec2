package inbound

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// The lists, one file a language and any.txt for what they share. A line is "class: entry entry ...". An entry is as people
// write it, and is read as their texts are (case, accents, the ways to write æ). It matches
//
//	stop       this word
//	besked-    words that begin so
//	meld+fra   these words in a row
//	tag+..+af  these with at most four others between
//	ikke+@     a name: a word with a capital within a sentence, or one of the class name
//	ikke+mig+$ these at the end of a clause
//
// Each class is told where it is declared.
//
//go:embed words/*.txt
var wordFiles embed.FS

// class is what a word can mean. A word may have several, in several languages.
type class uint64

// The classes.
const (
	stop       class = 1 << iota // STOP: at the beginning of a text too
	leave                        // "afmeld": STOP, or with the appointment's name its cancellation
	quit                         // STOP when it is all there is
	near                         // STOP and its kin that one wrong letter does not hide
	keep                         // "don't stop": turns what speaks for a STOP round
	stopsay                      // a phrase that asks for no more messages
	message                      // what we send
	send                         // to send it
	cease                        // to end something
	no                           // not, none
	more                         // more, any longer
	want                         // to want, to get
	facts                        // tells of messages, and asks nothing: received, can't open
	remove                       // to take off
	list                         // a list of numbers
	revoke                       // to take back
	consent                      // what is taken back
	cancel                       // to cancel
	cancelsay                    // "can't make it"
	visit                        // the appointment
	come                         // to come
	late                         // to come late, or in
	wrong                        // wrong
	wrongalone                   // a wrong number when it is all there is
	wrongsay                     // a phrase that says so
	number                       // the number, or the person
	thing                        // what else may be wrong
	body                         // what else may stop
	start                        // START when it is all there is
	startsay                     // a phrase that asks for messages again
	again                        // again
	help                         // HELP when it is all there is
	yes                          // yes
	comeyes                      // "I'll come"
	please                       // courtesies, and small words around a word
	when                         // days and hours
	and                          // begins another clause
	name                         // given names, where there are no capitals to tell them by
	notname                      // has a capital and is no name
	except                       // looks like a word of the lists and is none
)

// classes are the classes by their names in the lists.
var classes = map[string]class{
	"stop": stop, "leave": leave, "quit": quit, "near": near, "keep": keep, "stopsay": stopsay, "message": message, "send": send, "cease": cease,
	"no": no, "more": more, "want": want, "facts": facts, "got": facts, "remove": remove, "list": list, "revoke": revoke, "consent": consent,
	"cancel": cancel, "cancelsay": cancelsay, "visit": visit, "come": come, "late": late, "wrong": wrong, "wrongalone": wrongalone,
	"wrongsay": wrongsay, "number": number, "thing": thing, "body": body, "start": start, "startsay": startsay, "again": again, "help": help,
	"yes": yes, "comeyes": comeyes, "please": please, "when": when, "and": and, "name": name, "notname": notname, "except": except,
}

// languages in the order in which they are asked. The first is what all share.
var languages = [...]string{"any", "da", "sv", "nb", "nn", "fi", "is", "de", "en", "pl", "ar", "tr", "so", "uk"}

// gap is how many words ".." may stand for.
const gap = 4

// piece is one element of an entry.
type piece struct {
	word   string
	begins bool // words that begin with it too
	gap    bool
	name   bool
	end    bool
}

// entry is one entry of a list.
type entry struct {
	language int
	class    class
	begins   bool    // its first word may go on
	rest     []piece // after it
}

// lexicon finds entries by their first word.
type lexicon struct {
	words    map[string][]entry
	begins   map[string][]entry
	names    []entry            // that begin with a name
	doubled  map[string][]entry // by their first word with each doubled letter as one: "beskedder"
	near     []string           // that one wrong letter does not hide
	squeezed map[string]bool
	longest  int // of begins, bytes
}

var theLexicon = sync.OnceValue(func() *lexicon {
	x, err := readLexicon()
	if err != nil {
		panic(err) // the lists are part of the program
	}
	return x
})

func readLexicon() (*lexicon, error) {
	x := &lexicon{words: map[string][]entry{}, begins: map[string][]entry{}, doubled: map[string][]entry{}, squeezed: map[string]bool{}}
	for i, lang := range languages {
		data, err := wordFiles.ReadFile("words/" + lang + ".txt")
		if err != nil {
			return nil, fmt.Errorf("inbound: words: %w", err)
		}
		for n, line := range strings.Split(string(data), "\n") {
			if line == "" || line[0] == '#' {
				continue
			}
			head, rest, _ := strings.Cut(line, ":")
			c, ok := classes[head]
			if !ok || rest == "" {
				return nil, fmt.Errorf("inbound: words/%s.txt:%d: want a class, a colon and entries", lang, n+1)
			}
			for e := range strings.FieldsSeq(rest) {
				if err := x.add(i, c, e); err != nil {
					return nil, fmt.Errorf("inbound: words/%s.txt:%d: %w", lang, n+1, err)
				}
			}
		}
	}
	slices.Sort(x.near)
	x.near = slices.Compact(x.near)
	for _, w := range x.near {
		x.squeezed[squeeze(w)] = true
	}
	return x, nil
}

func (x *lexicon) add(language int, c class, text string) error {
	var ps []piece
	for p := range strings.SplitSeq(text, "+") {
		switch p {
		case "..":
			ps = append(ps, piece{gap: true})
			continue
		case "@":
			ps = append(ps, piece{name: true})
			continue
		case "$":
			ps = append(ps, piece{end: true})
			continue
		}
		p, begins := strings.CutSuffix(p, "-")
		ws := read(p, asLetters)
		if len(ws) != 1 {
			return fmt.Errorf("entry %q: want words joined by +", text)
		}
		ps = append(ps, piece{word: ws[0].text, begins: begins})
	}
	first, last := ps[0], ps[len(ps)-1]
	if first.gap || first.end || last.gap || (first.begins && len(first.word) < 2) {
		return fmt.Errorf("entry %q: want a word at its ends, and two letters or more before -", text)
	}
	if c == near {
		if len(ps) > 1 || first.begins || utf8.RuneCountInString(first.word) < 4 {
			return fmt.Errorf("entry %q: want one word of four letters or more", text)
		}
		x.near = append(x.near, first.word)
		return nil
	}
	e := entry{language, c, first.begins, ps[1:]}
	switch {
	case first.name:
		x.names = append(x.names, e)
	case first.begins:
		x.begins[first.word] = append(x.begins[first.word], e)
		x.longest = max(x.longest, len(first.word))
		x.doubled[squeeze(first.word)] = append(x.doubled[squeeze(first.word)], e)
	default:
		x.words[first.word] = append(x.words[first.word], e)
		if c != stop && len(first.word) >= 4 {
			x.doubled[squeeze(first.word)] = append(x.doubled[squeeze(first.word)], e)
		}
	}
	return nil
}

// find calls fn with the entries that begin with a word.
func (x *lexicon) find(word string, fn func(entry)) {
	for _, e := range x.words[word] {
		fn(e)
	}
	for n := range word { // every length that ends between two letters
		if n > x.longest {
			return
		}
		for _, e := range x.begins[word[:n]] {
			fn(e)
		}
	}
	if len(word) <= x.longest {
		for _, e := range x.begins[word] {
			fn(e)
		}
	}
}

// findSqueezed calls fn with the entries whose first word is written with other doubled letters than word, or is the beginning
// of such a word.
func (x *lexicon) findSqueezed(word string, fn func(entry)) {
	word = squeeze(word)
	for n := range word {
		if n < 5 || n > x.longest {
			continue
		}
		for _, e := range x.doubled[word[:n]] {
			if e.begins {
				fn(e)
			}
		}
	}
	for _, e := range x.doubled[word] {
		fn(e)
	}
}

// isNear reports whether a word is one of those that one wrong letter does not hide, but for that letter, or for letters that
// are held down.
func (x *lexicon) isNear(word string) bool {
	if len(word) > 40 {
		return false
	}
	if x.squeezed[squeeze(word)] {
		return true
	}
	return slices.ContainsFunc(x.near, func(w string) bool { return oneApart(w, word) })
}

// squeeze makes one letter of each run of the same.
func squeeze(s string) string {
	var last rune = -1
	return strings.Map(func(c rune) rune {
		if c == last {
			return -1
		}
		last = c
		return c
	}, s)
}

// oneApart reports whether a becomes b by one letter more, less, other, or by two that changed places.
func oneApart(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(y)-len(x) > 1 {
		return false
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	j := 0
	for j < len(x)-i && x[len(x)-1-j] == y[len(y)-1-j] {
		j++
	}
	left, right := x[i:len(x)-j], y[i:len(y)-j]
	return len(right) <= 1 || (len(left) == 2 && len(right) == 2 && left[0] == right[1] && left[1] == right[0])
}
