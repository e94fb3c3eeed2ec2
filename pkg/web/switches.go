package web

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/template"
)

// Switch is what POST /v1/switches takes: On stops sending for a name, and lets it go on otherwise.
type Switch struct {
	Name   string `json:"name"`
	On     bool   `json:"on"`
	Reason string `json:"reason"`
}

// Switches answers POST /v1/switches: what is stopped now, and why.
type Switches struct {
	Stopped map[string]string `json:"stopped"`
}

func (a *API) setSwitch(ctx context.Context, r *http.Request) (any, error) {
	var q Switch
	if err := read(r, &q); err != nil {
		return nil, err
	}
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return nil, err
	}
	now, err := a.o.Ledger.Status(ctx)
	if err != nil {
		return nil, err
	}
	action := "switch.stop " + q.Name
	if q.On {
		// A switch with a slip in its name would stop nothing while everybody believes that it does.
		if err := a.switchKnown(q.Name); err != nil {
			return nil, err
		}
	} else {
		if _, ok := now.Stopped[q.Name]; !ok {
			return nil, want("name", "the name of a switch that is on: see the status")
		}
		action = "switch.resume " + q.Name
	}
	if err := a.audit(ctx, r, action, "", "", reason); err != nil {
		return nil, err
	}
	if err := a.o.Ledger.Switch(ctx, state.Switch{Name: q.Name, On: q.On, Reason: reason}); err != nil {
		return nil, err
	}
	if now, err = a.o.Ledger.Status(ctx); err != nil {
		return nil, err
	}
	out := Switches{Stopped: map[string]string{}}
	for name, why := range now.Stopped {
		out.Stopped[name] = why
	}
	return out, nil
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
