package smtp

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/wneessen/go-mail/smtp"

	"github.com/husk-reminders/husk/pkg/provider"
)

// waiting is a slot whose server has said 354, on a line without buffers, and the server's end of it.
func waiting(t *testing.T) (*slot, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close(); _ = theirs.Close() })
	greeted := make(chan error, 1)
	go func() {
		_, err := io.WriteString(theirs, "220 hi\r\n")
		greeted <- err
	}()
	client, err := gosmtp.NewClient(ours, "localhost")
	if err := errors.Join(err, <-greeted); err != nil {
		t.Fatal(err)
	}
	s := &Sender{now: time.Now, config: Config{ReplyTimeout: time.Minute}}
	return &slot{sender: s, conn: &conn{Client: client, raw: ours}, broken: true}, theirs
}

// A process that was suspended between the server's 354 and the text wakes up past its deadline: nothing of the text may
// leave then, and so it is no doubt.
func TestASuspendedProcessWritesNothingLate(t *testing.T) {
	s, theirs := waiting(t)
	_, err := s.deliver(envelope{id: "x"}, "Subject: x\r\n\r\ntext\r\n", time.Now().Add(-time.Millisecond))
	var e *provider.Error
	if !errors.As(err, &e) || e.Outcome != provider.Retry || e.Code != "timeout" {
		t.Errorf("%v, want retry: timeout", err)
	}
	_ = s.conn.raw.Close()
	if got, _ := io.ReadAll(theirs); len(got) != 0 {
		t.Errorf("it wrote %q", got)
	}
	if !s.broken {
		t.Error("a connection that waits for a text would be used again")
	}
}

// A server that takes a part of the text and no more must not hold the write beyond its deadline, let alone for as long as
// an answer may take.
func TestTheWriteDeadline(t *testing.T) {
	s, theirs := waiting(t)
	took := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(theirs, make([]byte, 100))
		took <- err
	}()
	begun := time.Now()
	_, err := s.deliver(envelope{id: "x"}, strings.Repeat("0123456789\r\n", 2000), begun.Add(200*time.Millisecond))
	var e *provider.Error
	if !errors.As(err, &e) || e.Outcome != provider.Unknown || e.Code != "timeout" {
		t.Errorf("%v, want unknown: timeout", err)
	}
	if d := time.Since(begun); d < 200*time.Millisecond || d > 10*time.Second {
		t.Errorf("it took %v, want about 200ms", d)
	}
	if err := <-took; err != nil {
		t.Errorf("nothing of the text had left: %v", err)
	}
	if !s.broken {
		t.Error("a connection amid a text would be used again")
	}
}
