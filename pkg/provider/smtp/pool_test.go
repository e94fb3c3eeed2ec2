package smtp_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/smtp"
)

// count is a peer of bare lines that counts its connections and notes how each was left. after tells, after each letter, whether to hang up.
type count struct {
	mu      sync.Mutex
	open    int
	all     int
	letters int
	quits   int
	after   func(letters int) bool
}

func (c *count) serve(t *testing.T) (host string, port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var conns sync.Map
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Store(conn, nil)
			wg.Go(func() { c.talk(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		conns.Range(func(k, _ any) bool { _ = k.(net.Conn).Close(); return true })
		wg.Wait()
	})
	a := l.Addr().(*net.TCPAddr)
	return a.IP.String(), a.Port
}

func (c *count) note(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *count) talk(conn net.Conn) {
	c.note(func() { c.open, c.all = c.open+1, c.all+1 })
	defer func() { _ = conn.Close(); c.note(func() { c.open-- }) }()
	say := func(s string) { _, _ = io.WriteString(conn, s+"\r\n") }
	say("220 hi")
	text, drop := false, false
	for r := bufio.NewScanner(conn); r.Scan(); {
		switch line := r.Text(); {
		case text && line == ".":
			text = false
			c.note(func() {
				if c.letters++; c.after != nil {
					drop = c.after(c.letters)
				}
			})
			say("250 taken")
			if drop {
				return
			}
		case text:
		case line == "DATA":
			text = true
			say("354 go on")
		case line == "QUIT":
			c.note(func() { c.quits++ })
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (c *count) state() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%d letters, %d connections, %d open, %d goodbyes", c.letters, c.all, c.open, c.quits)
}

// reaches waits until the peer is in a state.
func (c *count) reaches(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); c.state() != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s, want %s", c.state(), want)
		}
	}
}

func sendOne(t *testing.T, s *smtp.Sender, i int) {
	t.Helper()
	if _, err := send(t, s, message(fmt.Sprintf("pool-%d", i), "anna@example.org")); err != nil {
		t.Fatalf("letter %d: %v", i, err)
	}
}

func TestAConnectionCarriesSoManyMessages(t *testing.T) {
	peer := &count{}
	c := plaintext(peer.serve(t))
	c.MessagesPerConnection, c.IdleTimeout = 3, time.Minute
	s := sender(t, c)
	for i := range 7 {
		sendOne(t, s, i)
	}
	peer.reaches(t, "7 letters, 3 connections, 1 open, 2 goodbyes")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	peer.reaches(t, "7 letters, 3 connections, 0 open, 3 goodbyes")
}

// An idle connection is not kept until somebody needs one.
func TestAnIdleConnectionIsClosedInTime(t *testing.T) {
	peer := &count{}
	c := plaintext(peer.serve(t))
	c.IdleTimeout = 100 * time.Millisecond
	s := sender(t, c)
	sendOne(t, s, 1)
	peer.reaches(t, "1 letters, 1 connections, 0 open, 1 goodbyes")
	sendOne(t, s, 2)
	peer.reaches(t, "2 letters, 2 connections, 0 open, 2 goodbyes")
}

// A server that hangs up after each letter, as many do to a busy client, costs a connection each, and never doubt.
func TestAServerThatHangsUpWhileIdleMakesNoDoubt(t *testing.T) {
	peer := &count{after: func(int) bool { return true }}
	s := sender(t, plaintext(peer.serve(t)))
	for i := range 20 {
		sendOne(t, s, i)
	}
	peer.reaches(t, "20 letters, 20 connections, 0 open, 0 goodbyes")
}

// The server closes between the moment that Open has found the connection alive and the message: it surely did not leave, and Send dials
// no other.
func TestAServerThatHangsUpBeforeTheMessageIsRetry(t *testing.T) {
	config := plaintext(line(t, map[string]string{"MAIL": "drop"}))
	s := sender(t, config)
	for range 3 {
		if _, err := send(t, s, message("00aa", "anna@example.org")); provider.OutcomeOf(err) != provider.Retry {
			t.Errorf("%v, want retry", err)
		}
	}
}

// A person-in-the-middle who answers STARTTLS and then speaks on in the clear gets nothing of what follows.
func TestNothingSaidBeforeTLSCounts(t *testing.T) {
	ca := newAuthority(t, "localhost", loopback)
	host, port := line(t, map[string]string{
		"EHLO":     "250-hi\r\n250 STARTTLS",
		"STARTTLS": "220 go on\r\n250-hi\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 taken",
	})
	c := smtp.Config{Host: host, Port: port, Domain: "example.org", CAFile: ca.file, DialTimeout: 2 * time.Second}
	_, err := send(t, sender(t, c), message("00aa", "anna@example.org"))
	if provider.OutcomeOf(err) != provider.Retry || !strings.Contains(err.Error(), "tls") {
		t.Errorf("%v, want retry: tls", err)
	}
}
