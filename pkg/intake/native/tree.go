package native

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/intake"
)

// maxDepth is more than the schema has.
const maxDepth = 8

func malformed(field, fix string) error {
	return &intake.MalformedError{Reason: intake.ReasonMalformed, Field: field, Fix: fix}
}

// parse reads one JSON object, strictly (RFC 8259 with the advice of RFC 7493, I-JSON): valid UTF-8, no lone surrogates,
// no name twice in one object, nothing behind it. encoding/json alone takes the last of two, folds the case of names
// and replaces what is not UTF-8. Values: string, json.Number, bool, nil, []any, map[string]any.
func parse(data []byte) (map[string]any, error) {
	if !utf8.Valid(data) {
		return nil, malformed("", "not UTF-8: send JSON in UTF-8")
	}
	if !json.Valid(data) {
		return nil, malformed("", "not one whole JSON value: is it cut off, or is something behind it?")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := value(dec, 0)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, malformed("", "not a JSON object: want one event, {...}")
	}
	return m, nil
}

// value reads the next value. The data is valid JSON, so the decoder itself does not fail.
func value(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, malformed("", "nested too deeply")
	}
	t, err := dec.Token()
	if err != nil {
		return nil, malformed("", "not JSON")
	}
	switch t {
	case json.Delim('{'):
		m := map[string]any{}
		for dec.More() {
			k, err := dec.Token()
			if err != nil {
				return nil, malformed("", "not JSON")
			}
			name, _ := k.(string)
			if _, twice := m[name]; twice {
				return nil, malformed("", "a field stands twice in one object")
			}
			if m[name], err = value(dec, depth+1); err != nil {
				return nil, err
			}
		}
		_, _ = dec.Token()
		return m, nil
	case json.Delim('['):
		l := []any{}
		for dec.More() {
			v, err := value(dec, depth+1)
			if err != nil {
				return nil, err
			}
			l = append(l, v)
		}
		_, _ = dec.Token()
		return l, nil
	}
	if s, ok := t.(string); ok && strings.ContainsRune(s, utf8.RuneError) {
		return nil, malformed("", "a text holds U+FFFD or half a surrogate pair: characters were lost before it came here")
	}
	return t, nil
}
