package redact

// The rules of each register, on digits as values 0 to 9. Sources: cpr.dk, Skatteverket SKV 704, Inera "Lokala reservidn",
// Skatteetaten (fødselsnummer from 2032), DVV, skra.is, Bundeszentralamt für Steuern; see docs of each function.

func two(d []byte) int { return int(d[0])*10 + int(d[1]) }

// calendarDay reports a day of a month; 29 February of any year that can be one.
func calendarDay(day, month, yy int) bool {
	if day < 1 || month < 1 || month > 12 {
		return false
	}
	switch month {
	case 2:
		return day <= 28 || day == 29 && yy%4 == 0
	case 4, 6, 9, 11:
		return day <= 30
	}
	return day <= 31
}

// dkDate reads DDMMYY; repl says that the day carries the +60 of a replacement number.
func dkDate(d []byte) (ok, repl bool) {
	day := two(d)
	if day > 60 {
		day, repl = day-60, true
	}
	return calendarDay(day, two(d[2:]), two(d[4:])), repl
}

func weighted(d []byte, weights string) int {
	sum := 0
	for i := range weights {
		sum += int(d[i]) * int(weights[i]-'0')
	}
	return sum
}

// dkMod11 is the check that CPR numbers before October 2007 pass.
func dkMod11(d []byte) bool { return weighted(d, "4327654321")%11 == 0 }

// luhn is the check of Swedish numbers (ISO/IEC 7812-1): the last digit is the check digit.
func luhn(d []byte) bool { return luhnSum(d)%10 == 0 }

func luhnSum(d []byte) int {
	sum := 0
	for i := range d {
		x := int(d[len(d)-1-i])
		if i%2 == 1 {
			if x *= 2; x > 9 {
				x -= 9
			}
		}
		sum += x
	}
	return sum
}

// seDate reads YYMMDD; sam says that the day carries the +60 of a samordningsnummer.
func seDate(d []byte) (ok, sam bool) {
	day := two(d[4:])
	if day > 60 {
		day, sam = day-60, true
	}
	return calendarDay(day, two(d[2:]), two(d)), sam
}

// seCentury reports a year 18xx, 19xx or 20xx.
func seCentury(d []byte) bool { return d[0] == 1 && d[1] >= 8 || d[0] == 2 && d[1] == 0 }

// isCheck is the check of a kennitala issued before 18 February 2026 (digit 9), persons and organisations alike.
func isCheck(d []byte) bool {
	p := 11 - weighted(d, "32765432")%11
	return p%11 == int(d[8]) && p != 10
}

// isCentury reports the last digit of a kennitala.
func isCentury(d []byte) bool { return d[9] == 8 || d[9] == 9 || d[9] == 0 }

// noDate reads DDMMYY of a fødselsnummer: day + 40 in a D-number, month + 40 in an H-number, + 80 in a synthetic one (Tenor),
// + 65 in an older synthetic one (Dolly).
func noDate(d []byte) bool {
	day, month := two(d), two(d[2:])
	if day > 40 {
		day -= 40
	}
	switch {
	case month > 80:
		month -= 80
	case month > 65:
		month -= 65
	case month > 40:
		month -= 40
	}
	return calendarDay(day, month, two(d[4:]))
}

// noCheck checks k1 and k2 of a fødselsnummer: strict as until 2031; rule2032 as from 2032, when the sum with k1 may leave 0 to 3.
func noCheck(d []byte) (strict, rule2032 bool) {
	k1 := (weighted(d, "376189452") + int(d[9])) % 11
	k2 := (weighted(d, "5432765432") + int(d[10])) % 11
	return k1 == 0 && k2 == 0, k1 <= 3 && k2 == 0
}

const fiControl = "0123456789ABCDEFHJKLMNPRSTUVWXY"

// fiCheck is the control character of a henkilötunnus from DDMMYY and NNN.
func fiCheck(date, nnn []byte) byte {
	v := 0
	for _, x := range date {
		v = v*10 + int(x)
	}
	for _, x := range nnn {
		v = v*10 + int(x)
	}
	return fiControl[v%31]
}

// deTax is a Steuer-IdNr: ISO 7064 mod 11,10; the first digit not 0; no digit more than three times (since 2016).
func deTax(d []byte) bool {
	if d[0] == 0 {
		return false
	}
	var seen [10]int
	for _, x := range d[:10] {
		seen[x]++
	}
	p, most := 10, 0
	for i, x := range d[:10] {
		most = max(most, seen[i])
		sum := (int(x) + p) % 10
		if sum == 0 {
			sum = 10
		}
		p = sum * 2 % 11
	}
	check := 11 - p
	if check == 10 {
		check = 0
	}
	return most >= 2 && most <= 3 && check == int(d[10])
}

// deHealth is a KVNR: a letter, its place in the alphabet as two digits, then eight digits, weights 1 and 2 in turn, digit sums,
// mod 10.
func deHealth(letter byte, d []byte) bool {
	n := int(letter-'A') + 1
	sum := n / 10
	x := n % 10 * 2
	sum += x/10 + x%10
	for i, v := range d[:8] {
		y := int(v) * (1 + i%2)
		sum += y/10 + y%10
	}
	return sum%10 == int(d[8])
}

// gs1 is the check of a GLN, GTIN-13 or ISBN-13.
func gs1(d []byte) bool {
	sum := 0
	for i, x := range d {
		sum += int(x) * (1 + 2*((len(d)-1-i)%2))
	}
	return sum%10 == 0
}

// organisation reports the check and shape of an organisation number that no person can have: SE orgnr (month 20 or more),
// IS organisations (day + 40), CVR, NO orgnr (8 or 9 first), FI Y-tunnus.
func organisation(d []byte) bool {
	switch len(d) {
	case 8:
		return weighted(d, "27654321")%11 == 0 || fiBusiness(d)
	case 9:
		return d[0] >= 8 && (weighted(d, "32765432")+int(d[8]))%11 == 0
	case 10:
		return seCompany(d) || isCompany(d)
	}
	return false
}

func fiBusiness(d []byte) bool {
	r := int(d[0])*7 + int(d[1])*9 + int(d[2])*10 + int(d[3])*5 + int(d[4])*8 + int(d[5])*4 + int(d[6])*2
	r %= 11
	return r == 0 && d[7] == 0 || r > 1 && int(d[7]) == 11-r
}

func seCompany(d []byte) bool { return d[2] >= 2 && luhn(d) }

func isCompany(d []byte) bool {
	day := two(d) - 40
	if day < 1 || !calendarDay(day, two(d[2:]), two(d[4:])) || !isCentury(d) || !isCheck(d) {
		return false
	}
	ok, _ := seDate(d)
	return !ok || !luhn(d)
}
