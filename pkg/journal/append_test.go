package journal_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
	// Two streams, mixed: each stream's entries together, the positions in the order of the entries.
	ps, err = j.Append(t.Context(),
		entry(1, "a", 0), on(journal.StreamStop, journal.KindBar, entry(2, "stop", 0)), entry(63, "b", 0),
		on(journal.StreamPeople, journal.KindConsent, entry(4, "c", 0)), entry(5, "d", 0))
	want := []journal.Position{
		{Stream: journal.StreamJournal, Shard: 1, Seq: 2}, {Stream: journal.StreamStop, Shard: 2, Seq: 1}, {Stream: journal.StreamJournal, Shard: 63, Seq: 2},
		{Stream: journal.StreamPeople, Shard: 4, Seq: 1}, {Stream: journal.StreamJournal, Shard: 5, Seq: 2},
	}
	if err != nil || !slices.Equal(ps, want) {
		t.Errorf("mixed: %v, %v\nwant %v", ps, err, want)
	}
	ps, err = j.Append(t.Context(), entries("batch", journal.MaxBatch, 0)...)
	if err != nil || len(ps) != journal.MaxBatch || ps[0].Seq != 3 || ps[journal.MaxBatch-1].Seq != 3 {
		t.Fatalf("the largest batch: %d positions, %v", len(ps), err)
	}
	at, order := stand(t, j, journal.StreamJournal)
	if got := order[:4]; !slices.Equal(got, []string{"first", "a", "b", "d"}) {
		t.Errorf("read %v", got)
	}
	for i, p := range ps {
		if at[fmt.Sprintf("batch/%d", i)] != p.Seq {
			t.Fatalf("entry %d is not at %d", i, p.Seq)
		}
	}
	for s, want := range map[journal.Stream]uint64{journal.StreamStop: 1, journal.StreamPeople: 1, journal.StreamJournal: 3, journal.StreamKeys: 0} {
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
	at := map[string]uint64{}
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
					if p.Seq != ps[0].Seq {
						t.Errorf("the entries of one call do not stand together: %v", ps)
					}
					if p.Shard != i%reminder.Shards {
						t.Errorf("shard %d, want %d", p.Shard, i%reminder.Shards)
					}
					at[fmt.Sprintf("%s/%d", name, i)] = p.Seq
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	got, order := stand(t, j, journal.StreamJournal)
	if !maps.Equal(got, at) || len(order) != len(at) {
		t.Errorf("%d entries stand, %d were acknowledged, or they stand elsewhere", len(order), len(at))
	}
	if end, err := j.End(t.Context(), journal.StreamJournal); err != nil || end.Last > workers*rounds {
		t.Errorf("%d messages for %d calls, %v", end.Last, workers*rounds, err)
	}
}

// Entries that are too many for one message are several, all or none of which are there.
func TestAppendMoreThanAMessage(t *testing.T) {
	j := newBroker(t).open(0)
	es := entries("large", 300, 6000)
	ps, err := j.Append(t.Context(), es...)
	if err != nil {
		t.Fatal(err)
	}
	if first, last := ps[0].Seq, ps[len(ps)-1].Seq; first != 1 || last < 3 || last > 10 {
		t.Errorf("300 entries of 6 kB stand from %d to %d", first, last)
	}
	at, order := stand(t, j, journal.StreamJournal)
	for i, p := range ps {
		if id := fmt.Sprintf("large/%d", i); at[id] != p.Seq || order[i] != id {
			t.Fatalf("%s stands at %d, want %d", id, at[id], p.Seq)
		}
	}
}

// What a message of several entries looks like is for good: it is in the streams.
func TestRunOfEntries(t *testing.T) {
	const one, two = `{"v":1,"k":"plan","p":"1-0b","at":"2026-03-02T12:00:00Z","c":{"a":1},"s":"AAEC"}`, `{"v":1,"k":"trim","at":"2026-03-02T12:00:01Z","c":{}}`
	const run = "plan.0b " + one + "\ntrim.3f " + two + "\n"
	es, err := journal.DecodeMessage(journal.StreamJournal, "husk.journal.run.0b", []byte(run))
	if err != nil || len(es) != 2 {
		t.Fatalf("%d entries, %v", len(es), err)
	}
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	same(t, es[0], journal.Entry{Stream: journal.StreamJournal, Kind: journal.KindPlan, Shard: 0x0b, Person: "1-0b", At: at, Clear: []byte(`{"a":1}`), Sealed: []byte{0, 1, 2}})
	same(t, es[1], journal.Entry{Stream: journal.StreamJournal, Kind: journal.KindTrim, Shard: 0x3f, At: at.Add(time.Second), Clear: []byte(`{}`)})
	for name, bad := range map[string]string{
		"nothing": "", "no JSON": "plan.0b x\n", "no subject": one + "\n", "a shard too far": "plan.40 " + one + "\n", "no shard": "plan " + one + "\n",
		"a newer entry": strings.Replace(run, `"v":1,"k":"trim"`, `"v":2,"k":"trim"`, 1), "cut": run[:len(run)-4],
	} {
		if es, err := journal.DecodeMessage(journal.StreamJournal, "husk.journal.run.0b", []byte(bad)); !errors.Is(err, journal.ErrFormat) {
			t.Errorf("%s: %d entries, %v", name, len(es), err)
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
