package smtp

import (
	"io"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// answers are what mail programs put before the subject of a mail that is answered or passed on, and of an automatic answer.
var answers = regexp.MustCompile(`(?i)^\s*(re|sv|vs|aw|fw|fwd|vb|antw|svar|automatisk svar|auto)\s*(\[\d+\])?:`)

// wordsOf is what an answer says: its subject, where that is the person's own and no repetition of ours, and its text.
func wordsOf(subject, text string) string {
	switch {
	case strings.TrimSpace(text) == "":
		return subject
	case strings.TrimSpace(subject) == "" || answers.MatchString(subject):
		return text
	}
	return subject + "\n" + text
}

// wordsIn are the words of a page, without what is quoted in it and what nobody sees. What can't be read as a page ends it.
func wordsIn(page io.Reader) string {
	var b strings.Builder
	z := html.NewTokenizer(page)
	z.SetMaxBuf(maxAnswer)
	unseen := ""
	depth := 0 // of unseen in itself
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return strings.ToValidUTF8(strings.TrimSpace(b.String()), "")
		}
		t := z.Token()
		switch {
		case unseen != "":
			if t.Data == unseen && kind == html.StartTagToken {
				depth++
			}
			if t.Data == unseen && kind == html.EndTagToken {
				if depth--; depth == 0 {
					unseen = ""
				}
			}
		case kind == html.TextToken:
			b.WriteString(t.Data)
		case kind == html.StartTagToken && (t.Data == "blockquote" || t.Data == "style" || t.Data == "script" || t.Data == "title"):
			unseen, depth = t.Data, 1
			b.WriteByte('\n')
		case kind != html.CommentToken && lines[t.Data]:
			b.WriteByte('\n')
		}
	}
}

// lines are the tags that begin or end a line.
var lines = map[string]bool{"br": true, "p": true, "div": true, "tr": true, "li": true, "hr": true, "h1": true, "h2": true, "h3": true}
