package redact_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func fuzzKnown() redact.Known {
	return redact.Known{Appt: []time.Time{time.Date(2026, 3, 12, 14, 30, 0, 0, time.FixedZone("x", 3600))}, Phones: []string{"+45 35453545"}, Mails: []string{"a@rh.example"},
		Links: []string{"https://rh.example/"}, Refs: []string{"7302889931"}, Units: []string{"Blegdamsvej 9, 2100 København Ø"}, Recipient: []string{"Anna"},
		Others: []reminder.Other{{Names: masked("Peter Jensen"), Phones: masked("20123456"), Mails: masked("p@x.example")}}}
}

// FuzzScan: no input makes the scanner panic; findings lie in the text and are of the closed list; a held message stays
// held when its digits are written wide, or with white space or zero-width characters between them, or in another case.
func FuzzScan(f *testing.F) {
	for _, file := range []string{"redaction.jsonl", "cases.jsonl"} {
		for _, l := range corpus(f, file) {
			f.Add(l.Text)
		}
	}
	s, err := redact.New(redact.Options{Checked: map[string]bool{"time": true}})
	if err != nil {
		f.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, k := range redact.Kinds {
		kinds[k] = true
	}
	known := fuzzKnown()
	f.Fuzz(func(t *testing.T, text string) {
		check := func(got []redact.Finding) {
			for _, g := range got {
				if !kinds[g.Kind] || g.Offset < 0 || g.Length <= 0 || g.Offset+g.Length > len(text) {
					t.Fatalf("%q: %+v", text, g)
				}
			}
		}
		check(s.ScanText(text, known))
		half := len(text) / 2
		m := new(pieces).lit(text[:half]).fact("unit", text[half:])
		got := s.Scan(m.rendered(reminder.PartText), known)
		check(got)
		if !utf8.ValidString(text) {
			return
		}
		digits := false
		for _, g := range got {
			digits = digits || g.Kind == redact.KindDigits && plainDigits(text[g.Offset:g.Offset+g.Length])
		}
		if !digits {
			return
		}
		for name, other := range map[string]string{"wide": wide(text), "spaced": between(text, " "), "zero-width": between(text, "\u200b"), "upper": strings.ToUpper(text), "lower": strings.ToLower(text)} {
			if s.Scan(new(pieces).fact("unit", other).rendered(reminder.PartText), redact.Known{}) == nil {
				t.Fatalf("held as it is, passes %s: %q", name, text)
			}
		}
	})
}

func plainDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// between puts sep between neighbouring digits.
func between(s, sep string) string {
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && s[i] >= '0' && s[i] <= '9' && s[i-1] >= '0' && s[i-1] <= '9' {
			b.WriteString(sep)
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// TestHoldIsStable does on the labelled sets what the fuzzer does on what it finds: every text held for its digits stays
// held in other clothes.
func TestHoldIsStable(t *testing.T) {
	s := newScanner(t)
	for _, file := range []string{"redaction.jsonl", "cases.jsonl"} {
		for _, l := range corpus(t, file) {
			if l.Verdict != "hold" || strings.Contains(l.Kind, "third") || strings.ContainsAny(l.Text, "&%=@?\\") {
				continue
			}
			known := l.known(t)
			for name, other := range map[string]string{"wide": wide(l.Text), "zero-width": between(l.Text, "\u200b"), "soft hyphens": between(l.Text, "\u00ad"),
				"no-break spaces": strings.ReplaceAll(l.Text, " ", "\u00a0"), "upper": strings.ToUpper(l.Text), "lower": strings.ToLower(l.Text)} {
				if got := s.Scan(new(pieces).fact("note", other).rendered(reminder.PartText), known); len(got) == 0 && strings.ContainsAny(l.Text, "0123456789") {
					t.Errorf("%s: passes %s: %q", l.ID, name, other)
				}
			}
		}
	}
}
