package ledger_test

import (
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// While nobody took events in, a reminder fell due that had not been planned, and was never heard of.
func TestReminderThatFellDueWhileItsEventWaited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.appointment(1)
	w.accept(a)
	due := w.reminders(w.person(1))[receipt.Planned][0].Due
	w.at(due.Add(time.Hour))

	prompt, waited := w.appointment(2), w.appointment(3)
	waited.Came = due.Add(-time.Hour) // it came an hour before
	w.accept(prompt, waited)
	for name, x := range map[string]struct {
		a    reminder.Appointment
		want int
	}{"booked after it": {prompt, 1}, "booked before it": {waited, 2}} {
		vs := w.reminders(x.a.Person)
		if n := len(vs[receipt.Planned]) + len(vs[receipt.Due]); n != x.want {
			t.Errorf("%s: %d reminders, want %d", name, n, x.want)
		}
	}
}
