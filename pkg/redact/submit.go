package redact

import (
	"encoding/binary"
	"regexp"
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
)

// splitSMPP takes a row of submit_sm apart (SMPP 3.4 §4.4.1): the sender, the recipient, and the text that a phone makes of the segments'
// octets. It reads less than an SMSC would: each PDU is a segment of one message, in order, from the same to the same, of a known
// coding, and every other field is empty, a number that says nothing, or a time to live. What is not so makes a closed piece.
func splitSMPP(body string) []piece {
	closed := []piece{{part: reminder.PartText, sort: pieceClosed}}
	var from, to string
	var text strings.Builder
	var whole, first submitted
	for number := 1; body != "" || number == 1; number++ {
		p, rest, ok := readSubmit(body)
		if !ok {
			return closed
		}
		if number == 1 {
			first, from, to = p, p.from, p.to
		}
		whole = p
		if p.from != from || p.to != to || p.coding != first.coding || p.service != first.service || p.concat.Total != first.concat.Total ||
			p.concat.Reference != first.concat.Reference || p.concat.Total > 0 && p.concat.Number != number || p.concat.Total == 0 && number > 1 {
			return closed
		}
		text.WriteString(p.text)
		body = rest
	}
	if whole.concat.Number != whole.concat.Total || text.Len() == 0 {
		return closed
	}
	return []piece{
		{part: reminder.PartSender, sort: pieceSender, text: from},
		{part: reminder.PartHeader, sort: pieceField, name: "to", text: "to: " + to, begins: len("to: ")},
		{part: reminder.PartHeader, sort: pieceField, name: "service_type", text: "service_type: " + first.service, begins: len("service_type: ")},
		{part: reminder.PartText, sort: pieceText, text: text.String()},
	}
}

// submitted is what one submit_sm carries.
type submitted struct {
	from, to, service string
	coding            byte
	concat            sms.Concatenation // zero of a message of one segment
	text              string
}

const (
	submitID          = 4
	submitHeader      = 16
	tonInternational  = 1
	classHeader       = 0x40 // the user data begins with a header
	codingDefault     = 0
	codingUCS2        = 8
	concatenationLen8 = 6 // octets of a header that holds the concatenation alone, with a reference of 8 bits
)

// timeToLive is a relative validity_period of less than 28 days.
var timeToLive = regexp.MustCompile(`^(0000[0-2][0-9]([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]000R)?$`)

// readSubmit reads the first submit_sm.
func readSubmit(body string) (p submitted, rest string, ok bool) {
	if len(body) < submitHeader {
		return p, "", false
	}
	head := []byte(body[:submitHeader])
	n := binary.BigEndian.Uint32(head)
	if uint64(n) > uint64(len(body)) || n < submitHeader || binary.BigEndian.Uint32(head[4:]) != submitID || binary.BigEndian.Uint64(head[8:]) != 0 {
		return p, "", false
	}
	f := octets{rest: body[submitHeader:n]}
	rest = body[n:]
	p.service = f.text()
	p.from, p.to = f.address(), f.address()
	class := f.octet()
	protocol, priority := f.octet(), f.octet()
	schedule, validity := f.text(), f.text()
	receipt, replace := f.octet(), f.octet()
	p.coding = f.octet()
	template, data := f.octet(), f.take(int(f.octet()))
	if len(f.rest) > 0 { // the one field there may be beside, of two octets
		tag, size := f.take(2), f.take(2)
		reference := f.take(2)
		if tag != "\x02\x04" || size != "\x00\x02" || len(reference) != 2 {
			return p, "", false
		}
	}
	if f.bad || len(f.rest) > 0 || class&^classHeader != 0 || protocol != 0 || priority != 0 || schedule != "" || !timeToLive.MatchString(validity) ||
		receipt > 1 || replace != 0 || template != 0 || p.coding != codingDefault && p.coding != codingUCS2 {
		return p, "", false
	}
	user := []byte(data)
	if class == classHeader {
		if p.concat, user, ok = sms.ReadHeader(user); !ok || p.concat.Total < 2 {
			return p, "", false
		}
		if h := len(data) - len(user); h != concatenationLen8 && h != concatenationLen8+1 {
			return p, "", false
		}
	}
	enc := sms.GSM7
	if p.coding == codingUCS2 {
		enc = sms.UCS2
	}
	p.text = enc.Decode(user)
	// What reads otherwise than it was written is not shown alike by every phone.
	if _, again := sms.Encode(p.text); enc == sms.GSM7 && string(again) != string(user) || strings.ContainsRune(p.text, '\ufffd') {
		return p, "", false
	}
	return p, rest, true
}

// octets reads fields one after another; bad once there were too few octets.
type octets struct {
	rest string
	bad  bool
}

func (o *octets) take(n int) string {
	if n > len(o.rest) {
		o.bad, o.rest = true, ""
		return ""
	}
	s := o.rest[:n]
	o.rest = o.rest[n:]
	return s
}

func (o *octets) octet() byte {
	if s := o.take(1); s != "" {
		return s[0]
	}
	return 0
}

func (o *octets) text() string {
	i := strings.IndexByte(o.rest, 0)
	if i < 0 {
		o.bad = true
		return ""
	}
	return o.take(i + 1)[:i]
}

// address reads one, with '+' where it says that it is international.
func (o *octets) address() string {
	ton, _ := o.octet(), o.octet()
	if s := o.text(); ton == tonInternational {
		return "+" + s
	} else {
		return s
	}
}
