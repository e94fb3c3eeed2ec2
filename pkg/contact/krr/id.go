package krr

// askable reports whether s can be a fødselsnummer or D-number, what the register takes ("Gyldig fødselsnummer eller
// D-nummer"). A malformed id must not look like a person who is not registered, and one of them could spoil the answer for
// a thousand. The second check digit holds for every one of them, also those of the number series from 2032, and for the
// synthetic ones of the test environment (80 is added to the month, the check digits follow); the first does not from 2032,
// so it is not asked for. Aid numbers (the health service's H-numbers with 40 added to the month, FH-numbers that begin
// with 8 or 9) are not in the register.
func askable(s string) bool {
	if len(s) != 11 {
		return false
	}
	var d [11]int
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		d[i] = int(s[i] - '0')
	}
	day, month := 10*d[0]+d[1], 10*d[2]+d[3]
	if day > 40 { // D-number
		day -= 40
	}
	if month > 80 { // synthetic persons
		month -= 80
	}
	if day < 1 || day > 31 || month < 1 || month > 12 {
		return false
	}
	sum := 0
	for i, w := range [11]int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1} {
		sum += w * d[i]
	}
	return sum%11 == 0
}
