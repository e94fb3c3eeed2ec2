package sms

// Measure is Count that also tells why: the letters of text that are not in the GSM 7-bit default alphabet and so force UCS-2, each
// once, in the order in which they first stand there. There are none, and the list is nil, where the encoding is GSM7. A byte which
// is not UTF-8 is told as U+FFFD.
//
// A letter is one code point: of an emoji made of several, or of a letter with a combining accent, each part is told.
func Measure(text string) (Size, []string) {
	size := Count(text)
	if size.Encoding == GSM7 {
		return size, nil
	}
	var forced []string
	seen := map[rune]bool{}
	for _, r := range text {
		if !IsGSM7(r) && !seen[r] {
			seen[r] = true
			forced = append(forced, string(r))
		}
	}
	return size, forced
}
