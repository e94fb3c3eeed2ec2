package redact

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// submit is the fields of a submit_sm that the tests vary.
type submit struct {
	id, status, sequence     uint32
	longer                   uint32 // than it is
	service, from, to        string
	class, protocol          byte
	schedule, validity       string
	receipt, replace, coding byte
	template                 byte
	data, options            string
}

func good(data string) submit {
	return submit{id: 4, from: "\x05\x00Sygehuset", to: "\x01\x014520123456", validity: "000001020000000R", receipt: 1, data: data, options: "\x02\x04\x00\x02\xbe\xef"}
}

func (s submit) bytes() string {
	var b strings.Builder
	b.WriteString(s.service + "\x00" + s.from + "\x00" + s.to + "\x00")
	b.Write([]byte{s.class, s.protocol, 0})
	b.WriteString(s.schedule + "\x00" + s.validity + "\x00")
	b.Write([]byte{s.receipt, s.replace, s.coding, s.template, byte(len(s.data))})
	b.WriteString(s.data + s.options)
	var head []byte
	for _, n := range []uint32{uint32(16+b.Len()) + s.longer, s.id, s.status, s.sequence} {
		head = binary.BigEndian.AppendUint32(head, n)
	}
	return string(head) + b.String()
}

func segment(total, number, text string) submit {
	s := good("\x05\x00\x03\x07" + total + number + text)
	s.class = 0x40
	return s
}

func TestSubmitIsTakenApart(t *testing.T) {
	scanner, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	scan := func(body string) []Finding {
		rendered := reminder.Rendered{Parts: []reminder.Part{
			{Kind: reminder.PartSender, Text: reminder.Mask("Sygehuset"), Spans: []reminder.Span{{Start: 0, End: 9}}},
		}}
		return scanner.ScanWire(reminder.Wire{Format: reminder.WireSMPP, Body: reminder.Mask(body)}, rendered, Known{To: "+4520123456"})
	}
	wide := good("\x00H\x00e\x00j\x01\x0d")
	wide.coding = 8
	for name, clean := range map[string]string{
		"one segment":     good("Hej p\x0f mandag").bytes(),
		"UCS-2":           wide.bytes(),
		"two segments":    segment("\x02", "\x01", "Hej ").bytes() + segment("\x02", "\x02", "med dig").bytes(),
		"no time to live": func() string { s := good("Hej"); s.validity, s.options = "", ""; return s.bytes() }(),
		"a wide reference": func() string {
			a, b := segment("", "", ""), segment("", "", "")
			a.data, b.data = "\x06\x08\x04\x01\x07\x02\x01Hej ", "\x06\x08\x04\x01\x07\x02\x02med dig"
			return a.bytes() + b.bytes()
		}(),
	} {
		if found := scan(clean); len(found) != 0 {
			t.Errorf("%s: %+v", name, found)
		}
	}

	vary := func(f func(*submit)) string {
		s := good("Hej")
		f(&s)
		return s.bytes()
	}
	for name, body := range map[string]string{
		"nothing":                            "",
		"half a header":                      "\x00\x00\x00",
		"another command":                    vary(func(s *submit) { s.id = 5 }),
		"a status":                           vary(func(s *submit) { s.status = 1 }),
		"a sequence number":                  vary(func(s *submit) { s.sequence = 1012902345 }),
		"longer than it is":                  vary(func(s *submit) { s.longer = 1 }),
		"shorter than its header":            vary(func(s *submit) { s.longer = ^uint32(80) }),
		"a schedule":                         vary(func(s *submit) { s.schedule = "261122120000000R" }),
		"a validity that is no time to live": vary(func(s *submit) { s.validity = "010190123400000+" }),
		"a validity of a year":               vary(func(s *submit) { s.validity = "010000000000000R" }),
		"a message type":                     vary(func(s *submit) { s.class = 4 }),
		"a protocol":                         vary(func(s *submit) { s.protocol = 1 }),
		"replacing":                          vary(func(s *submit) { s.replace = 1 }),
		"receipts of another kind":           vary(func(s *submit) { s.receipt = 0x10 }),
		"another coding":                     vary(func(s *submit) { s.coding = 4 }),
		"a text of the SMSC's":               vary(func(s *submit) { s.template = 1 }),
		"no text":                            vary(func(s *submit) { s.data = "" }),
		"an octet that is no septet":         vary(func(s *submit) { s.data = "Hej\xe5" }),
		"an escape to nowhere":               vary(func(s *submit) { s.data = "Hej\x1b1" }),
		"an escape at the end":               vary(func(s *submit) { s.data = "Hej\x1b" }),
		"an odd octet":                       vary(func(s *submit) { s.coding, s.data = 8, "\x00H\x00" }),
		"half a surrogate pair":              vary(func(s *submit) { s.coding, s.data = 8, "\xd8\x3d\x00H" }),
		"another option":                     vary(func(s *submit) { s.options = "\x04\x24\x00\x03Hej" }),
		"two options":                        vary(func(s *submit) { s.options += s.options }),
		"half an option":                     vary(func(s *submit) { s.options = "\x02\x04\x00" }),
		"another recipient":                  vary(func(s *submit) { s.to = "\x01\x014520123457" }),
		"a number in the service":            vary(func(s *submit) { s.service = "0101901234" }),
		"a number in the text":               vary(func(s *submit) { s.data = "Hej 010190-1234" }),
		"a number as sender":                 vary(func(s *submit) { s.from = "\x01\x014533333333" }),
		"a header that is not announced":     vary(func(s *submit) { s.data = "\x05\x00\x03\x07\x02\x01Hej 010190" }),
		"a header that is not there":         vary(func(s *submit) { s.class, s.data = 0x40, "Hej" }),
		"more than concatenation in it":      vary(func(s *submit) { s.class, s.data = 0x40, "\x08\x24\x01\x01\x00\x03\x07\x02\x01Hej" }),
		"one segment of two":                 segment("\x02", "\x01", "Hej").bytes(),
		"the second first":                   segment("\x02", "\x02", "Hej").bytes() + segment("\x02", "\x01", "Hej").bytes(),
		"one twice":                          segment("\x02", "\x01", "Hej").bytes() + segment("\x02", "\x01", "Hej").bytes(),
		"of different totals":                segment("\x02", "\x01", "Hej").bytes() + segment("\x03", "\x02", "Hej").bytes(),
		"two messages":                       good("Hej").bytes() + good("Hej").bytes(),
		"to two people": segment("\x02", "\x01", "Hej").bytes() + func() string {
			s := segment("\x02", "\x02", "Hej")
			s.to = "\x01\x014520123457"
			return s.bytes()
		}(),
		"a number over the border of two segments": segment("\x02", "\x01", "Hej 010190").bytes() + segment("\x02", "\x02", "-1234 hej").bytes(),
		"octets behind": good("Hej").bytes() + "010190-1234",
	} {
		if found := scan(body); len(found) == 0 {
			t.Errorf("%s: passes", name)
		}
	}
}

func FuzzSubmit(f *testing.F) {
	f.Add(good("Hej").bytes())
	f.Add(segment("\x02", "\x01", "Hej ").bytes() + segment("\x02", "\x02", "med dig").bytes())
	f.Fuzz(func(t *testing.T, body string) {
		pieces := splitSMPP(body)
		if len(pieces) == 0 || len(pieces) > 4 {
			t.Fatalf("%d pieces", len(pieces))
		}
	})
}
