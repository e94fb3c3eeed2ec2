package sms

import (
	"iter"
	"unicode/utf8"
)

// Encoding is how a text travels.
type Encoding string

// The encodings.
const (
	GSM7 Encoding = "gsm7" // septets, 160 a message or 153 a segment
	UCS2 Encoding = "ucs2" // UTF-16 code units, 70 a message or 67 a segment
)

// The room of one message, and of one segment of several: the concatenation header takes 6 of the 140 octets.
const (
	Single7 = 160
	Multi7  = 153
	Single2 = 70
	Multi2  = 67
)

// Size is what a text takes on the air.
type Size struct {
	Encoding Encoding
	Units    int // septets of GSM7, UTF-16 code units of UCS2
	Segments int // messages the carrier sends and charges; 0 for the empty text
}

// Count measures text. A byte which is not UTF-8 counts as U+FFFD, which is UCS-2.
func Count(text string) Size {
	enc := encodingOf(text)
	size := Size{Encoding: enc}
	for _, r := range text {
		size.Units += enc.cost(r)
	}
	for range segments(text, enc, size.Units) {
		size.Segments++
	}
	return size
}

// Split cuts text into its segments. The empty text has none.
func Split(text string) []string {
	enc, units := encodingOf(text), 0
	for _, r := range text {
		units += enc.cost(r)
	}
	var out []string
	for s := range segments(text, enc, units) {
		out = append(out, s)
	}
	return out
}

func encodingOf(text string) Encoding {
	for _, r := range text {
		if !IsGSM7(r) {
			return UCS2
		}
	}
	return GSM7
}

// cost is the number of units r takes. An escape pair or a surrogate pair is the cost of one rune, so whoever never cuts a
// rune never cuts a pair.
func (e Encoding) cost(r rune) int {
	switch {
	case e == GSM7:
		return septets[r]
	case r > 0xffff:
		return 2
	}
	return 1
}

// segments yields the segments of a text of so many units.
func segments(text string, enc Encoding, units int) iter.Seq[string] {
	single, multi := Single7, Multi7
	if enc == UCS2 {
		single, multi = Single2, Multi2
	}
	return func(yield func(string) bool) {
		if text == "" {
			return
		}
		if units <= single {
			yield(text)
			return
		}
		start, used := 0, 0
		for i := 0; i < len(text); {
			r, n := utf8.DecodeRuneInString(text[i:])
			c := enc.cost(r)
			if used+c > multi {
				if !yield(text[start:i]) {
					return
				}
				start, used = i, 0
			}
			used += c
			i += n
		}
		yield(text[start:])
	}
}
