package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// Follow reads a stream from sequence from on, calls fn in the stream's order with the entries of each sequence, and goes
// on with what is appended until ctx ends or fn errs. Entries of one sequence are told of together: who stops in between has
// none of them. It survives reconnections: the broker's ordered consumer begins
// again where it stopped. An entry that can't be read ends it with ErrFormat.
func (j *Journal) Follow(ctx context.Context, s Stream, from uint64, fn func([]Entry) error) error {
	return j.follow(ctx, s, from, 0, fn)
}

// keepConsumer is how long the broker keeps the consumer of a reader that has died.
const keepConsumer = 30 * time.Second

// drop deletes a reader's consumer: a stream takes no more than a thousand.
func (j *Journal) drop(ctx context.Context, s Stream, c jetstream.Consumer) {
	if i := c.CachedInfo(); i != nil && j.nc.IsConnected() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = j.js.DeleteConsumer(ctx, string(s), i.Name)
	}
}

// errPause ends follow when nothing came for a while.
var errPause = errors.New("journal: nothing more for now")

// follow is Follow, which ends with errPause when nothing comes for the time pause; 0 = never.
func (j *Journal) follow(ctx context.Context, s Stream, from uint64, pause time.Duration, fn func([]Entry) error) error {
	c, err := j.js.OrderedConsumer(ctx, string(s), jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(from, 1), MaxResetAttempts: -1, InactiveThreshold: keepConsumer,
	})
	if err != nil {
		return fmt.Errorf("journal: follow %s: %w", s, err)
	}
	defer j.drop(ctx, s, c)
	it, err := c.Messages(jetstream.PullMaxMessages(1000))
	if err != nil {
		return fmt.Errorf("journal: follow %s: %w", s, err)
	}
	defer it.Stop()
	// While Next makes its consumer anew it looks at no context; it sees that it was stopped at its next try, within seconds.
	defer context.AfterFunc(ctx, it.Stop)()
	wait := jetstream.NextContext(ctx)
	if pause > 0 {
		wait = jetstream.NextMaxWait(pause)
	}
	for {
		m, err := it.Next(wait)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if pause > 0 && errors.Is(err, nats.ErrTimeout) {
			return errPause
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
		es, err := entries(s, m)
		if err != nil {
			return err
		}
		if err := fn(es); err != nil {
			return err
		}
	}
}

// Read calls fn with the entries that stand in a stream now, from sequence from on, oldest first.
func (j *Journal) Read(ctx context.Context, s Stream, from uint64, fn func(Entry) error) error {
	last, err := j.last(ctx, s)
	next, done := max(from, 1), errors.New("done")
	for err == nil && next <= last {
		err = j.follow(ctx, s, next, readPause, func(es []Entry) error {
			seq := es[0].Seq
			if seq > last {
				return done
			}
			for _, e := range es {
				if err := fn(e); err != nil {
					return err
				}
			}
			if next = seq + 1; next > last {
				return done
			}
			return nil
		})
		if errors.Is(err, errPause) {
			// What was last may have been deleted or have aged since.
			var now uint64
			now, err = j.last(ctx, s)
			last = min(last, now)
		}
	}
	if errors.Is(err, done) {
		return nil
	}
	return err
}

// readPause is how long Read waits for the next entry before it asks again which one is the last.
const readPause = 2 * time.Second

// last is the sequence of the newest entry that stands in a stream, 0 when it is empty. The broker's own count goes on to
// an entry that was deleted, which no reader would ever get.
func (j *Journal) last(ctx context.Context, s Stream) (uint64, error) {
	st, err := j.js.Stream(ctx, string(s))
	if err != nil {
		return 0, fmt.Errorf("journal: stream %s: %w", s, err)
	}
	is := st.CachedInfo().State
	if is.Msgs > 0 && is.NumDeleted > 0 {
		i, err := st.Info(ctx, jetstream.WithDeletedDetails(true))
		if err != nil {
			return 0, fmt.Errorf("journal: stream %s: %w", s, err)
		}
		is = i.State
	}
	if is.Msgs == 0 {
		return 0, nil
	}
	last := is.LastSeq
	for n := len(is.Deleted); n > 0 && is.Deleted[n-1] == last; n-- {
		last--
	}
	return last, nil
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

// At reads the entries of one sequence: several where they were written together. ErrNotFound when there are none.
func (j *Journal) At(ctx context.Context, s Stream, seq uint64) ([]Entry, error) {
	st, err := j.js.Stream(ctx, string(s))
	if err != nil {
		return nil, fmt.Errorf("journal: stream %s: %w", s, err)
	}
	m, err := st.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("journal: read %s: %w", s, err)
	}
	es, err := DecodeMessage(s, m.Subject, m.Data)
	for i := range es {
		es[i].Seq = m.Sequence
	}
	return es, err
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

// entries are those of a message.
func entries(s Stream, m jetstream.Msg) ([]Entry, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("%w: no metadata", ErrFormat)
	}
	es, err := DecodeMessage(s, m.Subject(), m.Data())
	if err != nil {
		return nil, fmt.Errorf("%s at %d: %w", s, meta.Sequence.Stream, err)
	}
	for i := range es {
		es[i].Seq = meta.Sequence.Stream
	}
	return es, nil
}
