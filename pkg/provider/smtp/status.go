package smtp

import (
	"regexp"
	"strings"

	"github.com/husk-reminders/husk/pkg/provider"
)

// faults are the enhanced status codes (RFC 3463, and IANA's register of them) that say that an address is wrong for good. All others
// say something of this message, of us, of the server or of the moment. 5.7.1 is among those: servers give it to who they take for a
// spammer, so one bad day of ours would strike out the address of every patient. So is 5.2.1, which some give to who writes too often.
var faults = map[string]provider.Fault{
	"5.1.1":  provider.NotInUse, // no such mailbox
	"5.1.2":  provider.NotInUse, // no such domain
	"5.1.3":  provider.NotInUse, // no address at all
	"5.1.6":  provider.NotInUse, // moved, nobody knows where to
	"5.1.10": provider.NotInUse, // a domain that takes no mail (RFC 7505)
	"5.7.17": provider.NotInUse, // the mailbox has another owner (RFC 7293)
	"5.7.18": provider.NotInUse, // the domain has another owner (RFC 7293)
}

// faultOf is the fault of a code, "550 5.1.1" or "5.1.1".
func faultOf(code string) provider.Fault {
	return faults[code[strings.LastIndexByte(code, ' ')+1:]]
}

// statusCode is an enhanced status code amid a text, not a part of an address of the internet or of a version.
var statusCode = regexp.MustCompile(`(?:^|[^0-9.])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:$|[^0-9.]|\.(?:$|[^0-9]))`)

// codeOf is the status code of a report on a recipient. Servers that hand on what another one said write x.0.0 as the status, and the
// other's own code in the diagnostic.
func codeOf(status, diagnostic string) string {
	code := ""
	if m := statusCode.FindStringSubmatch(status); m != nil {
		code = m[1]
	}
	if code == "" || strings.HasSuffix(code, ".0.0") {
		for _, m := range statusCode.FindAllStringSubmatch(diagnostic, 8) {
			if code == "" || m[1][0] == code[0] {
				return m[1]
			}
		}
	}
	return code
}

// statusOf is what an action (RFC 3464 section 2.3.3) says; false where a report says nothing. Relayed is no delivery: it says that
// no more will be heard.
func statusOf(action, code string) (provider.Status, bool) {
	if action == "" && code != "" {
		action = map[byte]string{'2': "delivered", '4': "delayed", '5': "failed"}[code[0]]
	}
	switch action {
	case "failed":
		return provider.Undelivered, true
	case "delivered":
		return provider.Delivered, true
	case "delayed", "relayed", "expanded":
		return provider.Pending, true
	}
	return "", false
}
