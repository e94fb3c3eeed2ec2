package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// adminWait is how long the broker may take to make or describe a stream: on a busy disk longer than to write an entry.
const adminWait = 30 * time.Second

// Options of a Journal.
type Options struct {
	Conn     *nats.Conn
	Replicas int           // of every stream; 0 = 1
	Shared   bool          // other processes write too
	AckWait  time.Duration // how long the broker's answer is awaited; 0 = 10 s
	DeadAge  time.Duration // how long dead letters are kept; 0 = 30 days
	AuditAge time.Duration // how long the audit is kept; 0 = 5 years
	Log      *zap.Logger
}

// Journal writes and reads the streams.
type Journal struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	log     *zap.Logger
	writers map[Stream]*writer
	shared  bool
	line    *line
	quit    chan struct{}
	wg      sync.WaitGroup
	once    sync.Once
}

// Open makes the streams that are not there and starts the writers.
func Open(ctx context.Context, o Options) (*Journal, error) {
	if o.Conn == nil {
		return nil, errors.New("journal: Options.Conn is required")
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.AckWait == 0 {
		o.AckWait = 10 * time.Second
	}
	js, err := jetstream.New(o.Conn, jetstream.WithDefaultTimeout(adminWait))
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j := &Journal{nc: o.Conn, js: js, log: o.Log, writers: map[Stream]*writer{}, shared: o.Shared, line: newLine(o.Conn), quit: make(chan struct{})}
	for _, s := range Streams {
		if _, err := js.CreateOrUpdateStream(ctx, config(s, o)); err != nil {
			j.line.end()
			return nil, fmt.Errorf("journal: stream %s: %w", s, err)
		}
	}
	for _, s := range Streams {
		w := &writer{stream: s, nc: o.Conn, line: j.line, in: make(chan *request), wait: o.AckWait, quit: j.quit}
		j.writers[s] = w
		j.wg.Go(w.run)
	}
	return j, nil
}

func config(s Stream, o Options) jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name: string(s), Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
		Replicas: max(o.Replicas, 1), AllowAtomicPublish: true, AllowDirect: true, DenyDelete: false,
	}
	switch s {
	case StreamStop:
		c.Subjects = []string{"husk.stop.*"}
	case StreamPeople:
		c.Subjects = []string{"husk.people.*.*"}
	case StreamJournal:
		c.Subjects = []string{"husk.journal.*.*"}
	case StreamKeys:
		c.Subjects = []string{"husk.keys.*"}
	case StreamAudit:
		c.Subjects, c.MaxAge = []string{"husk.audit.*"}, o.AuditAge
		if c.MaxAge == 0 {
			c.MaxAge = 5 * 365 * 24 * time.Hour
		}
	case StreamDead:
		c.Subjects, c.MaxAge = []string{"husk.dead.*"}, o.DeadAge
		if c.MaxAge == 0 {
			c.MaxAge = 30 * 24 * time.Hour
		}
	}
	return c
}

// Close ends the writers. Entries in hand are written first.
func (j *Journal) Close() {
	j.once.Do(func() { close(j.quit) })
	j.wg.Wait()
	j.line.end()
}

// End is the identity of a stream, its first and its last sequence.
type End struct {
	ID          string // changes when the stream is made anew
	First, Last uint64
	Bytes       uint64
}

// End asks the broker for the end of a stream.
func (j *Journal) End(ctx context.Context, s Stream) (End, error) {
	st, err := j.js.Stream(ctx, string(s))
	if err != nil {
		return End{}, fmt.Errorf("journal: stream %s: %w", s, err)
	}
	i := st.CachedInfo()
	return End{ID: i.Created.UTC().Format(time.RFC3339Nano), First: i.State.FirstSeq, Last: i.State.LastSeq, Bytes: i.State.Bytes}, nil
}

// Purge removes what stands before seq.
func (j *Journal) Purge(ctx context.Context, s Stream, seq uint64) error {
	st, err := j.js.Stream(ctx, string(s))
	if err == nil {
		err = st.Purge(ctx, jetstream.WithPurgeSequence(seq))
	}
	if err != nil {
		return fmt.Errorf("journal: purge %s: %w", s, err)
	}
	return nil
}
