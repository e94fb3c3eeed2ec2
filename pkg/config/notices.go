package config

import (
	"regexp"
	"strings"
	"time"
)

// Notices are the mails to a unit's own function address that tell how much waits there. Without Allow there are none.
type Notices struct {
	Allow List          `key:"allow"` // domains and addresses, in lower case
	After time.Duration `key:"after"` // how long something must have waited to be told of; whole hours
}

// On reports whether any notice is sent.
func (n Notices) On() bool { return len(n.Allow) > 0 }

// Allows reports whether an address may be written to: it is listed, or is at a domain that is listed. What is below that domain is
// not. Addresses are compared in lower case.
func (n Notices) Allows(address string) bool {
	address = strings.ToLower(address)
	at := strings.LastIndexByte(address, '@')
	return at > 0 && (n.Allow.has(address) || n.Allow.has(address[at+1:]))
}

// allowRE is a domain, perhaps with a local part before it.
var allowRE = regexp.MustCompile(`^([a-z0-9!#$%&'*+/=?^_{|}~.-]{1,64}@)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)

// notices checks who may be told what waits.
func (c Config) notices(k *checker) {
	n := c.Notices
	for _, s := range n.Allow {
		k.check("notices.allow", allowRE.MatchString(s), "domains such as hospital.example and addresses such as clinic3@hospital.example, in lower case: "+s+" is neither")
	}
	k.check("notices.allow", !n.On() || c.Carriers.Type("email") != None, "it empty, since carriers.email.type is none: notices go by e-mail")
	span(k, "notices.after", n.After, time.Hour, 30*day)
	k.check("notices.after", n.After%time.Hour == 0, "whole hours, such as 24h or 2d")
}
