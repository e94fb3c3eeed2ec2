package memory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
)

// The tests in this file hold the store to it that a fold, and so a STOP, waits for nobody who looks at all persons.

// recorded is a store that remembers what it was given.
type recorded struct {
	*memory.State
	runs []state.Run
}

func (r *recorded) Fold(ctx context.Context, runs ...state.Run) []error {
	r.runs = append(r.runs, runs...)
	return r.State.Fold(ctx, runs...)
}

// asOf is a store that was given what applied has, and no more.
func (r *recorded) asOf(t *testing.T, applied [reminder.Shards]state.Vector) *memory.State {
	t.Helper()
	s := memory.New()
	for _, x := range r.runs {
		at := applied[x.Shard]
		if x.To[state.Stop] > at[state.Stop] || x.To[state.People] > at[state.People] || x.To[state.Journal] > at[state.Journal] {
			continue
		}
		if err := s.Fold(t.Context(), x)[0]; err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// writer is a function as an io.Writer.
type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// crowd is a shard with more persons than are looked at in many turns, and another.
const crowd, crowded, quiet = 20 * memory.Turn, 3, 40

func inShard(shard, n int) reminder.PersonKey { return key(shard + reminder.Shards*n) }

func visit(n int) reminder.AppointmentKey {
	return reminder.AppointmentKey(fmt.Sprintf("1-%02x%030x", crowded, n))
}

func fill(t *testing.T, s state.State) {
	t.Helper()
	for n := range crowd {
		p := inShard(crowded, n)
		fold(t, s, p, planned(visit(n), p, 1, noon.Add(time.Duration(n)*time.Minute)))
	}
	for n := range 3 {
		fold(t, s, inShard(quiet, n), planned(visit(crowd+n), inShard(quiet, n), 1, noon))
	}
}

// While a snapshot is written to somebody slow, persons are folded as always, at most a turn's are encoded at a time, and each
// shard of the snapshot is as it was at one moment.
func TestNobodyWaitsForASnapshot(t *testing.T) {
	s := &recorded{State: memory.New()}
	fill(t, s)
	var out bytes.Buffer
	writes, early := 0, 0
	slow := writer(func(b []byte) (int, error) {
		writes++
		if n := bytes.Count(b, []byte("\n")); n > memory.Turn+early {
			t.Errorf("%d persons were encoded at a time, %d because they were folded", n, early)
		}
		// Who was written, who was not, and who is new; in this shard and in one that comes later.
		early = 0
		for _, n := range []int{writes, crowd - writes, crowd + writes} {
			p := inShard(crowded, n)
			fold(t, s, p, planned(visit(n), p, uint64(writes+1), noon.Add(time.Hour)),
				state.Contact{Record: contact.Record{ID: fmt.Sprint(writes), Person: p, Type: contact.Verified, Hash: hash(n), Channel: reminder.SMS,
					Method: policy.DeskID, Level: policy.Proven, EventTime: noon, Recorded: noon}})
			early++
		}
		fold(t, s, inShard(quiet, 1), planned(visit(crowd+1), inShard(quiet, 1), uint64(writes+1), noon))
		foldShard(t, s, crowded, "", state.Bar{Address: hash(crowded + reminder.Shards*writes)})
		foldShard(t, s, 0, "", state.Switch{Name: fmt.Sprint("unit:", writes), On: true, Reason: "drill"})
		return out.Write(b)
	})
	done := make(chan error, 1)
	go func() { done <- s.Snapshot(slow) }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a fold waits for who reads the snapshot")
	}
	if least := reminder.Shards + crowd/memory.Turn; writes < least {
		t.Errorf("%d writes, want at least %d", writes, least)
	}
	back := memory.New()
	if err := back.Restore(&out); err != nil {
		t.Fatal(err)
	}
	applied, err := back.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now, err := s.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if applied[crowded] == now[crowded] || applied[quiet] == now[quiet] {
		t.Error("nothing was folded while the snapshot was written")
	}
	want := s.asOf(t, applied)
	if got, want := look(t, back), look(t, want); got != want {
		t.Errorf("restored:\n%s\nwant:\n%s", got, want)
	}
	for n := range 2 * writes {
		h := []reminder.AddressHash{hash(crowded + reminder.Shards*n), hash(n)}
		got, err := back.Behind(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		if want, err := want.Behind(t.Context(), h); err != nil || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("behind %v: %+v, want %+v; %v", h, got, want, err)
		}
	}
}

// A snapshot that is broken off leaves nothing behind, and those that are written side by side do not disturb each other.
func TestSnapshotsBrokenOffAndSideBySide(t *testing.T) {
	s := memory.New()
	fill(t, s)
	full := errors.New("full")
	writes := 0
	if err := s.Snapshot(writer(func(b []byte) (int, error) {
		if writes++; writes > crowded+3 {
			return 0, full
		}
		return len(b), nil
	})); !errors.Is(err, full) {
		t.Fatal(err)
	}
	fold(t, s, inShard(crowded, 0), planned(visit(0), inShard(crowded, 0), 2, noon))
	want := look(t, s)
	errs := make(chan error)
	for range 3 {
		go func() {
			r, w := io.Pipe()
			go func() { _ = w.CloseWithError(s.Snapshot(w)) }()
			back := memory.New()
			err := back.Restore(r)
			if err == nil && look(t, back) != want {
				err = errors.New("another state was restored")
			}
			errs <- err
		}()
	}
	for range 3 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// Nobody waits for a list or sweep to come to its end, however many persons it looks at.
func TestNobodyWaitsForAList(t *testing.T) {
	for name, list := range map[string]func(*memory.State, func(*state.Person) error) error{
		"each": func(s *memory.State, fn func(*state.Person) error) error { return s.Each(t.Context(), fn) },
		"agenda": func(s *memory.State, fn func(*state.Person) error) error {
			return s.Agenda(t.Context(), state.Unasked, time.Time{}, fn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := memory.New()
			fill(t, s)
			var folded atomic.Bool
			ended := make(chan struct{})
			calls, late := 0, 0
			err := list(s, func(*state.Person) error {
				if calls++; calls == 1 {
					go func() {
						defer close(ended)
						fold(t, s, inShard(quiet, 0), planned(visit(crowd), inShard(quiet, 0), 2, noon))
						folded.Store(true)
					}()
				}
				if !folded.Load() {
					late++
					time.Sleep(time.Millisecond)
				}
				return nil
			})
			<-ended
			if err != nil || calls != crowd+3 {
				t.Errorf("%d calls, %v", calls, err)
			}
			if late == calls {
				t.Error("the fold waited until all were looked at")
			}
		})
	}
}

// Who comes onto an agenda or goes from it while it is walked may be missing; nobody is shown who is not on it.
func TestAgendaWhilePersonsGo(t *testing.T) {
	s := memory.New()
	fill(t, s)
	var gone atomic.Bool
	for range 3 {
		shown := 0
		err := s.Agenda(t.Context(), state.Unasked, time.Time{}, func(p *state.Person) error {
			shown++
			if p.Next(state.Unasked).IsZero() {
				t.Error("somebody of whom the sweep wants nothing")
			}
			if gone.CompareAndSwap(false, true) {
				go func() {
					for n := range crowd {
						p := inShard(crowded, n)
						off := planned(visit(n), p, 2, noon)
						off.Plan.Status, off.Plan.Reminders = "cancelled", nil
						fold(t, s, p, off)
					}
				}()
			}
			time.Sleep(10 * time.Microsecond)
			return nil
		})
		if err != nil || shown > crowd+3 {
			t.Errorf("%d shown, %v", shown, err)
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		n := 0
		if err := s.Agenda(t.Context(), state.Unasked, time.Time{}, func(*state.Person) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		if n == 3 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d are left on the agenda, want those of the quiet shard", n)
		}
		time.Sleep(time.Millisecond)
	}
}

// What is due is handed out in the order of its times, in whatever shard it is.
func TestLeaseAcrossShards(t *testing.T) {
	s := memory.New()
	if err := s.Certify(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	const n = 3 * reminder.Shards
	for i := range n {
		p := key(i * 7 % n)
		fold(t, s, p, planned(reminder.AppointmentKey(fmt.Sprintf("1-%032x", i)), p, 1, noon.Add(time.Duration(i)*time.Second)))
	}
	var got []string
	for _, limit := range []int{1, 100, n} {
		ls, err := s.Lease(t.Context(), "sms", noon.Add((n-10)*time.Second), limit, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range ls {
			got = append(got, string(l.Reminder))
		}
	}
	var want []string
	for i := range n - 9 {
		want = append(want, fmt.Sprintf("1-%032x", i))
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("leased %d: %v", len(got), got)
	}
}
