package ledger_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
)

// unhurried is a state through which one walks only when one is let.
type unhurried struct {
	*memory.State
	in, out chan struct{}
}

func (s unhurried) Each(ctx context.Context, fn func(*state.Person) error) error {
	if s.in != nil {
		s.in <- struct{}{}
		<-s.out
	}
	return s.State.Each(ctx, fn)
}

// Two lists of everybody's are made at once, whoever asks for them; a third waits, no longer than its caller does. What is known of
// one person is told all the same.
func TestTwoListsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	s := unhurried{w.state, make(chan struct{}), make(chan struct{})}
	o := w.options()
	o.State = s
	l, err := ledger.New(o)
	w.ok(err)
	done := make(chan error, 3)
	list := func(ctx context.Context) { _, err := l.Letters(ctx, ledger.LetterFilter{}, nil); done <- err }
	go list(w.ctx)
	<-s.in
	go func() { _, err := l.Reminders(w.ctx, ledger.Filter{Max: 1}); done <- err }()
	<-s.in
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	if _, err := l.Letters(ctx, ledger.LetterFilter{}, nil); !errors.Is(err, ledger.ErrBusy) || !errors.Is(err, context.Canceled) {
		t.Errorf("a third letter list: %v", err)
	}
	if _, err := l.Reminders(ctx, ledger.Filter{}); !errors.Is(err, ledger.ErrBusy) {
		t.Errorf("a third list of reminders: %v", err)
	}
	if vs, err := l.Reminders(w.ctx, ledger.Filter{Person: w.person(1)}); err != nil || len(vs) == 0 {
		t.Errorf("of one person: %d, %v", len(vs), err)
	}
	go list(w.ctx)
	select {
	case <-s.in:
		t.Error("three lists at once")
	case <-time.After(20 * time.Millisecond):
	}
	s.out <- struct{}{}
	<-s.in // the third has its turn
	s.out <- struct{}{}
	s.out <- struct{}{}
	for range 3 {
		w.ok(<-done)
	}
}

// The letter list is as long as asked for, the soonest first, and tells how many more there are.
func TestALetterListIsAsLongAsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	eye := func(a *reminder.Appointment) { a.Unit = "rh-eye" }
	for _, n := range []int{3, 1, 4, 2} {
		w.accept(w.appointment(n, later(time.Duration(n)*24*time.Hour)))
	}
	w.accept(w.appointment(5, eye, later(time.Hour)), w.appointment(6, eye, later(5*24*time.Hour)))
	known := func(unit string) bool { return unit == "rh-ortho" }
	gone := func(string) bool { return false }
	of := func(f ledger.LetterFilter, known func(string) bool) ledger.Letters {
		ls, err := w.Letters(w.ctx, f, known)
		w.ok(err)
		return ls
	}
	all := of(ledger.LetterFilter{}, gone).Letters
	if len(all) != 6 {
		t.Fatalf("%d letters", len(all))
	}
	for most := 1; most < 8; most++ {
		got, want := of(ledger.LetterFilter{Max: most}, gone), all[:min(most, 6)]
		if !slices.Equal(got.Letters, want) || got.Left != 6-len(want) {
			t.Errorf("of %d: %+v, and %d left; want %+v", most, got.Letters, got.Left, want)
		}
	}
	if got := of(ledger.LetterFilter{Unit: "rh-eye", Max: 1}, gone); len(got.Letters) != 1 || got.Letters[0] != all[0] || got.Left != 1 {
		t.Errorf("of a unit: %+v", got)
	}
	if got := of(ledger.LetterFilter{Reason: ledger.UnknownUnit, Max: 1}, known); len(got.Letters) != 1 || got.Letters[0].Unit != "rh-eye" || got.Left != 1 {
		t.Errorf("with a reason: %+v", got)
	}
	if got := of(ledger.LetterFilter{Reason: "no such", Max: 1}, gone); got.Letters == nil || len(got.Letters) != 0 || got.Left != 0 {
		t.Errorf("with no such reason: %+v", got)
	}
}

// Of a list only what is on it is unsealed, and those of other units do not take a unit's place on it.
func TestAListIsAsLongAsAskedFor(t *testing.T) {
	t.Parallel()
	w := worldWith(t, t.TempDir(), journal.NewKeyset())
	seen, logs := observer.New(zap.ErrorLevel)
	w.change = append(w.change, func(o *ledger.Options) { o.State, o.Log = damaged{w.state, w.person(9)}, zap.New(seen) })
	w.open()
	eye := func(a *reminder.Appointment) { a.Unit = "rh-eye" }
	last := func(a *reminder.Appointment) { a.Person, a.NationalID = w.person(9), nationalID(9) }
	for n := range 4 {
		w.accept(w.appointment(n, later(time.Duration(n)*24*time.Hour)))
	}
	w.accept(w.appointment(5, eye, later(5*24*time.Hour)), w.appointment(6, eye, later(4*24*time.Hour)), w.appointment(9, last, later(60*24*time.Hour)))
	of := func(f ledger.Filter) []ledger.ReminderView {
		vs, err := w.Reminders(w.ctx, f)
		w.ok(err)
		return vs
	}
	all, eyes := of(ledger.Filter{}), of(ledger.Filter{Unit: "rh-eye"})
	if n := logs.Len(); n == 0 || len(eyes) == 0 || len(eyes) >= len(all) {
		t.Fatalf("%d of %d, %d not read", len(eyes), len(all), n)
	}
	_ = logs.TakeAll()
	for most := 1; most < 4; most++ {
		for i, v := range of(ledger.Filter{Max: most}) {
			if v.ID != all[i].ID || v.Unit == "" {
				t.Errorf("%d of %d: %+v, want %+v", i, most, v, all[i])
			}
		}
		got := of(ledger.Filter{Max: most, Unit: "rh-eye"})
		if len(got) != min(most, len(eyes)) {
			t.Errorf("%d of rh-eye, want %d of %d", len(got), most, len(eyes))
		}
		for i, v := range got {
			if v.ID != eyes[i].ID || v.Unit != "rh-eye" {
				t.Errorf("of rh-eye %d of %d: %+v, want %+v", i, most, v, eyes[i])
			}
		}
	}
	_ = logs.TakeAll()
	if vs := of(ledger.Filter{Max: 2}); len(vs) != 2 || logs.Len() != 0 {
		t.Errorf("%d, and %d that are not on the list were unsealed", len(vs), logs.Len())
	}
}
