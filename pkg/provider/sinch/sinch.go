// Package sinch is the carrier Sinch (Sweden) over its SMS REST API (XMS): https://developers.sinch.com/docs/sms/api-reference.
//
// A message is a batch for one recipient, one POST to /xms/v1/{service plan}/batches with our reference in client_reference, which the
// answer, every delivery report and the list of batches hold again. Nothing makes sending twice harmless; but Sinch can be asked for a
// batch by our reference, which settles a doubt where there is one.
//
// What it tells us is signed, once Sinch has set that up for the service plan: x-sinch-webhook-signature is base64 of HMAC-SHA256 of the
// raw body, a dot, the nonce, a dot and the time of signing. The algorithm is this one, whatever the request's header says. Sinch
// never comes again after a 4xx.
package sinch

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Name names this carrier in configuration, metrics and records.
const Name = "sinch"

// Config is the carrier's part of the configuration file.
type Config struct {
	httpsms.Config `yaml:",inline" mapstructure:",squash"`
	ServicePlan    string `yaml:"service_plan" mapstructure:"service_plan"` // its id
	TokenFile      string `yaml:"token_file" mapstructure:"token_file"`     // the API token of the service plan
	// CallbackKeyFile holds the secret that callbacks are signed with; "" = callbacks are refused.
	CallbackKeyFile string `yaml:"callback_key_file" mapstructure:"callback_key_file"`
}

const home = "https://eu.sms.api.sinch.com"

// Validate names every field that is wrong and what is allowed. It opens no file.
func (c Config) Validate() error {
	k := httpsms.NewChecker(Name)
	k.Common(c.WithDefaults(home))
	k.Want(c.ServicePlan != "" && len(c.ServicePlan) <= 64 && provider.ValidReference(c.ServicePlan), "service_plan: want the service plan's id: letters, digits, '-' and '_'")
	k.Want(c.TokenFile != "", "token_file: want the file that holds the service plan's API token")
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
	path   string // of the batches
	now    func() time.Time
}

var (
	_ provider.Webhook = (*Sender)(nil)
	_ provider.Lookup  = (*Sender)(nil)
)

// New validates and connects to nothing.
func New(o Options) (*Sender, error) {
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Sender{config: o.Config, path: "/xms/v1/" + o.Config.ServicePlan + "/batches", now: o.Now}
	var err error
	s.Sender, err = httpsms.New(httpsms.Options{Config: o.Config.WithDefaults(home), Now: o.Now, Vendor: httpsms.Vendor{
		Name: Name, Format: reminder.WireJSON, Path: s.path, Probe: s.path + "?page_size=1", Authorize: s.authorize, Body: body, Answer: answer,
	}})
	return s, err
}

func (s *Sender) authorize() (string, error) {
	token, err := httpsms.Secret(s.config.TokenFile)
	return "Bearer " + token, err
}

// request is the body of POST …/batches.
type request struct {
	From      string   `json:"from"`
	To        []string `json:"to"`
	Body      string   `json:"body"`
	Type      string   `json:"type"`
	Report    string   `json:"delivery_report"`
	Reference string   `json:"client_reference"`
	ExpireAt  string   `json:"expire_at,omitempty"` // at most three days ahead
}

func body(m reminder.Message, from httpsms.SenderKind, now time.Time) (string, []reminder.Masked, error) {
	r := request{
		From: httpsms.WithPlus(m.Sender, from), To: []string{m.To.Reveal()}, Body: m.Text.Reveal(), Type: "mt_text", Report: "per_recipient", Reference: m.Reference,
	}
	if d := httpsms.Validity(m.NotAfter, now, time.Minute, 71*time.Hour); d > 0 {
		r.ExpireAt = now.Add(d).UTC().Format(time.RFC3339)
	}
	s, err := httpsms.JSON(r)
	return s, nil, err
}

// batch is a batch as Sinch shows it.
type batch struct {
	ID        string `json:"id"`
	Created   string `json:"created_at"`
	Reference string `json:"client_reference"`
}

func (b batch) accepted(at time.Time) provider.Accepted {
	if t := httpsms.Time(b.Created); !t.IsZero() {
		at = t
	}
	return provider.Accepted{CarrierID: b.ID, At: at}
}

// codes are the words of the document's rest_http_errors that say more than their HTTP status.
var codes = map[string]httpsms.Ruling{
	"syntax_invalid_json":             {Outcome: provider.Reject},
	"syntax_invalid_parameter_format": {Outcome: provider.Reject},
	"syntax_constraint_violation":     {Outcome: provider.Reject},
	"missing_callback_url":            {Outcome: provider.Retry}, // of the service plan
	"unauthorized":                    {Outcome: provider.Retry},
}

func answer(a httpsms.Answer, m reminder.Message) (provider.Accepted, error) {
	if a.Status != http.StatusCreated && a.Status != http.StatusOK {
		var e struct{ Code string }
		_ = a.JSON(&e) // a proxy's page has no code
		return provider.Accepted{}, a.Refused(httpsms.Code(e.Code), codes)
	}
	var b batch
	if !a.JSON(&b) || !httpsms.ValidID(b.ID) || b.Reference != "" && b.Reference != m.Reference {
		return provider.Accepted{}, a.Unclear()
	}
	return b.accepted(a.At), nil
}

// ErrLookup is had when Sinch's list of batches can't be had or read.
var ErrLookup = errors.New("sinch: the list of batches can't be had")

// lookBack is how far the list of batches is asked for. Sinch's own default is a day.
const lookBack = 14 * 24 * time.Hour

// Lookup lists the batches with this client_reference.
func (s *Sender) Lookup(ctx context.Context, reference string) (provider.Accepted, bool, error) {
	if !provider.ValidReference(reference) {
		return provider.Accepted{}, false, fmt.Errorf("sinch: lookup: %w", provider.ErrReference)
	}
	a, err := s.Get(ctx, s.path, url.Values{
		"client_reference": {reference}, "page_size": {"10"}, "start_date": {s.now().Add(-lookBack).UTC().Format(time.RFC3339)},
	})
	if err != nil {
		return provider.Accepted{}, false, fmt.Errorf("%w: %w", ErrLookup, err)
	}
	var list struct {
		Count   *int    `json:"count"`
		Batches []batch `json:"batches"`
	}
	if a.Status != http.StatusOK || !a.JSON(&list) || list.Count == nil {
		return provider.Accepted{}, false, fmt.Errorf("%w: HTTP status %d", ErrLookup, a.Status)
	}
	for _, b := range list.Batches {
		if b.Reference == reference && httpsms.ValidID(b.ID) {
			return b.accepted(a.At), true, nil
		}
	}
	if *list.Count > 0 || len(list.Batches) > 0 {
		// It showed others: it has not looked for ours, so that ours is not among them says nothing.
		return provider.Accepted{}, false, fmt.Errorf("%w: it is not of this reference", ErrLookup)
	}
	return provider.Accepted{}, false, nil
}

// statuses are the document's. Its Unknown is final and says that nobody knows: it settles nothing.
var statuses = map[string]provider.Status{
	"Queued": provider.Pending, "Dispatched": provider.Pending, "Unknown": provider.Pending,
	"Delivered": provider.Delivered,
	"Aborted":   provider.Undelivered, "Cancelled": provider.Undelivered, "Rejected": provider.Undelivered, "Deleted": provider.Undelivered,
	"Failed": provider.Undelivered, "Expired": provider.Undelivered,
}

// faults are codes of delivery reports that are of the address, for good: the network's own (3GPP TS 29.002 section 17.6.6), which
// https://developers.sinch.com/docs/sms/smpp/error-codes calls permanent.
var faults = map[int]provider.Fault{
	1:  provider.NotInUse,  // unknown subscriber
	11: provider.NotMobile, // teleservice not provisioned: no text messages
}

// window is longer than Sinch goes on trying to call us, 45 hours: it does not say that it signs each try anew.
const window = 48 * time.Hour

// callback is every callback of an SMS.
type callback struct {
	Type      string `json:"type"`
	Batch     string `json:"batch_id"`
	Reference string `json:"client_reference"`
	At        string `json:"at"`
	OpAt      string `json:"operator_status_at"`
	Status    string `json:"status"`
	Code      int    `json:"code"`
	Statuses  []struct {
		Status string `json:"status"`
		Code   int    `json:"code"`
		Count  int    `json:"count"`
	} `json:"statuses"`

	ID       string `json:"id"`
	From     string `json:"from"`
	Body     string `json:"body"`
	Received string `json:"received_at"`
}

// Parse checks the signature and reads a delivery report or a reply. Other callbacks are taken without a notice.
func (s *Sender) Parse(r *http.Request) ([]provider.Notice, provider.Response, error) {
	return httpsms.Take(r, Name, http.StatusOK, func(body []byte) ([]provider.Notice, error) { return s.parse(r.Header, body) })
}

func (s *Sender) parse(h http.Header, body []byte) ([]provider.Notice, error) {
	if err := s.prove(h, body); err != nil {
		return nil, err
	}
	var c callback
	if json.Unmarshal(body, &c) != nil || c.Type == "" {
		return nil, httpsms.ErrCallback
	}
	switch c.Type {
	case "recipient_delivery_report_sms":
		return report(c, c.Status, c.Code)
	case "delivery_report_sms": // of the whole batch, which is one recipient
		if len(c.Statuses) != 1 || c.Statuses[0].Count > 1 {
			return nil, httpsms.ErrCallback
		}
		return report(c, c.Statuses[0].Status, c.Statuses[0].Code)
	case "mo_text":
		if !httpsms.ValidID(c.ID) || c.From == "" {
			return nil, httpsms.ErrCallback
		}
		return []provider.Notice{{
			ID: c.ID, Kind: provider.Reply, At: httpsms.Time(c.Received), From: httpsms.From(c.From),
			Text: reminder.Mask(c.Body), Signed: true,
		}}, nil
	}
	return nil, nil
}

// prove checks the signature, and when it was made.
func (s *Sender) prove(h http.Header, body []byte) error {
	if s.config.CallbackKeyFile == "" {
		return httpsms.ErrProof
	}
	keys, err := httpsms.Secrets(s.config.CallbackKeyFile)
	if err != nil {
		return err
	}
	const header = "X-Sinch-Webhook-Signature"
	nonce, at := h.Get(header+"-Nonce"), h.Get(header+"-Timestamp")
	sum, err := base64.StdEncoding.DecodeString(h.Get(header))
	signed := httpsms.SHA256(sum, keys, body, []byte("."+nonce+"."+at))
	if !signed || err != nil || nonce == "" {
		return httpsms.ErrProof
	}
	if a := h.Get(header + "-Algorithm"); a != "" && a != "HmacSHA256" {
		return httpsms.ErrProof
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return httpsms.ErrProof
	}
	return httpsms.Fresh(time.Unix(seconds, 0), s.now(), window)
}

func report(c callback, status string, code int) ([]provider.Notice, error) {
	if !httpsms.ValidID(c.Batch) || status == "" {
		return nil, httpsms.ErrCallback
	}
	says, known := statuses[status]
	if !known {
		says = provider.Pending
	}
	at := httpsms.Time(c.OpAt)
	if at.IsZero() {
		at = httpsms.Time(c.At)
	}
	n := provider.Notice{
		ID: c.Batch + ":" + httpsms.Code(status) + ":" + strconv.Itoa(code), Kind: provider.ReportKind, At: at,
		Reference: httpsms.Reference(c.Reference), CarrierID: c.Batch, Status: says, Code: httpsms.Code(status + " " + strconv.Itoa(code)), Signed: true,
	}
	if says == provider.Undelivered {
		n.Fault = faults[code]
	}
	return []provider.Notice{n}, nil
}
