package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	gosmtp "github.com/wneessen/go-mail/smtp"

	"github.com/husk-reminders/husk/pkg/provider"
)

// The reasons why no connection is had.
var (
	ErrNoTLS  = errors.New("smtp: the server offers no STARTTLS, and the configuration forbids sending without")
	ErrNoAuth = errors.New("smtp: the server offers none of SCRAM-SHA-256, PLAIN and LOGIN")
	ErrAuth   = errors.New("smtp: the server refuses the username or password")
)

// past is a deadline that ends a blocked read or write now.
var past = time.Unix(1, 0)

// conn is a connection past EHLO, TLS and login.
type conn struct {
	*gosmtp.Client
	raw net.Conn // under TLS; deadlines are set here
	// used is when the connection last did something.
	used time.Time
	// carried is how many messages it was given.
	carried int
	retire  *time.Timer // of an idle one
}

// dial connects. Every error is an *Error of outcome Retry: no message has been begun.
func (s *Sender) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.DialTimeout)
	defer cancel()
	c, err := s.handshake(ctx)
	if err == nil {
		return c, nil
	}
	code := dialCode(err)
	if ctx.Err() != nil {
		// The context cut the line; what the line said then is no reason.
		code, err = provider.Cause(ctx.Err()), errors.Join(ctx.Err(), err)
	}
	return nil, &provider.Error{Outcome: provider.Retry, Code: code, Err: err}
}

// handshake goes from the address to a session that may send.
func (s *Sender) handshake(ctx context.Context) (_ *conn, err error) {
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(s.config.Host, strconv.Itoa(s.config.Port)))
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(past) })
	defer func() {
		if !stop() && err == nil {
			err = ctx.Err()
		}
		if err != nil {
			_ = raw.Close()
		}
	}()
	var over = raw
	if s.config.TLS == Implicit {
		t := tls.Client(raw, s.tls)
		if err := t.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		over = t
	}
	client, err := gosmtp.NewClient(over, s.config.Host)
	if err != nil {
		return nil, err
	}
	if err := client.Hello(s.config.Helo); err != nil {
		return nil, err
	}
	if s.config.TLS == Mandatory {
		if offered, _ := client.Extension("STARTTLS"); !offered {
			return nil, ErrNoTLS
		}
		if err := client.StartTLS(s.tls); err != nil {
			return nil, err
		}
		if state, ok := client.TLSConnectionState(); !ok || !state.HandshakeComplete {
			return nil, ErrNoTLS
		}
	}
	if err := s.login(client); err != nil {
		return nil, err
	}
	return &conn{Client: client, raw: raw, used: time.Now()}, nil
}

// login authenticates with the best mechanism that the server offers. Without TLS there is never a username.
func (s *Sender) login(client *gosmtp.Client) error {
	if s.config.Username == "" {
		return nil
	}
	password, err := s.config.password()
	if err != nil {
		return err
	}
	_, offer := client.Extension("AUTH")
	offered := strings.Fields(strings.ToUpper(offer))
	var auth gosmtp.Auth
	switch {
	case slices.Contains(offered, "SCRAM-SHA-256"):
		auth = gosmtp.ScramSHA256Auth(s.config.Username, password)
	case slices.Contains(offered, "PLAIN"):
		auth = gosmtp.PlainAuth("", s.config.Username, password, s.config.Host, false)
	case slices.Contains(offered, "LOGIN"):
		auth = gosmtp.LoginAuth(s.config.Username, password, s.config.Host, false)
	default:
		return ErrNoAuth
	}
	if err := client.Auth(auth); err != nil {
		if _, ok := replyCode(err); ok {
			return errors.Join(ErrAuth, err)
		}
		return err
	}
	return nil
}

// alive resets the session and so learns whether the server is still there.
func (c *conn) alive(ctx context.Context, limit time.Duration) bool {
	_ = c.raw.SetDeadline(time.Now().Add(limit))
	stop := context.AfterFunc(ctx, func() { _ = c.raw.SetDeadline(past) })
	err := c.Reset()
	return stop() && err == nil
}

// data asks to begin the text. The client's own Data would hide a failed write of the text's end behind a wait for the reply.
func (c *conn) data() error {
	id, err := c.Text.Cmd("DATA")
	if err != nil {
		return err
	}
	c.Text.StartResponse(id)
	defer c.Text.EndResponse(id)
	_, _, err = c.Text.ReadResponse(354)
	return err
}

// quit says goodbye, briefly, and hangs up.
func (c *conn) quit() {
	_ = c.raw.SetDeadline(time.Now().Add(time.Second))
	_ = c.Quit()
	_ = c.raw.Close()
}

// dialCode is the word for a failed handshake.
func dialCode(err error) string {
	var verify *tls.CertificateVerificationError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	var op *net.OpError
	code, replied := replyCode(err)
	switch {
	case errors.Is(err, ErrNoTLS):
		return "starttls_missing"
	case errors.Is(err, ErrPassword):
		return "password_file"
	case errors.Is(err, ErrNoAuth):
		return "auth_missing"
	case errors.As(err, &verify), errors.As(err, &host):
		return "certificate"
	case errors.As(err, &record), errors.As(err, &op) && strings.HasSuffix(op.Op, " error"): // "remote error", "local error"
		return "tls"
	case replied:
		return code
	}
	return provider.Cause(err)
}

// enhanced is a status code of RFC 3463 at the beginning of a reply's text.
var enhanced = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// replyCode is the code of a server's reply, "550 5.1.1", and nothing else of it; false when err is no reply.
func replyCode(err error) (string, bool) {
	var reply *textproto.Error
	if !errors.As(err, &reply) || reply.Code < 200 || reply.Code > 599 {
		return "", false
	}
	code := strconv.Itoa(reply.Code)
	if e := enhanced.FindString(reply.Msg); e != "" {
		code += " " + e
	}
	return code, true
}
