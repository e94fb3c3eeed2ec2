// Package elks is the carrier 46elks (Sweden): https://46elks.se/docs/send-sms, sms-delivery-reports, receive-sms, sms-actions.
//
// A message is one form POSTed to /a1/sms, and 46elks is asked not to keep its text (dontlog=message). There is no field for a
// reference of ours: it is in the query of the address that the delivery report is sent to. Nothing makes sending twice harmless, there
// is no end of validity, and a message can be asked for by 46elks' own id alone.
//
// What it tells us is not signed. It must show a user and password, and call at the address with a secret in its path, and even then its word
// is not Signed.
//
// The body of our answer to a message from a person is sent to that person as a message. So every answer here is empty, and a yes is 204.
package elks

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Name names this carrier in configuration, metrics and records.
const Name = "46elks"

// Config is the carrier's part of the configuration file.
type Config struct {
	httpsms.Config       `yaml:",inline" mapstructure:",squash"`
	httpsms.CallerConfig `yaml:",inline" mapstructure:",squash"`

	Username     string `yaml:"username" mapstructure:"username"`           // of the API, u…
	PasswordFile string `yaml:"password_file" mapstructure:"password_file"` // of the API
}

const home = "https://api.46elks.com"

// Validate names every field that is wrong and what is allowed. It opens no file.
func (c Config) Validate() error {
	k := httpsms.NewChecker(Name)
	k.Common(c.WithDefaults(home))
	k.Want(c.Username != "" && !strings.ContainsAny(c.Username, ": \t\r\n"), "username: want the API's user name")
	k.Want(c.PasswordFile != "", "password_file: want the file that holds the API's password")
	c.Check(k)
	return k.Err()
}

// Options make a Sender.
type Options struct {
	Config Config
	// Callback is the address at which 46elks is to call us, with a secret in its path; "" = no delivery reports are asked for, and no call
	// is taken. Without callback_user it counts for nothing.
	Callback string
	Now      func() time.Time // nil = time.Now
}

// Sender is the carrier. It is safe for concurrent use.
type Sender struct {
	*httpsms.Sender
	config   Config
	caller   *httpsms.Caller
	callback string // all of the callback's address but the reference; "" = none
}

var _ provider.Webhook = (*Sender)(nil)

// New validates, reads the callbacks' secrets and connects to nothing.
func New(o Options) (*Sender, error) {
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	s := &Sender{config: o.Config}
	var err error
	if s.caller, err = httpsms.NewCaller(o.Config.CallerConfig, o.Callback); err != nil {
		return nil, fmt.Errorf("%s: %w", Name, err)
	}
	if a := s.caller.Address(); a != "" {
		s.callback = a + "?ref="
	}
	s.Sender, err = httpsms.New(httpsms.Options{Config: o.Config.WithDefaults(home), Now: o.Now, Vendor: httpsms.Vendor{
		Name: Name, Format: reminder.WireForm, Path: "/a1/sms", Probe: "/a1/me", Body: s.body, Answer: answer,
		Authorize: func() (string, error) { return httpsms.Basic(o.Config.Username, o.Config.PasswordFile) },
	}})
	return s, err
}

// ErrSender is why 46elks takes no message from this sender.
var ErrSender = errors.New("46elks: sender: want up to 11 letters and digits beginning with a letter, or a number in E.164")

func (s *Sender) body(m reminder.Message, from httpsms.SenderKind, _ time.Time) (string, []reminder.Masked, error) {
	first := m.Sender[0] | 0x20
	if from == httpsms.Short || from == httpsms.Alphanumeric && (first < 'a' || first > 'z' || strings.Contains(m.Sender, " ")) {
		return "", nil, &provider.Error{Outcome: provider.Reject, Code: "bad_sender", Err: ErrSender}
	}
	form := url.Values{
		"from": {httpsms.WithPlus(m.Sender, from)}, "to": {m.To.Reveal()}, "message": {m.Text.Reveal()}, "dontlog": {"message"},
	}
	if s.callback == "" {
		return form.Encode(), nil, nil
	}
	form.Set("whendelivered", s.callback+m.Reference)
	return form.Encode(), []reminder.Masked{reminder.Mask(s.callback)}, nil
}

// answer: 200 with JSON is a yes unless the message failed at once; an error is another status and a plain text, for which there
// is no list.
func answer(a httpsms.Answer, _ reminder.Message) (provider.Accepted, error) {
	if a.Status != http.StatusOK {
		return provider.Accepted{}, a.Refused("", nil)
	}
	var yes struct {
		ID      string `json:"id"`
		Status  string `json:"status"`
		Created string `json:"created"`
	}
	if !a.JSON(&yes) || !httpsms.ValidID(yes.ID) {
		return provider.Accepted{}, a.Unclear()
	}
	switch yes.Status {
	case "created", "sent", "delivered":
	case "failed":
		return provider.Accepted{}, a.Refused("failed", map[string]httpsms.Ruling{"failed": {Outcome: provider.Reject}})
	default:
		return provider.Accepted{}, a.Unclear()
	}
	at := when(yes.Created)
	if at.IsZero() {
		at = a.At
	}
	return provider.Accepted{CarrierID: yes.ID, At: at}, nil
}

// when reads a time as 46elks writes it: UTC, with microseconds and without a zone.
func when(s string) time.Time {
	if t, err := time.Parse("2006-01-02T15:04:05.999999", s); err == nil {
		return t
	}
	return httpsms.Time(s)
}

var statuses = map[string]provider.Status{"created": provider.Pending, "sent": provider.Pending, "delivered": provider.Delivered, "failed": provider.Undelivered}

// Parse checks the caller's proofs and reads a delivery report or a message from a person.
func (s *Sender) Parse(r *http.Request) ([]provider.Notice, provider.Response, error) {
	body, refusal, err := httpsms.Body(r)
	if err != nil {
		return nil, refusal, err
	}
	notice, err := s.parse(r, body)
	if err != nil {
		return nil, httpsms.Refusal(err), fmt.Errorf("%s: %w", Name, err)
	}
	return []provider.Notice{notice}, provider.Response{Status: http.StatusNoContent}, nil
}

func (s *Sender) parse(r *http.Request, body []byte) (n provider.Notice, err error) {
	if err := s.caller.Prove(r); err != nil {
		return n, err
	}
	form, err := httpsms.Form(body)
	if err != nil || !httpsms.ValidID(form["id"]) {
		return n, httpsms.ErrCallback
	}
	if form["direction"] == "incoming" {
		if form["from"] == "" {
			return n, httpsms.ErrCallback
		}
		return provider.Notice{
			ID: form["id"], Kind: provider.Reply, At: when(form["created"]), From: httpsms.From(form["from"]),
			Text: reminder.Mask(form["message"]),
		}, nil
	}
	if form["status"] == "" {
		return n, httpsms.ErrCallback
	}
	status, known := statuses[form["status"]]
	if !known {
		status = provider.Pending
	}
	return provider.Notice{
		ID: form["id"] + ":" + httpsms.Code(form["status"]), Kind: provider.ReportKind, At: when(form["delivered"]),
		Reference: httpsms.Reference(r.URL.Query().Get("ref")), CarrierID: form["id"], Status: status, Code: httpsms.Code(form["status"]),
	}, nil
}
