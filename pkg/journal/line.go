package journal

import (
	"sync"

	"github.com/nats-io/nats.go"
)

// line tells when the connection breaks: what was asked on it before is never answered.
type line struct {
	nc     *nats.Conn
	status chan nats.Status
	mu     sync.Mutex
	broken chan struct{} // closed when the connection breaks, and replaced
	once   sync.Once
}

func newLine(nc *nats.Conn) *line {
	l := &line{nc: nc, status: nc.StatusChanged(nats.DISCONNECTED, nats.RECONNECTING, nats.CLOSED), broken: make(chan struct{})}
	go func() {
		for range l.status {
			l.mu.Lock()
			close(l.broken)
			l.broken = make(chan struct{})
			l.mu.Unlock()
		}
	}()
	return l
}

// breaks is closed when the connection breaks that is there now.
func (l *line) breaks() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

func (l *line) end() { l.once.Do(func() { l.nc.RemoveStatusListener(l.status) }) }
