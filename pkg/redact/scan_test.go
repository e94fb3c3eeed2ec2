package redact_test

import (
	"encoding/json"
	"errors"
	"fmt"
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

// TestLinearTime: sixteen times the text may take some 16 times as long, not 256.
func TestLinearTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	s := newScanner(t)
	_, known := message(t)
	for _, unit := range []string{"3112995004", "12 34 ", "1 ", "<b>1</b>", "&#51;", "MzExMjk5LTUwMDQ/", "<!--", "a@", "a://", "tre en ", "l1", "=?q?q?", "%25", "Din søn Peter ", "Blegdamsvej 9, 2100 København Ø "} {
		run := func(size int) time.Duration {
			text := strings.Repeat(unit, size/len(unit))
			best := time.Hour
			for range 3 {
				from := time.Now()
				s.ScanText(text, known)
				best = min(best, time.Since(from))
			}
			return best
		}
		small, big := run(4<<10), run(64<<10)
		if big > 80*small && big > 50*time.Millisecond {
			t.Errorf("%q: 4 KiB %v, 64 KiB %v", unit, small, big)
		}
	}
}
