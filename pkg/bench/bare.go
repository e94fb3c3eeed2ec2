package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/redis/go-redis/v9"
)

// bareBatch is how many messages the bare loop handles at a time, as the line's stations do.
const bareBatch = 256

// bareRound is how many messages are put into the queue at a time; the loop is timed only while it empties it.
const bareRound = 8 * bareBatch

// The streams of the bare loop.
const (
	bareStreams = "HUSK_BENCH_"
	bareQueue   = bareStreams + "QUEUE"
	bareLean    = bareStreams + "LEAN"
	bareLog     = bareStreams + "LOG"
)

// bareScript is the least that a store does for a batch: one field for each of its messages.
var bareScript = redis.NewScript(`for i = 1, #ARGV do redis.call('HSET', KEYS[1], ARGV[i], '1') end return #ARGV`)

// bare is the loop that any line of this kind has at its heart, with nothing of Husk in it: fetch 256, one script over the 256
// in a store, one atomic batch of 256 on a stream, acknowledge; one after the other.
type bare struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	queue   *source
	lean    *source
	store   redis.UniversalClient // nil = none
	key     string
	payload []byte
}

// source is where the loop fetches from.
type source struct {
	subject  string
	stream   jetstream.Stream
	consumer jetstream.Consumer
	each     bool // each message is acknowledged
}

// openBare makes the loop's streams.
func openBare(ctx context.Context, nc *nats.Conn, replicas int, store redis.UniversalClient) (*bare, error) {
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(30*time.Second))
	if err != nil {
		return nil, err
	}
	b := &bare{nc: nc, js: js, store: store, key: "husk-bench:" + nuid.Next()}
	noise := make([]byte, 200)
	_, _ = rand.Read(noise)
	b.payload = []byte(hex.EncodeToString(noise)) // 400 bytes, as the line's entries are
	common := jetstream.StreamConfig{Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, Replicas: max(1, replicas), AllowAtomicPublish: true}
	log, queue, lean := common, common, common
	log.Name, log.Subjects, log.Retention = bareLog, []string{"husk-bench.log.*"}, jetstream.LimitsPolicy
	queue.Name, queue.Subjects, queue.Retention = bareQueue, []string{"husk-bench.queue"}, jetstream.WorkQueuePolicy
	lean.Name, lean.Subjects, lean.Retention = bareLean, []string{"husk-bench.lean"}, jetstream.LimitsPolicy
	if _, err := js.CreateOrUpdateStream(ctx, log); err != nil {
		return nil, fmt.Errorf("stream: %w", err)
	}
	if b.queue, err = b.source(ctx, queue, jetstream.AckExplicitPolicy); err != nil {
		return nil, err
	}
	b.lean, err = b.source(ctx, lean, jetstream.AckAllPolicy)
	return b, err
}

func (b *bare) source(ctx context.Context, c jetstream.StreamConfig, acks jetstream.AckPolicy) (*source, error) {
	s := &source{subject: c.Subjects[0], each: acks == jetstream.AckExplicitPolicy}
	var err error
	if s.stream, err = b.js.CreateOrUpdateStream(ctx, c); err != nil {
		return nil, fmt.Errorf("stream: %w", err)
	}
	s.consumer, err = s.stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: "bare", AckPolicy: acks, AckWait: time.Minute, MaxAckPending: 4 * bareBatch, MaxRequestBatch: bareBatch,
	})
	if err != nil {
		return nil, fmt.Errorf("consumer: %w", err)
	}
	return s, nil
}

// measure goes round until it has looped for the time least, and returns how many messages a second went through.
func (b *bare) measure(ctx context.Context, from *source, least time.Duration, now func() time.Time) (float64, error) {
	n := 0
	var took time.Duration
	for took < least {
		if err := b.fill(ctx, from); err != nil {
			return 0, err
		}
		began := now()
		for i := 0; i < bareRound && took+now().Sub(began) < least; i += bareBatch {
			if err := b.round(ctx, from); err != nil {
				return 0, err
			}
			n += bareBatch
		}
		took += now().Sub(began)
	}
	return perSecond(n, took), nil
}

// fill puts a round's messages where the loop fetches them, and nothing else is there.
func (b *bare) fill(ctx context.Context, into *source) error {
	if err := into.stream.Purge(ctx); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	for i := 0; i < bareRound; i += 2 * bareBatch {
		if err := b.batch(ctx, 2*bareBatch, func(int) string { return into.subject }); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
	}
	return nil
}

// round is one turn of the loop.
func (b *bare) round(ctx context.Context, from *source) error {
	batch, err := from.consumer.Fetch(bareBatch, jetstream.FetchMaxWait(10*time.Second))
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	msgs := make([]jetstream.Msg, 0, bareBatch)
	for m := range batch.Messages() {
		msgs = append(msgs, m)
	}
	if err := batch.Error(); err != nil || len(msgs) != bareBatch {
		return errors.Join(fmt.Errorf("fetch: %d of %d messages", len(msgs), bareBatch), err)
	}
	if b.store != nil {
		ids := make([]any, len(msgs))
		for i := range msgs {
			ids[i] = strconv.Itoa(i)
		}
		if err := bareScript.Run(ctx, b.store, []string{b.key}, ids...).Err(); err != nil {
			return fmt.Errorf("script: %w", err)
		}
	}
	if err := b.batch(ctx, bareBatch, func(i int) string { return "husk-bench.log." + strconv.Itoa(i%64) }); err != nil {
		return err
	}
	return from.acknowledge(ctx, msgs)
}

// acknowledge answers for a batch. The answers to single messages are not waited for.
func (s *source) acknowledge(ctx context.Context, msgs []jetstream.Msg) error {
	last := msgs[len(msgs)-1]
	if !s.each {
		meta, err := last.Metadata()
		if err == nil {
			err = errors.Join(last.Ack(), s.stream.Purge(ctx, jetstream.WithPurgeSequence(meta.Sequence.Stream+1)))
		}
		if err != nil {
			return fmt.Errorf("acknowledge: %w", err)
		}
		return nil
	}
	for _, m := range msgs {
		if err := m.Ack(); err != nil {
			return fmt.Errorf("acknowledge: %w", err)
		}
	}
	return nil
}

// batch publishes n messages as one atomic batch (the broker's ADR-50) and waits until it is on disk.
func (b *bare) batch(ctx context.Context, n int, subject func(int) string) error {
	id := nuid.Next()
	for i := range n {
		m := nats.NewMsg(subject(i))
		m.Data = b.payload
		m.Header.Set("Nats-Batch-Id", id)
		m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		if i < n-1 {
			if err := b.nc.PublishMsg(m); err != nil {
				return fmt.Errorf("batch: %w", err)
			}
			continue
		}
		m.Header.Set("Nats-Batch-Commit", "1")
		answer, err := b.nc.RequestMsgWithContext(ctx, m)
		if err != nil {
			return fmt.Errorf("batch: %w", err)
		}
		if err := committed(answer.Data, n); err != nil {
			return err
		}
	}
	return nil
}

// close takes away what the loop left.
func (b *bare) close(ctx context.Context) error {
	var err error
	for _, name := range []string{bareQueue, bareLean, bareLog} {
		err = errors.Join(err, b.js.DeleteStream(ctx, name))
	}
	if b.store != nil {
		err = errors.Join(err, b.store.Del(ctx, b.key).Err())
	}
	return err
}

// startBroker starts a broker as the embedded one is: encrypted storage, every write synced, no port unless listen asks for
// one on the loopback interface.
func startBroker(dir string, listen bool) (*server.Server, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	o := &server.Options{
		ServerName: "husk-bench", JetStream: true, StoreDir: filepath.Join(dir, "broker"), SyncAlways: true, NoSigs: true, NoLog: true,
		JetStreamKey: hex.EncodeToString(key), JetStreamCipher: server.AES, JetStreamMaxStore: 1 << 50, DontListen: !listen,
	}
	if listen {
		o.Host, o.Port = "127.0.0.1", server.RANDOM_PORT
	}
	ns, err := server.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	ns.Start()
	if !ns.ReadyForConnections(30 * time.Second) {
		ns.Shutdown()
		return nil, errors.New("broker: it did not start")
	}
	return ns, nil
}

// committed reads the broker's answer to a batch of n.
func committed(answer []byte, n int) error {
	var a struct {
		Count int             `json:"count"`
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(answer, &a); err != nil || len(a.Error) > 0 || a.Count != n {
		return fmt.Errorf("batch: the broker counts %d of %d messages", a.Count, n)
	}
	return nil
}
