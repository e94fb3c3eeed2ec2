package pages

import (
	"slices"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// reach is whether one kind of message may go to a person on one channel now, as the gate decides.
type reach struct {
	Purpose reminder.Purpose
	Channel reminder.Channel
	gate.Explanation
}

// Stop is the rule that stopped it: the last one that was asked; nil = none did.
func (r reach) Stop() *gate.Step {
	for i := len(r.Steps) - 1; i >= 0; i-- {
		if r.Steps[i].Answer != gate.Yes {
			return &r.Steps[i]
		}
	}
	return nil
}

// Ageless reports whether it was stopped because nobody knows how old the person is.
func (r reach) Ageless() bool {
	return r.Reason == gate.Guardian && slices.ContainsFunc(r.Steps, func(s gate.Step) bool { return s.Rule == gate.RuleAge && s.Answer == gate.Unknown })
}

// reachOf asks about a unit's channels, for each purpose. age is that of a person whom no appointment has told of; 0 = it is not known.
func (v *visit) reachOf(key reminder.PersonKey, unit, reason string, age int, purposes ...reminder.Purpose) ([]reach, error) {
	u, ok := v.unit(unit)
	if !ok {
		return nil, nil
	}
	var out []reach
	for _, p := range purposes {
		for _, c := range u.Channels {
			x := reach{Purpose: p, Channel: c}
			if err := v.post(apiPath(key, "explain"), web.Explain{Purpose: p, Channel: c, Unit: unit, Age: age, Reason: reason}, &x.Explanation); err != nil {
				return nil, err
			}
			out = append(out, x)
		}
	}
	return out, nil
}

// reachView is what the page about the rules shows.
type reachView struct {
	Person  reminder.PersonKey
	Unit    string
	Units   []unit
	Reach   []reach
	Age     int  // that somebody gave; 0 = none
	Ageless bool // nobody knows how old the person is
}

// oldest is the greatest age that can be asked about.
const oldest = 130

// reach tells of each kind of message and each channel whether it may go, and every rule behind it. Where no appointment has told how old
// the person is, its form takes an age: the answers are those that there would be, and nothing is kept of it.
func (v *visit) reach(key reminder.PersonKey) error {
	reason := v.session.Why(key)
	if reason == "" {
		return v.show("people-why", key)
	}
	x := reachView{Person: key, Units: v.ownUnits()}
	x.Unit = v.unitAmong(x.Units)
	if v.asked() {
		var in struct {
			Age int `form:"age,required"`
		}
		f := v.read(&in)
		if f.OK() && (in.Age < 1 || in.Age > oldest) {
			f.Wrong("age", "wrong.age")
		}
		if f.OK() {
			x.Age = in.Age
		}
	}
	var err error
	if x.Reach, err = v.reachOf(key, x.Unit, reason, x.Age, reminder.Remind, reminder.Changed, reminder.Cancel); err != nil {
		return err
	}
	x.Ageless = v.asked() || slices.ContainsFunc(x.Reach, reach.Ageless)
	return v.show("people-reach", x)
}
