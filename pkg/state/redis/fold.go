package redis

import (
	"context"
	"errors"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Fold implements state.State: all runs in the same few round trips.
//
// It reads the persons of the entries, applies the entries, writes what they say in other shards, and then, in one script
// a shard, the persons, their indexes and Applied, if nobody has folded since the reading.
func (s *State) Fold(ctx context.Context, runs ...state.Run) []error {
	errs := make([]error, len(runs))
	fs := make([]*folding, len(runs))
	for i, r := range runs {
		fs[i] = &folding{run: r, shard: r.Shard, from: r.From, to: r.To}
		for _, c := range r.Changes {
			if c.Seq > r.From[c.Stream] && c.Body != nil {
				fs[i].changes = append(fs[i].changes, c)
			}
		}
	}
	// A run is not repeated once it is through.
	err := s.inOffice(ctx, func(t *nonced) error {
		var broken error
		var left []*folding
		for _, f := range fs {
			if !f.done {
				f.err = nil
				left = append(left, f)
			}
		}
		s.fold(ctx, t, left)
		for _, f := range left {
			if f.err == nil {
				f.done = true
				s.way.saw(f.shard, f.run.To)
			} else if isBreak(f.err) {
				broken = f.err
			}
		}
		return broken
	})
	for i, f := range fs {
		switch {
		case f.done:
		case f.err != nil && !isBreak(f.err):
			errs[i] = f.err
		default:
			errs[i] = err
		}
	}
	return errs
}

// folding is a run at work.
type folding struct {
	run      state.Run // as it was given
	shard    int
	from, to state.Vector
	changes  []state.Change
	done     bool
	err      error

	keys  []reminder.PersonKey
	needs map[reminder.PersonKey]part
	works map[reminder.PersonKey]*work
	w     *writing
}

// fold goes from trim to trim: one is too large for a script, and so is done some persons at a time before Applied passes it.
func (s *State) fold(ctx context.Context, t *nonced, fs []*folding) {
	var plain []*folding
	for _, f := range fs {
		f.from = f.run.From
		if slices.ContainsFunc(f.changes, isTrim) {
			f.err = s.foldTrims(ctx, t, f)
		} else {
			plain = append(plain, f)
		}
	}
	s.foldTogether(ctx, t, plain)
}

func isTrim(c state.Change) bool {
	_, trim := c.Body.(state.Trim)
	return trim
}

func (s *State) foldTrims(ctx context.Context, t *nonced, f *folding) error {
	from, changes := f.run.From, f.changes
	for {
		n := slices.IndexFunc(changes, isTrim)
		if n < 0 {
			x := &folding{shard: f.shard, from: from, to: f.run.To, changes: changes}
			s.foldTogether(ctx, t, []*folding{x})
			return x.err
		}
		mid := from
		for _, c := range changes[:n] {
			mid[c.Stream] = max(mid[c.Stream], c.Seq)
		}
		if n > 0 {
			x := &folding{shard: f.shard, from: from, to: mid, changes: changes[:n]}
			if s.foldTogether(ctx, t, []*folding{x}); x.err != nil {
				return x.err
			}
		}
		if err := s.trim(ctx, t, f.shard, mid, changes[n]); err != nil {
			return err
		}
		from, changes = mid, changes[n+1:]
	}
}

// foldTogether folds runs without a trim among their changes.
func (s *State) foldTogether(ctx context.Context, t *nonced, fs []*folding) {
	for _, f := range fs {
		f.look()
	}
	s.readParts(ctx, fs)
	var live []*folding
	for _, f := range fs {
		if f.err == nil && f.w.at.at != f.from {
			f.err = state.ErrStale
		}
		if f.err == nil {
			f.apply()
			live = append(live, f)
		}
	}
	s.commit(ctx, t, live)
}

// part is a part of a person's record.
type part uint8

const (
	head part = 1 << iota
	body
)

// parts are what a change is applied to.
func parts(c state.Change) part {
	switch c.Body.(type) {
	case state.Bar, state.Switch, state.Orphan:
		return 0
	case consent.Record, state.Contact:
		return head
	case state.Planned, state.Trim, state.Erased, state.Merged:
		return head | body
	}
	return body
}

// look finds what must be read.
func (f *folding) look() {
	f.needs, f.keys = map[reminder.PersonKey]part{}, nil
	f.w = newWriting(f.shard, f.to)
	for _, c := range f.changes {
		if n := parts(c); n != 0 {
			if f.needs[c.Person] == 0 {
				f.keys = append(f.keys, c.Person)
			}
			f.needs[c.Person] |= n
		}
	}
}

// readParts reads how far each shard is folded, and then those parts of persons that are needed. What the script then
// finds folded no further has not changed since.
func (s *State) readParts(ctx context.Context, fs []*folding) {
	type read struct {
		applied *goredis.StringCmd
		parts   [2]*goredis.SliceCmd
	}
	p := s.client.Pipeline()
	reads := make([]read, len(fs))
	for n, f := range fs {
		reads[n].applied = p.Get(ctx, s.key(f.shard, "applied"))
		var fields [2][]string
		for _, k := range f.keys {
			for i, part := range []part{head, body} {
				if f.needs[k]&part != 0 {
					fields[i] = append(fields[i], string(k))
				}
			}
		}
		for i, name := range []string{"heads", "persons"} {
			if len(fields[i]) > 0 {
				reads[n].parts[i] = p.HMGet(ctx, s.key(f.shard, name), fields[i]...)
			}
		}
	}
	_, _ = p.Exec(ctx) // every command has its own error
	for n, f := range fs {
		r := reads[n]
		if f.w.at, f.err = placeOf(r.applied); f.err != nil {
			continue
		}
		for _, c := range r.parts {
			if c != nil && c.Err() != nil {
				f.err = failure(c.Err())
			}
		}
		if f.err != nil {
			continue
		}
		f.works = make(map[reminder.PersonKey]*work, len(f.keys))
		var next [2]int
		for _, k := range f.keys {
			var texts [2]string
			for j, part := range []part{head, body} {
				if f.needs[k]&part != 0 {
					texts[j], _ = r.parts[j].Val()[next[j]].(string)
					next[j]++
				}
			}
			x, err := begin(k, f.needs[k], texts)
			f.works[k], f.err = x, errors.Join(f.err, err)
		}
	}
}

// apply applies the changes and finds what to write.
func (f *folding) apply() {
	for _, c := range f.changes {
		switch b := c.Body.(type) {
		case state.Bar:
			f.w.bar(b)
		case state.Switch:
			f.w.on[b.Name] = b
		case state.Orphan:
			b.Since = c.At
			f.w.orphan(b)
		default:
			x := f.works[c.Person]
			x.apply(c)
			if o, ok := b.(receipt.Outcome); ok && x.person.Spared(o) {
				f.w.op("uncap", "", o.Claim, string(c.Person))
			}
		}
	}
	for _, k := range f.keys {
		f.works[k].write(f.w)
	}
}

// commit writes what runs of entries say: in other shards first, so that a crash between is repaired by folding them
// again, and then in their own. Marks of attempts that were settled go last; one that stays is known for dead by its attempt.
func (s *State) commit(ctx context.Context, t *nonced, fs []*folding) {
	s.tell(ctx, t, fs)
	var live []*folding
	var asks []ask
	for _, f := range fs {
		if f.err == nil {
			live = append(live, f)
			asks = append(asks, ask{f.shard, f.w.args()})
		}
	}
	marks := s.client.Pipeline()
	for i, a := range s.run(ctx, t, "fold", asks) {
		switch f := live[i]; {
		case errors.Is(a.err, goredis.Nil):
			f.err = state.ErrStale
		case a.err != nil:
			f.err = failure(a.err)
		default:
			for claim, a := range f.w.marks {
				marks.HDel(ctx, s.marks(a), claim)
			}
		}
	}
	if marks.Len() > 0 {
		_, _ = marks.Exec(ctx) // what fails here is harmless
	}
}
