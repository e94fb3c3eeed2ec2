package sms_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	oracle "github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/gsm7"
	"github.com/warthog618/sms/encoding/tpdu"
	"github.com/warthog618/sms/encoding/ucs2"

	"github.com/husk-reminders/husk/pkg/sms"
)

const wholeAlphabet = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà\f^{}\\[~]|€"

func TestEncodeIsTheOraclesSeptetsAndUnits(t *testing.T) {
	for _, text := range []string{"", wholeAlphabet, "Påmindelse: tid ~ {x} €", "Þú átt tíma", "Áiggi čáŋžžá 😀", "مرحبا"} {
		enc, got := sms.Encode(text)
		want, err := gsm7.Encode([]byte(text))
		if (err == nil) != (enc == sms.GSM7) {
			t.Fatalf("%q: %s, the oracle says %v", text, enc, err)
		}
		if err != nil {
			want = ucs2.Encode([]rune(text))
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%q: got %x, want %x", text, got, want)
		}
		if back := enc.Decode(got); back != text {
			t.Errorf("%q: reads back as %q", text, back)
		}
	}
}

func TestConcatenateAgreesWithTheOracle(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	narrow := []rune("abcdefghij æøåÆØÅ.,:0123456789éÉäöÇ€{}[]~")
	wide := append(slices.Clone(narrow), []rune("þðčŋáó–’😀𝒳漢")...)
	for i := range 1000 {
		letters := narrow
		if i%2 == 1 {
			letters = wide
		}
		n := []int{1, 69, 70, 71, 133, 134, 135, 152, 153, 154, 159, 160, 161, 305, 306, 307, 420}[rng.IntN(17)]
		text := make([]rune, n)
		for j := range text {
			text[j] = letters[rng.IntN(len(letters))]
		}
		enc, segments, err := sms.Concatenate(string(text), 8, 0x1f)
		if err != nil {
			t.Fatal(err)
		}
		pdus, err := oracle.Encode([]byte(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if len(pdus) != len(segments) {
			t.Fatalf("%q: %d segments, want %d", string(text), len(segments), len(pdus))
		}
		for k, p := range pdus {
			// The oracle's user data of a default alphabet are septets, one an octet, as ours.
			if alpha, err := p.Alphabet(); err != nil || !bytes.Equal(segments[k].Data, p.UD) || (alpha == tpdu.AlphaUCS2) != (enc == sms.UCS2) {
				t.Fatalf("%q, segment %d (%v):\n got %x\nwant %x", string(text), k+1, err, segments[k].Data, p.UD)
			}
			total, number, _, joined := p.ConcatInfo()
			if !joined {
				total, number = 1, 1
			}
			c, rest, ok := sms.ReadHeader(segments[k].Header)
			if len(pdus) == 1 {
				if segments[k].Header != nil || joined {
					t.Fatal("one segment has a header")
				}
				continue
			}
			if !ok || len(rest) != 0 || c != (sms.Concatenation{Reference: 0x1f, Total: total, Number: number}) {
				t.Fatalf("segment %d of %d: header %+v", number, total, c)
			}
			var theirs tpdu.UserDataHeader
			if _, err := theirs.UnmarshalBinary(segments[k].Header); err != nil {
				t.Fatal(err)
			}
			if a, b, ref, ok := theirs.ConcatInfo(); !ok || a != total || b != number || ref != 0x1f {
				t.Fatalf("the oracle reads %d of %d, reference %x", b, a, ref)
			}
		}
	}
}

// A header of 16 bits takes seven octets of the 140.
func TestConcatenateWithAWideReference(t *testing.T) {
	for _, c := range []struct {
		text string
		want []int
	}{
		{strings.Repeat("a", 160), []int{160}},
		{strings.Repeat("a", 161), []int{152, 9}},
		{strings.Repeat("a", 151) + "€" + strings.Repeat("a", 100), []int{151, 101}},
		{strings.Repeat("þ", 71), []int{66, 5}},
		{strings.Repeat("þ", 65) + "😀" + strings.Repeat("þ", 9), []int{65, 10}},
	} {
		enc, segments, err := sms.Concatenate(c.text, 16, 0xbeef)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for i, s := range segments {
			got = append(got, utf8.RuneCountInString(s.Text))
			octets := len(s.Header) + len(s.Data)
			if enc == sms.GSM7 { // packed, the header filled up to a whole septet
				octets = len(s.Header) + (len(s.Data)*7+7)/8
			}
			if octets > 140 {
				t.Errorf("segment %d has %d octets", i+1, octets)
			}
			if at, _, _ := sms.ReadHeader(s.Header); len(segments) > 1 && at != (sms.Concatenation{Reference: 0xbeef, Total: len(segments), Number: i + 1}) {
				t.Errorf("segment %d: %+v", i+1, at)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d letters: segments of %v, want %v", utf8.RuneCountInString(c.text), got, c.want)
		}
	}
	if _, _, err := sms.Concatenate("a", 7, 0); err == nil {
		t.Error("a reference of 7 bits")
	}
	if _, _, err := sms.Concatenate(strings.Repeat("a", 153*255+1), 8, 0); err == nil {
		t.Error("256 segments")
	}
	if _, s, err := sms.Concatenate("", 8, 0); err != nil || len(s) != 0 {
		t.Errorf("no text: %v, %v", s, err)
	}
}

func TestDecodeOfWhatOthersWrite(t *testing.T) {
	for _, c := range []struct {
		enc  sms.Encoding
		data string
		want string
	}{
		{sms.GSM7, "\x1ba", "a"},
		{sms.GSM7, "a\x1b", "a"},
		{sms.GSM7, "\x1b\x1b\x65", " e"},
		{sms.GSM7, "\x1b\x65\x00", "€@"},
		{sms.GSM7, "\xe6", "\ufffd"},
		{sms.UCS2, "\x00S\x00", "S\ufffd"},
		{sms.UCS2, "\xd8\x3d\x00a", "\ufffda"},
	} {
		if got := c.enc.Decode([]byte(c.data)); got != c.want {
			t.Errorf("%s %x: got %q, want %q", c.enc, c.data, got, c.want)
		}
	}
}

func TestReadHeader(t *testing.T) {
	for data, want := range map[string]struct {
		c    sms.Concatenation
		rest string
		ok   bool
	}{
		"":                                     {},
		"\x00abc":                              {rest: "abc", ok: true},
		"\x09abc":                              {rest: "\x09abc"},
		"\x05\x00\x03\x07\x02\x01abc":          {sms.Concatenation{Reference: 7, Total: 2, Number: 1}, "abc", true},
		"\x06\x08\x04\x01\x07\x02\x02abc":      {sms.Concatenation{Reference: 0x107, Total: 2, Number: 2}, "abc", true},
		"\x05\x00\x03\x07\x02\x03abc":          {rest: "abc", ok: true},
		"\x05\x00\x03\x07\x00\x00abc":          {rest: "abc", ok: true},
		"\x08\x24\x01\x01\x00\x03\x07\x02\x01": {sms.Concatenation{Reference: 7, Total: 2, Number: 1}, "", true},
		"\x03\x00\x05\x07abc":                  {rest: "abc", ok: true},
	} {
		c, rest, ok := sms.ReadHeader([]byte(data))
		if c != want.c || string(rest) != want.rest || ok != want.ok {
			t.Errorf("%x: %+v, %q, %v", data, c, rest, ok)
		}
	}
}

func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", wholeAlphabet, "þ😀", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		enc, segments, err := sms.Concatenate(text, 8, 1)
		if err != nil {
			t.Skip()
		}
		var whole, read strings.Builder
		var texts []string
		for _, s := range segments {
			texts = append(texts, s.Text)
			whole.WriteString(s.Text)
			read.WriteString(enc.Decode(s.Data))
		}
		if whole.String() != text || read.String() != strings.ToValidUTF8(text, "\ufffd") && utf8.ValidString(text) {
			t.Fatalf("%q is sent as %q", text, read.String())
		}
		if !slices.Equal(texts, sms.Split(text)) {
			t.Fatal("the segments are not those of Split")
		}
	})
}
