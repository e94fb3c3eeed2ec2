package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// MaxBatch is how many entries one atomic batch holds; the broker refuses more than 1,000.
const MaxBatch = 1000

// What Append may answer.
var (
	// ErrUncertain means that the broker's answer was lost. The entries may be on disk or not.
	ErrUncertain = errors.New("journal: the broker's answer was lost")
	// ErrRefused means that nothing was written: disk or stream full, broker not reachable, a batch it refused, or an entry
	// that can't be written at all.
	ErrRefused = errors.New("journal: the broker took nothing")
	// ErrTooLarge means that one call holds more entries than an atomic batch.
	ErrTooLarge = fmt.Errorf("journal: more than %d entries for one stream in one call", MaxBatch)
)

// Position is where an entry stands.
type Position struct {
	Stream Stream
	Shard  int
	Seq    uint64
}

// request is the entries of one Append for one stream.
type request struct {
	msgs []*nats.Msg // one an entry
	seqs []uint64    // where they stand
	err  error
	done chan struct{}
}

// writer turns concurrent requests to one stream into one write, where there are many: while one is on its way to the disk
// the next one fills.
type writer struct {
	stream Stream
	nc     *nats.Conn
	line   *line
	in     chan *request
	wait   time.Duration // for the broker's answer
	quit   chan struct{}
}

// Append writes entries and returns where each stands. Entries of one stream in one call are all written or
// none. Nil means that all are on disk.
func (j *Journal) Append(ctx context.Context, entries ...Entry) ([]Position, error) {
	positions := make([]Position, len(entries))
	var order []Stream
	byStream := map[Stream][]int{}
	msgs := make([]*nats.Msg, len(entries))
	for i, e := range entries {
		// What can't be written is found here, so that it takes nobody else's entries down with it.
		var err error
		if msgs[i], err = j.message(e); err != nil {
			return nil, err
		}
		if len(byStream[e.Stream]) == 0 {
			order = append(order, e.Stream)
		}
		byStream[e.Stream] = append(byStream[e.Stream], i)
		if len(byStream[e.Stream]) > MaxBatch {
			return nil, ErrTooLarge
		}
	}
	// Streams one after the other, so that a later stream's entries never stand without an earlier one's.
	for n, s := range order {
		is := byStream[s]
		r := &request{done: make(chan struct{})}
		for _, i := range is {
			r.msgs = append(r.msgs, msgs[i])
		}
		if err := j.hand(ctx, s, r); err != nil {
			if n > 0 {
				err = fmt.Errorf("%w: the entries of %v stand, those of %s failed: %v", ErrUncertain, order[:n], s, err) //nolint:errorlint // it must not be taken for ErrRefused
			}
			return nil, err
		}
		for n, i := range is {
			positions[i] = Position{Stream: s, Shard: entries[i].Shard, Seq: r.seqs[n]}
		}
	}
	return positions, nil
}

// hand gives a request to the stream's writer and returns the broker's answer.
func (j *Journal) hand(ctx context.Context, s Stream, r *request) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	select {
	case j.writers[s].in <- r:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrRefused, ctx.Err())
	case <-j.quit:
		return fmt.Errorf("%w: closed", ErrRefused)
	}
	// From here the entries may be on their way, so the answer is awaited whatever ctx says; the writer's own deadline
	// bounds it.
	<-r.done
	return r.err
}

// headroom is more than the headers of an entry take.
const headroom = 512

// message is an entry as it is published. The error wraps ErrRefused.
func (j *Journal) message(e Entry) (*nats.Msg, error) {
	if j.writers[e.Stream] == nil {
		return nil, fmt.Errorf("%w: an entry for no stream of the journal", ErrRefused)
	}
	if e.Shard < 0 || e.Shard >= reminder.Shards {
		return nil, fmt.Errorf("%w: shard %d: want 0 to %d", ErrRefused, e.Shard, reminder.Shards-1)
	}
	data, err := e.Encode()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if limit := j.nc.MaxPayload() - headroom; limit > 0 && int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: a %s entry of %d bytes: the broker takes %d", ErrRefused, e.Kind, len(data), limit)
	}
	m := nats.NewMsg(e.Subject())
	m.Data = data
	m.Header.Set("Nats-Expected-Stream", string(e.Stream))
	return m, nil
}

func (w *writer) run() {
	var held *request
	for {
		var batch []*request
		n := 0
		if held != nil {
			batch, n, held = append(batch, held), len(held.msgs), nil
		} else {
			select {
			case r := <-w.in:
				batch, n = append(batch, r), len(r.msgs)
			case <-w.quit:
				w.drain()
				return
			}
		}
	fill:
		for n < MaxBatch {
			select {
			case r := <-w.in:
				if n+len(r.msgs) > MaxBatch {
					held = r
					break fill
				}
				batch, n = append(batch, r), n+len(r.msgs)
			default:
				break fill
			}
		}
		w.write(batch, n)
	}
}

// aloneAtMost is how many entries go faster one by one than together: the broker makes an atomic batch a store of its own on
// disk, which takes it as long as some 20 synced writes.
const aloneAtMost = 16

// write publishes the requests and answers them. Where entries can be one message they are; else few requests of one entry
// each need not be atomic and go one by one, and others are an atomic batch.
func (w *writer) write(batch []*request, n int) {
	if !w.stream.runs() && n == len(batch) && n <= aloneAtMost {
		var wg sync.WaitGroup
		for _, r := range batch {
			wg.Go(func() { w.together([]*request{r}) })
		}
		wg.Wait()
		return
	}
	w.together(batch)
}

// together publishes the requests' entries, all or none, and answers them.
func (w *writer) together(batch []*request) {
	msgs, of := w.pack(batch)
	first, err := w.publish(msgs)
	n := 0
	for _, r := range batch {
		r.err = err
		r.seqs = make([]uint64, len(r.msgs))
		for i := range r.seqs {
			r.seqs[i] = first + of[n]
			n++
		}
		close(r.done)
	}
}

// runMost is how large a run becomes: half of what the broker takes.
const runMost = 512 << 10

// pack makes messages of the requests' entries, and tells in which of them each entry is, from 0.
func (w *writer) pack(batch []*request) (msgs []*nats.Msg, of []uint64) {
	var run *nats.Msg // the last of msgs, while entries still go into it
	var only *nats.Msg
	for _, r := range batch {
		for _, m := range r.msgs {
			if !w.stream.runs() || (run != nil && len(run.Data)+len(m.Data) > runMost) {
				run = nil
			}
			switch {
			case run == nil:
				run, only = m, m
				msgs = append(msgs, m)
			case only != nil: // it becomes a run, of two
				tokens := lastTokens(only.Subject)
				run = nats.NewMsg(strings.TrimSuffix(only.Subject, tokens) + string(kindRun) + tokens[strings.IndexByte(tokens, '.'):])
				run.Header = only.Header
				run.Data = appendRun(appendRun(make([]byte, 0, 2*(len(only.Data)+len(m.Data))), only), m)
				msgs[len(msgs)-1], only = run, nil
			default:
				run.Data = appendRun(run.Data, m)
			}
			of = append(of, uint64(len(msgs)-1))
		}
	}
	return msgs, of
}

// drain refuses what came too late.
func (w *writer) drain() {
	for {
		select {
		case r := <-w.in:
			r.err = fmt.Errorf("%w: closed", ErrRefused)
			close(r.done)
		default:
			return
		}
	}
}

// ack is the broker's answer to a publish.
type ack struct {
	Seq   uint64 `json:"seq"`
	Batch string `json:"batch"`
	Count int    `json:"count"`
	Error *struct {
		Code    int    `json:"err_code"`
		Message string `json:"description"`
	} `json:"error"`
}

// errBroken means that the connection broke before the answer came.
var errBroken = errors.New("the connection broke")

// What the broker answers to an entry whose subject has another last sequence than expected.
const (
	codeWrongLast         = 10071
	codeWrongLastConstant = 10164
)

// errOvertaken means that another entry of the subject was written first, so nothing was.
var errOvertaken = fmt.Errorf("%w: another entry was written first", ErrRefused)

// appendAfter writes an entry if the last one of its subject stands at last, else errOvertaken. It goes past the stream's
// writer, for it must be alone: what is written together with others stands or falls with them.
func (j *Journal) appendAfter(ctx context.Context, e Entry, last uint64) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	m, err := j.message(e)
	if err != nil {
		return 0, err
	}
	m.Header.Set("Nats-Expected-Last-Subject-Sequence", strconv.FormatUint(last, 10))
	return j.writers[e.Stream].publish([]*nats.Msg{m})
}

// ask publishes m and then waits for the answer, until the connection breaks.
func (w *writer) ask(m *nats.Msg, breaks <-chan struct{}) (*nats.Msg, error) {
	m.Reply = w.nc.NewInbox()
	answers, err := w.nc.SubscribeSync(m.Reply)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := w.nc.PublishMsg(m); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), w.wait, nats.ErrTimeout)
	defer cancel()
	ctx, broke := context.WithCancelCause(ctx)
	defer broke(nil)
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-breaks:
			broke(errBroken)
		case <-done:
		}
	}()
	answer, err := answers.NextMsgWithContext(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return answer, err
}

// publish writes messages, more than one as one atomic batch, and returns the sequence of the first. nats.go has no helper for
// atomic batches: the headers are those of the broker's ADR-50. No Nats-Msg-Id is set: one duplicate would refuse the batch.
func (w *writer) publish(msgs []*nats.Msg) (uint64, error) {
	breaks := w.line.breaks()
	if !w.nc.IsConnected() {
		return 0, fmt.Errorf("%w: not connected", ErrRefused)
	}
	n, id := len(msgs), nuid.Next()
	last := msgs[n-1]
	for i, m := range msgs {
		if n > 1 {
			m.Header.Set("Nats-Batch-Id", id)
			m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		}
		if m == last {
			break
		}
		// An abandoned batch is dropped by the broker: without the commit nothing of it is kept.
		if err := w.nc.PublishMsg(m); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	if n > 1 {
		last.Header.Set("Nats-Batch-Commit", "1")
	}
	answer, err := w.ask(last, breaks)
	if err != nil {
		if errors.Is(err, nats.ErrNoResponders) {
			return 0, fmt.Errorf("%w: no stream answers", ErrRefused)
		}
		return 0, fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	var a ack
	if err := json.Unmarshal(answer.Data, &a); err != nil {
		return 0, fmt.Errorf("%w: not an acknowledgement", ErrUncertain)
	}
	if a.Error != nil {
		if a.Error.Code == codeWrongLast || a.Error.Code == codeWrongLastConstant {
			return 0, errOvertaken
		}
		return 0, fmt.Errorf("%w: %s (%d)", ErrRefused, a.Error.Message, a.Error.Code)
	}
	if a.Seq < uint64(n) || (n > 1 && a.Count != n) {
		return 0, fmt.Errorf("%w: the acknowledgement counts %d of %d messages", ErrUncertain, a.Count, n)
	}
	return a.Seq - uint64(n) + 1, nil
}
