package redact

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxLayers is how many encodings on top of each other are taken off. What is still encoded then is a finding itself.
const maxLayers = 2

// layer reads what a view decodes to, innermost first, then its normalised forms: what a reader sees. It is the slow path,
// taken when tokenize saw a reason to; the view itself is the caller's to look at.
func (s *scan) layer(v *view, depth int) {
	n := normalise(v)
	for _, printable := range [2]bool{false, true} { // "=31" may be quoted-printable, or the value of a query; "\31" a path
		if printable && !strings.ContainsAny(n.text, "=\\") {
			continue
		}
		u, at := unwrap(n, printable)
		switch {
		case at < 0:
		case depth == maxLayers:
			s.add(n, KindEncoded, "", at, at+1)
		default:
			s.layer(u, depth+1)
			s.look(u)
		}
	}
	s.tokens(n, depth)
	folded := n
	if u, ok := unfold(n); ok {
		folded = u
	}
	if t, ok := stripTags(folded); ok {
		s.look(t)
	}
	if folded != n {
		s.look(folded)
	}
	if n.text != v.text {
		s.look(n)
	}
}

// look scans a decoded view.
func (s *scan) look(v *view) {
	found := s.tokenize(v)
	s.evaluate(v, found)
	if !v.ids {
		s.thirdParties(v, found)
	}
	s.clothes(v, found)
}

// builder makes a view from another one.
type builder struct {
	from *view
	b    []byte
	off  []int32
}

func newBuilder(v *view) *builder {
	return &builder{from: v, b: make([]byte, 0, len(v.text)), off: make([]int32, 0, len(v.text)+1)}
}

// copy takes bytes i to j as they are.
func (b *builder) copy(i, j int) {
	b.b = append(b.b, b.from.text[i:j]...)
	for k := i; k < j; k++ {
		b.off = append(b.off, int32(b.from.origin(k)))
	}
}

// put appends bytes that stand for what begins at i.
func (b *builder) put(p []byte, i int) {
	b.b = append(b.b, p...)
	at := int32(b.from.origin(i))
	for range p {
		b.off = append(b.off, at)
	}
}

func (b *builder) view() *view {
	return &view{text: string(b.b), off: append(b.off, int32(b.from.originEnd(len(b.from.text)))), quiet: b.from.quiet}
}

// normalise folds compatibility forms (NFKC), turns every character that stands for a digit into it, and drops what does
// not show: hidden characters, variation selectors, marks that did not compose.
func normalise(v *view) *view {
	b := newBuilder(v)
	var it norm.Iter
	it.InitString(norm.NFKC, v.text)
	for !it.Done() {
		at := it.Pos()
		seg := it.Next()
		for i := 0; i < len(seg); {
			r, n := utf8.DecodeRune(seg[i:])
			p := seg[i : i+n]
			i += n
			if r < 0x80 {
				b.put(p, at)
				continue
			}
			if d := digitOf(r); d >= 0 {
				b.put([]byte{byte('0' + d)}, at)
				continue
			}
			if hidden(r) || unicode.IsMark(r) {
				continue
			}
			b.put(p, at)
		}
	}
	return b.view()
}

// unfold joins folded header and calendar lines (RFC 5322, RFC 5545): a line end and one space or tab behind it go.
func unfold(v *view) (*view, bool) {
	text := v.text
	b := newBuilder(v)
	from := 0
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '\n' || text[i+1] != ' ' && text[i+1] != '\t' {
			continue
		}
		end := i
		if end > from && text[end-1] == '\r' {
			end--
		}
		b.copy(from, end)
		from = i + 2
	}
	if from == 0 {
		return v, false
	}
	b.copy(from, len(text))
	return b.view(), true
}

// mayDecode reports that an encoding may begin with the mark at text[0].
func mayDecode(text string) bool {
	c := text[1]
	switch text[0] {
	case '\n':
		return c == ' ' || c == '\t'
	case '<':
		return isLetter(c) || c == '/' || c == '!' || c == '?'
	case '&':
		return c == '#' || isLetter(c)
	case '%':
		return len(text) > 2 && unhex(c) >= 0 && unhex(text[2]) >= 0
	case '=':
		return c == '?' || c == '\n' || c == '\r' || len(text) > 2 && unhex(c) >= 0 && unhex(text[2]) >= 0
	case '\\':
		return c == 'u' || c == 'x' || c == 'U' || unhex(c) >= 0
	}
	return false
}

func unhex(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// unwrap takes one layer off: quoted-printable and the escapes of style sheets, or HTML entities, percent-encoding, RFC 2047 and
// \u escapes. at is where the first one stood, -1 when there was none.
func unwrap(v *view, printable bool) (u *view, at int) {
	text := v.text
	at = strings.IndexAny(text, "&%=\\")
	if at < 0 {
		return v, -1
	}
	b := newBuilder(v)
	at = -1
	from := 0
	for i := 0; i < len(text); i++ {
		if byteClasses[text[i]] != bMarkup || i+1 >= len(text) || !mayDecode(text[i:]) {
			continue
		}
		if (text[i] == '=' && text[i+1] != '?' || text[i] == '\\' && unhex(text[i+1]) >= 0) != printable {
			continue
		}
		p, n := unwrapAt(text[i:])
		if n == 0 {
			continue
		}
		if at < 0 {
			at = i
		}
		b.copy(from, i)
		b.put(p, i)
		from = i + n
		i = from - 1
	}
	if at < 0 {
		return v, -1
	}
	b.copy(from, len(text))
	u = b.view()
	u.quiet = u.quiet || printable
	return u, at
}

// unwrapAt decodes what begins at text[0]: the bytes and the length of their encoding, 0 when it is none.
func unwrapAt(text string) ([]byte, int) {
	switch text[0] {
	case '&':
		n := 1
		for n < len(text) && n < 32 && (isAlnum(text[n]) || text[n] == '#') {
			n++
		}
		if n < len(text) && text[n] == ';' {
			n++
		}
		if d := html.UnescapeString(text[:n]); d != text[:n] {
			return []byte(d), n
		}
	case '%':
		return []byte{byte(unhex(text[1])<<4 | unhex(text[2]))}, 3
	case '=':
		switch {
		case text[1] == '?':
			return encodedWord(text)
		case strings.HasPrefix(text, "=\r\n"):
			return nil, 3
		case text[1] == '\n' || text[1] == '\r':
			return nil, 2
		}
		return []byte{byte(unhex(text[1])<<4 | unhex(text[2]))}, 3
	case '\\':
		return backslash(text)
	}
	return nil, 0
}

// backslash decodes \xHH, \uHHHH, \UHHHHHHHH, and the \H… of style sheets: up to six hexadecimal digits and a space.
func backslash(text string) ([]byte, int) {
	size, from := 6, 2
	switch text[1] {
	case 'x':
		size = 2
	case 'u':
		size = 4
	case 'U':
		size = 8
	default:
		from = 1
	}
	r, n := rune(0), from
	for n < len(text) && n-from < size && unhex(text[n]) >= 0 {
		r = r<<4 | rune(unhex(text[n]))
		n++
	}
	if n-from < size && from == 2 {
		return nil, 0
	}
	if from == 1 && n < len(text) && text[n] == ' ' {
		n++
	}
	return utf8.AppendRune(nil, r), n
}

// encodedWord decodes "=?charset?B|Q?text?=" (RFC 2047). A charset other than UTF-8 is read as Latin-1: digits are the same in
// every charset mail may use.
func encodedWord(text string) ([]byte, int) {
	const longest = 1 << 10 // the RFC allows 75; be generous, but stay linear
	window := text[:min(len(text), longest)]
	q1 := strings.IndexByte(window[2:], '?') + 2
	if q1 < 3 || q1+2 >= len(window) || window[q1+2] != '?' {
		return nil, 0
	}
	body := window[q1+3:]
	end := strings.Index(body, "?=")
	if end < 0 {
		return nil, 0
	}
	raw := body[:end]
	var d []byte
	switch window[q1+1] | 0x20 {
	case 'b':
		p, ok := decode64(raw)
		if !ok {
			return nil, 0
		}
		d = p
	case 'q':
		for i := 0; i < len(raw); i++ {
			switch {
			case raw[i] == '_':
				d = append(d, ' ')
			case raw[i] == '=' && i+2 < len(raw) && unhex(raw[i+1]) >= 0 && unhex(raw[i+2]) >= 0:
				d = append(d, byte(unhex(raw[i+1])<<4|unhex(raw[i+2])))
				i += 2
			default:
				d = append(d, raw[i])
			}
		}
	default:
		return nil, 0
	}
	if !utf8.Valid(d) {
		latin := make([]byte, 0, 2*len(d))
		for _, c := range d {
			latin = utf8.AppendRune(latin, rune(c))
		}
		d = latin
	}
	return d, q1 + 3 + end + 2
}

// blockTag reports, behind its "<", a tag that no word goes across.
func blockTag(text string) bool {
	text = strings.TrimPrefix(text, "/")
	n := 0
	for n < len(text) && n < 11 && isAlnum(text[n]) {
		n++
	}
	switch strings.ToLower(text[:n]) {
	case "br", "p", "div", "td", "th", "tr", "li", "ul", "ol", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "title", "body", "head", "style", "blockquote":
		return true
	}
	return false
}

// stripTags removes HTML tags and comments: what a reader of the body sees. Attributes and comments were read before.
func stripTags(v *view) (*view, bool) {
	text := v.text
	if strings.IndexByte(text, '<') < 0 {
		return v, false
	}
	b := newBuilder(v)
	from, changed := 0, false
	comments := true
	for i := 0; i+1 < len(text); {
		if text[i] != '<' || !mayDecode(text[i:]) {
			i++
			continue
		}
		n := -1
		if comments && strings.HasPrefix(text[i:], "<!--") {
			if n = strings.Index(text[i:], "-->"); n >= 0 {
				n += 3
			} else {
				comments = false // nor will there be one for the next
			}
		}
		if n < 0 {
			n = strings.IndexByte(text[i:], '>') + 1
			if n == 0 {
				break
			}
		}
		b.copy(from, i)
		if blockTag(text[i+1:]) {
			b.put([]byte{' '}, i)
		}
		i += n
		from, changed = i, true
	}
	if !changed {
		return v, false
	}
	b.copy(from, len(text))
	return b.view(), true
}
