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
)

func TestAppendStreamFull(t *testing.T) {
	b := newBroker(t)
	j := b.open(0)
	if _, err := j.Append(t.Context(), apart("a", 5, 0)...); err != nil {
		t.Fatal(err)
	}
	limit(t, b, 8)
	ps, err := j.Append(t.Context(), apart("b", 4, 0)...)
	if !errors.Is(err, journal.ErrRefused) || errors.Is(err, journal.ErrUncertain) || ps != nil {
		t.Errorf("four where three fit: %v, %v", ps, err)
	}
	if ids, _ := stand(t, j, journal.StreamKeys); len(ids) != 5 {
		t.Errorf("%d stand, want 5: a part of a batch was written", len(ids))
	}
	if _, err := j.Append(t.Context(), apart("c", 3, 0)...); err != nil {
		t.Errorf("three where three fit: %v", err)
	}
	if _, err := j.Append(t.Context(), apart("d", 1, 0)[0]); !errors.Is(err, journal.ErrRefused) {
		t.Errorf("one where none fits: %v", err)
	}
	// The other streams go on, but what was written of a call can't be called refused.
	_, err = j.Append(t.Context(), on(journal.StreamStop, journal.KindBar, entry(0, "stop", 0)), apart("e", 1, 0)[0])
	if !errors.Is(err, journal.ErrUncertain) || errors.Is(err, journal.ErrRefused) {
		t.Errorf("the second of two streams is full: %v", err)
	}
	if ids, _ := stand(t, j, journal.StreamStop); len(ids) != 1 {
		t.Errorf("%d stand in the first stream", len(ids))
	}
	limit(t, b, -1)
	if _, err := j.Append(t.Context(), apart("f", 1, 0)[0]); err != nil {
		t.Errorf("once there is room: %v", err)
	}
	if _, order := stand(t, j, journal.StreamKeys); len(order) != 9 || order[8] != "f/0" {
		t.Errorf("at last %v", order)
	}
}

func limit(t *testing.T, b *broker, msgs int64) {
	t.Helper()
	js, err := jetstream.New(b.connect())
	if err != nil {
		t.Fatal(err)
	}
	st, err := js.Stream(t.Context(), string(journal.StreamKeys))
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
		_, err := j.Append(t.Context(), apart(fmt.Sprintf("cut at %d", at), 300, 400)...)
		if !errors.Is(err, journal.ErrRefused) && !errors.Is(err, journal.ErrUncertain) {
			t.Errorf("cut at %d: %v", at, err)
		}
		select {
		case <-c.done:
		default:
			t.Fatalf("the connection was not cut at %d", at)
		}
		connected(t, j)
		if _, err := j.Append(t.Context(), apart(fmt.Sprintf("whole after %d", at), 2, 0)...); err != nil {
			t.Fatal(err)
		}
	}
	_, order := stand(t, j, journal.StreamKeys)
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

	at, order := stand(t, j, journal.StreamJournal)
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
			if f.err == nil && at[id] != f.from {
				t.Errorf("%s was acknowledged for %d, but stands at %d", id, f.from, at[id])
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
