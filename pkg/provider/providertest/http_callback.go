package providertest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
)

// Callbacks is a carrier that calls us, under test.
type Callbacks struct {
	// Webhook has the secrets that Prove uses. Its clock says Now.
	Webhook provider.Webhook
	Now     time.Time
	// Path is where the vendor calls, with every secret that is in it.
	Path string
	// Prove adds the vendor's proof of a request whose body is this, made at this time.
	Prove func(r *http.Request, body string, at time.Time)
	// Spoil are changes to a proven request that take a proof away.
	Spoil map[string]func(r *http.Request)
	// Headers are where the proof is, for what is made up to be put there.
	Headers []string
	Method  string // that the vendor calls by; "" = POST
	Signed  bool   // the proof is a signature over the body
	Status  int    // of our yes; its body is always empty, because some vendors send it to the person
	// Window is how old a proof may be; 0 = the vendor tells no time.
	Window time.Duration
	// Cases are what the vendor tells us.
	Cases   []Callback
	Secrets []string // may be in no error
}

// Callback is one thing that a vendor tells us.
type Callback struct {
	Name  string
	Query string
	Body  string
	Want  []provider.Notice
	Bad   bool // it is refused with 400, though it is proven
}

func (c Callbacks) method() string { return cmp.Or(c.Method, http.MethodPost) }

// request makes a proven request.
func (c Callbacks) request(x Callback, at time.Time) *http.Request {
	target := c.Path
	if x.Query != "" {
		target += "?" + x.Query
	}
	r := httptest.NewRequestWithContext(context.Background(), c.method(), target, strings.NewReader(x.Body))
	c.Prove(r, x.Body, at)
	return r
}

// clean fails when an error tells of a person, a text or a secret.
func (c Callbacks) clean(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, s := range append([]string{strings.TrimPrefix(Recipient, "+"), "Stop nu"}, c.Secrets...) {
		if strings.Contains(err.Error(), s) {
			t.Errorf("an error tells a secret, a number or a text: %v", err)
		}
	}
}

// RunCallbacks runs the suite of callbacks.
func RunCallbacks(t *testing.T, c Callbacks) {
	for _, x := range c.Cases {
		t.Run(x.Name, func(t *testing.T) {
			first, response, err := c.Webhook.Parse(c.request(x, c.Now))
			c.clean(t, err)
			if len(response.Body) != 0 {
				t.Errorf("answers with a body: %q", response.Body)
			}
			if x.Bad {
				if err == nil || len(first) != 0 || response.Status < 400 {
					t.Errorf("took it: %v, %d notices, %d", err, len(first), response.Status)
				}
				return
			}
			if err != nil || response.Status != c.Status {
				t.Fatalf("%v, answers %d, want %d", err, response.Status, c.Status)
			}
			same(t, first, x.Want)
			// The vendor comes again: the same notices, with the same ids and times.
			again, _, err := c.Webhook.Parse(c.request(x, c.Now.Add(time.Minute)))
			if err != nil || !reflect.DeepEqual(first, again) {
				t.Errorf("repeated: %v, %+v, first %+v", err, again, first)
			}
			for _, n := range first {
				proper(t, n, c.Signed)
				if n.ID == "" {
					t.Error("without an id, a repeated one is not known")
				}
			}
		})
	}
	t.Run("refuses what is not proven", func(t *testing.T) { forged(t, c) })
	t.Run("refuses an old proof", func(t *testing.T) { replayed(t, c) })
	t.Run("refuses what is no callback", func(t *testing.T) { noCallback(t, c) })
}

// same compares notices; texts and addresses print masked, so they are compared as they are.
func same(t *testing.T, got, want []provider.Notice) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d notices, want %d", len(got), len(want))
	}
	for i, n := range got {
		w := want[i]
		if n.From.Reveal() != w.From.Reveal() || n.Text.Reveal() != w.Text.Reveal() || !n.At.Equal(w.At) {
			t.Errorf("from %q %q at %v, want %q %q at %v", n.From.Reveal(), n.Text.Reveal(), n.At, w.From.Reveal(), w.Text.Reveal(), w.At)
		}
		n.At, w.At = time.Time{}, time.Time{}
		if !reflect.DeepEqual(n, w) {
			t.Errorf("got %+v\nwant %+v", n, w)
		}
	}
}

// proper fails on a notice that the stations behind could not take.
func proper(t *testing.T, n provider.Notice, signed bool) {
	t.Helper()
	switch {
	case n.Kind != provider.Reply && n.Kind != provider.ReportKind && n.Kind != provider.Complaint:
		t.Errorf("kind %q", n.Kind)
	case n.Signed != signed:
		t.Errorf("signed: %v", n.Signed)
	case n.Fault != "" && n.Status != provider.Undelivered:
		t.Errorf("a fault of an address with status %q", n.Status)
	case n.Code != (&provider.Error{Code: n.Code}).Label():
		t.Error("a code that could hold a number")
	case n.Reference != "" && !provider.ValidReference(n.Reference):
		t.Error("a reference that is none of ours")
	case n.Kind == provider.ReportKind && (n.CarrierID == "" || n.Status == "" || !n.From.IsZero() || !n.Text.IsZero()):
		t.Errorf("a report of nothing, or with a person's data: %+v", n)
	case n.Kind == provider.Reply && (n.From.IsZero() || n.Status != ""):
		t.Errorf("a reply of nobody, or with a status: %+v", n)
	case n.Kind == provider.Complaint && (n.Status != "" || n.Fault != "" || !n.From.IsZero() || !n.Text.IsZero()):
		t.Errorf("a complaint with a status or a person's data: %+v", n)
	}
}

// refused fails unless nothing came of a request but a refusal.
func (c Callbacks) refused(t *testing.T, name string, r *http.Request) {
	t.Helper()
	notices, response, err := c.Webhook.Parse(r)
	c.clean(t, err)
	if err == nil || len(notices) != 0 || response.Status < 400 || len(response.Body) != 0 {
		t.Errorf("%s: %v, %d notices, answers %d %q", name, err, len(notices), response.Status, response.Body)
	}
}

func forged(t *testing.T, c Callbacks) {
	for _, x := range c.Cases {
		bare := httptest.NewRequestWithContext(context.Background(), c.method(), c.Path, strings.NewReader(x.Body))
		c.refused(t, x.Name+", without any proof", bare)
		for name, spoil := range c.Spoil {
			r := c.request(x, c.Now)
			spoil(r)
			c.refused(t, x.Name+", "+name, r)
		}
		if !c.Signed {
			continue
		}
		// One byte less, one more, one changed: the signature is over the bytes, not over what they mean.
		for name, body := range map[string]string{
			"cut": x.Body[:max(0, len(x.Body)-1)], "longer": x.Body + " ", "changed": "\t" + x.Body[min(1, len(x.Body)):],
		} {
			r := c.request(x, c.Now)
			r.Body = io.NopCloser(bytes.NewReader([]byte(body)))
			c.refused(t, x.Name+", "+name, r)
		}
		for _, h := range c.Headers {
			r := c.request(x, c.Now)
			r.Header.Set(h, strings.ToUpper(r.Header.Get(h))+"A")
			c.refused(t, x.Name+", header "+h, r)
		}
	}
}

func replayed(t *testing.T, c Callbacks) {
	if c.Window == 0 {
		// A repeated callback is the same notice; that is tested with each case.
		return
	}
	for _, x := range c.Cases {
		if x.Bad {
			continue
		}
		for name, at := range map[string]time.Time{"too old": c.Now.Add(-c.Window - time.Minute), "of tomorrow": c.Now.Add(24 * time.Hour)} {
			old := x
			old.Body = strings.ReplaceAll(x.Body, c.Now.Format(time.RFC3339), at.Format(time.RFC3339))
			c.refused(t, x.Name+", "+name, c.request(old, at))
		}
	}
}

func noCallback(t *testing.T, c Callbacks) {
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
		if method == c.method() {
			continue
		}
		r := c.request(c.Cases[0], c.Now)
		r.Method = method
		c.refused(t, method, r)
	}
	for name, body := range map[string]string{
		"nothing": "", "no JSON": "{", "null": "null", "a list": "[]", "a number": "17", "an empty object": "{}", "a bad form": "a=%zz&a=b", "zeroes": "\x00\x00",
		"too long": strings.Repeat("a", 1<<20),
	} {
		c.refused(t, name, c.request(Callback{Body: body}, c.Now))
	}
	r := c.request(c.Cases[0], c.Now)
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{}))
	c.refused(t, "a broken line", r)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

// FuzzCallbacks fuzzes the body, the query and the proof: no panic, no notice without proof, and no improper notice with it.
func FuzzCallbacks(f *testing.F, c Callbacks) {
	for _, x := range c.Cases {
		f.Add(x.Body, x.Query, "v1=00")
	}
	f.Add("", "ref=%zz", "Basic Zm9vOmJhcg==")
	f.Fuzz(func(t *testing.T, body, query, proof string) {
		r := httptest.NewRequestWithContext(context.Background(), c.method(), "/", strings.NewReader(body))
		r.URL.Path, r.URL.RawQuery = c.Path, query
		for _, h := range c.Headers {
			r.Header.Set(h, proof)
		}
		if notices, response, err := c.Webhook.Parse(r); err == nil || len(notices) != 0 || len(response.Body) != 0 {
			t.Fatalf("without proof: %v, %d notices", err, len(notices))
		}
		r = httptest.NewRequestWithContext(context.Background(), c.method(), "/", strings.NewReader(body))
		r.URL.Path, r.URL.RawQuery = c.Path, query
		c.Prove(r, body, c.Now)
		notices, response, err := c.Webhook.Parse(r)
		if len(response.Body) != 0 || response.Status == 0 || err != nil && len(notices) != 0 {
			t.Fatalf("%v, %d notices, %+v", err, len(notices), response)
		}
		c.clean(t, err)
		for _, n := range notices {
			proper(t, n, c.Signed)
		}
	})
}
