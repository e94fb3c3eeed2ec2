package nemsms

// askable reports whether s can be a CPR number: ten digits that begin with a date, 60 added to the day in a replacement
// number (erstatningspersonnummer). The check digit proves nothing: numbers without it have been given out since 2007. The
// service answers false to anything else, which would look like a person without NemSMS; so do ids with letters (eCPR),
// which nobody can have NemSMS by.
func askable(s string) bool {
	if len(s) != 10 {
		return false
	}
	var d [10]int
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		d[i] = int(s[i] - '0')
	}
	day, month := 10*d[0]+d[1], 10*d[2]+d[3]
	if day > 60 {
		day -= 60
	}
	return day >= 1 && day <= 31 && month >= 1 && month <= 12
}
