package elks_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/elks"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
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

func open(t testing.TB, at providertest.Site) *elks.Sender {
	t.Helper()
	s, err := elks.New(elks.Options{Callback: "https://husk.example.org" + hooks, Config: elks.Config{
		Config:       httpsms.Config{URL: at.URL, CAFile: at.CAFile, Slots: 2, DialTimeout: at.DialTimeout, WriteTimeout: at.WriteTimeout, ReplyTimeout: at.ReplyTimeout},
		CallerConfig: httpsms.CallerConfig{User: "elks", PasswordFile: file(t, callback+"\nthe-password-before")},
		Username:     "u1234", PasswordFile: file(t, password),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func form(t *testing.T, body string) map[string]any {
	t.Helper()
	v, err := url.ParseQuery(body)
	if err != nil {
		t.Error(err)
	}
	m := map[string]any{}
	for k, x := range v {
		if len(x) != 1 {
			t.Errorf("%s is there %d times", k, len(x))
		}
		m[k] = x[0]
	}
	return m
}

func reference(fields map[string]any) string {
	s, _ := fields["whendelivered"].(string)
	rest, _ := strings.CutPrefix(s, "https://elks:"+callback+"@husk.example.org"+hooks+"?ref=")
	return rest
}

// The simulator is written from https://46elks.se/docs/send-sms.
func TestConformance(t *testing.T) {
	yes := func(status string) providertest.Reply {
		b, _ := json.Marshal(map[string]any{"id": "s70df59406a1b4643b96f3f91e0bfb7b0", "status": status, "from": "Rigshosp", "to": providertest.Recipient, "parts": 1, "cost": 3500,
			"created": "2018-07-13T13:57:23.741000", "direction": "outgoing", "message": providertest.Text})
		return providertest.Reply{Status: 200, Body: string(b)}
	}
	providertest.RunHTTP(t, providertest.HTTP{
		Open: func(t *testing.T, at providertest.Site) provider.Sender { return open(t, at) },
		Path: "/a1/sms", Authorization: "Basic dTEyMzQ6QVBJLXBhc3N3b3JkLTE3", Secrets: []string{password, callback, secret},
		Fields: form, Reference: reference,
		Yes: func(r providertest.Received) providertest.Reply {
			v, err := url.ParseQuery(r.Body)
			if err != nil || v.Get("from") == "" || v.Get("to") == "" || v.Get("message") == "" || v.Get("dontlog") != "message" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
				return providertest.Reply{Status: 400, Body: "Missing key"}
			}
			return yes("created")
		},
		Questions: func(r providertest.Received, _ []providertest.Received) providertest.Reply {
			if r.Method == http.MethodGet && r.URL == "/a1/me" {
				return providertest.Reply{Status: 200, Body: `{"id":"u1234","balance":1}`}
			}
			return providertest.Reply{Status: 404}
		},
		Refusals: []providertest.Refusal{
			{Name: "wrong password", Reply: providertest.Reply{Status: 401, Body: "API access requires Basic HTTP authentication"}, Outcome: provider.Retry, Code: "http 401"},
			{Name: "no credit", Reply: providertest.Reply{Status: 403, Body: "Not enough credits to send to " + providertest.Recipient}, Outcome: provider.Retry, Code: "http 403"},
			{Name: "bad number", Reply: providertest.Reply{Status: 400, Body: "Invalid to-number " + providertest.Recipient}, Outcome: provider.Reject, Code: "http 400"},
			{Name: "failed at once", Reply: yes("failed"), Outcome: provider.Reject, Code: "failed"},
			{Name: "a status nobody knows", Reply: yes("lost"), Outcome: provider.Unknown, Code: "bad_answer"},
			{Name: "no id", Reply: providertest.Reply{Status: 200, Body: `{"status":"created"}`}, Outcome: provider.Unknown, Code: "bad_answer"},
			{Name: "their fault", Reply: providertest.Reply{Status: 500, Body: "Internal error"}, Outcome: provider.Unknown, Code: "http 500"},
		},
	})
}

// What 46elks does not take.
func TestSenders(t *testing.T) {
	s := open(t, providertest.Site{})
	for _, from := range []string{"1813", "1813Region", "Region H"} {
		m := providertest.SMS("sender-1")
		m.Sender = from
		if _, err := s.Encode(m); provider.OutcomeOf(err) != provider.Reject {
			t.Errorf("%q: %v", from, err)
		}
	}
}

func callbacks(t testing.TB) providertest.Callbacks {
	report := func(id string, at time.Time, status provider.Status, code string) []provider.Notice {
		return []provider.Notice{{ID: id, Kind: provider.ReportKind, At: at, Reference: "ref-1", CarrierID: "s70df59406a1b4643b96f3f91e0bfb7b0", Status: status, Code: code}}
	}
	const id = "s70df59406a1b4643b96f3f91e0bfb7b0"
	reply := func(text string) []provider.Notice {
		return []provider.Notice{{ID: "sf8425555e5d8db61dda7a7b3f1b91bdb", Kind: provider.Reply, At: time.Date(2018, 7, 13, 13, 57, 23, 741000000, time.UTC),
			From: reminder.NewAddress(reminder.SMS, providertest.Recipient), Text: reminder.Mask(text)}}
	}
	written := func(text string) string {
		return url.Values{"direction": {"incoming"}, "id": {"sf8425555e5d8db61dda7a7b3f1b91bdb"}, "from": {providertest.Recipient}, "to": {"+46766861004"},
			"created": {"2018-07-13T13:57:23.741000"}, "message": {text}}.Encode()
	}
	return providertest.Callbacks{
		Webhook: open(t, providertest.Site{}), Now: time.Now(), Path: hooks, Status: 204, Headers: []string{"Authorization"}, Secrets: []string{callback, secret, password},
		Prove: func(r *http.Request, _ string, _ time.Time) { r.SetBasicAuth("elks", callback) },
		Spoil: map[string]func(*http.Request){
			"no password":    func(r *http.Request) { r.Header.Del("Authorization") },
			"wrong password": func(r *http.Request) { r.SetBasicAuth("elks", callback+"x") },
			"empty password": func(r *http.Request) { r.SetBasicAuth("elks", "") },
			"wrong user":     func(r *http.Request) { r.SetBasicAuth("sinch", callback) },
			"nobody":         func(r *http.Request) { r.SetBasicAuth("", "") },
			"no secret":      func(r *http.Request) { r.URL.Path = "/v1/carriers/sms" },
			"wrong secret":   func(r *http.Request) { r.URL.Path += "x" },
			"empty secret":   func(r *http.Request) { r.URL.Path = "/v1/carriers/sms/" },
		},
		Cases: []providertest.Callback{
			{Name: "delivered", Query: "ref=ref-1", Body: "id=" + id + "&status=delivered&delivered=2018-07-13T13%3A57%3A24.741000",
				Want: report(id+":delivered", time.Date(2018, 7, 13, 13, 57, 24, 741000000, time.UTC), provider.Delivered, "delivered")},
			{Name: "sent", Query: "ref=ref-1", Body: "id=" + id + "&status=sent", Want: report(id+":sent", time.Time{}, provider.Pending, "sent")},
			{Name: "failed", Query: "ref=ref-1", Body: "id=" + id + "&status=failed", Want: report(id+":failed", time.Time{}, provider.Undelivered, "failed")},
			{Name: "a status nobody knows", Query: "ref=ref-1", Body: "id=" + id + "&status=4520987654", Want: report(id+":", time.Time{}, provider.Pending, "")},
			{Name: "a reference that is none", Query: "ref=../../x", Body: "id=" + id + "&status=sent",
				Want: []provider.Notice{{ID: id + ":sent", Kind: provider.ReportKind, CarrierID: id, Status: provider.Pending, Code: "sent"}}},
			{Name: "a reply", Body: written("Stop nu"), Want: reply("Stop nu")},
			{Name: "a reply with a keyword", Body: written("HUSK stop"), Want: reply("HUSK stop")},
			{Name: "nothing of anything", Body: "id=" + id, Bad: true},
			{Name: "no id", Body: "status=delivered", Bad: true},
			{Name: "a reply of nobody", Body: "direction=incoming&id=x&message=Stop", Bad: true},
			{Name: "twice the same name", Body: "id=a&id=b&status=delivered", Bad: true},
		},
	}
}

func TestCallbacks(t *testing.T) { providertest.RunCallbacks(t, callbacks(t)) }

func FuzzParse(f *testing.F) { providertest.FuzzCallbacks(f, callbacks(f)) }

func TestConfig(t *testing.T) {
	c := elks.Config{CallerConfig: httpsms.CallerConfig{User: "a:b"}}
	c.URL = "http://api.46elks.com"
	err := c.Validate()
	for _, key := range []string{"url", "username", "password_file", "callback_user and callback_password_file", "callback_user"} {
		if err == nil || !strings.Contains(err.Error(), "46elks: "+key+": ") {
			t.Errorf("%s is not named: %v", key, err)
		}
	}
	c = elks.Config{Username: "u", PasswordFile: "p"}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	// Without a way to call us, no report is asked for and no callback taken.
	s, err := elks.New(elks.Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	if w, err := s.Encode(providertest.SMS("config-1")); err != nil || strings.Contains(w.Body.Reveal(), "whendelivered") {
		t.Error(err)
	}
	for _, user := range []string{"", "elks"} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/carriers/sms/", strings.NewReader("id=x&status=sent"))
		r.SetBasicAuth(user, "")
		if n, _, err := s.Parse(r); err == nil || len(n) != 0 {
			t.Error("a callback without secrets is taken")
		}
	}
	// Secrets that can be guessed are refused when the program starts; so is an address that nobody should call.
	for name, x := range map[string][2]string{"short": {"hunter2", "https://husk.example.org/x"}, "empty": {"", "https://husk.example.org/x"}, "in the clear": {callback, "http://husk.example.org/x"}} {
		c.CallerConfig = httpsms.CallerConfig{User: "elks", PasswordFile: file(t, x[0])}
		if _, err := elks.New(elks.Options{Config: c, Callback: x[1]}); err == nil || strings.Contains(err.Error(), callback) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
