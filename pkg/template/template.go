package template

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Errors of rendering. Their text names template and placeholder, never a value.
var (
	ErrMissing   = errors.New("template: a fact is missing")
	ErrNoNeutral = errors.New("template: no neutral text")
	ErrZero      = errors.New("template: zero Template: get one from a Set")
)

// Template is one parsed and valid template file. It is immutable.
type Template struct {
	file    string
	name    string // "da/reminder.sms"
	version string // first 8 hex digits of SHA-256 of the file
	lang    language
	channel reminder.Channel
	class   reminder.Class
	parts   []part
	isPlain bool   // letters are written otherwise
	sent    []part // the parts with these; nil = as they stand
	html    bool   // an e-mail has the text as HTML besides
	event   bool   // an e-mail has the appointment as a calendar file
	raises  []Raise
	lint    map[reminder.Purpose][]Problem
}

// Parse reads one file. The path is <language>/<set>.<channel>.txt with '/'. The error joins one Problem for each fault found.
func Parse(path string, data []byte) (Template, error) {
	s := &source{file: path}
	t, set, ok := parsePath(path)
	if !ok {
		s.fail(1, 0, "file name: want <language>/<set>.<channel>.txt with a language of "+strings.Join(Languages(), " ")+
			" and a channel of sms email")
		return Template{}, s.err()
	}
	sum := sha256.Sum256(data)
	t.name, t.version = t.lang.tag+"/"+set+"."+string(t.channel), hex.EncodeToString(sum[:4])
	text := string(data)
	s.checkText(text)
	if len(s.problems) > 0 {
		return Template{}, s.err()
	}
	t.parseFile(s, strings.TrimRight(text, "\n"))
	if len(s.problems) > 0 {
		return Template{}, s.err()
	}
	t.write()
	t.judge()
	return t, nil
}

func (s *source) err() error {
	errs := make([]error, len(s.problems))
	for i, p := range s.problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}

func parsePath(path string) (t Template, set string, ok bool) {
	dir, base, found := strings.Cut(path, "/")
	stem, isText := strings.CutSuffix(base, ".txt")
	set, channel, hasChannel := strings.Cut(stem, ".")
	lang, known := languages[dir]
	if !found || !isText || !hasChannel || !known || !isToken(set) || !slices.Contains(reminder.Channels, reminder.Channel(channel)) {
		return Template{}, "", false
	}
	return Template{file: path, lang: lang, channel: reminder.Channel(channel)}, set, true
}

// isToken reports whether s is small letters and digits, with single '-' between them.
func isToken(s string) bool {
	for _, word := range strings.Split(s, "-") {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return false
		}
	}
	return true
}

// parseFile reads header lines and parts.
func (t *Template) parseFile(s *source, text string) {
	line := 1
	rest, subject := text, false
	for {
		first, after, _ := strings.Cut(rest, "\n")
		if v, ok := strings.CutPrefix(first, "Class: "); ok && line == 1 {
			c, err := strconv.ParseFloat(v, 64)
			if err != nil || !slices.Contains([]float64{0, 1, 1.5, 2}, c) {
				s.fail(line, 8, "content class: want 0, 1, 1.5 or 2")
			}
			t.class = reminder.Class(c)
		} else if v, ok := strings.CutPrefix(first, "Subject: "); ok && !subject && t.channel == reminder.Email {
			if subject = true; strings.TrimSpace(v) == "" {
				s.fail(line, 0, "no subject")
			}
			t.parts = append(t.parts, s.parsePart(reminder.PartSubject, v, line, 10))
		} else if v, ok := strings.CutPrefix(first, lettersHead); ok {
			t.chooseLetters(s, v, line)
		} else if choice, v, ok := choiceIn(first); ok {
			t.choose(s, choice, v, line)
		} else {
			break
		}
		rest, line = after, line+1
	}
	if t.channel == reminder.Email && !subject {
		s.fail(line, 0, "want the line \"Subject: ...\" first")
		return
	}
	if line > 1 {
		if !strings.HasPrefix(rest, "\n") {
			s.fail(line, 0, "want a blank line and the text after it")
			return
		}
		rest, line = rest[1:], line+1
	}
	if strings.TrimSpace(rest) == "" {
		s.fail(line, 0, "no text")
		return
	}
	t.parts = append(t.parts, s.parsePart(reminder.PartText, rest, line, 1))
}

// choices are the lines of an e-mail file's head that choose what it has beside the text.
var choices = []string{"HTML", "Calendar"}

func choiceIn(line string) (choice, value string, ok bool) {
	choice, value, found := strings.Cut(line, ": ")
	return choice, value, found && slices.Contains(choices, choice)
}

// choose takes one choice of the head.
func (t *Template) choose(s *source, choice, value string, line int) {
	of := map[string]*bool{"HTML": &t.html, "Calendar": &t.event}[choice]
	switch {
	case t.channel != reminder.Email:
		s.fail(line, 1, choice+" is a choice of e-mail: remove the line")
	case value != "yes":
		s.fail(line, letters(choice)+3, "want "+choice+": yes, or no such line")
	case *of:
		s.fail(line, 1, choice+" is there twice")
	}
	*of = true
}

// HTML reports whether the message has its text as HTML besides: the line "HTML: yes" of an e-mail file.
func (t Template) HTML() bool { return t.html }

// Calendar reports whether the message has the appointment as a calendar file: the line "Calendar: yes" of an e-mail file.
func (t Template) Calendar() bool { return t.event }

// IsZero reports whether t is no template.
func (t Template) IsZero() bool { return t.name == "" }

// File is the path it was read from, within its file system.
func (t Template) File() string { return t.file }

// Name is "da/reminder.sms".
func (t Template) Name() string { return t.name }

// Set is the set the template belongs to, "reminder".
func (t Template) Set() string {
	_, set, _ := strings.Cut(strings.TrimSuffix(t.name, "."+string(t.channel)), "/")
	return set
}

// ID is the name and version, "da/reminder.sms@3f2a91c0". The version is a hash of the file's bytes.
func (t Template) ID() string { return t.name + "@" + t.version }

// Language is the BCP 47 primary tag of the language the template is written in.
func (t Template) Language() string { return t.lang.tag }

// Channel is the channel the template is for.
func (t Template) Channel() reminder.Channel { return t.channel }

// Declared is the content class that the file's author gives its literal text: the line "Class: ...", else 0.
func (t Template) Declared() reminder.Class { return t.class }

// Class is the content class of the literal text: the declared one, or 2 where a word of the lists hints at health.
func (t Template) Class() reminder.Class {
	if len(t.raises) > 0 {
		return max(t.class, WordClass)
	}
	return t.class
}

// Render writes the message with the facts f. It returns ErrMissing when a fact outside of brackets is empty. Values are
// brought to Unicode form NFC. f.Language and f.Channel are not looked at, the template has its own.
func (t Template) Render(f reminder.Facts) (reminder.Rendered, error) { return t.RenderWithin(f, 0) }

// RenderWithin renders in at most limit letters where that is possible: brackets are left out of the text, the first one
// first, until it fits. When it does not fit without any, that shortest text is returned. A limit of 0 is none. The facts named
// in neutral are shown by their neutral text; ErrNoNeutral when one has none. The text is the last part; before it stands what is made of
// it, the HTML.
func (t Template) RenderWithin(f reminder.Facts, limit int, neutral ...string) (reminder.Rendered, error) {
	r, _, err := t.Fit(f, limit, neutral...)
	return r, err
}

// Fit is RenderWithin that also tells how many brackets were left out for the limit: so many of Brackets, from the first.
func (t Template) Fit(f reminder.Facts, limit int, neutral ...string) (r reminder.Rendered, leftOut int, err error) {
	if t.IsZero() {
		return reminder.Rendered{}, 0, ErrZero
	}
	value := func(p *Placeholder) (string, error) {
		if slices.Contains(neutral, p.Name) {
			s, ok := p.Neutral(t.lang.tag)
			if !ok {
				return "", fmt.Errorf("%w for {%s} in %s", ErrNoNeutral, p.Name, t.name)
			}
			return s, nil
		}
		return norm.NFC.String(p.show(f, t.lang)), nil
	}
	body := t.parts[len(t.parts)-1]
	for ; ; leftOut++ {
		r, err := t.render(value, leftOut)
		if err != nil || limit == 0 || leftOut == body.brackets() || letters(r.Parts[len(r.Parts)-1].Text.Reveal()) <= limit {
			if err == nil && t.html {
				r.Parts = slices.Insert(r.Parts, 1, htmlOf(r.Parts[1], r.Parts[0], t.lang)) // the text stays the last part
			}
			return r, leftOut, err
		}
	}
}

// Brackets are the brackets of the text as they stand in the file, "[, {address}]".
func (t Template) Brackets() []string {
	var out []string
	for _, n := range t.parts[len(t.parts)-1].nodes {
		if n.group == 0 {
			continue
		}
		for len(out) < n.group {
			out = append(out, "")
		}
		if n.fact != nil {
			out[n.group-1] += "{" + n.fact.Name + "}"
		} else {
			out[n.group-1] += n.literal
		}
	}
	for i := range out {
		out[i] = "[" + out[i] + "]"
	}
	return out
}

// Shows lists the placeholders of the template, subject and brackets included, each once.
func (t Template) Shows() []Placeholder {
	var out []Placeholder
	for _, p := range t.parts {
		for _, n := range p.nodes {
			if n.fact != nil && !slices.ContainsFunc(out, func(q Placeholder) bool { return q.Name == n.fact.Name }) {
				out = append(out, *n.fact)
			}
		}
	}
	return out
}

// Show is the value that the placeholder has with the facts f in the template's language; "" when there is none.
func (t Template) Show(p Placeholder, f reminder.Facts) string {
	return norm.NFC.String(p.show(f, t.lang))
}

// Outline writes the template with every placeholder as its own name, "{date}", and all brackets' content: the literal text
// with its provenance, as an approver reads it and as a scanner may check it. Its lines are the file's (see Line).
func (t Template) Outline() reminder.Rendered {
	t.sent = nil
	r, _ := t.render(func(p *Placeholder) (string, error) { return "{" + p.Name + "}", nil }, 0)
	return r
}

// Place is where in the file the byte at offset of a part of Outline stands: line and column from 1, the column in letters.
func (t Template) Place(kind reminder.PartKind, offset int) (line, column int) {
	for _, p := range t.parts {
		if p.kind == kind {
			return p.reading(true).place(offset)
		}
	}
	return 1, 1
}

// render walks the parts; value gives what stands for a placeholder; the first skip brackets of the text are left out.
func (t Template) render(value func(*Placeholder) (string, error), skip int) (reminder.Rendered, error) {
	r := reminder.Rendered{Template: t.ID(), Language: t.lang.tag}
	parts := t.parts
	if t.sent != nil {
		parts = t.sent
	}
	for _, p := range parts {
		values := make([]string, len(p.nodes))
		leave := map[int]bool{} // groups to leave out
		for g := 1; g <= skip && p.kind == reminder.PartText; g++ {
			leave[g] = true
		}
		for i, n := range p.nodes {
			if n.fact == nil {
				values[i] = n.literal
				continue
			}
			v, err := value(n.fact)
			if err != nil {
				return reminder.Rendered{}, err
			}
			if v == "" && n.group == 0 {
				return reminder.Rendered{}, fmt.Errorf("%w: {%s} in %s", ErrMissing, n.fact.Name, t.name)
			}
			leave[n.group] = leave[n.group] || v == ""
			values[i] = v
		}
		var text strings.Builder
		var spans []reminder.Span
		for i, n := range p.nodes {
			if n.group != 0 && leave[n.group] {
				continue
			}
			span := reminder.Span{Start: text.Len(), End: text.Len() + len(values[i])}
			if n.fact != nil {
				span.Fact = n.fact.Name
			}
			text.WriteString(values[i])
			if last := len(spans) - 1; last >= 0 && span.Fact == "" && spans[last].Fact == "" {
				spans[last].End = span.End
			} else {
				spans = append(spans, span)
			}
		}
		if strings.TrimSpace(text.String()) == "" {
			return reminder.Rendered{}, fmt.Errorf("%w: the %s of %s would be empty", ErrMissing, p.kind, t.name)
		}
		r.Parts = append(r.Parts, reminder.Part{Kind: p.kind, Text: reminder.Mask(text.String()), Spans: spans})
	}
	return r, nil
}
