package config

import (
	"slices"
	"testing"
	"time"
)

func TestNotices(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		keys   []string
	}{
		{"a domain and an address", func(c *Config) { c.Notices.Allow = List{"hospital.example", "eye+staff@clinic.example"} }, nil},
		{"a word", func(c *Config) { c.Notices.Allow = List{"hospital"} }, []string{"notices.allow"}},
		{"in capitals", func(c *Config) { c.Notices.Allow = List{"Hospital.example"} }, []string{"notices.allow"}},
		{"everybody", func(c *Config) { c.Notices.Allow = List{"*.example"} }, []string{"notices.allow"}},
		{"a name", func(c *Config) { c.Notices.Allow = List{"<eye@clinic.example>"} }, []string{"notices.allow"}},
		{"without a carrier", func(c *Config) { c.Notices.Allow, c.Carriers["email"].Type = List{"hospital.example"}, None }, []string{"notices.allow"}},
		{"at once", func(c *Config) { c.Notices.After = time.Minute }, []string{"notices.after"}},
		{"half an hour", func(c *Config) { c.Notices.After = 90 * time.Minute }, []string{"notices.after"}},
		{"never", func(c *Config) { c.Sweeps.Notices = "" }, []string{"sweeps.notices"}},
	} {
		c := Default()
		tt.change(&c)
		var keys []string
		for _, p := range c.problems() {
			keys = append(keys, p.Key)
		}
		if !slices.Equal(keys, tt.keys) {
			t.Errorf("%s: refused %v, want %v", tt.name, keys, tt.keys)
		}
	}
}

func TestNoticesAllow(t *testing.T) {
	n := Notices{Allow: List{"hospital.example", "eye@clinic.example"}}
	for address, want := range map[string]bool{
		"staff@hospital.example": true, "Staff@Hospital.Example": true, "eye@clinic.example": true,
		"ear@clinic.example": false, "staff@sub.hospital.example": false, "staff@evilhospital.example": false, "hospital.example": false,
		"@hospital.example": false, "staff@hospital.example@other.example": false, "": false,
	} {
		if got := n.Allows(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	if (Notices{}).On() || (Notices{}).Allows("staff@hospital.example") {
		t.Error("without a list somebody is written to")
	}
}
