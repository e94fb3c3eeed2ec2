package smpp

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"github.com/husk-reminders/husk/pkg/sms"
)

// delivery is a deliver_sm, SMPP 3.4 §4.6.1.
type delivery struct {
	fromTON, toTON byte
	from, to       string
	class          byte // esm_class
	coding         byte // data_coding
	message        []byte
	options        map[pdu.Tag][]byte
}

// errDelivery is a deliver_sm that can't be read.
var errDelivery = errors.New("smpp: a deliver_sm can't be read")

// readDelivery reads the body of a deliver_sm.
func readDelivery(body []byte) (d delivery, err error) {
	r := cursor{rest: body}
	r.text() // service_type
	d.fromTON, _, d.from = r.octet(), r.octet(), r.text()
	d.toTON, _, d.to = r.octet(), r.octet(), r.text()
	d.class, _, _ = r.octet(), r.octet(), r.octet() // and protocol_id, priority_flag
	_, _ = r.text(), r.text()                       // schedule_delivery_time, validity_period
	_, _ = r.octet(), r.octet()                     // registered_delivery, replace_if_present_flag
	d.coding, _ = r.octet(), r.octet()              // and sm_default_msg_id
	d.message = r.take(int(r.octet()))
	d.options = map[pdu.Tag][]byte{}
	for !r.bad && len(r.rest) > 0 {
		tag := pdu.Tag(r.short())
		value := r.take(int(r.short()))
		if _, twice := d.options[tag]; !twice {
			d.options[tag] = value
		}
	}
	if r.bad {
		return d, errDelivery
	}
	if len(d.message) == 0 {
		d.message = d.options[pdu.TagMessagePayload]
	}
	return d, nil
}

// cursor reads octets one after another; bad once there were too few.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) take(n int) []byte {
	if n > len(c.rest) {
		c.bad, c.rest = true, nil
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) octet() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) short() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) text() string {
	s, rest, ok := cutString(c.rest)
	if c.rest = rest; !ok {
		c.bad = true
	}
	return s
}

// The message type in esm_class, SMPP 3.4 §5.2.12.
const (
	classType         = 0x3c
	classReceipt      = data.SM_SMSC_DLV_RCPT_TYPE
	classIntermediate = data.SM_INTMD_DLV_NOTIFY_TYPE
)

// isReceipt reports whether the SMSC says so: by esm_class, or by a field that it alone can set. A person's text that looks like a receipt
// is none.
func (d delivery) isReceipt() bool {
	if t := d.class & classType; t == classReceipt || t == classIntermediate {
		return true
	}
	_, named := d.options[pdu.TagReceiptedMessageID]
	return named
}

// peer is the sender of a reply as an address: with '+' where the SMSC says that the number is international.
func (d delivery) peer() string {
	if d.fromTON == data.GSM_TON_INTERNATIONAL && !strings.HasPrefix(d.from, "+") {
		return "+" + d.from
	}
	return d.from
}

// segment takes the user data header off, and says which segment of how many this is; the zero Concatenation of a whole message.
func (d delivery) segment() (sms.Concatenation, []byte) {
	c, text := sms.Concatenation{}, d.message
	if d.class&data.SM_UDH_GSM != 0 {
		c, text, _ = sms.ReadHeader(d.message)
	}
	ref, total, number := d.options[pdu.TagSarMsgRefNum], d.options[pdu.TagSarTotalSegments], d.options[pdu.TagSarSegmentSeqnum]
	if c.Total == 0 && len(ref) == 2 && len(total) == 1 && len(number) == 1 && number[0] >= 1 && number[0] <= total[0] {
		c = sms.Concatenation{Reference: binary.BigEndian.Uint16(ref), Total: int(total[0]), Number: int(number[0])}
	}
	if c.Total == 1 {
		c = sms.Concatenation{}
	}
	return c, text
}

// read decodes a text by its data_coding, SMPP 3.4 §5.2.19 and, of the values that are the GSM's own, 3GPP TS 23.038 §4. What is no
// text, and a coding that is not known here, reads as nothing: that somebody wrote is still told.
func read(coding byte, text []byte) string {
	switch alphabet := coding >> 2 & 3; {
	case coding == 0, coding >= 0x10 && coding < 0x40 && alphabet == 0, coding >= 0xf0 && coding&4 == 0:
		return sms.GSM7.Decode(text)
	case coding == 1: // IA5
		return strings.Map(func(r rune) rune {
			if r > 0x7f {
				return utf8.RuneError
			}
			return r
		}, string(text))
	case coding == 3: // ISO 8859-1
		runes := make([]rune, len(text))
		for i, b := range text {
			runes[i] = rune(b)
		}
		return string(runes)
	case coding == 8, coding >= 0x10 && coding < 0x40 && alphabet == 2:
		return sms.UCS2.Decode(text)
	}
	return ""
}
