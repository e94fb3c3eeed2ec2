package ledger_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// of is the day of an instant in Copenhagen, for every unit.
func of(now func() time.Time) func(string) (time.Time, time.Time) {
	zone, err := reminder.LoadZone("Europe/Copenhagen")
	if err != nil {
		panic(err)
	}
	return func(string) (time.Time, time.Time) {
		y, m, d := now().In(zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, zone), time.Date(y, m, d+1, 0, 0, 0, 0, zone)
	}
}

func TestDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := 1; n <= 4; n++ {
		w.accept(w.appointment(n, func(a *reminder.Appointment) {
			if n == 4 {
				a.Unit = "rh-eye"
			}
		}))
		w.known(w.person(n), reminder.NewAddress(reminder.SMS, fmt.Sprintf("+452000000%d", n)))
	}
	w.due()
	due := w.now()
	w.at(due.Add(5 * time.Minute))
	x := w.wire(number)
	w.settle(x, receipt.Accepted)
	w.ok(w.Report(w.ctx, receipt.Report{Claim: x.intent.Claim, Status: receipt.Delivered}))
	l := w.lease(1)[0]
	w.ok(w.Rule(w.ctx, []receipt.Verdict{{Reminder: l.Reminder, Person: l.Person, Version: l.Version, Status: receipt.Denied, Decision: receipt.Decision{Reason: "no_basis"}}}))
	w.ok(w.Done(w.ctx, l))
	day, err := w.Day(w.ctx, of(w.now))
	w.ok(err)
	all := ledger.Figures{Denied: map[string]int{}}
	for _, f := range day.Units {
		all.Due += f.Due
		all.Late += f.Late
		all.Waiting += f.Waiting
		all.HandedOver += f.HandedOver
		all.Delivered += f.Delivered
		all.Denied["no_basis"] += f.Denied["no_basis"]
		for i, h := range f.Hours {
			all.Hours[i].Due += h.Due
			all.Hours[i].HandedOver += h.HandedOver
		}
		if f.Late > 0 && !f.Oldest.Equal(due) {
			t.Errorf("the oldest is due %v, want %v", f.Oldest, due)
		}
	}
	from, _ := of(w.now)("")
	hour := int(due.Sub(from) / time.Hour)
	if all.Due != 4 || all.Late != 2 || all.Waiting != 2 || all.HandedOver != 1 || all.Delivered != 1 || all.Denied["no_basis"] != 1 || all.Hours[hour].Due != 4 || all.Hours[hour].HandedOver != 1 {
		t.Errorf("%+v", all)
	}
	if day.Units["rh-eye"] == nil || day.Units["rh-eye"].Due != 1 || day.Units["rh-ortho"].Due != 3 || day.Units["rh-ortho"].Shares["reminder sms"] != 3 {
		t.Errorf("%+v %+v", day.Units["rh-eye"], day.Units["rh-ortho"])
	}
	if r := day.Routes["sms"]; r == nil || r.Attempts[receipt.Delivered] != 1 || r.Status != receipt.Delivered || !r.Last.Equal(w.now()) {
		t.Errorf("%+v", r)
	}
	// For a few seconds the figures stay.
	w.settle(w.wire(number), receipt.Accepted)
	if again, err := w.Day(w.ctx, of(w.now)); err != nil || again.Units["rh-ortho"].HandedOver+again.Units["rh-eye"].HandedOver != 1 {
		t.Errorf("%+v, %v", again, err)
	}
}

// dayCounting is a state that counts how often everybody is gone through.
type dayCounting struct {
	state.State
	n atomic.Int32
}

func (c *dayCounting) Each(ctx context.Context, fn func(*state.Person) error) error {
	c.n.Add(1)
	time.Sleep(20 * time.Millisecond)
	return c.State.Each(ctx, fn)
}

// Fifty screens cost one counting.
func TestManyLookAtTheDay(t *testing.T) {
	t.Parallel()
	var c *dayCounting
	w := newWorld(t, func(o *ledger.Options) {
		c = &dayCounting{State: o.State}
		o.State = c
	})
	w.accept(w.appointment(1))
	c.n.Store(0)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 3 {
				if _, err := w.Day(w.ctx, of(w.now)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := c.n.Load(); n != 1 {
		t.Errorf("counted %d times", n)
	}
}
