package acceptance

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tally compares what was booked with the carrier's own record.
type tally struct {
	once, never, more int
	missing           []place // never
}

// reckon looks up each booking in the record. It fails the test where a letter went to a place that nobody booked, where two
// letters bear one reference, and where a national id or somebody else's data left.
func reckon(t *testing.T, record []letter, booked []booking) (tally, map[place]int) {
	t.Helper()
	at := make(map[place]int, len(booked))
	for _, b := range booked {
		at[b.place()] = 0
	}
	references := make(map[string]bool, len(record))
	for _, l := range record {
		p := place{l.to, l.replyTo}
		if _, ok := at[p]; !ok {
			t.Errorf("the carrier has a letter that nobody booked, reference %s", l.reference)
		}
		at[p]++
		if references[l.reference] {
			t.Errorf("the carrier has reference %s twice", l.reference)
		}
		references[l.reference] = true
		if longDigits.MatchString(l.raw) || strings.Contains(l.raw, relativeName) || strings.Contains(l.raw, relativeMail) || strings.Contains(l.raw, relativeTel[3:]) {
			t.Errorf("the letter with reference %s holds a long number or data of somebody else", l.reference)
		}
	}
	var y tally
	for p, n := range at {
		switch n {
		case 0:
			y.never++
			y.missing = append(y.missing, p)
		case 1:
			y.once++
		default:
			y.more++
			t.Errorf("the carrier has %d letters to %s for %s", n, p.to, p.replyTo)
		}
	}
	return y, at
}

// longDigits is a Danish national id as it is written.
var longDigits = regexp.MustCompile(`\b[0-9]{6}-?[0-9]{4}\b`)

// canaries are texts that only a message to a person may hold.
func canaries(people ...person) []string {
	all := []string{canaryName, canaryMail, relativeName, relativeTel, relativeTel[3:]}
	for _, p := range people {
		all = append(all, p.id, p.id[:6]+"-"+p.id[6:])
	}
	return all
}

// mute fails the test when text holds a canary.
func mute(t *testing.T, what, text string, canaries []string) {
	t.Helper()
	for _, c := range canaries {
		if strings.Contains(text, c) {
			t.Errorf("%s holds personal data: %q", what, c)
		}
	}
}

// sealed fails the test when a file below dir holds a canary. It returns how many bytes it has looked at.
func sealed(t *testing.T, dir string, canaries []string) (bytes int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		bytes += len(b)
		rel, _ := filepath.Rel(dir, path)
		mute(t, "the file "+rel, string(b), canaries)
		mute(t, "the name of the file "+rel, rel, canaries)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return bytes
}
