package httpsms

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Vendor is what a carrier has for itself. Its functions are called from many goroutines.
type Vendor struct {
	Name   string
	Format reminder.WireFormat // WireJSON or WireForm
	Path   string              // of the request that sends a message, behind the address
	// Query says that the vendor takes a message as the query of a GET, and no form by POST. The body, a form, then goes into the address.
	Query bool
	// Authorize makes the header Authorization. It is called when a connection is opened for a message, so that a secret's file can
	// be changed. nil = the request has no such header.
	Authorize func() (string, error)
	// Body makes the body of a message's request, and says what in it is of the configuration (see reminder.Wire). The message
	// has passed provider.Inspect, its recipient is E.164 and its sender has a kind. The error is an *Error of outcome Reject.
	Body func(m reminder.Message, from SenderKind, now time.Time) (body string, fixed []reminder.Masked, err error)
	// Answer says what an answer means for a message. The error is an *Error.
	Answer func(a Answer, m reminder.Message) (provider.Accepted, error)
	// Probe is the path of a GET without effect that the vendor answers with 200; "" where it has none: then Check ends with TLS.
	Probe string
}

// Options make a Sender.
type Options struct {
	Config Config // with its defaults filled, valid
	Vendor Vendor
	Now    func() time.Time // for validity periods; nil = time.Now
}

// Sender is a carrier over HTTP. It is safe for concurrent use.
type Sender struct {
	config Config
	vendor Vendor
	host   string // for the header Host
	dialTo string
	path   string // of the configured address
	tls    *tls.Config
	limit  *provider.Limit
	now    func() time.Time

	mu     sync.Mutex
	idle   []*conn // the last used at the end
	closed bool
}

var (
	_ provider.Sender  = (*Sender)(nil)
	_ provider.Checker = (*Sender)(nil)
	_ io.Closer        = (*Sender)(nil)
)

// ErrClosed is the cause of every refusal after Close.
var ErrClosed = errors.New("httpsms: the sender is closed")

// New connects to nothing.
func New(o Options) (*Sender, error) {
	u, err := address(o.Config.URL)
	if err != nil {
		return nil, fmt.Errorf("%s: url: %w", o.Vendor.Name, err)
	}
	limit, err := provider.NewLimit(o.Config.Slots, o.Config.RatePerSecond)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Vendor.Name, err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Sender{config: o.Config, vendor: o.Vendor, host: u.Host, path: strings.TrimSuffix(u.EscapedPath(), "/"), limit: limit, now: o.Now}
	port := u.Port()
	if u.Scheme == "https" {
		if s.tls, err = o.Config.tlsConfig(u.Hostname()); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Vendor.Name, err)
		}
		if port == "" {
			port = "443"
		}
	} else if port == "" {
		port = "80"
	}
	s.dialTo = net.JoinHostPort(u.Hostname(), port)
	return s, nil
}

// The reasons why every carrier over HTTP refuses a message itself.
var (
	ErrRecipient = errors.New("httpsms: recipient: want a number in E.164, like +4520123456")
	ErrSender    = errors.New("httpsms: sender: want 1 to 11 letters and digits with a letter among them, a number in E.164, or a short number of 3 to 8 digits")
)

// Encode makes the body of the request.
func (s *Sender) Encode(m reminder.Message) (reminder.Wire, error) {
	if err := provider.Inspect(m, reminder.SMS); err != nil {
		return reminder.Wire{}, err
	}
	if !international(m.To.Reveal()) {
		return reminder.Wire{}, &provider.Error{Outcome: provider.Reject, Code: "bad_recipient", Err: ErrRecipient}
	}
	kind := KindOf(m.Sender)
	if kind == NoSender {
		return reminder.Wire{}, &provider.Error{Outcome: provider.Reject, Code: "bad_sender", Err: ErrSender}
	}
	body, fixed, err := s.vendor.Body(m, kind, s.now())
	if err != nil {
		return reminder.Wire{}, err
	}
	return reminder.Wire{Format: s.vendor.Format, Body: reminder.Mask(body), Fixed: fixed}, nil
}

// Open waits for a slot and the rate, and gets a connection that was open just now: an idle one, or a new one.
func (s *Sender) Open(ctx context.Context) (provider.Slot, error) {
	release, err := s.limit.Take(ctx)
	if err != nil {
		return nil, err
	}
	auth, err := s.authorization()
	if err != nil {
		release()
		return nil, &provider.Error{Outcome: provider.Retry, Code: "secret_file", Err: err}
	}
	c, err := s.connection(ctx)
	if err != nil {
		release()
		return nil, err
	}
	return &slot{sender: s, conn: c, auth: auth, release: release}, nil
}

// connection takes the idle ones, newest first, until one is open.
func (s *Sender) connection(ctx context.Context) (*conn, error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, &provider.Error{Outcome: provider.Retry, Code: "closed", Err: ErrClosed}
		}
		if len(s.idle) == 0 {
			s.mu.Unlock()
			return dial(ctx, s.dialTo, s.tls, s.config.DialTimeout, s.config.IdleTimeout)
		}
		c := s.idle[len(s.idle)-1]
		s.idle = s.idle[:len(s.idle)-1]
		s.mu.Unlock()
		if time.Since(c.used) < c.idle && c.open() {
			return c, nil
		}
		_ = c.Close()
	}
}

// keep puts a connection back for the next slot.
func (s *Sender) keep(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
		return
	}
	s.idle = append(s.idle, c)
}

// Close hangs up the idle connections; those of open slots follow when their slots close. Open then refuses.
func (s *Sender) Close() error {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.closed = nil, true
	s.mu.Unlock()
	for _, c := range idle {
		_ = c.Close()
	}
	return nil
}

// authorization is the header Authorization, "" where the vendor has none.
func (s *Sender) authorization() (string, error) {
	if s.vendor.Authorize == nil {
		return "", nil
	}
	return s.vendor.Authorize()
}

// request is the request that sends a message.
func (s *Sender) request(w reminder.Wire, auth string) (request []byte, method string) {
	body := w.Body.Reveal()
	if s.vendor.Query {
		return []byte(s.head(http.MethodGet, s.vendor.Path+"?"+body, auth, "", 0)), http.MethodGet
	}
	return []byte(s.head(http.MethodPost, s.vendor.Path, auth, contentTypes[w.Format], len(body)) + body), http.MethodPost
}

// head is the head of a request: what goes before the body.
func (s *Sender) head(method, path, auth, contentType string, length int) string {
	var b strings.Builder
	b.WriteString(method + " " + s.path + path + " HTTP/1.1\r\nHost: " + s.host + "\r\nUser-Agent: husk\r\nAccept: application/json\r\n")
	if auth != "" {
		b.WriteString("Authorization: " + auth + "\r\n")
	}
	if method == http.MethodPost {
		b.WriteString("Content-Type: " + contentType + "\r\nContent-Length: " + strconv.Itoa(length) + "\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}

// Get asks the carrier for something, on a connection of its own. It is for questions without effect: it holds no slot. The error is
// of the line, and its text holds nothing of the question.
func (s *Sender) Get(ctx context.Context, path string, query url.Values) (Answer, error) {
	auth, err := s.authorization()
	if err != nil {
		return Answer{}, err
	}
	c, err := dial(ctx, s.dialTo, s.tls, s.config.DialTimeout, s.config.IdleTimeout)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = c.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	a, _, err := c.exchange([]byte(s.head(http.MethodGet, path, auth, "", 0)), http.MethodGet, time.Now().Add(s.config.DialTimeout), s.config.ReplyTimeout)
	return a, err
}

// Check connects, encrypts and, where the carrier has a question without effect, asks it as we would ask to send.
func (s *Sender) Check(ctx context.Context) error {
	if s.vendor.Probe == "" {
		if _, err := s.authorization(); err != nil {
			return fmt.Errorf("%s: %w", s.vendor.Name, err)
		}
		c, err := dial(ctx, s.dialTo, s.tls, s.config.DialTimeout, s.config.IdleTimeout)
		if err != nil {
			return s.noAnswer(err)
		}
		return c.Close()
	}
	a, err := s.Get(ctx, s.vendor.Probe, nil)
	if err != nil {
		return s.noAnswer(err)
	}
	if a.Status != http.StatusOK {
		return fmt.Errorf("%s: %s answers with HTTP status %d: is the account's name and its secret the carrier's?", s.vendor.Name, s.host, a.Status)
	}
	return nil
}

// noAnswer is for the operator. No message and so no person was named to the carrier: the cause may be told.
func (s *Sender) noAnswer(err error) error {
	var e *provider.Error
	if errors.As(err, &e) && e.Err != nil {
		err = e.Err
	}
	return fmt.Errorf("%s: no answer from %s: %w", s.vendor.Name, s.host, err)
}
