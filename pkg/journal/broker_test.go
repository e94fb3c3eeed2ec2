package journal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// broker is an embedded server on files that can be stopped and started again, and whose connections can be cut.
type broker struct {
	t      testing.TB
	dir    string
	mu     sync.Mutex
	server *server.Server
	cut    atomic.Pointer[cut]
	hold   atomic.Pointer[hold]
}

// hold says when a connection stands still, once: when the client sends what holds mark, until it may go on.
type hold struct {
	sent     []byte
	met      atomic.Bool
	held, on chan struct{}
}

func (b *broker) holdWhenSent(mark string) *hold {
	h := &hold{sent: []byte(mark), held: make(chan struct{}), on: make(chan struct{})}
	b.hold.Store(h)
	return h
}

func (h *hold) wait(p []byte) {
	if bytes.Contains(p, h.sent) && h.met.CompareAndSwap(false, true) {
		close(h.held)
		<-h.on
	}
}

func newBroker(t testing.TB) *broker {
	t.Helper()
	b := &broker{t: t, dir: t.TempDir()}
	b.up()
	t.Cleanup(b.down)
	return b
}

func (b *broker) up() {
	b.t.Helper()
	s, err := server.NewServer(&server.Options{
		ServerName: "test", DontListen: true, JetStream: true, StoreDir: b.dir, SyncAlways: true, NoLog: true, NoSigs: true,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		b.t.Fatal("the broker does not start")
	}
	b.mu.Lock()
	b.server = s
	b.mu.Unlock()
}

func (b *broker) down() {
	b.mu.Lock()
	s := b.server
	b.server = nil
	b.mu.Unlock()
	if s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// InProcessConn implements nats.InProcessConnProvider with the server that is up now.
func (b *broker) InProcessConn() (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server == nil {
		return nil, errors.New("the broker is down")
	}
	c, err := b.server.InProcessConn()
	if err != nil {
		return nil, err
	}
	return &wire{Conn: c, b: b}, nil
}

// connect is a connection as the app makes it.
func (b *broker) connect() *nats.Conn {
	b.t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(b), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // the tests see what the callers see
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	return nc
}

func (b *broker) open(ackWait time.Duration) *journal.Journal {
	b.t.Helper()
	j, err := journal.Open(b.t.Context(), journal.Options{Conn: b.connect(), AckWait: ackWait})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(j.Close)
	return j
}

// cut says when a connection breaks, once: when the client sends, or the broker answers, what holds mark.
type cut struct {
	sent, answered []byte
	once           sync.Once
	done           chan struct{}
}

func (b *broker) cutWhenSent(mark string) *cut {
	c := &cut{sent: []byte(mark), done: make(chan struct{})}
	b.cut.Store(c)
	return c
}

func (b *broker) cutWhenAnswered(mark string) *cut {
	c := &cut{answered: []byte(mark), done: make(chan struct{})}
	b.cut.Store(c)
	return c
}

func (c *cut) now() (first bool) {
	c.once.Do(func() {
		first = true
		close(c.done)
	})
	return first
}

// wire is the client's end of a connection.
type wire struct {
	net.Conn
	b *broker
}

// Write sends what stands before the mark, and the connection is gone. Or it waits at the mark.
func (w *wire) Write(p []byte) (int, error) {
	if h := w.b.hold.Load(); h != nil {
		h.wait(p)
	}
	if c := w.b.cut.Load(); c != nil && c.sent != nil {
		if i := bytes.Index(p, c.sent); i >= 0 && c.now() {
			_, _ = w.Conn.Write(p[:i])
			_ = w.Close()
			return i, io.ErrClosedPipe
		}
	}
	return w.Conn.Write(p)
}

// Read loses an answer that holds the mark, and the connection with it.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if c := w.b.cut.Load(); err == nil && c != nil && c.answered != nil && bytes.Contains(p[:n], c.answered) && c.now() {
		_ = w.Close()
		return 0, io.EOF
	}
	return n, err
}

// entry is a plan entry of shard that says id, and size bytes more.
func entry(shard int, id string, size int) journal.Entry {
	b, err := json.Marshal(map[string]any{"id": id, "fill": bytes.Repeat([]byte{'x'}, size)})
	if err != nil {
		panic(err)
	}
	return journal.Entry{Stream: journal.StreamJournal, Kind: journal.KindPlan, Shard: shard, Person: person(shard), At: noon, Clear: b}
}

func on(s journal.Stream, k journal.Kind, e journal.Entry) journal.Entry {
	e.Stream, e.Kind = s, k
	return e
}

// entries are n entries named name/0, name/1, …
func entries(name string, n, size int) []journal.Entry {
	out := make([]journal.Entry, n)
	for i := range out {
		out[i] = entry(i%reminder.Shards, fmt.Sprintf("%s/%d", name, i), size)
	}
	return out
}

// apart are n entries of a stream whose entries are messages of their own.
func apart(name string, n, size int) []journal.Entry {
	out := entries(name, n, size)
	for i := range out {
		out[i] = on(journal.StreamKeys, journal.KindKey, out[i])
	}
	return out
}

func person(n int) reminder.PersonKey { return reminder.PersonKey(fmt.Sprintf("1-%02x%030x", n, n)) }

func idOf(t testing.TB, e journal.Entry) string {
	t.Helper()
	var body struct{ ID string }
	if err := json.Unmarshal(e.Clear, &body); err != nil {
		t.Fatal(err)
	}
	return body.ID
}

// stand is what stands in a stream: where each id does.
func stand(t testing.TB, j *journal.Journal, s journal.Stream) (at map[string]uint64, order []string) {
	t.Helper()
	at = map[string]uint64{}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	last := uint64(0)
	err := j.Read(ctx, s, 1, func(e journal.Entry) error {
		if e.Seq < last {
			t.Errorf("%d comes after %d", e.Seq, last)
		}
		last = e.Seq
		at[idOf(t, e)] = e.Seq
		order = append(order, idOf(t, e))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return at, order
}

// connected waits until the journal takes entries again.
func connected(t testing.TB, j *journal.Journal) {
	t.Helper()
	var err error
	for range 200 {
		if _, err = j.Append(t.Context(), on(journal.StreamAudit, journal.KindAudit, entry(0, "hello", 0))); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the journal does not come back: %v", err)
}
