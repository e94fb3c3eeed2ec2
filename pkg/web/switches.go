package web

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/template"
)

// Switch is what POST /v1/switches takes: On stops sending for a name, in this one call. Otherwise it lets it go on, where one person
// may do that alone; where two are needed it takes down the wish to, and another person confirms it.
type Switch struct {
	Name   string `json:"name"`
	On     bool   `json:"on"`
	Reason string `json:"reason"`
	Mended string `json:"mended,omitempty"` // of going on: what was mended, or its number; required where two people are needed
}

// Switches says what is stopped now, and why, and which wishes to go on wait for another person.
type Switches struct {
	Stopped map[string]string `json:"stopped"`
	Waiting []Wish            `json:"waiting"`
	Can     []string          `json:"can"` // what the caller may stop, by name: units, templates and so on
}

type switchInput struct{ Body Switch }

func (a *API) setSwitch(ctx context.Context, c *caller, in *switchInput) (Switches, error) {
	q := in.Body
	var err error
	if q.Reason, err = reasonOf(q.Reason, true); err != nil {
		return Switches{}, err
	}
	now, err := a.o.Ledger.Status(ctx)
	if err != nil {
		return Switches{}, err
	}
	why, stopped := now.Stopped[q.Name]
	switch {
	case q.On:
		// A switch with a slip in its name would stop nothing while everybody believes that it does.
		if err := a.switchKnown(q.Name); err != nil {
			return Switches{}, err
		}
		err = a.stop(ctx, c, q)
	case !stopped:
		return Switches{}, want("name", "the name of a switch that is on: see the status")
	case a.o.FourEyes:
		err = a.wish(ctx, c, q, why)
	default:
		err = a.resume(ctx, c, q)
	}
	if err != nil {
		return Switches{}, err
	}
	return a.switches(ctx, c)
}

func (a *API) stop(ctx context.Context, c *caller, q Switch) error {
	if q.Mended != "" {
		return want("mended", "nothing where sending is stopped")
	}
	if err := a.audit(ctx, c, a.ofSwitch(q.Name, slices.ContainsFunc), "switch.stop "+q.Name, "", "", q.Reason); err != nil {
		return err
	}
	// Before, so that nobody confirms it meanwhile; after, since somebody may have asked anew. Nothing keeps the stop from being made.
	_ = a.dropWish(ctx, q.Name)
	if err := a.o.Ledger.Switch(ctx, state.Switch{Name: q.Name, On: true, Reason: q.Reason}); err != nil {
		return err
	}
	return a.dropWish(ctx, q.Name)
}

// resume lets sending go on at one person's word.
func (a *API) resume(ctx context.Context, c *caller, q Switch) error {
	mended, err := reasonOf(q.Mended, false)
	if err != nil {
		return want("mended", "what was mended, as reason is")
	}
	if mended != "" {
		q.Reason += "; mended: " + mended
	}
	if err := a.audit(ctx, c, a.ofSwitch(q.Name, slices.ContainsFunc), "switch.resume "+q.Name, "", "", q.Reason); err != nil {
		return err
	}
	return a.o.Ledger.Switch(ctx, state.Switch{Name: q.Name, Reason: q.Reason})
}

// listSwitches says what is stopped, why, and who wishes that it goes on.
func (a *API) listSwitches(ctx context.Context, c *caller, _ *struct{}) (Switches, error) {
	if err := a.audit(ctx, c, anybody, "switch.list", "", "", ""); err != nil {
		return Switches{}, err
	}
	return a.switches(ctx, c)
}

func (a *API) switches(ctx context.Context, c *caller) (Switches, error) {
	now, err := a.o.Ledger.Status(ctx)
	if err != nil {
		return Switches{}, err
	}
	out := Switches{Stopped: map[string]string{}, Can: a.stoppable(c)}
	for name, why := range now.Stopped {
		out.Stopped[name] = why
	}
	out.Waiting, err = a.wishes(ctx, now.Stopped)
	return out, err
}

// ofSwitch is a unit's switch, a template's, or one that is everybody's. A template is the matter of the units that use it: quantify says
// of how many of them the caller must be. One may stop it for all, since whoever sees a wrong text can't wait for the others; to let it
// go on again takes somebody of them all.
func (a *API) ofSwitch(name string, quantify func(units []string, is func(string) bool) bool) about {
	if id, ok := strings.CutPrefix(name, gate.SwitchUnit); ok {
		return ofUnit(id)
	}
	t, ok := strings.CutPrefix(name, gate.SwitchTemplate)
	if !ok {
		return everybody
	}
	return func(ctx context.Context, a *API, c *caller) error {
		if units := a.usersOf(t); len(units) > 0 && quantify(units, c.covers) {
			return nil
		}
		return everybody(ctx, a, c)
	}
}

// every reports whether all are so.
func every(all []string, is func(string) bool) bool {
	return !slices.ContainsFunc(all, func(s string) bool { return !is(s) })
}

// usersOf are the units that use a template, a version of it, or one of a set.
func (a *API) usersOf(name string) []string {
	bare, _, _ := strings.Cut(name, "@")
	_, set, ch := partsOf(bare)
	if !strings.Contains(bare, "/") {
		set = bare
	}
	var units []string
	for _, x := range a.uses() {
		if x.Set == set && (ch == "" || x.Channel == ch) {
			units = append(units, x.Unit.ID)
		}
	}
	return units
}

// stoppable names what the caller may stop; of templates those that units use, by set and by name.
func (a *API) stoppable(c *caller) []string {
	out := []string{}
	if !c.role.may("switch.set") {
		return out
	}
	whole := c.whole()
	if whole {
		out = append(out, gate.SwitchAll)
	}
	sets, countries := map[string]bool{}, map[string]bool{}
	for _, u := range a.o.Units.Units() {
		if c.covers(u.ID) {
			out = append(out, gate.SwitchUnit+u.ID)
		}
		countries[string(u.Country)] = whole
	}
	for _, x := range a.uses() {
		if c.covers(x.Unit.ID) {
			sets[x.Set] = true
		}
	}
	for _, set := range slices.Sorted(maps.Keys(sets)) {
		out = append(out, gate.SwitchTemplate+set)
	}
	for _, t := range a.o.Templates.All() {
		if slices.ContainsFunc(a.usersOf(t.Name()), c.covers) {
			out = append(out, gate.SwitchTemplate+t.Name())
		}
	}
	if !whole {
		return out
	}
	for _, r := range a.o.Routes {
		out = append(out, gate.SwitchCarrier+r)
	}
	for _, p := range a.o.Packs.Packs() {
		out = append(out, gate.SwitchPack+p.ID)
	}
	for _, x := range slices.Sorted(maps.Keys(countries)) {
		out = append(out, gate.SwitchCountry+x)
	}
	return out
}

// switchKnown checks that a switch is about something that there is.
func (a *API) switchKnown(name string) error {
	kind, rest, _ := strings.Cut(name, ":")
	if !gate.IsSwitch(name) {
		return want("name", "all, or one of "+strings.Join(gate.SwitchPrefixes, ", ")+" and a name")
	}
	switch kind + ":" {
	case gate.SwitchUnit:
		if _, ok := a.o.Units.Unit(rest); !ok {
			return want("name", "unit: and the id of a unit in the unit directory")
		}
	case gate.SwitchCarrier:
		if !slices.Contains(a.o.Routes, rest) {
			return want("name", "carrier: and one of "+strings.Join(a.o.Routes, ", "))
		}
	case gate.SwitchPack:
		if !slices.ContainsFunc(a.o.Packs.Packs(), func(p policy.Pack) bool { return p.ID == rest }) {
			return want("name", "pack: and the id of a policy pack")
		}
	case gate.SwitchCountry:
		if !slices.ContainsFunc(a.o.Units.Units(), func(u reminder.Unit) bool { return string(u.Country) == rest }) {
			return want("name", "country: and the code of a country that has a unit")
		}
	case gate.SwitchTemplate:
		if !slices.ContainsFunc(a.o.Templates.All(), func(t template.Template) bool { return isTemplate(t, rest) }) {
			return want("name", "template: and a set (reminder), a template (da/reminder.sms) or one version of it")
		}
	}
	return nil
}

// isTemplate reports whether name is the template's set, the template, or a version of it, an earlier one perhaps.
func isTemplate(t template.Template, name string) bool {
	bare, _, _ := strings.Cut(name, "@")
	_, file, _ := strings.Cut(t.Name(), "/")
	set, _, _ := strings.Cut(file, ".")
	return bare == t.Name() || name == set
}
