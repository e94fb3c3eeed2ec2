package smtp

import (
	"context"
	"io"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// slot is one connection for one message.
type slot struct {
	sender  *Sender
	conn    *conn // nil once closed
	release func()
	spent   bool
	broken  bool // the connection is in no state to be used again
}

// Close keeps the connection or hangs up, and gives the slot back.
func (s *slot) Close() {
	s.spent = true
	if s.conn == nil {
		return
	}
	if s.broken {
		_ = s.conn.raw.Close()
	} else {
		s.sender.keep(s.conn)
	}
	s.conn = nil
	s.release()
}

// Send writes the message and waits for the server's word.
func (s *slot) Send(ctx context.Context, m reminder.Message) (provider.Accepted, error) {
	begun := time.Now()
	if s.spent {
		return provider.Accepted{}, &provider.Error{Outcome: provider.Retry, Code: "slot_used", Err: provider.ErrSlotUsed}
	}
	s.spent = true
	if err := provider.Encoded(m, reminder.Email); err != nil {
		return provider.Accepted{}, err
	}
	e, err := s.sender.envelope(m)
	if err != nil {
		return provider.Accepted{}, err
	}
	deadline := begun.Add(s.sender.config.WriteTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	s.conn.carried++
	if err := s.announce(ctx, e, deadline); err != nil {
		return provider.Accepted{}, err
	}
	return s.deliver(e, m.Wire.Body.Reveal(), deadline)
}

// announce goes as far as the server's 354. Nothing of the message has left when it fails.
func (s *slot) announce(ctx context.Context, e envelope, deadline time.Time) error {
	c := s.conn
	if err := ctx.Err(); err != nil {
		return &provider.Error{Outcome: provider.Retry, Code: provider.Cause(err), Err: err}
	}
	if e.utf8 {
		if offered, _ := c.Extension("SMTPUTF8"); !offered {
			return &provider.Error{Outcome: provider.Reject, Code: "smtputf8_missing", Err: ErrUTF8}
		}
	}
	_ = c.raw.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = c.raw.SetDeadline(past) })
	c.SkipSMTPUTF8(!e.utf8)
	err := c.Mail("<" + e.from + ">")
	asked := err == nil // of the recipient, so what is refused now is it
	if asked {
		err = c.Rcpt("<" + e.to + ">")
	}
	if err == nil {
		if err = c.data(); err == nil {
			// The server waits for the text now; only the text or hanging up ends that.
			s.broken = true
		}
	}
	if !stop() {
		s.broken = true
		return &provider.Error{Outcome: provider.Retry, Code: provider.Cause(ctx.Err()), Err: ctx.Err()}
	}
	if err == nil {
		return nil
	}
	code, replied := replyCode(err)
	if !replied {
		s.broken = true
		return &provider.Error{Outcome: provider.Retry, Code: provider.Cause(err), Err: err}
	}
	// 421 hangs up; a yes in the wrong place leaves the dialogue out of step.
	s.broken = code[:3] == "421" || code[0] < '4'
	return &provider.Error{Outcome: refusal(code), Code: code, Fault: faultIf(asked, code), Err: err}
}

// deliver writes the text and reads the answer. From its first byte on the message may have left.
func (s *slot) deliver(e envelope, text string, deadline time.Time) (provider.Accepted, error) {
	c := s.conn
	if !time.Now().Before(deadline) {
		// We were held up (a suspended process): too late to begin, and nothing has begun.
		return provider.Accepted{}, &provider.Error{Outcome: provider.Retry, Code: "timeout", Err: context.DeadlineExceeded}
	}
	_ = c.raw.SetDeadline(deadline)
	w := c.Text.DotWriter()
	_, err := io.WriteString(w, text)
	if err == nil {
		err = w.Close() // the end of the text, flushed
	}
	if err == nil {
		_ = c.raw.SetDeadline(time.Now().Add(s.sender.config.ReplyTimeout))
		_, _, err = c.Text.ReadResponse(250)
	}
	code, replied := replyCode(err)
	switch {
	case err == nil, replied && code[0] == '2':
		s.broken = false
		return provider.Accepted{CarrierID: e.id, At: s.sender.now()}, nil
	case replied && (code[0] == '4' || code[0] == '5'):
		s.broken = code[:3] == "421"
		return provider.Accepted{}, &provider.Error{Outcome: refusal(code), Code: code, Fault: faultIf(true, code), Err: err}
	}
	if !replied {
		code = provider.Cause(err)
	}
	return provider.Accepted{}, &provider.Error{Outcome: provider.Unknown, Code: code, Err: err}
}

// faultIf is the fault that a refusal tells of, once the server was asked about the recipient.
func faultIf(asked bool, code string) provider.Fault {
	if !asked || refusal(code) != provider.Reject {
		return provider.NoFault
	}
	return faultOf(code)
}

// refusal tells a later from a never. 4xx is later (RFC 5321 section 4.2.1), and so are the codes of RFC 4954 section 6 that
// speak of our login and not of the message.
func refusal(code string) provider.Outcome {
	switch code[:3] {
	case "530", "534", "535", "538":
		return provider.Retry
	}
	if code[0] == '5' {
		return provider.Reject
	}
	return provider.Retry
}
