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

// levelEvery is how often shards that saw nothing are moved on, so that the next projector begins where this one is.
const levelEvery = 10 * time.Second

// foldBatch is about how many entries are folded in one go. Those of one sequence are folded together: a shard's Applied can't
// stand between them.
const foldBatch = 512

// The certificate is renewed every certifyEvery, for CertifyFor.
const (
	certifyEvery = 300 * time.Millisecond
	CertifyFor   = time.Second
)

// ErrAhead means that the state has folded more than the journal holds, or another journal: the journal's data was
// replaced or restored. Sending stays off.
var ErrAhead = errors.New("ledger: the state is ahead of the journal: its data was replaced or restored from a backup")

// Ready is closed when the state has caught up with the journal and was certified, by whomever, for the first time.
func (l *Ledger) Ready() <-chan struct{} { return l.ready }

// Witness watches whether anybody vouches for the state, until ctx ends, for a process whose own projector waits for its
// turn: Ready is closed when somebody does.
func (l *Ledger) Witness(ctx context.Context) error {
	for {
		l.witnessed(l.o.State.Certified(ctx) == nil)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(certifyEvery):
		}
	}
}

func (l *Ledger) witnessed(certified bool) {
	if !certified {
		l.m.certified.Set(0)
		return
	}
	l.m.certified.Set(1)
	l.once.Do(func() { close(l.ready) })
}

// Run is the projector: it fills the state from the snapshot and the journal, keeps folding, and vouches for the state
// while it has caught up. It returns when ctx ends, with a snapshot written, or with the error after which it may not vouch
// any more; it may be run again then. One projector runs at a time, but two that race do no harm.
//
// A restored journal is quarantined before anybody vouches for its state.
func (l *Ledger) Run(ctx context.Context) error {
	p := &projector{Ledger: l}
	if err := p.begin(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for s, stream := range folded {
		p.in[s] = make(chan []journal.Entry, foldBatch)
		p.done[s] = p.from(s)
		from, in := p.done[s]+1, p.in[s]
		go func() {
			cancel(l.o.Journal.Follow(ctx, stream, from, func(es []journal.Entry) error {
				select {
				case in <- es:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}))
		}()
	}
	ends := make(chan [state.Streams]journal.End)
	go l.sample(ctx, ends)
	return p.run(ctx, ends)
}

// projector is one Run.
type projector struct {
	*Ledger
	ends    [state.Streams]journal.End // where the streams ended when it began
	applied [reminder.Shards]state.Vector
	done    state.Vector // read and folded so far
	levels  state.Vector // done when all shards were moved up last
	in      [state.Streams]chan []journal.Entry
	lag     lag
	vouches bool       // it has caught up, and vouches
	since   int        // entries folded since a snapshot was begun
	writing chan error // answers when the snapshot that is being written is there; nil = none is being written
}

// begin restores the snapshot, if there is one that fits, looks where the streams end, and how far each shard is folded.
func (p *projector) begin(ctx context.Context) error {
	p.names = map[journal.Stream]string{}
	for s, stream := range folded {
		end, err := p.o.Journal.End(ctx, stream)
		if err != nil {
			return err
		}
		p.ends[s], p.names[stream] = end, end.ID
	}
	if !p.quarantined.Load() {
		var err error
		if p.restored, err = p.isRestored(ctx, p.ends); err != nil {
			return err
		}
	}
	if err := p.restore(p.ends); err != nil {
		return err
	}
	var err error
	if p.applied, err = p.o.State.Begin(ctx); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	for s, stream := range folded {
		high := uint64(0)
		for _, v := range p.applied {
			high = max(high, v[s])
		}
		if high <= p.ends[s].Last {
			continue
		}
		// Another projector may have folded since.
		if end, err := p.o.Journal.End(ctx, stream); err != nil {
			return err
		} else if high > end.Last {
			return ErrAhead
		}
	}
	return nil
}

// from is the lowest sequence folded in every shard. What was trimmed counts as folded: nobody will ever read it.
func (p *projector) from(s int) uint64 {
	low := p.ends[s].Last
	for _, v := range p.applied {
		low = min(low, v[s])
	}
	if first := p.ends[s].First; first > 0 {
		low = max(low, first-1)
	}
	return low
}

func (p *projector) run(ctx context.Context, ends <-chan [state.Streams]journal.End) error {
	tick, marks, levels := time.NewTicker(certifyEvery), time.NewTicker(markEvery), time.NewTicker(levelEvery)
	defer tick.Stop()
	defer marks.Stop()
	defer levels.Stop()
	defer p.m.certified.Set(0)
	ctx, stop := context.WithCancel(ctx)
	defer p.waitSnapshot()
	defer stop()
	var quarantine chan error // answers when it is done
	batch := make([]journal.Entry, 0, foldBatch)
	for {
		if !p.vouches && quarantine == nil && p.caughtUp() {
			quarantine = make(chan error, 1)
			go func() { quarantine <- p.seeTo(ctx) }()
		}
		batch = batch[:0]
		select {
		case <-ctx.Done():
			return p.end(ctx)
		case err := <-quarantine:
			if err == nil {
				p.vouches = true
				err = p.certify(ctx)
			}
			if err != nil {
				return err
			}
			continue
		case <-tick.C:
			if p.vouches {
				if err := p.certify(ctx); err != nil {
					return err
				}
			}
			continue
		case <-p.renew:
			if p.vouches && p.writing == nil {
				p.beginSnapshot(ctx)
			}
			continue
		case e := <-ends:
			p.lag.sampled(e, p.done)
			continue
		case err := <-p.writing:
			p.writing = nil
			if err != nil {
				p.o.Log.Warn("no snapshot written; the next start replays more", zap.Error(err))
			}
			continue
		case <-marks.C:
			if p.vouches { // a replay on its way would lower it
				p.raiseMark(p.done)
			}
			continue
		case <-levels.C:
			if p.vouches && p.levels != p.done {
				if err := p.level(ctx, &p.applied, p.done); err != nil {
					return err
				}
				p.levels = p.done
			}
			continue
		case es := <-p.in[state.Stop]:
			batch = append(batch, es...)
		case es := <-p.in[state.People]:
			batch = append(batch, es...)
		case es := <-p.in[state.Journal]:
			batch = append(batch, es...)
		}
		batch = p.gather(batch)
		if err := p.fold(ctx, batch, &p.applied); err != nil {
			return err
		}
		for _, e := range batch {
			for s, stream := range folded {
				if e.Stream == stream {
					p.done[s] = max(p.done[s], e.Seq)
				}
			}
		}
		if p.vouches && p.snapshotDue(len(batch)) && p.writing == nil {
			p.beginSnapshot(ctx)
		}
	}
}

// end is the end of a projector in peace, or the error that ended it.
func (p *projector) end(ctx context.Context) error {
	if p.vouches {
		p.raiseMark(p.done)
	}
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	if !p.vouches {
		return nil
	}
	p.waitSnapshot() // it sees that ctx has ended
	ctx = context.WithoutCancel(ctx)
	return errors.Join(p.level(ctx, &p.applied, p.done), p.writeSnapshot(ctx, p.done, false))
}

// seeTo quarantines a restored journal.
func (p *projector) seeTo(ctx context.Context) error {
	if !p.suspect() {
		return nil
	}
	n, err := p.Quarantine(ctx)
	if err != nil {
		return fmt.Errorf("ledger: restored journal: %w", err)
	}
	p.o.Log.Error("the journal was restored from a backup: sending is off until it is resumed", zap.Int("held", n))
	return nil
}

// gather adds what else has come. However much there is of the other streams, what there is of STOP goes with it.
func (p *projector) gather(batch []journal.Entry) []journal.Entry {
	batch = drain(p.in[state.Stop], batch, len(batch)+foldBatch)
	for _, in := range p.in[state.Stop+1:] {
		batch = drain(in, batch, foldBatch)
	}
	return batch
}

// drain adds what is there, until the batch has most.
func drain(in chan []journal.Entry, batch []journal.Entry, most int) []journal.Entry {
	for len(batch) < most {
		select {
		case es := <-in:
			batch = append(batch, es...)
		default:
			return batch
		}
	}
	return batch
}

// caughtUp reports whether all is folded that stood in the streams when the projector began.
func (p *projector) caughtUp() bool {
	for s, end := range p.ends {
		if p.done[s] < end.Last {
			return false
		}
	}
	return true
}

// certify vouches for the state, unless the projector has fallen behind: then nobody does until it has caught up.
func (p *projector) certify(ctx context.Context) error {
	if !p.lag.small(p.done) {
		p.m.certified.Set(0)
		return nil
	}
	if err := p.o.State.Certify(ctx, CertifyFor); err != nil {
		return fmt.Errorf("ledger: certify: %w", err)
	}
	p.witnessed(true)
	return nil
}

// errLostFolds means that the store has less than this projector has folded: what is missing must be read again.
var errLostFolds = errors.New("ledger: the store has lost what was folded")

// lacks reports whether v lacks something that w has.
func lacks(v, w state.Vector) bool {
	for s := range v {
		if v[s] < w[s] {
			return true
		}
	}
	return false
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
				now, err := l.o.State.Applied(ctx, r.Shard)
				if err == nil && lacks(now, r.From) {
					err = errLostFolds
				}
				applied[r.Shard] = now
				failed = errors.Join(failed, err)
			default:
				failed = err
			}
		}
		if failed != nil {
			return fmt.Errorf("ledger: fold: %w", failed)
		}
	}
}
