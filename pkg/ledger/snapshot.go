package ledger

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Snapshot says where the snapshot of a state that lives in memory is kept, sealed with the snapshot key of the keyset.
type Snapshot struct {
	Path  string // "" = no snapshots
	Every int    // entries between snapshots; 0 = 1,000,000
}

// Snapshotter is a state that can be written and restored as a whole. While it is written it folds and answers as always,
// also while w keeps it waiting; each shard may be of another moment. A Restore that errs leaves the state as it was.
type Snapshotter interface {
	Snapshot(w io.Writer) error
	Restore(r io.Reader) error
}

func (l *Ledger) snapshotter() (Snapshotter, cipher.AEAD, error) {
	s, ok := l.o.State.(Snapshotter)
	if !ok || l.o.Snapshot.Path == "" {
		return nil, nil, nil
	}
	b, err := aes.NewCipher(l.o.Keys.Keyset().Snapshot)
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: snapshot key: %w", err)
	}
	a, err := cipher.NewGCMWithRandomNonce(b)
	return s, a, err
}

// restore fills the state from the snapshot. A snapshot that is absent or damaged is not used: the journal is replayed. So
// is one of other streams, or that has read further than the journal goes; then the journal is a restored one.
func (l *Ledger) restore(ends [state.Streams]journal.End) error {
	s, aead, err := l.snapshotter()
	if s == nil || err != nil {
		return err
	}
	f, err := os.Open(l.o.Snapshot.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ledger: snapshot: %w", err)
	}
	defer func() { _ = f.Close() }()
	foot, body, err := openSnapshot(aead, f)
	if err == nil {
		for i, stream := range folded {
			if foot.Streams[stream] != ends[i].ID || foot.Read[i] > ends[i].Last {
				l.restored = true
				return nil
			}
		}
		err = unpack(body, s.Restore)
	}
	if err != nil {
		l.o.Log.Warn("the snapshot can't be used; the journal is replayed", zap.Error(err))
	}
	return nil
}

func unpack(r io.Reader, to func(io.Reader) error) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("ledger: snapshot: %w", err)
	}
	return to(z)
}

// snapshotDue counts folded entries and reports when it is time for a snapshot. One that fails is tried again when it is
// time for the next.
func (p *projector) snapshotDue(n int) bool {
	p.since += n
	return p.since >= cmp.Or(p.o.Snapshot.Every, 1_000_000)
}

// beginSnapshot writes a snapshot beside the folding, for which nothing waits. The projector hears from writing how it went.
func (p *projector) beginSnapshot(ctx context.Context) {
	p.since = 0
	writing, read := make(chan error, 1), p.done
	if err := p.level(ctx, &p.applied, read); err != nil {
		writing <- err
	} else {
		go func() { writing <- p.writeSnapshot(ctx, read, true) }()
	}
	p.writing = writing
}

// waitSnapshot returns when no snapshot is being written any more.
func (p *projector) waitSnapshot() {
	if p.writing != nil {
		<-p.writing //nolint:errcheck // at the end a last one is written, whose error counts
		p.writing = nil
	}
}

// writeSnapshot writes the state's snapshot, sealed, at once or, with beside, at a pace that leaves time for others. read is how
// far the streams were read when it began. Where the state lives elsewhere there is nothing to write.
func (l *Ledger) writeSnapshot(ctx context.Context, read state.Vector, beside bool) error {
	key := l.o.Keys.Keyset().Snapshot
	s, aead, err := l.snapshotter()
	if s == nil || err != nil || l.suspect() {
		return err
	}
	err = rewrite(l.o.Snapshot.Path, func(f io.Writer) error {
		body := newSealer(aead, f)
		z, err := gzip.NewWriterLevel(body, gzip.BestSpeed)
		if err != nil {
			return err
		}
		to := io.Writer(z)
		if beside {
			to = &unhurried{Writer: z, ctx: ctx}
		}
		if err := errors.Join(s.Snapshot(to), z.Close()); err != nil {
			return err
		}
		// The later shards are of a later moment. What they have was read by now.
		for shard := range reminder.Shards {
			now, err := l.o.State.Applied(ctx, shard)
			if err != nil {
				return err
			}
			for s := range read {
				read[s] = max(read[s], now[s])
			}
		}
		return body.end(snapshotFoot{Streams: l.names, Read: read})
	})
	if err != nil {
		return fmt.Errorf("ledger: snapshot: %w", err)
	}
	if !bytes.Equal(key, l.o.Keys.Keyset().Snapshot) { // what it was sealed with is gone
		l.renewSnapshot()
	}
	return nil
}

// renewSnapshot takes the snapshot away, whose key is gone, and has another written.
func (l *Ledger) renewSnapshot() {
	if s, _, err := l.snapshotter(); s == nil || err != nil {
		return
	}
	if err := os.Remove(l.o.Snapshot.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.o.Log.Warn("the snapshot of before can't be removed; nobody can read it", zap.Error(err))
	}
	select {
	case l.renew <- struct{}{}:
	default:
	}
}

// restFor is how often as long as it worked an unhurried writer rests.
const restFor = 3

// unhurried is a writer for what has time: after each write it rests restFor times as long as it took to make what was written,
// so that no more than a quarter of a processor is taken from those who send. It errs when ctx ends.
type unhurried struct {
	io.Writer
	ctx   context.Context //nolint:containedctx // of the one who writes, for as long as the snapshot
	since time.Time
}

// Write implements io.Writer.
func (u *unhurried) Write(b []byte) (int, error) {
	n, err := u.Writer.Write(b)
	if err != nil {
		return n, err
	}
	var rest time.Duration
	if !u.since.IsZero() {
		rest = restFor * time.Since(u.since) //nolint:forbidigo // the machine's pace is real time
	}
	select {
	case <-u.ctx.Done():
		return n, u.ctx.Err()
	case <-time.After(rest):
	}
	u.since = time.Now() //nolint:forbidigo // as above
	return n, nil
}

// level moves every shard's Applied up to what has been read, so that the next start begins there also for shards that
// saw nothing.
func (l *Ledger) level(ctx context.Context, applied *[reminder.Shards]state.Vector, done state.Vector) error {
	for {
		var runs []state.Run
		for shard, from := range applied {
			to := done
			for s := range to {
				to[s] = max(to[s], from[s]) // another projector may have read further
			}
			if to != from {
				runs = append(runs, state.Run{Shard: shard, From: from, To: to})
			}
		}
		if len(runs) == 0 {
			return nil
		}
		for i, err := range l.o.State.Fold(ctx, runs...) {
			shard := runs[i].Shard
			if err == nil {
				applied[shard] = runs[i].To
				continue
			}
			if errors.Is(err, state.ErrStale) {
				applied[shard], err = l.o.State.Applied(ctx, shard)
			}
			if err != nil {
				return fmt.Errorf("ledger: level: %w", err)
			}
		}
	}
}
