package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// load is the reminders of a measurement, one a person, all due at one instant, and when each was handed over.
type load struct {
	began  time.Time      // when they were due, by the machine's clock
	after  []atomic.Int64 // by person: nanoseconds from began to the hand-over, 0 = not yet
	handed atomic.Int64
	twice  atomic.Int64 // handed over more than once, or to nobody of the load
}

func newLoad(n int) *load { return &load{after: make([]atomic.Int64, n)} }

// hand takes one message.
func (l *load) hand(to reminder.Address, at time.Time) {
	n := personBehind(to)
	if n < 0 || n >= len(l.after) || !l.after[n].CompareAndSwap(0, max(1, int64(at.Sub(l.began)))) {
		l.twice.Add(1)
		return
	}
	l.handed.Add(1)
}

// delays are how long those that were handed over took, in order of persons.
func (l *load) delays() []time.Duration {
	var ds []time.Duration
	for i := range l.after {
		if d := l.after[i].Load(); d > 0 {
			ds = append(ds, time.Duration(d))
		}
	}
	return ds
}

// carrier is the only sender of the line. It hands messages to the load that is on, by way of a server where it has one.
type carrier struct {
	now  func() time.Time
	load atomic.Pointer[load]
	post atomic.Pointer[func(context.Context, reminder.Message) error] // nil = the empty carrier
}

var _ provider.Sender = (*carrier)(nil)

// Encode implements provider.Sender.
func (c *carrier) Encode(m reminder.Message) (reminder.Wire, error) {
	return reminder.Wire{Format: reminder.WireText, Body: m.Text}, provider.Inspect(m, reminder.SMS)
}

// Open implements provider.Sender: the route's own slots are the only limit.
func (c *carrier) Open(context.Context) (provider.Slot, error) { return &slot{carrier: c}, nil }

type slot struct {
	carrier *carrier
	used    bool
}

// Send implements provider.Slot.
func (s *slot) Send(ctx context.Context, m reminder.Message) (provider.Accepted, error) {
	if s.used {
		return provider.Accepted{}, &provider.Error{Outcome: provider.Retry, Code: "slot_used", Err: provider.ErrSlotUsed}
	}
	s.used = true
	if err := provider.Encoded(m, reminder.SMS); err != nil {
		return provider.Accepted{}, err
	}
	if post := s.carrier.post.Load(); post != nil {
		if err := (*post)(ctx, m); err != nil {
			return provider.Accepted{}, &provider.Error{Outcome: provider.Unknown, Code: provider.Cause(err), Err: err}
		}
	}
	at := s.carrier.now()
	if l := s.carrier.load.Load(); l != nil {
		l.hand(m.To, at)
	}
	return provider.Accepted{CarrierID: m.Reference, At: at}, nil
}

// Close implements provider.Slot.
func (s *slot) Close() {}

// gateway is an SMS gateway on the loopback interface, which says yes to everything.
type gateway struct {
	server *http.Server
	client *http.Client
	url    string
	served atomic.Int64
	ended  sync.WaitGroup
}

func openGateway(ctx context.Context) (*gateway, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("loopback server: %w", err)
	}
	g := &gateway{url: "http://" + l.Addr().String() + "/messages"}
	g.client = &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConns: slots, MaxIdleConnsPerHost: slots, MaxConnsPerHost: slots},
	}
	g.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		g.served.Add(1)
		w.WriteHeader(http.StatusAccepted)
	})}
	g.ended.Go(func() { _ = g.server.Serve(l) })
	return g, nil
}

// post sends one message, as carriers with an HTTP interface take them.
func (g *gateway) post(ctx context.Context, m reminder.Message) error {
	body, err := json.Marshal(map[string]string{"to": m.To.Reveal(), "from": m.Sender, "text": m.Wire.Body.Reveal(), "reference": m.Reference})
	if err != nil {
		return err
	}
	// The deadline is for the beginning of the write; the answer is awaited as long as the client says.
	q, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, g.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.GetBody = nil // with it net/http could send the message again
	q.Header.Set("Content-Type", "application/json")
	a, err := g.client.Do(q)
	if err != nil {
		return err
	}
	_ = a.Body.Close()
	if a.StatusCode != http.StatusAccepted {
		return errors.New("loopback server: " + a.Status)
	}
	return nil
}

func (g *gateway) close() {
	g.client.CloseIdleConnections()
	_ = g.server.Close()
	g.ended.Wait()
}
