package redact_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// The ids of the tests are drawn here, by the rules of their registers written anew and apart from the scanner's.

// form is one way in which a register writes ids. Its draw gives the two halves that people write apart: the date, or what
// stands in its place, and the rest. A rest that begins with a sign or letter and four more is one whose separator has a meaning.
type form struct {
	name string
	draw func(r *rand.Rand) (date, rest string)
}

// register is a country and the forms of its ids.
type register struct {
	country string
	forms   []form
}

var registers = []register{
	{"DK", []form{
		{"cpr", func(r *rand.Rand) (string, string) { return cpr(r, 0, true) }},
		{"cpr without mod-11", func(r *rand.Rand) (string, string) { return cpr(r, 0, false) }},
		{"replacement cpr", func(r *rand.Rand) (string, string) { return cpr(r, 60, false) }},
		{"X-eCPR", func(r *rand.Rand) (string, string) { return ecpr(r, "17") }},
		{"D-eCPR", func(r *rand.Rand) (string, string) { return ecpr(r, "234589") }},
		{"C-eCPR", func(r *rand.Rand) (string, string) { return ecpr(r, "06") }},
	}},
	{"SE", []form{
		{"personnummer", func(r *rand.Rand) (string, string) { return personnummer(r, 0, false) }},
		{"personnummer 8-4", func(r *rand.Rand) (string, string) { return personnummer(r, 0, true) }},
		{"personnummer over 100", func(r *rand.Rand) (string, string) {
			b := time.Date(1890+r.IntN(36), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC).Format("060102")
			n := fmt.Sprintf("%03d", 1+r.IntN(999))
			return b, "+" + n + luhnDigit(b+n)
		}},
		{"samordningsnummer", func(r *rand.Rand) (string, string) { return personnummer(r, 60, false) }},
		{"samordningsnummer 8-4", func(r *rand.Rand) (string, string) { return personnummer(r, 60, true) }},
		{"interim", func(r *rand.Rand) (string, string) { return interim(r, "060102") }},
		{"interim 8-4", func(r *rand.Rand) (string, string) { return interim(r, "20060102") }},
		{"reserve Stockholm", stockholm},
		{"reserve Västra Götaland", func(r *rand.Rand) (string, string) {
			return born(r).Format("20060102"), oneOf(r, "KMX") + digits(r, 3)
		}},
		{"reserve Värmland", func(r *rand.Rand) (string, string) {
			return born(r).Format("20060102"), "S" + oneOf(r, "FUXPL") + oneOf(r, digit) + oneOf(r, upper+digit[1:])
		}},
		{"reserve Carelink", func(r *rand.Rand) (string, string) {
			d := born(r).Format("200601") + strconv.Itoa(32+r.IntN(28))
			n := fmt.Sprintf("%03d", r.IntN(1000))
			return d, n + luhnDigit(d[2:]+n)
		}},
		{"reserve Skåne", skane},
		{"national reserve", nrid},
	}},
	{"NO", []form{
		{"fødselsnummer", func(r *rand.Rand) (string, string) { return norwegian(r, 0, 0, 0) }},
		{"fødselsnummer 2032", func(r *rand.Rand) (string, string) { return norwegian(r, 0, 0, r.IntN(4)) }},
		{"D-number", func(r *rand.Rand) (string, string) { return norwegian(r, 40, 0, 0) }},
		{"D-number 2032", func(r *rand.Rand) (string, string) { return norwegian(r, 40, 0, r.IntN(4)) }},
		{"H-number", func(r *rand.Rand) (string, string) { return norwegian(r, 0, 40, 0) }},
		{"FH-number", commonAid},
		{"synthetic", func(r *rand.Rand) (string, string) { return norwegian(r, 0, 80, r.IntN(4)) }},
		{"synthetic D-number", func(r *rand.Rand) (string, string) { return norwegian(r, 40, 80, 0) }},
	}},
	{"FI", []form{
		{"henkilötunnus", func(r *rand.Rand) (string, string) { return henkilotunnus(r, 2, 898) }},
		{"temporary henkilötunnus", func(r *rand.Rand) (string, string) { return henkilotunnus(r, 900, 100) }},
	}},
	{"IS", []form{
		{"kennitala", func(r *rand.Rand) (string, string) { return kennitala(r, true) }},
		{"kennitala without check", func(r *rand.Rand) (string, string) { return kennitala(r, false) }},
		{"kerfiskennitala", func(r *rand.Rand) (string, string) { return oneOf(r, "89") + digits(r, 5), digits(r, 4) }},
	}},
	{"DE", []form{
		{"IdNr before 2016", func(r *rand.Rand) (string, string) { return taxID(r, true) }},
		{"IdNr", func(r *rand.Rand) (string, string) { return taxID(r, false) }},
		{"KVNR", kvnr},
	}},
	{"FO and GL", []form{
		{"p-tal", func(r *rand.Rand) (string, string) {
			return born(r).Format("020106"), "8" + digits(r, 2) // so that none ends like a help line, 116 117
		}},
		{"cpr of Greenland", func(r *rand.Rand) (string, string) { return cpr(r, 0, true) }},
		{"cpr of Greenland without mod-11", func(r *rand.Rand) (string, string) { return cpr(r, 0, false) }},
	}},
}

const (
	digit = "0123456789"
	upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

func oneOf(r *rand.Rand, letters string) string { i := r.IntN(len(letters)); return letters[i : i+1] }

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func digits(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + r.IntN(10))
	}
	return string(b)
}

// born is the birthday of somebody who may be alive in March 2026. Now and then it is in the year of the appointment or a hundred
// years before.
func born(r *rand.Rand) time.Time {
	if r.IntN(50) == 0 {
		return time.Date(1926+100*r.IntN(2), 3, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(30))
	}
	return time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -r.IntN(112*365))
}

func weigh(s string, weights ...int) (sum int) {
	for i, w := range weights {
		sum += int(s[i]-'0') * w
	}
	return sum
}

// luhnDigit makes the last digit of the digits and itself a Luhn check digit.
func luhnDigit(s string) string {
	sum := 0
	for i := range s {
		x := int(s[i] - '0')
		if (len(s)-i)%2 == 1 {
			x *= 2
		}
		sum += x/10 + x%10
	}
	return strconv.Itoa((10 - sum%10) % 10)
}

// cpr has a seventh digit that fits the century (cpr.dk). Mod-11 does not fit by chance when it is not asked for.
func cpr(r *rand.Rand, day int, mod11 bool) (string, string) {
	for {
		b := born(r)
		seventh := "0123"
		switch {
		case b.Year() >= 2000:
			seventh = "456789"
		case b.Year() >= 1937:
			seventh = "012349"
		}
		d, n := fmt.Sprintf("%02d%s", b.Day()+day, b.Format("0106")), oneOf(r, seventh)+digits(r, 3)
		if mod11 == (weigh(d+n, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0) {
			return d, n
		}
	}
}

func ecpr(r *rand.Rand, seventh string) (string, string) {
	return born(r).Format("020106"), oneOf(r, seventh) + oneOf(r, upper) + oneOf(r, upper) + oneOf(r, digit)
}

func personnummer(r *rand.Rand, day int, century bool) (string, string) {
	b := born(r)
	d := fmt.Sprintf("%s%02d", b.Format("0601"), b.Day()+day)
	n := fmt.Sprintf("%03d", 1+r.IntN(999))
	n += luhnDigit(d + n)
	if century {
		return b.Format("2006")[:2] + d, n
	}
	return d, n
}

// interim has one of the letters of the tax agency's list in position seven, which counts as 1 in the check digit.
func interim(r *rand.Rand, layout string) (string, string) {
	b := born(r)
	n := digits(r, 2)
	return b.Format(layout), oneOf(r, "TRSUWXJKLMN") + n + luhnDigit(b.Format("060102")+"1"+n)
}

func stockholm(r *rand.Rand) (string, string) {
	y, n := born(r).Format("2006"), digits(r, 5)
	return "99" + y + n[:2], n[2:] + luhnDigit(y[2:] + n)[:1]
}

// skane is a date and four characters of which at least one is a letter.
func skane(r *rand.Rand) (string, string) {
	tail := []byte(digits(r, 4))
	for {
		for i := range tail {
			if r.IntN(3) == 0 {
				tail[i] = oneOf(r, upper)[0]
			}
		}
		if strings.ContainsAny(string(tail), upper) {
			return born(r).Format(pick(r, "20060102", "060102")), string(tail)
		}
	}
}

// nrid is the century + 3 (or + 6, + 9 …), the date, two letters without I O Q V W, a digit for the sex and a check digit.
func nrid(r *rand.Rand) (string, string) {
	const two = "ABCDEFGHJKLMNPRSTUXYZ"
	b := born(r)
	d := fmt.Sprintf("%02d%s", b.Year()/100+3*(1+r.IntN(3)), b.Format("060102"))
	if r.IntN(8) == 0 { // birth date not known
		d = fmt.Sprintf("00%s%d%d", b.Format("06"), 20+r.IntN(80), 40+r.IntN(20))
	}
	return d, oneOf(r, two) + oneOf(r, two) + digits(r, 2)
}

// norwegian adds to day and month what the kind of number adds, and lets the first check digit leave a rest.
func norwegian(r *rand.Rand, day, month, rest int) (string, string) {
	for {
		b := born(r)
		n := r.IntN(1000)
		if day == 0 && month == 0 && rest == 0 { // the individual digits tell the century
			switch {
			case b.Year() >= 2000:
				n = 500 + n/2
			case b.Year() >= 1940 && n >= 900:
			default:
				n %= 500
			}
		}
		if s, ok := noChecks(fmt.Sprintf("%02d%02d%s%03d", b.Day()+day, int(b.Month())+month, b.Format("06"), n), rest); ok {
			return s[:6], s[6:]
		}
	}
}

func commonAid(r *rand.Rand) (string, string) {
	for {
		if s, ok := noChecks(oneOf(r, "89")+digits(r, 8), 0); ok {
			return s[:6], s[6:]
		}
	}
}

// noChecks appends k1 and k2 to nine digits; not all have them.
func noChecks(nine string, rest int) (string, bool) {
	for _, weights := range [][]int{{3, 7, 6, 1, 8, 9, 4, 5, 2}, {5, 4, 3, 2, 7, 6, 5, 4, 3, 2}} {
		k := (11 + rest - weigh(nine, weights...)%11) % 11
		if k == 10 {
			return "", false
		}
		nine += strconv.Itoa(k)
		rest = 0
	}
	return nine, true
}

func henkilotunnus(r *rand.Rand, from, n int) (string, string) {
	b := born(r)
	if r.IntN(50) == 0 {
		b = b.AddDate(-(b.Year() - 1850 - r.IntN(50)), 0, 0) // 1850 to 1899
	}
	century := "+"
	switch {
	case b.Year() >= 2000:
		century = "ABCDEF"
	case b.Year() >= 1900:
		century = "-YXWVU"
	}
	d, nnn := b.Format("020106"), fmt.Sprintf("%03d", from+r.IntN(n))
	v, _ := strconv.Atoi(d + nnn)
	return d, oneOf(r, century) + nnn + "0123456789ABCDEFHJKLMNPRSTUVWXY"[v%31:][:1]
}

func kennitala(r *rand.Rand, check bool) (string, string) {
	for {
		b := born(r)
		d, n := b.Format("020106"), strconv.Itoa(20+r.IntN(80))
		p := r.IntN(10)
		if check {
			if p = (11 - weigh(d+n, 3, 2, 7, 6, 5, 4, 3, 2)%11) % 11; p == 10 {
				continue
			}
		}
		century := "9"
		if b.Year() >= 2000 {
			century = "0"
		}
		return d, n + strconv.Itoa(p) + century
	}
}

// taxID is a Steuer-IdNr: ten digits with the repetition that the rule of its time asks for, and ISO 7064 mod 11,10.
func taxID(r *rand.Rand, before2016 bool) (string, string) {
	for {
		d := oneOf(r, digit[1:]) + digits(r, 9)
		repeated, most := 0, 0
		for _, c := range digit {
			n := strings.Count(d, string(c))
			most = max(most, n)
			if n > 1 {
				repeated++
			}
		}
		if most > 3 || repeated == 0 || before2016 && (repeated != 1) {
			continue
		}
		p := 10
		for _, c := range d {
			if p = (int(c-'0') + p) % 10; p == 0 {
				p = 10
			}
			p = p * 2 % 11
		}
		return d[:6], d[6:] + strconv.Itoa((11-p)%10)
	}
}

// kvnr is a letter and nine digits, the last of them a check digit over the letter's place in the alphabet and the others.
func kvnr(r *rand.Rand) (string, string) {
	letter, eight := r.IntN(26), digits(r, 8)
	sum := 0
	for i, c := range fmt.Sprintf("%02d%s", letter+1, eight) {
		x := int(c-'0') * (1 + i%2)
		sum += x/10 + x%10
	}
	id := upper[letter:letter+1] + eight + strconv.Itoa(sum%10)
	return id[:7], id[7:]
}

// countryOfKind is the country that a finding's kind names.
func countryOfKind(kind string) string {
	switch family, _, _ := strings.Cut(kind, "-"); family {
	case "cpr", "ecpr":
		return "DK"
	case "no2032":
		return "NO"
	case "fo":
		return "FO and GL"
	case "se", "no", "fi", "is", "de":
		return strings.ToUpper(family)
	}
	return ""
}
