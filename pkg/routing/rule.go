package routing

import (
	"slices"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Rule says which carriers may carry what it fits, the best first.
type Rule struct {
	Carriers  []string
	Countries []reminder.Country // of the address, where it tells one, else of the unit; none = all
	Units     []string           // ids of the units that write; none = all
}

// Question is what is asked of the rules.
type Question struct {
	Country reminder.Country
	Unit    string
	Refused int // how many attempts of the reminder carriers have refused
}

func (r Rule) fits(q Question) bool {
	return (len(r.Countries) == 0 || slices.Contains(r.Countries, q.Country)) && (len(r.Units) == 0 || slices.Contains(r.Units, q.Unit))
}

// Order are the carriers that may carry a message, the best first: those of the first rule that fits, beginning one place later with
// each attempt that was refused. None fits: none may.
func Order(rules []Rule, q Question) []string {
	for _, r := range rules {
		if !r.fits(q) || len(r.Carriers) == 0 {
			continue
		}
		first := max(q.Refused, 0) % len(r.Carriers)
		return slices.Concat(r.Carriers[first:], r.Carriers[:first])
	}
	return nil
}
