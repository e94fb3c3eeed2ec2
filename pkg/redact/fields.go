package redact

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// maxFieldNesting is how many objects and lists of JSON may lie in each other.
const maxFieldNesting = 4

// fieldSplitter takes JSON and forms apart into their fields. It reads less than a carrier would, and never otherwise: names that
// are there twice, broken escapes and what follows the end make a closed piece.
type fieldSplitter struct {
	pieces []piece
	fixed  []reminder.Masked
}

var errFields = errors.New("redact: fields can't be read")

func (f *fieldSplitter) result(err error) []piece {
	if err != nil || len(f.pieces) > maxPieces {
		f.pieces = append(f.pieces[:min(len(f.pieces), maxPieces)], piece{part: reminder.PartHeader, sort: pieceClosed})
	}
	return f.pieces
}

// add makes a piece of a field, by its name the message's text, its sender, or any other.
func (f *fieldSplitter) add(name, value string) {
	switch strings.ToLower(name) {
	case "message", "body", "userdata", "text":
		f.pieces = append(f.pieces, piece{part: reminder.PartText, sort: pieceText, text: value})
	case "sender", "from", "source":
		f.pieces = append(f.pieces, piece{part: reminder.PartSender, sort: pieceSender, text: value})
	default:
		f.pieces = append(f.pieces, piece{
			part: reminder.PartHeader, sort: pieceField, name: strings.ToLower(name), text: name + ": " + value, begins: len(name) + 2, fixed: f.fixed,
		})
	}
}

// splitForm takes name=value pairs apart.
func splitForm(body string, fixed []reminder.Masked) []piece {
	f := &fieldSplitter{fixed: fixed}
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(body, "&") {
		name, value, ok := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if !ok || errors.Join(err1, err2) != nil || seen[name] || strings.IndexByte(pair, ';') >= 0 || !utf8.ValidString(name+value) || len(f.pieces) > maxPieces {
			return f.result(errFields)
		}
		seen[name] = true
		f.add(name, value)
	}
	return f.result(nil)
}

// splitJSON takes one object apart.
func splitJSON(body string, fixed []reminder.Masked) []piece {
	f := &fieldSplitter{fixed: fixed}
	if !utf8.ValidString(body) || strings.ContainsRune(body, utf8.RuneError) {
		return f.result(errFields)
	}
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return f.result(errFields)
	}
	err := f.object(d, 1)
	if _, end := d.Token(); err == nil && !errors.Is(end, io.EOF) {
		err = errFields
	}
	return f.result(err)
}

func (f *fieldSplitter) object(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, ok := t.(string)
		if !ok || seen[name] {
			return errFields
		}
		seen[name] = true
		if err := f.value(d, name, depth); err != nil {
			return err
		}
	}
	_, err := d.Token() // the brace
	return err
}

// value reads what a name stands for. The elements of a list stand under its name.
func (f *fieldSplitter) value(d *json.Decoder, name string, depth int) error {
	t, err := d.Token()
	switch x := t.(type) {
	case json.Delim:
		if depth++; depth > maxFieldNesting || len(f.pieces) > maxPieces {
			return errFields
		}
		f.add(name, "") // a name without a value of its own is read too
		if x == '{' {
			return f.object(d, depth)
		}
		for d.More() {
			if err := f.value(d, name, depth); err != nil {
				return err
			}
		}
		_, err = d.Token() // the bracket
	case string:
		if strings.ContainsRune(x, utf8.RuneError) { // half a surrogate pair: readers differ in what they make of it
			return errFields
		}
		f.add(name, x)
	case json.Number:
		f.add(name, x.String())
	case bool, nil:
		if err == nil {
			f.add(name, "")
		}
	}
	return err
}

// explainedField reports what a field of this name may hold: the recipient, whole and with or without its plus; a time of this
// century; a number of seconds or minutes; what the carrier's configuration puts there, with the message's reference behind it or not.
func (s *scan) explainedField(p *piece, value string) bool {
	switch p.name {
	case "to", "recipient", "destination":
		return s.known.To != "" && (value == s.known.To || "+"+value == s.known.To)
	case "expire_at", "absolutevaliditytime":
		t, err := time.Parse(time.RFC3339, value)
		return err == nil && t.Year() >= 2020 && t.Year() < 2100
	case "validityperiod", "validity":
		return len(value) <= 5 && strings.Trim(value, "0123456789") == ""
	}
	for _, f := range p.fixed {
		rest, ok := strings.CutPrefix(value, f.Reveal())
		if !ok || f.IsZero() {
			continue
		}
		if rest == "" {
			return true
		}
		for _, ref := range s.known.Refs {
			if rest == ref {
				return true
			}
		}
	}
	return false
}
