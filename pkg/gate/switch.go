package gate

import (
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// SwitchAll stops everything. The others are a prefix and a name.
const (
	SwitchAll      = "all"
	SwitchUnit     = "unit:"     // and the unit's id
	SwitchTemplate = "template:" // and the template set, the template, or one version of it
	SwitchCarrier  = "carrier:"  // and the route or the carrier's name
	SwitchPack     = "pack:"     // and the pack's id
	SwitchCountry  = "country:"  // and the country's code
)

// SwitchPrefixes lists what a switch other than SwitchAll begins with.
var SwitchPrefixes = []string{SwitchUnit, SwitchTemplate, SwitchCarrier, SwitchPack, SwitchCountry}

// IsSwitch reports whether name has the form of a switch.
func IsSwitch(name string) bool {
	return name == SwitchAll || slices.ContainsFunc(SwitchPrefixes, func(p string) bool {
		rest, ok := strings.CutPrefix(name, p)
		return ok && rest != "" && !strings.ContainsAny(rest, " \t\r\n")
	})
}

// switches names everything that stops a message of this unit, pack, purpose and route. template is "" before one has
// been chosen.
func switches(u reminder.Unit, p policy.Pack, purpose reminder.Purpose, template, route string) []string {
	names := []string{SwitchAll, SwitchUnit + u.ID, SwitchPack + p.ID, SwitchCountry + string(u.Country), SwitchTemplate + templateSet(u, purpose)}
	names = append(names, templateNames(template)...)
	if route != "" {
		names = append(names, SwitchCarrier+route)
	}
	return names
}

// templateNames names what stops a template beside its set: "da/reminder.sms@3f2a91c0" is stopped with that version and without it.
func templateNames(template string) []string {
	if template == "" {
		return nil
	}
	names := []string{SwitchTemplate + template}
	if bare, _, ok := strings.Cut(template, "@"); ok {
		names = append(names, SwitchTemplate+bare)
	}
	return names
}

// templateSet is the set of templates the unit uses for a purpose: the purpose's own name unless it has another.
func templateSet(u reminder.Unit, purpose reminder.Purpose) string {
	if s := u.Templates[purpose]; s != "" {
		return s
	}
	return string(purpose)
}
