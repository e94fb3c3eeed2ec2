package kannel_test

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/provider/kannel"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const (
	password = "sendsms-password-17"
	callback = "callback-password-17"
	secret   = "secret-path-0123456789"
	hooks    = "/v1/carriers/sms/" + secret
	accepted = "0: Accepted for delivery"
)

func file(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func open(t testing.TB, at providertest.Site) *kannel.Sender {
	t.Helper()
	if at.URL == "" {
		at.URL = "http://127.0.0.1:13013"
	}
	s, err := kannel.New(kannel.Options{Callback: "https://husk.example.org" + hooks, Config: kannel.Config{
		Config:       httpsms.Config{URL: at.URL, CAFile: at.CAFile, Slots: 2, DialTimeout: at.DialTimeout, WriteTimeout: at.WriteTimeout, ReplyTimeout: at.ReplyTimeout},
		CallerConfig: httpsms.CallerConfig{User: "kannel", PasswordFile: file(t, callback+"\nthe-password-before")},
		Username:     "husk", PasswordFile: file(t, password),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func form(t *testing.T, query string) map[string]any {
	t.Helper()
	v, err := url.ParseQuery(query)
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
	s, _ := fields["dlr-url"].(string)
	rest, _ := strings.CutPrefix(s, "https://kannel:"+callback+"@husk.example.org"+hooks+"?status=%d&at=%T&ref=")
	return rest
}

// The simulator is written from Kannel's user guide, tables 7-16 and 7-17; the texts of 4xx are those of Kannel 1.4.5.
func TestConformance(t *testing.T) {
	say := func(status int, text string) providertest.Reply {
		return providertest.Reply{Status: status, Body: text}
	}
	providertest.RunHTTP(t, providertest.HTTP{
		Open: func(t *testing.T, at providertest.Site) provider.Sender { return open(t, at) },
		Path: "/cgi-bin/sendsms", Query: true, Secrets: []string{password, callback, secret}, Fields: form, Reference: reference,
		Yes: func(r providertest.Received) providertest.Reply {
			v, err := url.ParseQuery(r.Body)
			switch {
			case err != nil || v.Get("username") != "husk" || v.Get("password") != password:
				return say(403, "Authorization failed for sendsms")
			case v.Get("to") == "":
				return say(400, "Missing receiver number, rejected")
			case v.Get("from") == "":
				return say(400, "Sender missing and no global set, rejected")
			case v.Get("charset") != "UTF-8" || v.Get("coding") != "0" || v.Get("dlr-mask") != "31" || v.Get("validity") != "359" && v.Get("validity") != "360":
				return say(400, "Charset or body misformed, rejected")
			}
			return say(202, accepted)
		},
		Refusals: []providertest.Refusal{
			{Name: "wrong password", Reply: say(403, "Authorization failed for sendsms"), Outcome: provider.Retry, Code: "authorization_failed"},
			{Name: "not routable", Reply: say(403, "Not routable. Do not try again."), Outcome: provider.Reject, Code: "not_routable"},
			{Name: "another 403", Reply: say(403, "Denied for "+providertest.Recipient), Outcome: provider.Retry, Code: "http 403"},
			{Name: "denied by a list", Reply: say(400, "Number(s) has/have been denied by white- and/or black-lists."), Outcome: provider.Reject, Code: "denied"},
			{Name: "no recipient", Reply: say(400, "Missing receiver number, rejected"), Outcome: provider.Reject, Code: "http 400"},
			{Name: "no sender", Reply: say(400, "Sender missing and no global set, rejected"), Outcome: provider.Reject, Code: "http 400"},
			{Name: "no such service", Reply: say(404, "Unknown request."), Outcome: provider.Retry, Code: "http 404"},
			{Name: "temporal failure", Reply: say(503, "Temporal failure, try again later."), Outcome: provider.Retry, Code: "temporal_failure"},
			{Name: "asked, and not known if taken", Reply: say(202, "Sent."), Outcome: provider.Unknown, Code: "bad_answer"},
			{Name: "the yes with another status", Reply: say(200, accepted), Outcome: provider.Unknown, Code: "bad_answer"},
			{Name: "a yes with more behind it", Reply: say(202, accepted+" <html>"), Outcome: provider.Unknown, Code: "bad_answer"},
			{Name: "the yes as a no", Reply: say(500, accepted), Outcome: provider.Unknown, Code: "http 500"},
		},
	})
}

// Both of the guide's answers with 202 are a yes, with our reference as id.
func TestAccepted(t *testing.T) {
	for _, text := range []string{accepted, "3: Queued for later delivery", accepted + "\r\n"} {
		site := providertest.Serve(t, providertest.HTTP{Path: "/cgi-bin/sendsms", Query: true, Yes: func(providertest.Received) providertest.Reply {
			return providertest.Reply{Status: 202, Body: text}
		}})
		s := open(t, site)
		slot, err := s.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a, err := providertest.Send(t.Context(), s, slot, providertest.SMS("accepted-1"))
		if err != nil || a.CarrierID != "accepted-1" || len(a.Parts) != 0 {
			t.Errorf("%q: %+v %v", text, a, err)
		}
		slot.Close()
	}
}

// Kannel writes '?' for each letter that the coding does not have; a message without an end of validity says none.
func TestCoding(t *testing.T) {
	s := open(t, providertest.Site{})
	for text, want := range map[string]string{
		"Påmindelse: æøå ÆØÅ € {x} [1] ^~|\\": "0", "Ólafur": "2", "Áigi: čđŋšŧž": "2", "\t": "2", "Łódź": "2", "Husk 👋": "2", strings.Repeat("é", 400): "0",
	} {
		m := providertest.SMS("coding-1")
		m.Text, m.NotAfter = reminder.Mask(text), time.Time{}
		w, err := s.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if f := form(t, w.Body.Reveal()); f["coding"] != want || f["text"] != text || f["validity"] != nil {
			t.Errorf("%q: coding %v, text %q, validity %v", text, f["coding"], f["text"], f["validity"])
		}
	}
}

func callbacks(t testing.TB) providertest.Callbacks {
	const id = "a00b44b7-6950-43b4-8ce6-91febeedd3e7"
	at := time.Date(2026, 11, 22, 15, 20, 23, 0, time.UTC)
	report := func(code string, status provider.Status) []provider.Notice {
		return []provider.Notice{{ID: "ref-1:" + code, Kind: provider.ReportKind, At: at, Reference: "ref-1", CarrierID: "ref-1", Status: status, Code: code}}
	}
	reply := func(text string) []provider.Notice {
		return []provider.Notice{{ID: id, Kind: provider.Reply, At: at, From: reminder.NewAddress(reminder.SMS, providertest.Recipient), Text: reminder.Mask(text)}}
	}
	written := func(text, charset string) string {
		return url.Values{"from": {providertest.Recipient}, "text": {text}, "charset": {charset}, "id": {id}, "at": {"1795360823"}}.Encode()
	}
	cases := []providertest.Callback{
		{Name: "a reply", Query: written("Stop nu", "UTF-8"), Want: reply("Stop nu")},
		{Name: "a reply in UCS-2", Query: written("\x00S\x00t\x01\x07\xd8\x3d\xdc\x4b", "UTF-16BE"), Want: reply("Stć👋")},
		{Name: "half a letter of UCS-2", Query: written("\x00S\x00", "UTF-16BE"), Want: reply("S")},
		{Name: "half a pair of UCS-2", Query: written("\x00S\xd8\x3d", "utf-16be"), Want: reply("S\uFFFD")},
		{Name: "eight bits", Query: written("Stop \xe9", "8-BIT"), Want: reply("Stop \uFFFD")},
		{Name: "a reply with a keyword", Query: written("HUSK stop", "UTF-8"), Want: reply("HUSK stop")},
		{Name: "a reply without its plus", Query: "from=" + providertest.Recipient[1:] + "&text=Stop&id=" + id + "&at=1795360823", Want: reply("Stop")},
		{Name: "an empty reply", Query: written("", "UTF-8"), Want: reply("")},
		{Name: "a moment that is none", Query: "status=8&at=%25T&ref=ref-1", Want: []provider.Notice{
			{ID: "ref-1:8", Kind: provider.ReportKind, Reference: "ref-1", CarrierID: "ref-1", Status: provider.Pending, Code: "8"},
		}},
		{Name: "a report of nothing", Query: "status=1&at=1795360823", Bad: true},
		{Name: "a reference that is none", Query: "status=1&at=1795360823&ref=../../x", Bad: true},
		{Name: "a reply of nobody", Query: "text=Stop&id=" + id, Bad: true},
		{Name: "a reply without id", Query: "text=Stop&from=" + providertest.Recipient[1:], Bad: true},
		{Name: "twice the same name", Query: "status=1&status=2&ref=ref-1", Bad: true},
		{Name: "nothing of anything", Query: "ref=ref-1", Bad: true},
		{Name: "with a body", Query: "status=1&at=1795360823&ref=ref-1", Body: "x", Bad: true},
	}
	for code, status := range map[string]provider.Status{
		"1": provider.Delivered, "2": provider.Undelivered, "4": provider.Pending, "8": provider.Pending, "16": provider.Undelivered,
		"34": provider.Undelivered, "66": provider.Pending, "3": provider.Pending, "17": provider.Pending, "-1": provider.Pending,
	} {
		cases = append(cases, providertest.Callback{Name: "status " + code, Query: "status=" + code + "&at=1795360823&ref=ref-1", Want: report(code, status)})
	}
	return providertest.Callbacks{
		Webhook: open(t, providertest.Site{}), Now: time.Now(), Path: hooks, Method: http.MethodGet, Status: 200,
		Headers: []string{"Authorization"}, Secrets: []string{callback, secret, password},
		Prove: func(r *http.Request, _ string, _ time.Time) { r.SetBasicAuth("kannel", callback) },
		Spoil: map[string]func(*http.Request){
			"no password":    func(r *http.Request) { r.Header.Del("Authorization") },
			"wrong password": func(r *http.Request) { r.SetBasicAuth("kannel", callback+"x") },
			"empty password": func(r *http.Request) { r.SetBasicAuth("kannel", "") },
			"wrong user":     func(r *http.Request) { r.SetBasicAuth("elks", callback) },
			"nobody":         func(r *http.Request) { r.SetBasicAuth("", "") },
			"no secret":      func(r *http.Request) { r.URL.Path = "/v1/carriers/sms" },
			"wrong secret":   func(r *http.Request) { r.URL.Path += "x" },
			"empty secret":   func(r *http.Request) { r.URL.Path = "/v1/carriers/sms/" },
		},
		Cases: cases,
	}
}

func TestCallbacks(t *testing.T) { providertest.RunCallbacks(t, callbacks(t)) }

func FuzzParse(f *testing.F) { providertest.FuzzCallbacks(f, callbacks(f)) }

func TestConfig(t *testing.T) {
	c := kannel.Config{CallerConfig: httpsms.CallerConfig{User: "a:b"}}
	err := c.Validate()
	for _, key := range []string{"url", "username", "password_file", "callback_user and callback_password_file", "callback_user"} {
		if err == nil || !strings.Contains(err.Error(), "kannel: "+key+": ") {
			t.Errorf("%s is not named: %v", key, err)
		}
	}
	c = kannel.Config{Config: httpsms.Config{URL: "http://kannel.hospital.example:13013"}, Username: "husk", PasswordFile: file(t, password)}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "kannel: url: ") {
		t.Errorf("the password would go over the net in the clear: %v", err)
	}
	// A proxy may repeat a GET, and keeps its address: where there may be one, somebody must say that there is none.
	for address, other := range map[string]bool{
		"https://kannel.hospital.example": true, "https://10.1.2.3:13013": true, "http://127.0.0.1:13013": false, "https://localhost:13013": false, "http://[::1]:13013": false,
	} {
		c.URL = address
		for _, c.Direct = range []bool{false, true} {
			err := c.Validate()
			if right := c.Direct == other; right != (err == nil) || !right && !strings.Contains(err.Error(), "kannel: direct: ") {
				t.Errorf("%s with direct %v: %v", address, c.Direct, err)
			}
		}
	}
	c.URL, c.Direct = "http://127.0.0.1:13013", false
	// Without a way to call us, no report is asked for and no callback taken.
	s, err := kannel.New(kannel.Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	if w, err := s.Encode(providertest.SMS("config-1")); err != nil || strings.Contains(w.Body.Reveal(), "dlr") {
		t.Error(err)
	}
	for _, user := range []string{"", "kannel"} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/carriers/sms/?status=1&ref=x", http.NoBody)
		r.SetBasicAuth(user, "")
		if n, _, err := s.Parse(r); err == nil || len(n) != 0 {
			t.Error("a callback without secrets is taken")
		}
	}
	// Secrets that can be guessed, or that Kannel could not show, are refused when the program starts.
	for name, x := range map[string][2]string{
		"short": {"hunter2", "https://husk.example.org/x"}, "empty": {"", "https://husk.example.org/x"}, "in the clear": {callback, "http://husk.example.org/x"},
		"escaped": {callback + "/@%d", "https://husk.example.org/x"}, "an escaped path": {callback, "https://husk.example.org/a%20b"},
	} {
		c.CallerConfig = httpsms.CallerConfig{User: "kannel", PasswordFile: file(t, x[0])}
		_, err := kannel.New(kannel.Options{Config: c, Callback: x[1]})
		if err == nil || strings.Contains(err.Error(), callback) || strings.Contains(err.Error(), "hunter2") || strings.Contains(name, "escaped") != errors.Is(err, kannel.ErrEscape) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.CallerConfig, c.PasswordFile = httpsms.CallerConfig{}, "/nowhere/password"
	if _, err := kannel.New(kannel.Options{Config: c}); !errors.Is(err, httpsms.ErrSecret) || !strings.Contains(err.Error(), "kannel: password_file: ") {
		t.Errorf("no password: %v", err)
	}
}
