package journal_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// keyEntry is what a test looks for in an entry of the key stream.
type keyEntry struct {
	ID    string `json:"id"`
	Owner string `json:"owner"`
	From  string `json:"from"`
	To    string `json:"to"`
	Done  bool   `json:"done"`
}

func keyEntryOf(t *testing.T, e journal.Entry) keyEntry {
	t.Helper()
	var c keyEntry
	if err := json.Unmarshal(e.Clear, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// keyStream are the entries of the key stream that match, oldest first.
func keyStream(t *testing.T, j *journal.Journal, match func(journal.Kind, keyEntry) bool) []journal.Entry {
	t.Helper()
	var out []journal.Entry
	if err := j.Read(t.Context(), journal.StreamKeys, 1, func(e journal.Entry) error {
		if match(e.Kind, keyEntryOf(t, e)) {
			out = append(out, e)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func keyOf(ps ...reminder.PersonKey) func(journal.Kind, keyEntry) bool {
	return func(k journal.Kind, c keyEntry) bool {
		return k == journal.KindKey && slices.Contains(ps, reminder.PersonKey(c.Owner))
	}
}

func isEnd(k journal.Kind, c keyEntry) bool   { return k == journal.KindEpoch && c.Done }
func isBegin(k journal.Kind, c keyEntry) bool { return k == journal.KindEpoch && !c.Done }

// ofEntries is a journal whose key stream is these entries, in this order.
func ofEntries(t *testing.T, es ...journal.Entry) *journal.Journal {
	t.Helper()
	j := newBroker(t).open(0)
	for _, e := range es {
		if _, err := j.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// An entry that ends a change, from a process that was held up for the whole of the next one, voids nothing.
func TestRotateLateEnd(t *testing.T) {
	b := newBroker(t)
	keyset := filed(t)
	j, one := shared(t, b, keyset)
	_, two := shared(t, b, keyset)
	stays := seal(t, one, person(1), "stays")
	rotate(t, one)
	late := keyStream(t, j, isEnd)
	rotate(t, one)
	if _, err := j.Append(t.Context(), late...); err != nil || len(late) != 1 {
		t.Fatalf("%d entries, %v", len(late), err)
	}
	wantOpen(t, "new", two, person(2), seal(t, two, person(2), "new"), "new") // all is read by now
	_, fresh := shared(t, b, reread(t, keyset.File()))
	for name, r := range map[string]*journal.Keyring{"one": one, "two": two, "a fresh process": fresh} {
		wantOpen(t, name, r, person(1), stays, "stays")
	}
	rotate(t, two)
	_, fresh = shared(t, b, reread(t, keyset.File()))
	wantOpen(t, "an epoch later", fresh, person(1), stays, "stays")
}

// The same, and a key that was rewrapped late, where the beginning of the next change has been purged.
func TestRotateLateEndPurged(t *testing.T) {
	j := newBroker(t).open(0)
	keyset := filed(t)
	r := openKeys(t, j, keyset)
	stays := seal(t, r, person(1), "stays")
	rotate(t, r)
	lateKey, lateEnd := keyStream(t, j, keyOf(person(1))), keyStream(t, j, isEnd)
	rotate(t, r)
	key, end := keyStream(t, j, keyOf(person(1))), keyStream(t, j, isEnd)
	if err := os.Remove(keyset.File() + ".ring"); err != nil {
		t.Fatal(err)
	}
	for name, es := range map[string][][]journal.Entry{
		"the end":               {key, lateEnd, end},
		"a key":                 {key, lateKey, end},
		"both":                  {key, lateKey, lateEnd, end},
		"both, after all":       {key, end, lateKey, lateEnd},
		"the end before all":    {lateEnd, key, end},
		"a key made in the old": {lateKey, key, end},
	} {
		again := openKeys(t, ofEntries(t, slices.Concat(es...)...), reread(t, keyset.File()))
		wantOpen(t, name, again, person(1), stays, "stays")
	}
}

// A process that is held up before it ends a change, while another ends it and makes the next, doesn't end it again.
func TestRotateHeldUp(t *testing.T) {
	b := newBroker(t)
	keyset := filed(t)
	j, one := shared(t, b, keyset)
	_, two := shared(t, b, keyset)
	stays := seal(t, one, person(1), "stays")
	wantOpen(t, "two", two, person(1), stays, "stays")
	h := b.holdWhenSent(`"done":true`)
	done := make(chan error, 1)
	go func() {
		_, err := two.Rotate(t.Context(), noon)
		done <- err
	}()
	<-h.held
	rotate(t, one) // takes the change up
	rotate(t, one)
	close(h.on)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if es := keyStream(t, j, isEnd); len(es) != 1 || keyEntryOf(t, es[0]).To != one.EpochName() {
		t.Errorf("%d changes are ended, want the last alone", len(es))
	}
	_, fresh := shared(t, b, reread(t, keyset.File()))
	for name, r := range map[string]*journal.Keyring{"one": one, "two": two, "a fresh process": fresh} {
		wantOpen(t, name, r, person(1), stays, "stays")
		wantOpen(t, name, r, person(2), seal(t, r, person(2), name), name)
	}
}

// interrupted is a journal whose change of epochs was cut off when all keys, of persons 1 and 2, were rewrapped.
func interrupted(t *testing.T) (j *journal.Journal, keyset journal.Keyset, one, two []byte) {
	t.Helper()
	b := newBroker(t)
	j = b.open(time.Second)
	keyset = filed(t)
	r := openKeys(t, j, keyset)
	one, two = seal(t, r, person(1), "one"), seal(t, r, person(2), "two")
	b.cutWhenSent(`"done":true`)
	if _, err := r.Rotate(t.Context(), noon); err == nil {
		t.Fatal("nothing was cut")
	}
	j.Close()
	return b.open(0), keyset, one, two
}

// What is dropped when it is rewrapped already is destroyed by another change.
func TestDropRewrapped(t *testing.T) {
	j, keyset, one, two := interrupted(t)
	r := openKeys(t, j, keyset)
	drop(t, r, person(1))
	if x := rotate(t, r); !x.Complete() || x.Keys != 1 || r.Due() {
		t.Errorf("%+v, due %v", x, r.Due())
	}
	if es := keyStream(t, j, keyOf(person(1))); len(es) != 0 {
		t.Errorf("complete, and the dropped key stands in the stream, wrapped %d times", len(es))
	}
	r = openKeys(t, j, reread(t, keyset.File()))
	wantOpen(t, "dropped", r, person(1), one, "")
	wantOpen(t, "another's", r, person(2), two, "two")
}

// What is dropped while it is on its way to be rewrapped stays so.
func TestDropBeforeRewrapped(t *testing.T) {
	from, keyset, one, two := interrupted(t)
	first, second, begin := keyStream(t, from, keyOf(person(1))), keyStream(t, from, keyOf(person(2))), keyStream(t, from, isBegin)
	if len(first) != 2 || len(second) != 2 || len(begin) != 1 {
		t.Fatalf("%d, %d keys, %d changes", len(first), len(second), len(begin))
	}
	c, err := json.Marshal(map[string]any{"owner": person(1), "keys": []string{keyEntryOf(t, first[0]).ID}, "at": noon})
	if err != nil {
		t.Fatal(err)
	}
	dropped := journal.Entry{Stream: journal.StreamKeys, Kind: journal.KindDrop, At: noon, Clear: c}
	for name, es := range map[string][]journal.Entry{
		"in the change": {first[0], second[0], begin[0], dropped, first[1], second[1]},
		"before it":     {first[0], second[0], dropped, begin[0], first[1], second[1]},
	} {
		t.Run(name, func(t *testing.T) {
			kept := filepath.Join(t.TempDir(), "keyset.json")
			if err := keyset.Write(kept); err != nil {
				t.Fatal(err)
			}
			j := ofEntries(t, es...)
			r := openKeys(t, j, reread(t, kept))
			wantOpen(t, "dropped", r, person(1), one, "")
			wantOpen(t, "who came back", r, person(1), seal(t, r, person(1), "again"), "again")
			if x := rotate(t, r); !x.Complete() || r.Due() {
				t.Errorf("%+v, due %v", x, r.Due())
			}
			id := keyEntryOf(t, first[0]).ID
			if es := keyStream(t, j, func(_ journal.Kind, c keyEntry) bool { return c.ID == id }); len(es) != 0 {
				t.Error("complete, and the dropped key stands in the stream")
			}
			r = openKeys(t, j, reread(t, kept))
			wantOpen(t, "dropped, after all", r, person(1), one, "")
			wantOpen(t, "another's", r, person(2), two, "two")
		})
	}
}

// Keys that are dropped while many are rewrapped are gone when the change is complete.
func TestDropWhileRotating(t *testing.T) {
	const people, erased = 2500, 40
	b := newBroker(t)
	j := b.open(0)
	r := openKeys(t, j, filed(t))
	var ps []reminder.PersonKey
	for i := range people {
		ps = append(ps, person(i))
	}
	for some := range slices.Chunk(ps, journal.MaxBatch) {
		if err := r.Ensure(t.Context(), noon, some...); err != nil {
			t.Fatal(err)
		}
	}
	gone, stays := seal(t, r, ps[erased/2], "gone"), seal(t, r, ps[erased], "stays")
	done := make(chan error, 1)
	go func() {
		_, err := r.Rotate(t.Context(), noon)
		done <- err
	}()
	for _, p := range ps[:erased] {
		drop(t, r, p)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	x := rotate(t, r)
	if !x.Complete() || x.Keys != people-erased || r.Due() {
		t.Errorf("%+v, due %v", x, r.Due())
	}
	if es := keyStream(t, j, keyOf(ps[:erased]...)); len(es) != 0 {
		t.Errorf("%d dropped keys stand in the stream", len(es))
	}
	r = openKeys(t, j, r.Keyset())
	wantOpen(t, "dropped", r, ps[erased/2], gone, "")
	wantOpen(t, "another's", r, ps[erased], stays, "stays")
}

// A key that is shut stays so when it has been wrapped anew and the entry that shut it is purged; what is said afterwards has another
// key, and outlives it.
func TestShutOutlivesARotation(t *testing.T) {
	j := newBroker(t).open(0)
	keyset := filed(t)
	r := openKeys(t, j, keyset)
	before := seal(t, r, person(1), "before")
	if _, err := r.Shut(t.Context(), noon, person(1)); err != nil {
		t.Fatal(err)
	}
	seal(t, r, person(2), "somebody else")
	for _, ring := range []bool{true, false} {
		rotate(t, r)
		if !ring {
			if err := os.Remove(keyset.File() + ".ring"); err != nil {
				t.Fatal(err)
			}
		}
		r = openKeys(t, j, reread(t, keyset.File()))
		wantOpen(t, "before", r, person(1), before, "before")
		if _, others, err := r.ShutBefore(t.Context(), noon, person(1), person(2)); err != nil || len(others) != 2 {
			t.Errorf("ring %v: of two, one of them shut no earlier, %v are left: %v", ring, others, err)
		}
		shut, others, err := r.ShutBefore(t.Context(), noon.Add(1), person(1), person(2), person(3))
		if err != nil || !slices.Equal(others, []reminder.PersonKey{person(2)}) {
			t.Fatalf("ring %v: left %v, %v", ring, others, err)
		}
		if ring {
			continue
		}
		after := seal(t, r, person(1), "after")
		if _, others, err = r.ShutBefore(t.Context(), noon.Add(1), person(1)); err != nil || len(others) != 1 {
			t.Errorf("with a new key: left %v, %v", others, err)
		}
		if err := r.DropShut(t.Context(), noon, shut); err != nil {
			t.Fatal(err)
		}
		wantOpen(t, "after", r, person(1), after, "after")
		wantOpen(t, "before, dropped", r, person(1), before, "")
		if at, ok := r.Erased(person(3)); !ok || !at.Equal(noon) {
			t.Errorf("who has no key: erased %v, %v", at, ok)
		}
	}
}
