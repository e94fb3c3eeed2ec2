package sinch_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
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
	"github.com/husk-reminders/husk/pkg/provider/sinch"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const (
	token = "bearer-token-17"
	key   = "callback-key-0123456789"
	path  = "/xms/v1/plan-17/batches"
)

func file(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func open(t testing.TB, at providertest.Site) *sinch.Sender {
	t.Helper()
	s, err := sinch.New(sinch.Options{Config: sinch.Config{
		Config:      httpsms.Config{URL: at.URL, CAFile: at.CAFile, Slots: 2, DialTimeout: at.DialTimeout, WriteTimeout: at.WriteTimeout, ReplyTimeout: at.ReplyTimeout},
		ServicePlan: "plan-17", TokenFile: file(t, token),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type request struct {
	From, Body, Type string
	To               []string
	Report           string    `json:"delivery_report"`
	Reference        string    `json:"client_reference"`
	ExpireAt         time.Time `json:"expire_at"`
}

// batch is the simulator's view of a batch.
func batch(r request) map[string]any {
	return map[string]any{"id": "01FC66621" + r.Reference, "to": r.To, "from": r.From, "client_reference": r.Reference, "body": r.Body, "canceled": false,
		"created_at": "2026-03-10T08:00:00.741Z", "modified_at": "2026-03-10T08:00:00.741Z"}
}

func reply(status int, v any) providertest.Reply {
	b, _ := json.Marshal(v)
	return providertest.Reply{Status: status, Header: map[string]string{"Content-Type": "application/json"}, Body: string(b)}
}

// questions answers GET …/batches as the document's "List batches" has it: by client_reference and start_date.
func questions(r providertest.Received, sent []providertest.Received) providertest.Reply {
	u, err := url.Parse(r.URL)
	if err != nil || u.Path != path || r.Method != http.MethodGet || r.Header.Get("Authorization") != "Bearer "+token {
		return reply(401, nil)
	}
	q := u.Query()
	if q.Get("page_size") == "1" {
		return reply(200, map[string]any{"count": 0, "page": 0, "batches": []any{}})
	}
	if from, err := time.Parse(time.RFC3339, q.Get("start_date")); err != nil || time.Since(from) < 13*24*time.Hour {
		return reply(400, map[string]any{"code": "syntax_invalid_parameter_format"})
	}
	found := []any{}
	for _, s := range sent {
		var m request
		if json.Unmarshal([]byte(s.Body), &m) == nil && m.Reference == q.Get("client_reference") {
			found = append(found, batch(m))
		}
	}
	return reply(200, map[string]any{"count": len(found), "page": 0, "page_size": 10, "batches": found})
}

// The simulator is written from https://developers.sinch.com/docs/sms/api-reference.
func TestConformance(t *testing.T) {
	no := func(status int, code string) providertest.Reply {
		return reply(status, map[string]any{"code": code, "text": "to " + providertest.Recipient + " with " + token})
	}
	providertest.RunHTTP(t, providertest.HTTP{
		Open: func(t *testing.T, at providertest.Site) provider.Sender { return open(t, at) },
		Path: path, Authorization: "Bearer " + token, Secrets: []string{token, "plan-17"}, Questions: questions,
		Fields: func(t *testing.T, body string) (m map[string]any) {
			if err := json.Unmarshal([]byte(body), &m); err != nil {
				t.Error(err)
			}
			return m
		},
		Reference: func(f map[string]any) string { s, _ := f["client_reference"].(string); return s },
		Yes: func(r providertest.Received) providertest.Reply {
			var m request
			err := json.Unmarshal([]byte(r.Body), &m)
			if until := time.Until(m.ExpireAt); err != nil || m.From == "" || len(m.To) != 1 || m.Body == "" || m.Type != "mt_text" || m.Report != "per_recipient" || until < 5*time.Hour || until > 72*time.Hour {
				return no(400, "syntax_constraint_violation")
			}
			return reply(201, batch(m))
		},
		Refusals: []providertest.Refusal{
			{Name: "bad JSON", Reply: no(400, "syntax_invalid_json"), Outcome: provider.Reject, Code: "syntax_invalid_json"},
			{Name: "bad field", Reply: no(400, "syntax_invalid_parameter_format"), Outcome: provider.Reject, Code: "syntax_invalid_parameter_format"},
			{Name: "bad value", Reply: no(400, "syntax_constraint_violation"), Outcome: provider.Reject, Code: "syntax_constraint_violation"},
			{Name: "no callback", Reply: no(400, "missing_callback_url"), Outcome: provider.Retry, Code: "missing_callback_url"},
			{Name: "unauthorized", Reply: no(403, "unauthorized"), Outcome: provider.Retry, Code: "unauthorized"},
			{Name: "401 without a body", Reply: providertest.Reply{Status: 401}, Outcome: provider.Retry, Code: "http 401"},
			{Name: "no such plan", Reply: providertest.Reply{Status: 404}, Outcome: provider.Retry, Code: "http 404"},
			{Name: "throttled", Reply: no(429, "too_many_requests"), Outcome: provider.Retry, Code: "too_many_requests"},
			{Name: "an unknown refusal", Reply: no(400, "out_of_cheese"), Outcome: provider.Reject, Code: "out_of_cheese"},
			{Name: "a code that quotes", Reply: no(400, providertest.Recipient), Outcome: provider.Reject, Code: "http 400"},
			{Name: "their fault", Reply: no(500, "internal"), Outcome: provider.Unknown, Code: "internal"},
			{Name: "another's reference", Reply: reply(201, batch(request{Reference: "another"})), Outcome: provider.Unknown, Code: "bad_answer"},
			{Name: "no id", Reply: reply(201, map[string]any{"client_reference": "x"}), Outcome: provider.Unknown, Code: "bad_answer"},
		},
	})
}

// Lookup says that a message is not there only where Sinch surely looked for it.
func TestLookupDoubts(t *testing.T) {
	for name, c := range map[string]providertest.Reply{
		"no access":          {Status: 401},
		"their fault":        {Status: 500},
		"a proxy's page":     {Status: 200, Body: "<html>"},
		"other JSON":         {Status: 200, Body: "{}"},
		"another's batches":  reply(200, map[string]any{"count": 2, "batches": []any{batch(request{Reference: "another"})}}),
		"more than it shows": reply(200, map[string]any{"count": 2, "batches": []any{}}),
	} {
		h := providertest.HTTP{Path: path, Questions: func(providertest.Received, []providertest.Received) providertest.Reply { return c }}
		s := open(t, providertest.Serve(t, h))
		if _, found, err := s.Lookup(t.Context(), "lookup-1"); found || !errors.Is(err, sinch.ErrLookup) || strings.Contains(err.Error(), "lookup-1") {
			t.Errorf("%s: found %v, %v", name, found, err)
		}
	}
	if _, _, err := open(t, providertest.Site{}).Lookup(t.Context(), "a&b"); !errors.Is(err, provider.ErrReference) {
		t.Error(err)
	}
}

var now = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)

func callbacks(t testing.TB) providertest.Callbacks {
	s, err := sinch.New(sinch.Options{Now: func() time.Time { return now }, Config: sinch.Config{ServicePlan: "plan-17", TokenFile: file(t, token), CallbackKeyFile: file(t, key)}})
	if err != nil {
		t.Fatal(err)
	}
	const header = "X-Sinch-Webhook-Signature"
	prove := func(r *http.Request, body string, at time.Time) {
		h := hmac.New(sha256.New, []byte(key))
		fmt.Fprintf(h, "%s.%s.%d", body, "01JA4N6VSF17FTJQ9VK5Z2K4Y2", at.Unix())
		r.Header.Set(header, base64.StdEncoding.EncodeToString(h.Sum(nil)))
		r.Header.Set(header+"-Nonce", "01JA4N6VSF17FTJQ9VK5Z2K4Y2")
		r.Header.Set(header+"-Timestamp", fmt.Sprint(at.Unix()))
		r.Header.Set(header+"-Algorithm", "HmacSHA256")
	}
	at := time.Date(2026, 3, 10, 8, 59, 58, 0, time.UTC)
	status := func(status string, code int) string {
		return fmt.Sprintf(`{"type":"recipient_delivery_report_sms","batch_id":"01FC66621","client_reference":"ref-1","code":%d,"status":"%s","recipient":"4520987654","at":"2026-03-10T08:59:59Z","operator_status_at":"2026-03-10T08:59:58Z"}`, code, status)
	}
	report := func(id string, status provider.Status, code string, fault provider.Fault) []provider.Notice {
		return []provider.Notice{{ID: "01FC66621:" + id, Kind: provider.ReportKind, At: at, Reference: "ref-1", CarrierID: "01FC66621", Status: status, Code: code, Fault: fault, Signed: true}}
	}
	reply := func(text string) []provider.Notice {
		return []provider.Notice{{ID: "mo-1", Kind: provider.Reply, At: at, From: reminder.NewAddress(reminder.SMS, providertest.Recipient), Text: reminder.Mask(text), Signed: true}}
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(header+name, value) }
	}
	c := providertest.Callbacks{
		Webhook: s, Now: now, Path: "/hooks/sinch", Signed: true, Status: 200, Window: 48 * time.Hour, Prove: prove,
		Headers: []string{header, header + "-Nonce", header + "-Timestamp"}, Secrets: []string{key, token},
		Spoil: map[string]func(*http.Request){
			"unsigned":          func(r *http.Request) { r.Header.Del(header) },
			"no nonce":          func(r *http.Request) { r.Header.Del(header + "-Nonce") },
			"no time":           func(r *http.Request) { r.Header.Del(header + "-Timestamp") },
			"another nonce":     set("-Nonce", "02"),
			"another time":      set("-Timestamp", fmt.Sprint(now.Unix()+1)),
			"another algorithm": set("-Algorithm", "HmacMD5"),
			"no base64":         set("", "%%%"),
			"empty":             set("", ""),
		},
		Cases: []providertest.Callback{
			{Name: "delivered", Body: status("Delivered", 0), Want: report("Delivered:0", provider.Delivered, "Delivered 0", "")},
			{Name: "unknown subscriber", Body: status("Failed", 1), Want: report("Failed:1", provider.Undelivered, "Failed 1", provider.NotInUse)},
			{Name: "no text messages", Body: status("Failed", 11), Want: report("Failed:11", provider.Undelivered, "Failed 11", provider.NotMobile)},
			{Name: "a code while it is on its way", Body: status("Dispatched", 1), Want: report("Dispatched:1", provider.Pending, "Dispatched 1", "")},
			{Name: "a status nobody knows", Body: status("Sung", 3), Want: report("Sung:3", provider.Pending, "Sung 3", "")},
			{Name: "of the batch", Body: `{"type":"delivery_report_sms","batch_id":"01FC66621","client_reference":"ref-1","at":"2026-03-10T08:59:58Z","total_message_count":1,"statuses":[{"code":402,"count":1,"recipients":["4520987654"],"status":"Rejected"}]}`,
				Want: report("Rejected:402", provider.Undelivered, "Rejected 402", "")},
			{Name: "a reply", Body: `{"type":"mo_text","id":"mo-1","from":"4520987654","to":"1204","body":"Stop nu","received_at":"2026-03-10T08:59:58Z"}`, Want: reply("Stop nu")},
			{Name: "a picture", Body: `{"type":"mo_binary","id":"mo-1"}`},
			{Name: "of several messages", Body: `{"type":"delivery_report_sms","batch_id":"x","statuses":[{"code":0,"count":2,"status":"Delivered"}]}`, Bad: true},
			{Name: "of no batch", Body: `{"type":"recipient_delivery_report_sms","status":"Delivered"}`, Bad: true},
			{Name: "no status", Body: `{"type":"recipient_delivery_report_sms","batch_id":"x"}`, Bad: true},
			{Name: "a reply of nobody", Body: `{"type":"mo_text","id":"mo-1","body":"Stop"}`, Bad: true},
		},
	}
	for word, s := range map[string]provider.Status{
		"Queued": provider.Pending, "Dispatched": provider.Pending, "Unknown": provider.Pending, "Aborted": provider.Undelivered, "Cancelled": provider.Undelivered,
		"Rejected": provider.Undelivered, "Deleted": provider.Undelivered, "Expired": provider.Undelivered,
	} {
		for _, code := range []int{400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 411, 412, 413} {
			c.Cases = append(c.Cases, providertest.Callback{Name: fmt.Sprint(word, " ", code), Body: status(word, code), Want: report(fmt.Sprint(word, ":", code), s, fmt.Sprint(word, " ", code), "")})
		}
	}
	return c
}

func TestCallbacks(t *testing.T) { providertest.RunCallbacks(t, callbacks(t)) }

func FuzzParse(f *testing.F) { providertest.FuzzCallbacks(f, callbacks(f)) }

func TestConfig(t *testing.T) {
	err := sinch.Config{ServicePlan: "a/b"}.Validate()
	for _, key := range []string{"service_plan", "token_file"} {
		if err == nil || !strings.Contains(err.Error(), "sinch: "+key+": ") {
			t.Errorf("%s is not named: %v", key, err)
		}
	}
}
