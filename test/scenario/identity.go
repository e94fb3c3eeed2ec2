package scenario

import (
	"fmt"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// nationalID makes the nth test number for a birth date: of a form that every program must read as a national id, from
// the ranges registers set aside for tests.
func nationalID(c reminder.Country, born reminder.Date, n int) string {
	switch c {
	case "SE":
		return swedishID(born, n)
	case "NO":
		return norwegianID(born, n)
	default:
		return danishID(born, n)
	}
}

// danishID is a CPR number that fails the old mod-11 check, as MedCom's national test numbers do. The seventh digit
// carries the century: 3 for births before 1937, 9 from 1937 to 2036.
func danishID(born reminder.Date, n int) string {
	century := 9
	if born.Year < 1937 {
		century = 3
	}
	for serial := n % 1000; ; serial = (serial + 1) % 1000 {
		id := fmt.Sprintf("%02d%02d%02d%d%03d", born.Day, born.Month, born.Year%100, century, serial)
		if weighted(id, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 != 0 {
			return id
		}
	}
}

// swedishID is a personnummer of twelve digits with an individual number from 980 to 989, kept for tests, and a Luhn
// check digit over the last ten.
func swedishID(born reminder.Date, n int) string {
	ten := fmt.Sprintf("%02d%02d%02d%03d", born.Year%100, born.Month, born.Day, 980+n%10)
	sum := 0
	for i := range ten {
		d := int(ten[i] - '0')
		if i%2 == 0 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return fmt.Sprintf("%02d%s%d", born.Year/100, ten, (10-sum%10)%10)
}

// norwegianID is a synthetic fødselsnummer as in Skatteetaten's Tenor: month + 80, both check digits right. Individual
// numbers up to 499 are births before 2000, from 500 births after.
func norwegianID(born reminder.Date, n int) string {
	for i := n % 500; ; i = (i + 1) % 500 {
		individual := i
		if born.Year >= 2000 {
			individual += 500
		}
		id := fmt.Sprintf("%02d%02d%02d%03d", born.Day, born.Month+80, born.Year%100, individual)
		k1 := (11 - weighted(id, 3, 7, 6, 1, 8, 9, 4, 5, 2)%11) % 11
		if k1 == 10 {
			continue
		}
		id += fmt.Sprint(k1)
		k2 := (11 - weighted(id, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)%11) % 11
		if k2 == 10 {
			continue
		}
		return id + fmt.Sprint(k2)
	}
}

func weighted(digits string, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += int(digits[i]-'0') * w
	}
	return sum
}
