package redis

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// attempt is an open attempt as it is stored: "version period wire call person reminder attempt".
type attempt struct {
	claim    string
	person   reminder.PersonKey
	reminder reminder.ID
	wire     reminder.AddressHash // that Confirm let it go to; "" = none
}

func parseAttempt(claim, text string) (attempt, error) {
	parts := strings.Fields(text)
	if len(parts) != 7 {
		return attempt{}, ErrFormat
	}
	a := attempt{claim, reminder.PersonKey(parts[4]), reminder.ID(parts[5]), reminder.AddressHash(parts[2])}
	if a.wire == "-" || a.wire == "x" {
		a.wire = ""
	}
	return a, nil
}

// attemptOf is what an attempt is of, as it is stored.
func attemptOf(p reminder.PersonKey, id reminder.ID, n int) string {
	return string(p) + " " + string(id) + " " + strconv.Itoa(n)
}

// Wires implements state.State. A mark whose attempt is settled, or was never folded, is dead, and goes. Both the marks and
// the attempts are read from shards that are vouched for.
func (s *State) Wires(ctx context.Context, a reminder.AddressHash, k reminder.PersonKey) ([]state.Wire, error) {
	if a == "" {
		return s.wiresOf(ctx, k)
	}
	marks, err := s.gate(ctx, "wires", []ask{{a.Shard(), []any{string(a)}}})[0].pairs()
	if err != nil || len(marks) == 0 {
		return nil, err
	}
	var all []state.Wire
	for _, m := range marks { // "call person reminder"
		parts := strings.SplitN(m[1], " ", 3)
		if len(parts) != 3 {
			return nil, ErrFormat
		}
		all = append(all, state.Wire{Claim: m[0], Reminder: reminder.ID(parts[2]), Person: reminder.PersonKey(parts[1]), Address: a})
	}
	var out []state.Wire
	var dead []string
	bs := sorted(len(all), func(i int) int { return all[i].Person.Shard() })
	for n, x := range s.gate(ctx, "open", questions(bs, func(i int) []any { return []any{all[i].Claim} })) {
		open, err := x.list(len(bs[n].at))
		if err != nil {
			return nil, err
		}
		for j, i := range bs[n].at {
			if open[j] == nil {
				dead = append(dead, all[i].Claim)
			} else {
				out = append(out, all[i])
			}
		}
	}
	if len(dead) > 0 {
		_ = s.client.HDel(ctx, s.marks(a), dead...).Err() // next time, then
	}
	return out, nil
}

// wiresOf are the attempts of a person that Confirm let go.
func (s *State) wiresOf(ctx context.Context, k reminder.PersonKey) ([]state.Wire, error) {
	open, err := s.gate(ctx, "open", []ask{{k.Shard(), nil}})[0].pairs()
	if err != nil {
		return nil, err
	}
	var out []state.Wire
	for _, o := range open {
		a, err := parseAttempt(o[0], o[1])
		if err != nil {
			return nil, err
		}
		if a.person == k && a.wire != "" {
			out = append(out, state.Wire{Claim: a.claim, Reminder: a.reminder, Person: k, Address: a.wire})
		}
	}
	return out, nil
}

// Forsake implements state.State. A claim is closed in the person's shard, where Confirm's yes is noted: one of the two is
// first.
func (s *State) Forsake(ctx context.Context, os []receipt.Open) ([]bool, error) {
	out := make([]bool, len(os))
	bs := sorted(len(os), func(i int) int { return os[i].Person.Shard() })
	for k, a := range s.gate(ctx, "forsake", questions(bs, func(i int) []any { return []any{os[i].Claim} })) {
		closed, err := a.list(len(bs[k].at))
		if errors.Is(err, state.ErrNotCertified) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for j, i := range bs[k].at {
			out[i] = closed[j] == int64(1)
		}
	}
	return out, nil
}

// Opens implements state.State.
func (s *State) Opens(ctx context.Context, before time.Time) ([]receipt.Open, error) {
	cs, err := each(ctx, s, func(p goredis.Pipeliner, shard int) *goredis.MapStringStringCmd {
		return p.HGetAll(ctx, s.key(shard, "open"))
	})
	if err != nil {
		return nil, err
	}
	var out []receipt.Open
	for shard, c := range cs {
		var as []attempt
		var keys []string
		for claim, text := range c.Val() {
			a, err := parseAttempt(claim, text)
			if err != nil {
				return nil, err
			}
			as, keys = append(as, a), append(keys, string(a.person))
		}
		if len(as) == 0 {
			continue
		}
		rests, err := s.client.HMGet(ctx, s.key(shard, "persons"), keys...).Result()
		if err != nil {
			return nil, failure(err)
		}
		for i, a := range as {
			var p state.Person
			text, _ := rests[i].(string)
			if err := decodeRest(text, &p); err != nil {
				return nil, err
			}
			// It may have been settled since.
			if r := p.Reminders[a.reminder]; r != nil && standing(r).claim == a.claim {
				if t := r.Attempts[len(r.Attempts)-1]; t.At.Before(before) {
					o := receipt.Open{Intent: t.Intent, At: t.At}
					o.Person = a.person
					out = append(out, o)
				}
			}
		}
	}
	return out, nil
}
