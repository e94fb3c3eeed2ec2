package smtp

import (
	"bufio"
	"bytes"
	"errors"
	stdmail "net/mail"
	"net/textproto"
	"strings"

	"github.com/wneessen/go-mail"
	"golang.org/x/net/idna"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// The reasons why this carrier refuses a message itself.
var (
	ErrFrom      = errors.New("smtp: sender: want a mail address at the configured domain")
	ErrRecipient = errors.New("smtp: recipient: want one plain mail address")
	ErrReplyTo   = errors.New("smtp: reply-to: want one plain mail address")
	ErrSubject   = errors.New("smtp: subject: it is empty")
	ErrEvent     = errors.New("smtp: event: want a UID, a start and a summary, each in one line")
	ErrUTF8      = errors.New("smtp: recipient: the server does not take addresses beyond ASCII (RFC 6531)")
)

// envelope is what the server is told of a message beside its text.
type envelope struct {
	id       string // Message-ID without brackets
	from, to string // reverse and forward path without brackets
	utf8     bool   // needs SMTPUTF8
	author   *stdmail.Address
}

func reject(code string, err error) error {
	return &provider.Error{Outcome: provider.Reject, Code: code, Err: err}
}

// envelope makes the envelope. Every error is an *Error of outcome Reject.
func (s *Sender) envelope(m reminder.Message) (envelope, error) {
	none := func(code string, err error) (envelope, error) { return envelope{}, reject(code, err) }
	from, err := stdmail.ParseAddress(m.Sender)
	if err != nil {
		return none("bad_sender", ErrFrom)
	}
	if _, err := bareAddress(from.Address); err != nil || !within(from.Address, s.config.Domain) {
		return none("bad_sender", ErrFrom)
	}
	to, err := deliverable(m.To.Reveal())
	if err != nil {
		return none("bad_recipient", ErrRecipient)
	}
	e := envelope{id: m.Reference + "@" + s.config.Domain, from: from.Address, to: to, author: from}
	if s.config.ReturnPath != "" {
		e.from = strings.ReplaceAll(s.config.ReturnPath, placeholder, m.Reference)
	}
	e.utf8 = !ascii(e.from) || !ascii(e.to) || !ascii(from.Address) || !ascii(m.ReplyTo)
	return e, nil
}

// Encode writes the header and the body, lines ended by CRLF, and signs both where a key is configured. The date is that of the writing.
func (s *Sender) Encode(m reminder.Message) (reminder.Wire, error) {
	none := func(code string, err error) (reminder.Wire, error) { return reminder.Wire{}, reject(code, err) }
	if err := provider.Inspect(m, reminder.Email); err != nil {
		return reminder.Wire{}, err
	}
	e, err := s.envelope(m)
	if err != nil {
		return reminder.Wire{}, err
	}
	if m.Subject.IsZero() {
		return none("bad_subject", ErrSubject)
	}
	if err := eventFault(m.Event); err != nil {
		return none("bad_event", err)
	}
	// No User-Agent: a patient's mail need not tell with what it was made.
	msg := mail.NewMsg(mail.WithCharset(mail.CharsetUTF8), mail.WithEncoding(mail.EncodingQP), mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(e.author)
	msg.ToMailAddress(&stdmail.Address{Address: e.to})
	if m.ReplyTo != "" {
		reply, err := bareAddress(m.ReplyTo)
		if err != nil {
			return none("bad_reply_to", ErrReplyTo)
		}
		msg.ReplyToMailAddress(&stdmail.Address{Address: reply})
	}
	msg.Subject(m.Subject.Reveal())
	msg.SetMessageIDWithValue(e.id)
	msg.SetDateWithValue(s.now())
	msg.SetGenHeader("Auto-Submitted", provider.AutoSubmitted(m.Purpose))
	if h := m.Unsubscribe.Header(); h != "" {
		msg.SetGenHeader(mail.HeaderListUnsubscribe, h)
		if m.Unsubscribe.URL != "" {
			msg.SetGenHeader(mail.HeaderListUnsubscribePost, reminder.OneClick)
		}
	}
	body, err := bodyOf(m, bareFrom(e.author), s.now())
	if err != nil {
		return none("bad_text", err)
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return none("bad_text", err)
	}
	wire := []byte(b.String() + body.header + "\r\n" + body.body)
	if s.signer != nil {
		header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(wire))).ReadMIMEHeader()
		if err == nil {
			wire, err = s.signer.sign(wire, header)
		}
		if err != nil {
			return none("dkim", err)
		}
	}
	return reminder.Wire{Format: reminder.WireMail, Body: reminder.Mask(string(wire))}, nil
}

// deliverable is a plain address with its domain in the form that the DNS has.
func deliverable(address string) (string, error) {
	if _, err := bareAddress(address); err != nil {
		return "", err
	}
	local, domain, _ := strings.Cut(address, "@")
	if ascii(domain) {
		return address, nil
	}
	domain, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return "", errAddress
	}
	return local + "@" + domain, nil
}

// within reports whether the address is at the domain or below it.
func within(address, domain string) bool {
	_, at, _ := strings.Cut(strings.ToLower(address), "@")
	return at == domain || strings.HasSuffix(at, "."+domain)
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 })
}
