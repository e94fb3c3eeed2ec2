package template

import (
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// inHTML escapes what has a meaning in HTML text and in a quoted attribute.
var inHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;")

// htmlOf is the text as HTML: a paragraph for each that the text has, its line ends, and a link where the text shows {link}. It says what
// the text says and nothing besides; it has no picture, no style sheet and nothing else that a mail program would fetch. title is the
// subject: a document without one, or without its language, can't be read aloud well (WCAG 2.2, 2.4.2 and 3.1.1).
func htmlOf(text, title reminder.Part, lang language) reminder.Part {
	w := htmlWriter{}
	w.tag(`<!DOCTYPE html>` + "\n" + `<html lang="` + lang.tag + `">` + "\n" + `<head><meta charset="utf-8"><title>`)
	w.spans(title, false)
	w.tag("</title></head>\n<body>\n<p>")
	w.spans(text, true)
	w.tag("</p>\n</body>\n</html>\n")
	return reminder.Part{Kind: reminder.PartHTML, Text: reminder.Mask(w.b.String()), Spans: w.out}
}

// htmlWriter writes HTML and keeps the provenance of every byte.
type htmlWriter struct {
	b    strings.Builder
	out  []reminder.Span
	gaps string // line ends not written yet
}

// put writes bytes that come from a fact, "" = literal text.
func (w *htmlWriter) put(s, fact string) {
	if s == "" {
		return
	}
	from := w.b.Len()
	w.b.WriteString(s)
	if last := len(w.out) - 1; last >= 0 && fact == "" && w.out[last].Fact == "" {
		w.out[last].End = w.b.Len()
		return
	}
	w.out = append(w.out, reminder.Span{Start: from, End: w.b.Len(), Fact: fact})
}

func (w *htmlWriter) tag(s string) { w.put(s, "") }

// spans writes a part, span by span. A line end may stand in one span, and the next one in another.
func (w *htmlWriter) spans(p reminder.Part, paragraphs bool) {
	text := strings.TrimRight(p.Text.Reveal(), "\n")
	for _, s := range p.Spans {
		piece := text[min(s.Start, len(text)):min(s.End, len(text))]
		for piece != "" && paragraphs {
			line, rest, found := strings.Cut(piece, "\n")
			w.piece(line, s.Fact)
			if piece = rest; found {
				w.gaps += "\n"
			}
		}
		w.piece(piece, s.Fact)
	}
}

// piece writes what stands on one line.
func (w *htmlWriter) piece(s, fact string) {
	if s == "" {
		return
	}
	switch {
	case len(w.gaps) > 1:
		w.tag("</p>\n<p>")
	case len(w.gaps) == 1:
		w.tag("<br>\n")
	}
	w.gaps = ""
	if fact != linkFact {
		w.put(inHTML.Replace(s), fact)
		return
	}
	w.tag(`<a href="`)
	w.put(inHTML.Replace(s), fact)
	w.tag(`">`)
	w.put(inHTML.Replace(s), fact)
	w.tag("</a>")
}
