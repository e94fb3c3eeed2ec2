package inbound_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/inbound"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// hook is a carrier that signs its calls, and whose answers must be its own.
type hook struct{ key string }

var errForged = errors.New("hook: no proof")

func (h hook) sign(body []byte) string {
	m := hmac.New(sha256.New, []byte(h.key))
	_, _ = m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}

func (h hook) Parse(r *http.Request) ([]provider.Notice, provider.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil || !hmac.Equal([]byte(r.Header.Get("X-Signature")), []byte(h.sign(body))) {
		return nil, provider.Response{Status: http.StatusForbidden}, errForged
	}
	var said []struct{ From, Text, Reference, Status string }
	if json.Unmarshal(body, &said) != nil {
		return nil, provider.Response{}, errForged // forgets its answer
	}
	var ns []provider.Notice
	for _, s := range said {
		n := provider.Notice{Kind: provider.ReportKind, Reference: s.Reference, Status: provider.Status(s.Status), Signed: true}
		if s.From != "" {
			n = provider.Notice{Kind: provider.Reply, From: reminder.NewAddress(reminder.SMS, s.From), Text: reminder.Mask(s.Text), Signed: true}
		}
		ns = append(ns, n)
	}
	return ns, provider.Response{Status: http.StatusAccepted, ContentType: "text/xml", Body: []byte("<OK/>")}, nil
}

var callbackSecret = bytes.Repeat([]byte("s"), 32)

// callers is a listener for the carriers one and two.
func callers(t testing.TB, g *register) (*inbound.Callbacks, *observer.ObservedLogs, *prometheus.Registry) {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	m := prometheus.NewRegistry()
	in, err := inbound.New(inbound.Options{Register: g, Normalise: lower})
	if err != nil {
		t.Fatal(err)
	}
	c, err := inbound.NewCallbacks(inbound.CallbackOptions{
		Inbound: in, Webhooks: map[string]provider.Webhook{"one": hook{"a"}, "two": hook{"b"}}, Secret: callbackSecret, Log: zap.New(core), Metrics: m,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, logs, m
}

func TestCallbacksOverTheLine(t *testing.T) {
	g := &register{}
	c, logs, m := callers(t, g)
	srv := httptest.NewTLSServer(c)
	defer srv.Close()
	if c.Path("three") != "" || !slices.Equal(c.Carriers(), []string{"one", "two"}) || c.Path("one") == c.Path("two") {
		t.Errorf("carriers %v", c.Carriers())
	}
	one := hook{"a"}
	const both = `[{"Reference":"00aa","Status":"delivered"},{"From":"+4520123456","Text":"STOP"}]`
	call := func(path, body, signature string) (int, string, http.Header) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Signature", signature)
		res, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text), res.Header
	}
	code, text, head := call(c.Path("one"), both, one.sign([]byte(both)))
	if code != http.StatusAccepted || text != "<OK/>" || head.Get("Content-Type") != "text/xml" || head.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", code, text, head)
	}
	want := []string{"stop +4520123456 one", "report 00aa delivered one"}
	if got := g.list(); !slices.Equal(got, want) {
		t.Errorf("did %q, want %q", got, want)
	}
	// What a carrier puts behind its address, and its query, are its own.
	if code, _, _ := call(c.Path("one")+"/own?ref=1", both, one.sign([]byte(both))); code != http.StatusAccepted {
		t.Errorf("with its own path: %d", code)
	}
	did := len(g.list())
	for name, x := range map[string]struct {
		path, body, sign string
		want             int
	}{
		"forged":             {c.Path("one"), both, "00", 403},
		"of another carrier": {c.Path("two"), both, one.sign([]byte(both)), 403},
		"no answer given":    {c.Path("one"), "x", one.sign([]byte("x")), 403},
		"no secret":          {inbound.CallbackBase + "one/", both, one.sign([]byte(both)), 404},
		"another's secret":   {inbound.CallbackBase + "one/" + inbound.CallbackSecret(callbackSecret, "two"), both, one.sign([]byte(both)), 404},
		"unknown carrier":    {inbound.CallbackPath(callbackSecret, "three"), both, one.sign([]byte(both)), 404},
		"nobody":             {inbound.CallbackPath(callbackSecret, ""), both, one.sign([]byte(both)), 404},
		"the staff API":      {"/v1/status", both, "", 404},
		"too large":          {c.Path("one"), strings.Repeat("x", 1<<20+1), "", 413},
	} {
		if code, text, _ := call(x.path, x.body, x.sign); code != x.want || text != "" {
			t.Errorf("%s: %d %q, want %d", name, code, text, x.want)
		}
	}
	if got := g.list(); len(got) != did {
		t.Errorf("what was not proven did %q", got[did:])
	}
	// A register that is away: the carrier comes again, and then everything is done.
	g.mu.Lock()
	g.fail = func(what string) error {
		if strings.HasPrefix(what, "stop") {
			return errors.New("the broker is away")
		}
		return nil
	}
	g.mu.Unlock()
	if code, text, head := call(c.Path("one"), both, one.sign([]byte(both))); code != 503 || text != "" || head.Get("Retry-After") == "" {
		t.Errorf("while it is away: %d %q %v", code, text, head)
	}
	for _, e := range logs.All() {
		b, err := json.Marshal(e.ContextMap())
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{inbound.CallbackSecret(callbackSecret, "one"), "4520123456", "STOP", "00aa", one.sign([]byte(both))} {
			if strings.Contains(e.Message+string(b), secret) {
				t.Errorf("the log tells %q: %s", secret, b)
			}
		}
	}
	if err := testutil.GatherAndCompare(m, strings.NewReader(`
# HELP husk_inbound_callbacks_total Calls of carriers, by carrier and by what became of them.
# TYPE husk_inbound_callbacks_total counter
husk_inbound_callbacks_total{outcome="failed",provider="one"} 1
husk_inbound_callbacks_total{outcome="failed",provider="two"} 0
husk_inbound_callbacks_total{outcome="handled",provider="one"} 2
husk_inbound_callbacks_total{outcome="handled",provider="two"} 0
husk_inbound_callbacks_total{outcome="nobody",provider=""} 5
husk_inbound_callbacks_total{outcome="refused",provider="one"} 3
husk_inbound_callbacks_total{outcome="refused",provider="two"} 1
`), "husk_inbound_callbacks_total"); err != nil {
		t.Error(err)
	}
}

func TestCallbackOptions(t *testing.T) {
	in, err := inbound.New(inbound.Options{Register: &register{}, Normalise: lower})
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]inbound.CallbackOptions{
		"nobody to handle": {Secret: callbackSecret},
		"a short secret":   {Inbound: in, Secret: callbackSecret[:31]},
		"no webhook":       {Inbound: in, Secret: callbackSecret, Webhooks: map[string]provider.Webhook{"one": nil}},
		"a path as name":   {Inbound: in, Secret: callbackSecret, Webhooks: map[string]provider.Webhook{"a/b": hook{}}},
	} {
		if _, err := inbound.NewCallbacks(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// Whatever is sent to whatever path: without the secret address and the carrier's proof nothing changes.
func FuzzCallbacks(f *testing.F) {
	one := hook{"a"}
	body := []byte(`[{"From":"+4520123456","Text":"STOP"}]`)
	path := inbound.CallbackPath(callbackSecret, "one")
	f.Add("POST", path, "", body)
	f.Add("POST", path, one.sign(body), body)
	f.Add("GET", inbound.CallbackBase+"one/", one.sign(body), body)
	f.Add("POST", path+"/../two", "00", []byte("[{}]"))
	f.Fuzz(func(t *testing.T, method, path, signature string, body []byte) {
		g := &register{}
		c, _, _ := callers(t, g)
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Method, r.URL.Path = method, path
		r.Header.Set("X-Signature", signature)
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		proven := strings.HasPrefix(path, c.Path("one")) && hmac.Equal([]byte(signature), []byte(one.sign(body))) ||
			strings.HasPrefix(path, c.Path("two")) && hmac.Equal([]byte(signature), []byte(hook{"b"}.sign(body)))
		if len(g.list()) > 0 && !proven {
			t.Errorf("without proof: %q", g.list())
		}
		if w.Code < 200 || w.Code > 599 || w.Code < 300 && !proven {
			t.Errorf("answers %d", w.Code)
		}
	})
}

// repeats is a carrier whose calls all say the same.
type repeats []provider.Notice

func (s repeats) Parse(*http.Request) ([]provider.Notice, provider.Response, error) {
	return slices.Clone(s), provider.Response{Status: http.StatusAccepted}, nil
}

// A report behind which a complaint and a STOP stand fails: they are dealt with all the same, and before it. Nobody's START overtakes their
// STOP that failed.
func TestNothingOfACallWaitsForAnother(t *testing.T) {
	a := &attempts{known: reference}
	u, err := inbound.NewUnsubscriber(tokens(t, 1), a, nil)
	if err != nil {
		t.Fatal(err)
	}
	anna, erik := reminder.NewAddress(reminder.SMS, "+4520123456"), reminder.NewAddress(reminder.SMS, "+4520123457")
	g := &register{}
	c, err := inbound.NewCallbacks(inbound.CallbackOptions{
		Inbound: station(t, inbound.Options{Register: g, Unsubscriber: u}), Secret: callbackSecret,
		Webhooks: map[string]provider.Webhook{"one": repeats{
			{Kind: provider.ReportKind, Reference: reference, Status: provider.Undelivered, Signed: true},
			{Kind: provider.Complaint, Reference: reference, Signed: true},
			{Kind: provider.Reply, From: anna, Text: reminder.Mask("STOP"), Signed: true},
			{Kind: provider.Reply, From: anna, Text: reminder.Mask("START"), Signed: true},
			{Kind: provider.Reply, From: erik, Text: reminder.Mask("STOP"), Signed: true},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		fails  string // what the register can't do
		status int
		want   []string
	}{
		{"report", http.StatusServiceUnavailable, []string{"stop +4520123456 one", "start +4520123456 one", "stop +4520123457 one"}},
		{"stop +4520123456", http.StatusServiceUnavailable, []string{"stop +4520123457 one", "report " + reference + " undelivered one"}},
		{"nothing", http.StatusAccepted, []string{"stop +4520123456 one", "start +4520123456 one", "stop +4520123457 one", "report " + reference + " undelivered one"}},
	} {
		g.did, a.did = nil, nil
		g.fail = func(what string) error {
			if strings.HasPrefix(what, x.fails) {
				return errors.New("the broker is away")
			}
			return nil
		}
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(http.MethodPost, c.Path("one"), nil))
		if w.Code != x.status || !slices.Equal(g.did, x.want) || !slices.Equal(a.did, []string{"one"}) {
			t.Errorf("while %s fails: %d, did %q, complaints by %q; want %d and %q", x.fails, w.Code, g.did, a.did, x.status, x.want)
		}
	}
}

// A complaint about a message that nobody knows is no better known the next time: the carrier is not asked to come again.
func TestACallAboutAnUnknownMessageIsDealtWith(t *testing.T) {
	a := &attempts{known: reference}
	u, err := inbound.NewUnsubscriber(tokens(t, 1), a, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := prometheus.NewRegistry()
	in := station(t, inbound.Options{Register: &register{}, Unsubscriber: u, Metrics: m})
	c, err := inbound.NewCallbacks(inbound.CallbackOptions{Inbound: in, Webhooks: map[string]provider.Webhook{"one": repeats{{Kind: provider.Complaint, Reference: "00ff", Signed: true}}}, Secret: callbackSecret})
	if err != nil {
		t.Fatal(err)
	}
	call := func() int {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(http.MethodPost, c.Path("one"), nil))
		return w.Code
	}
	if got := call(); got != http.StatusAccepted {
		t.Errorf("answered with %d", got)
	}
	for name, want := range map[string]float64{"husk_inbound_notices_total": 1, "husk_inbound_failures_total": 0} {
		if got := counted(t, m, name, "complaint"); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	a.known, a.fail = "00ff", errors.New("journal is down")
	if got := call(); got != http.StatusServiceUnavailable {
		t.Errorf("a complaint that could not be dealt with is answered with %d", got)
	}
}

// counted is the value of a counter by its kind.
func counted(t *testing.T, m *prometheus.Registry, name, kind string) float64 {
	t.Helper()
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, x := range f.GetMetric() {
			if f.GetName() == name && x.GetLabel()[0].GetValue() == kind {
				return x.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no %s of kind %s", name, kind)
	return 0
}
