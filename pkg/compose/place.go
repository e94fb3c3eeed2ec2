package compose

import (
	"errors"
	"fmt"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// placeless is a unit without all that tells where it is, for a guardian who is not to know. A number or mail address is left where
// the unit directory says that it tells no more than the hospital (class 0): a switchboard's.
func placeless(u reminder.Unit) reminder.Unit {
	u.Address, u.Entrance, u.Link = reminder.Fact{}, reminder.Fact{}, reminder.Fact{}
	for _, f := range []*reminder.Fact{&u.Phone, &u.Mail} {
		if f.Class > 0 {
			*f = reminder.Fact{}
		}
	}
	return u
}

// draftFor drafts for a permit. Where the place is not to be told the unit is "the hospital", and the patient, whom this recipient
// knows, has no name: the message is of class 0, as the permit's pack asks. A template that can't do without place or clinic's number
// is over that, and the letter list has it.
func (c *Composer) draftFor(p gate.Permit, t template.Template, f reminder.Facts) (draft, error) {
	if !p.HidePlace() {
		return c.draft(t, f, p.Pack(), p.Lease().Release)
	}
	return c.draftPlaceless(t, f, p.Pack(), p.Lease().Release)
}

// draftPlaceless drafts with a unit that is placeless.
func (c *Composer) draftPlaceless(t template.Template, f reminder.Facts, pack policy.Pack, release *reminder.Release) (draft, error) {
	d, err := c.draftWith(t, f, pack, release, "unit", "name")
	if errors.Is(err, template.ErrMissing) {
		return d, fmt.Errorf("%w: %s can't do without the place", ErrOverCeiling, t.Name())
	}
	return d, err
}
