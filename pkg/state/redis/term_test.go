package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/redis"
)

// TestQuiet: what may have lost marks takes no fold, and so no STOP, before every attempt of the old store is over.
func TestQuiet(t *testing.T) {
	const quiet = 400 * time.Millisecond
	s := newServer(t, "")
	w := newLine(t, s.env["ADDR"], func(o *redis.Options) { o.Quiet = quiet })
	stop := func() time.Duration {
		began := time.Now()
		w.write(1, "", state.Bar{Address: hash(1)})
		return time.Since(began)
	}
	if d := stop(); d < quiet {
		t.Errorf("an empty store took a STOP after %v: it may have been emptied", d)
	}
	w.ok(w.vouch())
	w.ok(w.raw.ScriptFlush(t.Context()).Err())
	if d := stop(); d < quiet {
		t.Errorf("a restarted store took a STOP after %v", d)
	}
	w.ok(w.vouch())
	began := time.Now()
	w.projector = must(redis.New(redis.Options{Client: w.client(), Quiet: time.Hour}))(t)
	w.replay()
	stop()
	if d := time.Since(began); d > time.Minute {
		t.Errorf("a projector that follows another in peace waited for %v", d)
	}
	w.ok(w.raw.FlushAll(t.Context()).Err())
	hurried, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	newcomer := must(redis.New(redis.Options{Client: w.client(), Quiet: time.Hour}))(t)
	w.is(newcomer.Fold(hurried, state.Run{Shard: 1, To: w.seq, Changes: w.journal[1]})[0], context.DeadlineExceeded)
	if w.barredInStore(hash(1)) {
		t.Error("folded all the same")
	}
}

// TestConfirmAcrossABreak: a Confirm that was held up between its steps is not finished in another store.
func TestConfirmAcrossABreak(t *testing.T) {
	s := newServer(t, "")
	w, free, _ := busy(t, s.env["ADDR"])
	// The worker's commands are held up after its marks are written.
	held, goOn := make(chan struct{}), make(chan struct{})
	c := w.client()
	c.AddHook(&holdUp{script: "confirm", held: held, goOn: goOn})
	slow := must(redis.New(redis.Options{Client: c}))(t)
	w.ok(slow.Certified(t.Context()))
	answer := make(chan error, 1)
	go func() {
		errs, err := slow.Confirm(t.Context(), []state.Confirmation{free})
		answer <- errors.Join(err, errs[0])
	}()
	<-held
	w.marks(free.Address, 1)
	// The store breaks and loses the mark; the projector begins a new term; STOP comes, and sees nothing on the wire.
	w.ok(w.raw.ScriptFlush(t.Context()).Err())
	w.ok(w.raw.Del(t.Context(), fmt.Sprintf("husk:{%02x}:marks:%s", free.Address.Shard(), free.Address)).Err())
	w.ok(w.vouch())
	w.write(free.Address.Shard(), "", state.Bar{Address: free.Address})
	if left := must(w.worker.Wires(t.Context(), free.Address, ""))(t); len(left) > 0 {
		t.Fatal("the mark is there")
	}
	close(goOn)
	w.is(<-answer, state.ErrNotCertified)
}

// holdUp holds up the first pipeline that has a script in it which takes twelve arguments an attempt: Confirm's second step.
type holdUp struct {
	script     string
	held, goOn chan struct{}
	n          atomic.Int64
}

func (h *holdUp) DialHook(next goredis.DialHook) goredis.DialHook          { return next }
func (h *holdUp) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }
func (h *holdUp) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		if args := cmds[0].Args(); args[0] == "evalsha" && len(args) == 5+12 && h.n.Add(1) == 1 {
			close(h.held)
			<-h.goOn
		}
		return next(ctx, cmds)
	}
}

// TestLostAnswers: a script that ran although its answer was lost, and which the client sends again, counts once.
func TestLostAnswers(t *testing.T) {
	s := newServer(t, "")
	w, _, _ := busy(t, s.env["ADDR"])
	lossy := &loses{}
	c := goredis.NewClient(&goredis.Options{
		Addr: "elsewhere", PoolSize: 1, MinRetryBackoff: -1, MaxRetryBackoff: -1,
		Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, s.env["ADDR"])
			return &lossyConn{conn, lossy}, err
		},
	})
	defer c.Close()
	o := redis.Options{Client: c, Quiet: time.Millisecond}
	worker, folds := must(redis.New(o))(t), w.projector
	w.ok(worker.Certified(t.Context()))
	lost := 0
	for n := 5; n < 9; n++ {
		a := w.attempt(n)
		a.CapMax, a.CapPer = 1, time.Hour
		lossy.at.Store(int64(n - 4)) // the nth answer from now, so that each step loses its own
		errs, err := worker.Confirm(t.Context(), []state.Confirmation{a})
		w.ok(err)
		w.ok(errs[0])
		if lossy.at.Load() <= 0 {
			lost++
		}
		lossy.at.Store(0)
		w.marks(a.Address, 1)
		w.is(w.confirm(a), state.ErrClaim)
	}
	if lost < 2 {
		t.Errorf("only %d answers were lost", lost)
	}
	// And the fold: the answer is ErrStale, which reads Applied again and finds it done.
	w.projector = must(redis.New(redis.Options{Client: c, Quiet: time.Millisecond}))(t)
	w.replay()
	w.note(20, "", state.Bar{Address: hash(20)})
	from := must(w.projector.Applied(t.Context(), 20))(t)
	lossy.at.Store(2)
	w.is(w.projector.Fold(t.Context(), state.Run{Shard: 20, From: from, To: w.seq, Changes: w.journal[20]})[0], state.ErrStale)
	if got := must(folds.Applied(t.Context(), 20))(t); got != w.seq || !w.barredInStore(hash(20)) {
		t.Errorf("applied %v, want %v", got, w.seq)
	}
}

// loses is how many answers come through until one is lost; 0 = all do.
type loses struct{ at atomic.Int64 }

type lossyConn struct {
	net.Conn
	l *loses
}

func (c *lossyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && c.l.at.Load() > 0 && c.l.at.Add(-1) == 0 && bytes.ContainsAny(b[:n], "*:") {
		c.l.at.Store(-1)
		c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// TestNeedsAcrossABreak: what is needed of the journal is not read from a store that broke while it was read, however well
// it stands again.
func TestNeedsAcrossABreak(t *testing.T) {
	s := newServer(t, "")
	w, _, _ := busy(t, s.env["ADDR"])
	want := must(w.worker.Needs(t.Context()))(t)
	c := w.client()
	var once sync.Once
	c.AddHook(beforeScan(func() {
		once.Do(func() {
			w.ok(w.raw.FlushAll(t.Context()).Err())
			for err := w.vouch(); err != nil; err = w.vouch() {
				w.is(err, redis.ErrRolledBack)
				w.replay()
			}
		})
	}))
	slow := must(redis.New(redis.Options{Client: c}))(t)
	_, err := slow.Needs(t.Context())
	w.is(err, state.ErrNotCertified)
	if got := must(slow.Needs(t.Context()))(t); got != want || want == 0 {
		t.Errorf("needs %d, want %d", got, want)
	}
}

// beforeScan is called before each look at a shard's persons.
type beforeScan func()

func (f beforeScan) DialHook(next goredis.DialHook) goredis.DialHook { return next }
func (f beforeScan) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}
func (f beforeScan) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		if cmd.Name() == "hscan" {
			f()
		}
		return next(ctx, cmd)
	}
}

// TestScriptsAreFew: what each term leaves in Redis is one script, and not a large one.
func TestScriptsAreFew(t *testing.T) {
	s := newServer(t, "")
	c := client(t, s.env["ADDR"])
	cached := func() (scripts, bytes int) {
		for line := range strings.Lines(must(c.Info(t.Context(), "memory").Result())(t)) {
			_, _ = fmt.Sscanf(line, "number_of_cached_scripts:%d", &scripts)
			_, _ = fmt.Sscanf(line, "used_memory_vm_eval:%d", &bytes)
		}
		return scripts, bytes
	}
	term := func() {
		o := redis.Options{Client: c, Quiet: time.Millisecond}
		if err := must(redis.New(o))(t).Certify(t.Context(), time.Millisecond); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	term()
	before, used := cached()
	for range 10 {
		term()
	}
	if n, b := cached(); n-before != 10 || (b-used)/10 > 64<<10 {
		t.Errorf("ten terms left %d scripts and %d bytes", n-before, b-used)
	}
}

func TestFence(t *testing.T) {
	o := options(t)
	projector := func(fence uint64) *redis.State {
		o := o
		o.Fence = func() uint64 { return fence }
		return must(redis.New(o))(t)
	}
	certify := func(s *redis.State, d time.Duration, want error) {
		t.Helper()
		if err := s.Certify(t.Context(), d); !errors.Is(err, want) || (want != nil && !errors.Is(err, state.ErrNotCertified)) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	old, same, newer := projector(7), projector(7), projector(8)
	certify(old, time.Minute, nil)
	certify(same, time.Minute, redis.ErrFenced)
	certify(newer, time.Minute, nil) // its lock is of a later revision
	certify(old, time.Minute, redis.ErrFenced)
	certify(newer, 50*time.Millisecond, nil)
	time.Sleep(100 * time.Millisecond)
	certify(old, time.Minute, redis.ErrFenced) // also when it has lapsed: whoever had the lock after it may go on
	certify(projector(8), time.Minute, nil)
}

// TestOldStoreThatComesBack: a store that is just as it was left, certificate and scripts and all, while another one had the last
// certificate, may lack marks: nothing is folded before they are settled.
func TestOldStoreThatComesBack(t *testing.T) {
	issued := ""
	o := options(t)
	o.Quiet = 500 * time.Millisecond
	o.Issue = func(_ context.Context, nonce string) error { issued = nonce; return nil }
	o.Issued = func() string { return issued }
	open := func() *redis.State {
		o.Client = client(t, shared)
		return must(redis.New(o))(t)
	}
	certifies := func(s *redis.State) time.Duration {
		t.Helper()
		began := time.Now()
		if err := s.Certify(t.Context(), time.Millisecond); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond) // let it lapse
		return time.Since(began)
	}
	certifies(open())
	if took := certifies(open()); took > o.Quiet {
		t.Errorf("the next projector in the same store waits %v", took)
	}
	issued = "somewhere else"
	if took := certifies(open()); took < o.Quiet {
		t.Errorf("certified after %v, want to wait %v: the last certificate was of another store", took, o.Quiet)
	}
	o.Issue = func(context.Context, string) error { return errors.New("the broker is away") }
	if err := open().Certify(t.Context(), time.Second); err == nil {
		t.Error("certified under a nonce that nobody noted")
	}
}

func TestStreams(t *testing.T) {
	o := options(t)
	of := func(streams string) *redis.State {
		o := o
		o.Streams = func() string { return streams }
		return must(redis.New(o))(t)
	}
	first := of("a b c")
	fold(t, first, key(1), planned(appointment(1), key(1), 1, noon))
	for streams, want := range map[string]error{"a b c": nil, "": nil, "a b d": redis.ErrStreams} {
		if err := of(streams).Certify(t.Context(), 30*time.Millisecond); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", streams, err, want)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := first.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := of("a b d").Certify(t.Context(), time.Minute); err != nil {
		t.Errorf("after a rebuild: %v", err)
	}
}

// TestOtherShardsWordsLost: a shard of a Cluster that lost what others' folds say in it hears it again.
func TestOtherShardsWordsLost(t *testing.T) {
	o := options(t)
	c := client(t, shared)
	first := must(redis.New(o))(t)
	p, q := key(1), key(2)
	for n, k := range []reminder.PersonKey{p, q} {
		fold(t, first, k, planned(appointment(n), k, 1, noon), number("a", k, hash(9), noon))
	}
	gone := number("b", q, hash(9), noon.Add(time.Hour))
	gone.Type = contact.Wrong
	fold(t, first, q, gone)
	if err := first.Certify(t.Context(), 30*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	lost := 0
	for _, pattern := range []string{"{09}:*", "{" + fmt.Sprintf("%02x", 2000%64) + "}:*"} { // of the address, and of an appointment
		for _, k := range must(c.Keys(t.Context(), o.Prefix+":"+pattern).Result())(t) {
			if strings.Contains(k, ":terms") || strings.Contains(k, ":applied") {
				continue
			}
			lost++
			c.Del(t.Context(), k)
		}
	}
	if lost < 3 {
		t.Fatalf("only %d keys were there to lose", lost)
	}
	second := must(redis.New(o))(t)
	if err := second.Certify(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if got := must(second.Behind(t.Context(), []reminder.AddressHash{hash(9)}))(t)[0].Persons; got != 1 {
		t.Errorf("%d behind the address, want 1", got)
	}
	held := must(second.Appointments(t.Context(), []reminder.AppointmentKey{appointment(0), appointment(1)}))(t)
	if held[0].Person != p || held[1].Person != q {
		t.Errorf("held %+v", held)
	}
}

// TestDelayedProjector: what a projector that was held up says in other shards, when others have folded further, is nothing.
func TestDelayedProjector(t *testing.T) {
	p := key(1)
	gone := number("b", p, hash(9), noon.Add(time.Hour))
	gone.Type = contact.Removed
	cs, to := changes(state.Vector{}, p, number("a", p, hash(9), noon), gone)
	mid := state.Vector{state.People: 1}
	for name, others := range map[string][]state.Run{
		"run by run": {{Shard: 1, To: mid, Changes: cs[:1]}, {Shard: 1, From: mid, To: to, Changes: cs[1:]}},
		// The address came and went in one run, which changes nothing but what the other may say.
		"in one run": {{Shard: 1, To: to, Changes: cs}},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			first := must(redis.New(o))(t)
			held, goOn := make(chan struct{}), make(chan struct{})
			o.Client = client(t, shared)
			delayed := must(redis.New(o))(t)
			fold(t, delayed, key(5), planned(appointment(5), key(5), 1, noon)) // its term has begun
			o.Client.AddHook(&holdSide{held: held, goOn: goOn})
			answer := make(chan error, 1)
			go func() { answer <- delayed.Fold(t.Context(), state.Run{Shard: 1, To: mid, Changes: cs[:1]})[0] }()
			<-held
			for _, r := range others {
				if err := first.Fold(t.Context(), state.Run{Shard: r.Shard, From: r.From, To: r.To, Changes: r.Changes})[0]; err != nil {
					t.Fatal(err)
				}
			}
			close(goOn)
			if err := <-answer; !errors.Is(err, state.ErrStale) {
				t.Errorf("got %v", err)
			}
			if err := first.Certify(t.Context(), time.Minute); err != nil {
				t.Fatal(err)
			}
			if got := must(first.Behind(t.Context(), []reminder.AddressHash{hash(9)}))(t)[0].Persons; got != 0 {
				t.Error("the address is the person's again")
			}
		})
	}
}

// holdSide holds up the first words to another shard.
type holdSide struct {
	held, goOn chan struct{}
	n          atomic.Int64
}

func (h *holdSide) DialHook(next goredis.DialHook) goredis.DialHook          { return next }
func (h *holdSide) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }
func (h *holdSide) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		if slices.Contains(cmds[0].Args(), any("link")) && h.n.Add(1) == 1 {
			close(h.held)
			<-h.goOn
		}
		return next(ctx, cmds)
	}
}

func TestCheck(t *testing.T) {
	fit := newServer(t, "--repl-diskless-sync-delay 0")
	c := client(t, fit.env["ADDR"])
	check := func(want string) {
		t.Helper()
		err := redis.Check(t.Context(), c)
		if want == "" && err != nil {
			t.Error(err)
		}
		if want != "" && (!errors.Is(err, redis.ErrUnfit) || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	check("")
	for _, x := range []struct{ name, bad, good, want string }{
		{"maxmemory-policy", "allkeys-lru", "noeviction", "maxmemory-policy noeviction"},
		{"maxmemory-policy", "volatile-ttl", "noeviction", "maxmemory-policy noeviction"},
		{"appendonly", "no", "yes", "appendonly yes"},
	} {
		if err := c.ConfigSet(t.Context(), x.name, x.bad).Err(); err != nil {
			t.Fatal(err)
		}
		check(x.want)
		if err := c.ConfigSet(t.Context(), x.name, x.good).Err(); err != nil {
			t.Fatal(err)
		}
	}
	check("")
	_, c = replicaOf(t, fit)
	check("replica")
}

func TestOptions(t *testing.T) {
	c := client(t, "127.0.0.1:1")
	cluster := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	replicas := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, RouteByLatency: true})
	ring := goredis.NewRing(&goredis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	for _, c := range []io.Closer{cluster, replicas, ring} {
		defer c.Close()
	}
	for name, x := range map[string]struct {
		o    redis.Options
		want string
	}{
		"one":      {redis.Options{Client: c}, ""},
		"cluster":  {redis.Options{Client: cluster}, ""},
		"nobody":   {redis.Options{}, "Options.Client is required"},
		"replicas": {redis.Options{Client: replicas}, "replicas"},
		"ring":     {redis.Options{Client: ring}, "Options.Client"},
		"quiet":    {redis.Options{Client: c, Quiet: -1}, "Options.Quiet"},
		"pattern":  {redis.Options{Client: c, Prefix: "husk*"}, "Options.Prefix"},
		"tag":      {redis.Options{Client: c, Prefix: "{husk}"}, "Options.Prefix"},
	} {
		_, err := redis.New(x.o)
		if (err == nil) != (x.want == "") || (err != nil && !strings.Contains(err.Error(), x.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
