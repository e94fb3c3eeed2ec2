package app

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/journal"
)

// outside is a broker outside the process.
type outside struct {
	t    *testing.T
	dir  string
	addr string
	ns   *server.Server
}

func newOutside(t *testing.T) *outside {
	t.Helper()
	o := &outside{t: t, dir: t.TempDir(), addr: freePort(t)}
	o.up()
	t.Cleanup(o.down)
	return o
}

func (o *outside) up() {
	o.t.Helper()
	host, p, err := net.SplitHostPort(o.addr)
	if err != nil {
		o.t.Fatal(err)
	}
	port, err := strconv.Atoi(p)
	if err != nil {
		o.t.Fatal(err)
	}
	if o.ns, err = server.NewServer(&server.Options{Host: host, Port: port, JetStream: true, StoreDir: o.dir, SyncAlways: true, NoLog: true, NoSigs: true}); err != nil {
		o.t.Fatal(err)
	}
	o.ns.Start()
	if !o.ns.ReadyForConnections(20 * time.Second) {
		o.t.Fatal("the broker does not start")
	}
}

func (o *outside) down() {
	o.ns.Shutdown()
	o.ns.WaitForShutdown()
}

// process is one that wants to lead. Each has a connection of its own, which pass can cut.
type process struct {
	*lead
	nc    *nats.Conn
	terms chan uint64 // the fence of each term that began
	end   func()
}

// terms are the terms of all processes, of which no two may overlap.
type terms struct {
	mu      sync.Mutex
	now     int
	overlap bool
}

// lead is the lock as another process has it.
func (o *outside) lead() (*lead, *nats.Conn) {
	o.t.Helper()
	b, err := connectBroker(config.NATS{URL: config.Secret("nats://" + o.addr)}, zap.NewNop())
	if err != nil {
		o.t.Fatal(err)
	}
	js, err := jetstream.New(b.nc)
	if err != nil {
		o.t.Fatal(err)
	}
	l, err := newLead(o.t.Context(), js, 1, zap.NewNop())
	if err != nil {
		o.t.Fatal(err)
	}
	return l, b.nc
}

func (o *outside) process(all *terms, term func(context.Context) error, able ...func() error) *process {
	o.t.Helper()
	l, nc := o.lead()
	for _, f := range able {
		l.able = f
	}
	p := &process{lead: l, nc: nc, terms: make(chan uint64, 100)}
	ctx, cancel := context.WithCancel(context.WithoutCancel(o.t.Context()))
	done := make(chan error, 1)
	go func() {
		done <- l.run(ctx, func(ctx context.Context) error {
			all.mu.Lock()
			all.now++
			all.overlap = all.overlap || all.now > 1
			all.mu.Unlock()
			p.terms <- l.fence.Load()
			err := term(ctx)
			all.mu.Lock()
			all.now--
			all.mu.Unlock()
			return err
		}, Lasting)
	}()
	p.end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			o.t.Error(err)
		}
		nc.Close()
	})
	o.t.Cleanup(p.end)
	return p
}

func hold(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func begun(t *testing.T, p *process, within time.Duration) uint64 {
	t.Helper()
	select {
	case fence := <-p.terms:
		return fence
	case <-time.After(within):
		t.Fatalf("does not lead within %v", within)
		return 0
	}
}

// One leads at a time; who stops hands over at once, who dies or is cut off is followed when the lock has lapsed, and every term
// has a higher fence than those before.
func TestLead(t *testing.T) {
	o := newOutside(t)
	var all terms
	a := o.process(&all, hold)
	one := begun(t, a, 10*time.Second)
	b := o.process(&all, hold)
	select {
	case <-b.terms:
		t.Fatal("two lead at once")
	case <-time.After(lapseAfter + time.Second):
	}
	began := time.Now()
	a.end()
	two := begun(t, b, 10*time.Second)
	if took := time.Since(began); took > lapseAfter {
		t.Errorf("handed over after %v: the lock was not released", took)
	}

	// Cut off, b notices by itself before anybody else may begin.
	c := o.process(&all, hold)
	b.nc.Close()
	three := begun(t, c, 30*time.Second)
	if one >= two || two >= three {
		t.Errorf("fences %d, %d, %d do not grow", one, two, three)
	}
	if b.leading.Load() || all.overlap {
		t.Error("two led at once")
	}
}

// A broker that restarts takes the lead away and gives it again.
func TestLeadWhenTheBrokerRestarts(t *testing.T) {
	o := newOutside(t)
	var all terms
	a, b := o.process(&all, hold), o.process(&all, hold)
	first := uint64(0)
	select {
	case first = <-a.terms:
	case first = <-b.terms:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody leads")
	}
	o.down()
	time.Sleep(stopAfter + time.Second)
	if a.leading.Load() || b.leading.Load() {
		t.Error("leads without the broker")
	}
	o.up()
	var second uint64
	select {
	case second = <-a.terms:
	case second = <-b.terms:
	case <-time.After(30 * time.Second):
		t.Fatal("nobody leads after the broker's restart")
	}
	if second <= first || all.overlap {
		t.Errorf("fence %d after %d; two at once: %t", second, first, all.overlap)
	}
}

// A term that fails gives another process its turn; one whose failure lasts ends the process's own line.
func TestLeadOfWhoFails(t *testing.T) {
	o := newOutside(t)
	var all terms
	a := o.process(&all, func(context.Context) error { return errors.New("can't") })
	begun(t, a, 10*time.Second)
	b := o.process(&all, hold)
	begun(t, b, 20*time.Second)

	a.end()
	b.end()
	l, nc := o.lead()
	defer nc.Close()
	if err := l.run(t.Context(), func(context.Context) error { return journal.ErrFormat }, Lasting); !errors.Is(err, journal.ErrFormat) {
		t.Errorf("got %v", err)
	}
}

// A leader whose clock was moved gives the lead up, and none such takes it; set right, it may again.
func TestLeadOfAMovedClock(t *testing.T) {
	o := newOutside(t)
	var all terms
	var moved atomic.Bool
	steady := func() error {
		if moved.Load() {
			return errMoved
		}
		return nil
	}
	a := o.process(&all, func(ctx context.Context) error { return inOffice(ctx, nil, steady) }, steady)
	begun(t, a, 10*time.Second)
	b := o.process(&all, hold)
	moved.Store(true)
	begun(t, b, steadyEvery+lapseAfter)
	b.end()
	select {
	case <-a.terms:
		t.Error("it leads with a clock that was moved")
	case <-time.After(lapseAfter + time.Second):
	}
	moved.Store(false)
	begun(t, a, 10*time.Second)
	if all.overlap {
		t.Error("two led at once")
	}
}
