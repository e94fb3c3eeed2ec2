package pages

import (
	"maps"
	"slices"

	"github.com/husk-reminders/husk/pkg/web"
)

// carriersView is what the view carriers shows.
type carriersView struct {
	Tried  []web.Carrier // nil = they were not tried
	Routes []route       // how the last day went; of all units
}

// carriers shows how the carriers have answered of late. Nobody is asked for it.
func (v *visit) carriers() error { return v.showCarriers(nil) }

// tryCarriers tries each carrier without sending anything, which takes a while.
func (v *visit) tryCarriers() error {
	tried := []web.Carrier{}
	if err := v.get("/v1/carriers", &tried); err != nil {
		return err
	}
	return v.showCarriers(tried)
}

func (v *visit) showCarriers(tried []web.Carrier) error {
	var d web.Day
	unit := ""
	if units := v.session.Staff().Units; len(units) > 0 {
		unit = units[0]
	}
	if err := v.get(query("/v1/day", "unit", unit), &d); err != nil {
		return err
	}
	x := carriersView{Tried: tried}
	for _, name := range slices.Sorted(maps.Keys(d.Routes)) {
		r := d.Routes[name]
		x.Routes = append(x.Routes, routeOf(name, r.Attempts, r.Status, r.Code, r.Last))
	}
	return v.show("carriers", x)
}
