package web

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// MayAsk says whether the person may be asked now for a yes to one kind of message; see consent.MayAsk.
type MayAsk struct {
	Unit    string           `json:"unit,omitempty"` // that would write; "" = any of the installation's country
	Purpose reminder.Purpose `json:"purpose"`
	Channel reminder.Channel `json:"channel"`
	May     bool             `json:"may"`
	Why     string           `json:"why,omitempty"` // of no: yes (there is one that holds), no (said, and to be left alone), protected, deceased
	From    time.Time        `json:"from,omitzero"` // of a no: from when; absent = not by itself
}

// mayAsk goes through what the pack has a basis for, by the units where the person has appointments, as far as they are the caller's;
// where there are none, by the caller's units, and of one who is limited to none by the country's pack alone.
func (a *API) mayAsk(ctx context.Context, c *caller, p ledger.Person, s consent.Standing, now time.Time) ([]MayAsk, error) {
	ids, err := a.o.Ledger.Units(ctx, p.Key)
	if err != nil {
		return nil, err
	}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !c.covers(id) })
	if len(ids) == 0 {
		ids = c.units
	}
	var units []reminder.Unit
	for _, id := range ids {
		if u, ok := a.o.Units.Unit(id); ok {
			units = append(units, u)
		}
	}
	if len(units) == 0 {
		units = []reminder.Unit{{Country: a.o.Country, Channels: reminder.Channels}}
	}
	out := []MayAsk{}
	for _, u := range units {
		pack, _ := a.o.Packs.For(u.Country, now)
		at := now
		if zone, err := reminder.LoadZone(cmp.Or(u.Zone, zones[u.Country])); err == nil {
			at = now.In(zone) // where the person's birthday is counted
		}
		for _, purpose := range pack.Purposes() {
			for _, ch := range u.Channels {
				if !pack.Allows(ch) {
					continue
				}
				x := MayAsk{Unit: u.ID, Purpose: purpose, Channel: ch}
				q := consent.Query{Purpose: purpose, Channel: ch, Unit: u, BirthDate: p.BirthDate, Pack: pack}
				switch x.May, x.From = consent.MayAsk(p.Consent, q, at); {
				case p.Deceased || s.Deceased:
					x.May, x.From, x.Why = false, time.Time{}, "deceased"
				case p.Protected || s.Protected:
					x.May, x.From, x.Why = false, time.Time{}, "protected"
				case x.May:
				case consent.Fold(p.Consent, q, at).Allows():
					x.Why = "yes"
				default:
					x.Why = "no"
				}
				out = append(out, x)
			}
		}
	}
	return out, nil
}
