package verifytest

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// What the verifiers under test allow one call: long, since a busy machine is no fault, and short where the fault is silence.
const (
	long  = 20 * time.Second
	short = time.Second
)

// Clock is a clock that goes when it is told to, or by itself as well.
type Clock struct {
	mu   sync.Mutex
	now  time.Time
	from time.Time // the wall's time when this one began to go by itself; zero: it stands
}

// NewClock begins on a Sunday morning, and stands.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)} }

// WallClock is right and goes by itself, for clients that are processes of their own.
func WallClock() *Clock {
	now := wall()
	return &Clock{now: now, from: now}
}

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from.IsZero() {
		return c.now
	}
	return c.now.Add(wall().Sub(c.from))
}

// Advance sets it on, or back.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Bench is what one test runs on.
type Bench struct {
	T         testing.TB
	Authority *Authority
	Clock     *Clock // the verifier's and, unless a test parts them, the servers'
	Logger    *zap.Logger
	Logs      *observer.ObservedLogs
	Timeout   time.Duration // what the verifier must allow one call

	good tls.Certificate
	mu   sync.Mutex
	at   map[string]*stage
}

// NewBench is a fresh one, whose servers have certificates for the loopback address and for names.
func NewBench(t testing.TB, names ...string) *Bench {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	a := NewAuthority(t)
	return &Bench{
		T: t, Authority: a, Clock: NewClock(), Logger: zap.New(core), Logs: logs, Timeout: long,
		good: a.Server(t, "127.0.0.1", time.Hour, names...), at: map[string]*stage{},
	}
}

// stage is one server of a register.
type stage struct {
	server *httptest.Server
	fault  atomic.Pointer[Fault]
	asked  atomic.Int64
}

// Serve starts a server that the bench can break, and gives its URL. clients is who may show a certificate; nil: none is
// asked for.
func (b *Bench) Serve(name string, h http.Handler, clients *x509.CertPool) string {
	b.T.Helper()
	s := &stage{}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if f := s.fault.Load(); f != nil && f.Handler != nil {
			f.Handler(h).ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	}))
	good := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{b.good}, NextProtos: []string{"http/1.1"}}
	if clients != nil {
		good.ClientAuth, good.ClientCAs = tls.RequireAndVerifyClientCert, clients
	}
	s.server.TLS = good.Clone()
	s.server.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if f := s.fault.Load(); f != nil && f.TLS != nil {
			return f.TLS(b, good.Clone())
		}
		return good, nil
	}
	s.server.Listener = &listener{s.server.Listener, s}
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.server.StartTLS()
	b.T.Cleanup(s.server.Close)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at[name] = s
	return s.server.URL
}

// Break sets a fault on a server, nil mends it.
func (b *Bench) Break(name string, f *Fault) {
	b.T.Helper()
	s := b.at[name]
	if s == nil {
		b.T.Fatalf("there is no server %q", name)
	}
	s.fault.Store(f)
	if f != nil {
		s.server.CloseClientConnections()
	}
}

// Asked is how many requests have come to a server.
func (b *Bench) Asked(name string) int { return int(b.at[name].asked.Load()) }

// listener hands broken connections to their fault.
type listener struct {
	net.Listener
	s *stage
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		f := l.s.fault.Load()
		if f == nil || f.Conn == nil {
			return c, nil
		}
		go f.Conn(c)
	}
}
