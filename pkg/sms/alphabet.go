package sms

// base is the GSM 7-bit default alphabet in the order of its codes, 3GPP TS 23.038 §6.2.1. 0x1b is the escape to the extension
// table and stands for no letter.
const base = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

// extension is the extension table, 3GPP TS 23.038 §6.2.1.1: each letter costs two septets.
const extension = "\f^{}\\[~]|€"

const escape = '\x1b'

// septets holds the cost of each letter of the alphabet; a letter that is not in it costs nothing because there is no way to
// send it.
var septets = func() map[rune]int {
	m := make(map[rune]int, 137)
	for _, r := range base {
		m[r] = 1
	}
	for _, r := range extension {
		m[r] = 2
	}
	delete(m, escape)
	return m
}()

// IsGSM7 reports whether r can be sent in the GSM 7-bit default alphabet, extension table included.
func IsGSM7(r rune) bool { return septets[r] != 0 }
