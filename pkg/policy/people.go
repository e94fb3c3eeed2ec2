package policy

import (
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// The optional keys. A pack that lacks one does not have the rule, or has it at its strictest: each says which.

// people reads what the section consent says of guardians and of who said no. Without guardian_limited_from_age a guardian
// is told all; without guardian_custody a guardian who is not named counts for the child's own address; without
// ask_again_after nobody who said no is asked again.
func (s section) people(p *Pack) {
	if s.has("guardian_limited_from_age") {
		if p.LimitedFromAge = s.number("guardian_limited_from_age", 1, 21); p.LimitedFromAge >= p.GuardianUntilAge && p.LimitedFromAge > 0 {
			s.refuse("guardian_limited_from_age", fmt.Sprintf("an age before guardian_until_age, %d", p.GuardianUntilAge))
		}
	}
	p.Custody = s.required("guardian_custody")
	if s.has("ask_again_after") {
		p.AskAgain = s.period("ask_again_after")
	}
}

// required reads a key whose one value is "required"; an absent one is not.
func (s section) required(key string) bool {
	return s.has(key) && s.oneOf(key, "required") != ""
}

// Limited reports whether a guardian may be told no place: the minor, born on born, is old enough on the day of at in at's zone
// to have a say in it (Norway: 12), or of unknown age.
func (p Pack) Limited(born reminder.Date, at time.Time) bool {
	if p.LimitedFromAge == 0 {
		return false
	}
	age := born.Age(at)
	return age < 0 || age >= p.LimitedFromAge
}
