package native

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// ErrNationalID says that a text has not the form of its country's numbers. The text behind it says what is wanted and
// never what was given.
var ErrNationalID = errors.New("native: not a national id")

var countryNames = []string{"DK", "SE", "NO", "FI", "IS"}

// idRE is what all registers' numbers have in common; Canonical knows the rest.
var idRE = regexp.MustCompile(`^[0-9]{6}[0-9A-Z +-]{4,7}$`)

var (
	dkRE      = regexp.MustCompile(`^[0-9]{6}-?([0-9]{4}|[0-9][A-Z]{2}[0-9])$`)
	seShortRE = regexp.MustCompile(`^[0-9]{6}[-+]?[0-9]{4}$`)
	seLongRE  = regexp.MustCompile(`^[0-9]{8}-?[0-9A-Z]{4}$`)
	noRE      = regexp.MustCompile(`^[0-9]{6} ?[0-9]{5}$`)
	fiRE      = regexp.MustCompile(`^[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]$`)
	isRE      = regexp.MustCompile(`^[0-9]{6}-?[0-9]{4}$`)
)

// Canonical brings a national id into the one form that its PersonKey is made of, and reads the day of birth from it
// where the register's rule makes that certain (zero otherwise). known is the day of birth the source gave, zero if none;
// seen is when the source wrote the number down. Both serve to tell the century of a Swedish number of ten digits.
//
//   - DK: ten digits, or X-eCPR; the day may be raised by 60 (erstatningspersonnummer). cpr.dk "Personnummerets
//     opbygning"; century from digit 7 and year.
//   - SE: twelve characters, century first. Ten digits get their century: at most 99 years back with "-" or nothing, a
//     hundred more with "+" (folkbokföringslagen 1991:481, § 18; SKV 704). The day may be raised by 60
//     (samordningsnummer). Regional and national reserve numbers are taken as they are and tell no day of birth.
//   - NO: eleven digits. Day + 40 is a D-number, month + 40 an H-number, month + 80 a synthetic test person, first digit
//     8 or 9 an FH-number; only an ordinary or synthetic number tells the day of birth, and only while it was written
//     before 2032, when the century can no longer be read (Skatteetaten, nytt fødselsnummer 2032).
//   - FI: eleven characters with the sign of the century, which is part of the number since 2023; the control character
//     is checked (DVV, henkilötunnus).
//   - IS: ten digits; a first digit of 8 or 9 is a kerfiskennitala and tells no day of birth; organisations are refused
//     (Þjóðskrá, um kennitölur).
//
// Errors: ErrNationalID.
func Canonical(c reminder.Country, id string, known reminder.Date, seen time.Time) (string, reminder.Date, error) {
	switch c {
	case "DK":
		return danish(id)
	case "SE":
		return swedish(id, known, seen)
	case "NO":
		return norwegian(id, seen)
	case "FI":
		return finnish(id)
	case "IS":
		return icelandic(id)
	}
	return refuse("want a country of " + strings.Join(countryNames, ", "))
}

func refuse(fix string) (string, reminder.Date, error) {
	return "", reminder.Date{}, fmt.Errorf("%w: %s", ErrNationalID, fix)
}

// num reads digits that a regular expression has seen.
func num(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// date is a real day, or zero.
func date(year, month, day int) reminder.Date {
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Year() != year || int(t.Month()) != month || t.Day() != day {
		return reminder.Date{}
	}
	return reminder.Date{Year: year, Month: time.Month(month), Day: day}
}

func plausible(month, day int) bool { return month >= 1 && month <= 12 && day >= 1 && day <= 31 }

func danish(id string) (string, reminder.Date, error) {
	const fix = "want a CPR number: ten digits, DDMMYY and four, perhaps with a hyphen between"
	if !dkRE.MatchString(id) {
		return refuse(fix)
	}
	s := strings.Replace(id, "-", "", 1)
	day, month, yy, seventh := num(s[:2]), num(s[2:4]), num(s[4:6]), num(s[6:7])
	if day > 60 {
		day -= 60
	}
	if s[7] >= 'A' { // an eCPR may carry the day it was made instead of a birth date
		if !plausible(month, day) {
			return refuse(fix)
		}
		return s, reminder.Date{}, nil
	}
	year := 1900 + yy
	switch {
	case seventh <= 3:
	case seventh == 4 || seventh == 9:
		if yy <= 36 {
			year = 2000 + yy
		}
	case yy <= 57:
		year = 2000 + yy
	default:
		year = 1800 + yy
	}
	born := date(year, month, day)
	if born.IsZero() {
		return refuse(fix)
	}
	return s, born, nil
}

func swedish(id string, known reminder.Date, seen time.Time) (string, reminder.Date, error) {
	const fix = "want a personnummer: twelve digits, YYYYMMDD and four, or ten with - or + between"
	if seLongRE.MatchString(id) {
		s := strings.Replace(id, "-", "", 1)
		day := num(s[6:8])
		if day > 60 {
			day -= 60
		}
		var born reminder.Date
		if strings.Trim(s[8:], "0123456789") == "" {
			born = date(num(s[:4]), num(s[4:6]), day)
		}
		if born.Year < 1800 { // a reserve number
			born = reminder.Date{}
		}
		return s, born, nil
	}
	if !seShortRE.MatchString(id) {
		return refuse(fix)
	}
	s := strings.NewReplacer("-", "", "+", "").Replace(id)
	yy, month, day := num(s[:2]), num(s[2:4]), num(s[4:6])
	if day > 60 {
		day -= 60
	}
	year := seen.Year() - (seen.Year()-yy)%100
	if date(year, month, day).Age(seen) < 0 {
		year -= 100
	}
	if strings.Contains(id, "+") {
		year -= 100
	}
	if known.Year%100 == yy && int(known.Month) == month && known.Day == day {
		year = known.Year
	}
	born := date(year, month, day)
	if born.IsZero() {
		return refuse(fix)
	}
	return fmt.Sprintf("%02d%s", year/100, s), born, nil
}

func norwegian(id string, seen time.Time) (string, reminder.Date, error) {
	const fix = "want a fødselsnummer: eleven digits, DDMMYY and five"
	if !noRE.MatchString(id) {
		return refuse(fix)
	}
	s := strings.Replace(id, " ", "", 1)
	if s[0] >= '8' { // FH-number: no date in it
		return s, reminder.Date{}, nil
	}
	day, month, yy, individual := num(s[:2]), num(s[2:4]), num(s[4:6]), num(s[6:9])
	readable := true
	if day > 40 {
		day -= 40
		readable = false
	}
	switch {
	case month > 80:
		month -= 80
	case month > 40:
		month -= 40
		readable = false
	}
	if !plausible(month, day) {
		return refuse(fix)
	}
	if !readable || seen.Year() >= 2032 {
		return s, reminder.Date{}, nil
	}
	var year int
	switch {
	case individual <= 499:
		year = 1900 + yy
	case yy < 40:
		year = 2000 + yy
	case individual >= 900:
		year = 1900 + yy
	case individual <= 749 && yy >= 54:
		year = 1800 + yy
	default:
		return s, reminder.Date{}, nil
	}
	born := date(year, month, day)
	if born.IsZero() {
		return refuse(fix)
	}
	return s, born, nil
}

func finnish(id string) (string, reminder.Date, error) {
	const (
		fix     = "want a henkilötunnus: DDMMYY, the sign of the century, three digits and the control character"
		control = "0123456789ABCDEFHJKLMNPRSTUVWXY"
	)
	if !fiRE.MatchString(id) || num(id[7:10]) < 2 || id[10] != control[num(id[:6]+id[7:10])%len(control)] {
		return refuse(fix)
	}
	century := 1900
	switch c := id[6]; {
	case c == '+':
		century = 1800
	case c >= 'A' && c <= 'F':
		century = 2000
	}
	born := date(century+num(id[4:6]), num(id[2:4]), num(id[:2]))
	if born.IsZero() {
		return refuse(fix)
	}
	return id, born, nil
}

func icelandic(id string) (string, reminder.Date, error) {
	const fix = "want a person's kennitala: ten digits, DDMMYY and four, perhaps with a hyphen between"
	if !isRE.MatchString(id) {
		return refuse(fix)
	}
	s := strings.Replace(id, "-", "", 1)
	if s[0] >= '8' { // kerfiskennitala: no date in it
		return s, reminder.Date{}, nil
	}
	century, ok := map[byte]int{'8': 1800, '9': 1900, '0': 2000}[s[9]]
	born := date(century+num(s[4:6]), num(s[2:4]), num(s[:2])) // an organisation has a day above 40
	if !ok || born.IsZero() {
		return refuse(fix)
	}
	return s, born, nil
}
