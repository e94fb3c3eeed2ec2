package code

import (
	"errors"
	"slices"
	"time"
)

// Limit is the most codes in any period of Per.
type Limit struct {
	Max int
	Per time.Duration
}

// Limits bound how many codes are sent. Each list must hold at least one limit.
type Limits struct {
	Address []Limit // to one number, whoever it is said to belong to: nobody's phone is made to ring all day
	Person  []Limit // for one person, to whatever number: five tries a code would add up
	Clerk   []Limit // at one clerk's word
}

// DefaultLimits are fit for a desk: a second code after a minute, few in an hour, and a clerk who serves a queue.
func DefaultLimits() Limits {
	return Limits{
		Address: []Limit{{1, time.Minute}, {3, time.Hour}, {5, 24 * time.Hour}},
		Person:  []Limit{{1, time.Minute}, {3, time.Hour}, {6, 24 * time.Hour}},
		Clerk:   []Limit{{10, 10 * time.Minute}, {30, time.Hour}, {150, 24 * time.Hour}},
	}
}

// ErrLimited is wrapped by a LimitError.
var ErrLimited = errors.New("code: too many codes have been sent")

// LimitError says that a limit is reached, which one, and when it has passed.
type LimitError struct {
	By   string // "address", "person" or "clerk"
	Next time.Time
}

// Error names the limit.
func (e *LimitError) Error() string { return ErrLimited.Error() + " for this " + e.By + ": wait" }

// Unwrap is ErrLimited.
func (e *LimitError) Unwrap() error { return ErrLimited }

func (l Limits) valid() bool {
	for _, list := range [][]Limit{l.Address, l.Person, l.Clerk} {
		if len(list) == 0 || slices.ContainsFunc(list, func(l Limit) bool { return l.Max < 1 || l.Max > 1000 || l.Per <= 0 }) {
			return false
		}
	}
	return true
}

// longest is the longest period.
func longest(list []Limit) time.Duration {
	var d time.Duration
	for _, l := range list {
		d = max(d, l.Per)
	}
	return d
}

// free is when a further code may be sent after those at sent; in the past when it may at once. A code from the future
// counts: the clock was set back.
func free(list []Limit, sent []time.Time) time.Time {
	slices.SortFunc(sent, time.Time.Compare)
	var at time.Time
	for _, l := range list {
		if n := len(sent) - l.Max; n >= 0 {
			if t := sent[n].Add(l.Per); t.After(at) {
				at = t
			}
		}
	}
	return at
}

// drop leaves those that still count. One that lies further ahead than the longest period comes from a clock that was wrong
// by days: it would stop a person for as long.
func drop(list []Limit, sent []time.Time, now time.Time) []time.Time {
	long := longest(list)
	return slices.DeleteFunc(slices.Clone(sent), func(t time.Time) bool {
		return !t.After(now.Add(-long)) || t.After(now.Add(long))
	})
}
