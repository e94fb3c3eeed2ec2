package statetest

import (
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// settledByHand: what somebody says of a doubt settles it until the carrier answers, never sends again, and settles nothing else.
func settledByHand(w *world) {
	p, q := person(1), person(2)
	said := func(i receipt.Intent, s receipt.Status) receipt.Outcome {
		o := outcome(i, s)
		o.Code, o.By = receipt.ByHand, "karen"
		return o
	}
	want := func(p reminder.PersonKey, i receipt.Intent, s receipt.Status, code, by string) {
		w.Helper()
		w.ok(w.View(w.ctx, p, func(p *state.Person) error {
			r := p.Reminders[i.Reminder]
			if t := r.Attempts[0]; r.Status != s || t.Status != s || t.Code != code || t.By != by {
				w.Errorf("%s, its attempt %s %q by %q: want %s %q by %q", r.Status, t.Status, t.Code, t.By, s, code, by)
			}
			return nil
		}))
	}
	_, i, c := w.ready(p, 1)
	_, k, d := w.ready(q, 2)
	w.ok(w.confirm(c))
	w.ok(w.confirm(d))
	w.fold(p, said(i, receipt.Rejected)) // it is on its way, not in doubt
	want(p, i, receipt.Intended, "", "")
	w.wantMarks(address(1), 1)

	w.fold(p, outcome(i, receipt.Unknown), said(i, receipt.Rejected))
	want(p, i, receipt.Rejected, receipt.ByHand, "karen")
	w.fold(p, said(i, receipt.Accepted)) // a slip, mended
	want(p, i, receipt.Accepted, receipt.ByHand, "karen")
	w.fold(p, said(i, receipt.Rejected))
	if pending, err := w.Pending(w.ctx, noon.AddDate(1, 0, 0)); err != nil || pending.Due != 0 {
		w.Errorf("%+v are due of what somebody says did not leave: %v", pending, err)
	}
	w.fold(p, receipt.Report{Claim: i.Claim, Person: p, Status: receipt.Delivered})
	want(p, i, receipt.Delivered, "", "")
	w.fold(p, said(i, receipt.Rejected)) // the carrier has spoken
	want(p, i, receipt.Delivered, "", "")

	w.fold(q, outcome(k, receipt.Accepted), said(k, receipt.Rejected))
	want(q, k, receipt.Accepted, "", "")
}

// letters: who has written or rung has done so for the appointment as it was.
func letters(w *world) {
	p, x := person(1), appointment(1)
	seen := func() (by string) {
		w.Helper()
		w.ok(w.View(w.ctx, p, func(p *state.Person) error {
			if a := p.Appointments[x]; a.SeenTo() {
				by = a.Seen.By
			}
			return nil
		}))
		return by
	}
	w.fold(p, booked(x, p, 1, "A", noon.Add(time.Hour)), state.Letter{Appointment: x, Tag: "B", By: "ole"})
	if seen() != "" {
		w.Error("seen to with a start that it has not")
	}
	w.fold(p, state.Letter{Appointment: appointment(2), Tag: "A", By: "ole"}, state.Letter{Appointment: x, Tag: "A", By: "karen"})
	if seen() != "karen" {
		w.Errorf("seen to by %q", seen())
	}
	w.fold(p, state.Letter{Appointment: x, Tag: "A", By: "ole", Undone: true})
	if seen() != "" {
		w.Error("not taken back")
	}
	w.fold(p, state.Letter{Appointment: x, Tag: "A", By: "karen"}, booked(x, p, 2, "B", noon.Add(2*time.Hour)))
	if seen() != "" {
		w.Error("seen to although it was moved since")
	}
}
