package sms

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrSegments is had for a text of more segments than a concatenation header can count.
var ErrSegments = errors.New("sms: text: it has more than 255 segments")

// ErrReference is had for a concatenation reference of another width than 8 or 16 bits.
var ErrReference = errors.New("sms: concatenation reference: want 8 or 16 bits")

// mostSegments is what the one octet holds that counts them, 3GPP TS 23.040 §9.2.3.24.1.
const mostSegments = 255

// Segment is one segment of a text as it travels.
type Segment struct {
	Text   string
	Header []byte // user data header with its length octet; nil of a text that is one segment
	Data   []byte // GSM7: septets, one an octet, not packed; UCS2: UTF-16, the high octet first
}

// Encode writes text in its encoding: of GSM7 one septet an octet, not packed; of UCS2 the octets of UTF-16, high first. A byte which
// is not UTF-8 is written as U+FFFD.
func Encode(text string) (Encoding, []byte) {
	enc := encodingOf(text)
	return enc, enc.encode(text)
}

// Concatenate writes text as the segments that one message is sent in, each with the header that says which it is, 3GPP TS 23.040
// §9.2.3.24.1 (a reference of 8 bits) and §9.2.3.24.8 (16 bits). The header of 16 bits takes an octet more, and so leaves 152 septets
// or 66 UTF-16 units to a segment; Count and Split measure with the one of 8. A text that fits one segment has no header.
func Concatenate(text string, bits int, reference uint16) (Encoding, []Segment, error) {
	enc := encodingOf(text)
	var room int
	switch {
	case bits == 8 && enc == GSM7:
		room = Multi7
	case bits == 8:
		room = Multi2
	case bits == 16 && enc == GSM7:
		room = Multi7 - 1
	case bits == 16:
		room = Multi2 - 1
	default:
		return enc, nil, ErrReference
	}
	single := map[Encoding]int{GSM7: Single7, UCS2: Single2}[enc]
	texts := enc.cut(text, single, room)
	if len(texts) > mostSegments {
		return enc, nil, ErrSegments
	}
	out := make([]Segment, len(texts))
	for i, t := range texts {
		out[i] = Segment{Text: t, Data: enc.encode(t)}
		switch total, number := byte(len(texts)), byte(i+1); {
		case total == 1:
		case bits == 8:
			out[i].Header = []byte{5, elementConcat8, 3, byte(reference), total, number}
		default:
			out[i].Header = append(binary.BigEndian.AppendUint16([]byte{6, elementConcat16, 4}, reference), total, number)
		}
	}
	return enc, out, nil
}

// cut is Split with the room that is given.
func (e Encoding) cut(text string, single, room int) []string {
	units := 0
	for _, r := range text {
		units += e.cost(r)
	}
	if text == "" {
		return nil
	}
	if units <= single {
		return []string{text}
	}
	var out []string
	start, used := 0, 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		c := e.cost(r)
		if used+c > room {
			out = append(out, text[start:i])
			start, used = i, 0
		}
		used += c
		i += n
	}
	return append(out, text[start:])
}

// codes is the octets of each letter of the GSM 7-bit default alphabet.
var codes = func() map[rune][]byte {
	m := make(map[rune][]byte, 137)
	for i, r := range []rune(base) {
		m[r] = []byte{byte(i)}
	}
	for _, r := range extension {
		m[r] = []byte{escape, extended[r]}
	}
	delete(m, escape)
	return m
}()

// extended is the second septet of each letter of the extension table, 3GPP TS 23.038 §6.2.1.1.
var extended = map[rune]byte{
	'\f': 0x0a, '^': 0x14, '{': 0x28, '}': 0x29, '\\': 0x2f, '[': 0x3c, '~': 0x3d, ']': 0x3e, '|': 0x40, '€': 0x65,
}

// letters and extendedLetters are the way back.
var (
	letters         = []rune(base)
	extendedLetters = func() map[byte]rune {
		m := make(map[byte]rune, len(extended))
		for r, b := range extended {
			m[b] = r
		}
		return m
	}()
)

func (e Encoding) encode(text string) []byte {
	out := make([]byte, 0, 2*len(text))
	for _, r := range text {
		if e == GSM7 {
			out = append(out, codes[r]...)
			continue
		}
		for _, u := range utf16.AppendRune(nil, r) {
			out = binary.BigEndian.AppendUint16(out, u)
		}
	}
	return out
}

// Decode reads what Encode writes, and what others write instead. An escape before a septet that is not in the extension table
// shows the letter of that septet, as 3GPP TS 23.038 §6.2.1.1 has it of whoever doesn't know better; an octet above 127, half a
// surrogate pair and a last odd octet of UTF-16 are U+FFFD.
func (e Encoding) Decode(data []byte) string {
	var s strings.Builder
	if e != GSM7 {
		units := make([]uint16, 0, len(data)/2+1)
		for len(data) > 1 {
			units, data = append(units, binary.BigEndian.Uint16(data)), data[2:]
		}
		if len(data) == 1 {
			units = append(units, utf8.RuneError)
		}
		return string(utf16.Decode(units))
	}
	escaped := false
	for _, b := range data {
		r, known := extendedLetters[b]
		switch {
		case b > 0x7f:
			s.WriteRune(utf8.RuneError)
		case escaped && known:
			s.WriteRune(r)
		case b == escape && !escaped:
			escaped = true
			continue
		case b == escape: // 3GPP TS 23.038 §6.2.1.1 note 1: reserved, shown as a space
			s.WriteByte(' ')
		default:
			s.WriteRune(letters[b])
		}
		escaped = false
	}
	return s.String()
}

// The information elements of a user data header that say which segment of how many this is.
const (
	elementConcat8  = 0x00
	elementConcat16 = 0x08
)

// Concatenation says which segment of a message one is.
type Concatenation struct {
	Reference uint16 // the same in all segments of one message of one sender to one recipient
	Total     int    // segments of the message, 1 and more
	Number    int    // of this segment, from 1 to Total
}

// ReadHeader takes the user data header off user data that has one, and reads the concatenation in it; the zero Concatenation where
// there is none that makes sense. ok is false when what the first octet announces is not there: then rest is all of data.
func ReadHeader(data []byte) (c Concatenation, rest []byte, ok bool) {
	if len(data) == 0 || len(data) < 1+int(data[0]) {
		return c, data, false
	}
	header, rest := data[1:1+int(data[0])], data[1+int(data[0]):]
	for len(header) >= 2 && len(header) >= 2+int(header[1]) {
		id, element := header[0], header[2:2+int(header[1])]
		header = header[2+len(element):]
		var got Concatenation
		switch {
		case id == elementConcat8 && len(element) == 3:
			got = Concatenation{uint16(element[0]), int(element[1]), int(element[2])}
		case id == elementConcat16 && len(element) == 4:
			got = Concatenation{binary.BigEndian.Uint16(element), int(element[2]), int(element[3])}
		}
		if got.Number >= 1 && got.Number <= got.Total {
			c = got
		}
	}
	return c, rest, true
}
