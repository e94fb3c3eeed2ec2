package config

import (
	"errors"
	"slices"
	"testing"
)

func TestUnsubscribe(t *testing.T) {
	const url, listen = "https://husk.hospital.example/unsubscribe", "127.0.0.1:8486"
	for name, c := range map[string]struct {
		set  Unsubscribe
		with func(*Config)
		want []string
	}{
		"nothing":                 {Unsubscribe{}, nil, nil},
		"behind a proxy":          {Unsubscribe{URL: url, Mail: "stop@hospital.example", Listen: listen}, nil, nil},
		"with a certificate":      {Unsubscribe{URL: url, Listen: ":443", Cert: "/c", Key: "/k"}, nil, nil},
		"a port and no path":      {Unsubscribe{URL: "https://husk.hospital.example:8443", Listen: listen}, nil, nil},
		"mail alone":              {Unsubscribe{Mail: "stop@hospital.example"}, nil, nil},
		"another process answers": {Unsubscribe{URL: url}, func(c *Config) { c.NATS.URL, c.Redis.URL = "nats://localhost:1", "redis://localhost:2" }, nil},
		"nobody answers":          {Unsubscribe{URL: url}, nil, []string{"unsubscribe.listen"}},
		"in clear":                {Unsubscribe{URL: "http://husk.hospital.example/x", Listen: listen}, nil, []string{"unsubscribe.url"}},
		"with a query":            {Unsubscribe{URL: url + "?x=1", Listen: listen}, nil, []string{"unsubscribe.url"}},
		"with a user":             {Unsubscribe{URL: "https://a:b@husk.hospital.example/x", Listen: listen}, nil, []string{"unsubscribe.url"}},
		"two in one":              {Unsubscribe{URL: url + ">, <https://x.example/y", Listen: listen}, nil, []string{"unsubscribe.url"}},
		"nowhere":                 {Unsubscribe{URL: url, Listen: "8486"}, nil, []string{"unsubscribe.listen"}},
		"open and in clear":       {Unsubscribe{URL: url, Listen: ":8486"}, nil, []string{"unsubscribe.listen"}},
		"a key without its cert":  {Unsubscribe{URL: url, Listen: listen, Key: "/k"}, nil, []string{"unsubscribe.cert"}},
		"who reaches it":          {Unsubscribe{Listen: listen}, nil, []string{"unsubscribe.url"}},
		"a name before the mail":  {Unsubscribe{Mail: "Stop <stop@hospital.example>"}, nil, []string{"unsubscribe.mail"}},
		"a mail with a subject":   {Unsubscribe{Mail: "stop@hospital.example?subject=x"}, nil, []string{"unsubscribe.mail"}},
		"two mails":               {Unsubscribe{Mail: "a@hospital.example,b@hospital.example"}, nil, []string{"unsubscribe.mail"}},
	} {
		conf := Default()
		c.set.Rate = 20
		conf.Unsubscribe = c.set
		if c.with != nil {
			c.with(&conf)
		}
		var got []string
		for _, p := range conf.problems() {
			got = append(got, p.Key)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v (%v)", name, got, c.want, errors.Join(conf.Validate()))
		}
	}
	for url, want := range map[string]string{
		"https://x.example": "/", "https://x.example/": "/", "https://x.example/unsubscribe": "/unsubscribe/", "https://x.example:8443/a/b/": "/a/b/",
	} {
		if got := (Unsubscribe{URL: url}).Path(); got != want {
			t.Errorf("%s is under %s", url, got)
		}
	}
}
