package redact_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// plain are the nine patterns one would write with regexp: what the scanner is measured against.
var plain = []string{
	`\b\d{6}[-+ ]?\d{4}\b`, `\b(?:19|20)\d{6}[-+ ]?\d{4}\b`, `\b\d{6} ?\d{5}\b`, `\b\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]\b`, `\b\d{7}[A-Z]{2}\d\b`,
	`\b(?:\d{6}|\d{8})[TRSUWXJKLMN]\d{3}\b`, `\b[A-Z]\d{9}\b`, `\b\d{2} \d{3} \d{3} \d{3}\b`, `\b\d{2}[-. ]\d{2}[-. ]\d{2}[-. ]\d{4}\b`,
}

// message is an ordinary reminder of 194 bytes with its provenance.
func message(t testing.TB) (reminder.Rendered, redact.Known) {
	copenhagen, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 12, 14, 30, 0, 0, copenhagen)
	var p pieces
	p.lit("Husk din tid ").fact("weekday", "torsdag").lit(" den ").fact("date", "12.03.2026").lit(" kl. ").fact("time", "14.30").lit(" på ")
	p.fact("unit", "Ortopædkirurgisk Ambulatorium").lit(", ").fact("address", "Blegdamsvej 9, 2100 København Ø").lit(", ").fact("entrance", "Indgang 4, 2. sal, stue 12.04.17")
	p.lit(". Kan du ikke komme, så ring ").fact("phone", "35 45 35 45").lit(".")
	return p.rendered(reminder.PartText), redact.Known{Appt: []time.Time{at}, Phones: []string{"+4535453545"}, Mails: []string{"ort@rh.example"},
		Units:     []string{"Ortopædkirurgisk Ambulatorium", "Blegdamsvej 9, 2100 København Ø", "Indgang 4, 2. sal, stue 12.04.17"},
		Recipient: []string{"Anna"}, Others: []reminder.Other{{Role: reminder.Relative, Names: masked("Peter Jensen"), Phones: masked("+4520123456")}}}
}

func masked(ss ...string) (ms []reminder.Masked) {
	for _, s := range ss {
		ms = append(ms, reminder.Mask(s))
	}
	return ms
}

// pieces builds a part with its spans.
type pieces struct {
	text  strings.Builder
	spans []reminder.Span
}

func (p *pieces) add(fact, text string) *pieces {
	from := p.text.Len()
	p.text.WriteString(text)
	p.spans = append(p.spans, reminder.Span{Start: from, End: p.text.Len(), Fact: fact})
	return p
}

func (p *pieces) lit(text string) *pieces        { return p.add("", text) }
func (p *pieces) fact(name, text string) *pieces { return p.add(name, text) }

func (p *pieces) rendered(kind reminder.PartKind) reminder.Rendered {
	return reminder.Rendered{Parts: []reminder.Part{{Kind: kind, Text: reminder.Mask(p.text.String()), Spans: p.spans}}}
}

func TestCleanMessageAllocatesNothing(t *testing.T) {
	s := newScanner(t, "date", "time", "weekday")
	r, k := message(t)
	if got := s.Scan(r, k); got != nil {
		t.Fatalf("not clean: %+v", got)
	}
	if underRace {
		return
	}
	if n := testing.AllocsPerRun(200, func() { s.Scan(r, k) }); n != 0 {
		t.Errorf("%v allocations on a clean message", n)
	}
	text := r.Parts[0].Text.Reveal()
	if underRace {
		return
	}
	if n := testing.AllocsPerRun(200, func() { s.ScanText(text, k) }); n != 0 {
		t.Errorf("%v allocations on clean text", n)
	}
}

func BenchmarkScan(b *testing.B) {
	s := newScanner(b, "date", "time", "weekday")
	r, k := message(b)
	b.SetBytes(int64(len(r.Parts[0].Text.Reveal())))
	b.ReportAllocs()
	for b.Loop() {
		if s.Scan(r, k) != nil {
			b.Fatal("not clean")
		}
	}
}

// BenchmarkRegexp is the same message under an alternation of the nine plain patterns, which finds far less.
func BenchmarkRegexp(b *testing.B) {
	re := regexp.MustCompile(strings.Join(plain, "|"))
	r, _ := message(b)
	text := r.Parts[0].Text.Reveal()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		_ = re.FindAllStringIndex(text, -1)
	}
}

func BenchmarkLinear(b *testing.B) {
	s := newScanner(b)
	_, k := message(b)
	for name, unit := range map[string]string{"clean": "Husk din tid. Ring til os. ", "digits": "3112995004", "pairs": "12 34 ", "tags": "<b>1</b>", "entities": "&#51;",
		"tokens": "MzExMjk5LTUwMDQ/", "open": "<!--", "ats": "a@b", "words": "tre en to "} {
		for _, size := range []int{4 << 10, 64 << 10} {
			text := strings.Repeat(unit, size/len(unit))
			b.Run(name+"/"+map[int]string{4 << 10: "4KiB", 64 << 10: "64KiB"}[size], func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					s.ScanText(text, k)
				}
			})
		}
	}
}

// BenchmarkScanWire is the file that a carrier writes of the same message, and a mail with every part there is.
func BenchmarkScanWire(b *testing.B) {
	s := newScanner(b, "date", "time", "weekday")
	r, k := message(b)
	k.To, k.Refs = "+4520123499", []string{"k7Gq2xT9pLm4", "da/reminder.sms@3f2a91c0"}
	file := "Reference: k7Gq2xT9pLm4\nChannel: sms\nPurpose: reminder\nTo: +4520123499\nFrom: Rigshosp\nUnit: rh-ortho\nLanguage: da\nTemplate: da/reminder.sms@3f2a91c0\nSegments: 2\n\n"
	for name, c := range map[string]struct {
		w reminder.Wire
		r reminder.Rendered
		k redact.Known
	}{
		"text": {reminder.Wire{Format: reminder.WireText, Body: r.Parts[0].Text}, r, k},
		"file": {reminder.Wire{Format: reminder.WireMail, Body: reminder.Mask(file + r.Parts[0].Text.Reveal())}, r, k},
		"mail": {mailOf(), reminder.Rendered{}, wireKnown()},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(c.w.Body.Reveal())))
			b.ReportAllocs()
			for b.Loop() {
				if got := s.ScanWire(c.w, c.r, c.k); got != nil {
					b.Fatalf("not clean: %+v", got)
				}
			}
		})
	}
}
