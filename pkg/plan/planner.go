package plan

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// The rules of time that hold for every unit.
const (
	// ExpireBefore is how long before the start a reminder is of no use any more.
	ExpireBefore = 2 * time.Hour
	// DeadlineLead is how long before the unit's cancellation deadline a reminder goes at the latest.
	DeadlineLead = 24 * time.Hour
	// MinGap is the least time between two reminders of one appointment.
	MinGap = 12 * time.Hour
	// NoticeLead is how long before the start a changed or cancelled notice should be there. One that can wait for the
	// send window and still be so early waits; any other goes at once, at any hour.
	NoticeLead = reminder.NoticeLead
	// DefaultHorizon is how far ahead reminders are planned when Options says nothing.
	DefaultHorizon = 180 * 24 * time.Hour
	// MinHorizon leaves room for the longest rule a unit may have, and for moving it earlier.
	MinHorizon = 120 * 24 * time.Hour
)

var (
	// ErrUnknownUnit says that the unit directory does not have the appointment's unit: the event is a dead letter until
	// it does.
	ErrUnknownUnit = errors.New("plan: the unit is not in the unit directory: add it there, then replay the event")
	// ErrIncomplete says that the appointment lacks key, person, status or start: a fault of the decoder.
	ErrIncomplete = errors.New("plan: appointment without key, person, status or start")
)

// Units finds a unit by its id; *reminder.Directory is one.
type Units interface {
	Unit(id string) (reminder.Unit, bool)
}

// Options are what a Planner needs.
type Options struct {
	Units      Units
	Pseudonyms reminder.Pseudonyms
	Horizon    time.Duration // how far ahead to plan; 0 = DefaultHorizon, at least MinHorizon
}

// Planner plans. It is safe for concurrent use.
type Planner struct {
	units      Units
	pseudonyms reminder.Pseudonyms
	horizon    time.Duration
}

// New checks the options.
func New(o Options) (*Planner, error) {
	if o.Units == nil {
		return nil, errors.New("plan: no unit directory")
	}
	if o.Pseudonyms.IsZero() {
		return nil, errors.New("plan: no pseudonym key")
	}
	if o.Horizon == 0 {
		o.Horizon = DefaultHorizon
	}
	if o.Horizon < MinHorizon {
		return nil, fmt.Errorf("plan: horizon %v: want at least %v, the longest rule and some room", o.Horizon, MinHorizon)
	}
	return &Planner{units: o.Units, pseudonyms: o.Pseudonyms, horizon: o.Horizon}, nil
}

// Plan is the wanted set of a's reminders as of now. Errors: ErrUnknownUnit, ErrIncomplete. A cancelled appointment of
// an unknown unit is planned all the same: nothing may stay pending because a unit has left the directory.
func (p *Planner) Plan(a reminder.Appointment, now time.Time) (Plan, error) {
	if a.Key == "" || a.Person == "" || a.Start.IsZero() || (a.Status != reminder.Booked && a.Status != reminder.Cancelled) {
		return Plan{}, ErrIncomplete
	}
	out := Plan{
		Appointment: a.Key, Person: a.Person, Order: a.Order, PlannedAt: now.UTC(),
		Ends: a.Start.Add(a.Length).UTC().Truncate(24 * time.Hour).Add(24 * time.Hour),
	}
	u, known := p.units.Unit(a.Unit)
	if a.Status == reminder.Cancelled {
		out.Status = Cancelled
		out.Notice = notice(u, a.Start, now)
		return out, nil
	}
	if !known {
		return Plan{}, ErrUnknownUnit
	}
	out.Status = Booked
	out.StartTag = p.pseudonyms.StartTag(a.Key, a.Start)
	out.Notice = notice(u, a.Start, now)
	if a.Start.Sub(now) > p.horizon {
		out.Status = Remembered
		return out, nil
	}
	wanted, err := p.wanted(u, a)
	if err != nil {
		return Plan{}, err
	}
	out.Reminders = slices.DeleteFunc(wanted, func(w Wanted) bool { return !w.Due.After(now) })
	return out, nil
}

// wanted are all reminders of a, whenever it was booked, the earliest first.
func (p *Planner) wanted(u reminder.Unit, a reminder.Appointment) ([]Wanted, error) {
	l, err := reminder.LoadZone(u.Zone)
	if err != nil {
		return nil, err
	}
	start := a.Start.In(l)
	latest := start
	if u.Deadline > 0 {
		latest = before(before(start, u.Deadline), DeadlineLead)
	}
	expires := a.Start.Add(-ExpireBefore).UTC()
	var all []Wanted
	for _, r := range u.RulesFor(a.Kind) {
		due := before(start, r.Before)
		if due.After(latest) {
			due = latest
		}
		due, ok := moveEarlier(u, due)
		if !ok || !due.Before(expires) {
			continue
		}
		all = append(all, Wanted{
			ID: p.pseudonyms.Reminder(a.Key, r.Name, a.Start), Rule: r.Name, Purpose: reminder.Remind,
			Due: due.UTC(), Expires: expires, Route: route(u),
		})
	}
	return apart(all), nil
}

// apart leaves out what is less than MinGap before another; it sorts by Due. Of equal ones the first in the rules' order
// goes and the last stays. Each expires when the next is due, so that after an outage a patient gets one message and not
// all at once.
func apart(all []Wanted) []Wanted {
	slices.SortStableFunc(all, func(a, b Wanted) int { return a.Due.Compare(b.Due) })
	var kept []Wanted
	for _, w := range slices.Backward(all) {
		if len(kept) == 0 || kept[len(kept)-1].Due.Sub(w.Due) >= MinGap {
			kept = append(kept, w)
		}
	}
	slices.Reverse(kept)
	for i := range len(kept) - 1 {
		kept[i].Expires = kept[i+1].Due
	}
	return kept
}

// before is d before t on t's clocks: whole days are calendar days at the same local time, the rest is elapsed time.
func before(t time.Time, d time.Duration) time.Time {
	days := int(d / (24 * time.Hour))
	y, m, day := t.Date()
	h, minute, s := t.Clock()
	on, _ := reminder.LocalTime(y, m, day-days, h, minute, s, t.Location())
	return on.Add(-(d % (24 * time.Hour)))
}

// notice is when to tell of a change or a cancellation: at once inside the send window, else when it opens next, else, if
// that leaves less than NoticeLead before the start, when the hours begin next though the day be a weekend or holiday, else
// at once. The zero unit, unknown to the directory, has no window.
func notice(u reminder.Unit, start, now time.Time) Notice {
	if !start.After(now) {
		return Notice{}
	}
	n := Notice{Due: now.UTC(), Expires: start.UTC(), Route: route(u)}
	anyDay := u
	anyDay.Window.Weekends, anyDay.Window.Holidays = true, true
	for _, w := range []reminder.Unit{u, anyDay} {
		open, next := Window(w, now)
		if open {
			return n
		}
		if !next.IsZero() && !next.Add(NoticeLead).After(start) {
			n.Due = next.UTC()
			return n
		}
	}
	return n
}

// Before is the notice to a person who was told the start old, as of now: it goes at once where waiting until Due would
// leave less than NoticeLead before old, lest the person sets out for a time that no longer holds.
func (n Notice) Before(old, now time.Time) Notice {
	if !n.IsZero() && old.After(now) && n.Due.Add(NoticeLead).After(old) {
		n.Due = now
	}
	return n
}

// route is the unit's preferred channel.
func route(u reminder.Unit) string {
	if len(u.Channels) == 0 {
		return string(reminder.Channels[0])
	}
	return string(u.Channels[0])
}
