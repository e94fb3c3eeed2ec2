package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
)

// Options make a Sender.
type Options struct {
	Config Config
	Now    func() time.Time // for the Date header and Accepted.At; nil = time.Now
	Log    *zap.Logger      // nil = none
}

// Sender is the carrier. It is safe for concurrent use.
type Sender struct {
	config Config
	tls    *tls.Config
	signer *signer // nil = nothing is signed
	limit  *provider.Limit
	now    func() time.Time
	log    *zap.Logger

	polling sync.Mutex // one Poll at a time

	mu     sync.Mutex
	idle   []*conn // the last used at the end
	closed bool
}

var (
	_ provider.Sender  = (*Sender)(nil)
	_ provider.Checker = (*Sender)(nil)
	_ provider.Poller  = (*Sender)(nil)
	_ io.Closer        = (*Sender)(nil)
)

// ErrClosed is the cause of every refusal after Close.
var ErrClosed = errors.New("smtp: the sender is closed")

// New validates and connects to nothing.
func New(o Options) (*Sender, error) {
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	c := o.Config.withDefaults()
	t, err := c.tlsConfig()
	if err != nil {
		return nil, err
	}
	sign, err := newSigner(c)
	if err != nil {
		return nil, err
	}
	limit, err := provider.NewLimit(c.Slots, c.RatePerSecond)
	if err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Sender{config: c, tls: t, signer: sign, limit: limit, now: o.Now, log: o.Log}, nil
}

// Open waits for a slot and the rate, and gets a connection that answered just now: an idle one, or a new one.
func (s *Sender) Open(ctx context.Context) (provider.Slot, error) {
	release, err := s.limit.Take(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.connection(ctx)
	if err != nil {
		release()
		return nil, err
	}
	return &slot{sender: s, conn: c, release: release}, nil
}

// connection takes the idle ones, newest first, until one answers.
func (s *Sender) connection(ctx context.Context) (*conn, error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, &provider.Error{Outcome: provider.Retry, Code: "closed", Err: ErrClosed}
		}
		if len(s.idle) == 0 {
			s.mu.Unlock()
			return s.dial(ctx)
		}
		c := s.idle[len(s.idle)-1]
		s.idle = s.idle[:len(s.idle)-1]
		s.mu.Unlock()
		c.retire.Stop()
		if time.Since(c.used) < s.config.IdleTimeout && c.alive(ctx, s.config.DialTimeout) {
			return c, nil
		}
		_ = c.raw.Close()
	}
}

// keep puts a connection back for the next slot, unless it has carried enough. Unused for too long, it is closed: Open needs none that is
// dead, and a mail server none that says nothing.
func (s *Sender) keep(c *conn) {
	c.used = time.Now()
	s.mu.Lock()
	enough := s.closed || c.carried >= s.config.MessagesPerConnection
	if !enough {
		c.retire = time.AfterFunc(s.config.IdleTimeout, func() { s.retire(c) })
		s.idle = append(s.idle, c)
	}
	s.mu.Unlock()
	if enough {
		go c.quit() // goodbye takes a round trip, for which nobody should wait
	}
}

// retire closes a connection that is idle still.
func (s *Sender) retire(c *conn) {
	s.mu.Lock()
	i := slices.Index(s.idle, c)
	if i >= 0 {
		s.idle = slices.Delete(s.idle, i, i+1)
	}
	s.mu.Unlock()
	if i >= 0 {
		c.quit()
	}
}

// Close hangs up the idle connections; those of open slots follow when their slots close. Open then refuses.
func (s *Sender) Close() error {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.closed = nil, true
	s.mu.Unlock()
	for _, c := range idle {
		c.retire.Stop()
		c.quit()
	}
	return nil
}

// Check connects, encrypts, logs in and hangs up.
func (s *Sender) Check(ctx context.Context) error {
	c, err := s.dial(ctx)
	if err == nil {
		c.quit()
		return nil
	}
	what := fmt.Sprintf("smtp: no session with %s port %d", s.config.Host, s.config.Port)
	// No message and so no person was named to the server: its words may be told.
	return fmt.Errorf("%s: %w", what, errors.Unwrap(err))
}
