package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// List is several words. The environment and flags have them with spaces or commas between.
type List []string

func (l List) has(word string) bool { return slices.Contains(l, word) }

// list reads a List.
func list(raw any) (List, bool) {
	var words List
	switch x := raw.(type) {
	case List:
		return x, true
	case string:
		words = strings.FieldsFunc(x, func(r rune) bool { return r == ' ' || r == ',' })
	case []any:
		for _, w := range x {
			s, ok := w.(string)
			if !ok || s == "" {
				return nil, false
			}
			words = append(words, s)
		}
	default:
		return nil, false
	}
	return words, true
}

// Grants say what people may do by the groups that the OpenID provider tells of them. A group that is not named gives nothing.
type Grants []Grant

// Grant is one line of them.
type Grant struct {
	Value string // the group, to the letter
	Role  string // a role of the staff API
	Units List   // none = the whole installation, for roles that may
}

// grants reads Grants: a list of sections in the file, the same as YAML or JSON in a variable. If it can't, it returns what is
// allowed there.
func grants(raw any) (out Grants, want string) {
	const form = "a list of lines such as {value: husk-clerks, role: clerk, units: [rh-ortho]}"
	if text, ok := raw.(string); ok {
		raw = nil
		if err := yaml.Unmarshal([]byte(text), &raw); err != nil {
			return nil, form
		}
	}
	switch x := raw.(type) {
	case nil:
		return nil, ""
	case Grants:
		return x, ""
	case []any:
		for i, line := range x {
			g, why := grant(line)
			if why != "" {
				return nil, fmt.Sprintf("%s; line %d %s", form, i+1, why)
			}
			out = append(out, g)
		}
		return out, ""
	}
	return nil, form
}

// grant reads one line, or says what is wrong with it.
func grant(raw any) (g Grant, why string) {
	m, ok := raw.(map[string]any)
	if !ok {
		return g, "is no such line"
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		var ok bool
		switch name {
		case "value":
			g.Value, ok = m[name].(string)
		case "role":
			g.Role, ok = m[name].(string)
		case "units":
			g.Units, ok = list(m[name])
		default:
			return g, "has " + name + ", which is not known"
		}
		if !ok {
			return g, "has a " + name + " that is no text"
		}
	}
	switch {
	case g.Value == "":
		return g, "has no value"
	case g.Role == "":
		return g, "has no role"
	}
	return g, ""
}
