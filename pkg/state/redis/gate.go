package redis

import (
	"context"
	"errors"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// gate asks a gate script in several shards in one round trip, under the nonce that was seen last. Where that is refused
// another projector may have taken office: the shard's certificate names its nonce, and so the scripts it loaded. An answer's
// error is state.ErrNotCertified where nobody vouches.
func (s *State) gate(ctx context.Context, name string, asks []ask) []answer {
	out := make([]answer, len(asks))
	var refused []int
	n := s.gates.Load()
	if n == nil {
		for i := range asks {
			out[i].err = state.ErrNotCertified
			refused = append(refused, i)
		}
	} else {
		out = s.gateOf(ctx, n, name, asks)
		for i, a := range out {
			if errors.Is(a.err, state.ErrNotCertified) {
				refused = append(refused, i)
			}
		}
	}
	if len(refused) == 0 {
		return out
	}
	p := s.client.Pipeline()
	now := make([]*goredis.StringCmd, len(refused))
	for i, at := range refused {
		now[i] = p.HGet(ctx, s.key(asks[at].shard, "certificate"), "nonce")
	}
	_, _ = p.Exec(ctx) // every command has its own error, and a nonce that was not read is asked under by nobody
	again := map[string][]int{}
	for i, at := range refused {
		if nonce := now[i].Val(); nonce != "" && (n == nil || nonce != n.nonce) {
			again[nonce] = append(again[nonce], at)
		}
	}
	for nonce, ats := range again {
		n := withNonce(nonce)
		s.gates.Store(n)
		some := make([]ask, len(ats))
		for i, at := range ats {
			some[i] = asks[at]
		}
		for i, a := range s.gateOf(ctx, n, name, some) {
			out[ats[i]] = a
		}
	}
	return out
}

// gateOf asks under one nonce and no other.
func (s *State) gateOf(ctx context.Context, n *nonced, name string, asks []ask) []answer {
	out := s.run(ctx, n, name, asks)
	for i, a := range out {
		if says(a.err, "NOSCRIPT", "UNCERTIFIED") {
			out[i] = answer{err: state.ErrNotCertified, by: n}
		} else {
			out[i].err = failure(a.err)
		}
	}
	return out
}

// Certified implements state.State: every shard is vouched for.
func (s *State) Certified(ctx context.Context) error {
	_, err := s.certified(ctx)
	return err
}

// oneCertified looks at one shard's certificate, of each in its turn. The projector renews them together.
func (s *State) oneCertified(ctx context.Context) error {
	a := s.gate(ctx, "certified", []ask{{shard: int(s.turn.Add(1) % reminder.Shards)}})[0]
	if a.err == nil {
		s.clock.set(a.value)
	}
	return a.err
}

// certified is the nonce by which each shard is vouched for. While a shard's stays, the store has not broken.
func (s *State) certified(ctx context.Context) (nonces [reminder.Shards]string, err error) {
	for shard, a := range s.gate(ctx, "certified", everywhere()) {
		if a.err != nil {
			return nonces, a.err
		}
		nonces[shard] = a.by.nonce
	}
	return nonces, nil
}

// batch is a part of a list that lies in one shard.
type batch struct {
	shard int
	at    []int // places in the list
}

// most is how many elements one script takes: Lua hands over some thousands of values at once.
const most = 200

// sorted puts the places of a list of n by shard, in batches of no more than most.
func sorted(n int, shard func(i int) int) []batch {
	var out []batch
	var open [reminder.Shards]int // index in out, from 1
	for i := range n {
		k := shard(i)
		if open[k] == 0 || len(out[open[k]-1].at) == most {
			out = append(out, batch{shard: k})
			open[k] = len(out)
		}
		b := &out[open[k]-1]
		b.at = append(b.at, i)
	}
	return out
}

// questions makes a question of each batch; args are those of one element.
func questions(bs []batch, args func(i int) []any) []ask {
	out := make([]ask, len(bs))
	for k, b := range bs {
		out[k].shard = b.shard
		for _, i := range b.at {
			out[k].args = append(out[k].args, args(i)...)
		}
	}
	return out
}

// pairs is an answer that must be a list of fields and values.
func (a answer) pairs() ([][2]string, error) {
	if a.err != nil {
		return nil, a.err
	}
	l, ok := a.value.([]any)
	if !ok || len(l)%2 != 0 {
		return nil, ErrFormat
	}
	out := make([][2]string, len(l)/2)
	for i := range out {
		out[i][0], _ = l[2*i].(string)
		out[i][1], _ = l[2*i+1].(string)
	}
	return out, nil
}

// list is an answer that must be a list of n values.
func (a answer) list(n int) ([]any, error) {
	if a.err != nil {
		return nil, a.err
	}
	l, ok := a.value.([]any)
	if !ok || len(l) != n {
		return nil, ErrFormat
	}
	return l, nil
}
