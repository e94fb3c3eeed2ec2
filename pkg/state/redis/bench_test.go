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

// citizen folds a person as most are.
func citizen(b *testing.B, s state.State, n int) {
	p := key(n)
	defer func() { at[p.Shard()], _ = s.Applied(b.Context(), p.Shard()) }()
	fold(b, s, p, folded(n)...)
}

// folded is what there is of a person as most are: one appointment with one reminder, one word, one number.
func folded(n int) []any {
	p := key(n)
	plan := planned(visit(n), p, 1, noon)
	plan.Sealed = sealed
	return []any{
		plan,
		consent.Record{ID: fmt.Sprint("c", n), Person: p, Type: consent.Granted, Purposes: []reminder.Purpose{reminder.Remind}, Channels: []reminder.Channel{reminder.SMS},
			Scope: consent.Scope{Kind: policy.ControllerScope}, Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self}, EventTime: noon, Recorded: noon},
		number(fmt.Sprint("n", n), p, hash(n), noon),
	}
}

func number(id string, p reminder.PersonKey, a reminder.AddressHash, at time.Time) state.Contact {
	return state.Contact{
		Record: contact.Record{ID: id, Person: p, Type: contact.Verified, Hash: a, Channel: reminder.SMS, Method: policy.DeskID, Level: policy.Proven, EventTime: at, Recorded: at},
		Sealed: sealed[:48],
	}
}

// foldAll folds what there is of each person, all shards together.
func foldAll(b *testing.B, s state.State, bodies map[reminder.PersonKey][]any) {
	b.Helper()
	var runs [reminder.Shards]state.Run
	for shard := range runs {
		runs[shard] = state.Run{Shard: shard, From: at[shard]}
	}
	for p, bs := range bodies {
		shard := p.Shard()
		cs, to := changes(at[shard], p, bs...)
		runs[shard].Changes, at[shard] = append(runs[shard].Changes, cs...), to
	}
	var live []state.Run
	for shard, r := range runs {
		if len(r.Changes) > 0 {
			r.To = at[shard]
			live = append(live, r)
		}
	}
	if err := errors.Join(s.Fold(b.Context(), live...)...); err != nil {
		b.Fatal(err)
	}
}

// visit is the nth person's appointment; the keys of real ones are spread over all shards.
func visit(n int) reminder.AppointmentKey {
	return reminder.AppointmentKey(fmt.Sprintf("1-%02x%030x", (n*7)%256, 2000+n))
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
			bodies := map[reminder.PersonKey][]any{}
			for n := range batch {
				plan := planned(visit(n), key(n), uint64(i+1), noon)
				plan.Sealed = sealed
				bodies[key(n)] = []any{plan}
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
			intents, outcomes := map[reminder.PersonKey][]any{}, map[reminder.PersonKey][]any{}
			cs := make([]state.Confirmation, len(ls))
			for i, l := range ls {
				claim := reminder.NewClaim(l.Person)
				a := ps[i].Contact[0].Hash
				intents[l.Person] = []any{receipt.Intent{Reminder: l.Reminder, Person: l.Person, Attempt: l.Attempt, Claim: claim, Version: l.Version, Address: a, Route: "sms"}}
				outcomes[l.Person] = []any{receipt.Outcome{Reminder: l.Reminder, Person: l.Person, Attempt: l.Attempt, Claim: claim, Status: receipt.Accepted}}
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

// BenchmarkPending reports what a waiting reminder costs the store, by kind of key: 10,000 persons as most are, with one each.
func BenchmarkPending(b *testing.B) {
	const people = 10_000
	for b.Loop() {
		o := options(b)
		s, c := must(redis.New(o))(b), client(b, shared)
		used := func() (n int64) {
			for line := range strings.Lines(must(c.Info(b.Context(), "memory").Result())(b)) {
				_, _ = fmt.Sscanf(line, "used_memory_dataset:%d", &n)
			}
			return n
		}
		at = [reminder.Shards]state.Vector{}
		before := used()
		for n := 0; n < people; n += batch {
			ps := map[reminder.PersonKey][]any{}
			for k := n; k < min(n+batch, people); k++ {
				ps[key(k)] = folded(k)
			}
			foldAll(b, s, ps)
		}
		b.ReportMetric(float64(used()-before)/people, "B/pending")
		sizes := map[string]int64{}
		for it := c.Scan(b.Context(), 0, o.Prefix+":*", 1000).Iterator(); it.Next(b.Context()); {
			kind, _, _ := strings.Cut(strings.SplitN(it.Val(), ":", 3)[2], ":")
			sizes[kind] += must(c.MemoryUsage(b.Context(), it.Val(), 0).Result())(b)
		}
		for kind, n := range sizes {
			if n > people {
				b.ReportMetric(float64(n)/people, kind+"-B")
			}
		}
	}
}

// BenchmarkEach goes through everybody, as the lists and the day's figures do.
func BenchmarkEach(b *testing.B) {
	const people = 10_000
	stores(b, func(b *testing.B, s state.State) {
		at = [reminder.Shards]state.Vector{}
		for n := 0; n < people; n += batch {
			ps := map[reminder.PersonKey][]any{}
			for k := n; k < min(n+batch, people); k++ {
				ps[key(k)] = folded(k)
			}
			foldAll(b, s, ps)
		}
		for b.Loop() {
			n := 0
			if err := s.Each(b.Context(), func(*state.Person) error { n++; return nil }); err != nil || n != people {
				b.Fatal(n, err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/people, "us/person")
	})
}
