package plan

import (
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// closingLead is how long before closing a reminder is planned that was moved back to the end of a day: it needs some time
// to leave.
const closingLead = 30 * time.Minute

// searchDays is how far a send window is looked for. No Nordic country closes for longer than five days in a row.
const searchDays = 31

// Window reports whether u's send window is open at the given instant and, when it is not, when it opens next. A unit with
// an unknown zone is never open and next is zero: nothing goes, which fails closed.
func Window(u reminder.Unit, at time.Time) (open bool, next time.Time) {
	l, err := reminder.LoadZone(u.Zone)
	if err != nil {
		return false, time.Time{}
	}
	local := at.In(l)
	for i := range searchDays {
		from, until, ok := opening(u, local, i)
		switch {
		case !ok || !at.Before(until):
		case at.Before(from):
			return false, from
		default:
			return true, time.Time{}
		}
	}
	return false, time.Time{}
}

// opening is when u's window opens and closes on the day that is so many days from local's; false when it stays closed.
func opening(u reminder.Unit, local time.Time, days int) (from, until time.Time, ok bool) {
	y, m, d := local.Date()
	// Noon names the day without meeting a change of the clocks.
	noon := time.Date(y, m, d+days, 12, 0, 0, 0, local.Location())
	if w := noon.Weekday(); !u.Window.Weekends && (w == time.Saturday || w == time.Sunday) {
		return from, until, false
	}
	if !u.Window.Holidays && Holiday(u.Country, noon) {
		return from, until, false
	}
	from, until = onDay(noon, u.Window.From), onDay(noon, u.Window.Until)
	return from, until, from.Before(until)
}

// onDay is the instant on day's date when the clocks show so much since midnight.
func onDay(day time.Time, clock time.Duration) time.Time {
	y, m, d := day.Date()
	t, _ := reminder.LocalTime(y, m, d, 0, int(clock/time.Minute), 0, day.Location())
	return t
}

// clockOf is the wall time of t since midnight.
func clockOf(t time.Time) time.Duration {
	h, m, s := t.Clock()
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
}

// moveEarlier is the best time for u to send at or before t, which is in u's zone: t itself inside the window, else the same
// time of day on the last open day before, else, when that time of day is outside the window, shortly before the last
// closing. False when the window never opens.
func moveEarlier(u reminder.Unit, t time.Time) (time.Time, bool) {
	clock := clockOf(t)
	inHours := clock >= u.Window.From && clock < u.Window.Until
	for i := range searchDays {
		from, until, ok := opening(u, t, -i)
		if !ok {
			continue
		}
		if inHours {
			if i == 0 {
				return t, true
			}
			y, m, d := from.Date()
			same, exists := reminder.LocalTime(y, m, d, 0, 0, int(clock/time.Second), t.Location())
			if exists && !same.Before(from) && same.Before(until) {
				return same, true
			}
		}
		end := until.Add(-closingLead)
		if end.Before(from) {
			end = from
		}
		if !end.After(t) {
			return end, true
		}
	}
	return time.Time{}, false
}
