package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// vendor is a carrier's end of the line: it takes all messages and keeps what it was sent.
type vendor struct {
	*httptest.Server
	mu   sync.Mutex
	sent []string
}

func newVendor(t *testing.T, answer func(body string) any) *vendor {
	t.Helper()
	v := &vendor{}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		v.mu.Lock()
		v.sent = append(v.sent, string(b))
		v.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer(string(b)))
	}))
	t.Cleanup(v.Close)
	return v
}

const callbackKey = "a-secret-of-the-vendor-0123456789"

// called is a world whose messages go to a carrier, whose callbacks come back over a line of their own.
func called(t *testing.T, typ string, v *vendor, more config.Settings) (*world, func(address, body string, prove func(*http.Request)) (int, string)) {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := config.Settings{"url": v.URL}
	for k, x := range more {
		if text, ok := x.(string); ok && strings.HasSuffix(k, "_file") {
			x = file(k, text)
		}
		s[k] = x
	}
	secret := file("callbacks", strings.Repeat("ab", 32))
	w := newWorld(t, func(c *config.Config) {
		c.Carriers["sms"] = &config.Carrier{Type: typ, Settings: s}
		c.Callbacks.URL, c.Callbacks.SecretFile = "https://husk.hospital.example", secret
	})
	srv := httptest.NewServer(w.Callbacks)
	t.Cleanup(srv.Close)
	return w, func(address, body string, prove func(*http.Request)) (int, string) {
		t.Helper()
		u, err := url.Parse(address)
		w.ok(err)
		r, err := http.NewRequestWithContext(w.ctx, http.MethodPost, srv.URL+u.RequestURI(), strings.NewReader(body))
		w.ok(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if prove != nil {
			prove(r)
		}
		res, err := srv.Client().Do(r)
		w.ok(err)
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		w.ok(err)
		return res.StatusCode, string(b)
	}
}

// sendOne has one reminder handed over.
func (w *world) sendOne() {
	w.Helper()
	w.publish(1, 1)
	w.ok(yes(w.ctx, w.App, 1, number(1)))
	w.settle()
	w.clock.to(firstDue.Add(time.Second))
	w.wait("it is accepted", func() bool { return w.counts()[receipt.Accepted] == 1 })
}

// bouncedNow reports whether the first person's number is marked.
func (w *world) bouncedNow() (bool, contact.Fault) {
	w.Helper()
	ps, err := w.Ledger.People(w.ctx, []reminder.PersonKey{w.Pseudonyms.Person(reminder.NewNationalID("DK", cpr(1)))})
	w.ok(err)
	for _, s := range contact.Fold(ps[0].Contact, w.clock.Now()) {
		if s.Bounced {
			return true, s.Fault
		}
	}
	return false, ""
}

// 46elks signs nothing: its secret address and a password prove it, and what it says settles receipts of references that we gave.
func Test46elksCallsBack(t *testing.T) {
	v := newVendor(t, func(string) any {
		return map[string]any{"status": "created", "id": "s1", "created": "2026-03-10T11:00:01.000000", "from": "x", "to": "y"}
	})
	w, call := called(t, "46elks", v, config.Settings{
		"username": "u1", "password_file": "a-password-0123456789", "callback_user": "elks", "callback_password_file": callbackKey,
	})
	w.sendOne()
	v.mu.Lock()
	form, err := url.ParseQuery(v.sent[0])
	v.mu.Unlock()
	w.ok(err)
	address, err := url.Parse(form.Get("whendelivered"))
	w.ok(err)
	if address.Host != "husk.hospital.example" || !strings.HasPrefix(address.Path, w.Callbacks.Path("sms")) || w.CallbackURL("sms") == "" {
		t.Fatalf("it is asked to call %s", address.Host)
	}
	password, _ := address.User.Password()
	prove := func(r *http.Request) { r.SetBasicAuth(address.User.Username(), password) }
	failed := url.Values{"id": {"s1"}, "status": {"failed"}}.Encode()
	for name, x := range map[string]struct {
		path, body string
		prove      func(*http.Request)
		want       int
	}{
		"without its password":   {address.String(), failed, nil, 403},
		"without the address":    {"https://x/v1/carriers/sms/guessed?" + address.RawQuery, failed, prove, 404},
		"of another's reference": {strings.Replace(address.String(), "ref=", "ref=00", 1), url.Values{"id": {"s2"}, "status": {"failed"}}.Encode(), prove, 204},
	} {
		if code, body := call(x.path, x.body, x.prove); code != x.want || x.want != 403 && body != "" {
			t.Errorf("%s: %d %q, want %d", name, code, body, x.want)
		}
	}
	if n := w.counts()[receipt.Accepted]; n != 1 {
		t.Errorf("what was not proven has changed something: %v", w.counts())
	}
	code, body := call(address.String(), url.Values{"id": {"s1"}, "status": {"delivered"}, "delivered": {"2026-03-10T11:00:05.000000"}}.Encode(), prove)
	if code != 204 || body != "" { // a body would be sent to the patient
		t.Errorf("%d %q", code, body)
	}
	if n := w.counts()[receipt.Delivered]; n != 1 {
		t.Errorf("%v, want it delivered", w.counts())
	}
}

// Kannel takes a message by GET and calls by GET, and what it says proves as little as what 46elks says.
func TestKannelCallsBack(t *testing.T) {
	asked := make(chan *url.URL, 1)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "0: Accepted for delivery")
	}))
	t.Cleanup(gateway.Close)
	w, _ := called(t, "kannel", &vendor{Server: gateway}, config.Settings{
		"username": "husk", "password_file": "a-password-0123456789", "callback_user": "kannel", "callback_password_file": callbackKey,
	})
	w.sendOne()
	address, err := url.Parse(strings.NewReplacer("%d", "1", "%T", "1773140405").Replace((<-asked).Query().Get("dlr-url")))
	w.ok(err)
	call := func(change func(*http.Request)) int {
		r := httptest.NewRequestWithContext(w.ctx, http.MethodGet, address.RequestURI(), http.NoBody)
		r.SetBasicAuth("kannel", callbackKey)
		change(r)
		rec := httptest.NewRecorder()
		w.Callbacks.ServeHTTP(rec, r)
		if rec.Body.Len() != 0 { // a body would be sent to the patient
			t.Errorf("answers with a body: %q", rec.Body)
		}
		return rec.Code
	}
	for name, x := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"without its password":   {func(r *http.Request) { r.Header.Del("Authorization") }, 403},
		"without the address":    {func(r *http.Request) { r.URL.Path = "/v1/carriers/sms/guessed" }, 404},
		"by POST":                {func(r *http.Request) { r.Method = http.MethodPost }, 405},
		"of another's reference": {func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "ref=", "ref=00", 1) }, 200},
	} {
		if code := call(x.change); code != x.want {
			t.Errorf("%s: %d, want %d", name, code, x.want)
		}
	}
	if n := w.counts()[receipt.Accepted]; n != 1 {
		t.Errorf("what was not proven has changed something: %v", w.counts())
	}
	if code := call(func(*http.Request) {}); code != 200 || w.counts()[receipt.Delivered] != 1 {
		t.Errorf("%d, %v, want it delivered", code, w.counts())
	}
}

// GatewayAPI signs: that nobody has a number is believed at once, and the gate says no to it next time.
func TestGatewayAPICallsBack(t *testing.T) {
	reference := ""
	v := newVendor(t, func(body string) any {
		var m struct {
			Reference string
			Recipient int64
		}
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Error(err)
		}
		reference = m.Reference
		return map[string]any{"msg_id": "01JNN696A9E0WS89FPYGT15NBX", "recipient": m.Recipient, "reference": m.Reference}
	})
	w, call := called(t, "gatewayapi", v, config.Settings{"token_file": "a-token-0123456789", "callback_key_file": callbackKey})
	w.sendOne()
	now := w.clock.Now().UTC()
	body := fmt.Sprintf(`{"event_id":"e1","timestamp":%q,"event_type":"message.status.sms","event":{"msg_id":"01JNN696A9E0WS89FPYGT15NBX","recipient":4520100001,`+
		`"reference":%q,"status":"UNDELIVERABLE","status_at":%q,"error":"0x1105"}}`, now.Format(time.RFC3339), reference, now.Format(time.RFC3339))
	sign := func(key string) func(*http.Request) {
		return func(r *http.Request) {
			m := hmac.New(sha256.New, []byte(key))
			_, _ = m.Write([]byte(body))
			r.Header.Set("Signature", "v1="+hex.EncodeToString(m.Sum(nil)))
		}
	}
	address := w.CallbackURL("sms")
	if code, _ := call(address, body, sign("another")); code != 403 || w.counts()[receipt.Accepted] != 1 {
		t.Errorf("forged: %d, %v", code, w.counts())
	}
	if code, _ := call(address, body, sign(callbackKey)); code >= 300 || w.counts()[receipt.Undelivered] != 1 {
		t.Errorf("signed: %d, %v", code, w.counts())
	}
	if bounced, fault := w.bouncedNow(); !bounced {
		t.Errorf("the number is not marked: %q", fault)
	}
}
