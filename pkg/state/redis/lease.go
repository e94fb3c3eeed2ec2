package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Lease implements state.State. It looks into all shards with plain reads, chooses the earliest, and leases in the shards that
// have them, where a gate checks the certificate; where nothing is due one gate alone is asked. Where a shard has many more
// than its share, those beyond its first come a little later than their time says.
func (s *State) Lease(ctx context.Context, route string, until time.Time, limit int, d time.Duration) ([]state.Leased, error) {
	if limit <= 0 {
		return nil, s.Certified(ctx)
	}
	x := &leasing{State: s, route: route, until: until, d: d}
	var failed error
	for vain := 0; len(x.out) < limit && failed == nil && vain < 2; { // twice in vain: other workers are faster
		had := len(x.out)
		shares, err := x.choose(ctx, limit-had)
		if failed = err; len(shares) == 0 {
			break
		}
		if failed = x.lease(ctx, shares); len(x.out) == had {
			vain++
		}
	}
	switch {
	case len(x.out) > 0: // what is leased is leased
	case failed != nil:
		return nil, failed
	default:
		return nil, s.oneCertified(ctx)
	}
	slices.SortStableFunc(x.out, func(a, b found) int { return cmp.Compare(a.score, b.score) })
	ls := make([]state.Leased, len(x.out))
	for i, f := range x.out {
		ls[i] = f.Leased
	}
	return ls, nil
}

// leasing is one call of Lease.
type leasing struct {
	*State
	route string
	until time.Time
	d     time.Duration
	out   []found
	spent [reminder.Shards]bool // where nothing more is to be had
	taken [reminder.Shards]bool // where some of what is due is of persons who have another leased
}

// found is a lease and the time that it was chosen by: a deferral's, where there is one.
type found struct {
	state.Leased
	score float64
}

// share is how many reminders a script of one shard leases, and how late the last of them may be. All says that this is all
// that was seen to be due there.
type share struct {
	shard int
	n     int
	until float64
	all   bool
}

// choose finds how many of the limit earliest each shard has.
func (x *leasing) choose(ctx context.Context, limit int) ([]share, error) {
	type first struct {
		shard int
		score float64
	}
	most := limit/32 + 4
	dues, err := x.peek(ctx, most)
	if err != nil {
		return nil, err
	}
	var firsts []first
	for shard, scores := range dues {
		for _, score := range scores {
			firsts = append(firsts, first{shard, score})
		}
	}
	slices.SortStableFunc(firsts, func(a, b first) int { return cmp.Compare(a.score, b.score) })
	var counts [reminder.Shards]int
	for _, f := range firsts[:min(limit, len(firsts))] {
		counts[f.shard]++
	}
	var out []share
	for shard, n := range counts {
		if n > 0 {
			scores := dues[shard]
			out = append(out, share{shard, n, scores[n-1], n == len(scores) && n < most})
		}
	}
	return out, nil
}

// peek reads when the first due of each shard that is not spent are due. Where a lease has ended by the store's clock, it is
// put back first.
func (x *leasing) peek(ctx context.Context, most int) (dues [reminder.Shards][]float64, err error) {
	until := x.until.UnixMilli()
	at, known := x.clock.now()
	for first := true; ; first = false {
		p := x.client.Pipeline()
		var due, ends [reminder.Shards]*goredis.ZSliceCmd
		for shard := range dues {
			if x.spent[shard] {
				continue
			}
			due[shard] = p.ZRangeByScoreWithScores(ctx, x.key(shard, "due:"+x.route), &goredis.ZRangeBy{
				Min: "-inf", Max: strconv.FormatInt(until, 10), Count: int64(most),
			})
			ends[shard] = p.ZRangeWithScores(ctx, x.key(shard, "ends"), 0, 0)
		}
		if p.Len() == 0 {
			return dues, nil
		}
		if _, err := p.Exec(ctx); err != nil {
			return dues, failure(err)
		}
		var expired []ask
		for shard := range dues {
			if x.spent[shard] {
				continue
			}
			dues[shard] = dues[shard][:0]
			for _, z := range due[shard].Val() {
				dues[shard] = append(dues[shard], z.Score)
			}
			if e := ends[shard].Val(); len(e) > 0 && (!known || int64(e[0].Score) < at) {
				expired = append(expired, ask{shard: shard})
			}
		}
		if len(expired) == 0 || !first {
			return dues, x.peekPast(ctx, most, &dues)
		}
		for _, a := range x.gate(ctx, "expire", expired) {
			if a.err != nil {
				return dues, a.err
			}
			x.clock.set(a.value)
		}
	}
}

// peekPast looks again, with a script, where some of what is due is of persons who have another leased.
func (x *leasing) peekPast(ctx context.Context, most int, dues *[reminder.Shards][]float64) error {
	var asks []ask
	for shard, taken := range x.taken {
		if taken && !x.spent[shard] {
			asks = append(asks, ask{shard, []any{x.route, x.until.UnixMilli(), most}})
		}
	}
	if len(asks) == 0 {
		return nil
	}
	for i, a := range x.gate(ctx, "peek", asks) {
		l, ok := a.value.([]any)
		if a.err != nil {
			return a.err
		}
		if !ok {
			return ErrFormat
		}
		scores := make([]float64, len(l))
		for j, v := range l {
			text, _ := v.(string)
			var err error
			if scores[j], err = strconv.ParseFloat(text, 64); err != nil {
				return ErrFormat
			}
		}
		dues[asks[i].shard] = scores
	}
	return nil
}

// lease leases each shard's share.
func (x *leasing) lease(ctx context.Context, shares []share) error {
	token := newNonce()
	asks := make([]ask, len(shares))
	for i, y := range shares {
		asks[i] = ask{y.shard, []any{x.route, int64(y.until), y.n, max(x.d.Milliseconds(), 1), fmt.Sprintf("%s-%02x-", token, y.shard)}}
	}
	var failed error
	for i, a := range x.gate(ctx, "lease", asks) {
		l, ok := a.value.([]any)
		switch {
		case a.err != nil:
			failed = also(failed, a.err)
			continue
		case !ok || len(l)%leaseFields != 0:
			failed = also(failed, ErrFormat)
			continue
		}
		for j := 0; j < len(l); j += leaseFields {
			f, err := leased(l[j:j+leaseFields], x.route)
			if err != nil {
				failed = also(failed, err)
				continue
			}
			x.out = append(x.out, f)
		}
		y, n := shares[i], len(l)/leaseFields
		x.spent[y.shard] = y.all && (n == y.n || x.taken[y.shard])
		x.taken[y.shard] = x.taken[y.shard] || n < y.n
	}
	return failed
}

// also joins an error to those that failed before, once: what all shards answer is told a single time.
func also(failed, err error) error {
	if errors.Is(failed, err) {
		return failed
	}
	return errors.Join(failed, err)
}

// clock is about what the store's clock shows, by this process's steady one. It only tells when it is worth a look.
type clock struct {
	mu    sync.Mutex
	read  time.Time
	store int64 // milliseconds, when it was read
}

// clockGood is for how long a reading is good.
const clockGood = 10 * time.Second

func (c *clock) now() (ms int64, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := time.Since(c.read)
	return c.store + d.Milliseconds(), !c.read.IsZero() && d < clockGood
}

func (c *clock) set(answer any) {
	if ms, ok := answer.(int64); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.read, c.store = time.Now(), ms
	}
}

// leaseFields is how many values the lease script answers a lease.
const leaseFields = 6

func leased(values []any, route string) (found, error) {
	var v [leaseFields]string
	for i, x := range values {
		v[i], _ = x.(string)
	}
	person, id, token, tries, score, text := v[0], v[1], v[2], v[3], v[4], v[5]
	p := state.Person{Key: reminder.PersonKey(person)}
	if err := decodeRest(text, &p); err != nil {
		return found{}, err
	}
	x, ok := p.Lease(reminder.ID(id))
	if !ok {
		return found{}, ErrFormat
	}
	n, err := strconv.Atoi(tries)
	at, err2 := strconv.ParseFloat(score, 64)
	if err != nil || err2 != nil || math.IsNaN(at) {
		return found{}, ErrFormat
	}
	x.Token, x.Tries, x.Route = token, n, route
	return found{x, at}, nil
}

// Retry implements state.State.
func (s *State) Retry(ctx context.Context, l reminder.Lease, at time.Time, route string) error {
	held, err := retry.Run(ctx, s.client, s.keys(l.Person.Shard(), "retry"), string(l.Person), string(l.Reminder), l.Token, due(at), route).Int()
	if err != nil {
		return failure(err)
	}
	if held == 0 {
		return state.ErrLost
	}
	return nil
}

// Done implements state.State. Workers end their leases one by one, and many at once: they travel together.
func (s *State) Done(ctx context.Context, l reminder.Lease) error {
	x := &ending{lease: l, done: make(chan struct{})}
	s.endings.mu.Lock()
	s.endings.waiting = append(s.endings.waiting, x)
	if !s.endings.busy {
		s.endings.busy = true
		go s.end(context.WithoutCancel(ctx))
	}
	s.endings.mu.Unlock()
	select {
	case <-x.done:
		return x.err
	case <-ctx.Done():
		return failure(ctx.Err())
	}
}

// endings are the leases to be ended next.
type endings struct {
	mu      sync.Mutex
	waiting []*ending
	busy    bool
}

type ending struct {
	lease reminder.Lease
	err   error
	done  chan struct{}
}

// endWait is how long leases may take to be ended. They end by themselves, too.
const endWait = 5 * time.Second

// end ends what waits until nothing waits any more.
func (s *State) end(ctx context.Context) {
	for {
		s.endings.mu.Lock()
		xs := s.endings.waiting
		s.endings.waiting = nil
		s.endings.busy = len(xs) > 0
		s.endings.mu.Unlock()
		if len(xs) == 0 {
			return
		}
		s.endAll(ctx, xs)
	}
}

func (s *State) endAll(ctx context.Context, xs []*ending) {
	ctx, cancel := context.WithTimeout(ctx, endWait)
	defer cancel()
	bs := sorted(len(xs), func(i int) int { return xs[i].lease.Person.Shard() })
	asks := questions(bs, func(i int) []any {
		return []any{string(xs[i].lease.Person), string(xs[i].lease.Reminder), xs[i].lease.Token}
	})
	for try := range 2 {
		p := s.client.Pipeline()
		cmds := make([]*goredis.Cmd, len(asks))
		for k, a := range asks {
			if try == 0 {
				cmds[k] = done.EvalSha(ctx, p, s.keys(a.shard, "done"), a.args...)
			} else {
				cmds[k] = done.Eval(ctx, p, s.keys(a.shard, "done"), a.args...)
			}
		}
		_, _ = p.Exec(ctx) // every command has its own error
		again := false
		for k, c := range cmds {
			for _, i := range bs[k].at {
				xs[i].err = failure(c.Err())
			}
			again = again || says(c.Err(), "NOSCRIPT")
		}
		if !again {
			break
		}
	}
	for _, x := range xs {
		close(x.done)
	}
}
