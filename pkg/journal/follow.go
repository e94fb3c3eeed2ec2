package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// Follow reads a stream from sequence from on, calls fn with one entry after the other in the stream's order, and goes
// on with what is appended until ctx ends or fn errs. It survives reconnections: the broker's ordered consumer begins
// again where it stopped. An entry that can't be read ends it with ErrFormat.
func (j *Journal) Follow(ctx context.Context, s Stream, from uint64, fn func(Entry) error) error {
	c, err := j.js.OrderedConsumer(ctx, string(s), jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(from, 1), MaxResetAttempts: -1,
	})
	if err != nil {
		return fmt.Errorf("journal: follow %s: %w", s, err)
	}
	it, err := c.Messages(jetstream.PullMaxMessages(1000))
	if err != nil {
		return fmt.Errorf("journal: follow %s: %w", s, err)
	}
	defer it.Stop()
	for {
		m, err := it.Next(jetstream.NextContext(ctx))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
				return fmt.Errorf("journal: follow %s: %w", s, err)
			}
			j.log.Warn("following the journal", zap.String("stream", string(s)), zap.Error(err))
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		e, err := entry(s, m)
		if err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
	}
}

// Read calls fn with the entries that stand in a stream now, from sequence from on, oldest first.
func (j *Journal) Read(ctx context.Context, s Stream, from uint64, fn func(Entry) error) error {
	end, err := j.End(ctx, s)
	if err != nil {
		return err
	}
	if end.Last < max(from, end.First, 1) {
		return nil
	}
	done := errors.New("done")
	err = j.Follow(ctx, s, from, func(e Entry) error {
		if err := fn(e); err != nil {
			return err
		}
		if e.Seq >= end.Last {
			return done
		}
		return nil
	})
	if errors.Is(err, done) {
		return nil
	}
	return err
}

// Get reads one entry. ErrNotFound when there is none.
func (j *Journal) Get(ctx context.Context, s Stream, seq uint64) (Entry, error) {
	st, err := j.js.Stream(ctx, string(s))
	if err != nil {
		return Entry{}, fmt.Errorf("journal: stream %s: %w", s, err)
	}
	m, err := st.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Entry{}, ErrNotFound
	}
	if err != nil {
		return Entry{}, fmt.Errorf("journal: read %s: %w", s, err)
	}
	e, err := Decode(s, m.Subject, m.Data)
	e.Seq = m.Sequence
	return e, err
}

// Delete removes one entry, overwriting its bytes.
func (j *Journal) Delete(ctx context.Context, s Stream, seq uint64) error {
	st, err := j.js.Stream(ctx, string(s))
	if err == nil {
		err = st.SecureDeleteMsg(ctx, seq)
	}
	if err != nil {
		return fmt.Errorf("journal: delete from %s: %w", s, err)
	}
	return nil
}

// ErrNotFound is returned for an entry that is not there.
var ErrNotFound = errors.New("journal: no such entry")

func entry(s Stream, m jetstream.Msg) (Entry, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Entry{}, fmt.Errorf("%w: no metadata", ErrFormat)
	}
	e, err := Decode(s, m.Subject(), m.Data())
	if err != nil {
		return Entry{}, fmt.Errorf("%s at %d: %w", s, meta.Sequence.Stream, err)
	}
	e.Seq = meta.Sequence.Stream
	return e, nil
}
