package httpsms

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
)

const (
	maxAnswer = 64 << 10              // bytes of an answer's body
	maxHead   = 64 << 10              // bytes of its head
	look      = time.Millisecond      // how long a connection is listened to before it is written to
	grace     = 50 * time.Millisecond // how long after that it counts as looked at
)

// Answer is a whole answer of the carrier.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	At     time.Time // when we had it
}

var (
	errAnswer = errors.New("httpsms: the answer is no HTTP, or too long")
	errClosed = errors.New("httpsms: the carrier has closed the connection")
)

// counted counts what has gone to the operating system.
type counted struct {
	net.Conn
	wrote int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.wrote += int64(n)
	return n, err
}

// conn is one connection, for one exchange at a time.
type conn struct {
	net.Conn // encrypted
	below    *counted
	limit    *io.LimitedReader
	reader   *bufio.Reader
	looked   time.Time // when it was last seen to be open
	used     time.Time // when its last answer had come
	idle     time.Duration
}

// dial connects and encrypts. Its error is an *Error of outcome Retry.
func dial(ctx context.Context, address string, t *tls.Config, timeout, idle time.Duration) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, &provider.Error{Outcome: provider.Retry, Code: dialCode(ctx, err), Err: err}
	}
	below := &counted{Conn: raw}
	c := &conn{Conn: below, below: below, idle: idle}
	if t != nil {
		client := tls.Client(below, t)
		if err := client.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, &provider.Error{Outcome: provider.Retry, Code: dialCode(ctx, err), Err: err}
		}
		c.Conn = client
	}
	c.limit = &io.LimitedReader{R: c.Conn, N: maxHead}
	c.reader = bufio.NewReader(c.limit)
	c.looked, c.used = time.Now(), time.Now()
	return c, nil
}

// dialCode is the word for a failed connection.
func dialCode(ctx context.Context, err error) string {
	var verify *tls.CertificateVerificationError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var op *net.OpError
	switch {
	case ctx.Err() != nil:
		return provider.Cause(ctx.Err())
	case errors.As(err, &verify), errors.As(err, &host):
		return "certificate"
	case errors.As(err, &record), errors.As(err, &alert), errors.As(err, &op) && strings.HasSuffix(op.Op, " error"), // "remote error", "local error"
		strings.HasPrefix(err.Error(), "tls: "):
		return "tls"
	}
	return provider.Cause(err)
}

// open reports whether the carrier has neither closed the connection nor said anything on it unasked.
func (c *conn) open() bool {
	if time.Since(c.looked) < grace {
		return true
	}
	c.limit.N = 1
	_ = c.SetReadDeadline(time.Now().Add(look))
	_, err := c.reader.Peek(1)
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		return false
	}
	c.looked = time.Now()
	return true
}

// exchange writes one request at once, and reads the whole answer. kept says that the connection may be used again. The error is an
// *Error: Retry while nothing has gone to the operating system, Unknown from then on.
func (c *conn) exchange(request []byte, method string, by time.Time, reply time.Duration) (a Answer, kept bool, err error) {
	if !c.open() {
		return a, false, &provider.Error{Outcome: provider.Retry, Code: "connection_lost", Err: errClosed}
	}
	if !time.Now().Before(by) {
		// We were held up (a suspended process): too late to begin, and nothing has begun.
		return a, true, &provider.Error{Outcome: provider.Retry, Code: "timeout", Err: context.DeadlineExceeded}
	}
	before := c.below.wrote
	_ = c.SetWriteDeadline(by)
	if _, err := c.Write(request); err != nil {
		outcome := provider.Unknown
		if c.below.wrote == before {
			outcome = provider.Retry
		}
		return a, false, &provider.Error{Outcome: outcome, Code: provider.Cause(err), Err: err}
	}
	_ = c.SetReadDeadline(time.Now().Add(reply))
	a, kept, err = c.answer(method)
	if err != nil {
		code := provider.Cause(err)
		if errors.Is(err, errAnswer) {
			code = "bad_answer"
		}
		return a, false, &provider.Error{Outcome: provider.Unknown, Code: code, Err: err}
	}
	c.used, c.looked = time.Now(), time.Now()
	return a, kept, nil
}

// answer reads the answer, past informational ones (RFC 9110 section 15.2).
func (c *conn) answer(method string) (a Answer, kept bool, err error) {
	request := &http.Request{Method: method}
	for range 5 {
		c.limit.N = maxHead
		r, err := http.ReadResponse(c.reader, request)
		if err != nil {
			return a, false, c.unreadable(err)
		}
		if r.StatusCode < 200 {
			_ = r.Body.Close()
			continue
		}
		c.limit.N = maxAnswer + maxHead // of a body in chunks, with its framing
		body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
		_ = r.Body.Close()
		if err != nil {
			return a, false, c.unreadable(err)
		}
		if len(body) > maxAnswer {
			return a, false, errAnswer
		}
		c.heed(r.Header.Get("Keep-Alive"))
		kept = !r.Close && r.ProtoAtLeast(1, 1) && c.reader.Buffered() == 0
		return Answer{Status: r.StatusCode, Header: r.Header, Body: body, At: time.Now()}, kept, nil
	}
	return a, false, errAnswer
}

// unreadable tells a line that broke from an answer that is none.
func (c *conn) unreadable(err error) error {
	var n net.Error
	switch {
	case c.limit.N <= 0:
		return errAnswer
	case errors.As(err, &n), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return errors.Join(errAnswer, err)
}

// heed keeps the connection for less than the server says that it does.
func (c *conn) heed(keepAlive string) {
	for part := range strings.SplitSeq(keepAlive, ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(part), "timeout="); ok {
			if n, err := strconv.Atoi(v); err == nil && n >= 0 {
				c.idle = min(c.idle, time.Duration(n)*time.Second-time.Second)
			}
		}
	}
}
