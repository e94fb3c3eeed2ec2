package pages

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/web"
)

var gap = regexp.MustCompile(`\{[0-9]\}`)

// Every language has every text, with the same gaps.
func TestWordsAreComplete(t *testing.T) {
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 4 {
		t.Fatalf("%d languages", len(all))
	}
	english := all["en"].texts
	for tag, w := range all {
		if got, want := slices.Sorted(maps.Keys(w.texts)), slices.Sorted(maps.Keys(english)); !slices.Equal(got, want) {
			for _, k := range want {
				if _, ok := w.texts[k]; !ok {
					t.Errorf("%s: %s is missing", tag, k)
				}
			}
			for _, k := range got {
				if _, ok := english[k]; !ok {
					t.Errorf("%s: %s is not in en", tag, k)
				}
			}
		}
		for k, s := range w.texts {
			got, want := gap.FindAllString(s, -1), gap.FindAllString(english[k], -1)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(slices.Compact(got), slices.Compact(want)) {
				t.Errorf("%s: %s: gaps %v, in English %v", tag, k, got, want)
			}
			if strings.TrimSpace(s) != s || s == "" || !utf8.ValidString(s) || strings.ContainsAny(s, "<>") {
				t.Errorf("%s: %s: %q", tag, k, s)
			}
		}
	}
}

// sources are the program's own files that use words, but those of tests.
func sources(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".html" || path == "doc.go" {
			return err
		}
		src, err := os.ReadFile(path)
		b.Write(src)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var quoted = regexp.MustCompile(`"([a-z][a-z0-9_.-]*)"`)

// No text is there that nothing uses, and none is used that is not there.
func TestWordsAreUsed(t *testing.T) {
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	english, used, prefixes := all["en"].texts, map[string]bool{}, map[string]bool{}
	src := sources(t)
	for _, m := range quoted.FindAllStringSubmatch(src, -1) {
		if strings.HasSuffix(m[1], ".") {
			prefixes[m[1]] = true
		}
		used[m[1]] = true
	}
	ofChannel := map[string]bool{}
	for _, m := range regexp.MustCompile(`\(of \S+ "([a-z][a-z0-9_.-]*)"\)`).FindAllStringSubmatch(src, -1) {
		ofChannel[m[1]] = true
	}
	for key := range english {
		ok := used[key] || used[strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")] || ofChannel[strings.TrimSuffix(key, ".email")]
		for p := range prefixes {
			ok = ok || strings.HasPrefix(key, p)
		}
		if !ok {
			t.Errorf("%s is used nowhere", key)
		}
	}
	for _, m := range regexp.MustCompile(`\b(?:t|Wrong|must|say|text|count)[ (](?:"[a-z]*", )?"([a-z][a-z0-9_-]*\.[a-z0-9_.-]*[a-z0-9_-])"|"(?:label|hint|button|empty)" "([a-z][a-z0-9_.-]*)"`).FindAllStringSubmatch(src, -1) {
		key := m[1] + m[2]
		if english[key] == "" && english[key+".other"] == "" {
			t.Errorf("%s is used and is not there", key)
		}
	}
}

// Keys that are made of closed lists have a text for every one.
func TestWordsOfClosedLists(t *testing.T) {
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, r := range web.Roles {
		keys = append(keys, "role."+string(r), "may."+string(r))
	}
	for _, s := range sections {
		keys = append(keys, "nav."+s)
	}
	for _, s := range []receipt.Status{
		receipt.Planned, receipt.Due, receipt.Intended, receipt.Accepted, receipt.Delivered, receipt.Undelivered, receipt.Held, receipt.Denied, receipt.Expired,
		receipt.Cancelled, receipt.NotBegun, receipt.Refused, receipt.Unknown, receipt.Rejected,
	} {
		keys = append(keys, "status."+string(s))
	}
	for _, key := range keys {
		if _, err := all["en"].text(key); err != nil {
			t.Error(err)
		}
	}
}

func TestTimes(t *testing.T) {
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 7, 3, 8, 5, 0, 0, time.UTC)
	for tag, want := range map[string][3]string{
		"da": {"3. juli 2026 kl. 10.05 (Europe/Copenhagen)", "fredag 3. juli 2026", "10.05"},
		"sv": {"3 juli 2026 kl. 10:05 (Europe/Copenhagen)", "fredag 3 juli 2026", "10:05"},
		"nb": {"3. juli 2026 kl. 10.05 (Europe/Copenhagen)", "fredag 3. juli 2026", "10.05"},
		"en": {"3 July 2026, 10:05 (Europe/Copenhagen)", "Friday 3 July 2026", "10:05"},
	} {
		moment, err := all[tag].moment(zone, at)
		if err != nil {
			t.Fatal(err)
		}
		day, err := all[tag].day(zone, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]string{moment, day, all[tag].clock(zone, at)}; got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
		for _, key := range []string{"time.months", "time.week"} {
			if n := len(strings.Fields(all[tag].texts[key])); n != 12 && n != 7 {
				t.Errorf("%s: %s has %d words", tag, key, n)
			}
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567", -12: "-12", -1234: "-1\u202f234"} {
		if got := all["da"].number(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}
