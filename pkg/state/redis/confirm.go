package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/state"
)

// Confirm implements state.State. First, in the address's shard, the mark is written and then the bar looked at; beside it
// the switches; then, in the person's shard, the rest, under the same nonce: had the store broken in between, the
// mark might be gone. A STOP bars and then looks for marks, so one of the two sees the other, and no script
// spans shards. The yes is noted in the person's shard, where Forsake looks.
func (s *State) Confirm(ctx context.Context, cs []state.Confirmation) ([]error, error) {
	x := &confirming{s: s, cs: cs, call: newNonce(), errs: make([]error, len(cs)), marked: make([]*nonced, len(cs))}
	x.mark(ctx)
	x.switches(ctx)
	x.persons(ctx)
	x.unmark(ctx)
	return x.errs, nil
}

// confirming is one call of Confirm.
type confirming struct {
	s      *State
	cs     []state.Confirmation
	call   string // names this call, so that a command sent again after a lost answer is known for the same
	errs   []error
	marked []*nonced // under which nonce the mark was written; nil = not by this call
}

// name tells this call's element from every other.
func (x *confirming) name(i int) string { return fmt.Sprintf("%s.%d", x.call, i) }

func (x *confirming) mark(ctx context.Context) {
	var live []int
	for i, c := range x.cs {
		if !c.NotAfter.IsZero() && c.At.After(c.NotAfter) {
			x.errs[i] = state.ErrTooLate
			continue
		}
		live = append(live, i)
	}
	bs := sorted(len(live), func(i int) int { return x.cs[live[i]].Address.Shard() })
	as := x.s.gate(ctx, "mark", questions(bs, func(i int) []any {
		c := x.cs[live[i]]
		return []any{string(c.Address), c.Claim, fmt.Sprintf("%s %s %s", x.name(live[i]), c.Person, c.Reminder)}
	}))
	x.each(bs, as, func(k int, a answer, code any) {
		i := live[k]
		switch code {
		case int64(0):
			x.marked[i] = a.by
		case int64(1):
			x.errs[i] = state.ErrClaim
		case int64(2):
			x.errs[i] = state.ErrBarred
		default:
			x.errs[i] = ErrFormat
		}
	}, func(k int, a answer) { x.errs[live[k]] = a.err }) // a mark that may be there dies with its attempt
}

// each calls yes for each element with its code, no for each whose script failed.
func (x *confirming) each(bs []batch, as []answer, yes func(i int, a answer, code any), no func(i int, a answer)) {
	for k, b := range bs {
		codes, err := as[k].list(len(b.at))
		for j, i := range b.at {
			if err != nil {
				no(i, answer{err: err, by: as[k].by})
			} else {
				yes(i, as[k], codes[j])
			}
		}
	}
}

// switches looks at the switches, which are folded in shard 0.
func (x *confirming) switches(ctx context.Context) {
	var names []any
	at := map[string]int{}
	for i, c := range x.cs {
		if x.errs[i] != nil {
			continue
		}
		for _, n := range c.Switches {
			if _, there := at[n]; !there {
				at[n] = len(names)
				names = append(names, n)
			}
		}
	}
	if len(names) == 0 {
		return
	}
	on, err := x.s.gate(ctx, "stopped", []ask{{0, names}})[0].list(len(names))
	for i, c := range x.cs {
		if x.errs[i] != nil || len(c.Switches) == 0 {
			continue
		}
		if err != nil {
			x.errs[i] = err
			continue
		}
		for _, n := range c.Switches {
			if on[at[n]] != int64(0) {
				x.errs[i] = state.ErrStopped
			}
		}
	}
}

func (x *confirming) persons(ctx context.Context) {
	byNonce := map[*nonced][]int{}
	for i, err := range x.errs {
		if err == nil {
			byNonce[x.marked[i]] = append(byNonce[x.marked[i]], i)
		}
	}
	for n, live := range byNonce {
		bs := sorted(len(live), func(i int) int { return x.cs[live[i]].Person.Shard() })
		as := x.s.gateOf(ctx, n, "confirm", questions(bs, func(i int) []any { return x.look(live[i]) }))
		x.each(bs, as, func(k int, _ answer, code any) {
			i := live[k]
			switch code {
			case int64(0):
			case int64(1):
				x.errs[i] = state.ErrMoved
			case int64(2):
				x.errs[i] = state.ErrLost
			case int64(3):
				x.errs[i] = state.ErrClaim
			case int64(4):
				x.errs[i] = state.ErrCapped
			default:
				x.errs[i] = ErrFormat
			}
		}, func(k int, a answer) { x.errs[live[k]] = a.err })
	}
}

// look are the arguments of the confirm script for one element.
func (x *confirming) look(i int) []any {
	c := x.cs[i]
	return []any{
		string(c.Person), c.PersonVersion, string(c.Reminder), c.Token, c.Version, attemptOf(c.Person, c.Reminder, c.Attempt), c.Claim, string(c.Address), x.name(i),
		max(c.CapMax, 0), c.CapPer.Milliseconds(), c.At.UnixMilli(),
	}
}

// unmark takes back the marks of what is refused. It is tried also when the caller is gone: a mark that stays holds up
// every STOP from its address until the attempt is settled.
func (x *confirming) unmark(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	p := x.s.client.Pipeline()
	for i, err := range x.errs {
		if err != nil && x.marked[i] != nil {
			p.HDel(ctx, x.s.marks(x.cs[i].Address), x.cs[i].Claim)
		}
	}
	if p.Len() > 0 {
		_, _ = p.Exec(ctx)
	}
}
