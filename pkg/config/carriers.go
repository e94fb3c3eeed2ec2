package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Carriers are the accounts with carriers, by the names that routes, switches, metrics and the journal know them by. Every installation has
// sms and email; a file may name more.
type Carriers map[string]*Carrier

// Carrier is one account. Settings are the carrier's own: it decodes and checks them when it is built. From the environment they are
// HUSK_CARRIERS_<NAME>_SETTINGS_<SETTING>, always as text.
type Carrier struct {
	Type     string   `key:"type"`
	Settings Settings `key:"settings" secret:"true"`
	Rate     int      `key:"rate"`     // messages a second, of all processes together; 0 = no limit
	DayCap   int      `key:"day_cap"`  // messages a day, likewise; 0 = no limit
	Cost     int      `key:"cost"`     // of one segment, or one mail, in any unit
	CostCap  int      `key:"cost_cap"` // a day, in that unit; 0 = no limit
}

// Type is the type of a carrier; None where there is no such carrier.
func (c Carriers) Type(name string) string {
	if x := c[name]; x != nil {
		return x.Type
	}
	return None
}

// names are the carriers' names, those that every installation has first.
func (c Carriers) names() []string {
	names := slices.Sorted(maps.Keys(c))
	slices.SortStableFunc(names, func(a, b string) int { return slices.Index(firstCarriers, b) - slices.Index(firstCarriers, a) })
	return names
}

// firstCarriers are the carriers that there are without a file, the last first.
var firstCarriers = []string{emailCarrier, smsCarrier}

const (
	smsCarrier   = "sms"
	emailCarrier = "email"
)

// carrierName is a name that has one spelling in files and in environment variables.
var carrierName = regexp.MustCompile(`^[a-z][a-z0-9]{0,23}$`)

// Routes say which carriers each channel's messages go by.
type Routes struct {
	SMS   Rules `key:"sms"`
	Email Rules `key:"email"`
}

// Rules are looked through from the first: the first that fits a message names its carriers.
type Rules []Rule

// Names are the carriers that the rules name, each once, in the order of the rules.
func (rs Rules) Names() []string {
	var names []string
	for _, r := range rs {
		for _, n := range r.Carriers {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}

// Rule is one line of them.
type Rule struct {
	Carriers  List // names, the preferred one first
	Countries List // of the number, else of the unit; none = all
	Units     List // none = all
}

// defaultRoutes is one carrier a channel, with the channel's name.
func defaultRoutes() Routes {
	return Routes{SMS: Rules{{Carriers: List{smsCarrier}}}, Email: Rules{{Carriers: List{emailCarrier}}}}
}

// Channel is a channel's rules, without the carriers of type none; none are left where the channel is not used.
func (c Config) Channel(channel string) Rules {
	var out Rules
	all := map[string]Rules{"sms": c.Routes.SMS, "email": c.Routes.Email}
	for _, r := range all[channel] {
		r.Carriers = slices.DeleteFunc(slices.Clone(r.Carriers), func(n string) bool { return c.Carriers.Type(n) == None })
		if len(r.Carriers) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// rules reads Rules: a list of sections in the file, the same as YAML or JSON in a variable. If it can't, it returns what is allowed
// there.
func rules(raw any) (out Rules, want string) {
	const form = "a list of lines such as {carriers: [first, second], countries: [DK], units: [rh-ortho]}"
	if text, ok := raw.(string); ok {
		raw = nil
		if err := yaml.Unmarshal([]byte(text), &raw); err != nil {
			return nil, form
		}
	}
	switch x := raw.(type) {
	case Rules:
		return x, ""
	case []any:
		for i, line := range x {
			r, why := rule(line)
			if why != "" {
				return nil, fmt.Sprintf("%s; line %d %s", form, i+1, why)
			}
			out = append(out, r)
		}
		return out, ""
	}
	return nil, form
}

// rule reads one line, or says what is wrong with it.
func rule(raw any) (r Rule, why string) {
	m, ok := raw.(map[string]any)
	if !ok {
		return r, "is no such line"
	}
	to := map[string]*List{"carriers": &r.Carriers, "countries": &r.Countries, "units": &r.Units}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if to[name] == nil {
			return r, "has " + name + ", which is not known"
		}
		if *to[name], ok = list(m[name]); !ok {
			return r, "has " + name + " that are no words"
		}
	}
	if len(r.Carriers) == 0 {
		return r, "has no carriers"
	}
	return r, ""
}

var countryRE = regexp.MustCompile(`^[A-Z]{2}$`)

// carriers checks the carriers and who goes by them.
func (c Config) carriers(k *checker) {
	used := map[string]bool{}
	c.rules(k, "routes.sms", c.Routes.SMS, SMSCarriers, used)
	c.rules(k, "routes.email", c.Routes.Email, EmailCarriers, used)
	types := slices.Concat(SMSCarriers, EmailCarriers)
	slices.Sort(types)
	types = slices.Compact(types)
	for _, name := range c.Carriers.names() {
		x, key := c.Carriers[name], "carriers."+name
		k.check(key, carrierName.MatchString(name), "a name of up to 24 small letters and digits that begins with a letter: it is part of a variable's name")
		allowed := types
		switch name {
		case smsCarrier:
			allowed = SMSCarriers
		case emailCarrier:
			allowed = EmailCarriers
		}
		oneOf(k, key+".type", x.Type, allowed...)
		untouched := slices.Contains(firstCarriers, name) && len(x.Settings) == 0 && x.Type == Outbox && x.Rate == 0 && x.DayCap == 0 && x.Cost == 0 && x.CostCap == 0
		k.check(key, used[name] || x.Type == None || untouched, "a line of routes that names it, or to be left out")
		k.check(key+".type", c.Mode != ModeProduction || x.Type != Outbox || !used[name],
			"a carrier that reaches people: in production outbox is refused; none turns the route off")
		within(k, key+".rate", x.Rate, 0, 10_000)
		within(k, key+".day_cap", x.DayCap, 0, 100_000_000)
		within(k, key+".cost", x.Cost, 0, 1_000_000)
		within(k, key+".cost_cap", x.CostCap, 0, 1_000_000_000_000)
		k.check(key+".cost", x.CostCap == 0 || x.Cost > 0, "what a segment costs, since cost_cap is set")
	}
	k.check("carriers", len(c.Channel("sms")) > 0 || len(c.Channel("email")) > 0, "at least one route whose type is not none")
}

// rules checks the rules of one channel, and notes which carriers they name.
func (c Config) rules(k *checker, key string, rs Rules, serve []string, used map[string]bool) {
	for i, r := range rs {
		line := fmt.Sprintf("line %d: ", i+1)
		seen := map[string]bool{}
		for _, name := range r.Carriers {
			k.check(key, c.Carriers[name] != nil, line+"names of carriers: "+strings.Join(c.Carriers.names(), ", "))
			known := c.Carriers[name] == nil || c.Carriers.Type(name) == "" || slices.Contains(firstCarriers, name) && key == "routes."+name // what is wrong with these is told of elsewhere
			k.check(key, known || slices.Contains(serve, c.Carriers.Type(name)), line+"carriers of a type that serves the channel: "+strings.Join(serve, ", "))
			k.check(key, !seen[name], line+"each carrier once")
			seen[name], used[name] = true, true
		}
		for _, x := range r.Countries {
			k.check(key, countryRE.MatchString(x), line+"countries as two capital letters, such as DK")
		}
		last := i == len(rs)-1
		everything := len(r.Countries) == 0 && len(r.Units) == 0
		k.check(key, everything == last, "a last line with carriers alone, which takes what fits none before it")
	}
	k.check(key, len(rs) > 0, "at least one line; a channel that is not used has a carrier of type none")
}
