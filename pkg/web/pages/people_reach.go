package pages

import (
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

// reachOf asks about a unit's channels, for each purpose.
func (v *visit) reachOf(key reminder.PersonKey, unit, reason string, purposes ...reminder.Purpose) ([]reach, error) {
	u, ok := v.unit(unit)
	if !ok {
		return nil, nil
	}
	var out []reach
	for _, p := range purposes {
		for _, c := range u.Channels {
			x := reach{Purpose: p, Channel: c}
			if err := v.post(apiPath(key, "explain"), web.Explain{Purpose: p, Channel: c, Unit: unit, Reason: reason}, &x.Explanation); err != nil {
				return nil, err
			}
			out = append(out, x)
		}
	}
	return out, nil
}

// reachView is what the page about the rules shows.
type reachView struct {
	Person reminder.PersonKey
	Unit   string
	Units  []unit
	Reach  []reach
}

// reach tells of each kind of message and each channel whether it may go, and every rule behind it.
func (v *visit) reach() error {
	key, err := v.personKey()
	if err != nil {
		return err
	}
	reason := v.session.Why(key)
	if reason == "" {
		return v.show("people-why", key)
	}
	x := reachView{Person: key}
	for _, u := range v.ownUnits() {
		x.Units = append(x.Units, v.units([]string{u.ID})...)
	}
	x.Unit = v.unitAmong(x.Units)
	if x.Reach, err = v.reachOf(key, x.Unit, reason, reminder.Remind, reminder.Changed, reminder.Cancel); err != nil {
		return err
	}
	return v.show("people-reach", x)
}
