package register

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
)

// Options is how to connect.
type Options struct {
	// Roots are the authorities to trust; nil: the system's.
	Roots *x509.CertPool
	// Certificate is shown to a server that asks for one; nil: none.
	Certificate *tls.Certificate
	// Timeout is how long one call may take, body included; 10 s when zero.
	Timeout time.Duration
	// MaxBody is the longest answer that is read, in bytes; 8 MiB when zero.
	MaxBody int64
	// HTTP1 keeps to HTTP/1.1, for servers that are known to break with more.
	HTTP1 bool
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Client asks registers. Many may use it at once.
type Client struct {
	http    *http.Client
	timeout time.Duration
	max     int64
	now     func() time.Time

	mu    sync.Mutex
	hosts map[string]*host
}

// host is what is remembered of one host: whether to leave it alone.
type host struct {
	failures int // in a row
	until    time.Time
	reason   contact.Reason
}

// New checks the options.
func New(o Options) (*Client, error) {
	if o.Timeout < 0 || o.MaxBody < 0 {
		return nil, errors.New("register: Options.Timeout and MaxBody: want no less than zero")
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MaxBody == 0 {
		o.MaxBody = 8 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	tc := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots}
	if o.Certificate != nil {
		tc.Certificates = []tls.Certificate{*o.Certificate}
	}
	tr := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: tc, ForceAttemptHTTP2: !o.HTTP1,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: o.Timeout, MaxResponseHeaderBytes: 64 << 10,
	}
	if o.HTTP1 {
		tr.Protocols = new(http.Protocols)
		tr.Protocols.SetHTTP1(true)
	}
	return &Client{
		http: &http.Client{
			Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		timeout: o.Timeout, max: o.MaxBody, now: o.Now, hosts: map[string]*host{},
	}, nil
}

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Endpoint checks an address that a register is asked at: https, with a host, and no user, query or fragment. The error
// names the field and what is wanted, never the value.
func Endpoint(field, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("register: %s: want https://host/path, without user, query and fragment", field)
	}
	return u, nil
}

// Reply is a whole answer with status 200 and a JSON body.
type Reply struct {
	Body []byte
	Date time.Time // the server's clock; zero when it does not tell
}

// Do makes one call and reads its JSON answer. The request's URL must be one that Endpoint has checked, perhaps with a
// query added. A call is sent once, but for what Lookup marks. A fault with the status 401 or 400 leaves the body's first
// bytes in Reply for the caller to tell more reasons apart; nobody may log them.
func (c *Client) Do(ctx context.Context, r *http.Request) (Reply, *Fault) {
	if f := c.Held(r.URL.Host); f != nil {
		return Reply{}, f
	}
	inner, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r = r.WithContext(inner)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "husk")
	reply, f := c.do(ctx, r)
	if err := inner.Err(); err != nil { // too late, whatever came: a server may answer while its connection is being closed
		reply, f = Reply{}, failed(ctx, err)
	}
	c.learn(r.URL.Host, f)
	return reply, f
}

// Lookup marks a call that changes nothing where it goes: net/http may then send it again by itself on one occasion, when a
// kept connection turns out to have been closed by the server before it answered. A token's grant, good for one use, is
// none.
func Lookup(r *http.Request) { r.Header["Idempotency-Key"] = nil } // an empty one is not sent; see http.Transport

func (c *Client) do(caller context.Context, r *http.Request) (Reply, *Fault) {
	res, err := c.http.Do(r)
	if err != nil {
		return Reply{}, failed(caller, err)
	}
	defer res.Body.Close()
	var reply Reply
	if t, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		reply.Date = t
	}
	if res.StatusCode != http.StatusOK {
		// Enough for an OAuth error; the connection is not worth more.
		reply.Body, _ = io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return reply, refused(res, c.now())
	}
	m, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || (m != "application/json" && !strings.HasSuffix(m, "+json")) {
		return Reply{}, NewFault(contact.Garbled)
	}
	reply.Body, err = io.ReadAll(io.LimitReader(res.Body, c.max+1))
	if err != nil {
		return Reply{}, failed(caller, err)
	}
	if int64(len(reply.Body)) > c.max {
		return Reply{}, NewFault(contact.Garbled)
	}
	return reply, nil
}

// How long a host is left alone once it has failed often in a row: 5 s, doubling to 5 min, spread by ±20 %.
const (
	often    = 3
	firstOff = 5 * time.Second
	lastOff  = 5 * time.Minute
)

// Held is the fault of a host that is left alone at this moment, nil when it is not: a call to it would fail at once.
func (c *Client) Held(name string) *Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[name]
	if h == nil {
		return nil
	}
	wait := h.until.Sub(c.now())
	if wait <= 0 {
		return nil
	}
	if wait > patience { // the clock was set back
		h.until = time.Time{}
		return nil
	}
	return &Fault{Reason: h.reason, After: wait}
}

// learn takes down how a call went. A host is to blame for silence, bad TLS, errors of its own and asking for patience; not
// for refusing what we asked.
func (c *Client) learn(name string, f *Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f == nil {
		delete(c.hosts, name)
		return
	}
	h := c.hosts[name]
	if h == nil {
		h = &host{}
		c.hosts[name] = h
	}
	now := c.now()
	switch f.Reason {
	case contact.Busy:
		h.until, h.reason = now.Add(f.After), f.Reason
		return
	case contact.Unreachable, contact.Timeout, contact.Insecure, contact.Broken:
		h.failures++
	default:
		return
	}
	if h.failures < often {
		return
	}
	off := firstOff
	for range min(h.failures-often, 8) {
		off *= 2
	}
	off = min(off, lastOff)
	off += off / 100 * time.Duration(rand.IntN(41)-20)
	h.until, h.reason = now.Add(off), f.Reason
	f.After = max(f.After, off)
}
