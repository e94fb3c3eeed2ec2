package smpp

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
)

// The reasons why this carrier refuses a message itself.
var (
	ErrSender    = errors.New("smpp: sender: want a number with '+', a short code of 3 to 8 digits, or a name of 1 to 11 letters, digits and spaces in ASCII")
	ErrRecipient = errors.New("smpp: recipient: want a number with '+' and 7 to 15 digits")
	ErrTooLong   = errors.New("smpp: text: it has more segments than the setting segments allows")
)

var (
	number    = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	shortCode = regexp.MustCompile(`^[0-9]{3,8}$`)
	// alphanumeric has at least one letter, or it would be a number (3GPP TS 23.040 §9.1.2.5).
	alphanumeric = regexp.MustCompile(`^[A-Za-z0-9 &.+_-]{0,10}[A-Za-z][A-Za-z0-9 &.+_-]{0,10}$`)
)

// header is the octets of a PDU's header.
const header = data.PDU_HEADER_SIZE

func reject(code string, err error) error {
	return &provider.Error{Outcome: provider.Reject, Code: code, Err: err}
}

// source is the sender as SMPP has it.
func (s *Sender) source(sender string) (a pdu.Address, err error) {
	switch {
	case number.MatchString(sender):
		return pdu.NewAddressWithTonNpiAddr(data.GSM_TON_INTERNATIONAL, data.GSM_NPI_E164, sender[1:])
	case shortCode.MatchString(sender):
		return pdu.NewAddressWithTonNpiAddr(s.config.ShortCodeTON, s.config.ShortCodeNPI, sender)
	case alphanumeric.MatchString(sender) && len(sender) <= 11:
		return pdu.NewAddressWithTonNpiAddr(data.GSM_TON_ALPHANUMERIC, data.GSM_NPI_UNKNOWN, sender)
	}
	return a, ErrSender
}

// followed reports whether anybody follows what becomes of a message of a purpose. An answer and a trial have no attempt that a receipt could
// be of.
func followed(p reminder.Purpose) bool { return p != reminder.Reply && p != reminder.Trial }

// Encode writes a submit_sm for each segment, one after another. Their sequence numbers are 0: they belong to the session, and Send puts
// them in.
func (s *Sender) Encode(m reminder.Message) (reminder.Wire, error) {
	if err := provider.Inspect(m, reminder.SMS); err != nil {
		return reminder.Wire{}, err
	}
	from, err := s.source(m.Sender)
	if err != nil {
		return reminder.Wire{}, reject("bad_sender", err)
	}
	if !number.MatchString(m.To.Reveal()) {
		return reminder.Wire{}, reject("bad_recipient", ErrRecipient)
	}
	to, err := pdu.NewAddressWithTonNpiAddr(data.GSM_TON_INTERNATIONAL, data.GSM_NPI_E164, m.To.Reveal()[1:])
	if err != nil {
		return reminder.Wire{}, reject("bad_recipient", ErrRecipient)
	}
	encoding, segments, err := s.segments(m.Text.Reveal())
	if err != nil || len(segments) > s.config.Segments {
		return reminder.Wire{}, reject("too_long", ErrTooLong)
	}
	b := pdu.NewBuffer(nil)
	for _, segment := range segments {
		p := pdu.NewSubmitSM().(*pdu.SubmitSM)
		p.SetSequenceNumber(0)
		p.ServiceType, p.SourceAddr, p.DestAddr = s.config.ServiceType, from, to
		if followed(m.Purpose) {
			p.RegisteredDelivery = 1
		}
		if s.validity {
			p.ValidityPeriod = validity(m.NotAfter, s.now())
		}
		coding := data.GSM7BIT
		if encoding == sms.UCS2 {
			coding = data.UCS2
		}
		if segment.Header != nil {
			p.EsmClass = data.SM_UDH_GSM
		}
		// The user data header is part of short_message; gosmpp's own writes the reference of 8 bits only.
		if err := p.Message.SetMessageDataWithEncoding(append(segment.Header, segment.Data...), coding); err != nil {
			return reminder.Wire{}, reject("too_long", fmt.Errorf("smpp: text: %w", err))
		}
		if s.config.MessageRef {
			p.RegisterOptionalParam(pdu.Field{Tag: pdu.TagUserMessageReference, Data: binary.BigEndian.AppendUint16(nil, messageReference(m.Reference))})
		}
		p.Marshal(b)
	}
	return reminder.Wire{Format: reminder.WireSMPP, Body: reminder.Mask(b.String())}, nil
}

// segments cuts a text into no more segments than sms.Count says, which is what a message is counted, limited and paid by: a reference of 16
// bits leaves a segment less room, and where that would make one more, the text goes with one of 8.
func (s *Sender) segments(text string) (sms.Encoding, []sms.Segment, error) {
	reference := uint16(s.joined.Add(1))
	encoding, segments, err := sms.Concatenate(text, s.config.ReferenceBits, reference)
	if err == nil && len(segments) <= sms.Count(text).Segments {
		return encoding, segments, nil
	}
	return sms.Concatenate(text, 8, reference)
}

// messageReference is the 16 bits of a reference.
func messageReference(reference string) uint16 {
	sum := sha256.Sum256([]byte(reference))
	return binary.BigEndian.Uint16(sum[:])
}

// validity is a validity_period in the relative form, which needs no clock to be right, SMPP 3.4 §7.1.1: "0000DDhhmmss000R". "" leaves it
// to the SMSC: for a message without an end, or with one in more than 28 days.
func validity(end, now time.Time) string {
	left := end.Sub(now)
	if end.IsZero() || left > 28*24*time.Hour {
		return ""
	}
	seconds := max(60, int(left/time.Second))
	return fmt.Sprintf("0000%02d%02d%02d%02d000R", seconds/86400, seconds/3600%24, seconds/60%60, seconds%60)
}

// errFrames is a wire that is no row of submit_sm.
var errFrames = errors.New("smpp: message wire: it is not what Encode wrote")

// frames takes a wire apart into its PDUs, which it copies.
func frames(w reminder.Wire) ([][]byte, error) {
	var out [][]byte
	rest := []byte(w.Body.Reveal())
	for len(rest) > 0 {
		if w.Format != reminder.WireSMPP || len(rest) < header {
			return nil, errFrames
		}
		n := int(binary.BigEndian.Uint32(rest))
		if n < header || n > len(rest) || binary.BigEndian.Uint32(rest[4:]) != uint32(data.SUBMIT_SM) {
			return nil, errFrames
		}
		out, rest = append(out, rest[:n:n]), rest[n:]
	}
	return out, nil
}

// sequence puts a sequence number into a PDU.
func sequence(frame []byte, n int32) { binary.BigEndian.PutUint32(frame[12:], uint32(n)) }
