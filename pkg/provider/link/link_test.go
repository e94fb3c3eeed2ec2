package link_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/provider/link"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const (
	password = "API-password-17"
	callback = "callback-password-17"
	secret   = "secret-path-0123456789"
	hooks    = "/v1/carriers/sms/" + secret
)

func file(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func open(t testing.TB, at providertest.Site) *link.Sender {
	t.Helper()
	s, err := link.New(link.Options{Callback: "https://husk.example.org" + hooks, Config: link.Config{
		Config:       httpsms.Config{URL: at.URL, CAFile: at.CAFile, Slots: 2, DialTimeout: at.DialTimeout, WriteTimeout: at.WriteTimeout, ReplyTimeout: at.ReplyTimeout},
		CallerConfig: httpsms.CallerConfig{User: "link", PasswordFile: file(t, callback)},
		Username:     "husk", PasswordFile: file(t, password), PlatformID: "COOL", PartnerID: "3097812", Gate: "BVldZyQt",
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The simulator is written from "SMS REST API, MT and Delivery Reports", version 1.6.
func TestConformance(t *testing.T) {
	no := func(status, code int) providertest.Reply {
		return providertest.Reply{Status: status, Body: fmt.Sprintf(`{"resultCode":%d,"description":"%s %s"}`, code, providertest.Recipient, password)}
	}
	h := providertest.HTTP{
		Open: func(t *testing.T, at providertest.Site) provider.Sender { return open(t, at) },
		Path: "/sms/send", Authorization: "Basic aHVzazpBUEktcGFzc3dvcmQtMTc=", Secrets: []string{password, callback, secret},
		Fields: func(t *testing.T, body string) (m map[string]any) {
			if err := json.Unmarshal([]byte(body), &m); err != nil {
				t.Error(err)
			}
			return m
		},
		Reference: func(f map[string]any) string { s, _ := f["refId"].(string); return s },
		Yes: func(r providertest.Received) providertest.Reply {
			var m struct {
				Source, SourceTON, Destination, UserData, PlatformID, PlatformPartnerID, RefID string
				AbsoluteValidityTime                                                           time.Time
				UseDeliveryReport, IgnoreResponse                                              bool
				DeliveryReportGates                                                            []string
			}
			until := time.Until(time.Now())
			err := json.Unmarshal([]byte(r.Body), &m)
			until = time.Until(m.AbsoluteValidityTime) - until
			switch {
			case err != nil || m.Source == "" || m.Destination[0] != '+' || m.UserData == "" || until < 15*time.Minute || until > 48*time.Hour:
				return no(400, 106000)
			case m.SourceTON != map[bool]string{true: "MSISDN", false: "ALPHANUMERIC"}[m.Source[0] == '+']:
				return no(400, 2000)
			case m.PlatformID != "COOL":
				return no(400, 106200)
			case m.PlatformPartnerID != "3097812":
				return no(400, 106201)
			case !m.UseDeliveryReport || len(m.DeliveryReportGates) != 1 || m.DeliveryReportGates[0] != "BVldZyQt":
				return no(400, 106301)
			case m.IgnoreResponse:
				return providertest.Reply{Status: 204}
			}
			return providertest.Reply{Status: 200, Body: `{"messageId":"Dcshuhod0PMAAAFQ+/PbnR3x","resultCode":1005,"description":"Queued"}`}
		},
		Refusals: []providertest.Refusal{
			{Name: "password", Reply: no(401, 106100), Outcome: provider.Retry, Code: "106.100"},
			{Name: "access", Reply: no(403, 106101), Outcome: provider.Retry, Code: "106.101"},
			{Name: "unknown error", Reply: no(400, 106000), Outcome: provider.Unknown, Code: "106.000"},
			{Name: "platform", Reply: no(400, 106200), Outcome: provider.Retry, Code: "106.200"},
			{Name: "partner", Reply: no(400, 106201), Outcome: provider.Retry, Code: "106.201"},
			{Name: "currency", Reply: no(400, 106202), Outcome: provider.Retry, Code: "106.202"},
			{Name: "no gates", Reply: no(400, 106300), Outcome: provider.Retry, Code: "106.300"},
			{Name: "gate", Reply: no(400, 106301), Outcome: provider.Retry, Code: "106.301"},
			{Name: "a yes with another status", Reply: no(500, 1005), Outcome: provider.Unknown, Code: "bad_answer"},
			{Name: "a yes without an id", Reply: no(200, 1005), Outcome: provider.Unknown, Code: "bad_answer"},
			{Name: "no code", Reply: providertest.Reply{Status: 400, Body: "{}"}, Outcome: provider.Reject, Code: "http 400"},
			{Name: "no response", Reply: providertest.Reply{Status: 204}, Outcome: provider.Unknown, Code: "bad_answer"},
		},
	}
	for outcome, codes := range map[provider.Outcome][]int{
		provider.Retry:   {0, 1, 3, 6, 104, 105, 1004, 2107},
		provider.Unknown: {4, 5, 1010, 7777},
		provider.Reject:  {2, 1002, 1003, 1006, 1009, 2000, 2001, 2002, 2003, 2103, 2104, 2105, 2106, 3000, 3001, 3002, 4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007},
	} {
		for _, code := range codes {
			h.Refusals = append(h.Refusals, providertest.Refusal{Name: fmt.Sprint(code), Reply: no(200, code), Outcome: outcome, Fault: faults[code], Code: fmt.Sprint(code)})
		}
	}
	providertest.RunHTTP(t, h)
}

var faults = map[int]provider.Fault{2104: provider.NotInUse, 2105: provider.Barred, 2106: provider.NotInUse}

func TestTexts(t *testing.T) {
	s := open(t, providertest.Site{URL: "https://wsx.sp247.net"})
	m := providertest.SMS("text-1")
	m.Text = reminder.Mask("Husk 🦷")
	if _, err := s.Encode(m); provider.OutcomeOf(err) != provider.Reject {
		t.Errorf("four bytes: %v", err)
	}
	m.Text, m.Sender = reminder.Mask("Husk ŋ"), "2333"
	if w, err := s.Encode(m); err != nil || !strings.Contains(w.Body.Reveal(), `"sourceTON":"SHORTNUMBER"`) || !strings.Contains(w.Body.Reveal(), "ŋ") {
		t.Errorf("%v", err)
	}
}

// LINK reports each segment by itself: a message of three is delivered when all three are.
func TestSegments(t *testing.T) {
	var count string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); err != nil || !strings.Contains(string(b), `"customParameters":{"replySmsCount":"true"}`) {
			t.Errorf("the count is not asked for: %v", err)
		}
		_, _ = io.WriteString(w, `{"messageId":"Dcshuhod","resultCode":1005,"description":"Queued"`+count+`}`)
	}))
	t.Cleanup(server.Close)
	s := open(t, providertest.Site{URL: server.URL})
	t.Cleanup(func() { _ = s.Close() })
	for said, want := range map[string][]string{
		"": {"Dcshuhod"}, `,"smsCount":1`: {"Dcshuhod"}, `,"smsCount":0`: {"Dcshuhod"}, `,"smsCount":-1`: {"Dcshuhod"}, `,"smsCount":null`: {"Dcshuhod"},
		`,"smsCount":"three"`: {"Dcshuhod"}, `,"smsCount":99999999`: {"Dcshuhod"},
		`,"smsCount":2`: {"Dcshuhod$0", "Dcshuhod$1"}, `,"smsCount":3`: {"Dcshuhod$0", "Dcshuhod$1", "Dcshuhod$2"},
	} {
		count = said
		slot, err := s.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a, err := providertest.Send(t.Context(), s, slot, providertest.SMS("segments-1"))
		slot.Close()
		if got := append([]string{a.CarrierID}, a.Parts...); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q %v, want %q", said, got, err, want)
		}
		// The first segment's word settles the message only where it is the whole of it.
		first := receipt.Hear(nil, receipt.Word{ID: "Dcshuhod$0", Status: receipt.Delivered})
		if got := receipt.Merge(append([]string{a.CarrierID}, a.Parts...), first); (got == receipt.Delivered) != (len(want) == 1) {
			t.Errorf("%q: after one segment it is %q", said, got)
		}
	}
}

func callbacks(t testing.TB) providertest.Callbacks {
	at := time.Date(2015, 11, 19, 9, 37, 0, 0, time.UTC)
	status := func(code int) string {
		return fmt.Sprintf(`{"refId":"ref-1","id":"Dcshuhod$0","operator":"no.telenor","sentTimestamp":"2015-11-19T09:37:35Z","timestamp":"2015-11-19T09:37:00Z","resultCode":%d,`+
			`"operatorResultCode":"2","segments":1,"gateCustomParameters":{},"customParameters":{"received":"2015-11-19 10:37:36","destination":"+4520987654"}}`, code)
	}
	report := func(code int, status provider.Status) []provider.Notice {
		label := fmt.Sprint(code)
		return []provider.Notice{{ID: "Dcshuhod$0:" + label, Kind: provider.ReportKind, At: at, Reference: "ref-1", CarrierID: "Dcshuhod$0", Status: status, Code: label, Fault: faults[code]}}
	}
	written := func(text, route string) string {
		return `{"destination":"NO-2333","subNumber":null,"source":"+4520987654","content":{"type":"SMS","userData":"` + text + `","encoding":"TEXT"},"operator":"no.telenor",` +
			`"timestamp":"2015-11-19T09:37:00Z","messageId":"m-1","operatorTimestamp":"2015-11-17T14:28:40Z","operatorMessageId":"0","route":` + route + `,"gateCustomParameters":{},"customParameters":{}}`
	}
	reply := func(text string) []provider.Notice {
		return []provider.Notice{{ID: "m-1", Kind: provider.Reply, At: at, From: reminder.NewAddress(reminder.SMS, providertest.Recipient), Text: reminder.Mask(text)}}
	}
	c := providertest.Callbacks{
		Webhook: open(t, providertest.Site{URL: "https://wsx.sp247.net"}), Now: time.Now(), Path: hooks, Status: 200,
		Headers: []string{"Authorization"}, Secrets: []string{callback, secret, password},
		Prove: func(r *http.Request, _ string, _ time.Time) { r.SetBasicAuth("link", callback) },
		Spoil: map[string]func(*http.Request){
			"no password":    func(r *http.Request) { r.Header.Del("Authorization") },
			"wrong password": func(r *http.Request) { r.SetBasicAuth("link", "x") },
			"wrong secret":   func(r *http.Request) { r.URL.Path = "/v1/carriers/sms/another" },
			"no secret":      func(r *http.Request) { r.URL.Path = "/" },
		},
		Cases: []providertest.Callback{
			{Name: "a reply to a keyword", Body: written("Bclt Stop nu", `{"type":"KEYWORD_ROUTE","keyword":"BCLT"}`), Want: reply("Bclt Stop nu")},
			{Name: "a reply to the keyword STOP", Body: written("STOP", `{"type":"KEYWORD_ROUTE","keyword":"STOP"}`), Want: reply("STOP")},
			{Name: "a reply that begins with the keyword STOP", Body: written("Stop nu", `{"type":"KEYWORD_ROUTE","keyword":"STOP"}`), Want: reply("Stop nu")},
			{Name: "a reply to a number", Body: written("Stop nu", `{"type":"SUBNUMBER_ROUTE"}`), Want: reply("Stop nu")},
			{Name: "a picture", Body: strings.Replace(written("", `{}`), `"SMS"`, `"MMS"`, 1)},
			{Name: "a reply of nobody", Body: `{"messageId":"m-1","content":{"type":"SMS","userData":"Stop"}}`, Bad: true},
			{Name: "no id", Body: `{"refId":"ref-1","resultCode":1001}`, Bad: true},
			{Name: "no code", Body: `{"refId":"ref-1","id":"x"}`, Bad: true},
		},
	}
	for status2, codes := range map[provider.Status][]int{
		provider.Pending:     {4, 5, 1000, 1005, 1008, 1010, 1011, 1012, 99},
		provider.Delivered:   {1001, 1007},
		provider.Undelivered: {0, 1, 2, 3, 6, 104, 105, 1002, 1003, 1004, 1006, 1009, 2104, 2105, 2106, 2107, 3001, 4007},
	} {
		for _, code := range codes {
			c.Cases = append(c.Cases, providertest.Callback{Name: fmt.Sprint("result ", code), Body: status(code), Want: report(code, status2)})
		}
	}
	return c
}

func TestCallbacks(t *testing.T) { providertest.RunCallbacks(t, callbacks(t)) }

func FuzzParse(f *testing.F) { providertest.FuzzCallbacks(f, callbacks(f)) }

func TestConfig(t *testing.T) {
	err := link.Config{Gate: "x", PlatformID: "a b"}.Validate()
	for _, key := range []string{"url", "username", "password_file", "platform_id", "partner_id", "gate"} {
		if err == nil || !strings.Contains(err.Error(), "link: "+key+": ") {
			t.Errorf("%s is not named: %v", key, err)
		}
	}
}
