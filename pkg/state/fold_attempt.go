package state

import (
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// intent keeps the first claim on the reminder's next attempt, if the plan it was made under still stands.
func (f *fold) intent(b receipt.Intent) {
	r := f.Reminders[b.Reminder]
	if r == nil || r.Status != receipt.Planned || b.Attempt != r.NextAttempt() || !f.current(r, b.Version) {
		return
	}
	r.Attempts = append(r.Attempts, Attempt{Intent: b, At: f.at, Status: receipt.Intended})
	r.Sealed = f.Appointments[r.Appointment].Sealed
	f.to(b.Reminder, r, receipt.Intended)
}

// settle takes an outcome to its attempt.
func (f *fold) settle(b receipt.Outcome) {
	r := f.Reminders[b.Reminder]
	if r == nil {
		return
	}
	for i := range r.Attempts {
		t := &r.Attempts[i]
		if t.Claim != b.Claim {
			continue
		}
		taken := t.Status == receipt.Intended && t.CarrierID != "" // its carrier said so before its answer was journalled
		named := b.By == "" && t.named(b)
		was := t.stands()
		next, moved := receipt.Follow(was, b.Status)
		if moved && b.By == "" && (next == receipt.Accepted || next == receipt.Unknown || receipt.Unbegun(next)) {
			if s := receipt.Merge(t.ids(), t.Words); s != "" { // it was reported before its carrier's answer was journalled
				next = s
			} else if taken {
				next = receipt.Accepted
			}
		}
		if !moved || b.By != "" && was != receipt.Unknown {
			if named {
				f.touched = append(f.touched, b.Reminder)
			}
			return
		}
		if b.Code != "" || t.By != "" || receipt.Unbegun(was) {
			t.Code = b.Code
		}
		t.Reached = t.Reached || was == receipt.Delivered
		t.Status, t.Settled, t.By = next, f.at, b.By
		if next == receipt.Rejected && b.Fault != "" {
			t.fail(b.Fault, f.at, time.Time{}, true)
		}
		switch of := r.decisive(); {
		case t == of || t == r.last():
			f.settled(b.Reminder, r, of, was, b.Retry)
		case named:
			f.touched = append(f.touched, b.Reminder)
		}
		return
	}
}

// stands is where the attempt stands for what its carrier says: what somebody said of a doubt leaves it open to the carrier.
func (t *Attempt) stands() receipt.Status {
	if t.By != "" {
		return receipt.Unknown
	}
	return t.Status
}

// decisive is the attempt that says where a reminder stands: the newest, but an older one when the newest did not leave, and the older
// did after all.
func (r *Reminder) decisive() *Attempt {
	var rejected *Attempt
	for i := len(r.Attempts) - 1; i >= 0; i-- {
		switch t := &r.Attempts[i]; {
		case receipt.Unbegun(t.Status):
		case t.Status != receipt.Rejected:
			return t
		case rejected == nil:
			rejected = t
		}
	}
	if rejected != nil {
		return rejected
	}
	return r.last()
}

// settled moves a reminder with its decisive attempt; was is where the one stood that has moved.
func (f *fold) settled(id reminder.ID, r *Reminder, t *Attempt, was receipt.Status, retry time.Time) {
	r.Reason = ""
	now := t.Status
	if receipt.Unbegun(now) {
		switch {
		case r.Dropped:
			f.to(id, r, receipt.Cancelled)
		case now == receipt.Refused && r.refusals() >= receipt.MaxAttempts:
			r.Reason = "attempts"
			f.to(id, r, receipt.Rejected)
		default:
			r.Retry = retry
			f.to(id, r, receipt.Planned)
		}
		return
	}
	late := receipt.Unbegun(was) // the reminder waits for another attempt, or has ended without one
	if late {
		r.clean()
		r.Retry = time.Time{}
	}
	r.Reason = t.Code
	f.to(id, r, now)
	if was != receipt.Intended && !late {
		return
	}
	if now == receipt.Rejected && len(r.Attempts) > 1 {
		return // an older attempt may be said to have left yet
	}
	sealed := r.Sealed
	r.Sealed = nil
	if now == receipt.Rejected {
		return
	}
	// Accepted, delivered, or perhaps: from now on the person has been told of this time. Of what is heard late, or of an attempt that
	// another followed, they may have been told something else since.
	a := f.Appointments[r.Appointment]
	old := late || t != r.last()
	if a != nil && a.Status != Forgotten && a.Status != plan.Single && (!old || a.Told == "" || !f.toldSince(r.Appointment, t.At)) {
		a.Told, a.ToldOf = r.Tag, sealed
		f.notice(r.Appointment, a)
	}
}

// toldSince reports whether a message about an appointment that was intended after at has left, or may have.
func (f *fold) toldSince(key reminder.AppointmentKey, at time.Time) bool {
	for _, r := range f.Reminders {
		if r.Appointment == key && slices.ContainsFunc(r.Attempts, func(t Attempt) bool { return t.At.After(at) && t.left() }) {
			return true
		}
	}
	return false
}

// left reports whether the attempt's message has left, or may have, as far as its carrier has answered.
func (t *Attempt) left() bool {
	return t.Status != receipt.Intended && t.Status != receipt.Rejected && !receipt.Unbegun(t.Status)
}

// Spared reports whether an outcome, after it was folded, leaves the person without the message: then it gives back what its attempt has
// taken from the frequency cap. What somebody says of a doubt gives nothing back.
func (p *Person) Spared(b receipt.Outcome) bool {
	if b.By != "" || b.Status != receipt.Rejected && !receipt.Unbegun(b.Status) {
		return false
	}
	if r := p.Reminders[b.Reminder]; r != nil {
		return !slices.ContainsFunc(r.Attempts, func(t Attempt) bool { return t.Claim == b.Claim && t.left() })
	}
	return true
}

func (r *Reminder) refusals() int {
	n := 0
	for _, t := range r.Attempts {
		if t.Status == receipt.Refused {
			n++
		}
	}
	return n
}

func (f *fold) verdict(b receipt.Verdict) {
	r := f.Reminders[b.Reminder]
	if r == nil || !f.current(r, b.Version) {
		return
	}
	// Of what is held a clerk may cancel all.
	free := b.Status == receipt.Expired || b.Status == receipt.Cancelled
	switch {
	case r.Status == receipt.Held && b.Status == receipt.Planned:
		if r.Reason == Restored {
			r.clean()
			f.to(b.Reminder, r, receipt.Planned)
		} else if r.Releasable() && slices.Equal(b.Findings, r.Findings) {
			release := &reminder.Release{Template: r.Template}
			if r.Release != nil && r.Release.Template == r.Template {
				release.Findings = r.Release.Findings // let pass before; now something else was found
			}
			release.Findings = slices.Concat(release.Findings, r.Findings)
			r.clean()
			r.Release = release
			f.to(b.Reminder, r, receipt.Planned)
		}
	case r.Status == receipt.Planned || (r.Status == receipt.Held && free):
		r.Reason, r.Template, r.Findings = b.Decision.Reason, b.Template, b.Findings
		f.to(b.Reminder, r, b.Status)
	}
}
