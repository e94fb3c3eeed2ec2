package pages

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/web"
)

// flaw is something that is wrong with a text, or odd about it, in words.
type flaw struct {
	sentence
	Line, Column int
	Place        string // in words; "" = not in the text
	Unit         string // that it concerns; "" = all
	Refused      bool   // such a message would not be sent
}

// sentence is a text in the visit's language, or in English where there is none for it.
type sentence struct {
	Text    string
	English bool
}

// flaws are the problems that the staff API tells of, each once, those that refuse the text first.
func (v *visit) flaws(ps []compose.Problem) []flaw {
	var out []flaw
	for _, p := range ps {
		f := flaw{sentence: v.textReason(p.Reason), Line: p.Line, Column: p.Column, Unit: p.Unit, Refused: p.Refused}
		if p.Line > 0 && p.Unit == "" {
			f.Place = v.textPlace(p.Line, p.Column)
		}
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b flaw) int {
		switch {
		case a.Refused == b.Refused:
			return 0
		case a.Refused:
			return -1
		}
		return 1
	})
	return out
}

// knownReason is a reason of the staff API for which there are words.
type knownReason struct {
	re  *regexp.Regexp
	key string // templates.reason.<key>; what the expression catches goes into it
}

func reasonLike(re, key string) knownReason { return knownReason{regexp.MustCompile(re), key} }

// knownReasons are what the staff API says of a text, and of what is done to one. Each is told by how it begins.
var knownReasons = []knownReason{
	reasonLike(`^not UTF-8|^carriage return|^invisible letter|^letter and accent`, "invisible"),
	reasonLike(`^malformed placeholder`, "malformed"),
	reasonLike(`^unknown placeholder (\{\w+\})`, "unknown"),
	reasonLike(`^(\{\w+\}) may be empty`, "empty"),
	reasonLike(`^'[}\]]' without`, "unopened"),
	reasonLike(`^'\[' without`, "unclosed"),
	reasonLike(`^brackets in brackets`, "nested"),
	reasonLike(`^brackets without a placeholder`, "bare"),
	reasonLike(`^more than (\d+) brackets`, "many"),
	reasonLike(`^content class: want`, "class"),
	reasonLike(`^no subject|^want the line "Subject`, "subject"),
	reasonLike(`^want a blank line`, "blank"),
	reasonLike(`^no text`, "notext"),
	reasonLike(`^("(?:[^"\\]|\\.)*") names an? (\w+),`, "health"),
	reasonLike(`^(\{\w+\}) is missing outside of brackets: a one-time code`, "codemissing"),
	reasonLike(`^(\{\w+\}) is missing outside of brackets`, "missing"),
	reasonLike(`^neither \{phone\} nor \{mail\}`, "contact"),
	reasonLike(`^(?:no word STOP .*|no working way to stop): write, for example, ("(?:[^"\\]|\\.)*")`, "stop"),
	reasonLike(`^no working way to stop: no answer to (\S+) reaches us: write, for example, ("(?:[^"\\]|\\.)*")`, "nostop"),
	reasonLike(`^no working way to stop: answers to (\S+) reach us behind the keyword (\S+) alone: write, for example, ("(?:[^"\\]|\\.)*")`, "nostopword"),
	reasonLike(`^the text says to answer STOP, and no answer to (\S+) reaches us: write, for example, ("(?:[^"\\]|\\.)*")`, "falsestop"),
	reasonLike(`^the text says to answer STOP, and answers to (\S+) reach us behind the keyword (\S+) alone: write, for example, ("(?:[^"\\]|\\.)*")`, "falsestopword"),
	reasonLike(`^(HTML|Calendar|Letters) is a choice of (SMS|e-mail)`, "choice"),
	reasonLike(`^want ((?:HTML|Calendar|Letters): [a-z]+), or no such line`, "choicevalue"),
	reasonLike(`^(HTML|Calendar|Letters) is there twice`, "choicetwice"),
	reasonLike(`^without the brackets before it`, "seam"),
	reasonLike(`^(\{\w+\}) in an answer`, "answer"),
	reasonLike(`^\{phone\} is missing, in brackets or outside`, "answerphone"),
	reasonLike(`^112 is missing`, "emergency"),
	reasonLike(`^a one-time code goes by`, "codesms"),
	reasonLike(`^(\{\w+\}) in a message to a number that is not proven`, "codeunproven"),
	reasonLike(`^class \S+: the literal text of a one-time code`, "codeclass"),
	reasonLike(`^(\{\w+\}) in an? \w+: only a text of the purpose`, "codestray"),
	reasonLike(`^a link:`, "link"),
	reasonLike(`^a mail address:`, "mail"),
	reasonLike(`^digits touch (\{\w+\})`, "touch"),
	reasonLike(`^a date or time in bare digits`, "date"),
	reasonLike(`^a phone number:`, "phone"),
	reasonLike(`^("(?:[^"\\]|\\.)*") asks for information`, "ask"),
	reasonLike(`^("(?:[^"\\]|\\.)*") asks to be told`, "tell"),
	reasonLike(`^("(?:[^"\\]|\\.)*") asks for a reply`, "reply"),
	reasonLike(`^"(?:[^"\\]|\\.)*" begins a question|^a question:`, "question"),
	reasonLike(`^("(?:[^"\\]|\\.)*") speaks of results`, "result"),
	reasonLike(`^("(?:[^"\\]|\\.)*") advertises`, "market"),
	reasonLike(`^no template can serve this purpose|^no unit uses this template`, "unused"),
	reasonLike(`^the value of (\{\w+\}) may not be sent: its neutral`, "neutral"),
	reasonLike(`^the value of (\{\w+\}) may not be sent`, "value"),
	reasonLike(`^\{link\} is left out: the unit has no`, "linkunit"),
	reasonLike(`^\{link\} is left out`, "linkpack"),
	reasonLike(`^\S+ allows no message by`, "channel"),
	reasonLike(`^(\d+) letters with values as long .* allows (\d+)`, "long"),
	reasonLike(`^(\d+) letters, \S+ allows (\d+): brackets are left out down to (\d+)`, "gives"),
	reasonLike(`^(\d+) letters go out as (\d+) segments`, "segments"),
	reasonLike(`^compose: content class over .*can't do without the place`, "placeless"),
	reasonLike(`^compose: content class over .*: it is (\S+) where .* allows (\S+)$`, "ceiling"),
	reasonLike(`^compose: content class over .* is (\S+) for unit .* allows (\S+)$`, "ceiling"),
	reasonLike(`^compose: longer than .* is (\d+) letters .* allows (\d+)$`, "toolong"),
	reasonLike(`^compose: the unit has no sender`, "sender"),
	reasonLike(`^template: a fact is missing: (\{\w+\})`, "fact"),
	reasonLike(`^this is the text that is live`, "same"),
	reasonLike(`^this text was live before`, "waslive"),
	reasonLike(`^the version is approved and waits`, "approved"),
	reasonLike(`^not an open draft|^somebody else has changed it`, "notdraft"),
	reasonLike(`^another approved version waits`, "waits"),
	reasonLike(`^another text has the same id`, "collision"),
}

// foundReason is a finding of the scanner: what must not stand in a message at all. Its kind is all that is told.
var foundReason = regexp.MustCompile(`^(?:the literal text may not be sent|the text may not be kept|the text may not be sent|compose: held): ([a-z0-9-]+)(?::|$)`)

// otherKinds are the kinds of findings that are no national id.
var otherKinds = []string{"digits", "phone", "mail", "link", "third", "hidden", "encoded", "value"}

// textReason says in plain words what the staff API said in English.
func (v *visit) textReason(said string) sentence {
	if m := foundReason.FindStringSubmatch(said); m != nil {
		kind := m[1]
		if !slices.Contains(otherKinds, kind) {
			kind = "id"
		}
		return sentence{Text: v.words.must("templates.found." + kind)}
	}
	for _, k := range knownReasons {
		if m := k.re.FindStringSubmatch(said); m != nil {
			args := make([]any, 0, len(m))
			for _, a := range m[1:] {
				args = append(args, v.caught(a))
			}
			return sentence{Text: v.words.must("templates.reason."+k.key, args...)}
		}
	}
	return sentence{Text: said, English: true}
}

// caught is a piece of a reason: quotes are taken off, and a word of a closed list is put into the visit's language.
func (v *visit) caught(s string) string {
	if strings.HasPrefix(s, `"`) {
		if text, err := strconv.Unquote(s); err == nil {
			return text
		}
	}
	if text, err := v.words.text("templates.word." + s); err == nil {
		return text
	}
	return s
}

// takeText is form.take for the answers about texts: what is wrong is told with line and column, in plain words.
func (v *visit) takeText(f *form, err error) bool {
	var e *web.Error
	if !errors.As(err, &e) {
		return false
	}
	if len(e.Problems) > 0 {
		for _, x := range v.flaws(e.Problems) {
			text := x.Text
			if x.Place != "" {
				text = v.words.must("templates.at", x.Place, text)
			}
			if x.Unit != "" {
				text = v.words.must("templates.at", v.unitName(x.Unit, v.words.language), text)
			}
			f.Errors = append(f.Errors, wrong{Field: "text", Text: text, English: x.English})
		}
		return true
	}
	switch e.Field {
	case "from":
		f.Wrong("day", "templates.start.far")
		return true
	case "note":
		f.Wrong("note", "templates.edit.note.wrong")
		return true
	}
	if s := v.textReason(e.Text); !s.English {
		f.Errors = append(f.Errors, wrong{Text: s.Text})
		return true
	}
	return f.take(err)
}
