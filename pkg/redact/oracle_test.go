package redact_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/redact"
)

// The oracle is test/oracle: the validators of others, from npm. What they call valid, the scanner must find and name.

// countryOf is the country of each of the oracle's validators.
var countryOf = map[string]string{
	"danish-ssn": "DK", "personnummer": "SE", "personnummer:interim": "SE", "fnrvalidator": "NO", "norsk:fodselsnummer": "NO",
	"norsk:dnummer": "NO", "norsk:hnummer": "NO", "norsk:fhnummer": "NO", "kennitala:person": "IS", "kennitala:company": "IS", "kennitala:temporary": "IS",
}

// labelOf is what people write before a number of the country.
var labelOf = map[string]string{"DK": "CPR", "SE": "Personnummer", "NO": "Fødselsnummer", "IS": "Kennitala"}

// drawnFor says which validators must call every drawn number of a form valid. Where one does not, the reason is told.
var drawnFor = []struct {
	form, validators, why string
}{
	{"cpr", "danish-ssn", ""},
	{"cpr without mod-11", "", "danish-ssn knows mod-11 only; Denmark has issued numbers without it since October 2007"},
	{"replacement cpr", "", "danish-ssn knows mod-11 only, and looks at no date"},
	{"personnummer", "personnummer", ""},
	{"personnummer 8-4", "personnummer", ""},
	{"samordningsnummer", "personnummer", ""},
	{"samordningsnummer 8-4", "personnummer", ""},
	{"interim", "personnummer:interim", ""},
	{"interim 8-4", "personnummer:interim", ""},
	{"reserve Stockholm", "", "personnummer knows no regional numbers"},
	{"reserve Carelink", "", "personnummer knows no regional numbers"},
	{"fødselsnummer", "fnrvalidator norsk:fodselsnummer", ""},
	{"fødselsnummer 2032", "fnrvalidator", "norsk-validator has the rule of before 2032"},
	{"D-number", "fnrvalidator norsk:dnummer", ""},
	{"D-number 2032", "fnrvalidator", "norsk-validator has the rule of before 2032"},
	{"H-number", "fnrvalidator norsk:hnummer", ""},
	{"FH-number", "norsk:fhnummer", "fnrvalidator wants a date, which an FH-number has not"},
	{"synthetic", "fnrvalidator", "norsk-validator has the rule of before 2032, and no name for synthetic numbers"},
	{"synthetic D-number", "fnrvalidator", "norsk-validator has no name for synthetic numbers"},
	{"kennitala", "kennitala:person", ""},
	{"kennitala without check", "kennitala:person", ""},
	{"kerfiskennitala", "kennitala:temporary", ""},
}

// disagreements are numbers that a validator calls valid and that are nobody's national id, so that the scanner need not name them.
// As digits in a row they are held all the same.
var disagreements = []struct {
	validator, why string
	fits           func(number string) bool
}{
	{"danish-ssn", "looks at no date: any ten digits that leave nothing by mod-11", func(n string) bool { return !dateIn(n, 60, 0) }},
	{"norsk:fodselsnummer", "looks at no date: any bank account number whose digits pass both checks", noDateNO},
	{"norsk:dnummer", "looks at the first digit, not at the date", noDateNO},
	{"norsk:hnummer", "looks at the third digit, not at the date", noDateNO},
	{"personnummer", "takes any two digits for the century of a number of twelve", func(n string) bool {
		return len(n) == 12 && !strings.Contains("18 19 20", n[:2])
	}},
	{"kennitala:company", "an organisation's number, not a person's", func(string) bool { return true }},
	{"kennitala:temporary", "any ten digits that begin with 8 or 9: named in the layout 6-4 or behind a label alone", func(string) bool { return true }},
}

// dateIn reports DDMMYY at the beginning, with something that may be added to day and month.
func dateIn(n string, day, month int) bool {
	var d, m, y int
	if _, err := fmt.Sscanf(n[:6], "%2d%2d%2d", &d, &m, &y); err != nil {
		return false
	}
	if day > 0 && d > day {
		d -= day
	}
	if month > 0 && m > month {
		m -= month
	}
	days := []int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	if y%4 == 0 {
		days[2] = 29
	}
	return m >= 1 && m <= 12 && d >= 1 && d <= days[m]
}

func noDateNO(n string) bool {
	return n[0] < '8' && !dateIn(n, 40, 0) && !dateIn(n, 40, 40) && !dateIn(n, 40, 80) && !dateIn(n, 40, 65)
}

// askOracle says which validators call each number valid.
func askOracle(t *testing.T, numbers []string) [][]string {
	t.Helper()
	dir := filepath.Join("..", "..", "test", "oracle")
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(dir, "node_modules"))
	}
	if err != nil {
		if (errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist)) && os.Getenv("CI") == "" {
			t.Skipf("no oracle: %v: install Node.js 18 or later and run `npm ci` in test/oracle", err)
		}
		t.Fatalf("no oracle: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), node, "oracle.js")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(strings.Join(numbers, "\n")+"\n")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the oracle: %v\n%s", err, stderr.Bytes())
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(numbers) {
		t.Fatalf("the oracle answered %d of %d numbers", len(lines), len(numbers))
	}
	answers := make([][]string, len(lines))
	for i, l := range lines {
		answers[i] = strings.Fields(l)
	}
	return answers
}

func TestOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var numbers, want []string // for drawn numbers, the validators that must agree
	for _, d := range drawnFor {
		draw := formNamed(t, d.form)
		for range 1000 {
			date, rest := draw(r)
			numbers, want = append(numbers, date+rest), append(want, d.validators)
		}
	}
	drawn := len(numbers)
	for range 30000 {
		numbers = append(numbers, digits(r, 10), digits(r, 11), pick(r, "18", "19", "20", digits(r, 2))+digits(r, 10), // and shaped like dates:
			born(r).Format("020106")+digits(r, 4), born(r).Format("060102")+digits(r, 4), born(r).Format("020106")+digits(r, 5),
			born(r).Format("20060102")+digits(r, 4))
	}
	answers := askOracle(t, numbers)

	s := newScanner(t)
	excused, validBy, valid := map[string]int{}, map[string]int{}, 0
	for i, n := range numbers {
		if i < drawn {
			for _, v := range strings.Fields(want[i]) {
				if !slices.Contains(answers[i], v) {
					t.Errorf("%s: drawn as valid, and %s says no", n, v)
				}
			}
		}
		countries := map[string]bool{}
		for _, v := range answers[i] {
			validBy[v]++
			if why := disagreement(v, n); why != "" {
				excused[v]++
			} else {
				countries[countryOf[v]] = true
			}
		}
		if len(answers[i]) == 0 {
			continue
		}
		valid++
		if s.ScanText("Tid: "+n+" i dag", redact.Known{}) == nil {
			t.Errorf("%s: not held, and valid for %v", n, answers[i])
		}
		if slices.Contains(answers[i], "kennitala:temporary") {
			if got := s.ScanText("Tid: "+n[:6]+"-"+n[6:], redact.Known{}); len(got) != 1 || !got[0].NationalID() {
				t.Errorf("%s-%s: found as %+v", n[:6], n[6:], got)
			}
		}
		if len(countries) > 0 {
			checkNamed(t, s, n, slices.Sorted(maps.Keys(countries)))
		}
		if t.Failed() && i > drawn+1000 {
			t.FailNow()
		}
	}
	for _, d := range disagreements {
		if excused[d.validator] == 0 {
			t.Errorf("%s: no number shows that it %s: take it off the list", d.validator, d.why)
		}
	}
	for v := range countryOf {
		if validBy[v] == 0 {
			t.Errorf("%s called no number valid", v)
		}
	}
	t.Logf("%d numbers, %d of them valid for an oracle: %v; nobody's national id: %v", len(numbers), valid, validBy, excused)
}

func formNamed(t *testing.T, name string) func(*rand.Rand) (string, string) {
	for _, reg := range registers {
		for _, f := range reg.forms {
			if f.name == name {
				return f.draw
			}
		}
	}
	t.Fatalf("no form is named %q", name)
	return nil
}

func disagreement(validator, number string) string {
	for _, d := range disagreements {
		if d.validator == validator && d.fits(number) {
			return d.why
		}
	}
	return ""
}

// checkNamed wants a number held as a national id in a row and in its layout, and named after its country where there is only one.
func checkNamed(t *testing.T, s *redact.Scanner, n string, countries []string) {
	t.Helper()
	at := 6
	if len(n) == 12 {
		at = 8
	}
	for _, written := range []string{n, n[:at] + "-" + n[at:], n[:at] + " " + n[at:]} {
		text := "Tid: " + written + " i dag"
		got := s.ScanText(text, redact.Known{})
		if len(got) != 1 || !got[0].NationalID() || text[got[0].Offset:got[0].Offset+got[0].Length] != written {
			t.Errorf("%s, valid in %v: found as %+v", written, countries, got)
			continue
		}
		if len(countries) > 1 {
			continue
		}
		// A kennitala looks like a CPR number without mod-11 until a label says what it is.
		if c := countryOfKind(got[0].Kind); c != countries[0] && (countries[0] != "IS" || got[0].Kind != redact.KindCPRNoMod11) {
			t.Errorf("%s, valid in %s: named %s", written, countries[0], got[0].Kind)
		}
		got = s.ScanText(labelOf[countries[0]]+": "+written, redact.Known{})
		if len(got) != 1 || countryOfKind(got[0].Kind) != countries[0] {
			t.Errorf("%s behind %s: found as %+v", written, labelOf[countries[0]], got)
		}
	}
}
