package ledger_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
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
			if n := len(w.entries(journal.StreamJournal)); n > 2 {
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

// meeting is a state whose first readers of appointments wait for each other: none of them has written when the others read.
type meeting struct {
	state.State
	readers sync.WaitGroup
	reads   atomic.Int64
}

func newMeeting(s state.State) *meeting {
	m := &meeting{State: s}
	m.readers.Add(2)
	return m
}

func (m *meeting) Appointments(ctx context.Context, as []reminder.AppointmentKey) ([]state.Held, error) {
	held, err := m.State.Appointments(ctx, as)
	if m.reads.Add(1) <= 2 {
		m.readers.Done()
		m.readers.Wait()
	}
	return held, err
}

// other is the same appointment of another person.
func (w *world) other(n int) func(*reminder.Appointment) {
	return func(a *reminder.Appointment) { a.Person, a.NationalID = w.person(n), nationalID(n) }
}

// process is a ledger of another process on the same journal, and on the state as that process sees it.
func (w *world) process(s state.State) *ledger.Ledger {
	w.Helper()
	o := w.options()
	o.State = s
	l, err := ledger.New(o)
	w.ok(err)
	return l
}

// Two processes take in two events of one appointment, of two persons, at the same moment: one of the two keeps it, and the
// other is reminded of nothing.
func TestAcceptOfTwoPersonsAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before int    // whose it was at revision 1; 0 = nobody's
		first  uint64 // the revisions of the two events
		second uint64
		keeps  int // 0 = either
	}{
		"of two revisions":                   {first: 1, second: 2, keeps: 2},
		"of two revisions, the other first":  {first: 2, second: 1, keeps: 1},
		"of one revision":                    {first: 2, second: 2},
		"and it was a third person's before": {before: 3, first: 2, second: 3, keeps: 2},
		"and it was one's before":            {before: 2, first: 2, second: 3, keeps: 2},
		"and it was the other's before":      {before: 1, first: 2, second: 3, keeps: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.before > 0 {
				w.accept(w.appointment(0, w.other(c.before)))
			}
			m := newMeeting(w.state)
			events := [][]reminder.Appointment{
				{w.appointment(8), w.appointment(0, w.other(1), revision(c.first))}, {w.appointment(0, w.other(2), revision(c.second)), w.appointment(9)},
			}
			var both errgroup.Group
			for _, as := range events {
				both.Go(func() error {
					errs, err := w.process(m).Accept(w.ctx, as)
					return errors.Join(append(errs, err)...)
				})
			}
			w.ok(both.Wait())
			held, err := w.state.Appointments(w.ctx, []reminder.AppointmentKey{events[1][0].Key})
			w.ok(err)
			if len(held[0].Others) > 0 || (held[0].Person != w.person(1) && held[0].Person != w.person(2)) {
				t.Errorf("held %+v", held[0])
			}
			if c.keeps != 0 && held[0].Person != w.person(c.keeps) {
				t.Errorf("person %d should keep it", c.keeps)
			}
			for n := 1; n <= 3; n++ {
				planned := len(w.reminders(w.person(n))[receipt.Planned])
				if keeps := held[0].Person == w.person(n); keeps != (planned == 2) || (!keeps && planned > 0) {
					t.Errorf("person %d keeps it: %v; %d reminders planned", n, keeps, planned)
				}
			}
			// Their events come again: nothing is left to say.
			end := w.last(journal.StreamJournal)
			for _, as := range events {
				w.accept(as...)
			}
			if n := w.last(journal.StreamJournal); n != end {
				t.Errorf("%d entries more", n-end)
			}
			want := w.dump()
			w.restart()
			w.wantDump(w.dump(), want)
		})
	}
}

// A process that ends between its plan and its second look is given its event again, and takes the second look then.
func TestAcceptOfTwoPersonsAtOnceAndAFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(0, w.other(1), revision(2)))
	f := &forgetful{State: w.state}
	e := w.appointment(0, w.other(2), revision(1))
	_, err := w.process(f).Accept(w.ctx, []reminder.Appointment{e})
	w.is(err, errRead)
	held, err := w.state.Appointments(w.ctx, []reminder.AppointmentKey{e.Key})
	if w.ok(err); len(held[0].Others) != 1 {
		t.Fatalf("held %+v: the fault has made nothing", held[0])
	}
	w.accept(e)
	w.wantCounts(w.person(1), map[receipt.Status]int{receipt.Planned: 2})
	w.wantCounts(w.person(2), map[receipt.Status]int{receipt.Cancelled: 2})
}

// forgetful reads appointments as if nobody had ever held one, and then no more.
type forgetful struct {
	state.State
	reads atomic.Int64
}

var errRead = errors.New("read")

func (f *forgetful) Appointments(_ context.Context, as []reminder.AppointmentKey) ([]state.Held, error) {
	if f.reads.Add(1) > 1 {
		return nil, errRead
	}
	return make([]state.Held, len(as)), nil
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
	if n := len(w.entries(journal.StreamJournal)); n != 2 {
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
		"waited ten days":       {func(a *reminder.Appointment) { a.Came = noon.AddDate(0, 0, -10) }, 2},
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
