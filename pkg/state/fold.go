package state

import (
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Apply folds one change of this person and returns the reminders it touched. It is pure: both stores use it, and the
// same entries in the same order give the same Person. A change that does not take effect (an older plan, a second
// claim on an attempt, a repeated record) touches nothing.
func (p *Person) Apply(c Change) []reminder.ID {
	f := fold{Person: p, at: c.At}
	switch b := c.Body.(type) {
	case Planned:
		f.planned(c.Seq, b)
	case Owned:
		f.owned(b)
	case Erased:
		f.erased(c.Stream, b)
	case Merged:
		f.merged(b)
	case consent.Record:
		if p.void(b.EventTime) || (p.Into != "" && isYes(b)) {
			return nil
		}
		for _, r := range p.Consent {
			if r.ID == b.ID {
				return nil
			}
		}
		p.Consent = append(p.Consent, b)
		p.Version++
	case Contact:
		if p.void(b.EventTime) || (p.Into != "" && !b.IsBad()) {
			return nil
		}
		for _, r := range p.Contact {
			if r.ID == b.ID {
				return nil
			}
		}
		p.Contact = append(p.Contact, b)
		p.Version++
	case receipt.Intent:
		f.intent(b)
	case receipt.Outcome:
		f.settle(b)
	case receipt.Report:
		f.report(b)
	case receipt.Verdict:
		f.verdict(b)
	case receipt.Preview:
		r := p.Reminders[b.Reminder]
		switch {
		case r == nil || !f.current(r, b.Version):
		case b.Again:
			r.Previewed, r.Late, r.Letter = false, false, ""
		case b.Undecided:
			r.Previewed, r.Letter = false, b.Reason
		default:
			r.Previewed, r.Late, r.Letter = true, r.Late || b.Late, b.Reason
		}
	case Letter:
		f.letter(b)
	case Trim:
		f.trim(b.Before)
	}
	return f.touched
}

// fold is one Apply at work.
type fold struct {
	*Person
	at      time.Time
	touched []reminder.ID
}

// to moves a reminder to a status.
func (f *fold) to(id reminder.ID, r *Reminder, s receipt.Status) {
	r.Status, r.Since = s, f.at
	f.touched = append(f.touched, id)
}

// current reports whether version is the version of the plan that r belongs to; 0 asks nothing.
func (f *fold) current(r *Reminder, version uint64) bool {
	if version == 0 {
		return true
	}
	a := f.Appointments[r.Appointment]
	return a != nil && a.Version == version
}

func (f *fold) planned(seq uint64, b Planned) {
	key := b.Plan.Appointment
	a := f.Appointments[key]
	if a != nil && !b.Plan.Order.Newer(a.Order) && !f.resumes(a, b.Plan) {
		return
	}
	if !f.Cut.IsZero() && !b.Plan.PlannedAt.After(f.Cut) {
		return // said before the person was erased
	}
	tag := b.Plan.StartTag
	if b.Plan.Status == plan.Cancelled {
		tag = cancelledTag
	}
	if f.Appointments == nil {
		f.Appointments = map[reminder.AppointmentKey]*Appointment{}
	}
	if f.Reminders == nil { // also in a snapshot of a person without reminders
		f.Reminders = map[reminder.ID]*Reminder{}
	}
	if a == nil {
		a = &Appointment{First: seq}
		f.Appointments[key] = a
	} else if a.Tag != tag {
		a.Changes++
	}
	a.Order, a.Seq, a.Status, a.Tag, a.Sealed, a.Ends = b.Plan.Order, seq, b.Plan.Status, tag, b.Sealed, b.Plan.Ends
	a.Version++
	a.Notice = b.Plan.Notice
	if b.Plan.Status != plan.Single { // a booking system says something of the person
		f.flags(b)
	}

	wanted := make(map[reminder.ID]bool, len(b.Plan.Reminders))
	for _, w := range b.Plan.Reminders {
		wanted[w.ID] = true
	}
	f.drop(key, func(id reminder.ID, r *Reminder) bool {
		// A plan never names what was due when it was made; what tells the same start and waits still is as wanted as before.
		waits := r.Tag == tag && !r.Due.After(b.Plan.PlannedAt) && b.Plan.Status == plan.Booked
		return r.Purpose == reminder.Remind && !wanted[id] && !waits
	})
	f.mended(key, wanted, tag)
	f.forget(key)
	for _, w := range b.Plan.Reminders {
		r := f.Reminders[w.ID]
		if r == nil {
			r = &Reminder{Appointment: key, Rule: w.Rule, Purpose: w.Purpose, Tag: tag}
			f.Reminders[w.ID] = r
			if b.Plan.Status == plan.Single { // there is no letter in its place: nobody asks the gate ahead
				r.Previewed, r.Late = true, true
			}
			f.to(w.ID, r, receipt.Planned)
		}
		r.Dropped = false
		switch r.Status {
		case receipt.Cancelled, receipt.Held:
			r.clean()
			r.Previewed, r.Late, r.Letter = false, false, ""
			f.to(w.ID, r, receipt.Planned)
			fallthrough
		case receipt.Planned:
			r.Due, r.Expires, r.Route = w.Due, w.Expires, w.Route
			r.Retry = time.Time{}
			f.touched = append(f.touched, w.ID)
		}
	}
	f.notice(key, a)
}

// resumes reports whether b is the plan, made later, of the very event that was remembered.
func (f *fold) resumes(a *Appointment, b plan.Plan) bool {
	return a.Status == plan.Remembered && b.Status != plan.Remembered && !a.Order.Newer(b.Order)
}

// mended lets reminders that were held for their text, and were due when this plan was made, be tried again: the event may
// have mended the value. What a restored journal held may have left, and stays held.
func (f *fold) mended(key reminder.AppointmentKey, wanted map[reminder.ID]bool, tag string) {
	for id, r := range f.Reminders {
		if r.Appointment == key && r.Status == receipt.Held && r.Tag == tag && !wanted[id] && r.Reason != Restored && f.at.Before(r.Expires) {
			r.clean()
			f.to(id, r, receipt.Planned)
		}
	}
}

// forget ends the releases of an appointment's reminders: what was let pass was in the message of an older plan.
func (f *fold) forget(key reminder.AppointmentKey) {
	for _, r := range f.Reminders {
		if r.Appointment == key {
			r.Release = nil
		}
	}
}

// flags keeps what the booking system says of the person; the newest event of a system counts.
func (f *fold) flags(b Planned) {
	if b.Plan.Order.Sequence >= f.SealedOrder {
		f.Sealed, f.SealedOrder, f.SealedEnds = b.Sealed, b.Plan.Order.Sequence, b.Plan.Ends
	}
	old, ok := f.Flags[b.System]
	said := reminder.Order{SourceTime: b.Plan.Order.SourceTime, Sequence: b.Plan.Order.Sequence}
	if ok && (reminder.Order{SourceTime: old.AsOf, Sequence: old.Order}).Newer(said) {
		return
	}
	if f.Flags == nil {
		f.Flags = map[string]Flags{}
	}
	f.Flags[b.System] = Flags{Order: b.Plan.Order.Sequence, AsOf: b.Plan.Order.SourceTime, Protected: b.Protected, Deceased: b.Deceased, Ends: b.Plan.Ends}
	if !ok || old.Protected != b.Protected || old.Deceased != b.Deceased {
		f.Version++
	}
}

// drop takes back the reminders of an appointment that unwanted names: what waits is cancelled, what has an open attempt
// is not tried again.
func (f *fold) drop(key reminder.AppointmentKey, unwanted func(reminder.ID, *Reminder) bool) {
	for id, r := range f.Reminders {
		if r.Appointment != key || !unwanted(id, r) {
			continue
		}
		switch r.Status {
		case receipt.Planned, receipt.Held:
			f.to(id, r, receipt.Cancelled)
		case receipt.Intended:
			r.Dropped = true
		}
	}
}

// notice makes the changed or cancelled notice that an appointment now needs, and takes back those it no longer does:
// the person was told of a time, and it is not the time any more.
func (f *fold) notice(key reminder.AppointmentKey, a *Appointment) {
	if a.Status == plan.Single {
		return // there is no time to tell
	}
	needed := a.Told != "" && a.Told != a.Tag && a.Status != Taken && a.Status != Forgotten
	f.drop(key, func(_ reminder.ID, r *Reminder) bool {
		return r.Purpose != reminder.Remind && (!needed || r.Tag != a.Tag)
	})
	if !needed || a.Notice.IsZero() {
		return
	}
	purpose := reminder.Changed
	if a.Tag == cancelledTag {
		purpose = reminder.Cancel
	}
	id := reminder.NoticeID(key, purpose, a.Changes)
	r := f.Reminders[id]
	if r == nil {
		r = &Reminder{Appointment: key, Purpose: purpose, Tag: a.Tag, Status: receipt.Cancelled}
		f.Reminders[id] = r
	}
	r.Dropped = false
	if r.Status == receipt.Cancelled {
		n := a.Notice.Before(f.told(key, a), f.at)
		r.Due, r.Expires, r.Route, r.Retry = n.Due, n.Expires, n.Route, time.Time{}
		f.to(id, r, receipt.Planned)
	}
}

// told is the start that the person was told, zero when it can't be known from what is folded.
func (f *fold) told(key reminder.AppointmentKey, a *Appointment) time.Time {
	var start time.Time
	for _, r := range f.Reminders {
		if r.Appointment != key || r.Tag != a.Told {
			continue
		}
		end := r.Expires
		if r.Purpose == reminder.Remind {
			end = end.Add(plan.ExpireBefore) // of the last reminder, that is; an earlier one ends with the next
		}
		if r.Purpose != reminder.Cancel && end.After(start) {
			start = end
		}
	}
	return start
}

// owned takes an appointment away, also under the order that it is held by: two persons may have been given it under one.
func (f *fold) owned(b Owned) {
	a := f.Appointments[b.Appointment]
	if a == nil || a.Order.Newer(b.Order) || (a.Status == Taken && !b.Order.Newer(a.Order)) {
		return
	}
	a.Order, a.Status, a.Tag = b.Order, Taken, cancelledTag
	a.Version++
	f.drop(b.Appointment, func(reminder.ID, *Reminder) bool { return true })
}

// letter takes down who has seen to an appointment's letter or call, if it still is as it was seen.
func (f *fold) letter(b Letter) {
	a := f.Appointments[b.Appointment]
	if a == nil || a.Tag != b.Tag || a.Told != b.Told {
		return
	}
	a.Seen = nil
	if !b.Undone {
		a.Seen = &Seen{By: b.By, At: f.at, Tag: b.Tag, Told: b.Told}
	}
}

// Releasable reports whether the reminder is held for nothing but findings that an approver may let pass.
func (r *Reminder) Releasable() bool {
	return r.Status == receipt.Held && len(r.Findings) > 0 && !slices.ContainsFunc(r.Findings, func(x reminder.Finding) bool { return !x.Releasable })
}

// clean forgets why the reminder was held.
func (r *Reminder) clean() { r.Reason, r.Template, r.Findings, r.Release = "", "", nil, nil }

// trim forgets appointments that ended before before, with their reminders, unless an attempt is still open.
func (f *fold) trim(before time.Time) {
	open := map[reminder.AppointmentKey]bool{}
	for _, r := range f.Reminders {
		if !r.ended() {
			open[r.Appointment] = true
		}
	}
	gone := func(key reminder.AppointmentKey) bool {
		a := f.Appointments[key]
		return a != nil && !open[key] && !a.Ends.IsZero() && a.Ends.Before(before)
	}
	for id, r := range f.Reminders {
		if gone(r.Appointment) {
			delete(f.Reminders, id)
			f.touched = append(f.touched, id)
		}
	}
	for key := range f.Appointments {
		if gone(key) {
			delete(f.Appointments, key)
		}
	}
	// What was said of the person with an appointment ends with it, the sealed appointment too; not while an older one is
	// still open, whose entries the journal keeps.
	for _, a := range f.Appointments {
		if a.Ends.Before(before) {
			before = a.Ends
		}
	}
	if f.SealedEnds.Before(before) {
		f.Sealed, f.SealedOrder, f.SealedEnds = nil, 0, time.Time{}
	}
	for system, said := range f.Flags {
		if said.Ends.Before(before) {
			delete(f.Flags, system)
			f.Version++
		}
	}
}
