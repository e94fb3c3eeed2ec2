package code

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// keep is how long a challenge can be read after it was issued: long enough for the proof to be asked for.
const keep = 24 * time.Hour

// races is how often a change is begun anew because another came first.
const races = 16

// change reads a person's challenge, changes it and writes it back, anew when another came first. change is told the zero
// challenge when there is none, and says whether there is anything to write. What comes back is what the store then holds.
func (c *Codes) change(
	ctx context.Context, person reminder.PersonKey, now time.Time, change func(challenge) (challenge, bool),
) (challenge, error) {
	key := "code." + string(person)
	for range races {
		raw, revision, err := c.o.Store.Get(ctx, key)
		if err != nil {
			return challenge{}, ErrStore
		}
		var kept challenge
		if len(raw) > 0 {
			// What can't be read must not be taken for "no tries yet"; and another person's is a fault of the store.
			if json.Unmarshal(raw, &kept) != nil || kept.Person != person || kept.ID == "" || kept.Tries < 0 {
				return challenge{}, ErrStore
			}
		}
		next, write := change(kept)
		if !write {
			return kept, nil
		}
		value, err := json.Marshal(next)
		if err != nil {
			return challenge{}, ErrStore
		}
		err = c.o.Store.Put(ctx, key, value, revision, later(next.Issued, now).Add(keep))
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return challenge{}, ErrStore
		}
		return next, nil
	}
	return challenge{}, ErrStore
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// tally is when codes were sent, as the store keeps it.
type tally struct {
	Sent []time.Time `json:"sent"`
	// For is, of a number, for whom codes that may be open were last begun, and when.
	For map[reminder.PersonKey]time.Time `json:"for,omitempty"`
}

// begin notes for whom a code to a number is begun, and forgets whose can't be open any more.
func (t *tally) begin(person reminder.PersonKey, now time.Time) {
	maps.DeleteFunc(t.For, func(_ reminder.PersonKey, at time.Time) bool { return now.Sub(at) > Life+slack })
	if t.For == nil {
		t.For = map[reminder.PersonKey]time.Time{}
	}
	t.For[person] = now.UTC()
}

func addressKey(hash reminder.AddressHash) string { return "limit.address." + string(hash) }

// tally reads when codes were sent.
func (c *Codes) tally(ctx context.Context, key string) (tally, uint64, error) {
	raw, revision, err := c.o.Store.Get(ctx, key)
	if err != nil {
		return tally{}, 0, ErrStore
	}
	var t tally
	if len(raw) > 0 && json.Unmarshal(raw, &t) != nil {
		return tally{}, 0, ErrStore
	}
	return t, revision, nil
}

// count takes one code from each limit, or from none when one is reached. Two at once can't pass a limit that has room for
// one: each writes what it has read.
func (c *Codes) count(ctx context.Context, r Request, hash reminder.AddressHash, now time.Time) error {
	lists := []struct {
		by, key string
		list    []Limit
	}{
		{"address", addressKey(hash), c.o.Limits.Address},
		{"person", "limit.person." + string(r.Person), c.o.Limits.Person},
		{"clerk", "limit.clerk." + c.clerkKey(r.Clerk), c.o.Limits.Clerk},
	}
	// First all without taking: a clerk who is stopped must not use up a patient's codes.
	for _, write := range []bool{false, true} {
		for _, l := range lists {
			if err := c.take(ctx, r.Person, l.by, l.key, l.list, now, write); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Codes) take(ctx context.Context, person reminder.PersonKey, by, key string, list []Limit, now time.Time, write bool) error {
	for range races {
		t, revision, err := c.tally(ctx, key)
		if err != nil {
			return err
		}
		t.Sent = drop(list, t.Sent, now)
		if at := free(list, t.Sent); at.After(now) {
			return &LimitError{By: by, Next: at}
		}
		if !write {
			return nil
		}
		t.Sent = append(t.Sent, now.UTC())
		if by == "address" {
			t.begin(person, now)
		}
		value, err := json.Marshal(t)
		if err != nil {
			return ErrStore
		}
		err = c.o.Store.Put(ctx, key, value, revision, slices.MaxFunc(t.Sent, time.Time.Compare).Add(longest(list)))
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return ErrStore
		}
		return nil
	}
	return ErrStore
}
