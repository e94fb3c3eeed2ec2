package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// provided is pages whose people an OpenID provider lets in.
func provided(c *Config) {
	c.Pages.Listen, c.Pages.URL = "127.0.0.1:8486", "https://husk.hospital.example"
	s := &c.Pages.SignIn
	s.Issuer, s.ClientID, s.ClientSecretFile, s.AMR = "https://id.hospital.example/realms/staff", "husk", "/secret", List{"mfa"}
	s.Grants = Grants{{Value: "husk-clerks", Role: "clerk", Units: List{"rh-ortho"}}}
}

func TestPages(t *testing.T) {
	production := func(c *Config) {
		c.Mode, c.Carriers["sms"].Type, c.Carriers["email"].Type = ModeProduction, None, "smtp"
	}
	const in = "pages.sign_in."
	for _, tt := range []struct {
		name   string
		change func(*Config)
		keys   []string
	}{
		{"links on this machine", func(c *Config) { c.Pages.Listen = "127.0.0.1:8486" }, nil},
		{"links for everybody in clear", func(c *Config) { c.Pages.Listen = ":8486" }, []string{"pages.listen", "pages.url"}},
		{"links over TLS", func(c *Config) {
			c.Pages.Listen, c.Pages.URL, c.Pages.Cert, c.Pages.Key = ":8486", "https://husk.example:8486", "/c", "/k"
		}, nil},
		{"links in production", func(c *Config) {
			production(c)
			c.Pages.Listen, c.Pages.URL = "127.0.0.1:8486", "https://husk.example"
		}, []string{in + "issuer"}},
		{"a provider", provided, nil},
		{"a provider in production", func(c *Config) { production(c); provided(c) }, nil},
		{"a provider in clear on this machine", func(c *Config) { provided(c); c.Pages.SignIn.Issuer = "http://127.0.0.1:9000" }, nil},
		{"a provider in clear in production", func(c *Config) {
			production(c)
			provided(c)
			c.Pages.SignIn.Issuer = "http://127.0.0.1:9000"
		}, []string{in + "issuer"}},
		{"a provider in clear elsewhere", func(c *Config) { provided(c); c.Pages.SignIn.Issuer = "http://id.example" }, []string{in + "issuer"}},
		{"an issuer with a query", func(c *Config) { provided(c); c.Pages.SignIn.Issuer += "?x=1" }, []string{in + "issuer"}},
		{"pages in clear in production", func(c *Config) { production(c); provided(c); c.Pages.URL = "http://127.0.0.1" }, []string{"pages.url"}},
		{"a path in the address", func(c *Config) { provided(c); c.Pages.URL += "/husk" }, []string{"pages.url"}},
		{"no address to come back to", func(c *Config) { provided(c); c.Pages.URL = "" }, []string{"pages.url"}},
		{"no client", func(c *Config) { provided(c); c.Pages.SignIn.ClientID = "" }, []string{in + "client_id"}},
		{"neither secret nor key", func(c *Config) { provided(c); c.Pages.SignIn.ClientSecretFile = "" }, []string{in + "client_secret_file"}},
		{"secret and key", func(c *Config) { provided(c); c.Pages.SignIn.ClientKeyFile = "/key" }, []string{in + "client_secret_file"}},
		{"the id of no key", func(c *Config) { provided(c); c.Pages.SignIn.ClientKeyID = "k1" }, []string{in + "client_key_id"}},
		{"no openid", func(c *Config) { provided(c); c.Pages.SignIn.Scopes = List{"profile"} }, []string{in + "scopes"}},
		{"a password alone", func(c *Config) { provided(c); c.Pages.SignIn.AMR = nil }, []string{in + "amr"}},
		{"a password as second factor", func(c *Config) { provided(c); c.Pages.SignIn.AMR = List{"mfa", "pwd"} }, []string{in + "amr"}},
		{"acr in place of amr", func(c *Config) { provided(c); c.Pages.SignIn.AMR, c.Pages.SignIn.ACR = nil, List{"high"} }, nil},
		{"factors of last week", func(c *Config) { provided(c); c.Pages.SignIn.MaxAge = 7 * day }, []string{in + "max_age"}},
		{"no claims", func(c *Config) { provided(c); c.Pages.SignIn.GroupsClaim, c.Pages.SignIn.NameClaim = "", "a b" }, []string{in + "groups_claim", in + "name_claim"}},
		{"no grants", func(c *Config) { provided(c); c.Pages.SignIn.Grants = nil }, []string{in + "grants"}},
		{"grants without a provider", func(c *Config) { provided(c); c.Pages.SignIn.Issuer = "" },
			[]string{in + "client_id", in + "client_secret_file", in + "amr", in + "grants"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Default()
			tt.change(&c)
			var keys []string
			for _, p := range c.problems() {
				keys = append(keys, p.Key)
			}
			if !slices.Equal(keys, tt.keys) {
				t.Errorf("refused %v, want %v\n%v", keys, tt.keys, c.Validate())
			}
		})
	}
}

func TestListsAndGrants(t *testing.T) {
	alone(t)
	const head = `
pages:
  url: https://husk.example
  sign_in:
    issuer: https://id.example
    client_id: husk
    client_secret_file: /secret
    amr: [mfa, otp]
`
	want := Grants{{Value: "husk-clerks", Role: "clerk", Units: List{"rh-ortho", "rh-eye"}}, {Value: "https://id.example/Auditors", Role: "auditor"}}
	file := filepath.Join(t.TempDir(), "husk.yaml")
	load := func(text string) (Config, error) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(envFile, file)
		return Load(nil)
	}
	const lines = "[{value: husk-clerks, role: clerk, units: [rh-ortho, rh-eye]}, {value: https://id.example/Auditors, role: auditor}]"
	c, err := load(head + "    grants: " + lines + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if s := c.Pages.SignIn; !reflect.DeepEqual(s.Grants, want) || !slices.Equal(s.AMR, List{"mfa", "otp"}) || !slices.Equal(s.Scopes, List{"openid", "profile"}) || s.MaxAge != 12*time.Hour {
		t.Errorf("got %+v", s)
	}
	t.Setenv("HUSK_PAGES_SIGN_IN_GRANTS", lines)
	t.Setenv("HUSK_PAGES_SIGN_IN_SCOPES", "openid groups")
	if c, err = load(head); err != nil || !reflect.DeepEqual(c.Pages.SignIn.Grants, want) || !slices.Equal(c.Pages.SignIn.Scopes, List{"openid", "groups"}) {
		t.Errorf("from variables: %+v, %v", c.Pages.SignIn, err)
	}
	t.Setenv("HUSK_PAGES_SIGN_IN_GRANTS", "")
	for text, says := range map[string]string{
		"    grants: husk-clerks":                                 "a list of lines",
		"    grants: [husk-clerks]":                               "line 1 is no such line",
		"    grants: [{value: a, role: clerk}, {role: clerk}]":    "line 2 has no value",
		"    grants: [{value: a}]":                                "line 1 has no role",
		"    grants: [{value: a, role: clerk, unit: b}]":          "line 1 has unit, which is not known",
		"    grants: [{value: 7, role: clerk}]":                   "line 1 has a value that is no text",
		"    grants: [{value: a, role: clerk, units: [7]}]":       "line 1 has a units that is no text",
		"    grants: [{value: a, role: auditor}]\n    acr: [3]\n": "a list of words",
	} {
		if _, err := load(head + text + "\n"); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
