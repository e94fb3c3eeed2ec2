package httpsms_test

import (
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestConfig(t *testing.T) {
	valid := httpsms.Config{URL: "https://api.example.org"}
	for name, c := range map[string]struct {
		change func(*httpsms.Config)
		key    string // "" = it is right
	}{
		"defaults":               {func(*httpsms.Config) {}, ""},
		"a path":                 {func(c *httpsms.Config) { c.URL = "https://api.example.org:8443/v1/" }, ""},
		"this machine, v4":       {func(c *httpsms.Config) { c.URL = "http://127.0.0.1:8080" }, ""},
		"this machine, v6":       {func(c *httpsms.Config) { c.URL = "http://[::1]:8080" }, ""},
		"this machine, name":     {func(c *httpsms.Config) { c.URL = "http://localhost" }, ""},
		"in the clear":           {func(c *httpsms.Config) { c.URL = "http://api.example.org" }, "url"},
		"a host like this one":   {func(c *httpsms.Config) { c.URL = "http://127.0.0.1.example.org" }, "url"},
		"another scheme":         {func(c *httpsms.Config) { c.URL = "ftp://api.example.org" }, "url"},
		"no scheme":              {func(c *httpsms.Config) { c.URL = "api.example.org" }, "url"},
		"no host":                {func(c *httpsms.Config) { c.URL = "https://:443" }, "url"},
		"a password":             {func(c *httpsms.Config) { c.URL = "https://u:hunter2@api.example.org" }, "url"},
		"a query":                {func(c *httpsms.Config) { c.URL = "https://api.example.org?token=hunter2" }, "url"},
		"a broken address":       {func(c *httpsms.Config) { c.URL = "https://hunter2\x7f" }, "url"},
		"no slots":               {func(c *httpsms.Config) { c.Slots = -1 }, "slots"},
		"too many slots":         {func(c *httpsms.Config) { c.Slots = 257 }, "slots"},
		"a rate below nothing":   {func(c *httpsms.Config) { c.RatePerSecond = -1 }, "rate_per_second"},
		"a slow dial":            {func(c *httpsms.Config) { c.DialTimeout = 2 * time.Minute }, "dial_timeout"},
		"a slow write":           {func(c *httpsms.Config) { c.WriteTimeout = 6 * time.Second }, "write_timeout"},
		"a slow reply":           {func(c *httpsms.Config) { c.ReplyTimeout = -time.Second }, "reply_timeout"},
		"idle for the afternoon": {func(c *httpsms.Config) { c.IdleTimeout = time.Hour }, "idle_timeout"},
	} {
		o := valid
		c.change(&o)
		k := httpsms.NewChecker("x")
		k.Common(o.WithDefaults(""))
		err := k.Err()
		if c.key == "" && err != nil || c.key != "" && (err == nil || !strings.HasPrefix(err.Error(), "x: "+c.key+": ") || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := httpsms.New(httpsms.Options{Config: httpsms.Config{URL: "http://api.example.org"}.WithDefaults(""), Vendor: httpsms.Vendor{Name: "x"}})
	if err == nil {
		t.Error("in the clear to another machine")
	}
	for name, file := range map[string]string{"no file": "/nowhere/ca.pem", "no certificate": secretFile(t, "x")} {
		if _, err := httpsms.New(httpsms.Options{Config: httpsms.Config{URL: "https://api.example.org", CAFile: file}.WithDefaults("")}); err == nil || !strings.Contains(err.Error(), "ca_file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSecrets(t *testing.T) {
	for text, want := range map[string]string{"a": "a", "a\n": "a", "a\r\n\r\nb\r\n": "a b", "\na\nb\n": "a b"} {
		got, err := httpsms.Secrets(secretFile(t, text))
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q %v", text, got, err)
		}
		if one, err := httpsms.Secret(secretFile(t, text)); err != nil || one != "a" {
			t.Errorf("%q: %q %v", text, one, err)
		}
	}
	for _, text := range []string{"", "\n\n", "a b", "hunter2\tx", "hunter2\r\rX-A: b", "hunter2æ"} {
		if _, err := httpsms.Secrets(secretFile(t, text)); !errors.Is(err, httpsms.ErrSecret) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := httpsms.Basic("u", "/nowhere"); !errors.Is(err, httpsms.ErrSecret) {
		t.Error(err)
	}
	if got, err := httpsms.Basic("Aladdin", secretFile(t, "open-sesame")); err != nil || got != "Basic "+base64.StdEncoding.EncodeToString([]byte("Aladdin:open-sesame")) {
		t.Error(got, err)
	}
}

func TestKinds(t *testing.T) {
	for s, want := range map[string]httpsms.SenderKind{
		"Husk": httpsms.Alphanumeric, "Region H": httpsms.Alphanumeric, "1813Region": httpsms.Alphanumeric, "Abcdefghijk": httpsms.Alphanumeric,
		"+4520123456": httpsms.International, "4520123456": httpsms.International, "1204": httpsms.Short, "20123456": httpsms.Short,
		"": httpsms.NoSender, "Abcdefghijkl": httpsms.NoSender, " Husk": httpsms.NoSender, "Hu\nsk": httpsms.NoSender, "Øre": httpsms.NoSender, "12": httpsms.NoSender,
		"+4": httpsms.NoSender, "0045201234": httpsms.NoSender, "1234567890123456": httpsms.NoSender, "1 2": httpsms.NoSender,
	} {
		if got := httpsms.KindOf(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
	for number, want := range map[string]string{"4520123456": "+4520123456", "+4520123456": "+4520123456", "1204": "1204", "Telenor": "Telenor"} {
		if got := httpsms.From(number).Reveal(); got != want {
			t.Errorf("from %s: %s", number, got)
		}
	}
}

func TestValidity(t *testing.T) {
	now := time.Now()
	for _, c := range []struct{ until, want time.Duration }{{5 * time.Minute, 10 * time.Minute}, {-time.Hour, 10 * time.Minute}, {20 * time.Minute, 20 * time.Minute}, {90 * time.Minute, time.Hour}} {
		if got := httpsms.Validity(now.Add(c.until), now, 10*time.Minute, time.Hour); got != c.want {
			t.Errorf("%v: %v", c.until, got)
		}
	}
	if got := httpsms.Validity(time.Time{}, now, time.Minute, time.Hour); got != 0 {
		t.Error(got)
	}
}

// plain is a carrier that takes any text, on this machine, in the clear.
func plain(t *testing.T, url string, change func(*httpsms.Config, *httpsms.Vendor)) *httpsms.Sender {
	t.Helper()
	c := httpsms.Config{URL: url, Slots: 1, ReplyTimeout: time.Second}
	v := httpsms.Vendor{
		Name: "plain", Format: reminder.WireForm, Path: "/send", Authorize: func() (string, error) { return "Basic x", nil },
		Body: func(m reminder.Message, _ httpsms.SenderKind, _ time.Time) (string, []reminder.Masked, error) {
			return "ref=" + m.Reference, nil, nil
		},
		Answer: func(a httpsms.Answer, _ reminder.Message) (provider.Accepted, error) {
			if a.Status != http.StatusOK {
				return provider.Accepted{}, a.Refused("", nil)
			}
			return provider.Accepted{CarrierID: string(a.Body), At: a.At}, nil
		},
	}
	if change != nil {
		change(&c, &v)
	}
	s, err := httpsms.New(httpsms.Options{Config: c.WithDefaults(""), Vendor: v})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func message(reference string) reminder.Message {
	return reminder.Message{Reference: reference, Channel: reminder.SMS, Purpose: reminder.Remind, To: reminder.NewAddress(reminder.SMS, "+4520123456"), Sender: "Husk", Text: reminder.Mask("Husk")}
}

func send(t *testing.T, s *httpsms.Sender, reference string) (provider.Accepted, error) {
	t.Helper()
	slot, err := s.Open(t.Context())
	if err != nil {
		return provider.Accepted{}, err
	}
	defer slot.Close()
	m := message(reference)
	if m.Wire, err = s.Encode(m); err != nil {
		t.Fatal(err)
	}
	return slot.Send(t.Context(), m)
}

// A connection is used for the next message, unless the vendor closes it, or says that it keeps it for no longer than it was unused.
func TestConnectionsAreKept(t *testing.T) {
	for name, c := range map[string]struct {
		header, value string
		dials         int32
	}{
		"kept": {"X", "y", 1}, "closed": {"Connection", "close", 3}, "kept for a minute": {"Keep-Alive", "timeout=60, max=100", 1},
		"kept for a second": {"Keep-Alive", "max=3, timeout=1", 3}, "kept for nothing": {"Keep-Alive", "timeout=0", 3},
	} {
		var dials atomic.Int32
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.Header().Set(c.header, c.value)
			_, _ = w.Write(body)
		}))
		server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				dials.Add(1)
			}
		}
		server.Start()
		s := plain(t, server.URL, nil)
		for _, ref := range []string{"a", "b", "c"} {
			if a, err := send(t, s, ref); err != nil || a.CarrierID != "ref="+ref {
				t.Errorf("%s: %+v %v", name, a, err)
			}
		}
		if got := dials.Load(); got != c.dials {
			t.Errorf("%s: %d connections, want %d", name, got, c.dials)
		}
		_ = s.Close()
		if _, err := send(t, s, "d"); provider.OutcomeOf(err) != provider.Retry || !errors.Is(err, httpsms.ErrClosed) {
			t.Errorf("%s: closed, and sends: %v", name, err)
		}
		server.Close()
	}
}

// A vendor that speaks before it is asked, as one does that hangs up with 408: nothing is written, and its word is no answer to ours.
func TestUnaskedAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	wrote := make(chan int, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		n, _ := c.Read(make([]byte, 1))
		wrote <- n
	}()
	s := plain(t, "http://"+l.Addr().String(), nil)
	slot, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	m := message("a")
	m.Wire, _ = s.Encode(m)
	_, err = slot.Send(t.Context(), m)
	slot.Close()
	if n := <-wrote; n != 0 || provider.OutcomeOf(err) != provider.Retry {
		t.Errorf("%v, %d bytes were written", err, n)
	}
}

// A secret's file that is gone is no doubt: nothing has left.
func TestSecretGone(t *testing.T) {
	s := plain(t, "http://127.0.0.1:1", func(_ *httpsms.Config, v *httpsms.Vendor) {
		v.Authorize = func() (string, error) { return httpsms.Basic("u", "/nowhere/password") }
	})
	_, err := s.Open(t.Context())
	var e *provider.Error
	if !errors.As(err, &e) || e.Outcome != provider.Retry || e.Code != "secret_file" {
		t.Error(err)
	}
	if _, err = s.Open(t.Context()); !errors.As(err, &e) || e.Code != "secret_file" {
		t.Errorf("the slot was not given back: %v", err)
	}
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "plain: ") {
		t.Error(err)
	}
}

func TestCheckSaysWhatTheVendorSaid(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/me" || r.Header.Get("Authorization") != "Basic x" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "hunter2")
	}))
	defer server.Close()
	s := plain(t, server.URL+"/v1/", func(_ *httpsms.Config, v *httpsms.Vendor) { v.Probe = "/me" })
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}
