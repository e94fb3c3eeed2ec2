package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// folded are the streams that are folded, by priority: STOP is never behind imports.
var folded = [state.Streams]journal.Stream{state.Stop: journal.StreamStop, state.People: journal.StreamPeople, state.Journal: journal.StreamJournal}

// foldBatch is how many entries are folded in one go.
const foldBatch = 512

// The certificate is renewed every certifyEvery, for certifyFor.
const (
	certifyEvery = 300 * time.Millisecond
	certifyFor   = time.Second
)

// ErrAhead means that the state has folded more than the journal holds, or another journal: the journal's data was
// replaced or restored. Sending stays off.
var ErrAhead = errors.New("ledger: the state is ahead of the journal: its data was replaced or restored from a backup")

// Ready is closed when the state has caught up with the journal and is certified for the first time.
func (l *Ledger) Ready() <-chan struct{} { return l.ready }

// Run is the projector: it fills the state from the snapshot and the journal, keeps folding, and vouches for the state
// while it has caught up. It returns when ctx ends, with a snapshot written, or with the error after which nobody may
// vouch any more.
func (l *Ledger) Run(ctx context.Context) error {
	ends, err := l.begin(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var in [state.Streams]chan journal.Entry
	var applied [reminder.Shards]state.Vector
	for shard := range applied {
		if applied[shard], err = l.o.State.Applied(ctx, shard); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	var done state.Vector // read so far
	for s, stream := range folded {
		in[s] = make(chan journal.Entry, 4*foldBatch)
		done[s] = from(applied[:], s, ends[s])
		go func() {
			err := l.o.Journal.Follow(ctx, stream, done[s]+1, func(e journal.Entry) error {
				select {
				case in[s] <- e:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			cancel(err)
		}()
	}
	return l.project(ctx, in, applied, done, ends)
}

// from is the lowest sequence folded in every shard. What was trimmed counts as folded: nobody will ever read it.
func from(applied []state.Vector, s int, end journal.End) uint64 {
	low := end.Last
	for _, v := range applied {
		low = min(low, v[s])
	}
	if end.First > 0 {
		low = max(low, end.First-1)
	}
	return low
}

// begin restores the snapshot, if there is one that fits, and looks where the streams end.
func (l *Ledger) begin(ctx context.Context) ([state.Streams]journal.End, error) {
	var ends [state.Streams]journal.End
	l.ends = map[journal.Stream]string{}
	for s, stream := range folded {
		end, err := l.o.Journal.End(ctx, stream)
		if err != nil {
			return ends, err
		}
		ends[s], l.ends[stream] = end, end.ID
	}
	behind, err := l.behindMark(ends)
	if err != nil {
		return ends, err
	}
	l.restored = behind
	if err := l.restore(ends); err != nil {
		return ends, err
	}
	for shard := range reminder.Shards {
		v, err := l.o.State.Applied(ctx, shard)
		if err != nil {
			return ends, fmt.Errorf("ledger: %w", err)
		}
		for s := range v {
			if v[s] > ends[s].Last {
				return ends, ErrAhead
			}
		}
	}
	return ends, nil
}

func (l *Ledger) project(ctx context.Context, in [state.Streams]chan journal.Entry, applied [reminder.Shards]state.Vector, done state.Vector, ends [state.Streams]journal.End) error {
	tick := time.NewTicker(certifyEvery)
	defer tick.Stop()
	marks := time.NewTicker(markEvery)
	defer marks.Stop()
	ready := false
	batch := make([]journal.Entry, 0, foldBatch)
	for {
		if !ready && caughtUp(done, ends) {
			if err := l.certify(ctx); err != nil {
				return err
			}
			ready = true
			close(l.ready)
		}
		batch = batch[:0]
		select {
		case <-ctx.Done():
			l.m.certified.Set(0)
			if ready {
				l.raiseMark(done)
			}
			if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
				return err
			}
			if ready {
				return errors.Join(l.level(context.WithoutCancel(ctx), &applied, done), l.writeSnapshot(done))
			}
			return nil
		case <-tick.C:
			if ready {
				if err := l.certify(ctx); err != nil {
					l.o.Log.Error("the state can't be certified", zap.Error(err))
				}
			}
			continue
		case <-marks.C:
			if ready { // a replay on its way would lower it
				l.raiseMark(done)
			}
			continue
		case e := <-in[state.Stop]:
			batch = append(batch, e)
		case e := <-in[state.People]:
			batch = append(batch, e)
		case e := <-in[state.Journal]:
			batch = append(batch, e)
		}
		for s := range in {
			batch = drain(in[s], batch)
		}
		if err := l.fold(ctx, batch, &applied); err != nil {
			l.m.certified.Set(0)
			return err
		}
		for _, e := range batch {
			for s, stream := range folded {
				if e.Stream == stream {
					done[s] = max(done[s], e.Seq)
				}
			}
		}
		if ready {
			if l.snapshotDue(len(batch)) {
				if err := errors.Join(l.level(ctx, &applied, done), l.writeSnapshot(done)); err != nil {
					l.o.Log.Warn("no snapshot written; the next start replays more", zap.Error(err))
				}
			}
		}
	}
}

func drain(in chan journal.Entry, batch []journal.Entry) []journal.Entry {
	for len(batch) < foldBatch {
		select {
		case e := <-in:
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}

func caughtUp(done state.Vector, ends [state.Streams]journal.End) bool {
	for s := range ends {
		if done[s] < ends[s].Last {
			return false
		}
	}
	return true
}

func (l *Ledger) certify(ctx context.Context) error {
	if err := l.o.State.Certify(ctx, certifyFor); err != nil {
		l.m.certified.Set(0)
		return fmt.Errorf("ledger: certify: %w", err)
	}
	l.m.certified.Set(1)
	return nil
}

// fold folds a batch, shard by shard. A shard that another projector has moved is read again and folded from there.
func (l *Ledger) fold(ctx context.Context, batch []journal.Entry, applied *[reminder.Shards]state.Vector) error {
	var byShard [reminder.Shards][]state.Change
	for _, e := range batch {
		c, err := l.change(e)
		if err != nil {
			return err
		}
		byShard[e.Shard] = append(byShard[e.Shard], c)
	}
	for {
		var runs []state.Run
		for shard, changes := range byShard {
			if len(changes) == 0 {
				continue
			}
			to := applied[shard]
			for _, c := range changes {
				to[c.Stream] = max(to[c.Stream], c.Seq)
			}
			runs = append(runs, state.Run{Shard: shard, From: applied[shard], To: to, Changes: changes})
		}
		if len(runs) == 0 {
			return nil
		}
		var failed error
		for i, err := range l.o.State.Fold(ctx, runs...) {
			r := runs[i]
			switch {
			case err == nil:
				applied[r.Shard], byShard[r.Shard] = r.To, nil
				l.m.folded.Add(float64(len(r.Changes)))
				if l.o.Observe != nil {
					for _, c := range r.Changes {
						l.o.Observe(c)
					}
				}
			case errors.Is(err, state.ErrStale):
				if applied[r.Shard], err = l.o.State.Applied(ctx, r.Shard); err != nil {
					failed = err
				}
			default:
				failed = err
			}
		}
		if failed != nil {
			return fmt.Errorf("ledger: fold: %w", failed)
		}
	}
}
