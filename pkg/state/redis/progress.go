package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// progress is how far this process has seen each shard folded. A store that shows less has lost writes.
type progress struct {
	mu    sync.Mutex
	seen  [reminder.Shards]state.Vector
	lost  bool          // the store had less than seen; until a projector begins again
	moved chan struct{} // closed and replaced when seen moves
}

// behind reports whether v lacks something that w has.
func behind(v, w state.Vector) bool {
	for s := range v {
		if v[s] < w[s] {
			return true
		}
	}
	return false
}

func (w *progress) of(shard int) state.Vector {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[shard]
}

func (w *progress) all() [reminder.Shards]state.Vector {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

// saw notes that a shard was folded up to v.
func (w *progress) saw(shard int, v state.Vector) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost {
		return
	}
	before := w.seen[shard]
	for s := range v {
		w.seen[shard][s] = max(before[s], v[s])
	}
	if w.seen[shard] != before {
		close(w.moved)
		w.moved = make(chan struct{})
	}
}

// miss notes that the store has lost writes.
func (w *progress) miss() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost = true
	return ErrRolledBack
}

// missing reports whether the store has lost writes, and no projector of this process has begun again.
func (w *progress) missing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lost
}

// begin takes what the store shows for what was folded.
func (w *progress) begin(all [reminder.Shards]state.Vector) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen, w.lost = all, false
	close(w.moved)
	w.moved = make(chan struct{})
}

// place is the applied of a shard as it is stored: the vector, and a count of all writes, so that a write between two
// reads is seen also when the vector has not moved.
type place struct {
	text string // as stored, "" = nothing folded
	at   state.Vector
	n    uint64
}

func (p place) to(v state.Vector) string {
	return fmt.Sprintf("%d %d %d %d", v[state.Stop], v[state.People], v[state.Journal], p.n+1)
}

func parsePlace(text string) (place, error) {
	p := place{text: text}
	if text == "" {
		return p, nil
	}
	parts := strings.Fields(text)
	if len(parts) != state.Streams+1 {
		return p, ErrFormat
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			return p, ErrFormat
		}
		if i < state.Streams {
			p.at[i] = n
		} else {
			p.n = n
		}
	}
	return p, nil
}

// placeOf reads an answer to GET applied.
func placeOf(c *goredis.StringCmd) (place, error) {
	text, err := c.Result()
	if err != nil && !errors.Is(err, goredis.Nil) {
		return place{}, failure(err)
	}
	return parsePlace(text)
}

// Begin implements state.State.
func (s *State) Begin(ctx context.Context) ([reminder.Shards]state.Vector, error) {
	var all [reminder.Shards]state.Vector
	cs, err := each(ctx, s, func(p goredis.Pipeliner, shard int) *goredis.StringCmd { return p.Get(ctx, s.key(shard, "applied")) })
	if err != nil {
		return all, err
	}
	for shard, c := range cs {
		p, err := placeOf(c)
		if err != nil {
			return all, err
		}
		all[shard] = p.at
	}
	s.way.begin(all)
	return all, nil
}

// Applied implements state.State. It answers ErrRolledBack when the shard is first seen to show less than this process has
// seen folded.
func (s *State) Applied(ctx context.Context, shard int) (state.Vector, error) {
	seen := s.way.of(shard) // before the question, or a fold between would look like a loss
	p, err := placeOf(s.client.Get(ctx, s.key(shard, "applied")))
	if err != nil {
		return state.Vector{}, err
	}
	switch {
	case s.way.missing():
	case behind(p.at, seen):
		return state.Vector{}, s.way.miss()
	default:
		s.way.saw(shard, p.at)
	}
	return p.at, nil
}

// How often Await asks when nobody in this process folds.
const (
	awaitFirst = time.Millisecond
	awaitMost  = 20 * time.Millisecond
)

// Await implements state.State. A store that can't be reached is waited for as well: the entry is in the journal.
func (s *State) Await(ctx context.Context, shard int, stream state.Stream, seq uint64) error {
	var failed error
	for wait := awaitFirst; ; wait = min(2*wait, awaitMost) {
		there, moved := s.way.reached(shard, stream, seq)
		if there {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return errors.Join(err, failed)
		}
		if there, failed = s.look(ctx, shard, stream, seq); there {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-moved:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// reached reports whether this process has seen seq folded, and when to ask again.
func (w *progress) reached(shard int, stream state.Stream, seq uint64) (bool, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.lost && w.seen[shard][stream] >= seq, w.moved
}

// look reads how far all shards are folded, for whoever waits for one often waits for others next; one at a time reads for
// all who wait.
func (s *State) look(ctx context.Context, shard int, stream state.Stream, seq uint64) (bool, error) {
	s.refresh.Lock()
	defer s.refresh.Unlock()
	if there, _ := s.way.reached(shard, stream, seq); there {
		return true, nil
	}
	cs, err := each(ctx, s, func(p goredis.Pipeliner, shard int) *goredis.StringCmd { return p.Get(ctx, s.key(shard, "applied")) })
	if err != nil {
		return false, err
	}
	there := false
	for i, c := range cs {
		p, err := placeOf(c)
		if err != nil {
			return false, err
		}
		s.way.saw(i, p.at)
		there = there || (i == shard && p.at[stream] >= seq)
	}
	return there, nil
}
