package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestAppend(t *testing.T) {
	j := newBroker(t).open(0)
	if ps, err := j.Append(t.Context()); err != nil || len(ps) != 0 {
		t.Errorf("nothing: %v, %v", ps, err)
	}
	ps, err := j.Append(t.Context(), entry(7, "first", 0))
	if want := []journal.Position{{Stream: journal.StreamJournal, Shard: 7, Seq: 1}}; err != nil || !slices.Equal(ps, want) {
		t.Errorf("one: %v, %v", ps, err)
	}
	// Two streams, mixed: each stream's entries in a row, the positions in the order of the entries.
	ps, err = j.Append(t.Context(),
		entry(1, "a", 0), on(journal.StreamStop, journal.KindBar, entry(2, "stop", 0)), entry(63, "b", 0),
		on(journal.StreamPeople, journal.KindConsent, entry(4, "c", 0)), entry(5, "d", 0))
	want := []journal.Position{
		{Stream: journal.StreamJournal, Shard: 1, Seq: 2}, {Stream: journal.StreamStop, Shard: 2, Seq: 1}, {Stream: journal.StreamJournal, Shard: 63, Seq: 3},
		{Stream: journal.StreamPeople, Shard: 4, Seq: 1}, {Stream: journal.StreamJournal, Shard: 5, Seq: 4},
	}
	if err != nil || !slices.Equal(ps, want) {
		t.Errorf("mixed: %v, %v\nwant %v", ps, err, want)
	}
	ps, err = j.Append(t.Context(), entries("batch", journal.MaxBatch, 0)...)
	if err != nil || len(ps) != journal.MaxBatch || ps[0].Seq != 5 || ps[journal.MaxBatch-1].Seq != 4+journal.MaxBatch {
		t.Fatalf("the largest batch: %d positions, %v", len(ps), err)
	}
	ids, order := stand(t, j, journal.StreamJournal)
	if got := order[:4]; !slices.Equal(got, []string{"first", "a", "b", "d"}) {
		t.Errorf("read %v", got)
	}
	for i, p := range ps {
		if ids[p.Seq] != fmt.Sprintf("batch/%d", i) {
			t.Fatalf("position %d is of %q", p.Seq, ids[p.Seq])
		}
	}
	for s, want := range map[journal.Stream]uint64{journal.StreamStop: 1, journal.StreamPeople: 1, journal.StreamJournal: 4 + journal.MaxBatch, journal.StreamKeys: 0} {
		if end, err := j.End(t.Context(), s); err != nil || end.Last != want || end.ID == "" {
			t.Errorf("%s ends at %+v, %v; want %d", s, end, err, want)
		}
	}
}

func TestAppendKeepsTheEntry(t *testing.T) {
	j := newBroker(t).open(0)
	at := time.Date(2026, 3, 2, 13, 0, 0, 123456789, time.FixedZone("CET", 3600))
	for _, e := range []journal.Entry{
		{Stream: journal.StreamStop, Kind: journal.KindBar, Shard: 63, At: at, Clear: []byte(`{"address":"1-3f"}`)},
		{Stream: journal.StreamPeople, Kind: journal.KindContact, Shard: 1, Person: person(1), At: at, Sealed: []byte{0, 1, 2, 255}},
		{Stream: journal.StreamJournal, Kind: journal.KindPlan, Shard: 1, Person: person(1), At: at, Clear: []byte(`{"a":1}`), Sealed: []byte("s"), Flags: []byte("f")},
		{Stream: journal.StreamKeys, Kind: journal.KindKey, Shard: 2, At: at, Clear: []byte(`{}`)},
		{Stream: journal.StreamAudit, Kind: journal.KindAudit, At: at, Clear: []byte(`{}`)},
		{Stream: journal.StreamDead, Kind: journal.KindDead, Person: "day-2026-03-02", At: at, Clear: []byte(`{}`), Sealed: []byte("s")},
	} {
		ps, err := j.Append(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := j.Get(t.Context(), e.Stream, ps[0].Seq)
		if err != nil {
			t.Fatal(err)
		}
		var read journal.Entry
		if err := j.Read(t.Context(), e.Stream, 1, func(x journal.Entry) error { read = x; return nil }); err != nil {
			t.Fatal(err)
		}
		e.Seq, e.At = ps[0].Seq, at.UTC()
		same(t, got, e)
		same(t, read, e)
	}
}

func TestAppendTogether(t *testing.T) {
	j := newBroker(t).open(0)
	const workers, rounds = 8, 40
	var mu sync.Mutex
	at := map[uint64]string{}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for r := range rounds {
				n := 1 + (w*r)%17
				name := fmt.Sprintf("%d-%d", w, r)
				ps, err := j.Append(t.Context(), entries(name, n, 50)...)
				if err != nil || len(ps) != n {
					t.Errorf("%d positions, %v", len(ps), err)
					return
				}
				mu.Lock()
				for i, p := range ps {
					if p.Seq != ps[0].Seq+uint64(i) {
						t.Errorf("the entries of one call do not stand in a row: %v", ps)
					}
					if p.Shard != i%reminder.Shards {
						t.Errorf("shard %d, want %d", p.Shard, i%reminder.Shards)
					}
					if at[p.Seq] != "" {
						t.Errorf("two entries at %d", p.Seq)
					}
					at[p.Seq] = fmt.Sprintf("%s/%d", name, i)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	got, _ := stand(t, j, journal.StreamJournal)
	if len(got) != len(at) {
		t.Errorf("%d entries stand, %d were acknowledged", len(got), len(at))
	}
	for seq, id := range at {
		if got[seq] != id {
			t.Fatalf("at %d stands %q, acknowledged was %q", seq, got[seq], id)
		}
	}
}

func TestAppendTooLarge(t *testing.T) {
	j := newBroker(t).open(0)
	stop := on(journal.StreamStop, journal.KindBar, entry(0, "stop", 0))
	es := append([]journal.Entry{stop}, entries("x", journal.MaxBatch+1, 0)...)
	if _, err := j.Append(t.Context(), es...); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("too many: %v", err)
	}
	if end, err := j.End(t.Context(), journal.StreamStop); err != nil || end.Last != 0 {
		t.Errorf("another stream's entries were written before it was found out: %+v, %v", end, err)
	}
	// 1,000 for each of two streams are fine.
	es = entries("x", journal.MaxBatch, 0)
	for _, e := range entries("y", journal.MaxBatch, 0) {
		es = append(es, on(journal.StreamPeople, journal.KindConsent, e))
	}
	if _, err := j.Append(t.Context(), es...); err != nil {
		t.Error(err)
	}
}

// TestAppendBadEntryHurtsNobodyElse: entries of concurrent calls share a batch, and one that can't be written must not
// take the others down.
func TestAppendBadEntryHurtsNobodyElse(t *testing.T) {
	j := newBroker(t).open(0)
	bad := map[string]journal.Entry{
		"not JSON":     {Stream: journal.StreamJournal, Kind: journal.KindPlan, At: noon, Clear: []byte("{")},
		"no stream":    {Stream: "HUSK_NOWHERE", Kind: journal.KindPlan, At: noon},
		"shard 64":     {Stream: journal.StreamJournal, Kind: journal.KindPlan, Shard: 64, At: noon},
		"shard -1":     {Stream: journal.StreamJournal, Kind: journal.KindPlan, Shard: -1, At: noon},
		"over-long":    entry(0, "long", 2<<20),
		"just too big": {Stream: journal.StreamJournal, Kind: journal.KindPlan, At: noon, Sealed: make([]byte, 3<<18)},
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for r := range 20 {
				if _, err := j.Append(t.Context(), entry(w, fmt.Sprint(w, r), 0)); err != nil {
					t.Errorf("a good entry: %v", err)
				}
			}
		})
	}
	for range 10 {
		for name, e := range bad {
			ps, err := j.Append(t.Context(), entry(0, "beside it", 0), e)
			if !errors.Is(err, journal.ErrRefused) || errors.Is(err, journal.ErrUncertain) || ps != nil {
				t.Errorf("%s: %v, %v", name, ps, err)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "journal: ") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	wg.Wait()
	if _, order := stand(t, j, journal.StreamJournal); len(order) != 80 {
		t.Errorf("%d entries stand, want the 80 good ones", len(order))
	}
}

func TestAppendStreamFull(t *testing.T) {
	b := newBroker(t)
	j := b.open(0)
	if _, err := j.Append(t.Context(), entries("a", 5, 0)...); err != nil {
		t.Fatal(err)
	}
	limit(t, b, 8)
	ps, err := j.Append(t.Context(), entries("b", 4, 0)...)
	if !errors.Is(err, journal.ErrRefused) || errors.Is(err, journal.ErrUncertain) || ps != nil {
		t.Errorf("four where three fit: %v, %v", ps, err)
	}
	if ids, _ := stand(t, j, journal.StreamJournal); len(ids) != 5 {
		t.Errorf("%d stand, want 5: a part of a batch was written", len(ids))
	}
	if _, err := j.Append(t.Context(), entries("c", 3, 0)...); err != nil {
		t.Errorf("three where three fit: %v", err)
	}
	if _, err := j.Append(t.Context(), entry(0, "d", 0)); !errors.Is(err, journal.ErrRefused) {
		t.Errorf("one where none fits: %v", err)
	}
	// The other streams go on, but what was written of a call can't be called refused.
	_, err = j.Append(t.Context(), on(journal.StreamStop, journal.KindBar, entry(0, "stop", 0)), entry(0, "e", 0))
	if !errors.Is(err, journal.ErrUncertain) || errors.Is(err, journal.ErrRefused) {
		t.Errorf("the second of two streams is full: %v", err)
	}
	if ids, _ := stand(t, j, journal.StreamStop); len(ids) != 1 {
		t.Errorf("%d stand in the first stream", len(ids))
	}
	limit(t, b, -1)
	if _, err := j.Append(t.Context(), entry(0, "f", 0)); err != nil {
		t.Errorf("once there is room: %v", err)
	}
	if _, order := stand(t, j, journal.StreamJournal); len(order) != 9 || order[8] != "f" {
		t.Errorf("at last %v", order)
	}
}

func limit(t *testing.T, b *broker, msgs int64) {
	t.Helper()
	js, err := jetstream.New(b.connect())
	if err != nil {
		t.Fatal(err)
	}
	st, err := js.Stream(t.Context(), string(journal.StreamJournal))
	if err != nil {
		t.Fatal(err)
	}
	c := st.CachedInfo().Config
	c.MaxMsgs = msgs
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func TestAppendStreamGone(t *testing.T) {
	b := newBroker(t)
	j := b.open(time.Second)
	js, err := jetstream.New(b.connect())
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), string(journal.StreamJournal)); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 3} {
		if _, err := j.Append(t.Context(), entries("x", n, 0)...); !errors.Is(err, journal.ErrRefused) {
			t.Errorf("%d entries: %v", n, err)
		}
	}
}

func TestAppendBrokerDown(t *testing.T) {
	b := newBroker(t)
	j := b.open(time.Second)
	if _, err := j.Append(t.Context(), entry(0, "before", 0)); err != nil {
		t.Fatal(err)
	}
	b.down()
	time.Sleep(100 * time.Millisecond) // until the connection notices
	for _, n := range []int{1, 3} {
		if _, err := j.Append(t.Context(), entries("down", n, 0)...); !errors.Is(err, journal.ErrRefused) || errors.Is(err, journal.ErrUncertain) {
			t.Errorf("%d entries while the broker is down: %v", n, err)
		}
	}
	b.up()
	connected(t, j)
	if _, err := j.Append(t.Context(), entry(0, "after", 0)); err != nil {
		t.Error(err)
	}
	if _, order := stand(t, j, journal.StreamJournal); !slices.Equal(order, []string{"before", "after"}) {
		t.Errorf("stand %v: what was refused must not turn up", order)
	}
}

// TestAppendConnectionLost breaks the connection in the middle of a batch: nothing of it is kept.
func TestAppendConnectionLost(t *testing.T) {
	b := newBroker(t)
	j := b.open(time.Second)
	for _, at := range []int{1, 2, 150, 299, 300} {
		c := b.cutWhenSent(fmt.Sprintf("Nats-Batch-Sequence: %d\r\n", at))
		_, err := j.Append(t.Context(), entries(fmt.Sprintf("cut at %d", at), 300, 400)...)
		if !errors.Is(err, journal.ErrRefused) && !errors.Is(err, journal.ErrUncertain) {
			t.Errorf("cut at %d: %v", at, err)
		}
		select {
		case <-c.done:
		default:
			t.Fatalf("the connection was not cut at %d", at)
		}
		connected(t, j)
		if _, err := j.Append(t.Context(), entries(fmt.Sprintf("whole after %d", at), 2, 0)...); err != nil {
			t.Fatal(err)
		}
	}
	_, order := stand(t, j, journal.StreamJournal)
	for _, id := range order {
		if strings.HasPrefix(id, "cut") {
			t.Errorf("%q stands, although its batch was cut", id)
		}
	}
	if len(order) != 10 {
		t.Errorf("%d entries stand, want 10", len(order))
	}
}

// TestAppendAnswerLost loses the broker's acknowledgement: that is ErrUncertain, and all of it stands.
func TestAppendAnswerLost(t *testing.T) {
	b := newBroker(t)
	j := b.open(500 * time.Millisecond)
	for _, n := range []int{1, 20} {
		c := b.cutWhenAnswered(`"stream":"` + string(journal.StreamJournal))
		ps, err := j.Append(t.Context(), entries(fmt.Sprint(n), n, 0)...)
		if !errors.Is(err, journal.ErrUncertain) || errors.Is(err, journal.ErrRefused) || ps != nil {
			t.Errorf("%d entries, the answer lost: %v, %v", n, ps, err)
		}
		<-c.done
		connected(t, j)
	}
	if _, order := stand(t, j, journal.StreamJournal); len(order) != 21 {
		t.Errorf("%d entries stand, want 21, each once", len(order))
	}
}

// TestAppendThroughOutages stops and starts the broker under load. What was acknowledged stands at its place, what was
// refused does not stand, and of what is uncertain all stands or nothing.
func TestAppendThroughOutages(t *testing.T) {
	b := newBroker(t)
	j := b.open(2 * time.Second)
	type fate struct {
		err  error
		from uint64
		n    int
	}
	var mu sync.Mutex
	fates := map[string]fate{}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for r := 0; ; r++ {
				select {
				case <-stop:
					return
				default:
				}
				name, n := fmt.Sprintf("%d-%d", w, r), 1+r%7
				f := fate{n: n}
				ps, err := j.Append(context.Background(), entries(name, n, 300)...)
				if f.err = err; err == nil {
					f.from = ps[0].Seq
				} else {
					time.Sleep(10 * time.Millisecond)
				}
				mu.Lock()
				fates[name] = f
				mu.Unlock()
			}
		})
	}
	for range 3 {
		time.Sleep(150 * time.Millisecond)
		b.down()
		time.Sleep(100 * time.Millisecond)
		b.up()
		connected(t, j)
	}
	time.Sleep(100 * time.Millisecond)
	close(stop)
	wg.Wait()

	ids, order := stand(t, j, journal.StreamJournal)
	times := map[string]int{}
	for _, id := range order {
		times[id]++
	}
	tally := map[string]int{}
	for name, f := range fates {
		there := 0
		for i := range f.n {
			id := fmt.Sprintf("%s/%d", name, i)
			if times[id] > 1 {
				t.Errorf("%s stands %d times", id, times[id])
			}
			there += min(times[id], 1)
			if f.err == nil && ids[f.from+uint64(i)] != id {
				t.Errorf("%s was acknowledged, but there stands %q", id, ids[f.from+uint64(i)])
			}
		}
		switch {
		case f.err == nil:
			tally["acknowledged"]++
		case errors.Is(f.err, journal.ErrUncertain):
			tally["uncertain"]++
			if there != 0 && there != f.n {
				t.Errorf("%s: %d of %d stand", name, there, f.n)
			}
		case errors.Is(f.err, journal.ErrRefused):
			tally["refused"]++
			if there != 0 {
				t.Errorf("%s was refused (%v), but %d of %d stand", name, f.err, there, f.n)
			}
		default:
			t.Errorf("%s: %v", name, f.err)
		}
	}
	t.Logf("%d entries: %v", len(order), tally)
	if tally["acknowledged"] == 0 || tally["refused"]+tally["uncertain"] == 0 {
		t.Errorf("no load, or no outage: %v", tally)
	}
}

func TestAppendAfterClose(t *testing.T) {
	j := newBroker(t).open(0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Append(ctx, entry(0, "x", 0)); !errors.Is(err, journal.ErrRefused) || !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for r := range 50 {
				if _, err := j.Append(t.Context(), entry(w, fmt.Sprint(w, r), 0)); err != nil && !errors.Is(err, journal.ErrRefused) {
					t.Error(err)
				}
			}
		})
	}
	time.Sleep(5 * time.Millisecond)
	j.Close()
	j.Close()
	wg.Wait()
	if _, err := j.Append(t.Context(), entry(0, "x", 0)); !errors.Is(err, journal.ErrRefused) {
		t.Errorf("after Close: %v", err)
	}
}

func TestOpenWantsAConnection(t *testing.T) {
	if _, err := journal.Open(t.Context(), journal.Options{}); err == nil {
		t.Error("opened on nothing")
	}
}
