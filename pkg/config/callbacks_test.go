package config

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestCallbacks(t *testing.T) {
	const url, listen = "https://husk.hospital.example", "127.0.0.1:8487"
	for name, c := range map[string]struct {
		set  Callbacks
		want []string
	}{
		"nothing":                   {Callbacks{}, nil},
		"behind a proxy":            {Callbacks{URL: url, Listen: listen, SecretFile: "/s"}, nil},
		"with a certificate":        {Callbacks{URL: url + ":8443/", Listen: ":8443", Cert: "/c", Key: "/k", SecretFile: "/s"}, nil},
		"another process answers":   {Callbacks{URL: url, SecretFile: "/s"}, nil},
		"without a secret":          {Callbacks{URL: url, Listen: listen}, []string{"callbacks.secret_file"}},
		"open and in clear":         {Callbacks{URL: url, Listen: ":8487", SecretFile: "/s"}, []string{"callbacks.listen"}},
		"nowhere":                   {Callbacks{Listen: "8487", SecretFile: "/s"}, []string{"callbacks.listen"}},
		"certificates of carriers":  {Callbacks{URL: url, Listen: ":8443", Cert: "/c", Key: "/k", ClientCA: "/ca", SecretFile: "/s"}, nil},
		"certificates in clear":     {Callbacks{URL: url, Listen: listen, ClientCA: "/ca", SecretFile: "/s"}, []string{"callbacks.client_ca"}},
		"a path of its own":         {Callbacks{URL: url + "/x"}, []string{"callbacks.url"}},
		"in clear":                  {Callbacks{URL: "http://husk.hospital.example"}, []string{"callbacks.url"}},
		"a certificate and no key":  {Callbacks{Cert: "/c"}, []string{"callbacks.key"}},
		"a time that is none":       {Callbacks{ReportWithinOf: List{"smpp=soon"}}, []string{"callbacks.report_within_of"}},
		"no carrier":                {Callbacks{ReportWithinOf: List{"=2d"}}, []string{"callbacks.report_within_of"}},
		"longer than anybody waits": {Callbacks{ReportWithin: 31 * day}, []string{"callbacks.report_within"}},
	} {
		conf := Default()
		c.set.Rate = 200
		conf.Callbacks = c.set
		var got []string
		for _, p := range conf.problems() {
			got = append(got, p.Key)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v (%v)", name, got, c.want, errors.Join(conf.Validate()))
		}
	}
	b := Callbacks{ReportWithin: 2 * day, ReportWithinOf: List{"smpp=24h", "smtp=0s", "slow=3d"}}
	for carrier, want := range map[[2]string]time.Duration{
		{"sms", "smpp"}: day, {"email", "smtp"}: 0, {"sms", "link"}: 2 * day, {"slow", "smpp"}: 3 * day, {"gone", None}: 2 * day,
	} {
		if got := b.Within(carrier[0], carrier[1]); got != want {
			t.Errorf("%s: %v, want %v", carrier, got, want)
		}
	}
}
