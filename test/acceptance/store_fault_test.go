package acceptance

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// storeFault is a way in which a store loses what it had acknowledged.
type storeFault struct {
	name   string
	before func(x *trial) // the houses are started
	early  func(x *trial) // some seconds before people say STOP
	strike func(x *trial) // when all STOPs are acknowledged
}

var storeFaults = []storeFault{
	{
		name: "older files",
		early: func(x *trial) {
			x.must(copyTree(x.backup(), x.files()))
		},
		strike: func(x *trial) {
			x.s.redis.stop()
			x.must(errors.Join(os.RemoveAll(x.files()), copyTree(x.files(), x.backup())))
			x.s.redis.up()
		},
	},
	{
		name:   "flushed",
		strike: func(x *trial) { x.must(redisDo(x.s.redis.addr, "FLUSHALL").Err()) },
	},
	{
		name:   "replica without the STOPs",
		before: (*trial).replicate,
		early:  func(x *trial) { x.link.lead("") },
		strike: func(x *trial) { x.promote() },
	},
	{
		name:   "old master",
		before: (*trial).replicate,
		early:  func(x *trial) { x.promote() },
		strike: func(x *trial) { x.door.lead(x.s.redis.addr) },
	},
}

// trial is one fault on its way.
type trial struct {
	t    *testing.T
	s    *site
	c    *carrier
	hs   []*house
	all  []booking
	door *proxy // between the houses and the store
	link *proxy // between master and replica
	next *server
	w    *witness

	mu     sync.Mutex
	barred map[string]time.Time // by address, when its STOP was acknowledged
}

// How many people say STOP, and how many do not.
const (
	stopping = 20
	staying  = 60
)

// The trial's times, from its beginning: what happens early, when people say STOP, and the first and last moment at which something
// falls due, for those who stay and for those who stop. A machine that is too slow for them is given twice the time.
const (
	earlyAt  = 4 * time.Second
	stopAt   = 9 * time.Second
	stayFrom = 4 * time.Second
	stopFrom = 15 * time.Second
	dueUntil = 20 * time.Second
	lateFor  = 10 * time.Second // how late the program with late STOPs hears of them
)

func (x *trial) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *trial) files() string  { return filepath.Join(x.s.dir, "redis") }
func (x *trial) backup() string { return filepath.Join(x.s.dir, "redis-before") }

// replicate gives the store a replica.
func (x *trial) replicate() {
	x.t.Helper()
	x.link = newProxy(x.t, x.s.redis.addr)
	host, port, err := net.SplitHostPort(x.link.addr())
	x.must(err)
	x.next = newStore(x.t, redisServer(x.t), filepath.Join(x.s.dir, "replica", "redis"), "--replicaof", host+" "+port)
	x.next.up()
	x.eventually(20*time.Second, "the replica does not follow", func() bool {
		said, err := redisDo(x.next.addr, "INFO", "replication").Text()
		return err == nil && strings.Contains(said, "master_link_status:up")
	})
}

// promote makes the replica the master, and everybody's store. The old one goes on as a master that nobody speaks to.
func (x *trial) promote() {
	x.t.Helper()
	x.must(redisDo(x.next.addr, "REPLICAOF", "NO", "ONE").Err())
	x.door.lead(x.next.addr)
}

func (x *trial) eventually(limit time.Duration, otherwise string, ask func() bool) {
	x.t.Helper()
	x.hs[0].eventually(limit, otherwise, ask)
}

// newTrial makes a site with two houses, which work.
func newTrial(t *testing.T, f storeFault, bin string) *trial {
	t.Helper()
	x := &trial{t: t, s: newSite(t, seedSite(t)), c: newCarrier(t), barred: map[string]time.Time{}}
	x.door = newProxy(t, x.s.redis.addr)
	x.s.store = x.door.addr()
	for range 2 {
		h := x.s.house(x.c)
		h.bin = bin
		h.settings["sweeps.open_attempts"] = "@every 1s"
		h.launch()
		x.hs = append(x.hs, h)
	}
	if f.before != nil {
		f.before(x)
	}
	for _, h := range x.hs {
		h.ready(time.Minute)
	}
	x.w = x.witness()
	t.Cleanup(x.w.stop)
	return x
}

// struck is a trial whose fault has happened, and when: the store has lost the STOPs, and messages to those who said it are planned.
func struck(t *testing.T, f storeFault, bin string) (*trial, time.Time) {
	t.Helper()
	for times := 1; times <= 4; times *= 2 {
		x := newTrial(t, f, bin)
		if at, inTime := x.run(f, times); inTime {
			return x, at
		}
		t.Logf("the machine is too slow for a trial of %v", time.Duration(times)*dueUntil)
		x.end()
	}
	t.Fatal("the machine is too slow")
	return nil, time.Time{}
}

// end makes room for another trial.
func (x *trial) end() {
	for _, h := range x.hs {
		h.kill()
	}
	x.s.nats.kill()
	x.s.redis.kill()
	if x.next != nil {
		x.next.kill()
	}
}

// run books, lets people say STOP, and strikes, in so many times the trial's times. inTime says whether all STOPs were
// acknowledged, and the fault had happened, before a message to those who said it was due.
func (x *trial) run(f storeFault, times int) (struck time.Time, inTime bool) {
	x.t.Helper()
	begin := time.Now()
	scaled := func(d time.Duration) time.Duration { return time.Duration(times) * d }
	at := func(d time.Duration) { time.Sleep(time.Until(begin.Add(scaled(d)))) }
	people := stopping + staying
	for i, b := range everybody(people) {
		from := stayFrom
		if b.person < stopping {
			from = stopFrom
		}
		b.due = begin.Add(scaled(from + time.Duration(i*37%(5*people))*(dueUntil-from)/time.Duration(5*people)))
		x.all = append(x.all, b)
	}
	slices.SortFunc(x.all, func(a, b booking) int { return a.due.Compare(b.due) }) // what is due first comes first
	system := x.hs[0].bookings()
	x.must(each(len(x.all), 32, func(i int) error { return system.publish(x.all[i].subject(), x.all[i].event(), 10*time.Second) }))
	staff := []*staff{x.hs[0].staff(), x.hs[1].staff()}
	for staff[0].status().reminders() < len(x.all) {
		if time.Since(begin) > scaled(stopAt) {
			return struck, false
		}
		time.Sleep(50 * time.Millisecond)
	}

	at(earlyAt)
	if f.early != nil {
		f.early(x)
	}
	at(stopAt)
	for _, h := range x.hs {
		h.ready(time.Minute)
	}
	x.must(each(stopping, 8, func(i int) error {
		p, who := someone(i), staff[i%2]
		var err error
		if i%4 < 2 {
			err = who.bar(p.mail)
		} else {
			var key string
			if key, err = who.key(p); err == nil {
				err = who.withdraw(key)
			}
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		x.barred[p.mail] = time.Now()
		return err
	}))
	for _, h := range x.hs {
		state := filepath.Join(h.data, "state") // who has not led has none yet
		x.must(errors.Join(os.MkdirAll(state, 0o700), os.WriteFile(filepath.Join(state, "high-water.json"+lateStopFile), []byte(scaled(lateFor).String()), 0o600)))
	}
	sent := x.c.count()
	x.watchStatus()
	f.strike(x)
	struck = time.Now()
	x.w.changed.Store(true)
	if struck.Sub(begin) > scaled(stopFrom) {
		return struck, false
	}
	x.t.Logf("%d STOPs acknowledged after %.1f s, %d letters sent; struck at %.1f s", len(x.barred), time.Since(begin).Seconds(), sent, struck.Sub(begin).Seconds())
	if sent == 0 {
		x.t.Error("nothing was sent before the fault: the test shows nothing")
	}
	return struck, true
}

// watchStatus looks at the houses' status all the time, as somebody does who hears that something is wrong.
func (x *trial) watchStatus() {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, h := range x.hs {
		s := h.staff()
		for range 2 {
			wg.Go(func() {
				for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
					_ = s.ask(http.MethodGet, "/v1/status?next=0", nil, nil)
				}
			})
		}
	}
	x.t.Cleanup(func() { cancel(); wg.Wait() })
}

// violations counts letters that came after their address's acknowledged STOP, and bookings that have more than one letter.
func (x *trial) violations() (late, twice int) {
	at := map[place]int{}
	for _, l := range x.c.record() {
		if when, ok := x.barred[l.to]; ok && l.at.After(when) {
			late++
		}
		p := place{l.to, l.replyTo}
		if at[p]++; at[p] == 2 {
			twice++
		}
	}
	return late, twice
}

// witness watches the certificate of the first shard, which is renewed first.
type witness struct {
	stop    func()
	changed atomic.Bool // what is seen from now on is after the fault
	mu      sync.Mutex
	nonces  map[string]bool // before it
	lastNo  time.Time       // when nobody vouched under a nonce that is not one of them
	yes     bool            // somebody does
}

func (x *trial) witness() *witness {
	client := goredis.NewClient(&goredis.Options{Addr: x.door.addr(), MaxRetries: -1, DialerRetries: 1, ReadTimeout: 500 * time.Millisecond})
	w := &witness{nonces: map[string]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = client.Close() }()
		for ; ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
			after := w.changed.Load()
			asked := time.Now()
			c, err := client.HMGet(ctx, "husk:{00}:certificate", "nonce", "until").Result()
			nonce, until := "", int64(0)
			if err == nil {
				nonce, _ = c[0].(string)
				text, _ := c[1].(string)
				until, _ = strconv.ParseInt(text, 10, 64)
			}
			w.mu.Lock()
			switch {
			case !after:
				w.nonces[nonce] = true
			case nonce == "" || w.nonces[nonce] || until < asked.UnixMilli():
				if !w.yes {
					w.lastNo = asked
				}
			default:
				w.yes = true
			}
			w.mu.Unlock()
		}
	}()
	w.stop = func() { cancel(); <-done }
	return w
}

// handOver is how long after its confirmation a letter may still arrive: the write deadline, and what a busy machine adds. A lost
// store's next certificate waits longer.
const handOver = 1500 * time.Millisecond

// TestStoreFaults: a store loses STOPs that were acknowledged, in four ways, while messages to those who said them are planned. Nothing
// is decided until somebody has read the journal again and vouches, nothing reaches those who said STOP, and everything
// else goes on by itself, once. And each fault matters: the same program without the certificate sends to them.
//
// The planted program's projector hears of withdrawals ten seconds late besides, as from a broker that answers slowly for one of its
// streams; the journal is read again also where nobody waits for that, and else it would depend on luck who is first. With the
// certificate that changes nothing, which the third program shows.
func TestStoreFaults(t *testing.T) {
	// Not beside the others: it fills the machine.
	seedSite(t)
	begin := time.Now()
	real := build(t, false)
	together(t, "as it is", func(t *testing.T, f storeFault) { survive(t, f, real) })
	slow := plant(t, "husk-late-stop", lateStop...)
	planted := plant(t, "husk-uncertified", slices.Concat(lateStop, uncertified)...)
	together(t, "late STOPs", func(t *testing.T, f storeFault) { survive(t, f, slow) })
	together(t, "without certificate", func(t *testing.T, f storeFault) { suffer(t, f, planted) })
	t.Logf("%d faults, three programs: %.1f s", len(storeFaults), time.Since(begin).Seconds())
}

// together runs a test of each fault at the same time; most of it is waiting.
func together(t *testing.T, name string, test func(t *testing.T, f storeFault)) {
	t.Helper()
	var wg sync.WaitGroup
	for _, f := range storeFaults {
		wg.Go(func() { t.Run(name+"/"+f.name, func(t *testing.T) { test(t, f) }) })
	}
	wg.Wait()
}

// survive runs a trial of a program that must come through it.
func survive(t *testing.T, f storeFault, bin string) {
	x, struck := struck(t, f, bin)
	w := x.w

	for _, h := range x.hs {
		h.ready(time.Minute)
	}
	staff := x.hs[0].staff()
	st := x.hs[0].settled(staff, 90*time.Second, len(x.all))
	w.stop()
	if !w.yes || w.lastNo.Before(struck) {
		t.Fatal("the certificate was not lost, or did not come back")
	}
	if w.lastNo.Sub(struck) < handOver {
		t.Errorf("certified again %.3f s after the fault: what was confirmed before it may be on its way, and no mark tells of it", w.lastNo.Sub(struck).Seconds())
	}
	record := x.c.record()
	uncertain, others, last := 0, 0, struck
	for _, l := range record {
		if l.at.After(struck.Add(handOver)) && l.at.Before(w.lastNo) {
			uncertain++
			t.Errorf("a letter arrived %.3f s after the fault; nobody vouched for the state until %.3f s after it", l.at.Sub(struck).Seconds(), w.lastNo.Sub(struck).Seconds())
		}
		if l.at.After(struck) {
			others++
			last = l.at
		}
	}
	late, twice := x.violations()
	if late+twice > 0 {
		t.Errorf("%d letters after an acknowledged STOP, %d bookings with more than one letter", late, twice)
	}
	y, _ := reckon(t, record, x.all)
	// On a slow machine a worker may give up waiting for its intents, which are in doubt then.
	unknown := st.Counts["unknown"]
	if want := 5 * staying; st.Counts["accepted"]+unknown != want || y.once < st.Counts["accepted"] || unknown > slots*len(x.hs) || st.Counts["denied"] != 5*stopping {
		t.Errorf("the carrier has %d once, status counts %v; want %d accepted, or in doubt for want of a worker, and %d denied", y.once, st.Counts, want, 5*stopping)
	}
	if others == 0 {
		t.Error("nothing was sent after the fault: the test shows nothing")
	}
	for _, h := range x.hs {
		h.stop()
	}
	t.Logf("certified again %.1f s after the fault, no letter between; then %d letters in %.1f s, none after a STOP, none twice; %v",
		w.lastNo.Sub(struck).Seconds(), others, last.Sub(struck).Seconds(), st.Counts)
}

// suffer runs a trial of a planted program, in which the fault must show.
func suffer(t *testing.T, f storeFault, bin string) {
	x, struck := struck(t, f, bin)
	late, twice := 0, 0
	for end := time.Now().Add(40 * time.Second); late+twice == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("without the certificate nothing went wrong: the fault is not shown to matter")
		}
		late, twice = x.violations()
	}
	t.Logf("without the certificate: %d letters after an acknowledged STOP, %d bookings with two letters, %.1f s after the fault", late, twice, time.Since(struck).Seconds())
}
