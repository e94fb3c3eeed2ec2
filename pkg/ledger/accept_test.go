package ledger_test

import (
	"errors"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestAcceptReadsItsOwnWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 20 {
		w.accept(w.appointment(n))
		vs := w.reminders(w.person(n))[receipt.Planned]
		if len(vs) != 2 || vs[0].Unit != "rh-ortho" || vs[0].System != "cosmic" || !vs[0].Start.Equal(noon.AddDate(0, 0, 15)) {
			t.Fatalf("right after Accept: %+v", vs)
		}
	}
	if errs, err := w.Accept(w.ctx, nil); err != nil || len(errs) != 0 {
		t.Errorf("an empty batch: %v %v", errs, err)
	}
}

func TestAcceptKeepsTheNewest(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for name, events := range map[string]func(w *world) [][]reminder.Appointment{
		"in order": func(w *world) [][]reminder.Appointment {
			return [][]reminder.Appointment{{w.appointment(1)}, {w.appointment(1, revision(2), later(day))}}
		},
		"out of order": func(w *world) [][]reminder.Appointment {
			return [][]reminder.Appointment{{w.appointment(1, revision(2), later(day))}, {w.appointment(1)}}
		},
		"both in one batch": func(w *world) [][]reminder.Appointment {
			return [][]reminder.Appointment{{w.appointment(1), w.appointment(1, revision(2), later(day))}}
		},
		"both in one batch, out of order": func(w *world) [][]reminder.Appointment {
			return [][]reminder.Appointment{{w.appointment(1, revision(2), later(day)), w.appointment(1)}}
		},
		"each twice": func(w *world) [][]reminder.Appointment {
			a, b := w.appointment(1), w.appointment(1, revision(2), later(day))
			return [][]reminder.Appointment{{a, a, b, b}, {b, a}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, batch := range events(w) {
				w.accept(batch...)
			}
			vs := w.reminders(w.person(1))[receipt.Planned]
			if len(vs) != 2 {
				t.Fatalf("%d planned reminders, want the 2 of the newest start", len(vs))
			}
			for _, v := range vs {
				if !v.Start.Equal(noon.AddDate(0, 0, 16)) {
					t.Errorf("a reminder tells the start %v", v.Start)
				}
			}
			if n := w.last(journal.StreamJournal); n > 2 {
				t.Errorf("%d entries for two revisions", n)
			}
		})
	}
}

func TestAcceptOfOneRevisionAThousandTimesWritesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	streams := []journal.Stream{journal.StreamJournal, journal.StreamKeys, journal.StreamPeople, journal.StreamAudit}
	before := map[journal.Stream]uint64{}
	for _, s := range streams {
		before[s] = w.last(s)
	}
	again := make([]reminder.Appointment, 10)
	for i := range 100 {
		for k := range again {
			again[k] = w.appointment(1)
			again[k].Order.Sequence = uint64(100 + 10*i + k) // redelivered and republished, each with a place of its own
		}
		w.accept(again...)
	}
	for _, s := range streams {
		if n := w.last(s); n != before[s] {
			t.Errorf("%s grew from %d to %d", s, before[s], n)
		}
	}
	w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Planned: 2})
}

func TestAcceptOfAnotherPerson(t *testing.T) {
	t.Parallel()
	other := func(w *world) func(*reminder.Appointment) {
		return func(a *reminder.Appointment) { a.Person, a.NationalID = w.person(2), nationalID(2) }
	}
	for name, batches := range map[string]func(w *world) [][]reminder.Appointment{
		"later": func(w *world) [][]reminder.Appointment {
			return [][]reminder.Appointment{{w.appointment(1)}, {w.appointment(1, revision(2), other(w))}}
		},
		"in one batch": func(w *world) [][]reminder.Appointment {
			return [][]reminder.Appointment{{w.appointment(1), w.appointment(1, revision(2), other(w))}}
		},
		"and the old one's event again": func(w *world) [][]reminder.Appointment {
			return [][]reminder.Appointment{{w.appointment(1)}, {w.appointment(1, revision(2), other(w))}, {w.appointment(1)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, b := range batches(w) {
				w.accept(b...)
			}
			w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Cancelled: 2})
			w.wantCounts(w.person(2), map[receipt.Status]int{receipt.Planned: 2})
			w.accept(w.appointment(1, revision(3))) // and back
			w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Planned: 2})
			w.wantCounts(w.person(2), map[receipt.Status]int{receipt.Cancelled: 2})
			want := w.dump()
			w.restart()
			w.wantDump(w.dump(), want)
		})
	}
}

func TestAcceptOfAnUnknownUnit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bad := w.appointment(2, func(a *reminder.Appointment) { a.Unit = "no-such" })
	errs, err := w.Accept(w.ctx, []reminder.Appointment{w.appointment(1), bad, w.appointment(3)})
	w.ok(err)
	if len(errs) != 3 || errs[0] != nil || !errors.Is(errs[1], plan.ErrUnknownUnit) || errs[2] != nil {
		t.Fatalf("element errors %v", errs)
	}
	if n := w.last(journal.StreamJournal); n != 2 {
		t.Errorf("%d entries, want one for each appointment that can be planned", n)
	}
	w.wantCounts(w.person(2), map[receipt.Status]int{})
	// Cancelled, it is planned: nothing may stay pending because a unit has left the directory.
	cancel := w.appointment(2, revision(2), cancelled, func(a *reminder.Appointment) { a.Unit = "no-such" })
	w.accept(cancel)
}

func TestAcceptOfMoreThanOneAtomicBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	as := make([]reminder.Appointment, journal.MaxBatch+7)
	for i := range as {
		as[i] = w.appointment(i)
	}
	w.accept(as...)
	s, err := w.Status(w.ctx)
	w.ok(err)
	if s.Counts[receipt.Planned] != 2*len(as) {
		t.Errorf("%d reminders planned for %d appointments", s.Counts[receipt.Planned], len(as))
	}
}

// uncertain is another ledger on the same state, whose broker's answers are all lost.
func (w *world) uncertain() *ledger.Ledger {
	w.Helper()
	o := w.options()
	var err error
	o.Journal, err = journal.Open(w.ctx, journal.Options{Conn: w.nc, AckWait: time.Nanosecond})
	w.ok(err)
	w.Cleanup(o.Journal.Close)
	l, err := ledger.New(o)
	w.ok(err)
	return l
}

// folded waits until all that stands in a stream is folded.
func (w *world) folded(s journal.Stream) {
	w.Helper()
	place := map[journal.Stream]int{journal.StreamStop: 0, journal.StreamPeople: 1, journal.StreamJournal: 2}[s]
	var high uint64
	for range 2000 {
		w.ok(w.nc.Flush())
		for shard := range reminder.Shards {
			v, err := w.state.Applied(w.ctx, shard)
			w.ok(err)
			high = max(high, v[place])
		}
		if high >= w.last(s) && high > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.Fatalf("folded up to %d", high)
}

func TestAcceptAfterALostAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ok(w.keys.Ensure(w.ctx, w.now(), w.person(1)))
	_, err := w.uncertain().Accept(w.ctx, []reminder.Appointment{w.appointment(1)})
	w.is(err, journal.ErrUncertain)
	w.folded(journal.StreamJournal)
	w.accept(w.appointment(1)) // intake hands it over again
	if n := w.last(journal.StreamJournal); n != 1 {
		t.Errorf("%d entries, want 1: what was lost was the answer, not the entry", n)
	}
	w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Planned: 2})
}

func TestWriteNobodyFolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *ledger.Options) { o.FoldWait = 50 * time.Millisecond })
	o := w.options()
	o.State = newStuck(w.state)
	l, err := ledger.New(o)
	w.ok(err)
	_, err = l.Accept(w.ctx, []reminder.Appointment{w.appointment(1)})
	w.is(err, ledger.ErrBehind)
	w.is(l.Stop(w.ctx, number, "test"), ledger.ErrBehind) // journalled, but no one may say that it is final
}

func TestNewChecksItsOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, spoil := range map[string]func(*ledger.Options){
		"Journal": func(o *ledger.Options) { o.Journal = nil }, "Keys": func(o *ledger.Options) { o.Keys = nil },
		"State": func(o *ledger.Options) { o.State = nil }, "Planner": func(o *ledger.Options) { o.Planner = nil },
	} {
		o := w.options()
		spoil(&o)
		if _, err := ledger.New(o); err == nil {
			t.Errorf("New without %s", name)
		}
	}
}

// An event that lay with the broker, or was replayed long after it was said, leaves the reminders that fell due meanwhile:
// they are late, and the patient has not been told.
func TestAcceptOfAnEventThatWaited(t *testing.T) {
	t.Parallel()
	near := func(a *reminder.Appointment) { a.Start = a.Start.AddDate(0, 0, -14) } // tomorrow
	for name, c := range map[string]struct {
		change func(*reminder.Appointment)
		want   int
	}{
		"just booked":           {func(*reminder.Appointment) {}, 0},
		"waited ten days":       {func(a *reminder.Appointment) { a.Waited = 240 * time.Hour }, 2},
		"said ten days ago":     {func(a *reminder.Appointment) { a.Order.SourceTime = noon.AddDate(0, 0, -10) }, 2},
		"said later than it is": {func(a *reminder.Appointment) { a.Order.SourceTime = noon.AddDate(0, 0, 10) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.accept(w.appointment(1, near, c.change))
			rs, err := w.Reminders(w.ctx, ledger.Filter{})
			w.ok(err)
			if len(rs) != c.want {
				t.Errorf("%d reminders, want %d: %+v", len(rs), c.want, rs)
			}
		})
	}
}
