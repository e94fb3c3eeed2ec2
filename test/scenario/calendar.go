package scenario

import (
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// holidays are the public holidays around the demo, Easter 2026: Denmark (helligdagsloven and folkekirken's calendar),
// Norway (lov om helligdager), Sweden (lag 1989:253, which has no Maundy Thursday).
var holidays = map[reminder.Country][]string{
	"DK": {"2026-04-02", "2026-04-03", "2026-04-05", "2026-04-06"},
	"NO": {"2026-04-02", "2026-04-03", "2026-04-05", "2026-04-06"},
	"SE": {"2026-04-03", "2026-04-05", "2026-04-06"},
}

func holiday(c reminder.Country, t time.Time) bool {
	for _, d := range holidays[c] {
		if d == t.Format(time.DateOnly) {
			return true
		}
	}
	return false
}

func weekend(t time.Time) bool { return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday }

// clinic is a unit with its zone loaded.
type clinic struct {
	reminder.Unit
	zone *time.Location
}

// works says whether patients are seen on the day of t.
func (c clinic) works(t time.Time) bool { return !weekend(t) && !holiday(c.Country, t) }

// sends says whether messages may leave on the day of t.
func (c clinic) sends(t time.Time) bool {
	t = t.In(c.zone)
	return (c.Window.Weekends || !weekend(t)) && (c.Window.Holidays || !holiday(c.Country, t))
}

// clock is the instant of a wall clock time on the day of t.
func (c clinic) clock(t time.Time, sinceMidnight time.Duration) time.Time {
	y, m, d := t.In(c.zone).Date()
	return time.Date(y, m, d, int(sinceMidnight.Hours()), int(sinceMidnight.Minutes())%60, 0, 0, c.zone)
}

// openBefore is the last instant up to t at which a message may leave, openAfter the first one from t on.
func (c clinic) openBefore(t time.Time) time.Time {
	for day := t; ; day = c.clock(day, 0).Add(-time.Hour) {
		from, until := c.clock(day, c.Window.From), c.clock(day, c.Window.Until)
		switch {
		case !c.sends(day) || t.Before(from):
		case t.Before(until):
			return t
		default:
			return until
		}
	}
}

func (c clinic) openAfter(t time.Time) time.Time {
	for day := t; ; day = c.clock(day, 0).Add(30 * time.Hour) {
		from, until := c.clock(day, c.Window.From), c.clock(day, c.Window.Until)
		switch {
		case !c.sends(day) || !t.Before(until):
		case t.Before(from):
			return from
		default:
			return t
		}
	}
}

const (
	day      = 24 * time.Hour
	useless  = 2 * time.Hour  // a reminder this near to the start is not sent
	slack    = 24 * time.Hour // what a window allows beyond the day a rule names
	margin   = 2 * time.Hour  // two things nearer than this have no certain order
	tooSoon  = 12 * time.Hour // a rule missed by less than this may be read both ways
	overhead = 12 * time.Hour // the least room a window must have
)

// due is the window in which one rule's reminder must be sent.
type due struct {
	rule      string
	from      time.Time
	until     time.Time
	lostAfter time.Time // booked after this, the rule surely comes too late; between it and from, it is open
}

// dues are the windows of the unit's rules for a start. A reminder must come before the unit's cancellation deadline and
// before it is useless; where its day allows no messages, the open days before and after it both count. The second result
// is false when a window is too tight to be certain.
func (c clinic) dues(start time.Time) ([]due, bool) {
	last := start.Add(-max(useless, c.Deadline))
	var ds []due
	for _, r := range c.Rules[""] {
		named := start.Add(-r.Before)
		at := named
		if at.After(last) {
			at = last
		}
		early := at
		if !at.Before(last) { // "before" the deadline, by as much as a day: who wants to cancel must have time to
			early = last.Add(-slack)
		}
		d := due{rule: r.Name, from: c.openBefore(early).Add(-slack), until: c.openAfter(at).Add(slack)}
		if d.until.After(last) {
			d.until = last
		}
		d.lostAfter = c.openAfter(named).Add(tooSoon)
		if d.until.Sub(d.from) < overhead || c.openAfter(d.from).Add(time.Hour).After(d.until) {
			return nil, false
		}
		ds = append(ds, d)
	}
	return ds, true
}
