package ledger_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// A dead letter that came before its person was erased brings nobody back; one from after it is put back, with the moment it came.
func TestReplayOfWhatCameBeforeAnErasure(t *testing.T) {
	t.Parallel()
	erased := noon.Add(time.Hour)
	for name, x := range map[string]struct {
		came, changed time.Time // changed is when the booking system says that it changed it
		unread        bool
		want          error
	}{
		"before":                     {came: erased.Add(-time.Minute), want: ledger.ErrForgotten},
		"at that moment":             {came: erased, want: ledger.ErrForgotten},
		"a moment after":             {came: erased.Add(1)},
		"after, but said before":     {came: erased.Add(time.Minute), changed: erased.Add(-time.Minute), want: ledger.ErrForgotten},
		"without a time, before":     {want: ledger.ErrForgotten}, // it is buried before the erasing
		"before, and can't be read":  {came: erased.Add(-time.Minute), unread: true},
		"came before, said after it": {came: erased.Add(-time.Minute), changed: erased.Add(time.Minute), want: ledger.ErrForgotten},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var back []ledger.DeadLetter
			var w *world
			w = newWorld(t, func(o *ledger.Options) {
				o.Republish = func(_ context.Context, d ledger.DeadLetter) error { back = append(back, d); return nil }
				o.Read = func(d ledger.DeadLetter) (reminder.Appointment, error) {
					if string(d.Data) != "event" || d.Subject != "husk.events.cosmic.rh-ortho" || d.Type != "text/plain" {
						t.Errorf("reads %+v", d)
					}
					if x.unread {
						return reminder.Appointment{}, errors.New("torn")
					}
					a := w.appointment(1)
					a.Order.SourceTime = x.changed
					return a, nil
				}
			})
			w.ok(w.Bury(w.ctx, []ledger.DeadLetter{{Subject: "husk.events.cosmic.rh-ortho", Type: "text/plain", Data: []byte("event"), Received: x.came}}))
			w.at(erased)
			if _, err := w.Erase(w.ctx, ledger.Erasing{Person: w.person(1), Unknown: true}); err != nil {
				t.Fatal(err)
			}
			w.at(erased.AddDate(0, 0, 1))
			ds, err := w.DeadLetters(w.ctx)
			w.ok(err)
			w.is(w.Replay(w.ctx, ds[0].ID), x.want)
			if n := len(back); (n == 0) != (x.want != nil) || (n == 1 && !back[0].Received.Equal(x.came)) {
				t.Errorf("put back %+v", back)
			}
			_, err = w.DeadLetter(w.ctx, ds[0].ID)
			w.is(err, journal.ErrNotFound)
		})
	}
}

// A dead letter that does not tell when its event came is as old as itself.
func TestDeadLetterWithoutATime(t *testing.T) {
	t.Parallel()
	var back []ledger.DeadLetter
	w := newWorld(t, func(o *ledger.Options) {
		o.Republish = func(_ context.Context, d ledger.DeadLetter) error { back = append(back, d); return nil }
	})
	w.ok(w.Bury(w.ctx, []ledger.DeadLetter{{Subject: "husk.events.cosmic.rh-ortho", Data: []byte("event")}}))
	w.at(noon.AddDate(0, 0, 1))
	ds, err := w.DeadLetters(w.ctx)
	w.ok(err)
	w.ok(w.Replay(w.ctx, ds[0].ID))
	if !ds[0].Received.Equal(noon) || !back[0].Received.Equal(noon) {
		t.Errorf("listed as of %v, put back as of %v, want %v", ds[0].Received, back[0].Received, noon)
	}
}
