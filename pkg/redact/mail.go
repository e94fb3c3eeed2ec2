package redact

import (
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// maxNesting is how many multiparts may lie in each other.
const maxNesting = 3

// mailSplitter takes a mail apart (RFC 5322, RFC 2045 to 2047, RFC 2231). It reads less than a mail program would, and never
// otherwise: what two programs may read in two ways is a closed piece.
type mailSplitter struct{ pieces []piece }

func splitMail(text string) []piece {
	var m mailSplitter
	m.entity(text, 0)
	if len(m.pieces) > maxPieces {
		m.pieces = append(m.pieces[:maxPieces], piece{part: reminder.PartHeader, sort: pieceClosed})
	}
	return m.pieces
}

func (m *mailSplitter) add(p piece) { m.pieces = append(m.pieces, p) }

func (m *mailSplitter) closed(part reminder.PartKind) { m.add(piece{part: part, sort: pieceClosed}) }

// content is what the headers of an entity say of its body.
type content struct {
	kind     string // "text/plain"
	charset  string
	boundary string
	encoding string
	typed    bool
	encoded  bool
}

// entity takes a header and its body apart: the whole mail at depth 0, a part of a multipart below.
func (m *mailSplitter) entity(text string, depth int) {
	c := content{kind: "text/plain"}
	body, ok := m.header(text, depth, &c)
	switch {
	case !ok || len(m.pieces) > maxPieces:
		m.closed(reminder.PartHeader)
	case strings.HasPrefix(c.kind, "multipart/"):
		m.multipart(body, depth, c)
	default:
		m.leaf(body, c)
	}
}

// header reads the header lines up to the blank line, unfolded, and says what is behind it.
func (m *mailSplitter) header(text string, depth int, c *content) (body string, ok bool) {
	for text != "" && len(m.pieces) <= maxPieces {
		line, rest := cutLine(text)
		if line == "" {
			return rest, true
		}
		if rest != "" && (rest[0] == ' ' || rest[0] == '\t') {
			for rest != "" && (rest[0] == ' ' || rest[0] == '\t') {
				_, rest = cutLine(rest)
			}
			line = unfoldField(text[:len(text)-len(rest)])
		}
		if !m.field(line, depth, c) {
			return "", false
		}
		text = rest
	}
	return "", text == ""
}

// cutLine cuts the first line off, without its line end.
func cutLine(text string) (line, rest string) {
	line, rest, _ = strings.Cut(text, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// unfoldField takes the line ends out of a folded header field (RFC 5322 section 2.2.3).
func unfoldField(field string) string { return lineEnds.Replace(field) }

var lineEnds = strings.NewReplacer("\r\n", "", "\n", "")

// field reads one unfolded header field; not ok when it is none, or one that may be there once only is there twice.
func (m *mailSplitter) field(field string, depth int, c *content) (ok bool) {
	name, raw, ok := strings.Cut(field, ":")
	if !ok || name == "" || strings.IndexByte(raw, '\r') >= 0 {
		return false
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] >= 0x7f {
			return false
		}
	}
	raw = strings.Trim(raw, " \t")
	value, ok := decodeWords(raw)
	p := piece{part: reminder.PartHeader, sort: pieceHeader, name: strings.ToLower(name), text: name + ": " + value, begins: len(name) + 2}
	switch p.name {
	case "subject":
		if depth == 0 {
			p = piece{part: reminder.PartSubject, sort: pieceSubject, text: value}
		}
	case "from":
		if depth == 0 {
			p = piece{part: reminder.PartSender, sort: pieceSender, text: value}
		}
	case "mime-version":
		if value == "1.0" {
			p.covers = []cover{{p.begins, len(p.text)}}
		}
	case "content-transfer-encoding":
		if c.encoded {
			return false
		}
		c.encoding, c.encoded = strings.ToLower(value), true
		if c.encoding == "base64" || plainEncoding(c.encoding) {
			p.covers = []cover{{p.begins, len(p.text)}}
		}
	case "content-type", "content-disposition":
		if m.structured(p, raw, c) {
			return ok
		}
		ok = false
	}
	m.add(p)
	return ok
}

// structured reads a header with parameters. File names and boundaries become pieces of their own.
func (m *mailSplitter) structured(p piece, raw string, c *content) (ok bool) {
	kind, ps, ok := parameters(raw)
	typed := p.name == "content-type"
	if !ok || typed && c.typed {
		return false
	}
	p.text = p.text[:p.begins] + kind
	var own []piece
	for _, q := range ps {
		value, words := decodeWords(q.value)
		if !words {
			return false
		}
		switch {
		case q.name == "name" || q.name == "filename":
			own = append(own, piece{part: reminder.PartFileName, sort: pieceFileName, text: value})
			continue
		case typed && q.name == "boundary":
			c.boundary = q.value
			own = append(own, piece{part: reminder.PartHeader, sort: pieceBoundary, name: "boundary", text: "boundary=" + value, begins: len("boundary=")})
			continue
		}
		p.text += "; " + q.name + "=" + value
		if typed && q.name == "charset" {
			c.charset = strings.ToLower(value)
			if _, known := charsets[c.charset]; known {
				p.covers = append(p.covers, cover{len(p.text) - len(value), len(p.text)})
			}
		}
	}
	if typed {
		c.kind, c.typed = strings.ToLower(kind), true
	}
	m.add(p)
	m.pieces = append(m.pieces, own...)
	return true
}

// multipart takes the parts of a body apart, and what stands before and behind them, which mail programs don't show.
func (m *mailSplitter) multipart(body string, depth int, c content) {
	switch c.kind {
	case "multipart/mixed", "multipart/alternative", "multipart/related":
	default:
		m.closed(reminder.PartText)
		return
	}
	var parts []string
	ok := depth < maxNesting && plainEncoding(c.encoding)
	before, behind := "", ""
	if ok {
		before, parts, behind, ok = cutParts(body, c.boundary)
	}
	if !ok {
		m.closed(reminder.PartText)
		return
	}
	for _, text := range []string{before, behind} {
		if strings.Trim(text, "\r\n") != "" {
			m.add(piece{part: reminder.PartText, sort: pieceAround, text: text})
		}
	}
	for _, part := range parts {
		if len(m.pieces) <= maxPieces {
			m.entity(part, depth+1)
		}
	}
}

// cutParts cuts a multipart at its boundary (RFC 2046 section 5.1.1). A line that begins like a delimiter and isn't one, a
// missing end, or no part at all is not ok.
func cutParts(body, boundary string) (before string, parts []string, behind string, ok bool) {
	if boundary == "" || len(boundary) > 70 || boundary[len(boundary)-1] == ' ' {
		return "", nil, "", false
	}
	delimiter := "--" + boundary
	from := 0 // of the part at hand
	seen := false
	for at := 0; at < len(body); {
		line, rest := cutLine(body[at:])
		next := len(body) - len(rest)
		if !strings.HasPrefix(line, delimiter) {
			at = next
			continue
		}
		end := at // without the line end before it, which is the delimiter's
		if end > from {
			end = from + len(strings.TrimSuffix(strings.TrimSuffix(body[from:end], "\n"), "\r"))
		}
		if seen {
			parts = append(parts, body[from:end])
		} else {
			before, seen = body[from:end], true
		}
		at, from = next, next
		switch tail := line[len(delimiter):]; {
		case strings.HasPrefix(tail, "--") && strings.Trim(tail[2:], " \t") == "":
			return before, parts, body[next:], len(parts) > 0
		case strings.Trim(tail, " \t") != "":
			return "", nil, "", false
		}
	}
	return "", nil, "", false
}

// leaf decodes a body.
func (m *mailSplitter) leaf(body string, c content) {
	p := piece{part: reminder.PartText, sort: pieceText}
	switch c.kind {
	case "text/plain":
	case "text/html":
		p.part, p.sort = reminder.PartHTML, pieceHTML
	case "text/calendar":
		p.part, p.sort = reminder.PartCalendar, pieceCalendar
	default:
		m.closed(reminder.PartText)
		return
	}
	text, ok := decodeBody(body, c.encoding)
	if ok {
		text, ok = decodeCharset(text, c.charset)
	}
	if !ok {
		m.closed(p.part)
		return
	}
	p.text = text
	if p.sort == pieceCalendar {
		p.text, p.covers = readCalendar(text)
	}
	m.add(p)
}

func plainEncoding(encoding string) bool {
	switch encoding {
	case "", "7bit", "8bit", "binary":
		return true
	}
	return false
}

// decodeBody takes the transfer encoding off (RFC 2045 section 6).
func decodeBody(body, encoding string) (string, bool) {
	switch {
	case plainEncoding(encoding):
		return body, true
	case encoding == "base64":
		p, err := base64.StdEncoding.Strict().DecodeString(body) // it skips line ends, and nothing else
		return string(p), err == nil
	case encoding == "quoted-printable" && printable(body):
		p, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
		return string(p), err == nil
	}
	return "", false
}

// printable reports that each "=" is an encoded byte or a soft line break: the decoder of the standard library takes others as
// they are.
func printable(body string) bool {
	for {
		_, rest, found := strings.Cut(body, "=")
		if !found {
			return true
		}
		line, _ := cutLine(rest)
		if len(line) >= 2 && unhex(line[0]) >= 0 && unhex(line[1]) >= 0 {
			rest = rest[2:]
		} else if len(line) == len(rest) || strings.Trim(line[:min(len(line), 80)], " \t") != "" {
			return false
		}
		body = rest
	}
}

// charsets are those that are read; true = each byte is the character of that number.
var charsets = map[string]bool{"": false, "utf-8": false, "us-ascii": false, "iso-8859-1": true}

func decodeCharset(text, charset string) (string, bool) {
	latin, ok := charsets[charset]
	if latin {
		text = fromLatin1(text)
	}
	return text, ok
}

func fromLatin1(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteRune(rune(text[i]))
	}
	return b.String()
}

// decodeWords takes RFC 2047 encoded words off; not ok when one of them can't be read.
func decodeWords(text string) (string, bool) {
	if !strings.Contains(text, "=?") {
		return text, true
	}
	var d mime.WordDecoder
	out, err := d.DecodeHeader(text)
	if err != nil {
		return text, false
	}
	return out, !strings.Contains(out, "=?")
}
