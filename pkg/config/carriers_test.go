package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestNamedCarriers(t *testing.T) {
	alone(t)
	write(t, `
carriers:
  sms: {type: twilio, rate: 20, day_cap: 1000}
  second:
    type: sinch
    cost: 45
    cost_cap: 900000
    settings: {plan: p}
routes:
  sms:
    - {carriers: [second, sms], countries: [SE, NO], units: [rh-ortho]}
    - {carriers: [sms, second]}
`)
	t.Setenv("HUSK_CARRIERS_SECOND_SETTINGS_TOKEN", "t0")
	t.Setenv("HUSK_CARRIERS_SECOND_RATE", "7")
	c, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *c.Carriers["second"], (Carrier{Type: "sinch", Settings: Settings{"plan": "p", "token": "t0"}, Rate: 7, Cost: 45, CostCap: 900_000}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got := c.Carriers["sms"]; got.Type != "twilio" || got.Rate != 20 || got.DayCap != 1000 || c.Carriers.Type("email") != Outbox {
		t.Errorf("got %+v", got)
	}
	want := Rules{{Carriers: List{"second", "sms"}, Countries: List{"SE", "NO"}, Units: List{"rh-ortho"}}, {Carriers: List{"sms", "second"}}}
	if got := c.Channel("sms"); !reflect.DeepEqual(got, want) || !slices.Equal(got.Names(), []string{"second", "sms"}) {
		t.Errorf("got %+v", got)
	}
	if got := c.Channel("email"); len(got) != 1 || !slices.Equal(got.Names(), []string{"email"}) {
		t.Errorf("got %+v", got)
	}
	if d := Default(); len(d.Carriers) != 2 {
		t.Error("a file changes the defaults")
	}
}

// A carrier of type none is left out of the order, and a channel is off where all are.
func TestCarriersThatAreNone(t *testing.T) {
	c := Default()
	c.Carriers["spare"] = &Carrier{Type: None}
	c.Routes.SMS = Rules{{Carriers: List{"spare"}, Countries: List{"SE"}}, {Carriers: List{"spare", "sms"}}}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if got := c.Channel("sms"); len(got) != 1 || !slices.Equal(got[0].Carriers, List{"sms"}) {
		t.Errorf("got %+v", got)
	}
	c.Carriers["sms"].Type = None
	if got := c.Channel("sms"); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestCarriersAndRoutesRefused(t *testing.T) {
	for name, x := range map[string]struct{ text, want string }{
		"a carrier of no type":              {"carriers: {second: {rate: 1}}\nroutes: {sms: [{carriers: [sms, second]}]}", "carriers.second.type"},
		"a carrier that nobody names":       {"carriers: {second: {type: twilio}}", "carriers.second (FILE"},
		"a name that is no name":            {"carriers: {se-cond: {type: twilio}}", "carriers.se-cond (FILE"},
		"a route by nobody":                 {"routes: {sms: [{carriers: [third]}]}", "routes.sms"},
		"SMS by mail":                       {"carriers: {post: {type: smtp}}\nroutes: {sms: [{carriers: [sms, post]}]}", "routes.sms"},
		"no line that takes the rest":       {"routes: {sms: [{carriers: [sms], countries: [DK]}]}", "a last line with carriers alone"},
		"a line after the one for the rest": {"routes: {sms: [{carriers: [sms]}, {carriers: [sms]}]}", "a last line with carriers alone"},
		"a carrier twice":                   {"routes: {sms: [{carriers: [sms, sms]}]}", "each carrier once"},
		"no lines":                          {"routes: {sms: []}", "at least one line"},
		"a country by its name":             {"routes: {sms: [{carriers: [sms], countries: [denmark]}, {carriers: [sms]}]}", "two capital letters"},
		"an unknown word in a line":         {"routes: {sms: [{carriers: [sms], country: [DK]}]}", "country, which is not known"},
		"a cap without a cost":              {"carriers: {sms: {cost_cap: 5}}", "carriers.sms.cost"},
		"a negative rate":                   {"carriers: {sms: {rate: -1}}", "carriers.sms.rate"},
		"a zone that is none":               {"send: {zone: Mars/Olympus}", "send.zone"},
		"a test number that is none":        {"send: {test_sms: '20123456'}", "send.test_sms"},
		"a test address that is none":       {"send: {test_email: 'anna at example'}", "send.test_email"},
		"the outbox in production":          {"mode: production\ncarriers: {sms: {type: none}, email: {type: smtp}, box: {type: outbox}}\nroutes: {email: [{carriers: [email, box]}]}", "carriers.box.type"},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t)
			path := write(t, x.text)
			_, err := Load(nil)
			if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), path, "FILE"), x.want) {
				t.Errorf("got %v, want %q", err, x.want)
			}
		})
	}
}
