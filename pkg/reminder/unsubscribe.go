package reminder

import "strings"

// Unsubscribe is how a mail program stops the messages to the address it reads, beside an answer with STOP (RFC 2369 section 3.2,
// RFC 8058). The zero Unsubscribe offers none.
type Unsubscribe struct {
	URL  string // https: a POST to it is the STOP
	Mail string // a bare mail address: a mail to it with the subject STOP is one
}

// Header is the value of the header List-Unsubscribe, "" when there is none: "<https://…/token>, <mailto:stop@…?subject=STOP>".
func (u Unsubscribe) Header() string {
	var out []string
	if u.URL != "" {
		out = append(out, "<"+u.URL+">")
	}
	if u.Mail != "" {
		out = append(out, "<mailto:"+u.Mail+"?subject=STOP>")
	}
	return strings.Join(out, ", ")
}

// OneClick is the value of the header List-Unsubscribe-Post that goes with a URL (RFC 8058 section 3.1).
const OneClick = "List-Unsubscribe=One-Click"
