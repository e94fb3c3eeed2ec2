package twilio_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
	"github.com/husk-reminders/husk/pkg/provider/twilio"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const (
	account = "AC0123456789abcdef0123456789abcdef"
	service = "MG0123456789abcdef0123456789abcdef"
	message = "SM0123456789abcdef0123456789abcdef"
	token   = "auth-token-17"
	hooks   = "https://husk.example.org/hooks/twilio"
)

func file(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func open(t testing.TB, at providertest.Site) *twilio.Sender {
	t.Helper()
	s, err := twilio.New(twilio.Options{Callback: hooks, Config: twilio.Config{
		Config:     httpsms.Config{URL: at.URL, CAFile: at.CAFile, Slots: 2, DialTimeout: at.DialTimeout, WriteTimeout: at.WriteTimeout, ReplyTimeout: at.ReplyTimeout},
		AccountSID: account, AuthTokenFile: file(t, token), MessagingServiceSID: service,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func reply(status int, v any) providertest.Reply {
	b, _ := json.Marshal(v)
	return providertest.Reply{Status: status, Header: map[string]string{"Content-Type": "application/json"}, Body: string(b)}
}

// The simulator is written from https://www.twilio.com/docs/messaging/api/message-resource and https://www.twilio.com/docs/api/errors.
func TestConformance(t *testing.T) {
	created := func(status string, failure any) providertest.Reply {
		return reply(201, map[string]any{"sid": message, "status": status, "error_code": failure, "error_message": nil, "to": providertest.Recipient, "body": providertest.Text})
	}
	h := providertest.HTTP{
		Open: func(t *testing.T, at providertest.Site) provider.Sender { return open(t, at) },
		Path: "/2010-04-01/Accounts/" + account + "/Messages.json", Secrets: []string{token, account, service},
		Authorization: "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjphdXRoLXRva2VuLTE3",
		Fields: func(t *testing.T, body string) map[string]any {
			v, err := url.ParseQuery(body)
			m := map[string]any{}
			for k := range v {
				m[k] = v.Get(k)
			}
			if err != nil || len(m) != len(v) {
				t.Error(err)
			}
			return m
		},
		Reference: func(f map[string]any) string {
			s, _ := f["StatusCallback"].(string)
			rest, _ := strings.CutPrefix(s, hooks+"?ref=")
			return rest
		},
		Yes: func(r providertest.Received) providertest.Reply {
			v, err := url.ParseQuery(r.Body)
			if err != nil || v.Get("To") == "" || v.Get("From") == "" || v.Get("Body") == "" || v.Get("MessagingServiceSid") != service || !strings.HasPrefix(v.Get("ValidityPeriod"), "21") {
				return reply(400, map[string]any{"code": 21604, "status": 400})
			}
			return created("queued", nil)
		},
		Questions: func(r providertest.Received, _ []providertest.Received) providertest.Reply {
			if r.Method == http.MethodGet && r.URL == "/2010-04-01/Accounts/"+account+".json" {
				return reply(200, map[string]any{"sid": account, "status": "active"})
			}
			return reply(404, map[string]any{"code": 20404})
		},
		Refusals: []providertest.Refusal{
			{Name: "too many", Reply: providertest.Reply{Status: 429, Header: map[string]string{"Retry-After": "2"}, Body: `{"code":20429}`}, Outcome: provider.Retry, Code: "20429", After: 2 * time.Second},
			{Name: "out of service, by its own word", Reply: reply(503, map[string]any{"code": 20503}), Outcome: provider.Retry, Code: "20503"},
			{Name: "an unknown refusal", Reply: reply(400, map[string]any{"code": 29999}), Outcome: provider.Reject, Code: "29999"},
			{Name: "a code that is a number", Reply: reply(400, map[string]any{"code": 4520987654}), Outcome: provider.Reject, Code: "http 400"},
			{Name: "failed, unknown why", Reply: created("failed", 39999), Outcome: provider.Reject, Code: "39999"},
			{Name: "canceled", Reply: created("canceled", nil), Outcome: provider.Reject, Code: "0"},
			{Name: "a status nobody knows", Reply: created("sung", nil), Outcome: provider.Unknown, Code: "bad_answer"},
			{Name: "no id", Reply: reply(201, map[string]any{"status": "queued"}), Outcome: provider.Unknown, Code: "bad_answer"},
			{Name: "an id that is none", Reply: reply(201, map[string]any{"status": "queued", "sid": "+4520987654"}), Outcome: provider.Unknown, Code: "bad_answer"},
		},
	}
	for outcome, codes := range map[provider.Outcome][]int{
		provider.Retry:    {20003, 20404, 20429, 20503, 21611, 30001, 30002, 30003},
		provider.Reject:   {21211, 21212, 21408, 21602, 21606, 21612, 21614, 21617, 30004, 30005, 30006, 30007},
		provider.OptedOut: {21610},
		provider.Unknown:  {30008, 30410},
	} {
		for _, code := range codes {
			body := map[string]any{"code": code, "message": "The number " + providertest.Recipient + " of " + account, "more_info": "https://www.twilio.com/docs/errors", "status": 400}
			h.Refusals = append(h.Refusals,
				providertest.Refusal{Name: fmt.Sprint(code), Reply: reply(400, body), Outcome: outcome, Fault: faults[code], Code: fmt.Sprint(code)},
				providertest.Refusal{Name: fmt.Sprint("failed with ", code), Reply: created("failed", code), Outcome: outcome, Fault: faults[code], Code: fmt.Sprint(code)})
		}
	}
	providertest.RunHTTP(t, h)
}

var faults = map[int]provider.Fault{
	21211: provider.NotInUse, 21614: provider.NotMobile, 30004: provider.Barred, 30005: provider.NotInUse, 30006: provider.NotMobile,
}

func TestTooLong(t *testing.T) {
	s := open(t, providertest.Site{})
	m := providertest.SMS("long-1")
	m.Text = reminder.Mask(strings.Repeat("å", 1600))
	if _, err := s.Encode(m); err != nil {
		t.Error(err)
	}
	m.Text = reminder.Mask(strings.Repeat("å", 1599) + "🦷")
	if _, err := s.Encode(m); provider.OutcomeOf(err) != provider.Reject {
		t.Error(err)
	}
}

func callbacks(t testing.TB) providertest.Callbacks {
	status := func(status, failure string) string {
		v := url.Values{"MessageSid": {message}, "SmsSid": {message}, "AccountSid": {account}, "MessageStatus": {status}, "SmsStatus": {status}, "To": {providertest.Recipient}, "From": {"Rigshosp"}, "ApiVersion": {"2010-04-01"}}
		if failure != "" {
			v.Set("ErrorCode", failure)
		}
		return v.Encode()
	}
	report := func(status string, s provider.Status, code string, fault provider.Fault) []provider.Notice {
		return []provider.Notice{{ID: message + ":" + status, Kind: provider.ReportKind, Reference: "ref-1", CarrierID: message, Status: s, Code: code, Fault: fault, Signed: true}}
	}
	written := func(text, optOut string) string {
		v := url.Values{"MessageSid": {message}, "SmsStatus": {"received"}, "AccountSid": {account}, "From": {providertest.Recipient}, "To": {"+4520123456"}, "Body": {text}, "NumMedia": {"0"}, "NumSegments": {"1"}}
		if optOut != "" {
			v.Set("OptOutType", optOut)
		}
		return v.Encode()
	}
	reply := func(text string) []provider.Notice {
		return []provider.Notice{{ID: message, Kind: provider.Reply, From: reminder.NewAddress(reminder.SMS, providertest.Recipient), Text: reminder.Mask(text), Signed: true}}
	}
	const header = "X-Twilio-Signature"
	c := providertest.Callbacks{
		Webhook: open(t, providertest.Site{}), Now: time.Now(), Path: "/hooks/twilio", Signed: true, Status: 204, Headers: []string{header}, Secrets: []string{token, account},
		Prove: func(r *http.Request, body string, _ time.Time) {
			v, err := url.ParseQuery(body)
			if err != nil {
				return
			}
			form := map[string]string{}
			for k := range v {
				form[k] = v.Get(k)
			}
			called := hooks
			if r.URL.RawQuery != "" {
				called += "?" + r.URL.RawQuery
			}
			r.Header.Set(header, twilio.Sign(token, called, form))
		},
		Spoil: map[string]func(*http.Request){
			"unsigned":      func(r *http.Request) { r.Header.Del(header) },
			"two":           func(r *http.Request) { r.Header.Add(header, r.Header.Get(header)) },
			"another query": func(r *http.Request) { r.URL.RawQuery = "ref=another" },
			"empty":         func(r *http.Request) { r.Header.Set(header, "") },
		},
		Cases: []providertest.Callback{
			{Name: "a reply", Body: written("Stop nu", ""), Want: reply("Stop nu")},
			{Name: "a reply that Twilio took for a stop", Body: written("Afmeld", "STOP"), Want: reply("STOP")},
			{Name: "a reply that Twilio took for a question", Body: written("Hjælp", "HELP"), Want: reply("Hjælp")},
			{Name: "a status nobody knows", Query: "ref=ref-1", Body: status("sung", ""), Want: report("sung", provider.Pending, "sung", "")},
			{Name: "a code that is a number", Query: "ref=ref-1", Body: status("failed", "4520987654"), Want: report("failed", provider.Undelivered, "", "")},
			{Name: "a code while it is on its way", Query: "ref=ref-1", Body: status("sent", "30005"), Want: report("sent", provider.Pending, "sent 30005", "")},
			{Name: "another account's", Body: strings.Replace(status("sent", ""), account, strings.Replace(account, "0", "1", 1), 1), Bad: true},
			{Name: "no id", Body: "AccountSid=" + account + "&MessageStatus=sent", Bad: true},
			{Name: "a reply of nobody", Body: "AccountSid=" + account + "&MessageSid=" + message + "&Body=Stop", Bad: true},
		},
	}
	for _, word := range []string{"failed", "undelivered"} { // the person had told Twilio to stop, who took the message all the same
		c.Cases = append(c.Cases, providertest.Callback{
			Name: "stopped, " + word, Query: "ref=ref-1", Body: status(word, "21610"),
			Want: append(report(word, provider.Undelivered, word+" 21610", ""), provider.Notice{
				ID: message + ":" + word + ":stop", Kind: provider.Complaint, Reference: "ref-1", Code: word + " 21610", Signed: true,
			}),
		})
	}
	c.Cases = append(c.Cases, providertest.Callback{Name: "stopped, on its way", Query: "ref=ref-1", Body: status("sent", "21610"), Want: report("sent", provider.Pending, "sent 21610", "")})
	for word, s := range map[string]provider.Status{
		"accepted": provider.Pending, "scheduled": provider.Pending, "queued": provider.Pending, "sending": provider.Pending, "sent": provider.Pending, "partially_delivered": provider.Pending,
		"delivered": provider.Delivered, "read": provider.Delivered, "undelivered": provider.Undelivered, "failed": provider.Undelivered, "canceled": provider.Undelivered,
	} {
		c.Cases = append(c.Cases, providertest.Callback{Name: word, Query: "ref=ref-1", Body: status(word, ""), Want: report(word, s, word, "")})
	}
	for code, fault := range map[string]provider.Fault{"30003": "", "30004": provider.Barred, "30005": provider.NotInUse, "30006": provider.NotMobile, "30007": "", "30008": "", "21614": provider.NotMobile} {
		c.Cases = append(c.Cases, providertest.Callback{Name: "undelivered " + code, Query: "ref=ref-1", Body: status("undelivered", code), Want: report("undelivered", provider.Undelivered, "undelivered "+code, fault)})
	}
	return c
}

func TestCallbacks(t *testing.T) { providertest.RunCallbacks(t, callbacks(t)) }

func FuzzParse(f *testing.F) { providertest.FuzzCallbacks(f, callbacks(f)) }

func TestConfig(t *testing.T) {
	err := twilio.Config{MessagingServiceSID: "MG1"}.Validate()
	for _, key := range []string{"account_sid", "auth_token_file", "messaging_service_sid"} {
		if err == nil || !strings.Contains(err.Error(), "twilio: "+key+": ") {
			t.Errorf("%s is not named: %v", key, err)
		}
	}
	for _, callback := range []string{"https://my_host.example/hunter2", "http://husk.example/hunter2"} {
		_, err := twilio.New(twilio.Options{Callback: callback, Config: twilio.Config{AccountSID: account, AuthTokenFile: "x"}})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
	// Without a way to call us, no status is asked for and no call taken, however signed.
	s, err := twilio.New(twilio.Options{Config: twilio.Config{AccountSID: account, AuthTokenFile: file(t, token)}})
	if err != nil {
		t.Fatal(err)
	}
	if w, err := s.Encode(providertest.SMS("config-1")); err != nil || strings.Contains(w.Body.Reveal(), "StatusCallback") {
		t.Error(err)
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("MessageSid="+message))
	r.Header.Set("X-Twilio-Signature", twilio.Sign(token, "", map[string]string{"MessageSid": message}))
	if n, _, err := s.Parse(r); err == nil || len(n) != 0 {
		t.Error("a callback at no address is taken")
	}
}
