package reminder

import (
	"errors"
	"sync"
	"time"
)

// ErrZone is returned for a name that is not in the IANA time zone database.
var ErrZone = errors.New("reminder: unknown time zone: want an IANA name such as Europe/Copenhagen")

// zones holds the zones loaded so far, by name. Only known names are kept, so it is bounded by the database.
var zones sync.Map

// LoadZone is time.LoadLocation with a memory. It refuses "" and "Local", which mean another zone on another machine.
func LoadZone(name string) (*time.Location, error) {
	if l, ok := zones.Load(name); ok {
		return l.(*time.Location), nil
	}
	if name == "" || name == "Local" {
		return nil, ErrZone
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return nil, ErrZone // the cause quotes the name, which may come from outside
	}
	zones.Store(name, l)
	return l, nil
}

// LocalTime is the instant at which the clocks of l show the given wall time. Where they show it twice (autumn) it is
// the first; where they skip it (spring) exists is false and the instant is what a clock that was not yet put forward
// would show. Arguments outside their usual ranges are carried over as in time.Date: day 0 is the last of the month
// before.
func LocalTime(year int, month time.Month, day, hour, minute, sec int, l *time.Location) (t time.Time, exists bool) {
	utc := time.Date(year, month, day, hour, minute, sec, 0, time.UTC)
	guess := time.Date(year, month, day, hour, minute, sec, 0, l)
	var first, skipped time.Time
	try := func(at time.Time) {
		_, offset := at.Zone()
		c := utc.Add(-time.Duration(offset) * time.Second).In(l)
		if _, o := c.Zone(); o == offset {
			if first.IsZero() || c.Before(first) {
				first = c
			}
		} else if c.After(skipped) {
			skipped = c
		}
	}
	try(guess)
	from, until := guess.ZoneBounds()
	if !from.IsZero() {
		try(from.Add(-time.Second))
	}
	if !until.IsZero() {
		try(until)
	}
	if first.IsZero() {
		return skipped, false
	}
	return first, true
}
