package acceptance

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy stands before a server, as the name stands that leads to whichever server is the master now.
type proxy struct {
	l    net.Listener
	slow atomic.Int64 // how long what the server says is held up, in nanoseconds

	mu    sync.Mutex
	to    string // host:port; "" = nobody is let through
	conns map[net.Conn]bool
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, to: to, conns: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.pass(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.lead("")
		wg.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.l.Addr().String() }

// lead breaks all connections and leads those that come from now on to another server; "" = to none.
func (p *proxy) lead(to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = to
	for c := range p.conns {
		_ = c.Close()
	}
}

// pass carries one connection until either side hangs up.
func (p *proxy) pass(in net.Conn) {
	defer func() { _ = in.Close() }()
	p.mu.Lock()
	to := p.to
	p.mu.Unlock()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	p.mu.Lock()
	if p.to != to {
		p.mu.Unlock()
		return
	}
	p.conns[in], p.conns[out] = true, true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, in)
		delete(p.conns, out)
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(out, in)
		_ = out.Close()
	}()
	_, _ = io.Copy(in, held{out, &p.slow})
	_ = in.Close()
	<-done
}

// held holds up what is read.
type held struct {
	io.Reader
	by *atomic.Int64
}

func (r held) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	time.Sleep(time.Duration(r.by.Load()))
	return n, err
}
