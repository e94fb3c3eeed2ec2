package signin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/web"
)

// Rule gives a grant to a group that the provider tells of.
type Rule struct {
	Value string // the group, to the letter
	Grant Grant
}

// CheckRules says what is wrong with the rules, by their place in pages.sign_in.grants; known are the units there are.
func CheckRules(rules []Rule, known func(unit string) bool) error {
	if len(rules) == 0 {
		return fmt.Errorf("signin: grants: want at least one: nobody would be let in")
	}
	for i, r := range rules {
		if r.Value == "" {
			return fmt.Errorf("signin: grants: line %d: value: want the name of a group", i+1)
		}
		if err := r.Grant.Check(); err != nil {
			return fmt.Errorf("signin: grants: line %d: %w", i+1, err)
		}
		for _, u := range r.Grant.Units {
			if !known(u) {
				return fmt.Errorf("signin: grants: line %d: units: %q is not in the unit directory", i+1, u)
			}
		}
	}
	return nil
}

// granted are the grants of somebody in these groups: each role once, with the units of all the rules for it. Where one of them is
// for the whole installation, so is the grant.
func granted(rules []Rule, groups []string) []Grant {
	var out []Grant
	for _, role := range web.Roles {
		g, has, whole := Grant{Role: role}, false, false
		for _, r := range rules {
			if r.Grant.Role != role || !slices.Contains(groups, r.Value) {
				continue
			}
			has, whole = true, whole || len(r.Grant.Units) == 0
			g.Units = append(g.Units, r.Grant.Units...)
		}
		slices.Sort(g.Units)
		g.Units = slices.Compact(g.Units)
		if whole {
			g.Units = nil
		}
		if has {
			out = append(out, g)
		}
	}
	return out
}

// claims are what a token or the userinfo address says, undecoded.
type claims map[string]json.RawMessage

// find returns a claim by its name or, where there is none of that name, by the path that dots make of it.
func (c claims) find(name string) (json.RawMessage, bool) {
	if v, ok := c[name]; ok {
		return v, string(v) != "null"
	}
	head, rest, dotted := strings.Cut(name, ".")
	v, ok := c[head]
	if !dotted || !ok {
		return nil, false
	}
	var inner claims
	if json.Unmarshal(v, &inner) != nil {
		return nil, false
	}
	return inner.find(rest)
}

// words are a claim's values: one text, or a list of texts. A claim of another kind has none.
func (c claims) words(name string) []string {
	v, ok := c.find(name)
	if !ok {
		return nil
	}
	var one string
	if json.Unmarshal(v, &one) == nil {
		return []string{one}
	}
	var many []string
	if json.Unmarshal(v, &many) != nil {
		return nil
	}
	return many
}

// text is a claim's one text; "" where it is none.
func (c claims) text(name string) string {
	if w := c.words(name); len(w) == 1 {
		return w[0]
	}
	return ""
}
