package httpsms

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
)

// stub is a line that takes so many bytes and then fails.
type stub struct {
	net.Conn
	takes int
	fails error
	wrote int
}

func (s *stub) Write(p []byte) (int, error) {
	n := min(s.takes-s.wrote, len(p))
	s.wrote += n
	if n < len(p) {
		return n, s.fails
	}
	return n, nil
}

func (s *stub) Read([]byte) (int, error)         { return 0, io.EOF }
func (s *stub) SetReadDeadline(time.Time) error  { return nil }
func (s *stub) SetWriteDeadline(time.Time) error { return nil }

// The first byte that the operating system takes is where the doubt begins: a write that failed before it is none.
func TestWhereTheDoubtBegins(t *testing.T) {
	request := []byte("POST / HTTP/1.1\r\n\r\n")
	for name, c := range map[string]struct {
		takes   int
		fails   error
		outcome provider.Outcome
		code    string
	}{
		"nothing taken, the line is gone":  {0, io.ErrClosedPipe, provider.Retry, "connection_lost"},
		"nothing taken in time":            {0, os.ErrDeadlineExceeded, provider.Retry, "timeout"},
		"one byte taken":                   {1, io.ErrClosedPipe, provider.Unknown, "connection_lost"},
		"all but one byte, and no time":    {len(request) - 1, os.ErrDeadlineExceeded, provider.Unknown, "timeout"},
		"all taken, and no answer":         {len(request), nil, provider.Unknown, "connection_lost"},
		"nothing taken, after the message": {0, &net.OpError{Op: "write", Err: errors.New("broken pipe")}, provider.Retry, "connection_lost"},
	} {
		below := &counted{Conn: &stub{takes: c.takes, fails: c.fails}, wrote: 4711} // bytes of the messages before it
		line := &conn{Conn: below, below: below, limit: &io.LimitedReader{R: below}, looked: time.Now()}
		line.reader = bufio.NewReader(line.limit)
		_, kept, err := line.exchange(request, http.MethodPost, time.Now().Add(time.Second), time.Second)
		var e *provider.Error
		if !errors.As(err, &e) || e.Outcome != c.outcome || e.Code != c.code || kept {
			t.Errorf("%s: %v, kept %v", name, err, kept)
		}
	}
}
