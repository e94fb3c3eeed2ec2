// Package gatewayapi is the carrier GatewayAPI (OnlineCity, Denmark) over its Mobile Messaging API:
// https://gatewayapi.com/docs/message/overview.
//
// A message is one POST /mobile/single with our reference in the field "reference", which the answer and every delivery report hold
// again. There is no key that would make sending twice harmless, and no way to ask for a message by its reference.
//
// What it tells us is signed: Signature: v1=<hex of HMAC-SHA256 of the raw body>. Its time of signing is in the body; a callback that
// comes later than GatewayAPI's last try is refused, and each try of one has the same id. Statuses come out of order.
package gatewayapi

import (
	"encoding/json"
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
const Name = "gatewayapi"

// Config is the carrier's part of the configuration file.
type Config struct {
	httpsms.Config `yaml:",inline" mapstructure:",squash"`
	TokenFile      string `yaml:"token_file" mapstructure:"token_file"` // the API token
	// CallbackKeyFile holds the key that callbacks are signed with; "" = callbacks are refused.
	CallbackKeyFile string `yaml:"callback_key_file" mapstructure:"callback_key_file"`
}

// Validate names every field that is wrong and what is allowed. It opens no file.
func (c Config) Validate() error {
	k := httpsms.NewChecker(Name)
	k.Want(c.URL != "", "url: want https://messaging.gatewayapi.eu or https://messaging.gatewayapi.com, the one that your account is on")
	if c.URL != "" {
		k.Common(c.WithDefaults(""))
	}
	k.Want(c.TokenFile != "", "token_file: want the file that holds the API token")
	return k.Err()
}

// Options make a Sender.
type Options struct {
	Config Config
	Now    func() time.Time // nil = time.Now
}

// Sender is the carrier. It is safe for concurrent use.
type Sender struct {
	*httpsms.Sender
	config Config
	now    func() time.Time
}

var _ provider.Webhook = (*Sender)(nil)

// New validates and connects to nothing.
func New(o Options) (*Sender, error) {
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Sender{config: o.Config, now: o.Now}
	var err error
	s.Sender, err = httpsms.New(httpsms.Options{Config: o.Config.WithDefaults(""), Now: o.Now, Vendor: httpsms.Vendor{
		Name: Name, Format: reminder.WireJSON, Path: "/mobile/single", Authorize: s.authorize, Body: body, Answer: answer,
	}})
	return s, err
}

func (s *Sender) authorize() (string, error) {
	token, err := httpsms.Secret(s.config.TokenFile)
	return "Token " + token, err
}

// request is the body of POST /mobile/single.
type request struct {
	Sender     string      `json:"sender"`
	Message    string      `json:"message"`
	Recipient  json.Number `json:"recipient"`
	Reference  string      `json:"reference"`
	Expiration string      `json:"expiration,omitempty"` // ISO 8601 duration
}

func body(m reminder.Message, _ httpsms.SenderKind, now time.Time) (string, []reminder.Masked, error) {
	r := request{
		Sender: strings.TrimPrefix(m.Sender, "+"), Message: m.Text.Reveal(), Reference: m.Reference,
		Recipient: json.Number(strings.TrimPrefix(m.To.Reveal(), "+")),
	}
	if d := httpsms.Validity(m.NotAfter, now, time.Minute, 48*time.Hour); d > 0 {
		r.Expiration = fmt.Sprintf("PT%dM", int(d/time.Minute))
	}
	s, err := httpsms.JSON(r)
	return s, nil, err
}

// codes are the errors of https://gatewayapi.com/docs/error-codes that say more than their HTTP status. The new interface's own
// table was not published when this was written; it is the same platform.
var codes = map[string]httpsms.Ruling{
	"0x0210": {Outcome: provider.Retry},                          // user unknown: our account
	"0x0211": {Outcome: provider.Retry},                          // wrong password
	"0x0213": {Outcome: provider.Retry},                          // our address is not allowed
	"0x0214": {Outcome: provider.Retry},                          // the number is on a temporary list
	"0x0215": {Outcome: provider.Reject, Fault: provider.Barred}, // the number is on the blacklist
	"0x0216": {Outcome: provider.Retry},                          // credit
	"0x0217": {Outcome: provider.Reject},                         // country not allowed
	"0x0218": {Outcome: provider.Reject},                         // unknown class
}

// generic are the errors of that page that any part of the platform may give, by their last two digits.
var generic = map[string]httpsms.Ruling{
	"05": {Outcome: provider.Retry}, // shutting down
	"06": {Outcome: provider.Retry}, // insufficient resources
	"09": {Outcome: provider.Retry}, // temporarily unavailable
}

func answer(a httpsms.Answer, m reminder.Message) (provider.Accepted, error) {
	if a.Status < 200 || a.Status > 299 {
		var e struct{ Code string }
		_ = a.JSON(&e) // a proxy's page has no code
		if !isCode(e.Code) {
			return provider.Accepted{}, a.Refused("", nil)
		}
		table := codes
		if _, known := codes[e.Code]; !known {
			if r, ok := generic[e.Code[4:]]; ok {
				table = map[string]httpsms.Ruling{e.Code: r}
			}
		}
		return provider.Accepted{}, a.Refused(e.Code, table)
	}
	var yes struct {
		ID        string  `json:"msg_id"`
		Reference *string `json:"reference"`
	}
	if !a.JSON(&yes) || !httpsms.ValidID(yes.ID) || yes.Reference != nil && *yes.Reference != m.Reference {
		return provider.Accepted{}, a.Unclear()
	}
	return provider.Accepted{CarrierID: yes.ID, At: a.At}, nil
}

// isCode reports 0x and four hex digits.
func isCode(s string) bool {
	n, ok := strings.CutPrefix(s, "0x")
	_, err := strconv.ParseUint(n, 16, 16)
	return ok && len(n) == 4 && err == nil
}

// report is what a status says.
type report struct {
	status provider.Status
	fault  provider.Fault
}

// statuses are those of SMS and RCS. UNDELIVERABLE is permanent, by the document most likely an invalid number.
var statuses = map[string]report{
	"UNKNOWN": {provider.Pending, ""}, "SCHEDULED": {provider.Pending, ""}, "BUFFERED": {provider.Pending, ""}, "ENROUTE": {provider.Pending, ""},
	"ACCEPTED":  {provider.Pending, ""},
	"DELIVERED": {provider.Delivered, ""}, "READ": {provider.Delivered, ""},
	"EXPIRED": {provider.Undelivered, ""}, "DELETED": {provider.Undelivered, ""}, "REJECTED": {provider.Undelivered, ""}, "SKIPPED": {provider.Undelivered, ""},
	"UNDELIVERABLE": {provider.Undelivered, provider.NotInUse},
}

// window is longer than GatewayAPI goes on trying to call us: some 15 hours.
const window = 48 * time.Hour

// envelope is what every callback is wrapped in.
type envelope struct {
	ID        string `json:"event_id"`
	Timestamp string `json:"timestamp"`
	Type      string `json:"event_type"`
	Event     struct {
		MessageID string          `json:"msg_id"`
		Reference string          `json:"reference"`
		Status    string          `json:"status"`
		StatusAt  string          `json:"status_at"`
		Error     json.RawMessage `json:"error"`
		Sender    json.RawMessage `json:"sender"` // a number, in the document
		SentAt    string          `json:"sent_at"`
		Content   json.RawMessage `json:"content"`
	} `json:"event"`
}

// Parse checks the signature and reads a status or a reply. Other events are taken without a notice.
func (s *Sender) Parse(r *http.Request) ([]provider.Notice, provider.Response, error) {
	return httpsms.Take(r, Name, http.StatusOK, func(body []byte) ([]provider.Notice, error) { return s.parse(r.Header, body) })
}

func (s *Sender) parse(h http.Header, body []byte) ([]provider.Notice, error) {
	if err := s.prove(h, body); err != nil {
		return nil, err
	}
	var e envelope
	if json.Unmarshal(body, &e) != nil || !httpsms.ValidID(e.ID) {
		return nil, httpsms.ErrCallback
	}
	if err := httpsms.Fresh(httpsms.Time(e.Timestamp), s.now(), window); err != nil {
		return nil, err
	}
	switch e.Type {
	case "message.status.sms", "messaging.status.sms", "message.status.rcs": // the document has the second in an example
		return status(e)
	case "user-message.text.sms", "user-message.text.rcs":
		return s.reply(e)
	}
	return nil, nil
}

// prove checks the header Signature: v1=<hex>.
func (s *Sender) prove(h http.Header, body []byte) error {
	if s.config.CallbackKeyFile == "" {
		return httpsms.ErrProof
	}
	keys, err := httpsms.Secrets(s.config.CallbackKeyFile)
	if err != nil {
		return err
	}
	sum, ok := httpsms.Hex(h, "Signature", "v1=")
	if !httpsms.SHA256(sum, keys, body) || !ok {
		return httpsms.ErrProof
	}
	return nil
}

func status(e envelope) ([]provider.Notice, error) {
	if !httpsms.ValidID(e.Event.MessageID) || e.Event.Status == "" {
		return nil, httpsms.ErrCallback
	}
	r, known := statuses[e.Event.Status]
	if !known {
		r.status = provider.Pending
	}
	code := e.Event.Status
	var text string
	var detail struct{ Code string }
	if json.Unmarshal(e.Event.Error, &text) == nil && isCode(text) {
		code += " " + text
	} else if json.Unmarshal(e.Event.Error, &detail) == nil && isCode(detail.Code) {
		code += " " + detail.Code
	}
	at := httpsms.Time(e.Event.StatusAt)
	if at.IsZero() {
		at = httpsms.Time(e.Timestamp)
	}
	return []provider.Notice{{
		ID: e.ID, Kind: provider.ReportKind, At: at, Reference: httpsms.Reference(e.Event.Reference), CarrierID: e.Event.MessageID,
		Status: r.status, Code: httpsms.Code(code), Fault: r.fault, Signed: true,
	}}, nil
}

func (s *Sender) reply(e envelope) ([]provider.Notice, error) {
	var text string
	var content struct{ Message string }
	if json.Unmarshal(e.Event.Content, &text) != nil {
		if json.Unmarshal(e.Event.Content, &content) != nil {
			return nil, httpsms.ErrCallback
		}
		text = content.Message
	}
	var from string
	if json.Unmarshal(e.Event.Sender, &from) != nil {
		var number json.Number
		if json.Unmarshal(e.Event.Sender, &number) != nil {
			return nil, httpsms.ErrCallback
		}
		from = number.String()
	}
	if from == "" {
		return nil, httpsms.ErrCallback
	}
	at := httpsms.Time(e.Event.SentAt)
	if at.IsZero() {
		at = httpsms.Time(e.Timestamp)
	}
	return []provider.Notice{{
		ID: e.ID, Kind: provider.Reply, At: at, From: httpsms.From(from),
		Text: reminder.Mask(text), Signed: true,
	}}, nil
}
