package redact

import (
	"net/mail"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// piece is one part of a message taken out of the bytes that a carrier writes, decoded: what a reader of it gets to see.
type piece struct {
	part   reminder.PartKind
	sort   pieceSort
	name   string // of a header, in lower case
	text   string
	begins int     // byte of the text where it begins, behind a header's name
	covers []cover // of the text, explained by what the line is

	fixed []reminder.Masked // of the wire; of a field alone
}

// pieceSort tells apart the pieces that have the same kind of part.
type pieceSort string

const (
	pieceText     pieceSort = "text"
	pieceHTML     pieceSort = "html"
	pieceCalendar pieceSort = "calendar"
	pieceSubject  pieceSort = "subject"
	pieceSender   pieceSort = "sender"
	pieceHeader   pieceSort = "header"
	pieceField    pieceSort = "field" // of JSON or of a form
	pieceBoundary pieceSort = "boundary"
	pieceFileName pieceSort = "filename"
	pieceAround   pieceSort = "around" // before the first and behind the last part of a multipart
	pieceClosed   pieceSort = "closed" // can't be read
)

// maxPieces is how many parts, header lines included, a message may have. The mails that Husk writes have some twenty.
const maxPieces = 200

// split takes a wire apart. It is pure: what a piece may contain is decided later.
func split(w reminder.Wire) []piece {
	switch w.Format {
	case reminder.WireText:
		return []piece{{part: reminder.PartText, sort: pieceText, text: w.Body.Reveal()}}
	case reminder.WireMail:
		return splitMail(w.Body.Reveal())
	case reminder.WireJSON:
		return splitJSON(w.Body.Reveal(), w.Fixed)
	case reminder.WireForm:
		return splitForm(w.Body.Reveal(), w.Fixed)
	case reminder.WireSMPP:
		return splitSMPP(w.Body.Reveal())
	}
	return []piece{{part: reminder.PartText, sort: pieceClosed}}
}

// ScanWire reads the bytes that a carrier is going to write; nil means clean. A mail is taken apart into its header lines, the
// decoded bodies of its parts, their file names and boundaries, and what stands around them; JSON and forms into the names and
// decoded values of their fields; each is scanned. A part that
// equals one of r, line ends aside, keeps its provenance. Beside what Scan explains, these are explained where they stand: the
// recipient in To (and in the field of a form or of JSON that is named for it), the time in Date, the message's own List-Unsubscribe, known references in a Message-ID and in a boundary, and the
// times of a calendar file.
//
// What can't be read doesn't pass: malformed or deeply nested MIME, another content type, charset or transfer encoding is a
// finding of KindEncoded. Offsets are those of the decoded part, and 0 with length 0 of a part that can't be read.
func (s *Scanner) ScanWire(w reminder.Wire, r reminder.Rendered, known Known) []Finding {
	return s.scanPieces(split(w), r, known)
}

func (s *Scanner) scanPieces(pieces []piece, r reminder.Rendered, known Known) []Finding {
	w := s.pool.Get().(*scan)
	defer s.release(w)
	w.begin(known, true, s.checked)
	for i := range pieces {
		p := &pieces[i]
		switch {
		case p.sort == pieceClosed:
			w.out = append(w.out, Finding{Kind: KindEncoded, Part: p.part})
		case p.name == "" && w.readOrigin(p, r):
		default:
			w.given = append(w.given[:0], p.covers...)
			if p.part == reminder.PartHeader {
				w.explainHeader(p)
			}
			w.begins = p.begins
			w.read(p.part, p.text, nil)
			w.given, w.begins = w.given[:0], 0
		}
	}
	w.join()
	return w.out
}

// readOrigin reads a piece with the provenance of the rendered part that it equals.
func (s *scan) readOrigin(p *piece, r reminder.Rendered) bool {
	for i := range r.Parts {
		if o := &r.Parts[i]; sameText(p.text, o.Text.Reveal()) {
			if len(p.text) == len(o.Text.Reveal()) {
				s.given = append(s.given[:0], p.covers...)
			}
			s.read(p.part, o.Text.Reveal(), o.Spans)
			s.given = s.given[:0]
			return true
		}
	}
	return false
}

// sameText reports equal bytes, where CRLF is LF and line ends at the end don't count.
func sameText(a, b string) bool {
	a, b = strings.TrimRight(a, "\r\n"), strings.TrimRight(b, "\r\n")
	for {
		i, j := strings.IndexByte(a, '\n'), strings.IndexByte(b, '\n')
		if i < 0 || j < 0 {
			return i == j && a == b
		}
		if strings.TrimSuffix(a[:i], "\r") != strings.TrimSuffix(b[:j], "\r") {
			return false
		}
		a, b = a[i+1:], b[j+1:]
	}
}

// explainHeader covers what a header or field may hold by its name.
func (s *scan) explainHeader(p *piece) {
	value := p.text[p.begins:]
	if p.sort == pieceField {
		if s.explainedField(p, value) {
			s.given = append(s.given, cover{p.begins, len(p.text)})
		}
		return
	}
	switch p.name {
	case "to":
		if to := s.known.To; to != "" && (value == to || value == "<"+to+">") {
			s.given = append(s.given, cover{p.begins, len(p.text)})
		}
	case "list-unsubscribe":
		if u := s.known.Unsubscribe; u != "" && value == u {
			s.given = append(s.given, cover{p.begins, len(p.text)})
		}
	case "dkim-signature":
		s.given = append(s.given, signature(value, p.begins)...)
	case "date":
		if dated(value) {
			s.given = append(s.given, cover{p.begins, len(p.text)})
		}
	}
	if p.sort != pieceBoundary {
		return
	}
	for _, ref := range s.known.Refs { // words may be glued to it, which coverTexts does not allow
		for i := p.begins; len(ref) > 3; {
			j := strings.Index(p.text[i:], ref)
			if j < 0 {
				break
			}
			s.given = append(s.given, cover{i + j, i + j + len(ref)})
			i += j + len(ref)
		}
	}
}

// dated reports the date of a mail (RFC 5322 or RFC 3339) without comments, of a year in which one can have been written.
func dated(value string) bool {
	if strings.IndexByte(value, '(') >= 0 {
		return false
	}
	t, err := mail.ParseDate(value)
	if err != nil {
		t, err = time.Parse(time.RFC3339, value)
	}
	return err == nil && t.Year() >= 2020 && t.Year() < 2100
}
