package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// ReminderView is a reminder as staff may see it: no name, no number, no address.
type ReminderView struct {
	ID       reminder.ID        `json:"id"`
	Person   reminder.PersonKey `json:"person"`
	System   string             `json:"system,omitempty"`
	Unit     string             `json:"unit,omitempty"` // "" when the person was erased or the appointment can't be read
	Purpose  reminder.Purpose   `json:"purpose"`
	Rule     string             `json:"rule,omitempty"`
	Start    time.Time          `json:"start,omitzero"`
	Due      time.Time          `json:"due"`
	Expires  time.Time          `json:"expires"`
	Route    string             `json:"route"`
	Status   receipt.Status     `json:"status"`
	Since    time.Time          `json:"since"`
	Reason   string             `json:"reason,omitempty"`
	Letter   string             `json:"letter,omitempty"` // why the gate would say no
	Attempts []AttemptView      `json:"attempts,omitempty"`
	Findings []reminder.Finding `json:"findings,omitempty"`

	Releasable bool `json:"releasable,omitempty"` // held for nothing but digits that nothing explains
}

// AttemptView is one attempt.
type AttemptView struct {
	Number    int              `json:"number"`
	Claim     string           `json:"claim"`
	Route     string           `json:"route"`
	Channel   reminder.Channel `json:"channel"`
	Status    receipt.Status   `json:"status"`
	Intended  time.Time        `json:"intended"`
	Settled   time.Time        `json:"settled,omitzero"`
	Template  string           `json:"template"`
	Code      string           `json:"code,omitempty"`
	CarrierID string           `json:"carrierId,omitempty"`
	Pack      string           `json:"pack,omitempty"`
	Basis     string           `json:"basis,omitempty"`
	By        string           `json:"by,omitempty"` // who settled it by hand; "" = the carrier, or nobody
}

// Filter chooses reminders. Zero fields choose all.
type Filter struct {
	ID     reminder.ID
	Person reminder.PersonKey
	Status receipt.Status // receipt.Due is a planned one whose time has come
	Unit   string
	Max    int
}

// Reminders lists reminders, the earliest due first. It holds no more than f.Max of them at a time, and of everybody's makes no more
// than two lists at once: ErrBusy when ctx has ended before its turn has come.
func (l *Ledger) Reminders(ctx context.Context, f Filter) ([]ReminderView, error) {
	best := &first[found]{most: f.Max, by: byDue}
	now := l.o.Now()
	collect := func(p *state.Person) error {
		for id, r := range p.Reminders {
			if x := viewOf(p, id, r, now); f.chooses(x.view, r) && best.takes(&x) && (f.Unit == "" || l.isOf(&x, f.Unit)) {
				x.view.Attempts = attemptsOf(r)
				best.add(x)
			}
		}
		return nil
	}
	var err error
	if f.Person != "" {
		err = l.o.State.View(ctx, f.Person, collect)
	} else {
		var leave func()
		if leave, err = l.scan(ctx); err != nil {
			return nil, err
		}
		defer leave()
		err = l.o.State.Each(ctx, collect)
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	out := []ReminderView{}
	for _, x := range best.sorted() {
		l.unsealed(&x)
		out = append(out, x.view)
	}
	return out, nil
}

// chooses reports whether the filter chooses a reminder, as far as can be told without its appointment.
func (f Filter) chooses(v ReminderView, r *state.Reminder) bool {
	return (f.ID == "" || v.ID == f.ID) && (f.Status == "" || f.Status == v.Status || f.Status == r.Status)
}

// viewOf is a reminder without its attempts, and without what its sealed appointment tells.
func viewOf(p *state.Person, id reminder.ID, r *state.Reminder, now time.Time) found {
	status := r.Status
	if status == receipt.Planned && !r.Due.After(now) {
		status = receipt.Due
	}
	x := found{view: ReminderView{
		ID: id, Person: p.Key, Purpose: r.Purpose, Rule: r.Rule, Due: r.Due, Expires: r.Expires, Route: r.Route, Status: status,
		Since: r.Since, Reason: r.Reason, Letter: r.Letter, Findings: r.Findings, Releasable: r.Releasable(),
	}}
	if a := p.Appointments[r.Appointment]; a != nil {
		x.sealed = a.Sealed
	}
	return x
}

func attemptsOf(r *state.Reminder) (out []AttemptView) {
	for _, t := range r.Attempts {
		out = append(out, AttemptView{
			Number: t.Attempt, Claim: t.Claim, Route: t.Route, Channel: t.Channel, Status: t.Status, Intended: t.At, Settled: t.Settled,
			Template: t.Template, Code: t.Code, CarrierID: t.CarrierID, Pack: t.Decision.Pack, Basis: t.Decision.Basis, By: t.By,
		})
	}
	return out
}

// isOf reports whether a reminder is of a unit, for which its appointment is unsealed.
func (l *Ledger) isOf(x *found, unit string) bool {
	l.unsealed(x)
	return x.view.Unit == unit
}

// unsealed fills in what the appointment tells, once.
func (l *Ledger) unsealed(x *found) {
	if x.opened {
		return
	}
	a, err := l.openAppointment(x.view.Person, x.sealed)
	if err != nil && !errors.Is(err, journal.ErrErased) {
		l.steppedOver("the appointment of a reminder can't be read", err, zap.String("reminder", string(x.view.ID)))
	}
	x.view.System, x.view.Unit, x.view.Start = a.System, a.Unit, a.Start
	x.sealed, x.opened = nil, true
}

// Letter is an appointment that its patient will not hear of, or was told wrongly of, by message: a letter, or where
// there is no time a call.
type Letter struct {
	ID          reminder.AppointmentKey `json:"id"`
	Person      reminder.PersonKey      `json:"person"`
	System      string                  `json:"system"`
	Appointment string                  `json:"appointment"` // the booking system's id
	Unit        string                  `json:"unit"`
	Start       time.Time               `json:"start"`
	Call        bool                    `json:"call"` // the patient was told something that is no longer so
	Reason      string                  `json:"reason"`
	Provisional bool                    `json:"provisional"` // nothing would be sent today; the reminder is not due yet
}

// UnknownUnit is a letter's reason: something waits to be sent, or to be planned, and the unit directory does not have the
// unit any more. Nothing is sent for it until it does.
const UnknownUnit = "unknown_unit"

// LetterFilter chooses letters. Zero fields choose all.
type LetterFilter struct {
	Unit   string
	Reason string // exactly this one, such as UnknownUnit
	Max    int    // the soonest alone, at most so many
}

// Letters is a part of the letter list.
type Letters struct {
	Letters []Letter `json:"letters"`        // the soonest start first
	Left    int      `json:"left,omitempty"` // so many more begin after these
}

// Letters lists what the clinic must write or ring about. Appointments that are over are not on it. It holds no more than f.Max at a
// time, and counts what it leaves. known says whether the unit directory has a unit; nil is a directory that has all. What can't be
// read is stepped over. No more than two lists of everybody's are made at once: ErrBusy when ctx has ended before its turn has come.
func (l *Ledger) Letters(ctx context.Context, f LetterFilter, known func(unit string) bool) (Letters, error) {
	leave, err := l.scan(ctx)
	if err != nil {
		return Letters{}, err
	}
	defer leave()
	now := l.o.Now()
	best, all := &first[Letter]{most: f.Max, by: byStart, held: []Letter{}}, 0
	err = l.o.State.Each(ctx, func(p *state.Person) error {
		for key, a := range p.Appointments {
			if !a.Ends.IsZero() && !a.Ends.After(now) {
				continue // it began before that
			}
			x, listed, waits := letterOf(p, key, a)
			if !listed && (!waits || known == nil) {
				continue
			}
			if l.letter(&x, key, a.Sealed) && (f.Unit == "" || x.Unit == f.Unit) && x.Start.After(now) {
				if waits && known != nil && !known(x.Unit) {
					listed, x.Reason, x.Provisional = true, UnknownUnit, true
				}
				if !listed || (f.Reason != "" && x.Reason != f.Reason) {
					continue
				}
				all++
				if best.takes(&x) {
					best.add(x)
				}
			}
		}
		return nil
	})
	if err != nil {
		return Letters{}, fmt.Errorf("ledger: %w", err)
	}
	out := best.sorted()
	return Letters{out, all - len(out)}, nil
}

// letter fills in what the sealed appointment tells; false when it can't be read.
func (l *Ledger) letter(x *Letter, key reminder.AppointmentKey, sealed []byte) bool {
	a, err := l.openAppointment(x.Person, sealed)
	if err != nil && !errors.Is(err, journal.ErrErased) {
		l.steppedOver("the appointment of a letter can't be read", err, zap.String("appointment", string(key)))
	}
	x.System, x.Appointment, x.Unit, x.Start = a.System, a.ID, a.Unit, a.Start
	return err == nil
}

// letterOf decides whether an appointment needs a letter or a call. Told the current time, it needs none, unless the
// telling is in doubt. waits says that something is still to be planned or sent, for which its unit is needed.
func letterOf(p *state.Person, key reminder.AppointmentKey, a *state.Appointment) (x Letter, listed, waits bool) {
	x = Letter{ID: key, Person: p.Key, Call: a.Told != "" && a.Told != a.Tag}
	if a.Status == plan.Single {
		return x, false, false // whoever asked for it was told
	}
	if a.SeenTo() {
		return x, false, false // somebody has written or rung
	}
	waits = a.Status == plan.Remembered
	if a.Told == "" && !a.Wanted() {
		return x, false, waits // cancelled, given to another, or not planned yet: nobody was told, nobody needs to be
	}
	pending := false
	for _, r := range p.Reminders {
		if r.Appointment != key || r.Tag != a.Tag {
			continue
		}
		switch r.Status {
		case receipt.Accepted, receipt.Delivered:
			return x, false, false
		case receipt.Planned, receipt.Intended:
			waits = waits || r.Status == receipt.Planned
			if r.Letter == "" {
				pending = true
			} else if x.Reason == "" {
				x.Reason, x.Provisional = r.Letter, true
			}
		case receipt.Denied, receipt.Held, receipt.Undelivered, receipt.Unknown, receipt.Rejected, receipt.Expired:
			x.Reason, x.Provisional = string(r.Status), false
			if r.Reason != "" {
				x.Reason += ": " + r.Reason
			}
		}
	}
	if x.Reason == "" && x.Call && !pending {
		x.Reason = "no notice possible"
	}
	return x, x.Reason != "" && (x.Call || !pending), waits
}

// Status is the line at a glance.
type Status struct {
	Counts    map[receipt.Status]int `json:"counts"`
	Due       int                    `json:"due"`
	Leased    int                    `json:"leased"`
	NextDue   time.Time              `json:"nextDue,omitzero"`
	Stopped   map[string]string      `json:"stopped,omitempty"`
	Certified bool                   `json:"certified"`
	Time      time.Time              `json:"time"`
}

// Status counts.
func (l *Ledger) Status(ctx context.Context) (Status, error) {
	now := l.o.Now()
	counts, err := l.o.State.Counts(ctx)
	if err != nil {
		return Status{}, fmt.Errorf("ledger: %w", err)
	}
	pending, err := l.o.State.Pending(ctx, now)
	if err != nil {
		return Status{}, fmt.Errorf("ledger: %w", err)
	}
	stopped, err := l.o.State.Switches(ctx)
	if err != nil {
		return Status{}, fmt.Errorf("ledger: %w", err)
	}
	return Status{
		Counts: counts, Due: pending.Due, Leased: pending.Leased, NextDue: pending.Next, Stopped: stopped,
		Certified: l.o.State.Certified(ctx) == nil, Time: now,
	}, nil
}
