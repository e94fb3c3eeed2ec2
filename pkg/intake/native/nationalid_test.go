package native_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/intake/native"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestCanonical(t *testing.T) {
	in2026 := time.Date(2026, 3, 12, 0, 0, 0, 0, time.UTC)
	in2033 := time.Date(2033, 3, 12, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		country  reminder.Country
		id       string
		known    string
		seen     time.Time
		want     string // "" = refused
		wantBorn string
	}{
		// Denmark: the century by digit 7 and year.
		{"DK", "0101701234", "", in2026, "0101701234", "1970-01-01"},
		{"DK", "010170-1234", "", in2026, "0101701234", "1970-01-01"},
		{"DK", "010136-4000", "", in2026, "0101364000", "2036-01-01"},
		{"DK", "010137-4000", "", in2026, "0101374000", "1937-01-01"},
		{"DK", "010136-9000", "", in2026, "0101369000", "2036-01-01"},
		{"DK", "010137-9000", "", in2026, "0101379000", "1937-01-01"},
		{"DK", "010157-5000", "", in2026, "0101575000", "2057-01-01"},
		{"DK", "010158-8000", "", in2026, "0101588000", "1858-01-01"},
		{"DK", "290200-4000", "", in2026, "2902004000", "2000-02-29"},
		{"DK", "290200-1000", "", in2026, "", ""}, // no 29 February in 1900
		{"DK", "670170-1234", "", in2026, "6701701234", "1970-01-07"},
		{"DK", "0203291WQ3", "", in2026, "0203291WQ3", ""},
		{"DK", "0203291wq3", "", in2026, "", ""},
		{"DK", "010170 1234", "", in2026, "", ""},

		// Sweden: the sign and when it was written.
		{"SE", "199006022397", "", in2026, "199006022397", "1990-06-02"},
		{"SE", "19900602-2397", "", in2026, "199006022397", "1990-06-02"},
		{"SE", "900602-2397", "", in2026, "199006022397", "1990-06-02"},
		{"SE", "9006022397", "", in2026, "199006022397", "1990-06-02"},
		{"SE", "260311-2397", "", in2026, "202603112397", "2026-03-11"},
		{"SE", "260313-2397", "", in2026, "192603132397", "1926-03-13"},
		{"SE", "260311+2397", "", in2026, "192603112397", "1926-03-11"},
		{"SE", "200602+2397", "", in2026, "192006022397", "1920-06-02"},
		{"SE", "260311-2397", "1926-03-11", in2026, "192603112397", "1926-03-11"},
		{"SE", "701063-2391", "", in2026, "197010632391", "1970-10-03"},
		{"SE", "19810829M071", "", in2026, "19810829M071", ""},
		{"SE", "991981000010", "", in2026, "991981000010", ""},
		{"SE", "198108320014", "", in2026, "198108320014", ""},
		{"SE", "901302-2397", "", in2026, "", ""},
		{"SE", "19900602+2397", "", in2026, "", ""},

		// Norway.
		{"NO", "15108695088", "", in2026, "15108695088", "1986-10-15"},
		{"NO", "151086 95088", "", in2026, "15108695088", "1986-10-15"},
		{"NO", "01017049912", "", in2026, "01017049912", "1970-01-01"},
		{"NO", "01015450012", "", in2026, "01015450012", "1854-01-01"},
		{"NO", "01013950012", "", in2026, "01013950012", "2039-01-01"},
		{"NO", "01014090012", "", in2026, "01014090012", "1940-01-01"},
		{"NO", "01015090012", "", in2026, "01015090012", "1950-01-01"},
		{"NO", "01014075012", "", in2026, "01014075012", ""},           // nobody has that
		{"NO", "16822548834", "", in2026, "16822548834", "1925-02-16"}, // synthetic
		{"NO", "41814061033", "", in2026, "41814061033", ""},           // synthetic D-number
		{"NO", "01417012345", "", in2026, "01417012345", ""},           // H-number
		{"NO", "81234567890", "", in2026, "81234567890", ""},           // FH-number
		{"NO", "02013299997", "", in2033, "02013299997", ""},           // official example of the 2032 rule
		{"NO", "01137012345", "", in2026, "", ""},

		// Finland: DVV's test persons.
		{"FI", "010594Y9032", "", in2026, "010594Y9032", "1994-05-01"},
		{"FI", "020594X903P", "", in2026, "020594X903P", "1994-05-02"},
		{"FI", "010516B903X", "", in2026, "010516B903X", "2016-05-01"},
		{"FI", "020504A902E", "", in2026, "020504A902E", "2004-05-02"},
		{"FI", "010594+9032", "", in2026, "010594+9032", "1894-05-01"},
		{"FI", "010594Y9033", "", in2026, "", ""},
		{"FI", "010594y9032", "", in2026, "", ""},

		// Iceland.
		{"IS", "120174-3399", "", in2026, "1201743399", "1974-01-12"},
		{"IS", "1201040990", "", in2026, "1201040990", "2004-01-12"},
		{"IS", "892350-1739", "", in2026, "8923501739", ""},
		{"IS", "520174-3399", "", in2026, "", ""},

		{"DE", "12345678903", "", in2026, "", ""},
	} {
		var known reminder.Date
		if c.known != "" {
			var err error
			if known, err = reminder.ParseDate(c.known); err != nil {
				t.Fatal(err)
			}
		}
		got, born, err := native.Canonical(c.country, c.id, known, c.seen)
		if (err == nil) != (c.want != "") || got != c.want || born.ISO() != c.wantBorn {
			t.Errorf("%s %s: %q born %q, %v; want %q born %q", c.country, c.id, got, born.ISO(), err, c.want, c.wantBorn)
		}
		if err != nil && (!errors.Is(err, native.ErrNationalID) || strings.Contains(err.Error(), c.id)) {
			t.Errorf("%s: %v", c.country, err)
		}
	}
}

// TestOnePersonOneKey: every way to write a number leads to the same person.
func TestOnePersonOneKey(t *testing.T) {
	d := decoder(t)
	full := string(corpus(t, "good")["full"])
	for _, ways := range [][]string{
		{`"DK"`, "0101701234", "010170-1234"},
		{`"SE"`, "199006022397", "19900602-2397", "900602-2397", "9006022397"},
		{`"NO"`, "15108695088", "151086 95088"},
		{`"IS"`, "1201743399", "120174-3399"},
	} {
		keys := map[reminder.PersonKey]bool{}
		for _, id := range ways[1:] {
			a, err := d.Decode(subject, nil, []byte(strings.NewReplacer(`"DK"`, ways[0], "0101701234", id).Replace(full)))
			if err != nil {
				t.Fatal(err)
			}
			keys[a.Person] = true
		}
		if len(keys) != 1 {
			t.Errorf("%s: %d keys for one person", ways[0], len(keys))
		}
	}
}

func TestBirthDateAtTheDoor(t *testing.T) {
	d := decoder(t)
	full := string(corpus(t, "good")["full"])
	for name, c := range map[string]struct{ birth, id, want string }{
		"the source's wins":               {`"birth_date": "1970-01-02",`, "0101701234", "1970-01-02"},
		"derived":                         {"", "0101701234", "1970-01-01"},
		"one after the start is no birth": {"", "0101364000", ""},
	} {
		a, err := d.Decode(subject, nil, []byte(strings.NewReplacer(`"birth_date": "1970-01-01",`, c.birth, "0101701234", c.id).Replace(full)))
		if err != nil || a.BirthDate.ISO() != c.want {
			t.Errorf("%s: %q %v, want %q", name, a.BirthDate.ISO(), err, c.want)
		}
	}
}
