package app

import (
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const clinics = `
hospitals:
  - id: north
    country: DK
    language: da
    zone: Europe/Copenhagen
    address: {text: "Vej 1", class: 1}
    from: {text: "husk@north.example", class: 0}
    sender_id: {text: "North", class: 0}
    channels: [sms]
    window: {hours: "08:00-20:00", weekends: false, holidays: false}
    rules: {default: [{name: 48h, before: 48h}]}
    units:
      - {id: one, names: {da: {text: "Ambulatorium 1", class: 1}}, entrance: {text: "B", class: 1.5}, mail: {text: "tid@north.example", class: 1.5}, phone: {text: "70 99 10 31", class: 1.5}}
      - {id: two, names: {da: {text: "Ambulatorium 2", class: 1}}, entrance: {text: "C", class: 1.5}, mail: {text: "tid@north.example", class: 1.5}, phone: {text: "70 99 10 31", class: 1.5}}
`

// Who answers for the records: as configured, else the hospital where there is one alone.
func TestController(t *testing.T) {
	second := strings.Replace(strings.Replace(strings.TrimPrefix(clinics, "\nhospitals:\n"), "id: north", "id: south", 1), "id: one", "id: three", 1)
	second = strings.Replace(second, "id: two", "id: four", 1)
	for name, x := range map[string]struct {
		units string
		set   config.Controller
		want  consent.Controller
	}{
		"one hospital":          {clinics, config.Controller{}, consent.Controller{ID: "north"}},
		"one hospital, a name":  {clinics, config.Controller{Name: "Region Nord"}, consent.Controller{ID: "north", Name: "Region Nord"}},
		"two hospitals":         {clinics + second, config.Controller{}, consent.Controller{}},
		"two, and as it is set": {clinics + second, config.Controller{ID: "29190623", Name: "Region Nord"}, consent.Controller{ID: "29190623", Name: "Region Nord"}},
	} {
		units, err := reminder.ReadUnits(strings.NewReader(x.units))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a := &App{Units: units, Config: config.Config{Controller: x.set}}
		if got := a.controller(); got != x.want {
			t.Errorf("%s: %+v, want %+v", name, got, x.want)
		}
	}
}
