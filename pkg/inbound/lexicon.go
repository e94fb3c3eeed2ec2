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
//	nicht+%    a name of the class name only, where other words have capitals too
//	ikke+mig+$ these at the end of a clause
//	min|mit    either
//	så?        with or without, not at an end
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
	weary                        // to be tired of, or annoyed by
	these                        // "these", "from you": what the sender of them knows
	receive                      // to receive: said of messages more than of visits
	me                           // the one who writes, as an object
	request                      // "can't you": a no behind it asks
	others                       // third persons
	kin                          // "my mother"
	did                          // "I pressed"
	mistake                      // by mistake
	on                           // to turn on
	mine                         // "this is my phone now"
	stranger                     // "never been to your hospital", "don't know her"
	away                         // has died, has moved
	whois                        // "who is Anna"
	soft                         // takes the appointment to another day, if the text is about it
	doubt                        // leave, and may be said of the appointment
	ask                          // "how do", "can": before a word to unsubscribe
	helpsay                      // "what are these messages?"
	machine                      // what answering machines say
	common                       // an ordinary word that is like one of the lists
	need                         // to need or want something: with a no and the appointment, to give it up
	mind                         // "I have changed my mind"
)

// classes are the classes by their names in the lists.
var classes = map[string]class{
	"stop": stop, "leave": leave, "quit": quit, "near": near, "keep": keep, "stopsay": stopsay, "message": message, "send": send, "cease": cease,
	"no": no, "more": more, "want": want, "facts": facts, "remove": remove, "list": list, "revoke": revoke, "consent": consent,
	"cancel": cancel, "cancelsay": cancelsay, "visit": visit, "come": come, "late": late, "wrong": wrong, "wrongalone": wrongalone,
	"wrongsay": wrongsay, "number": number, "thing": thing, "body": body, "start": start, "startsay": startsay, "again": again, "help": help,
	"yes": yes, "comeyes": comeyes, "please": please, "when": when, "and": and, "name": name, "notname": notname, "except": except,
	"weary": weary, "these": these, "receive": receive | want, "me": me | please, "request": request, "others": others, "did": did, "mistake": mistake, "on": on,
	"mine": mine, "stranger": stranger, "away": away, "whois": whois, "soft": soft, "doubt": doubt | leave, "plain": common, "machine": machine, "need": need, "mind": mind, "ask": ask, "helpsay": helpsay, "kin": kin | others,
}

// languages in the order in which they are asked. The first is what all share.
var languages = [...]string{"any", "da", "sv", "nb", "nn", "fi", "is", "de", "en", "pl", "ar", "tr", "so", "uk", "ru"}

// gap is how many words ".." may stand for.
const gap = 4

// piece is one element of an entry.
type piece struct {
	either   []stem // these words
	optional bool
	gap      bool
	name     bool
	listed   bool // name, of the class name
	end      bool
}

// stem is a word, or what words begin with.
type stem struct {
	word   string
	begins bool
}

// entry is one entry of a list.
type entry struct {
	language int
	class    class
	begins   bool    // its first word may go on, or is a name of the class name
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
	known    map[string]bool     // every word of the lists
	like     map[rune][]spelling // of five letters or more, by their first
	longest  int                 // of begins, bytes
}

// spelling is a word of the lists as letters.
type spelling struct {
	letters []rune
	begins  bool
}

var theLexicon = sync.OnceValue(func() *lexicon {
	x, err := readLexicon()
	if err != nil {
		panic(err) // the lists are part of the program
	}
	return x
})

func readLexicon() (*lexicon, error) {
	x := &lexicon{words: map[string][]entry{}, begins: map[string][]entry{}, doubled: map[string][]entry{}, squeezed: map[string]bool{},
		known: map[string]bool{}, like: map[rune][]spelling{}}
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

// parse reads an entry.
func (x *lexicon) parse(text string) ([]piece, error) {
	var ps []piece
	for part := range strings.SplitSeq(text, "+") {
		part, optional := strings.CutSuffix(part, "?")
		p := piece{optional: optional}
		for w := range strings.SplitSeq(part, "|") {
			switch w {
			case "..":
				p.gap = true
			case "@":
				p.name, p.listed = true, false
			case "%":
				p.listed = !p.name
				p.name = true
			case "$":
				p.end = true
			default:
				w, begins := strings.CutSuffix(w, "-")
				ws := read(w, asLetters)
				if len(ws) != 1 {
					return nil, fmt.Errorf("entry %q: want words joined by +", text)
				}
				p.either = append(p.either, stem{ws[0].text, begins})
				x.remember(ws[0].text, begins)
			}
		}
		ps = append(ps, p)
	}
	first, last := ps[0], ps[len(ps)-1]
	if first.gap || first.end || first.optional || last.gap || last.optional {
		return nil, fmt.Errorf("entry %q: want a word at its ends", text)
	}
	return ps, nil
}

// add takes an entry in, under each word that it may begin with.
func (x *lexicon) add(language int, c class, text string) error {
	ps, err := x.parse(text)
	if err != nil {
		return err
	}
	if ps[0].name {
		x.names = append(x.names, entry{language, c, ps[0].listed, ps[1:]})
	}
	for _, s := range ps[0].either {
		if s.begins && len(s.word) < 2 {
			return fmt.Errorf("entry %q: want two letters or more before -", text)
		}
		e := entry{language, c, s.begins, ps[1:]}
		switch {
		case c == near:
			if len(ps) > 1 || s.begins || utf8.RuneCountInString(s.word) < 4 {
				return fmt.Errorf("entry %q: want one word of four letters or more", text)
			}
			x.near = append(x.near, s.word)
		case s.begins:
			x.begins[s.word] = append(x.begins[s.word], e)
			x.longest = max(x.longest, len(s.word))
			x.doubled[squeeze(s.word)] = append(x.doubled[squeeze(s.word)], e)
		default:
			x.words[s.word] = append(x.words[s.word], e)
			if c != stop && len(s.word) >= 4 {
				x.doubled[squeeze(s.word)] = append(x.doubled[squeeze(s.word)], e)
			}
		}
	}
	return nil
}

// shortest is how many letters a word has that is known with one of them wrong.
const shortest = 5

func (x *lexicon) remember(word string, begins bool) {
	if x.known[word] && !begins {
		return
	}
	x.known[word] = true
	if letters := []rune(word); len(letters) >= shortest {
		x.like[letters[0]] = append(x.like[letters[0]], spelling{letters, begins})
	}
}

// mended is what a word that no list knows may stand for when one of its letters, not the first, is missing, too many, another, or
// has changed places with the next: at most four words.
func (x *lexicon) mended(word string) []string {
	letters := []rune(word)
	if len(letters) < shortest-1 || len(letters) > 24 {
		return nil
	}
	var out []string
	for _, s := range x.like[letters[0]] {
		n := len(s.letters)
		if !s.begins {
			if len(letters) >= n-1 && len(letters) <= n+1 && one(s.letters, letters) {
				out = append(out, string(s.letters))
			}
		} else {
			for m := n + 1; m >= n-1; m-- {
				if m <= len(letters) && one(s.letters, letters[:m]) {
					out = append(out, string(s.letters)+string(letters[m:]))
					break
				}
			}
		}
		if len(out) == 4 {
			break
		}
	}
	return out
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
func oneApart(a, b string) bool { return one([]rune(a), []rune(b)) }

func one(x, y []rune) bool {
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
