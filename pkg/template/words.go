package template

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// WordKind says what a word of the lists means for a text.
type WordKind string

// The kinds that hint at health: a text with such a word is of class 2.
const (
	Specialty WordKind = "specialty"
	Diagnosis WordKind = "diagnosis"
	Procedure WordKind = "procedure"
	Drug      WordKind = "drug"
)

// The kinds that Lint refuses or looks beside (see wording).
const (
	wordResult   WordKind = "result"    // speaks of results
	wordMarket   WordKind = "marketing" // advertises, recruits, or surveys
	wordAsk      WordKind = "ask"       // asks for information
	wordQuestion WordKind = "question"  // begins a question
	wordInvert   WordKind = "invert"    // begins a question, or a condition which a comma ends
	wordReply    WordKind = "reply"     // asks for a reply: only STOP may be one
	wordTell     WordKind = "tell"      // asks to be told: only by phone
	wordNever    WordKind = "never"     // turns the words beside it round
	wordWe       WordKind = "we"        // before an asking word: the clinic does it
	wordClock    WordKind = "clock"     // before or behind a time of day
	wordCall     WordKind = "call"      // before a phone number
	wordStop     WordKind = "stop"      // to get no more messages
	wordExcept   WordKind = "except"    // looks like a word of the list and is none
)

var healthKinds = []WordKind{Specialty, Diagnosis, Procedure, Drug}

var wordKinds = append(slices.Clone(healthKinds), wordResult, wordMarket, wordAsk, wordQuestion, wordInvert, wordReply, wordTell,
	wordNever, wordWe, wordClock, wordCall, wordStop, wordExcept)

// Hit is a word that hints at health, in a text.
type Hit struct {
	Kind   WordKind `json:"kind"`
	Word   string   `json:"word"` // as it is written
	Offset int      `json:"-"`    // its first byte in the text
	Length int      `json:"-"`    // in bytes
}

// FindWords finds the words of specialties, diagnoses, procedures and drugs in a text that is written in one of the languages.
// The lists of all languages are looked through; words of fewer than five letters only in the languages named and the one
// all share, because they mean other things elsewhere. It is a help for people who write and approve, not a proof: a text
// without a hit may still tell a specialty.
func FindWords(text string, languages ...string) []Hit {
	ws := wordsOf(text, nil)
	var out []Hit
	for _, m := range match(look(ws), languages, healthKinds...) {
		from, to := ws[m.first].start, ws[m.last].end
		out = append(out, Hit{Kind: m.kind, Word: text[from:to], Offset: from, Length: to - from})
	}
	return out
}

// The lists, one file a language and any.txt for what they share. A line is "kind: entry entry ...". An entry is lower case
// and matches a word that
//
//	hud      is it
//	hud-     begins with it
//	-kræft   ends with it
//	-tarm-   has it anywhere in it
//	KOL      is it, in capitals
//	svar+ja  is the first of words that stand in a row
//
// A letter outside of ASCII is also found as mail addresses and sender ids have it (ø as oe and o), in words that are
// long enough to stay what they are. An entry of "except" takes back hits inside what it matches: those of its own
// list, and in a text of its own language those of every list.
//
//go:embed words/*.txt
var wordFiles embed.FS

// shared is the list that belongs to every language.
const shared = "any"

// short is the number of letters below which a word counts in its own language alone, and shortASCII that below which it is
// not looked for in ASCII.
const (
	short      = 5
	shortASCII = 6
)

type entry struct {
	kind       WordKind
	list       string
	begin, end bool     // must begin, must end the word
	capitals   bool     // the word must be written in capitals
	short      bool     // too short for other languages' texts
	rest       []string // what must follow, word by word
	restBegins []bool   // the word there may go on
}

type lexicon struct {
	entries map[string][]entry
	longest int // bytes
}

var words = sync.OnceValue(func() lexicon {
	x, err := readWords()
	if err != nil {
		panic(err) // the lists are part of the program
	}
	return x
})

func readWords() (lexicon, error) {
	x := lexicon{entries: map[string][]entry{}}
	for _, list := range append(Languages(), shared) {
		data, err := wordFiles.ReadFile("words/" + list + ".txt")
		if err != nil {
			return x, fmt.Errorf("template: words: %w", err)
		}
		for i, line := range strings.Split(string(data), "\n") {
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			kind, rest, _ := strings.Cut(line, ":")
			if !slices.Contains(wordKinds, WordKind(kind)) {
				return x, fmt.Errorf("template: words/%s.txt:%d: kind: want one of %v", list, i+1, wordKinds)
			}
			for _, e := range strings.Fields(rest) {
				if err := x.add(list, WordKind(kind), e); err != nil {
					return x, fmt.Errorf("template: words/%s.txt:%d: %w", list, i+1, err)
				}
			}
		}
	}
	return x, nil
}

func (x *lexicon) add(list string, kind WordKind, text string) error {
	phrase := strings.Split(text, "+")
	head, end := strings.CutSuffix(phrase[0], "-")
	head, begin := strings.CutPrefix(head, "-")
	e := entry{kind: kind, list: list, begin: !begin, end: !end, capitals: head != strings.ToLower(head)}
	for _, w := range phrase[1:] {
		w, goesOn := strings.CutSuffix(w, "-")
		e.rest, e.restBegins = append(e.rest, w), append(e.restBegins, goesOn)
	}
	if head == "" || slices.Contains(e.rest, "") || strings.ContainsFunc(strings.Join(append(e.rest, head), ""), func(r rune) bool { return !unicode.IsLetter(r) }) {
		return fmt.Errorf("entry %q: want letters, with - and + as words.go tells", text)
	}
	key := strings.ToLower(head)
	e.short = len(phrase) == 1 && letters(key) < short
	forms := []string{key}
	for _, ascii := range []*strings.Replacer{digraphs, plain} {
		if f := ascii.Replace(key); f != key && (letters(f) >= shortASCII || len(phrase) > 1) && !slices.Contains(forms, f) {
			forms = append(forms, f)
		}
	}
	for _, f := range forms {
		x.entries[f] = append(x.entries[f], e)
		x.longest = max(x.longest, len(f))
	}
	return nil
}

var (
	digraphs = strings.NewReplacer("æ", "ae", "ø", "oe", "å", "aa", "ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "é", "e")
	plain    = strings.NewReplacer("æ", "ae", "ø", "o", "å", "a", "ä", "a", "ö", "o", "ü", "u", "ß", "ss", "é", "e")
)

// matched is a word or phrase of the lists among words, from the first up to and with the last.
type matched struct {
	kind        WordKind
	first, last int
}

// found is an entry that matches a word, and the bytes of the word that it covers.
type found struct {
	entry    *entry
	from, to int
}

// look finds all entries that match each of the words.
func look(ws []word) [][]found {
	x := words()
	out := make([][]found, len(ws))
	for i, w := range ws {
		for from := range w.text {
			for to := from + 1; to <= min(len(w.text), from+x.longest); to++ {
				es := x.entries[w.text[from:to]]
				for k := range es {
					e := &es[k]
					if e.begin && from > 0 || e.end && to < len(w.text) || e.capitals && !w.capitals || !follow(ws, i, e) {
						continue
					}
					out[i] = append(out[i], found{e, from, to})
				}
			}
		}
	}
	return out
}

// match picks entries of the kinds, at most one a word: that which covers most of it. Kinds that do not hint at health are
// taken from the languages' own lists alone.
func match(looked [][]found, languages []string, kinds ...WordKind) []matched {
	var out []matched
	for i, fs := range looked {
		best, size := matched{}, 0
		for _, f := range fs {
			e := f.entry
			health := slices.Contains(healthKinds, e.kind)
			own := e.list == shared || slices.Contains(languages, e.list)
			if !slices.Contains(kinds, e.kind) || !own && (!health || e.short || e.capitals) || health && excepted(fs, f, languages) {
				continue
			}
			if n := f.to - f.from + 100*len(e.rest); n > size {
				best, size = matched{e.kind, i, i + len(e.rest)}, n
			}
		}
		if size > 0 {
			out = append(out, best)
		}
	}
	return out
}

// excepted reports whether an exception takes f back.
func excepted(fs []found, f found, languages []string) bool {
	if len(f.entry.rest) > 0 {
		return false
	}
	return slices.ContainsFunc(fs, func(x found) bool {
		list := x.entry.list
		return x.entry.kind == wordExcept && x.from <= f.from && f.to <= x.to &&
			(list == f.entry.list || list == shared || slices.Contains(languages, list))
	})
}

// follow reports whether the rest of the phrase e stands behind word i.
func follow(ws []word, i int, e *entry) bool {
	for k, want := range e.rest {
		j := i + 1 + k
		if j >= len(ws) || ws[j].after >= afterComma {
			return false
		}
		if goesOn := e.restBegins[k] && strings.HasPrefix(ws[j].text, want); ws[j].text != want && !goesOn {
			return false
		}
	}
	return true
}
