package reminder

import (
	"regexp"
	"strings"
	"time"
)

// Fact is a text of the unit directory with the content class it gives to a message that shows it.
type Fact struct {
	Text  string
	Class Class
}

// Unit is a clinic as patients may be told of it. It is not personal data. ReadUnits makes and checks them.
type Unit struct {
	ID        string            // token, as booking systems name it
	Hospital  string            // token of the hospital it belongs to
	Country   Country           // chooses the policy pack and the holidays
	Analysis  string            // id of the documented analysis of needs and risks (Sweden, HSLF-FS 2016:40); "" = none
	Language  string            // primary tag; used when the patient's is unknown or has no template
	Zone      string            // IANA name
	Names     map[string]Fact   // public name by language; the unit's own language is always there
	Address   Fact              // street address
	Entrance  Fact              // entrance, floor, desk
	Phone     Fact              // to cancel on, as printed
	Mail      Fact              // for patients, also Reply-To
	Function  string            // mail address of the staff, for counts of what waits; "" = they are told by nobody. No patient sees it
	Link      Fact              // web page; "" = the unit allows no link in its messages
	SenderID  Fact              // SMS sender: at most 11 letters and digits, or a number of 3 to 15 digits
	Replies   Replies           // whether an answer to SenderID reaches us
	Keyword   string            // that an answer to SenderID begins with, where others share the number; "" = none
	From      Fact              // From address of e-mail
	Deadline  time.Duration     // how long before the start a patient may cancel; 0 = none
	Channels  []Channel         // in order of preference, at least one
	Rules     map[string][]Rule // by kind of visit; "" is the default, always there
	Window    Window
	Templates map[Purpose]string // template set; absent = the purpose's own name
}

// Replies is whether an answer to a unit's text message reaches us. It is declared, never guessed: only the contract with the carrier
// tells whether a number is one that people's answers come back from.
type Replies string

// The ways. The zero value is NoReplies.
const (
	NoReplies     Replies = "none"   // an answer reaches nobody: always so for a sender with a letter in it (3GPP TS 23.040, 9.1.2.5)
	NumberReplies Replies = "number" // what is sent to the number in SenderID comes to us
)

// TakesReplies reports whether an answer to a text message of the unit reaches us.
func (u Unit) TakesReplies() bool { return u.Replies == NumberReplies }

// SenderNumber is the SMS sender where it is a number, "" where it is a name: its digits stand beside every text.
func (u Unit) SenderNumber() string {
	if numberRE.MatchString(u.SenderID.Text) {
		return u.SenderID.Text
	}
	return ""
}

// Rule makes one reminder per appointment.
type Rule struct {
	Name   string        // token, part of the reminder's identity
	Before time.Duration // how long before the start; whole days are calendar days, so the time of day stays
}

// Window is when messages may be sent, in the unit's zone: from From (included) to Until (not included), hours and
// minutes since midnight.
type Window struct {
	From     time.Duration
	Until    time.Duration
	Weekends bool // also on Saturdays and Sundays
	Holidays bool // also on the country's public holidays
}

// Name is the public name in language, else in the unit's own.
func (u Unit) Name(language string) Fact {
	if f, ok := u.Names[language]; ok {
		return f
	}
	return u.Names[u.Language]
}

// RulesFor are the rules for a kind of visit, else the unit's default ones.
func (u Unit) RulesFor(kind string) []Rule {
	if r, ok := u.Rules[kind]; ok {
		return r
	}
	return u.Rules[""]
}

// maxLink is the most characters of a link.
const maxLink = 80

var linkRE = regexp.MustCompile(`^https://([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}(/[A-Za-z0-9._-]+)*/?$`)

// IsLink reports whether s is a link that a message may carry: https, a host name in lower case, and perhaps a path of plain
// letters, at most 80 characters. No user info, port, query or fragment: they could carry what tells who opened it, and
// whom.
func IsLink(s string) bool {
	return len(s) <= maxLink && linkRE.MatchString(s) && !strings.Contains(s, "/.")
}
