// Package link is the carrier LINK Mobility over its Common platform, "SMS REST API, MT and Delivery Reports" 1.6 of 2019-07-03, of 1.18 how
// segments are counted, and "MO messages" 1.1.
//
// A message is one POST /sms/send with our reference in refId, which delivery reports hold again. The answer's resultCode and not the
// HTTP status says what became of it. Nothing makes sending twice harmless, and a message can't be asked for.
//
// A delivery report is one a segment: the id of each is the message's with "$0" (the first), "$1" … behind it. Reports and replies are not
// signed: LINK must show a user and password, and call at the address with a secret in its path, and even then its word is not Signed. It
// wants 200.
package link

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Name names this carrier in configuration, metrics and records.
const Name = "link"

// Config is the carrier's part of the configuration file.
type Config struct {
	httpsms.Config       `yaml:",inline" mapstructure:",squash"`
	httpsms.CallerConfig `yaml:",inline" mapstructure:",squash"`

	Username     string `yaml:"username" mapstructure:"username"`
	PasswordFile string `yaml:"password_file" mapstructure:"password_file"`
	PlatformID   string `yaml:"platform_id" mapstructure:"platform_id"` // from LINK's support
	PartnerID    string `yaml:"partner_id" mapstructure:"partner_id"`   // platformPartnerId, from LINK's support
	Gate         string `yaml:"gate" mapstructure:"gate"`               // of delivery reports, from LINK's support; "" = none are sent
}

// Validate names every field that is wrong and what is allowed. It opens no file.
func (c Config) Validate() error {
	k := httpsms.NewChecker(Name)
	k.Want(c.URL != "", "url: want the address that LINK assigned to you, without /sms/send, like https://wsx.sp247.net")
	if c.URL != "" {
		k.Common(c.WithDefaults(""))
	}
	k.Want(c.Username != "" && !strings.ContainsAny(c.Username, ": \t\r\n"), "username: want the user name from LINK's support")
	k.Want(c.PasswordFile != "", "password_file: want the file that holds the password")
	k.Want(httpsms.ValidID(c.PlatformID), "platform_id: want the platformId from LINK's support")
	k.Want(httpsms.ValidID(c.PartnerID), "partner_id: want the platformPartnerId from LINK's support")
	c.Check(k)
	k.Want(c.Gate == "" || c.Enabled(), "gate: delivery reports need callback_user and callback_password_file")
	return k.Err()
}

// Options make a Sender.
type Options struct {
	Config Config
	// Callback is the address at which LINK is to call us, as it was given to LINK's support, with a secret in its path; "" = no call is
	// taken.
	Callback string
	Now      func() time.Time // nil = time.Now
}

// Sender is the carrier. It is safe for concurrent use.
type Sender struct {
	*httpsms.Sender
	config Config
	caller *httpsms.Caller
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
	s.Sender, err = httpsms.New(httpsms.Options{Config: o.Config.WithDefaults(""), Now: o.Now, Vendor: httpsms.Vendor{
		Name: Name, Format: reminder.WireJSON, Path: "/sms/send", Body: s.body, Answer: answer,
		Authorize: func() (string, error) { return httpsms.Basic(o.Config.Username, o.Config.PasswordFile) },
	}})
	return s, err
}

// request is the body of POST /sms/send.
type request struct {
	Source            string   `json:"source"`
	SourceTON         string   `json:"sourceTON"`
	Destination       string   `json:"destination"`
	UserData          string   `json:"userData"`
	PlatformID        string   `json:"platformId"`
	PlatformPartnerID string   `json:"platformPartnerId"`
	UseDeliveryReport bool     `json:"useDeliveryReport"`
	Gates             []string `json:"deliveryReportGates,omitempty"`
	Validity          string   `json:"absoluteValidityTime,omitempty"`
	RefID             string   `json:"refId"`
	IgnoreResponse    bool     `json:"ignoreResponse"` // without it, there is no answer to read

	CustomParameters map[string]string `json:"customParameters"`
}

// countSegments has LINK say in its answer how many segments it made of the message (version 1.18 of the document).
var countSegments = map[string]string{"replySmsCount": "true"}

var ton = map[httpsms.SenderKind]string{httpsms.Alphanumeric: "ALPHANUMERIC", httpsms.International: "MSISDN", httpsms.Short: "SHORTNUMBER"}

// ErrText is why LINK takes no message with this text.
var ErrText = errors.New("link: text: it has a character that takes four bytes of UTF-8, such as an emoji")

func (s *Sender) body(m reminder.Message, from httpsms.SenderKind, now time.Time) (string, []reminder.Masked, error) {
	if strings.ContainsFunc(m.Text.Reveal(), func(r rune) bool { return r > 0xffff }) {
		return "", nil, &provider.Error{Outcome: provider.Reject, Code: "bad_text", Err: ErrText}
	}
	c := s.config
	r := request{
		Source: httpsms.WithPlus(m.Sender, from), SourceTON: ton[from], Destination: m.To.Reveal(), UserData: m.Text.Reveal(),
		PlatformID: c.PlatformID, PlatformPartnerID: c.PartnerID, RefID: m.Reference,
		CustomParameters: countSegments,
	}
	fixed := []reminder.Masked{reminder.Mask(c.PlatformID), reminder.Mask(c.PartnerID)}
	if c.Gate != "" {
		r.UseDeliveryReport, r.Gates = true, []string{c.Gate}
		fixed = append(fixed, reminder.Mask(c.Gate))
	}
	// 15 minutes to 48 hours ahead, and a minute for the way.
	if d := httpsms.Validity(m.NotAfter, now, 16*time.Minute, 47*time.Hour); d > 0 {
		r.Validity = now.Add(d).UTC().Format(time.RFC3339)
	}
	text, err := httpsms.JSON(r)
	return text, fixed, err
}

// result is what a resultCode says, of a message that is being handed over and in a delivery report.
type result struct {
	outcome provider.Outcome // of the hand-over, where it is no yes
	yes     bool
	status  provider.Status
	fault   provider.Fault
}

func refusal(o provider.Outcome, f provider.Fault) result {
	return result{outcome: o, status: provider.Undelivered, fault: f}
}

// results are the result codes of section "Result Codes" of the document, and of "Error Result Codes" (106000 and above). What it calls
// unknown delivery stays unknown.
var results = map[int]result{
	0:    refusal(provider.Retry, ""), // unknown error, not delivered
	1:    refusal(provider.Retry, ""), // temporary routing error
	2:    refusal(provider.Reject, ""),
	3:    refusal(provider.Retry, ""), // throttling
	4:    {status: provider.Pending},  // timeout: unknown delivery
	5:    {status: provider.Pending},  // operator, unknown: unknown delivery
	6:    refusal(provider.Retry, ""), // operator error, not delivered
	104:  refusal(provider.Retry, ""), // configuration
	105:  refusal(provider.Retry, ""), // LINK's own error, not delivered
	1000: {yes: true, status: provider.Pending},
	1001: {yes: true, status: provider.Delivered},
	1002: refusal(provider.Reject, ""), // expired
	1003: refusal(provider.Reject, ""), // deleted
	1004: refusal(provider.Retry, ""),  // the mobile is full
	1005: {yes: true, status: provider.Pending},
	1006: refusal(provider.Reject, ""),
	1007: {yes: true, status: provider.Delivered}, // delivered, billed later
	1008: {yes: true, status: provider.Pending},
	1009: refusal(provider.Reject, ""),
	1010: {status: provider.Pending}, // expired without an operator's report: unknown delivery
	1011: {yes: true, status: provider.Pending},
	1012: {yes: true, status: provider.Pending},
	2000: refusal(provider.Reject, ""), 2001: refusal(provider.Reject, ""), 2002: refusal(provider.Reject, ""), 2003: refusal(provider.Reject, ""), // the source
	2103: refusal(provider.Reject, ""),                                                                         // blocked
	2104: refusal(provider.Reject, provider.NotInUse),                                                          // unknown subscriber
	2105: refusal(provider.Reject, provider.Barred),                                                            // permanently barred
	2106: refusal(provider.Reject, provider.NotInUse),                                                          // a number that does not exist
	2107: refusal(provider.Retry, ""),                                                                          // temporarily barred
	3000: refusal(provider.Reject, ""), 3001: refusal(provider.Reject, ""), 3002: refusal(provider.Reject, ""), // encoding
	4000: refusal(provider.Reject, ""), 4001: refusal(provider.Reject, ""), 4002: refusal(provider.Reject, ""), 4003: refusal(provider.Reject, ""),
	4004: refusal(provider.Reject, ""), 4005: refusal(provider.Reject, ""), 4006: refusal(provider.Reject, ""), 4007: refusal(provider.Reject, ""),

	106000: {status: provider.Pending},                                       // unknown error
	106100: refusal(provider.Retry, ""), 106101: refusal(provider.Retry, ""), // our password
	106200: refusal(provider.Retry, ""), 106201: refusal(provider.Retry, ""), 106202: refusal(provider.Retry, ""), // our ids
	106300: refusal(provider.Retry, ""), 106301: refusal(provider.Retry, ""), // our gate
}

// label is a result code as it may be kept: six digits in a row could be of a number, so there is a dot in them.
func label(code int) string {
	if code > 99999 {
		return strconv.Itoa(code/1000) + "." + strconv.Itoa(1000 + code%1000)[1:]
	}
	return strconv.Itoa(code)
}

func answer(a httpsms.Answer, _ reminder.Message) (provider.Accepted, error) {
	var says struct {
		ID    string          `json:"messageId"`
		Code  *int            `json:"resultCode"`
		Count json.RawMessage `json:"smsCount"`
	}
	if !a.JSON(&says) || says.Code == nil {
		if a.Status >= 200 && a.Status < 300 {
			return provider.Accepted{}, a.Unclear()
		}
		return provider.Accepted{}, a.Refused("", nil)
	}
	r, known := results[*says.Code]
	switch {
	case known && r.yes && a.Status == http.StatusOK && httpsms.ValidID(says.ID):
		ids := segments(says.ID, says.Count)
		return provider.Accepted{CarrierID: ids[0], Parts: ids[1:], At: a.At}, nil
	case known && r.yes:
		return provider.Accepted{}, a.Unclear()
	}
	table := map[string]httpsms.Ruling{}
	if known {
		table[label(*says.Code)] = httpsms.Ruling{Outcome: r.outcome, Fault: r.fault}
	}
	return provider.Accepted{}, a.Refused(label(*says.Code), table)
}

// mostSegments is how many segments a message has at most, by the document.
const mostSegments = 254

// segments are the ids that LINK will report by: of a message of several segments one each, else the message's own. A count that can't be
// read is no reason to doubt a yes; then the first word on a segment counts for all.
func segments(id string, count json.RawMessage) []string {
	var n int
	if json.Unmarshal(count, &n) != nil || n < 2 || n > mostSegments || !httpsms.ValidID(id+"$"+strconv.Itoa(n-1)) {
		return []string{id}
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = id + "$" + strconv.Itoa(i)
	}
	return ids
}

// callback is a delivery report, or a message from a person.
type callback struct {
	RefID     string          `json:"refId"`
	ID        json.RawMessage `json:"id"`
	Timestamp string          `json:"timestamp"`
	Code      *int            `json:"resultCode"`

	MessageID string `json:"messageId"`
	Source    string `json:"source"`
	Content   *struct {
		Type     string `json:"type"`
		UserData string `json:"userData"`
	} `json:"content"`
}

// Parse checks the caller's proofs and reads a delivery report or a message from a person, in JSON.
func (s *Sender) Parse(r *http.Request) ([]provider.Notice, provider.Response, error) {
	return httpsms.Take(r, Name, http.StatusOK, func(body []byte) ([]provider.Notice, error) { return s.parse(r, body) })
}

func (s *Sender) parse(r *http.Request, body []byte) ([]provider.Notice, error) {
	if err := s.caller.Prove(r); err != nil {
		return nil, err
	}
	var c callback
	if json.Unmarshal(body, &c) != nil {
		return nil, httpsms.ErrCallback
	}
	at := httpsms.Time(c.Timestamp)
	if c.Content != nil {
		if !httpsms.ValidID(c.MessageID) || c.Source == "" {
			return nil, httpsms.ErrCallback
		}
		if c.Content.Type != "SMS" { // a picture has no text
			return nil, nil
		}
		return []provider.Notice{{
			ID: c.MessageID, Kind: provider.Reply, At: at, From: httpsms.From(c.Source),
			Text: reminder.Mask(c.Content.UserData),
		}}, nil
	}
	var id string
	if json.Unmarshal(c.ID, &id) != nil || !httpsms.ValidID(id) || c.Code == nil {
		return nil, httpsms.ErrCallback
	}
	says, known := results[*c.Code]
	if !known {
		says.status = provider.Pending
	}
	return []provider.Notice{{
		ID: id + ":" + strconv.Itoa(*c.Code), Kind: provider.ReportKind, At: at, Reference: httpsms.Reference(c.RefID), CarrierID: id,
		Status: says.status, Code: label(*c.Code), Fault: says.fault,
	}}, nil
}
