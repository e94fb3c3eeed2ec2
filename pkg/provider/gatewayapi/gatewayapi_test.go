package gatewayapi_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/gatewayapi"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const (
	token = "hMvCn2w1St-3pgVuIoqB0HyC"
	key   = "callback-key-0123456789"
)

func file(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func fields(t *testing.T, body string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Error(err)
	}
	return m
}

// The simulator is written from https://gatewayapi.com/docs/message/overview and https://gatewayapi.com/docs/error-codes.
func TestConformance(t *testing.T) {
	no := func(status int, code string) providertest.Reply {
		return providertest.Reply{Status: status, Header: map[string]string{"Content-Type": "application/json"},
			Body: `{"code":"` + code + `","incident_uuid":"d8127429-fa0c-4316-b1f2-e610c3958f43","message":"MSISDN ` + providertest.Recipient + ` and ` + token + `","variables":["4520987654"]}`}
	}
	providertest.RunHTTP(t, providertest.HTTP{
		Open: func(t *testing.T, at providertest.Site) provider.Sender {
			s, err := gatewayapi.New(gatewayapi.Options{Config: gatewayapi.Config{TokenFile: file(t, token), Config: httpsms.Config{
				URL: at.URL, CAFile: at.CAFile, Slots: 2, DialTimeout: at.DialTimeout, WriteTimeout: at.WriteTimeout, ReplyTimeout: at.ReplyTimeout,
			}}})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Path: "/mobile/single", Authorization: "Token " + token, Secrets: []string{token},
		Fields:    fields,
		Reference: func(f map[string]any) string { s, _ := f["reference"].(string); return s },
		Yes: func(r providertest.Received) providertest.Reply {
			var m struct {
				Sender, Message, Reference, Expiration string
				Recipient                              int64
			}
			if json.Unmarshal([]byte(r.Body), &m) != nil || m.Sender == "" || m.Message == "" || m.Recipient == 0 || r.Header.Get("Content-Type") == "" || m.Expiration != "PT359M" {
				return no(422, "0x1001")
			}
			b, _ := json.Marshal(map[string]any{"msg_id": "01JNN696A9E0WS89FPYGT15NBX", "recipient": m.Recipient, "reference": m.Reference})
			return providertest.Reply{Status: 200, Body: string(b)}
		},
		Refusals: []providertest.Refusal{
			{Name: "user unknown", Reply: no(401, "0x0210"), Outcome: provider.Retry, Code: "0x0210"},
			{Name: "wrong password", Reply: no(401, "0x0211"), Outcome: provider.Retry, Code: "0x0211"},
			{Name: "our address", Reply: no(403, "0x0213"), Outcome: provider.Retry, Code: "0x0213"},
			{Name: "temporary list", Reply: no(403, "0x0214"), Outcome: provider.Retry, Code: "0x0214"},
			{Name: "blacklist", Reply: no(403, "0x0215"), Outcome: provider.Reject, Fault: provider.Barred, Code: "0x0215"},
			{Name: "credit", Reply: no(403, "0x0216"), Outcome: provider.Retry, Code: "0x0216"},
			{Name: "country", Reply: no(403, "0x0217"), Outcome: provider.Reject, Code: "0x0217"},
			{Name: "class", Reply: no(422, "0x0218"), Outcome: provider.Reject, Code: "0x0218"},
			{Name: "shutting down", Reply: no(500, "0x1005"), Outcome: provider.Retry, Code: "0x1005"},
			{Name: "resources", Reply: no(500, "0x1006"), Outcome: provider.Retry, Code: "0x1006"},
			{Name: "unavailable", Reply: no(500, "0x1009"), Outcome: provider.Retry, Code: "0x1009"},
			{Name: "bad message", Reply: no(400, "0x1011"), Outcome: provider.Reject, Code: "0x1011"},
			{Name: "unknown code", Reply: no(500, "0x9911"), Outcome: provider.Unknown, Code: "0x9911"},
			{Name: "no code", Reply: no(422, "4520987654"), Outcome: provider.Reject, Code: "http 422"},
			{Name: "another's reference", Reply: providertest.Reply{Status: 200, Body: `{"msg_id":"01JNN","reference":"another"}`}, Outcome: provider.Unknown, Code: "bad_answer"},
			{Name: "no id", Reply: providertest.Reply{Status: 200, Body: `{"msg_id":""}`}, Outcome: provider.Unknown, Code: "bad_answer"},
		},
	})
}

var now = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)

func callbacks(t testing.TB) providertest.Callbacks {
	s, err := gatewayapi.New(gatewayapi.Options{Now: func() time.Time { return now }, Config: gatewayapi.Config{
		Config: httpsms.Config{URL: "https://messaging.gatewayapi.eu"}, TokenFile: file(t, token), CallbackKeyFile: file(t, key+"\nold-key-0123456789"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	envelope := func(kind, event string) string {
		return `{"event_id":"09c829a2-a77b","timestamp":"` + now.Format(time.RFC3339) + `","event_type":"` + kind + `","event":` + event + `}`
	}
	status := func(status, more string) string {
		return envelope("message.status.sms", `{"msg_id":"01JNN6","recipient":4520987654,"reference":"ref-1","status":"`+status+`","status_at":"2026-03-10T08:59:58.003029+00:00"`+more+`}`)
	}
	report := func(status provider.Status, code string, fault provider.Fault) []provider.Notice {
		return []provider.Notice{{ID: "09c829a2-a77b", Kind: provider.ReportKind, At: now.Add(-2*time.Second + 3029*time.Microsecond), Reference: "ref-1", CarrierID: "01JNN6",
			Status: status, Code: code, Fault: fault, Signed: true}}
	}
	reply := func(text string) []provider.Notice {
		return []provider.Notice{{ID: "09c829a2-a77b", Kind: provider.Reply, At: now.Add(-time.Minute), From: reminder.NewAddress(reminder.SMS, providertest.Recipient), Text: reminder.Mask(text), Signed: true}}
	}
	written := func(kind, content string) string {
		return envelope(kind, `{"msg_id":"01X","sender":4520987654,"sent_at":"2026-03-10T08:59:00+00:00","content":`+content+`}`)
	}
	c := providertest.Callbacks{
		Webhook: s, Now: now, Path: "/hooks/gatewayapi", Signed: true, Status: 200, Window: 48 * time.Hour, Headers: []string{"Signature"}, Secrets: []string{key, token},
		Prove: func(r *http.Request, body string, _ time.Time) {
			h := hmac.New(sha256.New, []byte(key))
			h.Write([]byte(body))
			r.Header.Set("Signature", "v1="+hex.EncodeToString(h.Sum(nil)))
		},
		Spoil: map[string]func(*http.Request){
			"unsigned": func(r *http.Request) { r.Header.Del("Signature") },
			"other version": func(r *http.Request) {
				r.Header.Set("Signature", strings.Replace(r.Header.Get("Signature"), "v1", "v0", 1))
			},
			"two":         func(r *http.Request) { r.Header.Add("Signature", r.Header.Get("Signature")) },
			"empty":       func(r *http.Request) { r.Header.Set("Signature", "v1=") },
			"the old JWT": func(r *http.Request) { r.Header.Set("X-Gwapi-Signature", "a.b.c"); r.Header.Del("Signature") },
		},
		Cases: []providertest.Callback{
			{Name: "delivered", Body: status("DELIVERED", ""), Want: report(provider.Delivered, "DELIVERED", "")},
			{Name: "undeliverable", Body: status("UNDELIVERABLE", `,"error":"0x1105"`), Want: report(provider.Undelivered, "UNDELIVERABLE 0x1105", provider.NotInUse)},
			{Name: "rejected", Body: status("REJECTED", `,"error":{"code":"0x1106","message":"to 4520987654"}`), Want: report(provider.Undelivered, "REJECTED 0x1106", "")},
			{Name: "an error in words", Body: status("EXPIRED", `,"error":"4520987654 was off"`), Want: report(provider.Undelivered, "EXPIRED", "")},
			{Name: "a status nobody knows", Body: status("VANISHED", ""), Want: report(provider.Pending, "VANISHED", "")},
			{Name: "a status that is a number", Body: status("4520987654", ""), Want: report(provider.Pending, "", "")},
			{Name: "a reply", Body: written("user-message.text.sms", `{"message":"stop","encoding":"UTF8","header":null}`), Want: reply("stop")},
			{Name: "a reply to a number of our own", Body: written("user-message.text.sms", `{"message":"Stop nu"}`), Want: reply("Stop nu")},
			{Name: "a reply by RCS", Body: written("user-message.text.rcs", `"Stop"`), Want: reply("Stop")},
			{Name: "a reply of a number in quotes", Body: strings.Replace(written("user-message.text.sms", `{"message":"stop"}`), "4520987654", `"+4520987654"`, 1), Want: reply("stop")},
			{Name: "a reply of digits in quotes", Body: strings.Replace(written("user-message.text.sms", `{"message":"stop"}`), "4520987654", `"4520987654"`, 1), Want: reply("stop")},
			{Name: "a status with a sender's name", Body: status("DELIVERED", `,"sender":"Rigshosp"`), Want: report(provider.Delivered, "DELIVERED", "")},
			{Name: "a picture", Body: written("user-message.file.rcs", `{"category":"image"}`)},
			{Name: "something new", Body: envelope("message.sung.opera", `{}`)},
			{Name: "no message", Body: envelope("message.status.sms", `{"status":"DELIVERED"}`), Bad: true},
			{Name: "no status", Body: envelope("message.status.sms", `{"msg_id":"x"}`), Bad: true},
			{Name: "a reply of nobody", Body: envelope("user-message.text.sms", `{"content":{"message":"Stop"}}`), Bad: true},
			{Name: "a reply of null", Body: envelope("user-message.text.sms", `{"sender":null,"content":{"message":"Stop"}}`), Bad: true},
			{Name: "a reply of something else", Body: envelope("user-message.text.sms", `{"sender":{},"content":{"message":"Stop"}}`), Bad: true},
			{Name: "no time", Body: `{"event_id":"x","event_type":"message.status.sms","event":{"msg_id":"x","status":"DELIVERED"}}`, Bad: true},
		},
	}
	for status, s := range map[string]provider.Status{
		"UNKNOWN": provider.Pending, "SCHEDULED": provider.Pending, "BUFFERED": provider.Pending, "ENROUTE": provider.Pending, "ACCEPTED": provider.Pending,
		"EXPIRED": provider.Undelivered, "DELETED": provider.Undelivered, "SKIPPED": provider.Undelivered,
	} {
		c.Cases = append(c.Cases, providertest.Callback{Name: status, Body: strings.Replace(c.Cases[0].Body, "DELIVERED", status, 1), Want: report(s, status, "")})
	}
	return c
}

func TestCallbacks(t *testing.T) { providertest.RunCallbacks(t, callbacks(t)) }

func FuzzParse(f *testing.F) { providertest.FuzzCallbacks(f, callbacks(f)) }

// While the key is being changed, both are taken; without one, nothing is; with a file that is gone, GatewayAPI shall come again.
func TestKeys(t *testing.T) {
	c := callbacks(t)
	sign := func(key string) *http.Request {
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(c.Cases[0].Body))
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(c.Cases[0].Body))
		r.Header.Set("Signature", "v1="+hex.EncodeToString(h.Sum(nil)))
		return r
	}
	if n, _, err := c.Webhook.Parse(sign("old-key-0123456789")); err != nil || len(n) != 1 {
		t.Errorf("the old key: %v", err)
	}
	if _, r, err := c.Webhook.Parse(sign("older-key")); err == nil || r.Status != 403 {
		t.Errorf("another key: %v %d", err, r.Status)
	}
	for file, status := range map[string]int{"": 403, "/nowhere/key": 503} {
		s, err := gatewayapi.New(gatewayapi.Options{Config: gatewayapi.Config{Config: httpsms.Config{URL: "https://x.example"}, TokenFile: "x", CallbackKeyFile: file}})
		if err != nil {
			t.Fatal(err)
		}
		if n, r, err := s.Parse(sign("")); err == nil || len(n) != 0 || r.Status != status {
			t.Errorf("file %q: %v, answers %d", file, err, r.Status)
		}
	}
}

func TestConfig(t *testing.T) {
	err := gatewayapi.Config{}.Validate()
	for _, key := range []string{"url", "token_file"} {
		if err == nil || !strings.Contains(err.Error(), "gatewayapi: "+key+": ") {
			t.Errorf("%s is not named: %v", key, err)
		}
	}
	if err := (gatewayapi.Config{Config: httpsms.Config{URL: "https://messaging.gatewayapi.eu"}, TokenFile: "x"}).Validate(); err != nil {
		t.Error(err)
	}
}
