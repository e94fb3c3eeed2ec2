package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// MaxBatch is how many entries one atomic batch holds; the broker refuses more than 1,000.
const MaxBatch = 1000

// What Append may answer.
var (
	// ErrUncertain means that the broker's answer was lost. The entries may be on disk or not.
	ErrUncertain = errors.New("journal: the broker's answer was lost")
	// ErrRefused means that the broker took nothing: disk or stream full, not reachable, or a batch it refused.
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
	entries []Entry
	first   uint64
	err     error
	done    chan struct{}
}

// writer turns concurrent requests to one stream into atomic batches: while one batch is on its way to the disk the next
// one fills.
type writer struct {
	stream Stream
	nc     *nats.Conn
	in     chan *request
	wait   time.Duration
	quit   chan struct{}
}

// Append writes entries and returns where each stands. Entries of one stream in one call are one atomic batch: all of
// them or none. Nil means that all are on disk.
func (j *Journal) Append(ctx context.Context, entries ...Entry) ([]Position, error) {
	positions := make([]Position, len(entries))
	var order []Stream
	byStream := map[Stream][]int{}
	for i, e := range entries {
		if len(byStream[e.Stream]) == 0 {
			order = append(order, e.Stream)
		}
		byStream[e.Stream] = append(byStream[e.Stream], i)
	}
	// Streams one after the other, so that a later stream's entries never stand without an earlier one's.
	for _, s := range order {
		is := byStream[s]
		if len(is) > MaxBatch {
			return nil, ErrTooLarge
		}
		r := &request{done: make(chan struct{})}
		for _, i := range is {
			r.entries = append(r.entries, entries[i])
		}
		select {
		case j.writers[s].in <- r:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrRefused, ctx.Err())
		case <-j.quit:
			return nil, fmt.Errorf("%w: closed", ErrRefused)
		}
		// From here the entries may be on their way, so the answer is awaited whatever ctx says; the writer's own
		// deadline bounds it.
		<-r.done
		if r.err != nil {
			return nil, r.err
		}
		for n, i := range is {
			positions[i] = Position{Stream: s, Shard: entries[i].Shard, Seq: r.first + uint64(n)}
		}
	}
	return positions, nil
}

func (w *writer) run() {
	var held *request
	for {
		var batch []*request
		n := 0
		if held != nil {
			batch, n, held = append(batch, held), len(held.entries), nil
		} else {
			select {
			case r := <-w.in:
				batch, n = append(batch, r), len(r.entries)
			case <-w.quit:
				w.drain()
				return
			}
		}
	fill:
		for n < MaxBatch {
			select {
			case r := <-w.in:
				if n+len(r.entries) > MaxBatch {
					held = r
					break fill
				}
				batch, n = append(batch, r), n+len(r.entries)
			default:
				break fill
			}
		}
		first, err := w.publish(batch, n)
		for _, r := range batch {
			r.first, r.err = first, err
			first += uint64(len(r.entries))
			close(r.done)
		}
	}
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

// publish writes n entries as one atomic batch and returns the sequence of the first. nats.go has no helper for atomic
// batches: the headers are those of the broker's ADR-50. No Nats-Msg-Id is set: one duplicate would refuse the batch.
func (w *writer) publish(batch []*request, n int) (uint64, error) {
	if !w.nc.IsConnected() {
		return 0, fmt.Errorf("%w: not connected", ErrRefused)
	}
	id := nuid.Next()
	i := 0
	var last *nats.Msg
	for _, r := range batch {
		for _, e := range r.entries {
			data, err := e.Encode()
			if err != nil {
				return 0, fmt.Errorf("%w: %w", ErrRefused, err)
			}
			i++
			m := nats.NewMsg(e.Subject())
			m.Data = data
			if n > 1 {
				m.Header.Set("Nats-Batch-Id", id)
				m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i))
			}
			m.Header.Set("Nats-Expected-Stream", string(w.stream))
			if i == n {
				last = m
				continue
			}
			// An abandoned batch is dropped by the broker: without the commit nothing of it is kept.
			if err := w.nc.PublishMsg(m); err != nil {
				return 0, fmt.Errorf("%w: %w", ErrRefused, err)
			}
		}
	}
	if n > 1 {
		last.Header.Set("Nats-Batch-Commit", "1")
	}
	answer, err := w.nc.RequestMsg(last, w.wait)
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
		return 0, fmt.Errorf("%w: %s (%d)", ErrRefused, a.Error.Message, a.Error.Code)
	}
	if a.Seq < uint64(n) || (n > 1 && a.Count != n) {
		return 0, fmt.Errorf("%w: the acknowledgement counts %d of %d entries", ErrUncertain, a.Count, n)
	}
	return a.Seq - uint64(n) + 1, nil
}
