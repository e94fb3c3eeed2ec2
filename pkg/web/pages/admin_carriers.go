package pages

import (
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
	if err := v.get(query("/v1/carriers", "try", "true"), &tried); err != nil {
		return err
	}
	return v.showCarriers(tried)
}

func (v *visit) showCarriers(tried []web.Carrier) error {
	var d web.Day
	if err := v.get(query("/v1/day", "unit", v.askedUnits()[0]), &d); err != nil {
		return err
	}
	return v.show("carriers", carriersView{Tried: tried, Routes: routesOf(d)})
}
