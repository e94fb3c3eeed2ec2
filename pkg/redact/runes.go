package redact

import (
	"unicode"
	"unicode/utf8"
)

// runeClass is what a character beyond ASCII is to the scanner.
type runeClass uint8

const (
	runeSep      runeClass = iota // dashes, spaces, marks
	runeLetter                    // breaks a run of digits
	runeOdd                       // a digit or part of one, a combining mark: look at the normalised text too
	runeHidden                    // invisible: never in a clean message
	runeSelector                  // variation selectors, as emoji carry them
)

func classify(r rune, size int) runeClass {
	switch {
	case r == utf8.RuneError && size <= 1:
		return runeHidden // not UTF-8: cannot be read, so it does not pass
	case r >= 0xc0 && r < 0x250:
		if r == 0xd7 || r == 0xf7 {
			return runeSep
		}
		return runeLetter
	case r >= 0x2010 && r < 0x2028 || r == 0x20ac || r == 0xa0:
		return runeSep
	case hidden(r):
		return runeHidden
	case r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0100 && r <= 0xe01ef:
		return runeSelector
	case unicode.IsLetter(r):
		if hanDigit(r) >= 0 {
			return runeOdd
		}
		return runeLetter
	case unicode.IsNumber(r), unicode.IsMark(r), enclosed(r), r >= 0xfe50 && r <= 0xfe6f, r > 0xff00 && r <= 0xff65: // small and full-width signs
		return runeOdd
	}
	return runeSep
}

// hidden reports characters that show nothing, or change the order of what is shown.
func hidden(r rune) bool {
	switch {
	case r < 0x20:
		return r != '\n' && r != '\r' && r != '\t'
	case r >= 0x7f && r < 0xa0, r == 0xad, r == 0x34f, r == 0x61c, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5,
		r >= 0x180b && r <= 0x180f, r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f,
		r == 0x2800, r == 0x3164, r == 0xfeff, r == 0xffa0, r >= 0xfff0 && r <= 0xfffb, r >= 0x1bca0 && r <= 0x1bca3,
		r >= 0x1d173 && r <= 0x1d17a, r >= 0xe0000 && r <= 0xe00ff, r >= 0xe01f0 && r <= 0xe0fff:
		return true
	}
	return unicode.Is(unicode.Co, r)
}

// enclosed reports symbols that hold a digit but are no numbers to Unicode.
func enclosed(r rune) bool { return r == 0x20e3 || r >= 0x1f100 && r <= 0x1f10a }

// digitOf is the value of a character that stands for one digit, after NFKC: -1 when it does not.
func digitOf(r rune) int {
	switch {
	case r >= '0' && r <= '9':
		return int(r - '0')
	case r >= 0x2776 && r <= 0x277e: // dingbat, negative circled
		return int(r-0x2776) + 1
	case r >= 0x2780 && r <= 0x2788:
		return int(r-0x2780) + 1
	case r >= 0x278a && r <= 0x2792:
		return int(r-0x278a) + 1
	case r >= 0x24f5 && r <= 0x24fd: // double circled
		return int(r-0x24f5) + 1
	case r == 0x24ff, r == 0x1f100, r == 0x1f10b, r == 0x1f10c:
		return 0
	case r >= 0x3021 && r <= 0x3029: // Hangzhou
		return int(r-0x3021) + 1
	case r >= 0x1fbf0 && r <= 0x1fbf9: // segmented
		return int(r - 0x1fbf0)
	case r >= 0x660 && unicode.Is(unicode.Nd, r):
		// Every block of decimal digits is ten in a row, and ranges of them are whole blocks.
		for _, b := range unicode.Nd.R16 {
			if r >= rune(b.Lo) && r <= rune(b.Hi) {
				return int(r-rune(b.Lo)) % 10
			}
		}
		for _, b := range unicode.Nd.R32 {
			if r >= rune(b.Lo) && r <= rune(b.Hi) {
				return int(r-rune(b.Lo)) % 10
			}
		}
	}
	if d := hanDigit(r); d >= 0 || r < 0x100 || !unicode.In(r, unicode.No, unicode.Nl) {
		return d
	}
	return 0 // of a script whose numbers are no decimal digits: it counts, whichever it is
}

func hanDigit(r rune) int {
	switch r {
	case '〇', '零':
		return 0
	case '一':
		return 1
	case '二':
		return 2
	case '三':
		return 3
	case '四':
		return 4
	case '五':
		return 5
	case '六':
		return 6
	case '七':
		return 7
	case '八':
		return 8
	case '九':
		return 9
	}
	return -1
}

// compatibility reports letters that NFKC turns into others: full-width and mathematical ones.
func compatibility(r rune) bool {
	return r >= 0xff21 && r <= 0xff5a || r >= 0x1d400 && r <= 0x1d7ff || r >= 0x249c && r <= 0x24e9
}

// looksLikeDigit reports ASCII letters read as 0 or 1, and those read as 5 or 8 where a national id stands.
func looksLikeDigit(c byte) bool {
	return c == 'O' || c == 'o' || c == 'l' || c == 'I' || c == 'i' || farLookAlike(rune(c)) >= 0
}

// farLookAlike is the digit of letters that look like one in some types only.
func farLookAlike(r rune) int {
	switch r {
	case 'S', 's':
		return 5
	case 'B':
		return 8
	}
	return -1
}

// lookAlikeRune is the same for Greek and Cyrillic letters.
func lookAlikeRune(r rune) bool { return lookAlike(r) >= 0 }

func lookAlike(r rune) int {
	switch r {
	case 'O', 'o', 'О', 'о', 'Ο', 'ο', 'Օ':
		return 0
	case 'l', 'I', 'i', 'І', 'і', 'Ι', 'ι', 'ı', 'ӏ', 'Ӏ':
		return 1
	}
	return -1
}

func hasLetter(s string) bool {
	for i := 0; i < len(s); {
		if s[i] < 0x80 {
			if isLetter(s[i]) {
				return true
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if unicode.IsLetter(r) {
			return true
		}
		i += n
	}
	return false
}
