package config

import (
	"strings"
	"time"
)

// Callbacks is the listener for carriers that call us with delivery reports and people's answers. It is a listener of its own, because
// carriers must reach it from outside, which the staff API need not and should not be.
type Callbacks struct {
	URL    string `key:"url"`    // https, as carriers reach the listener, without a path; empty = no addresses are told
	Listen string `key:"listen"` // host:port; empty = another process or none answers
	Cert   string `key:"cert"`
	Key    string `key:"key"`
	// ClientCA is whose certificates carriers must show; empty = none are asked for. What a carrier package asks for is asked besides.
	ClientCA string `key:"client_ca"`
	// SecretFile holds a secret of at least 32 characters; each carrier's address has one of its own made of it.
	SecretFile string `key:"secret_file"`
	Rate       int    `key:"rate"` // requests a second from one address

	// ReportWithin is how long a carrier may take to tell what became of a message that it took, ReportWithinOf the same of single carriers,
	// by their name or type (<carrier>=<duration>); 0s = it tells nothing.
	ReportWithin   time.Duration `key:"report_within"`
	ReportWithinOf List          `key:"report_within_of"`
}

// Within is how long a carrier of a type may take to report. What is said of its name counts more than what is said of the type.
func (c Callbacks) Within(carrier, typ string) time.Duration {
	for _, who := range []string{carrier, typ} {
		for _, x := range c.ReportWithinOf {
			if name, text, _ := strings.Cut(x, "="); name == who {
				d, _ := parseDuration(text)
				return d
			}
		}
	}
	return c.ReportWithin
}

// callbacks checks that carriers come to somebody, and not in the clear.
func (c Config) callbacks(k *checker) {
	b := c.Callbacks
	k.check("callbacks.url", b.URL == "" || len(b.URL) <= 120 && unsubscribeURL.MatchString(b.URL) && strings.Count(strings.TrimRight(b.URL, "/"), "/") == 2,
		"https:// and a host name in lower case, perhaps with a port, and no path; or empty")
	TLS{Cert: b.Cert, Key: b.Key}.check(k, "callbacks")
	k.check("callbacks.client_ca", b.ClientCA == "" || b.Cert != "", "it empty, or callbacks.cert: carriers show certificates over TLS alone, and a proxy that ends it must ask for them itself")
	within(k, "callbacks.rate", b.Rate, 1, 100_000)
	span(k, "callbacks.report_within", b.ReportWithin, 0, 30*day)
	for _, x := range b.ReportWithinOf {
		name, text, ok := strings.Cut(x, "=")
		d, isTime := parseDuration(text)
		k.check("callbacks.report_within_of", ok && name != "" && isTime && d >= 0 && d <= 30*day, "a list of words such as smpp=24h, each a carrier and 0s to 30d")
	}
	if b.Listen == "" {
		return
	}
	k.check("callbacks.listen", hostPort(b.Listen), "host:port, or empty for none")
	k.check("callbacks.listen", b.Cert != "" || loopback(b.Listen), "an address of this machine alone, for a proxy with TLS, or callbacks.cert and callbacks.key")
	k.check("callbacks.secret_file", b.SecretFile != "", "a file with a secret, since callbacks.listen is set: carriers' addresses are made of it")
}
