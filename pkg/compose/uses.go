package compose

import (
	"slices"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Use is one way in which a unit uses the templates of a set for a channel: those of every language, since a patient may be written to in
// any of them.
type Use struct {
	Set     string
	Channel reminder.Channel
	Purpose reminder.Purpose
	Unit    reminder.Unit
	Pack    policy.Pack
}

// Uses lists all that units use: for what the pack in force has a basis, for each fixed answer and for one-time codes, on each of the
// unit's channels that the pack allows. packs is the pack in force for a country.
func Uses(units []reminder.Unit, packs func(reminder.Country) (policy.Pack, bool)) []Use {
	var out []Use
	for _, u := range units {
		pack, ok := packs(u.Country)
		if !ok {
			continue
		}
		from := len(out)
		for _, s := range setsOf(pack, u) {
			for _, ch := range u.Channels {
				x := Use{Set: s.name, Channel: ch, Purpose: s.purpose, Unit: u, Pack: pack}
				same := func(y Use) bool { return y.Set == x.Set && y.Channel == x.Channel && y.Purpose == x.Purpose }
				if pack.Allows(ch) && (s.purpose != reminder.Verify || ch == reminder.SMS) && !slices.ContainsFunc(out[from:], same) {
					out = append(out, x)
				}
			}
		}
	}
	return out
}

// UsesOf are those of Uses that are of one set and channel.
func UsesOf(set string, ch reminder.Channel, units []reminder.Unit, packs func(reminder.Country) (policy.Pack, bool)) []Use {
	return slices.DeleteFunc(Uses(units, packs), func(x Use) bool { return x.Set != set || x.Channel != ch })
}
