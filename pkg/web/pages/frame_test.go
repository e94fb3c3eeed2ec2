package pages

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	defaults "github.com/husk-reminders/husk/config"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// visitIn is a visit in English of somebody who works in a grant, at the units that come with the program, of which the first has texts
// of its own.
func visitIn(t *testing.T, g web.Grant) *visit {
	t.Helper()
	v := visitWith(t, "")
	file := strings.Replace(string(defaults.Units), "      - id: rh-ortho\n", "      - id: rh-ortho\n        templates: {reminder: friendly, reply: friendly}\n", 1)
	units, err := reminder.ReadUnits(bytes.NewReader([]byte(file)))
	if err != nil {
		t.Fatal(err)
	}
	v.Pages = &Pages{o: Options{Units: func() *reminder.Directory { return units }}}
	v.session.Grants = []web.Grant{g}
	return v
}

// The units to choose from are those of the grant, else all, by name; what begins a form is of the grant's first.
func TestOwnUnits(t *testing.T) {
	v := visitIn(t, web.Grant{Role: web.Clerk, Units: []string{"rh-eye", "lv-mott1", "rh-ortho"}})
	var names []string
	for _, u := range v.ownUnits() {
		names = append(names, u.Name)
	}
	if len(names) != 3 || !slices.IsSorted(names) || v.firstUnit().ID != "rh-eye" {
		t.Errorf("%q, first %s", names, v.firstUnit().ID)
	}
	v = visitIn(t, web.Grant{Role: web.Incident})
	all := v.o.Units().Units()
	if own := v.ownUnits(); len(own) != len(all) || v.firstUnit().ID != all[0].ID || len(v.unitOptions()) != len(all) {
		t.Errorf("of the whole installation: %v", own)
	}
	v.o.Units = func() *reminder.Directory { return nil } // the line is shut
	if own := v.ownUnits(); len(own) != 0 || v.firstUnit().ID != "" || v.zone().String() != "UTC" {
		t.Errorf("while the line is shut: %v", own)
	}
}

// What is stopped has the names that its own pages have.
func TestNamesOfStops(t *testing.T) {
	v := visitIn(t, web.Grant{Role: web.Incident})
	unit := v.unitName("rh-ortho", "en")
	for name, want := range map[string]string{
		"all":                             "Everything",
		"unit:rh-ortho":                   "Unit: " + unit,
		"country:DK":                      "Country: Denmark",
		"template:cancelled":              "All texts of the kind “Appointment cancelled”",
		"template:friendly":               "All texts of the kind “Reminder (" + unit + ")”",
		"template:friendly-not-cancelled": "All texts of the kind “Answer: appointment is not cancelled (" + unit + ")”",
		"template:no-such":                "All texts of the kind “no-such”",
		"template:da/cancelled.sms":       "Text: Appointment cancelled · Text message · Danish",
		"template:sv/friendly.email":      "Text: Reminder (" + unit + ") · E-mail · Swedish",
		"template:da/verify.sms@3f2a91c0": "Text: Code for a number · Text message · Danish, the version 3f2a91c0 alone",
	} {
		if got, err := v.switchName(name); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", name, got, err, want)
		}
	}
}
