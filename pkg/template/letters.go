package template

import (
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
)

// Letters outside of the GSM alphabet make a text message dearer: 70 letters in the place of 160. A text may choose to have its own
// letters written otherwise, by the line "Letters: plain" at its head. Only what its author wrote is, never a value that is filled in:
// a person's name, a clinic's name and a street stay as they are. Rewrites tells which, and it is shown to whoever approves.

// anyPlain is written for marks that people put into a text without meaning anything by them, whatever the language. None is a digit or
// letter, none makes words run together, and none makes a link.
var anyPlain = map[rune]string{
	'’': "'", '‘': "'", '‚': "'", '‛': "'", '′': "'", '´': "'", '`': "'", '‹': "'", '›': "'",
	'“': `"`, '”': `"`, '„': `"`, '‟': `"`, '″': `"`, '«': `"`, '»': `"`,
	'–': "-", '—': "-", '―': "-", '‒': "-", '‐': "-", '‑': "-", '−': "-", '•': "-", '·': "-",
	'…': "...",
}

// Rewrite is a letter of a text, where it first stands in the file, and what is sent in its place.
type Rewrite struct {
	Letter string `json:"letter"`
	As     string `json:"as"`
	Line   int    `json:"line"`
	Column int    `json:"column"` // in letters
}

// lettersHead begins the line of a file that chooses how its letters are written.
const lettersHead = "Letters: "

// chooseLetters takes the line "Letters: plain".
func (t *Template) chooseLetters(s *source, value string, line int) {
	switch {
	case t.channel != reminder.SMS:
		s.fail(line, 1, "Letters is a choice of SMS: remove the line")
	case value != "plain":
		s.fail(line, letters(lettersHead)+1, "want Letters: plain, or no such line")
	case t.isPlain:
		s.fail(line, 1, "Letters is there twice")
	}
	t.isPlain = true
}

// Plain reports whether letters of the text are written otherwise: the line "Letters: plain" of an SMS file.
func (t Template) Plain() bool { return t.isPlain }

// InPlain is the template as it would be with its letters written otherwise, and as it would be with them as they stand. Neither is a
// version of its own: their IDs are that of t.
func (t Template) InPlain(plain bool) Template {
	t.isPlain, t.sent = plain, nil
	t.write()
	return t
}

// Rewrites lists the letters that the choice Letters: plain writes otherwise, whether t has made it or not: each once, in the order of
// the file.
func (t Template) Rewrites() []Rewrite {
	var out []Rewrite
	seen := map[rune]bool{}
	for _, p := range t.parts {
		if t.channel != reminder.SMS {
			break
		}
		r := p.reading(true)
		r.literals(func(text string, at int, _, _ string) {
			for i, c := range text {
				as, ok := t.lang.inPlain(c)
				if !ok || seen[c] {
					continue
				}
				seen[c] = true
				line, column := r.place(at + i)
				out = append(out, Rewrite{string(c), as, line, column})
			}
		})
	}
	return out
}

// write makes the parts that are sent.
func (t *Template) write() {
	if !t.isPlain {
		return
	}
	for _, p := range t.parts {
		nodes := make([]node, len(p.nodes))
		for i, n := range p.nodes {
			if nodes[i] = n; n.fact == nil {
				nodes[i].literal = t.lang.writePlain(n.literal)
			}
		}
		p.nodes = nodes
		t.sent = append(t.sent, p)
	}
}

// inPlain is what a letter is written as: by the language's own list, else by that of all; false where it stays.
func (l language) inPlain(r rune) (string, bool) {
	if sms.IsGSM7(r) {
		return "", false
	}
	if s, ok := l.plain[r]; ok {
		return s, true
	}
	s, ok := anyPlain[r]
	return s, ok
}

func (l language) writePlain(text string) string {
	var b strings.Builder
	for _, r := range text {
		if s, ok := l.inPlain(r); ok {
			b.WriteString(s)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// The letters that a language itself allows to be written otherwise, where it has them. Those of its alphabet are in the GSM alphabet.
var (
	// Dansk Sprognævn, Retskrivningsordbogen § 4: the accent is left to the writer, and é is in the GSM alphabet.
	accents = map[rune]string{'á': "a", 'í': "i", 'ó': "o", 'ú': "u", 'ý': "y", 'Á': "A", 'Í': "I", 'Ó': "O", 'Ú': "U", 'Ý': "Y"}
	// Borrowed words: façade, naïve, rôle, fête.
	borrowed = map[rune]string{
		'á': "a", 'â': "a", 'ç': "c", 'ê': "e", 'ë': "e", 'í': "i", 'î': "i", 'ï': "i", 'ó': "o", 'ô': "o", 'ú': "u", 'û': "u",
		'Á': "A", 'Â': "A", 'Ê': "E", 'Ë': "E", 'Í': "I", 'Î': "I", 'Ï': "I", 'Ó': "O", 'Ô': "O", 'Ú': "U", 'Û': "U",
	}
	// Finnish: sh and zh are allowed where š and ž cannot be written (SFS 4900).
	carons = map[rune]string{'š': "sh", 'ž': "zh", 'Š': "Sh", 'Ž': "Zh"}
	// German: the capital ẞ may be SS (Rat für deutsche Rechtschreibung § 25 E3).
	sharp = map[rune]string{'ẞ': "SS"}
)
