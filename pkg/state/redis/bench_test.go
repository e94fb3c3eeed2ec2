package redis_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"golang.org/x/sync/errgroup"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
	"github.com/husk-reminders/husk/pkg/state/redis"
)

// The stores side by side, on what a batch of 256 asks of them. Redis is on this machine and syncs every second.

const batch = 256

// at is how far the benchmark's store is folded.
var at [reminder.Shards]state.Vector

func stores(b *testing.B, run func(b *testing.B, s state.State)) {
	b.Run("memory", func(b *testing.B) { run(b, memory.New()) })
	b.Run("redis", func(b *testing.B) { run(b, open(b)) })
}

// busyness is how long Redis and this process have worked: on a machine that others use as well, time by the clock tells little.
func busyness(b *testing.B) (store, own time.Duration) {
	b.Helper()
	if shared == "" {
		b.Skip("no Redis here")
	}
	var c *goredis.Client
	if c = watcher; c == nil {
		c = goredis.NewClient(&goredis.Options{Addr: shared})
		watcher = c
	}
	for line := range strings.Lines(must(c.Info(b.Context(), "cpu").Result())(b)) {
		for _, name := range []string{"used_cpu_user:", "used_cpu_sys:"} {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), name); ok {
				store += time.Duration(must(strconv.ParseFloat(v, 64))(b) * float64(time.Second))
			}
		}
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return store, time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var watcher *goredis.Client

// effort adds up what some work cost.
type effort struct{ wall, store, own time.Duration }

func (e *effort) of(b *testing.B, f func()) {
	b.Helper()
	store, own := busyness(b)
	began := time.Now()
	f()
	e.wall += time.Since(began)
	store2, own2 := busyness(b)
	e.store += store2 - store
	e.own += own2 - own
}

func (e *effort) report(b *testing.B, what string, rounds int) {
	b.Helper()
	for unit, d := range map[string]time.Duration{"": e.wall, "redis-": e.store, "own-": e.own} {
		b.ReportMetric(float64(d.Microseconds())/1000/float64(rounds), what+"-"+unit+"ms")
	}
}

// sealed is about as long as a sealed appointment.
var sealed = []byte(strings.Repeat("0123456789abcdef", 38))

// citizen folds a person as most are: one number, one word, one appointment with one reminder.
func citizen(b *testing.B, s state.State, n int) {
	p := key(n)
	defer func() { at[p.Shard()], _ = s.Applied(b.Context(), p.Shard()) }()
	plan := planned(appointment(n), p, 1, noon)
	plan.Sealed = sealed
	fold(b, s, p, plan,
		consent.Record{ID: fmt.Sprint("c", n), Person: p, Type: consent.Granted, Purposes: []reminder.Purpose{reminder.Remind}, Channels: []reminder.Channel{reminder.SMS},
			Scope: consent.Scope{Kind: policy.ControllerScope}, Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self}, EventTime: noon, Recorded: noon},
		number(fmt.Sprint("n", n), p, hash(n), noon))
}

func number(id string, p reminder.PersonKey, a reminder.AddressHash, at time.Time) state.Contact {
	return state.Contact{
		Record: contact.Record{ID: id, Person: p, Type: contact.Verified, Hash: a, Channel: reminder.SMS, Method: policy.DeskID, Level: policy.Proven, EventTime: at, Recorded: at},
		Sealed: sealed[:48],
	}
}

// foldAll folds one change a person, all shards together where the store can.
func foldAll(b *testing.B, s state.State, bodies map[reminder.PersonKey]any) {
	b.Helper()
	var byShard [reminder.Shards][]state.Change
	for p, body := range bodies {
		byShard[p.Shard()] = append(byShard[p.Shard()], state.Change{Stream: state.Journal, At: noon, Person: p, Body: body})
	}
	var runs []state.Run
	for shard, cs := range byShard {
		if len(cs) == 0 {
			continue
		}
		from := at[shard]
		for i := range cs {
			at[shard][state.Journal]++
			cs[i].Seq = at[shard][state.Journal]
		}
		runs = append(runs, state.Run{Shard: shard, From: from, To: at[shard], Changes: cs})
	}
	if r, ok := s.(*redis.State); ok {
		if err := errors.Join(r.Fold(b.Context(), runs...)...); err != nil {
			b.Fatal(err)
		}
		return
	}
	for _, r := range runs {
		if err := s.Fold(b.Context(), state.Run{Shard: r.Shard, From: r.From, To: r.To, Changes: r.Changes})[0]; err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFold folds 256 plans of 256 persons in 64 shards.
func BenchmarkFold(b *testing.B) {
	stores(b, func(b *testing.B, s state.State) {
		at = [reminder.Shards]state.Vector{}
		b.ReportAllocs()
		rounds := 0
		var e effort
		for i := 0; b.Loop(); i++ {
			rounds++
			bodies := map[reminder.PersonKey]any{}
			for n := range batch {
				plan := planned(appointment(n), key(n), uint64(i+1), noon)
				plan.Sealed = sealed
				bodies[key(n)] = plan
			}
			e.of(b, func() { foldAll(b, s, bodies) })
		}
		e.report(b, "fold", rounds)
	})
}

// BenchmarkAttempts takes 256 reminders from the lease to the outcome: lease, look, intend, confirm, settle, done.
func BenchmarkAttempts(b *testing.B) {
	stores(b, func(b *testing.B, s state.State) {
		at = [reminder.Shards]state.Vector{}
		if err := s.Certify(b.Context(), time.Hour); err != nil {
			b.Fatal(err)
		}
		spent := map[string]*effort{}
		took := func(what string, f func() error) {
			if spent[what] == nil {
				spent[what] = &effort{}
			}
			spent[what].of(b, func() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			})
		}
		rounds := 0
		for b.Loop() {
			b.StopTimer()
			for n := range batch {
				citizen(b, s, rounds*batch+n)
			}
			rounds++
			b.StartTimer()
			var ls []state.Leased
			took("lease", func() (err error) {
				ls, err = s.Lease(b.Context(), "sms", noon, batch, time.Minute)
				return err
			})
			if len(ls) != batch {
				b.Fatalf("%d leases", len(ls))
			}
			keys := make([]reminder.PersonKey, len(ls))
			for i, l := range ls {
				keys[i] = l.Person
			}
			var ps []state.Person
			took("people", func() (err error) {
				if ps, err = s.Persons(b.Context(), keys); err != nil {
					return err
				}
				hs := make([]reminder.AddressHash, len(ps))
				for i, p := range ps {
					hs[i] = p.Contact[0].Hash
				}
				_, err = s.Behind(b.Context(), hs)
				return err
			})
			intents, outcomes := map[reminder.PersonKey]any{}, map[reminder.PersonKey]any{}
			cs := make([]state.Confirmation, len(ls))
			for i, l := range ls {
				claim := reminder.NewClaim(l.Person)
				a := ps[i].Contact[0].Hash
				intents[l.Person] = receipt.Intent{Reminder: l.Reminder, Person: l.Person, Attempt: l.Attempt, Claim: claim, Version: l.Version, Address: a, Route: "sms"}
				outcomes[l.Person] = receipt.Outcome{Reminder: l.Reminder, Person: l.Person, Attempt: l.Attempt, Claim: claim, Status: receipt.Accepted}
				cs[i] = state.Confirmation{
					Reminder: l.Reminder, Person: l.Person, Token: l.Token, Version: l.Version, PersonVersion: ps[i].Version, Attempt: l.Attempt, Claim: claim,
					Address: a, Switches: []string{"all", "unit:ortho"}, CapMax: 5, CapPer: 24 * time.Hour, At: noon,
				}
			}
			took("intend", func() error { foldAll(b, s, intents); return nil })
			took("confirm", func() error {
				errs, err := s.Confirm(b.Context(), cs)
				for _, e := range errs {
					if err == nil {
						err = e
					}
				}
				return err
			})
			took("settle", func() error { foldAll(b, s, outcomes); return nil })
			took("done", func() error {
				var wg errgroup.Group
				for _, l := range ls {
					wg.Go(func() error { return s.Done(b.Context(), l.Lease) })
				}
				return wg.Wait()
			})
		}
		var all effort
		for what, e := range spent {
			e.report(b, what, rounds)
			all.wall, all.store, all.own = all.wall+e.wall, all.store+e.store, all.own+e.own
		}
		all.report(b, "all", rounds)
	})
}

// BenchmarkIdle is a worker's poll where nothing is due.
func BenchmarkIdle(b *testing.B) {
	stores(b, func(b *testing.B, s state.State) {
		if err := s.Certify(b.Context(), time.Hour); err != nil {
			b.Fatal(err)
		}
		for n := range batch {
			citizen(b, s, n)
		}
		b.ReportAllocs()
		var e effort
		e.of(b, func() {
			for b.Loop() {
				if ls, err := s.Lease(b.Context(), "sms", noon.Add(-time.Hour), batch, time.Minute); err != nil || len(ls) > 0 {
					b.Fatal(len(ls), err)
				}
			}
		})
		e.report(b, "poll", b.N)
	})
}

// BenchmarkPending reports what one waiting reminder costs the store.
func BenchmarkPending(b *testing.B) {
	s := open(b)
	c := client(b, shared)
	used := func() int64 {
		var n int64
		for line := range strings.Lines(must(c.Info(b.Context(), "memory").Result())(b)) {
			_, _ = fmt.Sscanf(line, "used_memory:%d", &n)
		}
		return n
	}
	before := used()
	n := 0
	for b.Loop() {
		citizen(b, s, n)
		n++
	}
	b.ReportMetric(float64(used()-before)/float64(n), "B/pending")
}
