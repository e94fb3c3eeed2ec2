// Package twilio is the carrier Twilio over its Messages resource: https://www.twilio.com/docs/messaging/api/message-resource.
//
// A message is one form POSTed to /2010-04-01/Accounts/{account}/Messages.json. There is no field for a reference of ours: it is in
// the query of StatusCallback, the address that statuses are sent to. Nothing makes sending twice harmless, and a message can be asked
// for by Twilio's own id alone.
//
// What it tells us is signed: X-Twilio-Signature (see Sign). The signature holds no time, so an old callback passes as a repeated
// one: it has the same id, and a status that is not final never undoes one that is. A text in our answer would be sent to the person who
// wrote; every answer is empty.
//
// Of itself Twilio comes again once, and only when it could not connect: what a person wrote is lost when it is answered with 503, unless
// Twilio took it for a STOP itself. So the address in Twilio's console, of the number or of the messaging service, wants #rc=5&rp=all behind
// it (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides): five times again, whatever went wrong. What begins with
// '#' is neither sent nor signed. All of that is over after 15 seconds; a fallback URL, which must be the same address or it would not be
// proven, is one try more. Whoever wants no gap at a restart has two processes answer at callbacks.url.
package twilio

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Name names this carrier in configuration, metrics and records.
const Name = "twilio"

// Config is the carrier's part of the configuration file.
type Config struct {
	httpsms.Config      `yaml:",inline" mapstructure:",squash"`
	AccountSID          string `yaml:"account_sid" mapstructure:"account_sid"`                     // AC and 32 hex digits
	AuthTokenFile       string `yaml:"auth_token_file" mapstructure:"auth_token_file"`             // signs callbacks too
	MessagingServiceSID string `yaml:"messaging_service_sid" mapstructure:"messaging_service_sid"` // MG and 32 hex digits; "" = none
}

const home = "https://api.twilio.com"

var sid = regexp.MustCompile(`^[A-Z]{2}[0-9a-f]{32}$`)

// Validate names every field that is wrong and what is allowed. It opens no file.
func (c Config) Validate() error {
	k := httpsms.NewChecker(Name)
	k.Common(c.WithDefaults(home))
	k.Want(sid.MatchString(c.AccountSID) && strings.HasPrefix(c.AccountSID, "AC"), "account_sid: want AC and 32 hex digits")
	k.Want(c.AuthTokenFile != "", "auth_token_file: want the file that holds the account's auth token")
	k.Want(c.MessagingServiceSID == "" || sid.MatchString(c.MessagingServiceSID) && strings.HasPrefix(c.MessagingServiceSID, "MG"), "messaging_service_sid: want MG and 32 hex digits")
	return k.Err()
}

// Options make a Sender.
type Options struct {
	Config Config
	// Callback is the address at which Twilio is to call us, to the letter: it is part of what is signed. "" = no statuses are asked for,
	// and no call is taken.
	Callback string
	Now      func() time.Time // nil = time.Now
}

// Sender is the carrier. It is safe for concurrent use.
type Sender struct {
	*httpsms.Sender
	config   Config
	callback string
}

var _ provider.Webhook = (*Sender)(nil)

// New validates and connects to nothing.
func New(o Options) (*Sender, error) {
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	if o.Callback != "" {
		u, err := httpsms.Callback(o.Callback)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", Name, err)
		}
		if strings.Contains(u.Host, "_") {
			return nil, ErrHost
		}
	}
	s := &Sender{config: o.Config, callback: o.Callback}
	account := "/2010-04-01/Accounts/" + o.Config.AccountSID
	var err error
	s.Sender, err = httpsms.New(httpsms.Options{Config: o.Config.WithDefaults(home), Now: o.Now, Vendor: httpsms.Vendor{
		Name: Name, Format: reminder.WireForm, Path: account + "/Messages.json", Probe: account + ".json", Body: s.body, Answer: answer,
		Authorize: func() (string, error) { return httpsms.Basic(o.Config.AccountSID, o.Config.AuthTokenFile) },
	}})
	return s, err
}

// ErrHost is why Twilio would call nobody.
var ErrHost = errors.New("twilio: the address of our callbacks: Twilio takes no underscore in the host")

// ErrText is why Twilio takes no message with this text.
var ErrText = errors.New("twilio: text: it is longer than 1600 characters")

func (s *Sender) body(m reminder.Message, from httpsms.SenderKind, now time.Time) (string, []reminder.Masked, error) {
	if len(utf16.Encode([]rune(m.Text.Reveal()))) > 1600 {
		return "", nil, &provider.Error{Outcome: provider.Reject, Code: "too_long", Err: ErrText}
	}
	form := url.Values{"To": {m.To.Reveal()}, "From": {httpsms.WithPlus(m.Sender, from)}, "Body": {m.Text.Reveal()}}
	var fixed []reminder.Masked
	if s.config.MessagingServiceSID != "" {
		form.Set("MessagingServiceSid", s.config.MessagingServiceSID)
		fixed = append(fixed, reminder.Mask(s.config.MessagingServiceSID))
	}
	if s.callback != "" {
		form.Set("StatusCallback", s.callback+"?ref="+m.Reference)
		fixed = append(fixed, reminder.Mask(s.callback+"?ref="))
	}
	if d := httpsms.Validity(m.NotAfter, now, time.Minute, 10*time.Hour); d > 0 {
		form.Set("ValidityPeriod", strconv.Itoa(int(d/time.Second)))
	}
	return form.Encode(), fixed, nil
}

// codes are the errors of https://www.twilio.com/docs/api/errors, of a message that is being handed over and in a status. Which of them
// are for good is our reading, but for 21610 and 20429, where Twilio says so.
var codes = map[string]httpsms.Ruling{
	"20003": {Outcome: provider.Retry}, // our account or token
	"20404": {Outcome: provider.Retry}, // our account
	"20429": {Outcome: provider.Retry}, // too many requests: "not processed"
	"20503": {Outcome: provider.Retry},
	"21211": {Outcome: provider.Reject, Fault: provider.NotInUse}, // To is no number
	"21212": {Outcome: provider.Reject},                           // From is none
	"21408": {Outcome: provider.Reject},                           // the account may not send to the region
	"21602": {Outcome: provider.Reject},                           // no text
	"21606": {Outcome: provider.Reject},                           // From can't send to To
	"21610": {Outcome: provider.OptedOut},
	"21611": {Outcome: provider.Retry}, // From's queue is full
	"21612": {Outcome: provider.Reject},
	"21614": {Outcome: provider.Reject, Fault: provider.NotMobile},
	"21617": {Outcome: provider.Reject},                           // too long
	"30001": {Outcome: provider.Retry},                            // the queue is full
	"30002": {Outcome: provider.Retry},                            // the account is suspended
	"30003": {Outcome: provider.Retry},                            // the handset is out of reach
	"30004": {Outcome: provider.Reject, Fault: provider.Barred},   // blocked
	"30005": {Outcome: provider.Reject, Fault: provider.NotInUse}, // unknown
	"30006": {Outcome: provider.Reject, Fault: provider.NotMobile},
	"30007": {Outcome: provider.Reject},  // filtered
	"30008": {Outcome: provider.Unknown}, // unknown error
	"30410": {Outcome: provider.Unknown}, // the provider timed out
}

func answer(a httpsms.Answer, _ reminder.Message) (provider.Accepted, error) {
	var says struct {
		SID     string `json:"sid"`
		Status  any    `json:"status"` // of an error, the HTTP status
		Code    int    `json:"code"`
		Failure int    `json:"error_code"`
	}
	readable := a.JSON(&says)
	if a.Status != http.StatusCreated && a.Status != http.StatusOK {
		code := ""
		if readable && says.Code > 0 && says.Code < 100_000 {
			code = strconv.Itoa(says.Code)
		}
		return provider.Accepted{}, a.Refused(code, codes)
	}
	if !readable || !sid.MatchString(says.SID) {
		return provider.Accepted{}, a.Unclear()
	}
	switch says.Status {
	case "accepted", "scheduled", "queued", "sending", "sent", "delivered":
		return provider.Accepted{CarrierID: says.SID, At: a.At}, nil
	case "failed", "undelivered", "canceled":
		code := strconv.Itoa(says.Failure)
		table := codes
		if _, known := codes[code]; !known {
			table = map[string]httpsms.Ruling{code: {Outcome: provider.Reject}}
		}
		return provider.Accepted{}, a.Refused(code, table)
	}
	return provider.Accepted{}, a.Unclear()
}

var statuses = map[string]provider.Status{
	"accepted": provider.Pending, "scheduled": provider.Pending, "queued": provider.Pending, "sending": provider.Pending, "sent": provider.Pending,
	"partially_delivered": provider.Pending,
	"delivered":           provider.Delivered, "read": provider.Delivered,
	"undelivered": provider.Undelivered, "failed": provider.Undelivered, "canceled": provider.Undelivered,
}

// Parse checks the signature and reads a status or a message from a person.
func (s *Sender) Parse(r *http.Request) ([]provider.Notice, provider.Response, error) {
	return httpsms.Take(r, Name, http.StatusNoContent, func(body []byte) ([]provider.Notice, error) { return s.parse(r, body) })
}

func (s *Sender) parse(r *http.Request, body []byte) ([]provider.Notice, error) {
	if s.callback == "" {
		return nil, httpsms.ErrProof
	}
	keys, err := httpsms.Secrets(s.config.AuthTokenFile)
	if err != nil {
		return nil, err
	}
	form, err := httpsms.Form(body)
	if err != nil {
		return nil, httpsms.ErrProof // nothing that can be signed
	}
	called := s.callback
	if r.URL.RawQuery != "" {
		called += "?" + r.URL.RawQuery
	}
	if !signed(r.Header.Values("X-Twilio-Signature"), keys, called, form) {
		return nil, httpsms.ErrProof
	}
	id := form["MessageSid"]
	if form["AccountSid"] != s.config.AccountSID || !sid.MatchString(id) {
		return nil, httpsms.ErrCallback
	}
	if status := form["MessageStatus"]; status != "" && status != "received" {
		return s.status(id, status, form["ErrorCode"], r.URL.Query().Get("ref")), nil
	}
	if form["From"] == "" {
		return nil, httpsms.ErrCallback
	}
	text := form["Body"]
	if form["OptOutType"] == "STOP" {
		text = "STOP" // Twilio has taken it for one, in whatever language, and sends this person nothing more
	}
	return []provider.Notice{{ID: id, Kind: provider.Reply, From: httpsms.From(form["From"]), Text: reminder.Mask(text), Signed: true}}, nil
}

// status is what became of a message. Where it failed because the person told Twilio to stop, a Complaint bars the address, as the same
// code does at the hand-over: what the person wrote need not have come to us.
func (s *Sender) status(id, status, failure, reference string) []provider.Notice {
	says, known := statuses[status]
	if !known {
		says = provider.Pending
	}
	n := provider.Notice{
		ID: id + ":" + httpsms.Code(status), Kind: provider.ReportKind, Reference: httpsms.Reference(reference), CarrierID: id, Status: says,
		Code: httpsms.Code(strings.TrimSpace(status + " " + failure)), Signed: true,
	}
	if says != provider.Undelivered {
		return []provider.Notice{n}
	}
	why := codes[failure]
	n.Fault = why.Fault
	notices := []provider.Notice{n}
	if why.Outcome == provider.OptedOut {
		notices = append(notices, provider.Notice{ID: n.ID + ":stop", Kind: provider.Complaint, Reference: n.Reference, Code: n.Code, Signed: true})
	}
	return notices
}
