package config

import (
	"net/mail"
	"net/url"
	"regexp"
	"strings"
)

// Unsubscribe is how a mail program stops the messages to its address: what the header List-Unsubscribe of reminders by e-mail offers
// (RFC 2369, RFC 8058), and the listener for one-click unsubscription. It is a listener of its own, because mail providers must reach
// it from outside, which the staff API need not and should not be.
type Unsubscribe struct {
	URL    string `key:"url"`    // https, as mail programs reach the listener; empty = no one-click
	Mail   string `key:"mail"`   // a mailbox where a mail with the subject STOP is seen to; empty = none
	Listen string `key:"listen"` // host:port; empty = another process or none answers
	Cert   string `key:"cert"`
	Key    string `key:"key"`
	Rate   int    `key:"rate"` // requests a second from one address
}

// Path is where under Listen the tokens are: the path of URL.
func (u Unsubscribe) Path() string {
	x, err := url.Parse(u.URL)
	if err != nil {
		return "/"
	}
	return strings.TrimRight(x.Path, "/") + "/"
}

// unsubscribeURL is https with a host name and perhaps a port and a plain path: short enough for a header line with a token behind it.
var unsubscribeURL = regexp.MustCompile(`^https://([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}(:[0-9]{1,5})?(/[A-Za-z0-9_-]+)*/?$`)

// unsubscribe checks that what is offered leads somewhere.
func (c Config) unsubscribe(k *checker) {
	u := c.Unsubscribe
	k.check("unsubscribe.url", u.URL == "" || len(u.URL) <= 120 && unsubscribeURL.MatchString(u.URL),
		"https://, a host name in lower case and a plain path, at most 120 characters, no query; or empty for none")
	k.check("unsubscribe.mail", u.Mail == "" || bareMail(u.Mail), "one bare mail address such as stop@hospital.example, or empty for none")
	TLS{Cert: u.Cert, Key: u.Key}.check(k, "unsubscribe")
	within(k, "unsubscribe.rate", u.Rate, 1, 100_000)
	if u.Listen == "" {
		k.check("unsubscribe.listen", u.URL == "" || c.Shared(), "host:port, since unsubscribe.url is set: nobody would answer there")
		return
	}
	k.check("unsubscribe.listen", hostPort(u.Listen), "host:port, or empty for none")
	k.check("unsubscribe.listen", u.Cert != "" || loopback(u.Listen), "an address of this machine alone, for a proxy with TLS, or unsubscribe.cert and unsubscribe.key")
	k.check("unsubscribe.url", u.URL != "", "the address under which unsubscribe.listen is reached from outside")
}

// bareMail reports whether s is one mail address that stands in a mailto URI as it is.
func bareMail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && len(s) <= 120 && !strings.ContainsFunc(s, func(r rune) bool {
		return r > '~' || strings.ContainsRune(" \t\"<>()[],:;\\?&%#/", r)
	})
}
