package redact_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// cleanMail is a mail of every part that a carrier may write.
const cleanMail = `Date: Tue, 10 Mar 2026 09:00:07 +0100
MIME-Version: 1.0
Message-ID: <k7Gq2xT9pLm4@rh.example>
Subject: =?UTF-8?q?P=C3=A5mindelse_om_din_tid?=
From: "Ortopædkirurgisk Ambulatorium" <ort@rh.example>
To: <mads.1987654321@mail.example>
Reply-To: <ort@rh.example>
Reference: k7Gq2xT9pLm4
Template: da/reminder.email@3f2a91c0
List-Unsubscribe: <https://rh.example/husk/stop>,
 <mailto:ort@rh.example>
Auto-Submitted: auto-generated
Content-Type: multipart/mixed;
	boundary="husk-k7Gq2xT9pLm4-1"

Preamble
--husk-k7Gq2xT9pLm4-1
Content-Type: multipart/alternative; boundary=husk-k7Gq2xT9pLm4-2

--husk-k7Gq2xT9pLm4-2
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: quoted-printable

K=C3=A6re Anna. Husk din tid torsdag 12.03.2026 kl. 14.30. Ring ellers 35 45=
 35 45.
TEXT
--husk-k7Gq2xT9pLm4-2
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<!DOCTYPE html>
<html lang="da"><head><style>p { margin: 0; STYLE }</style></head><body>
<p title="ATTRIBUTE">Kære Anna. Husk din tid torsdag <b>12.03.2026</b> kl. 14.30. HTML</p>
<!-- COMMENT -->
<a href="https://rh.example/husk/LINK">Aflys</a>
</body></html>
--husk-k7Gq2xT9pLm4-2--
--husk-k7Gq2xT9pLm4-1
Content-Type: text/calendar; charset=utf-8; method=PUBLISH
Content-Disposition: attachment; filename="aftale.ics"
Content-Transfer-Encoding: BASE64

CALENDAR
--husk-k7Gq2xT9pLm4-1--
Epilogue
`

const cleanCalendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Husk//DA\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Copenhagen\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\n" +
	"TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:k7Gq2xT9pLm4@rh.example\r\nDTSTAMP:20260310T080007Z\r\n" +
	"DTSTART;TZID=Europe/Copenhagen:20260312T143000\r\nDTEND;TZID=Europe/Copenhagen:20260312T151500\r\nSUMMARY:Aftale\\, husk\r\n" +
	" den FOLDED\r\nLOCATION;X-NOTE=\"PARAMETER\":Blegdamsvej 9\\, 2100 København Ø\r\nBEGIN:VALARM\r\nTRIGGER:-PT1440M\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func wireKnown() redact.Known {
	return redact.Known{Appt: []time.Time{time.Date(2026, 3, 12, 14, 30, 0, 0, time.FixedZone("x", 3600))}, Phones: []string{"35 45 35 45"},
		Mails: []string{"ort@rh.example"}, Links: []string{"https://rh.example/husk"}, Refs: []string{"k7Gq2xT9pLm4", "da/reminder.email@3f2a91c0"},
		Units: []string{"Blegdamsvej 9, 2100 København Ø"}, Recipient: []string{"Anna"}, To: "mads.1987654321@mail.example",
		Others: []reminder.Other{{Names: masked("Mads Holm"), Phones: masked("+4520123456")}}}
}

// mailOf writes the clean mail with other words in some of its places, its lines ended by CRLF.
func mailOf(change ...string) reminder.Wire {
	calendar := cleanCalendar
	body := cleanMail
	for i := 0; i+1 < len(change); i += 2 {
		if change[i] == "" {
			body = change[i+1]
			continue
		}
		calendar = strings.ReplaceAll(calendar, change[i], change[i+1])
		body = strings.ReplaceAll(body, change[i], change[i+1])
	}
	body = strings.ReplaceAll(body, "CALENDAR\n", lines76(base64.StdEncoding.EncodeToString([]byte(calendar))))
	return reminder.Wire{Format: reminder.WireMail, Body: reminder.Mask(strings.ReplaceAll(body, "\n", "\r\n"))}
}

func lines76(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return b.String() + s + "\n"
}

func TestCleanWirePasses(t *testing.T) {
	s := newScanner(t, "date", "time")
	if got := s.ScanWire(mailOf(), reminder.Rendered{}, wireKnown()); got != nil {
		t.Errorf("a mail: %+v", got)
	}
	outbox := "Reference: k7Gq2xT9pLm4\nChannel: sms\nPurpose: reminder\nTo: +4520123456\nFrom: Rigshosp\nUnit: rh-ortho\nLanguage: da\nTemplate: da/reminder.sms@3f2a91c0\nSegments: 1\n\n" +
		"Husk din tid torsdag 12.03.2026 kl. 14.30. Ring 35 45 35 45"
	known := wireKnown()
	known.To, known.Refs[1] = "+4520123456", "da/reminder.sms@3f2a91c0"
	if got := s.ScanWire(reminder.Wire{Format: reminder.WireMail, Body: reminder.Mask(outbox)}, reminder.Rendered{}, known); got != nil {
		t.Errorf("a file of an SMS: %+v", got)
	}
	if got := s.ScanWire(reminder.Wire{Format: reminder.WireText, Body: reminder.Mask("Husk din tid 12.03.2026")}, reminder.Rendered{}, known); got != nil {
		t.Errorf("a text: %+v", got)
	}
}

// TestPlantedLeaks plants a number in each part of a mail. It is held, the mail with other words in the same place passes,
// and with the part's scan taken out the number passes: no other scan covers for it.
func TestPlantedLeaks(t *testing.T) {
	s := newScanner(t)
	for name, c := range map[string]struct {
		sort        string
		place       string
		leak, clean string
	}{
		"header":                     {"header", "Auto-Submitted: auto-generated", "X-Note: 311299-5004", "X-Note: none"},
		"header name":                {"header", "Auto-Submitted: auto-generated", "X-311299-5004: none", "X-31: none"},
		"folded header":              {"header", "Auto-Submitted: auto-generated", "X-Note: 3112\n 99-5004", "X-Note: 3112\n none"},
		"other recipient":            {"header", "To: <mads.1987654321@mail.example>", "To: <3112995004@mail.example>", "To: mads.1987654321@mail.example"},
		"name beside the recipient":  {"header", "To: <mads", "To: \"311299-5004\" <mads", "To: <mads"},
		"date with a comment":        {"header", "09:00:07 +0100", "09:00:07 +0100 (311299-5004)", "09:00:08 +0100"},
		"Message-ID":                 {"header", "<k7Gq2xT9pLm4@rh", "<k7Gq2xT9pLm4.3112995004@rh", "<k7Gq2xT9pLm4@rh"},
		"nested header":              {"header", "Content-Transfer-Encoding: 8bit", "Content-Transfer-Encoding: 8bit\nContent-Description: 311299-5004", "Content-Transfer-Encoding: 8bit\nContent-Description: html"},
		"parameter":                  {"header", "method=PUBLISH", "method=\"3112\\9950\\04\"", "method=REQUEST"},
		"link in a header":           {"header", "husk/stop", "husk/stop/3112995004", "husk/stop/now"},
		"subject":                    {"subject", "din_tid?=", "din_tid_311299=2D5004?=", "din_tid_igen?="},
		"subject in two words":       {"subject", "din_tid?=", "din_tid_3112?=\n =?utf-8?b?OTktNTAwNA==?=", "din_tid?=\n =?utf-8?b?aWdlbg==?="},
		"sender's display name":      {"sender", "Ortopædkirurgisk Ambulatorium\" <", "Ort 311299-5004\" <", "Ort\" <"},
		"sender, encoded":            {"sender", "\"Ortopædkirurgisk Ambulatorium\"", "=?iso-8859-1?Q?=E5_311299-5004?=", "=?iso-8859-1?Q?=E5?="},
		"text":                       {"text", "TEXT", "311299-5004", "Velkommen"},
		"quoted-printable soft line": {"text", "TEXT", "31129=\n9-50=\n04", "Vel=\nkommen"},
		"quoted-printable digits":    {"text", "TEXT", "=33=31=31=32=39=39=35=30=30=34", "=33=31"},
		"encoded word in a text":     {"text", "TEXT", "=3D?utf-8?B?VGlkIDMxMTI5OS01MDA0?=3D", "=3D?"},
		"link":                       {"text", "TEXT", "https://rh.example/husk/3112995004", "https://rh.example/husk/igen"},
		"HTML text":                  {"html", "HTML", "31<i>12</i>99&#45;5004", "<i>Vel</i>kommen &#45;"},
		"HTML attribute":             {"html", "ATTRIBUTE", "311299-5004", "tid"},
		"HTML comment":               {"html", "COMMENT", "311299-5004", "tid"},
		"HTML style":                 {"html", "STYLE", "content: \"311299-5004\"", "content: \"tid\""},
		"HTML style, escaped":        {"html", "STYLE", "content: \"\\33\\31\\31\\32\\39\\39 -5004\"", "content: \"\\33\""},
		"HTML link":                  {"html", "husk/LINK", "husk/%33112995004", "husk/%41"},
		"HTML entities twice":        {"html", "HTML", "&amp;#51;112995004", "&amp;lt;"},
		"calendar line":              {"calendar", "FOLDED", "311299-5004", "Anna"},
		"folded calendar line":       {"calendar", "FOLDED", "3112\r\n 99-5\r\n\t004", "An\r\n na"},
		"escaped calendar line":      {"calendar", "FOLDED", "311299\\n5004", "31\\n12"},
		"calendar parameter":         {"calendar", "PARAMETER", "311299-5004", "tid"},
		"calendar time":              {"calendar", "20260310T080007Z", "3112995004", "20260310T080008Z"},
		"calendar time of the past":  {"calendar", "20260310T080007Z", "19991231T080007Z", "20260310T080008Z"},
		"base64 body":                {"calendar", "VERSION:2.0", "VERSION:311299-5004", "VERSION:2.1"},
		"file name":                  {"filename", "aftale.ics", "311299-5004.ics", "tid.ics"},
		"file name, RFC 5987":        {"filename", "filename=\"aftale.ics\"", "filename*=utf-8'da'%33112995004.ics", "filename*=utf-8'da'%33.ics"},
		"file name, RFC 2231":        {"filename", "filename=\"aftale.ics\"", "filename*0*=iso-8859-1''%E5-3112; filename*1=99-; filename*2*=%35004.ics", "filename*0*=iso-8859-1''%E5; filename*1=.ics"},
		"file name, encoded word":    {"filename", "aftale.ics", "=?utf-8?B?MzExMjk5LTUwMDQuaWNz?=", "=?utf-8?B?dGlkLmljcw==?="},
		"second file name":           {"filename", "aftale.ics\"", "aftale.ics\"; filename*=UTF-8''311299-5004.ics", "aftale.ics\"; filename*=UTF-8''tid.ics"},
		"name of a content type":     {"filename", "method=PUBLISH", "name=311299-5004.ics", "name=tid.ics"},
		"boundary":                   {"boundary", "pLm4-1", "pLm4-1-311299-5004", "pLm4-9"},
		"preamble":                   {"around", "Preamble", "311299-5004", ""},
		"epilogue":                   {"around", "Epilogue", "311299-5004", ""},
	} {
		if got := s.ScanWire(mailOf(c.place, c.leak), reminder.Rendered{}, wireKnown()); len(got) == 0 {
			t.Errorf("%s: not held", name)
		} else if got[0].Kind == redact.KindEncoded {
			t.Errorf("%s: could not be read: %+v", name, got)
		}
		if got := s.ScanWire(mailOf(c.place, c.clean), reminder.Rendered{}, wireKnown()); len(got) != 0 {
			t.Errorf("%s: the clean twin is held: %+v", name, got)
		}
		if got := s.ScanWireWithout(c.sort, mailOf(c.place, c.leak), reminder.Rendered{}, wireKnown()); len(got) != 0 {
			t.Errorf("%s: still held without %s: %+v", name, c.sort, got)
		}
	}
}

// TestSplitOverPartsOfAWire: the end of one part and the beginning of another.
func TestSplitOverPartsOfAWire(t *testing.T) {
	s := newScanner(t)
	for name, change := range map[string][]string{
		"subject and text":       {"=?UTF-8?q?P=C3=A5mindelse_om_din_tid?=", "Tid 3112", "K=C3=A6re Anna", "99-5004"},
		"text and subject":       {"TEXT", "31129", "=?UTF-8?q?P=C3=A5mindelse_om_din_tid?=", "9 Tid"},
		"header and file name":   {"auto-generated", "no 3112", "aftale.ics", "99-5004.ics"},
		"sender name and header": {"\"Ortopædkirurgisk Ambulatorium\" <ort@rh.example>", "Tid 311", "auto-generated", "299"},
	} {
		if got := s.ScanWire(mailOf(change...), reminder.Rendered{}, wireKnown()); len(got) == 0 || got[0].Kind == redact.KindEncoded {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestWhatCannotBeReadIsHeld: each of these is a finding of KindEncoded.
func TestWhatCannotBeReadIsHeld(t *testing.T) {
	s := newScanner(t)
	for name, w := range map[string]reminder.Wire{
		"unknown format":             {Format: "fax", Body: reminder.Mask("tid")},
		"no header":                  {Format: reminder.WireMail, Body: reminder.Mask("Husk din tid torsdag")},
		"body without a blank line":  {Format: reminder.WireMail, Body: reminder.Mask("To: x\nHusk din tid torsdag\n")},
		"header that begins folded":  {Format: reminder.WireMail, Body: reminder.Mask(" To: x\n\ntid")},
		"space in a header's name":   {Format: reminder.WireMail, Body: reminder.Mask("To : x\n\ntid")},
		"carriage return in a line":  {Format: reminder.WireMail, Body: reminder.Mask("To: x\rSubject: y\n\ntid")},
		"charset of a body":          mailOf("charset=UTF-8", "charset=utf-7"),
		"charset of an encoded word": mailOf("?UTF-8?q?", "?koi8-r?q?"),
		"broken encoded word":        mailOf("?UTF-8?q?", "?UTF-8?q"),
		"transfer encoding":          mailOf("quoted-printable", "x-uuencode"),
		"encoding of a multipart":    mailOf("boundary=husk-k7Gq2xT9pLm4-2\n", "boundary=husk-k7Gq2xT9pLm4-2\nContent-Transfer-Encoding: base64\n"),
		"bad base64":                 mailOf("CALENDAR", "BEGIN:!\n"),
		"bad quoted-printable":       mailOf("K=C3=A6re", "K=ZZre"),
		"image":                      mailOf("text/html", "image/png"),
		"attached message":           mailOf("text/html; charset=utf-8", "message/rfc822"),
		"other multipart":            mailOf("multipart/alternative", "multipart/x-hidden"),
		"missing end":                mailOf("--husk-k7Gq2xT9pLm4-1--\n", ""),
		"missing end inside":         mailOf("--husk-k7Gq2xT9pLm4-2--\n", ""),
		"no boundary":                mailOf("; boundary=husk-k7Gq2xT9pLm4-2", ""),
		"line like a delimiter":      mailOf("TEXT", "--husk-k7Gq2xT9pLm4-2x"),
		"two content types":          mailOf("Content-Transfer-Encoding: 8bit", "Content-Transfer-Encoding: 8bit\nContent-Type: text/plain"),
		"two transfer encodings":     mailOf("Content-Transfer-Encoding: 8bit", "Content-Transfer-Encoding: 8bit\nContent-Transfer-Encoding: base64"),
		"comment in a content type":  mailOf("method=PUBLISH", "method=PUBLISH (x)"),
		"gap in a file name":         mailOf("filename=\"aftale.ics\"", "filename*0=a; filename*2=b"),
		"charset of a file name":     mailOf("filename=\"aftale.ics\"", "filename*=utf-16''a"),
		"two file names":             mailOf("filename=\"aftale.ics\"", "filename=a; filename=b"),
		"nested too deep":            {Format: reminder.WireMail, Body: reminder.Mask(nested(4))},
		"too many headers":           {Format: reminder.WireMail, Body: reminder.Mask(strings.Repeat("X-A: b\n", 300) + "\ntid")},
		"too many parts":             {Format: reminder.WireMail, Body: reminder.Mask("Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\ntid\n", 300) + "--b--\n")},
	} {
		closed := false
		for _, f := range s.ScanWire(w, reminder.Rendered{}, wireKnown()) {
			closed = closed || f.Kind == redact.KindEncoded && !f.Releasable()
		}
		if !closed {
			t.Errorf("%s: passes", name)
		}
	}
	if got := s.ScanWire(reminder.Wire{Format: reminder.WireMail, Body: reminder.Mask(nested(3))}, reminder.Rendered{}, redact.Known{}); got != nil {
		t.Errorf("three multiparts in each other: %+v", got)
	}
}

func nested(depth int) string {
	if depth == 0 {
		return "\ntid\n"
	}
	b := string(rune('a' + depth))
	return "Content-Type: multipart/mixed; boundary=" + b + "\n\n--" + b + "\n" + nested(depth-1) + "--" + b + "--\n"
}

// TestWireKeepsProvenance: a decoded part that equals a rendered one is read with what is known of its bytes.
func TestWireKeepsProvenance(t *testing.T) {
	s := newScanner(t, "was_date")
	r := new(pieces).lit("Din søn ").lit("Emil").lit(" er velkommen.\nFlyttet fra ").fact("was_date", "01.02.2026").lit(".\n").rendered(reminder.PartText)
	text := r.Parts[0].Text.Reveal()
	known := redact.Known{Recipient: []string{"Anna"}}
	for name, w := range map[string]reminder.Wire{
		"text":             {Format: reminder.WireText, Body: reminder.Mask(text)},
		"mail":             {Format: reminder.WireMail, Body: reminder.Mask("Channel: email\n\n" + strings.ReplaceAll(text, "\n", "\r\n") + "\r\n")},
		"quoted-printable": {Format: reminder.WireMail, Body: reminder.Mask("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" + strings.NewReplacer("ø", "=C3=\n=B8").Replace(text))},
	} {
		if got := s.ScanWire(w, r, known); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
		w.Body = reminder.Mask(strings.Replace(w.Body.Reveal(), "Emil", "Emilia", 1))
		if got := s.ScanWire(w, r, known); len(got) != 2 {
			t.Errorf("%s, changed on the way: %+v", name, got)
		}
	}
}
