package register

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// ErrJSON is the error of text that is not one plain JSON value. It never quotes the text.
var ErrJSON = errors.New("register: not one JSON value with each name once")

// Unmarshal is json.Unmarshal for answers that decide something: it refuses what two readers could take for two things, a
// name that stands twice in an object (RFC 8259 § 4; names that differ in case alone count as one, since json.Unmarshal
// takes them for one), broken UTF-8, and anything behind the value. Unknown names are fine: registers add fields.
func Unmarshal(data []byte, v any) error {
	if !utf8.Valid(data) {
		return ErrJSON
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if walk(d, 0) != nil {
		return ErrJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return ErrJSON
	}
	if json.Unmarshal(data, v) != nil {
		return ErrJSON
	}
	return nil
}

const maxDepth = 32

// walk reads one value.
func walk(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil || depth > maxDepth {
		return ErrJSON
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	names := map[string]bool{}
	for d.More() {
		if open == '{' {
			t, err := d.Token()
			name, ok := t.(string)
			if err != nil || !ok {
				return ErrJSON
			}
			if name = strings.ToLower(strings.ToUpper(name)); names[name] {
				return ErrJSON
			}
			names[name] = true
		}
		if err := walk(d, depth+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return ErrJSON
	}
	return nil
}
