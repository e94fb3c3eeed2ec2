package redact

import (
	"slices"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// ScanWireWithout is ScanWire with the pieces of one sort left out.
func (s *Scanner) ScanWireWithout(sort string, w reminder.Wire, r reminder.Rendered, known Known) []Finding {
	pieces := slices.DeleteFunc(split(w), func(p piece) bool { return string(p.sort) == sort })
	return s.scanPieces(pieces, r, known)
}

// Work is how many bytes, in all views of a text, tokens are cut from.
func (s *Scanner) Work(text string, known Known) int {
	w := s.pool.Get().(*scan)
	defer s.release(w)
	w.begin(known, false, nil)
	w.read(reminder.PartText, text, nil)
	return w.work
}

// Sorts are the sorts of the pieces of a wire, in order, and the bytes of their texts.
func Sorts(w reminder.Wire) (sorts []string, size int) {
	for _, p := range split(w) {
		sorts = append(sorts, string(p.sort))
		size += len(p.text)
	}
	return sorts, size
}

// The decoders of the scanner and of the wire.
var (
	EncodedWord = encodedWord
	DecodeBody  = decodeBody
	DecodeWords = decodeWords
	Decode64    = decode64
	Calendar    = func(text string) string { out, _ := readCalendar(text); return out }
	UnfoldField = unfoldField
	CutParts    = cutParts
	Parameters  = func(text string) (kind string, named map[string]string, ok bool) {
		kind, ps, ok := parameters(text)
		named = map[string]string{}
		for _, p := range ps {
			named[p.name] = p.value
		}
		return kind, named, ok
	}
	Entities  = func(text string) string { u, _ := unwrap(&view{text: text}, false); return u.text }
	Printable = func(text string) string { u, _ := unwrap(&view{text: text}, true); return u.text }
	Unfold    = func(text string) string { u, _ := unfold(&view{text: text}); return u.text }
)
