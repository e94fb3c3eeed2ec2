package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
)

// reader follows a stream and keeps what it reads.
type reader struct {
	mu   sync.Mutex
	ids  []string
	seqs []uint64
	done chan error
}

func follow(ctx context.Context, t *testing.T, j *journal.Journal, from uint64) *reader {
	t.Helper()
	r := &reader{done: make(chan error, 1)}
	go func() {
		r.done <- j.Follow(ctx, journal.StreamJournal, from, func(es []journal.Entry) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, e := range es {
				r.ids, r.seqs = append(r.ids, idOf(t, e)), append(r.seqs, e.Seq)
			}
			return nil
		})
	}()
	return r
}

// until waits for n entries.
func (r *reader) until(t *testing.T, n int) {
	t.Helper()
	for range 300 {
		r.mu.Lock()
		got := len(r.ids)
		r.mu.Unlock()
		if got >= n {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%d entries read, want %d", len(r.ids), n)
}

func TestFollow(t *testing.T) {
	j := newBroker(t).open(0)
	for i := range 5 {
		if _, err := j.Append(t.Context(), entry(0, fmt.Sprint("old", i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	all, rest := follow(ctx, t, j, 0), follow(ctx, t, j, 4)
	all.until(t, 5)
	if _, err := j.Append(t.Context(), entries("new", 1500, 0)...); !errors.Is(err, journal.ErrTooLarge) {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := j.Append(t.Context(), entries(fmt.Sprint("new", i), 700, 0)...); err != nil {
			t.Fatal(err)
		}
	}
	all.until(t, 2105)
	rest.until(t, 2102)
	cancel()
	for _, r := range []*reader{all, rest} {
		if err := <-r.done; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	}
	if !slices.IsSorted(all.seqs) || all.seqs[4] != 5 || all.seqs[5] != 6 {
		t.Fatalf("the entries' sequences are %v …", all.seqs[:10])
	}
	if rest.seqs[0] != 4 || !slices.Equal(rest.ids, all.ids[3:]) {
		t.Errorf("from 4 on: first %d, %d entries", rest.seqs[0], len(rest.ids))
	}
}

func TestFollowEndsWithItsReader(t *testing.T) {
	j := newBroker(t).open(0)
	for i := range 5 {
		if _, err := j.Append(t.Context(), entry(0, fmt.Sprint("x", i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	enough, n := errors.New("enough"), 0
	err := j.Follow(t.Context(), journal.StreamJournal, 1, func([]journal.Entry) error {
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 3 {
		t.Errorf("%v after %d entries", err, n)
	}
}

func TestFollowStopsAtWhatItCannotRead(t *testing.T) {
	b := newBroker(t)
	j := b.open(0)
	if _, err := j.Append(t.Context(), entry(0, "good", 0)); err != nil {
		t.Fatal(err)
	}
	if err := b.connect().Publish("husk.journal.plan.00", []byte(`{"v":2,"k":"plan","at":"2026-03-02T12:00:00Z"}`)); err != nil {
		t.Fatal(err)
	}
	n := 0
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := j.Follow(ctx, journal.StreamJournal, 1, func([]journal.Entry) error { n++; return nil })
	if !errors.Is(err, journal.ErrFormat) || n != 1 {
		t.Errorf("%v after %d entries, want ErrFormat after 1", err, n)
	}
	if _, err := j.Get(t.Context(), journal.StreamJournal, 2); !errors.Is(err, journal.ErrFormat) {
		t.Errorf("Get: %v", err)
	}
}

func TestFollowGoesOnAfterAnOutage(t *testing.T) {
	b := newBroker(t)
	j := b.open(0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := follow(ctx, t, j, 1)
	for round := range 2 {
		if _, err := j.Append(t.Context(), entries(fmt.Sprint(round), 20, 0)...); err != nil {
			t.Fatal(err)
		}
		r.until(t, 20*(round+1))
		b.down()
		time.Sleep(100 * time.Millisecond)
		b.up()
		connected(t, j)
	}
	if _, err := j.Append(t.Context(), entries("last", 20, 0)...); err != nil {
		t.Fatal(err)
	}
	r.until(t, 60)
	for i, seq := range r.seqs {
		if seq != uint64(i/20+1) {
			t.Fatalf("entry %d comes at place %d: %v", seq, i+1, r.seqs)
		}
	}
}

func TestFollowEndsWhileTheBrokerIsAway(t *testing.T) {
	b := newBroker(t)
	j := b.open(0)
	ctx, cancel := context.WithCancel(t.Context())
	r := follow(ctx, t, j, 1)
	if _, err := j.Append(t.Context(), entry(0, "x", 0)); err != nil {
		t.Fatal(err)
	}
	r.until(t, 1)
	b.down()
	time.Sleep(500 * time.Millisecond)
	cancel()
	select {
	case err := <-r.done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("does not end")
	}
}

func TestRead(t *testing.T) {
	j := newBroker(t).open(0)
	read := func(from uint64) []uint64 {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var seqs []uint64
		if err := j.Read(ctx, journal.StreamDead, from, func(e journal.Entry) error {
			seqs = append(seqs, e.Seq)
			return nil
		}); err != nil {
			t.Errorf("from %d: %v", from, err)
		}
		return seqs
	}
	want := func(what string, got []uint64, seqs ...uint64) {
		t.Helper()
		if !slices.Equal(got, seqs) {
			t.Errorf("%s: %v, want %v", what, got, seqs)
		}
	}
	remove := func(seqs ...uint64) {
		t.Helper()
		for _, seq := range seqs {
			if err := j.Delete(t.Context(), journal.StreamDead, seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	want("empty", read(1))
	for i := range 6 {
		if _, err := j.Append(t.Context(), on(journal.StreamDead, journal.KindDead, entry(0, fmt.Sprint(i), 0))); err != nil {
			t.Fatal(err)
		}
	}
	want("all", read(0), 1, 2, 3, 4, 5, 6)
	want("from 5", read(5), 5, 6)
	want("beyond the end", read(7))
	remove(3)
	want("a hole", read(1), 1, 2, 4, 5, 6)
	want("from the hole", read(3), 4, 5, 6)
	remove(6, 5)
	began := time.Now()
	want("the newest are gone", read(1), 1, 2, 4)
	want("from where nothing is left", read(5))
	if took := time.Since(began); took > time.Second {
		t.Errorf("it takes %v to see that the newest are gone", took)
	}
	if err := j.Purge(t.Context(), journal.StreamDead, 4); err != nil {
		t.Fatal(err)
	}
	want("the oldest are gone", read(1), 4)
	remove(4)
	want("all are gone", read(1))
	if ps, err := j.Append(t.Context(), on(journal.StreamDead, journal.KindDead, entry(0, "new", 0))); err != nil || ps[0].Seq != 7 {
		t.Errorf("%v, %v", ps, err)
	}
	want("a new one", read(1), 7)

	enough := errors.New("enough")
	if err := j.Read(t.Context(), journal.StreamDead, 1, func(journal.Entry) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("ended with %v", err)
	}
}

// TestReadWhileTheNewestIsDeleted: the entry that Read goes on to is deleted before it comes there.
func TestReadWhileTheNewestIsDeleted(t *testing.T) {
	j := newBroker(t).open(0)
	for range 3 {
		if _, err := j.Append(t.Context(), apart("x", 1000, 200)...); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	n := 0
	err := j.Read(ctx, journal.StreamKeys, 1, func(e journal.Entry) error {
		if n++; n == 1 {
			return j.Delete(ctx, journal.StreamKeys, 3000)
		}
		return nil
	})
	if err != nil || n < 2999 {
		t.Errorf("%v after %d entries", err, n)
	}
}

func TestGetAndDelete(t *testing.T) {
	j := newBroker(t).open(0)
	if _, err := j.Get(t.Context(), journal.StreamKeys, 1); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("from an empty stream: %v", err)
	}
	if _, err := j.Append(t.Context(), apart("x", 3, 0)...); err != nil {
		t.Fatal(err)
	}
	e, err := j.Get(t.Context(), journal.StreamKeys, 2)
	if err != nil || e.Seq != 2 || idOf(t, e) != "x/1" || e.Shard != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	if err := j.Delete(t.Context(), journal.StreamKeys, 2); err != nil {
		t.Error(err)
	}
	if _, err := j.Get(t.Context(), journal.StreamKeys, 2); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("a deleted one: %v", err)
	}
	if err := j.Delete(t.Context(), journal.StreamKeys, 2); err == nil {
		t.Error("deleted twice")
	}
	if _, err := j.Get(t.Context(), journal.StreamKeys, 4); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("beyond the end: %v", err)
	}
}

func TestReopenFindsEverything(t *testing.T) {
	b := newBroker(t)
	j := b.open(0)
	if _, err := j.Append(t.Context(), entries("x", 10, 0)...); err != nil {
		t.Fatal(err)
	}
	before, err := j.End(t.Context(), journal.StreamJournal)
	if err != nil {
		t.Fatal(err)
	}
	j.Close()
	b.down()
	b.up()
	j = b.open(0) // also the streams that are there already
	after, err := j.End(t.Context(), journal.StreamJournal)
	if err != nil || after != before || after.First != 1 || after.Last != 1 {
		t.Errorf("%+v, %v; before %+v", after, err, before)
	}
	if _, order := stand(t, j, journal.StreamJournal); len(order) != 10 {
		t.Errorf("%d entries", len(order))
	}
}
