// Package kannel is the carrier for an SMS gateway of one's own that runs Kannel: the "SMS Push" interface and the delivery reports of
// Kannel's user guide (1.4.5, chapters 7 and 10).
//
// A message is the query of one GET of /cgi-bin/sendsms, which is how Kannel takes one: it refuses a form that is POSTed, and what it takes by
// POST instead it calls experimental. So an address has the number, the text and the password in it, and nothing may stand between Husk and
// Kannel that keeps addresses or asks again by itself: of a Kannel on another machine somebody must say so (direct). Kannel's own access-log
// keeps numbers and texts too (appendix E). Kannel has no id for what it took, so ours stands for it; nothing makes sending twice harmless,
// and a message can't be asked for.
//
// What Kannel needs, of its own defaults that are wrong here:
//
//	group = sendsms-user
//	concatenation = true
//	max-messages = 10                 # else a long text is cut off
//
//	group = smsbox
//	http-request-retry = 300          # else a STOP that comes while Husk is down is lost
//	http-queue-delay = 60
//
//	group = sms-service
//	keyword = default
//	catch-all = true
//	max-messages = 0                  # else Kannel answers the person itself
//	get-url = "https://USER:PASSWORD@HOST/v1/carriers/sms/SECRET?from=%q&text=%a&charset=%C&id=%I&at=%T"
//
// and immediate-sendsms-reply unset, for its yes is none. The reports need no setting: each message says where they go.
//
// What Kannel tells us is not signed. It must show a user and password, and call at the address with a secret in its path, and even then
// its word is not Signed. It calls by GET, and comes again after every answer but 200 and 202. It reports a message of several segments
// once, as one.
package kannel

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
)

// Name names this carrier in configuration, metrics and records.
const Name = "kannel"

// Config is the carrier's part of the configuration file.
type Config struct {
	httpsms.Config       `yaml:",inline" mapstructure:",squash"`
	httpsms.CallerConfig `yaml:",inline" mapstructure:",squash"`

	Username     string `yaml:"username" mapstructure:"username"`           // of the sendsms-user
	PasswordFile string `yaml:"password_file" mapstructure:"password_file"` // of the sendsms-user; a change takes a restart
	// Direct must be said where Kannel is on another machine: nothing stands between that keeps addresses, or asks again by itself.
	Direct bool `yaml:"direct" mapstructure:"direct"`
}

// Validate names every field that is wrong and what is allowed. It opens no file.
func (c Config) Validate() error {
	k := httpsms.NewChecker(Name)
	k.Common(c.WithDefaults(""))
	// RFC 9110 section 9.2.2: any proxy may repeat a GET, and this one sends a message.
	k.Want(c.URL == "" || c.Local() || c.Direct, "direct: Kannel is on another machine, and an address has the number, the text and the password in it: "+
		"if no proxy stands between that keeps addresses or asks again by itself, set direct: true")
	k.Want(c.URL == "" || !c.Local() || !c.Direct, "direct: it goes with a Kannel on another machine only, remove it")
	k.Want(c.Username != "" && !strings.ContainsAny(c.Username, " \t\r\n"), "username: want the name of a sendsms-user")
	k.Want(c.PasswordFile != "", "password_file: want the file that holds the sendsms-user's password")
	c.Check(k)
	return k.Err()
}

// Options make a Sender.
type Options struct {
	Config Config
	// Callback is the address at which Kannel is to call us, with a secret in its path; "" = no delivery reports are asked for, and no
	// call is taken. Without callback_user it counts for nothing.
	Callback string
	Now      func() time.Time // nil = time.Now
}

// Sender is the carrier. It is safe for concurrent use.
type Sender struct {
	*httpsms.Sender
	config   Config
	password string
	caller   *httpsms.Caller
	callback string // all of the callback's address but the reference; "" = none
}

var _ provider.Webhook = (*Sender)(nil)

// ErrEscape is had when Kannel could not show a password, or call at an address, as they are.
var ErrEscape = errors.New("kannel: the address of our callbacks and callback_password_file: want letters, digits, '-', '.', '_' and '~' only; Kannel reads % as its own")

// New validates, reads the secrets and connects to nothing.
func New(o Options) (*Sender, error) {
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	s := &Sender{config: o.Config}
	var err error
	if s.password, err = httpsms.Secret(o.Config.PasswordFile); err != nil {
		return nil, fmt.Errorf("%s: password_file: %w", Name, err)
	}
	if s.caller, err = httpsms.NewCaller(o.Config.CallerConfig, o.Callback); err != nil {
		return nil, fmt.Errorf("%s: %w", Name, err)
	}
	if a := s.caller.Address(); a != "" {
		if strings.Contains(a, "%") {
			return nil, ErrEscape
		}
		// Kannel fills in the status and the time (user guide, table 7-10).
		s.callback = a + "?status=%d&at=%T&ref="
	}
	s.Sender, err = httpsms.New(httpsms.Options{Config: o.Config.WithDefaults(""), Now: o.Now, Vendor: httpsms.Vendor{
		Name: Name, Format: reminder.WireForm, Path: "/cgi-bin/sendsms", Query: true, Body: s.query, Answer: answer,
	}})
	return s, err
}

// every is each report there is (user guide, chapter 10).
const every = "31"

func (s *Sender) query(m reminder.Message, from httpsms.SenderKind, now time.Time) (string, []reminder.Masked, error) {
	coding := "0" // with it, Kannel writes '?' for every letter that GSM 7-bit does not have
	if sms.Count(m.Text.Reveal()).Encoding == sms.UCS2 {
		coding = "2"
	}
	q := url.Values{
		"username": {s.config.Username}, "password": {s.password}, "from": {httpsms.WithPlus(m.Sender, from)}, "to": {m.To.Reveal()},
		"text": {m.Text.Reveal()}, "charset": {"UTF-8"}, "coding": {coding},
	}
	fixed := []reminder.Masked{reminder.Mask(s.config.Username), reminder.Mask(s.password)}
	const longest = 7 * 24 * time.Hour
	if d := httpsms.Validity(m.NotAfter, now, time.Minute, longest); d > 0 {
		q.Set("validity", strconv.Itoa(int(d/time.Minute)))
	}
	if s.callback != "" {
		q.Set("dlr-mask", every)
		q.Set("dlr-url", s.callback+m.Reference)
		fixed = append(fixed, reminder.Mask(s.callback))
	}
	return q.Encode(), fixed, nil
}

// answers are the words of Kannel's noes that say more than their status (user guide, table 7-16, and what 1.4.5 says).
var answers = map[string]string{
	"authorization failed for sendsms":                             "authorization_failed",
	"not routable. do not try again.":                              "not_routable",
	"number(s) has/have been denied by white- and/or black-lists.": "denied",
	"temporal failure, try again later.":                           "temporal_failure",
}

var rulings = map[string]httpsms.Ruling{
	"authorization_failed": {Outcome: provider.Retry},  // our user or password, or our address is not in its list
	"not_routable":         {Outcome: provider.Reject}, // no SMSC of it takes the message
	"denied":               {Outcome: provider.Reject}, // by the gateway's own lists: no fault of the address
	"temporal_failure":     {Outcome: provider.Retry},
}

// answer: 202 with one of two texts is a yes. Kannel's other text with 202, "Sent.", only says that it was asked.
func answer(a httpsms.Answer, m reminder.Message) (provider.Accepted, error) {
	text := a.Text()
	switch {
	case a.Status == http.StatusAccepted && (text == "0: accepted for delivery" || text == "3: queued for later delivery"):
		return provider.Accepted{CarrierID: m.Reference, At: a.At}, nil
	case a.Status >= 200 && a.Status < 300:
		return provider.Accepted{}, a.Unclear()
	}
	return provider.Accepted{}, a.Refused(answers[text], rulings)
}
