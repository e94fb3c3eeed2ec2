package sms_test

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/sms"
)

func TestCount(t *testing.T) {
	a := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct {
		name, text string
		want       sms.Size
	}{
		{"nothing", "", sms.Size{Encoding: sms.GSM7}},
		{"Danish", "Husk din aftale på Århus Sygehus, øst for ælven", sms.Size{Encoding: sms.GSM7, Units: 47, Segments: 1}},
		{"one full message", a(160), sms.Size{Encoding: sms.GSM7, Units: 160, Segments: 1}},
		{"one too many", a(161), sms.Size{Encoding: sms.GSM7, Units: 161, Segments: 2}},
		{"two full segments", a(306), sms.Size{Encoding: sms.GSM7, Units: 306, Segments: 2}},
		{"three", a(307), sms.Size{Encoding: sms.GSM7, Units: 307, Segments: 3}},
		{"the euro sign costs two", a(159) + "€", sms.Size{Encoding: sms.GSM7, Units: 161, Segments: 2}},
		{"an escape pair moves on whole", a(152) + "€" + a(152), sms.Size{Encoding: sms.GSM7, Units: 306, Segments: 3}},
		{"Icelandic", "þú", sms.Size{Encoding: sms.UCS2, Units: 2, Segments: 1}},
		{"full in UCS-2", a(69) + "þ", sms.Size{Encoding: sms.UCS2, Units: 70, Segments: 1}},
		{"one too many in UCS-2", a(70) + "þ", sms.Size{Encoding: sms.UCS2, Units: 71, Segments: 2}},
		{"a surrogate pair moves on whole", a(66) + "😀" + a(66), sms.Size{Encoding: sms.UCS2, Units: 134, Segments: 3}},
		{"bytes which are no text", "a\xff", sms.Size{Encoding: sms.UCS2, Units: 2, Segments: 1}},
	} {
		if got := sms.Count(c.text); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestAlphabet(t *testing.T) {
	for _, r := range "æøåÆØÅäöüßÄÖÜñÑéÉèàìòùÇ'§¤¿¡@£$¥_\n\rΔΦΓΛΩΠΨΣΘΞ€{}[]|~^\\\f" {
		if !sms.IsGSM7(r) {
			t.Errorf("%q is in the alphabet", r)
		}
	}
	for _, r := range "çëïáíóúýâêîôûðÐþÞŠšŽžčđŋŧ’‘“”–—…\u00a0\t½°·`´«»\x1b" {
		if sms.IsGSM7(r) {
			t.Errorf("%q is not in the alphabet", r)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", "Husk din aftale", strings.Repeat("a", 152) + "€", strings.Repeat("þ", 66) + "😀", "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size, parts := sms.Count(text), sms.Split(text)
		if strings.Join(parts, "") != text {
			t.Fatal("the segments are not the text")
		}
		if len(parts) != size.Segments {
			t.Fatalf("%d segments, %d counted", len(parts), size.Segments)
		}
		room := map[sms.Encoding]int{sms.GSM7: sms.Multi7, sms.UCS2: sms.Multi2}[size.Encoding]
		if len(parts) == 1 {
			room = map[sms.Encoding]int{sms.GSM7: sms.Single7, sms.UCS2: sms.Single2}[size.Encoding]
		}
		for _, p := range parts {
			units := len(utf16.Encode([]rune(p)))
			if size.Encoding == sms.GSM7 {
				units = utf8.RuneCountInString(p) + strings.Count(p, "€") + strings.Count(p, "[") + strings.Count(p, "]") +
					strings.Count(p, "{") + strings.Count(p, "}") + strings.Count(p, "^") + strings.Count(p, "~") +
					strings.Count(p, "|") + strings.Count(p, "\\") + strings.Count(p, "\f")
			}
			if p == "" || units > room {
				t.Fatalf("a segment of %d units, room for %d", units, room)
			}
		}
	})
}
