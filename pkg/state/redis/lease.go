package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Lease implements state.State. It looks into all shards at once, chooses the earliest, and leases in the shards that have
// them. Where a shard has many more than its share, those beyond its first come a little later than their time says.
func (s *State) Lease(ctx context.Context, route string, until time.Time, limit int, d time.Duration) ([]state.Leased, error) {
	if limit <= 0 {
		return nil, s.Certified(ctx)
	}
	var out []found
	for len(out) < limit {
		chosen, err := s.choose(ctx, route, until, limit-len(out))
		if err == nil && len(chosen) > 0 {
			chosen, err = s.leaseIn(ctx, route, until, d, chosen, &out)
		}
		if err != nil && len(out) == 0 {
			return nil, err
		}
		if err != nil || len(chosen) == 0 {
			break // what is leased is leased
		}
	}
	slices.SortStableFunc(out, func(a, b found) int { return cmp.Compare(a.score, b.score) })
	ls := make([]state.Leased, len(out))
	for i, f := range out {
		ls[i] = f.Leased
	}
	return ls, nil
}

// found is a lease and the time that it was chosen by: a deferral's, where there is one.
type found struct {
	state.Leased
	score float64
}

// share is how many reminders a script of one shard leases.
type share struct {
	shard int
	n     int
}

// choose finds how many of the limit earliest each shard has.
func (s *State) choose(ctx context.Context, route string, until time.Time, limit int) ([]share, error) {
	type first struct {
		shard int
		score float64
	}
	var all []first
	n := min(limit, limit/16+16)
	for shard, a := range s.gate(ctx, "peek", everywhere(route, until.UnixMilli(), n)) {
		if a.err != nil {
			return nil, a.err
		}
		scores, ok := a.value.([]any)
		if !ok {
			return nil, ErrFormat
		}
		for _, x := range scores {
			text, _ := x.(string)
			score, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, ErrFormat
			}
			all = append(all, first{shard, score})
		}
	}
	slices.SortStableFunc(all, func(a, b first) int { return cmp.Compare(a.score, b.score) })
	var counts [reminder.Shards]int
	for _, f := range all[:min(limit, len(all))] {
		counts[f.shard]++
	}
	var out []share
	for shard, n := range counts {
		if n > 0 {
			out = append(out, share{shard, n})
		}
	}
	return out, nil
}

// leaseIn leases each shard's share and returns those shares that got something.
func (s *State) leaseIn(ctx context.Context, route string, until time.Time, d time.Duration, shares []share, out *[]found) ([]share, error) {
	token := newNonce()
	asks := make([]ask, len(shares))
	for i, x := range shares {
		asks[i] = ask{x.shard, []any{route, until.UnixMilli(), x.n, max(d.Milliseconds(), 1), fmt.Sprintf("%s-%02x-", token, x.shard)}}
	}
	var got []share
	var failed error
	for i, a := range s.gate(ctx, "lease", asks) {
		l, ok := a.value.([]any)
		switch {
		case a.err != nil:
			failed = errors.Join(failed, a.err)
			continue
		case !ok || len(l)%leaseFields != 0:
			failed = errors.Join(failed, ErrFormat)
			continue
		}
		for j := 0; j < len(l); j += leaseFields {
			f, err := leased(l[j:j+leaseFields], route)
			if err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			*out = append(*out, f)
		}
		if len(l) > 0 {
			got = append(got, shares[i])
		}
	}
	return got, failed
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
	r := p.Reminders[reminder.ID(id)]
	if r == nil || p.Appointments[r.Appointment] == nil {
		return found{}, ErrFormat
	}
	a := p.Appointments[r.Appointment]
	n, err := strconv.Atoi(tries)
	at, err2 := strconv.ParseFloat(score, 64)
	if err != nil || err2 != nil || math.IsNaN(at) {
		return found{}, ErrFormat
	}
	return found{state.Leased{
		Lease: reminder.Lease{
			Reminder: reminder.ID(id), Token: token, Version: a.Version, Person: p.Key, Rule: r.Rule, Purpose: r.Purpose, Due: r.Due, Expires: r.Expires,
			Attempt: r.NextAttempt(), Tries: n, Route: route,
		},
		Sealed: a.Sealed, Told: a.ToldOf,
	}, at}, nil
}

// Retry implements state.State.
func (s *State) Retry(ctx context.Context, l reminder.Lease, at time.Time, route string) error {
	held, err := retry.Run(ctx, s.client, s.home(l), string(l.Person), string(l.Reminder), l.Token, due(at), route).Int()
	if err != nil {
		return failure(err)
	}
	if held == 0 {
		return state.ErrLost
	}
	return nil
}

// Done implements state.State.
func (s *State) Done(ctx context.Context, l reminder.Lease) error {
	return failure(done.Run(ctx, s.client, s.home(l), string(l.Person), string(l.Reminder), l.Token).Err())
}

// home is the key that a script about a lease runs by.
func (s *State) home(l reminder.Lease) []string { return []string{s.bases[l.Person.Shard()]} }
