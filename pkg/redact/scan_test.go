package redact_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestLiteralTextIsNeverTrusted(t *testing.T) {
	if _, err := redact.New(redact.Options{Checked: map[string]bool{"": true}}); !errors.Is(err, redact.ErrChecked) {
		t.Errorf("got %v", err)
	}
}

// TestProvenance: what Scan holds in a rendered message, as kind and placeholder, and what it lets pass.
func TestProvenance(t *testing.T) {
	oslo := time.FixedZone("Oslo", 3600)
	at := time.Date(2026, 3, 12, 14, 30, 0, 0, oslo)
	known := redact.Known{Appt: []time.Time{at}, Phones: []string{"35 45 35 45"}, Mails: []string{"ort@rh.example"}, Links: []string{"https://rh.example/husk"},
		Refs: []string{"5731984422", "k7Gq2xT9"}, Units: []string{"Blegdamsvej 9, 2100 København Ø", "Peter Bangs Klinik", "3012"}, Staff: []string{"Hansen"},
		Recipient: []string{"Anna"}, Children: []string{"Mads"},
		Others: []reminder.Other{{Role: reminder.Relative, Names: masked("Peter Sørensen", "Bo Li"), Phones: masked("+4520123456"), Mails: masked("peter@x.example")}}}
	s := newScanner(t, "date", "time")
	p := func() *pieces { return new(pieces) }
	for name, c := range map[string]struct {
		p    *pieces
		want string
	}{
		"clean":                                   {p().lit("Kære ").fact("given_name", "Anna").lit(", husk ").fact("date", "12.03.2026").lit(" ").fact("time", "14.30").lit(", ").fact("address", "Blegdamsvej 9, 2100 København Ø"), ""},
		"unit phone":                              {p().lit("Ring +45 ").fact("phone", "3545 3545"), ""},
		"reference":                               {p().lit("Nr. ").fact("ref", "5731984422"), ""},
		"other date, checked by the renderer":     {p().lit("Flyttet fra ").fact("date", "01.02.2026"), ""},
		"same date in a placeholder not checked":  {p().lit("Flyttet fra ").fact("note", "01.02.2026"), "digits note"},
		"CPR in a placeholder":                    {p().lit("Hej ").fact("given_name", "311299-5004"), "cpr given_name"},
		"CPR in literal text":                     {p().lit("Husk 311299-5004"), "cpr "},
		"split over two placeholders":             {p().fact("unit", "3112").fact("room", "995004"), "cpr unit"},
		"split over placeholders and literal":     {p().fact("unit", "311").lit("2-9").fact("room", "9"), "digits unit"},
		"room beside a checked time":              {p().fact("time", "14.30").lit(", rum ").fact("room", "3012"), ""},
		"digits glued to a checked time":          {p().fact("time", "14.30").lit("99123"), "digits time"},
		"typed shape in literal text":             {p().lit("Kode 123456"), "digits "},
		"organisation number in literal text":     {p().lit("org.nr 232100-0016"), "digits "},
		"stranger's phone":                        {p().lit("Ring ").fact("phone", "20 12 34 57"), "phone phone"},
		"stranger's phone with the hour in it":    {p().lit("Ring ").fact("phone", "20 14 30 56"), "phone phone"},
		"listed person's phone":                   {p().lit("Ring ").fact("phone", "20 12 34 56"), "third phone"},
		"listed person's mail":                    {p().lit("Skriv til ").fact("mail", "Peter@x.example"), "third mail"},
		"unknown mail":                            {p().lit("Skriv til ").fact("mail", "x@y.example"), "mail mail"},
		"unit mail":                               {p().lit("Skriv til ").fact("mail", "ort@rh.example"), ""},
		"listed name":                             {p().lit("Kære ").fact("given_name", "Peter"), "third given_name"},
		"listed name, genitive":                   {p().fact("given_name", "Peters").lit(" tid"), "third given_name"},
		"listed name, folded":                     {p().fact("given_name", "SORENSEN"), "third given_name"},
		"listed name, written apart":              {p().fact("given_name", "So\u0308rensen"), "third given_name"},
		"listed short name":                       {p().fact("given_name", "Bo"), "third given_name"},
		"listed initials":                         {p().fact("note", "P.S. venter"), "third note"},
		"listed word inside a unit's name":        {p().lit("Mød på ").fact("unit", "Peter Bangs Klinik"), ""},
		"listed word in approved text":            {p().lit("Peter Pan-stuen"), ""},
		"verified child":                          {p().lit("Din søn ").fact("child", "Mads").lit(" har tid"), ""},
		"other child":                             {p().lit("Din søn ").fact("child", "Emil").lit(" har tid"), "third child"},
		"staff":                                   {p().lit("Tid hos overlæge ").fact("staff", "Hansen"), ""},
		"no staff":                                {p().lit("Tid hos overlæge ").fact("staff", "Holm"), "third staff"},
		"wrong recipient":                         {p().lit("Hej ").fact("given_name", "Karen").lit("!"), "third given_name"},
		"unit link":                               {p().lit("Se ").fact("link", "https://rh.example/husk/k7Gq2xT9"), ""},
		"unit link with a query":                  {p().lit("Se ").fact("link", "https://rh.example/husk/x?id=Anna"), "link link"},
		"host that begins like the unit's":        {p().lit("Se ").fact("link", "https://rh.example/husky"), "link link"},
		"other link":                              {p().lit("Se ").fact("link", "http://y.example/"), "link link"},
		"bare host":                               {p().lit("Se ").fact("note", "minlaege.dk/anna"), "link note"},
		"hidden character":                        {p().lit("Kom").fact("unit", "\u200b").lit("!"), "hidden unit"},
		"bidi override":                           {p().lit("\u202eKom!"), "hidden "},
		"control character":                       {p().fact("unit", "Kom\x07"), "hidden unit"},
		"not UTF-8":                               {p().fact("unit", "Kom\xff"), "hidden unit"},
		"token that decodes":                      {p().lit("Nr. ").fact("ref", "SGVqIEFubmEgSmVuc2Vu"), "encoded ref"},
		"token that decodes to digits":            {p().lit("Nr. ").fact("ref", "MzExMjk5LTUwMDQ"), "cpr ref"},
		"three layers":                            {p().fact("unit", "&amp;amp;amp;"), "encoded unit"},
		"birth date that is the appointment's":    {p().fact("note", "120326-5004"), "cpr-nomod11 note"},
		"the same, over a line end":               {p().fact("note", "120326\n15845"), "no note"},
		"eCPR born on the day of the appointment": {p().fact("note", "12.03.26-7PJ9"), "ecpr note"},
		"interim number of such a date":           {p().fact("note", "14.03.12-K733"), "se-interim note"},
		"a room behind the date":                  {p().fact("note", "12.03.26 K733"), ""},
		"hetu born on the day of the appointment": {p().fact("note", "120326A308T"), "fi note"},
	} {
		got := s.Scan(c.p.rendered(reminder.PartText), known)
		held := false
		for _, f := range got {
			held = held || f.Kind+" "+f.Fact == c.want
		}
		if (c.want == "") != (len(got) == 0) || c.want != "" && !held {
			t.Errorf("%s: want %q, got %+v", name, c.want, got)
		}
	}
}

func TestFindingsPointAtThePlace(t *testing.T) {
	s := newScanner(t)
	for text, want := range map[string]string{
		"Æ 311299-5004.":      "3+11 6-4",
		"Æ ３１１２９９-5004.":      "3+23 6-4",
		"x 311299&#45;5004 y": "2+15 6-4",
		"ID 31 12 99 50 04":   "3+14 2-2-2-2-2",
	} {
		got := s.ScanText(text, redact.Known{})
		if len(got) == 0 || fmt.Sprintf("%d+%d %s", got[0].Offset, got[0].Length, got[0].Layout) != want {
			t.Errorf("%s: want %s, got %+v", text, want, got)
		}
	}
}

func TestEveryPartIsScanned(t *testing.T) {
	s := newScanner(t)
	r := new(pieces).lit("Husk din tid").rendered(reminder.PartText)
	r.Parts = append(r.Parts, new(pieces).lit("Tid ").fact("unit", "311299-5004").rendered(reminder.PartSubject).Parts...)
	got := s.Scan(r, redact.Known{})
	if len(got) != 1 || got[0].Part != reminder.PartSubject || got[0].Offset != 4 || got[0].Length != 11 || got[0].Layout != "6-4" || !got[0].NationalID() || got[0].Releasable() {
		t.Errorf("got %+v", got)
	}
}

// TestFindingsCarryNoValue: neither a finding nor its JSON holds digits or a name of the text.
func TestFindingsCarryNoValue(t *testing.T) {
	s := newScanner(t)
	got := s.ScanText("Peter 311299-5004 ring 20123456 x@y.example \u200b", redact.Known{Others: []reminder.Other{{Names: masked("Peter")}}})
	j, err := json.Marshal(got)
	if err != nil || len(got) < 5 {
		t.Fatal(err, got)
	}
	for _, v := range []string{"Peter", "311299", "5004", "20123456", "y.example"} {
		if strings.Contains(string(j), v) || strings.Contains(fmt.Sprintf("%+v", got), v) {
			t.Errorf("a finding tells %s", v)
		}
	}
}

func TestManyFindingsAreCut(t *testing.T) {
	got := newScanner(t).ScanText(strings.Repeat("311299-5004 x ", 1000), redact.Known{})
	if len(got) == 0 || len(got) > 64 {
		t.Errorf("%d findings", len(got))
	}
}

// TestLinearWork: sixteen times the text is sixteen times the bytes to cut into tokens, whatever encodings lie in each other.
// BenchmarkLinear shows the time.
func TestLinearWork(t *testing.T) {
	s := newScanner(t)
	_, known := message(t)
	for _, unit := range []string{
		"3112995004", "12 34 ", "1 ", "1\n", "<b>1</b>", "&#51;", "&amp;amp;#51;", "MzExMjk5LTUwMDQ/", "VFhwRmVFMXFhelZNVkZWM1RVUlJQUT09 ", "<!--", "a@", "a://", "tre en ", "l1", "l ", "S5B8l0-5OO4 ",
		"=?q?q?", "=?utf-8?q?=31?= ", "%25", "%2531", "=3D31", "\\31", "a\r\n ", "Din søn Peter ", "Blegdamsvej 9, 2100 København Ø ",
	} {
		size := 16 * len(unit)
		small := s.Work(strings.Repeat(unit, 4096/size*16), known)
		if big := s.Work(strings.Repeat(unit, 4096/size*256), known); big > 17*small {
			t.Errorf("%q: %d bytes of 4 KiB, %d of 64", unit, small, big)
		}
	}
}

// TestSplitOverParts: the digits at the end of one part and at the beginning of another are one run, in any order of the parts;
// explained ones are no part of it.
func TestSplitOverParts(t *testing.T) {
	s := newScanner(t, "time")
	known := redact.Known{Appt: []time.Time{time.Date(2026, 3, 12, 14, 30, 0, 0, time.UTC)}, Phones: []string{"1813"}}
	for name, c := range map[string]struct {
		parts []*pieces
		want  string // kind, name, layout, part and place of the first finding
	}{
		"CPR over subject and text":  {[]*pieces{new(pieces).lit("Tid ").fact("unit", "31129"), new(pieces).fact("unit", "9-500").lit(" er din")}, "digits  5-1-3 subject 4+5 unit"},
		"text, then subject":         {[]*pieces{new(pieces).fact("room", "99 51").lit(" tid"), new(pieces).lit("Husk 0112")}, "digits  4-2-2 text 5+4 "},
		"ten digits":                 {[]*pieces{new(pieces).lit("Tid 31129"), new(pieces).lit("95004 er din")}, "cpr CPR-nummer 5-5 subject 4+5 "},
		"punctuation between":        {[]*pieces{new(pieces).lit("Tid 31.12. "), new(pieces).lit("\n(99) er din")}, "digits  2-2-2 subject 4+5 "},
		"encoded":                    {[]*pieces{new(pieces).lit("Tid <b>3</b>1１2"), new(pieces).lit("<p>99</p>")}, "digits  4-2 subject 7+10 "},
		"in three parts":             {[]*pieces{new(pieces).lit("Tid 31"), new(pieces).lit("11"), new(pieces).lit("99 er din")}, "digits   text 0+2 "},
		"five digits":                {[]*pieces{new(pieces).lit("Tid 311"), new(pieces).lit("29 er din")}, ""},
		"a word between":             {[]*pieces{new(pieces).lit("Tid 3112 kl."), new(pieces).lit("99-5 er din")}, ""},
		"a word before":              {[]*pieces{new(pieces).lit("Tid 3112"), new(pieces).lit("kl. 99-5 er din")}, ""},
		"an explained time":          {[]*pieces{new(pieces).lit("Kl. ").fact("time", "14.30"), new(pieces).lit("12345 er din")}, ""},
		"the appointment's time":     {[]*pieces{new(pieces).lit("Kl. 14.30"), new(pieces).lit("12345 er din")}, ""},
		"the unit's phone":           {[]*pieces{new(pieces).lit("Ring 1813"), new(pieces).lit("12345 er din")}, ""},
		"a phone that is no unit's":  {[]*pieces{new(pieces).lit("Ring 1814"), new(pieces).lit("12345 er din")}, "digits  4-5 subject 5+4 "},
		"one part that is both ends": {[]*pieces{new(pieces).lit("3112 og 9950"), new(pieces).lit("Tid")}, ""},
	} {
		var r reminder.Rendered
		for i, p := range c.parts {
			r.Parts = append(r.Parts, p.rendered([]reminder.PartKind{reminder.PartSubject, reminder.PartText, reminder.PartHTML}[i]).Parts...)
		}
		got := ""
		if fs := s.Scan(r, known); len(fs) > 0 {
			f := fs[0]
			got = fmt.Sprintf("%s %s %s %s %d+%d %s", f.Kind, f.Name, f.Layout, f.Part, f.Offset, f.Length, f.Fact)
		}
		if got != c.want {
			t.Errorf("%s: want %q, got %q", name, c.want, got)
		}
	}
}

// TestNames: the number's own name and kind.
func TestNames(t *testing.T) {
	s := newScanner(t)
	for text, want := range map[string]string{
		"CPR 311299-5004":                    "cpr CPR-nummer",
		"31-12-1899-5004":                    "cpr CPR-nummer",
		"CPR 311299-5001":                    "cpr-nomod11 CPR-nummer without mod 11",
		"CPR 911299-5007":                    "cpr-repl erstatningspersonnummer",
		"0203291WQ3":                         "ecpr X-eCPR",
		"3101057JC9":                         "ecpr X-eCPR",
		"310105-6JC9":                        "ecpr C-eCPR",
		"3101050JC9":                         "ecpr C-eCPR",
		"310105 4JC9":                        "ecpr D-eCPR",
		"p-tal 311299-504":                   "fo p-tal",
		"000229-2399":                        "se personnummer",
		"20000229-2399":                      "se personnummer",
		"090527+1474":                        "se personnummer over 100 years",
		"730288-9931":                        "se samordningsnummer",
		"197010632391":                       "se samordningsnummer",
		"20000101R220":                       "se-interim interimspersonnummer",
		"000101-R220":                        "se-interim interimspersonnummer",
		"991981000010":                       "se-resv reservnummer Region Stockholm",
		"19810829M071":                       "se-resv reservnummer Västra Götaland",
		"19810829SU3A":                       "se-resv reservnummer Värmland",
		"19810829-AB12":                      "se-resv reservnummer Skåne",
		"198108320014":                       "se-resv reservnummer Carelink",
		"22810829BC34":                       "se-resv nationellt reservid",
		"15108695088":                        "no fødselsnummer",
		"02013299997":                        "no fødselsnummer",
		"30108299939":                        "no2032 fødselsnummer of the 2032 rule",
		"13527248013":                        "no H-nummer",
		"81234567802":                        "no FH-nummer",
		"16822548834":                        "no synthetic fødselsnummer",
		"41814061033":                        "no synthetic fødselsnummer",
		"fødselsnummer 15108695080":          "no fødselsnummer",
		"551086-95080":                       "no D-nummer",
		"DUF-nummer 200012345678":            "no DUF-nummer",
		"131052-308T":                        "fi henkilötunnus",
		"131052-308t":                        "fi henkilötunnus",
		"131052A308T":                        "fi henkilötunnus",
		"131052-308U":                        "fi-nocheck henkilötunnus",
		"Kt. 120160-3389":                    "is kennitala",
		"Kt. 311235-2150":                    "is-nocheck kennitala",
		"Kt. 892350-1739":                    "is-system kerfiskennitala",
		"Steuer-ID 86095742719":              "de Steuer-IdNr",
		"86 095 742 719":                     "de Steuer-IdNr",
		"A000500015":                         "de KVNR",
		"A 000 500 015":                      "de KVNR",
		"3 1 1 2 9 9 5 0 0 4":                "cpr CPR-nummer",
		"2\n0\n0\n0\n0\n1\n0\n1\nR\n2\n2\n0": "se-interim interimspersonnummer",
		"3l1299-5OO4":                        "cpr CPR-nummer",
		"311299-S004":                        "cpr CPR-nummer",
		"13lO52A308T":                        "fi henkilötunnus",
	} {
		got := s.ScanText(text, redact.Known{})
		if len(got) != 1 || got[0].Kind+" "+got[0].Name != want {
			t.Errorf("%s: want %s, got %+v", text, want, got)
		}
		if len(got) > 0 && (!got[0].NationalID() || got[0].Releasable() || !slices.Contains(redact.Names, got[0].Name) || !slices.Contains(redact.Kinds, got[0].Kind)) {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// TestNegativeList: the other people of a booking, in the clothes that names and numbers wear.
func TestNegativeList(t *testing.T) {
	s := newScanner(t)
	known := redact.Known{Phones: []string{"35453545"}, Units: []string{"Peter Bangs Vej 1"}, Recipient: []string{"Anna"}, Others: []reminder.Other{{
		Names: masked("Peter Hans Jensen", "Åse Bjørnsdóttir", "Mikko Virtanen", "Sigurður Markus"), Phones: masked("+4520123456", "070-174 06 07", "+358 40 123 4567"),
		Mails: masked("p.jensen@mail.example"),
	}}}
	for _, text := range []string{
		"Peter", "PETER", "peter", "Peters tid", "Peters'", "Peter's", "Peterin", "Peterille", "Peter-Jensen", "P. Jensen", "Jensen, Peter", "Jensens", "Petér", "ＰＥＴＥＲ", "𝐏𝐞𝐭𝐞𝐫",
		"Ρeter", "Реtеr", "P e t e r", "P-e-t-e-r", "Pe-ter", "Pe\u200bter", "&#80;eter", "%50eter", "P&shy;eter", "<b>P</b>eter", "UGV0ZXIgSmVuc2Vu", "=?utf-8?q?=50eter?=",
		"P.J.", "P. J. venter", "PJ venter", "P J venter", "P.J venter", "P-J venter", "P.H.J.", "PHJ", "P.H. Jensen",
		"Åse", "Aase", "ÅSE", "A\u030ase", "Ase", "Bjornsdottir", "Björnsdottir", "Bjørnsdóttur", "Mikon", "Mikolle", "Virtasen", "Virtaselle", "Sigurðar", "Sigurði", "Markuksen",
		"20 12 34 56", "20123456", "+45 20 12 34 56", "0045 2012 3456", "(+45) 20-12-34-56", "２０１２３４５６", "2O12345б 20123456", "+46 70 174 06 07", "0701740607", "040 123 4567", "+358401234567",
		"p.jensen@mail.example", "P.JENSEN@MAIL.EXAMPLE", "p.jensen＠mail.example", "p.jensen&#64;mail.example", "p.jensen%40mail.example",
	} {
		third := false
		for _, f := range s.Scan(new(pieces).lit("Ring til ").fact("note", text).rendered(reminder.PartText), known) {
			third = third || f.Kind == redact.KindThird || f.NationalID() // some phones begin with a date
		}
		if !third {
			t.Errorf("%q passes, or is held for something else", text)
		}
	}
	for _, text := range []string{"Peter Bangs Vej 1", "Petersen", "Petra", "JP", "Hanne", "Markedet", "Mikro", "35 45 35 45"} {
		if got := s.Scan(new(pieces).lit("Ring til ").fact("note", text).rendered(reminder.PartText), known); got != nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
