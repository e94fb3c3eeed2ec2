package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Period is a length of calendar time, as laws count it: "18 months" is not a number of hours.
type Period struct {
	Months int `json:"months,omitempty"`
	Days   int `json:"days,omitempty"`
}

var errPeriod = errors.New(`policy: period: want a positive number and a unit, as "30 days", "18 months" or "2 years"`)

// ParsePeriod reads "30 days", "18 months" or "2 years".
func ParsePeriod(s string) (Period, error) {
	num, unit, ok := strings.Cut(s, " ")
	n, err := strconv.Atoi(num)
	if !ok || err != nil || n < 1 || n > 10_000 {
		return Period{}, errPeriod
	}
	switch strings.TrimSuffix(unit, "s") {
	case "day":
		return Period{Days: n}, nil
	case "month":
		return Period{Months: n}, nil
	case "year":
		return Period{Months: 12 * n}, nil
	}
	return Period{}, errPeriod
}

// IsZero reports whether there is no period.
func (p Period) IsZero() bool { return p == Period{} }

// Ago is the instant the period before at.
func (p Period) Ago(at time.Time) time.Time { return at.AddDate(0, -p.Months, -p.Days) }

// After is the instant the period after at.
func (p Period) After(at time.Time) time.Time { return at.AddDate(0, p.Months, p.Days) }

// String reads as ParsePeriod wants it.
func (p Period) String() string {
	switch {
	case p.IsZero():
		return ""
	case p.Months == 0:
		return plural(p.Days, "day")
	case p.Days == 0:
		return plural(p.Months, "month")
	}
	return plural(p.Months, "month") + " " + plural(p.Days, "day")
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
