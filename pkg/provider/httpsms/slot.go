package httpsms

import (
	"context"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// slot is one connection for one message.
type slot struct {
	sender  *Sender
	conn    *conn // nil once closed
	auth    string
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
		_ = s.conn.Close()
	} else {
		s.sender.keep(s.conn)
	}
	s.conn = nil
	s.release()
}

// Send writes the request and waits for the carrier's word.
func (s *slot) Send(ctx context.Context, m reminder.Message) (provider.Accepted, error) {
	begun := time.Now()
	if s.spent {
		return provider.Accepted{}, &provider.Error{Outcome: provider.Retry, Code: "slot_used", Err: provider.ErrSlotUsed}
	}
	s.spent = true
	if err := provider.Encoded(m, reminder.SMS); err != nil {
		return provider.Accepted{}, err
	}
	if err := ctx.Err(); err != nil {
		return provider.Accepted{}, &provider.Error{Outcome: provider.Retry, Code: provider.Cause(err), Err: err}
	}
	by := begun.Add(s.sender.config.WriteTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(by) {
		by = d
	}
	request, method := s.sender.request(m.Wire, s.auth)
	a, kept, err := s.conn.exchange(request, method, by, s.sender.config.ReplyTimeout)
	s.broken = !kept
	if err != nil {
		return provider.Accepted{}, err
	}
	return s.sender.vendor.Answer(a, m)
}

var contentTypes = map[reminder.WireFormat]string{
	reminder.WireJSON: "application/json; charset=utf-8",
	reminder.WireForm: "application/x-www-form-urlencoded",
}
