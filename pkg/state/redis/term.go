package redis

import (
	"context"
	"fmt"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// A term is this process's time in office as a projector: a nonce, whose scripts it has loaded and which every shard
// remembers. It ends when a script is not there any more or a shard does not remember: then the store was restarted,
// emptied, restored or replaced, and nothing is known of it until the next term begins.

// inOffice runs fn in a term, and once more in a new one if the store breaks the first.
func (s *State) inOffice(ctx context.Context, fn func(t *nonced) error) error {
	for range 2 {
		t, err := s.office(ctx)
		if err != nil {
			return err
		}
		err = fn(t)
		if !isBreak(err) {
			return err
		}
		s.broke.Store(true)
		if s.term.CompareAndSwap(t, nil) {
			s.begin.Lock()
			s.former += t.nonce + " "
			s.begin.Unlock()
		}
	}
	return ErrBroken
}

// isBreak reports whether an error tells of the end of a term.
func isBreak(err error) bool { return says(err, "NOSCRIPT", "BROKEN") }

// office is the term, begun when there is none.
func (s *State) office(ctx context.Context) (*nonced, error) {
	if s.way.missing() {
		return nil, ErrRolledBack
	}
	if t := s.term.Load(); t != nil {
		return t, nil
	}
	s.begin.Lock()
	defer s.begin.Unlock()
	if t := s.term.Load(); t != nil {
		return t, nil
	}
	t := withNonce(newNonce())
	if err := s.beginTerm(ctx, t); err != nil {
		return nil, err
	}
	s.term.Store(t)
	return t, nil
}

func (s *State) beginTerm(ctx context.Context, t *nonced) error {
	seen := s.way.all() // before the question
	if err := s.load(ctx, t); err != nil {
		return err
	}
	streams := ""
	if s.o.Streams != nil {
		streams = s.o.Streams()
	}
	var from, to [reminder.Shards]map[string]uint64
	for shard, a := range s.run(ctx, t, "begin", everywhere(streams)) {
		if says(a.err, "STREAMS") {
			return ErrStreams
		}
		p, err := parseBegun(a, &from[shard], &to[shard])
		if err != nil {
			return err
		}
		if behind(p.at, seen[shard]) {
			return s.way.miss()
		}
	}
	unbroken, err := s.unbroken(ctx)
	if err != nil {
		return err
	}
	if s.o.Issue != nil {
		if err := s.o.Issue(ctx, t.nonce); err != nil {
			return fmt.Errorf("redis: the nonce is not noted: %w", err)
		}
	}
	if unbroken {
		return nil
	}
	timer := time.NewTimer(s.o.Quiet)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	for source := range to {
		for dest := range from {
			if to[source][strconv.Itoa(dest)] > from[dest][strconv.Itoa(source)] {
				if err := s.tellAgain(ctx, t, source, dest); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func parseBegun(a answer, from, to *map[string]uint64) (place, error) {
	if a.err != nil {
		return place{}, failure(a.err)
	}
	parts, ok := a.value.([]any)
	if !ok || len(parts) != 3 {
		return place{}, ErrFormat
	}
	text, _ := parts[0].(string)
	for i, into := range []*map[string]uint64{from, to} {
		pairs, _ := parts[1+i].([]any)
		*into = make(map[string]uint64, len(pairs)/2)
		for j := 0; j+1 < len(pairs); j += 2 {
			shard, _ := pairs[j].(string)
			stamp, _ := pairs[j+1].(string)
			n, err := strconv.ParseUint(stamp, 10, 64)
			if err != nil {
				return place{}, ErrFormat
			}
			(*into)[shard] = n
		}
	}
	return parsePlace(text)
}

// unbroken reports whether the store is, in every shard, the one that the last certificate was made in: marks and leases
// are as they were left, and the projector before this one ended in peace.
func (s *State) unbroken(ctx context.Context) (bool, error) {
	if s.broke.Load() {
		s.broke.Store(false)
		return false, nil
	}
	nonces, err := each(ctx, s, func(p goredis.Pipeliner, shard int) *goredis.StringCmd {
		return p.HGet(ctx, s.key(shard, "certificate"), "nonce")
	})
	if err != nil {
		return false, err
	}
	byNonce := map[string][]ask{}
	for shard, c := range nonces {
		if c.Val() == "" || (s.o.Issued != nil && c.Val() != s.o.Issued()) {
			return false, nil
		}
		byNonce[c.Val()] = append(byNonce[c.Val()], ask{shard: shard})
	}
	for nonce, asks := range byNonce {
		for _, a := range s.run(ctx, withNonce(nonce), "alive", asks) {
			if says(a.err, "NOSCRIPT") {
				return false, nil
			}
			if a.err != nil {
				return false, failure(a.err)
			}
			if a.value != int64(1) {
				return false, nil
			}
		}
	}
	return true, nil
}

// Certify implements state.State. ErrRolledBack says that the projector must read the journal again, ErrFenced that
// another one vouches.
func (s *State) Certify(ctx context.Context, d time.Duration) error {
	var fence uint64
	if s.o.Fence != nil {
		fence = s.o.Fence()
	}
	return s.inOffice(ctx, func(t *nonced) error {
		s.begin.Lock()
		former := s.former
		s.begin.Unlock()
		err := firstError(s.run(ctx, t, "vouch", everywhere(d.Milliseconds(), fence, former)))
		if says(err, "FENCED") {
			return ErrFenced
		}
		if err == nil {
			s.gates.Store(t)
		}
		return failure(err)
	})
}
