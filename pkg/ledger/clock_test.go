package ledger_test

import (
	"errors"
	"testing"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// While the clock can't be relied on nothing is done that depends on the time, and what must never wait is done.
func TestClockThatCantBeReliedOn(t *testing.T) {
	errMoved := errors.New("moved")
	var moved error
	w := newWorld(t, func(o *ledger.Options) { o.Steady = func() error { return moved } })
	w.accept(w.appointment(1))
	w.at(noon.AddDate(0, 0, 9)) // one is due
	moved = errMoved
	before, end := w.dump(), w.now()
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, ledger.ErrClock) || !errors.Is(err, errMoved) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("steady", w.Steady())
	_, err := w.Accept(w.ctx, []reminder.Appointment{w.appointment(2)})
	refused("accept", err)
	_, err = w.Lease(w.ctx, "sms", end, 10)
	refused("lease", err)
	_, err = w.Previews(w.ctx, end, 0, nil, 10)
	refused("previews", err)
	refused("intend", w.Intend(w.ctx, []receipt.Intent{{}}))
	refused("expire", w.Rule(w.ctx, []receipt.Verdict{{Status: receipt.Denied}, {Status: receipt.Expired}}))
	w.at(noon.AddDate(1, 0, 0))
	_, err = w.SweepExpired(w.ctx)
	refused("sweep of what is useless", err)
	_, err = w.SweepRemembered(w.ctx)
	refused("sweep of what is far away", err)
	refused("sweep of what is old", w.SweepRetention(w.ctx))
	w.wantDump(w.dump(), before)

	stop := reminder.NewAddress(reminder.SMS, "+4520123456")
	w.ok(w.Stop(w.ctx, stop, "test"))
	if !w.barred(stop) {
		t.Error("a STOP waits for the clock")
	}

	moved = nil
	w.at(noon.AddDate(0, 0, 9))
	w.ok(w.Steady())
	if ls := w.lease(10); len(ls) != 1 {
		t.Errorf("%d are due when the clock is right again, want what was", len(ls))
	}
}
