package sms_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	oracle "github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/gsm7"
	"github.com/warthog618/sms/encoding/tpdu"
	"github.com/warthog618/sms/encoding/ucs2"

	"github.com/husk-reminders/husk/pkg/sms"
)

// scripts are the letters that random texts are made of. The first are of the GSM alphabet alone, so that texts in septets come up as
// often as those that a single letter forces into UCS-2.
var scripts = []struct{ name, letters string }{
	{"plain", "abcdefghijklmnopqrstuvwxyz ABC 0123456789.,:;!?'\"()-/\n"},
	{"Nordic", "abcdeghilmnorstuv æøåäöÆØÅÄÖéÉ .,:0123456789"},
	{"extension table", "abc æøå €{}[]~|^\\\f 0123"},
	{"Sami", "aeioudghjklmnst áčđŋšŧžÁČĐŊŠŦŽ"},
	{"Icelandic", "abdefghilmnrstuv áéíóúýþæðöÁÉÍÓÚÝÞÆÐÖ"},
	{"Polish", "abcdeghiklmnoprstuwyz ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"},
	{"Arabic", "اأإآبتثجحخدذرزسشصضطظعغفقكلمنهوىيءةؤئ ،؟ 0123٠١٢٣ ًٌٍَُِّْ"},
	{"emoji", "abc 😀🙂🏥🛑📅👩‍⚕️👨‍👩‍👧‍👦🇩🇰🇸🇪❤️✅ 𝒳𠮷"},
}

// edges are the lengths, in units, around which a text gets one segment more.
var edges = []int{66, 67, 68, 69, 70, 71, 132, 133, 134, 135, 151, 152, 153, 154, 158, 159, 160, 161, 200, 201, 202, 304, 305, 306, 307, 458, 459, 460}

// pairs are letters of two units: an escape pair, and a surrogate pair.
var pairs = []rune("€{}[]~|^\\\f😀🏥𝒳𠮷")

// randomText makes a text whose length, and whose pairs, lie around an edge three times out of four.
func randomText(rng *rand.Rand, letters []rune) string {
	units := func(r rune) int {
		if slices.Contains(pairs, r) {
			return 2
		}
		return 1
	}
	want := 1 + rng.IntN(480)
	near := rng.IntN(4) > 0
	if near {
		want = edges[rng.IntN(len(edges))]
	}
	filler := letters[rng.IntN(len(letters))] // a text of few different letters has its edges where they are counted
	plain := rng.IntN(2) == 0
	var b strings.Builder
	for used := 0; used < want; {
		r := letters[rng.IntN(len(letters))]
		switch {
		case near && (atEdge(used+1) || atEdge(used+2)) && rng.IntN(3) == 0:
			if p := pairs[rng.IntN(len(pairs))]; slices.Contains(letters, p) || rng.IntN(8) == 0 {
				r = p
			}
		case plain:
			r = filler
		}
		b.WriteRune(r)
		used += units(r)
	}
	return b.String()
}

func atEdge(n int) bool { return slices.Contains(edges, n) }

// cutsOf asks the oracle for the encoding and the segments of a text.
func cutsOf(t *testing.T, text string) (sms.Encoding, []string) {
	t.Helper()
	pdus, err := oracle.Encode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	enc := sms.GSM7
	var out []string
	for _, p := range pdus {
		alpha, err := p.Alphabet()
		if err != nil {
			t.Fatal(err)
		}
		decoded := []byte(nil)
		if alpha == tpdu.AlphaUCS2 {
			enc = sms.UCS2
			runes, err := ucs2.Decode(p.UD)
			if err != nil {
				t.Fatalf("the oracle cut a pair in %q: %v", text, err)
			}
			decoded = []byte(string(runes))
		} else if decoded, err = gsm7.Decode(p.UD); err != nil {
			t.Fatalf("the oracle cut a pair in %q: %v", text, err)
		}
		out = append(out, string(decoded))
	}
	return enc, out
}

// 100,000 texts: the same encoding, as many segments, and the same cuts as another implementation has.
func TestAgreesWithTheOracle(t *testing.T) {
	const texts = 100_000
	rng := rand.New(rand.NewPCG(20260312, 7))
	letters := make([][]rune, len(scripts))
	for i, s := range scripts {
		letters[i] = []rune(s.letters)
	}
	seen, several, cutBeforePair := map[sms.Encoding]int{}, 0, 0
	for i := range texts {
		k := i % len(scripts)
		text := randomText(rng, letters[k])
		enc, want := cutsOf(t, text)
		size, got := sms.Count(text), sms.Split(text)
		if size.Encoding != enc || size.Segments != len(want) || !slices.Equal(got, want) {
			t.Fatalf("%s %q: got %+v %q, want %s in %d: %q", scripts[k].name, text, size, got, enc, len(want), want)
		}
		seen[enc]++
		if len(got) > 1 {
			several++
		}
		for j := 1; j < len(got); j++ {
			if first := []rune(got[j])[0]; slices.Contains(pairs, first) && short(got[j-1], enc) {
				cutBeforePair++
			}
		}
	}
	// The texts are worth their number only where they come to the edges.
	if seen[sms.GSM7] < texts/5 || seen[sms.UCS2] < texts/5 || several < texts/5 || cutBeforePair < 1000 {
		t.Errorf("%v texts, %d of several segments, %d pairs moved on whole: too few of a kind", seen, several, cutBeforePair)
	}
}

// short reports whether a segment has room for one more unit: a pair behind it moved on.
func short(segment string, enc sms.Encoding) bool {
	if enc == sms.GSM7 {
		return sms.Count(segment).Units == sms.Multi7-1
	}
	units := 0
	for _, r := range segment {
		units++
		if r > 0xffff {
			units++
		}
	}
	return units == sms.Multi2-1
}

func TestMeasure(t *testing.T) {
	for _, c := range []struct {
		name, text string
		size       sms.Size
		forced     []string
	}{
		{"nothing", "", sms.Size{Encoding: sms.GSM7}, nil},
		{"Danish", "Husk din tid på Århus Sygehus", sms.Size{Encoding: sms.GSM7, Units: 29, Segments: 1}, nil},
		{"the extension table forces nothing", "[€]", sms.Size{Encoding: sms.GSM7, Units: 6, Segments: 1}, nil},
		{"each once, in order", "Ŋuŋ – Áŋ –", sms.Size{Encoding: sms.UCS2, Units: 10, Segments: 1}, []string{"Ŋ", "ŋ", "–", "Á"}},
		{"a surrogate pair is one letter", "a😀😀", sms.Size{Encoding: sms.UCS2, Units: 5, Segments: 1}, []string{"😀"}},
		{"the parts of an emoji", "❤️", sms.Size{Encoding: sms.UCS2, Units: 2, Segments: 1}, []string{"❤", "\ufe0f"}},
		{"a combining accent", "e\u0301", sms.Size{Encoding: sms.UCS2, Units: 2, Segments: 1}, []string{"\u0301"}},
		{"bytes that are no text", "a\xff\xfe", sms.Size{Encoding: sms.UCS2, Units: 3, Segments: 1}, []string{"\ufffd"}},
		{"the escape itself", "a\x1b", sms.Size{Encoding: sms.UCS2, Units: 2, Segments: 1}, []string{"\x1b"}},
	} {
		size, forced := sms.Measure(c.text)
		if size != c.size || !slices.Equal(forced, c.forced) {
			t.Errorf("%s: got %+v %q, want %+v %q", c.name, size, forced, c.size, c.forced)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"gsm7", "Husk din aftale torsdag 12. marts kl. 14.30 på Ambulatorium 3, Ravnsholt Hospital. Afbud 70 99 10 31. Stop sms: svar STOP"},
		{"ucs2", strings.Repeat("Muitte áiggi Ráisa buohccevisus. ", 6)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				sms.Count(c.text)
			}
		})
	}
}

func BenchmarkSplit(b *testing.B) {
	text := string(bytes.Repeat([]byte("Husk din aftale {[€]} "), 40))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		sms.Split(text)
	}
}
