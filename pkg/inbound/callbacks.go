package inbound

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
)

// CallbackBase is what the path of every callback begins with: <base><carrier>/<secret>. What a carrier package puts behind that is its own.
const CallbackBase = "/v1/carriers/"

// largestCallback is the most that is read of one.
const largestCallback = 1 << 20

// shortestSecret is how many bytes a secret has at least that addresses are made of.
const shortestSecret = 32

// What became of a callback, the label of a metric.
const (
	callbackHandled = "handled"
	callbackRefused = "refused" // its carrier's proof is missing or wrong, or it can't be read
	callbackFailed  = "failed"  // it could not be dealt with; its carrier comes again
	callbackNobody  = "nobody"  // of no carrier here, or without its secret
)

// CallbackOptions make Callbacks.
type CallbackOptions struct {
	Inbound  *Inbound
	Webhooks map[string]provider.Webhook // by the carrier's name, as in the configuration
	Secret   []byte                      // of at least 32 bytes; the address of each carrier has one of its own made of it
	Log      *zap.Logger                 // nil = none
	Metrics  prometheus.Registerer       // nil = none
}

// Callbacks takes what carriers call us with. It is an http.Handler for <CallbackBase><carrier>/<secret>, and safe for concurrent use.
//
// The secret in the address keeps strangers away and proves nothing more; what proves a carrier is its own (provider.Webhook). The answer is
// the carrier package's, and is given when every notice has been dealt with; when one could not be, the answer is 503 and the carrier comes again.
// No body, address or header is logged.
type Callbacks struct {
	o       CallbackOptions
	secrets map[string]string
	count   *prometheus.CounterVec
}

// NewCallbacks validates.
func NewCallbacks(o CallbackOptions) (*Callbacks, error) {
	if o.Inbound == nil {
		return nil, errors.New("inbound: callbacks: want an Inbound")
	}
	if len(o.Secret) < shortestSecret {
		return nil, fmt.Errorf("inbound: callbacks: want a secret of at least %d bytes", shortestSecret)
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	c := &Callbacks{o: o, secrets: map[string]string{}, count: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "husk_inbound_callbacks_total", Help: "Calls of carriers, by carrier and by what became of them.",
	}, []string{"provider", "outcome"})}
	for name, w := range o.Webhooks {
		if w == nil || name == "" || strings.ContainsAny(name, "/?#%") {
			return nil, fmt.Errorf("inbound: callbacks: carrier %q: want a webhook, and a name that can stand in a path", name)
		}
		c.secrets[name] = CallbackSecret(o.Secret, name)
		for _, x := range []string{callbackHandled, callbackRefused, callbackFailed} {
			c.count.WithLabelValues(name, x)
		}
	}
	c.count.WithLabelValues("", callbackNobody)
	if o.Metrics != nil {
		if err := o.Metrics.Register(c.count); err != nil {
			return nil, fmt.Errorf("inbound: callbacks: metrics: %w", err)
		}
	}
	return c, nil
}

// CallbackSecret is the secret in the address of one carrier: 43 characters that tell nothing of the one that all are made of.
func CallbackSecret(secret []byte, carrier string) string {
	m := hmac.New(sha256.New, secret)
	_, _ = m.Write([]byte("husk carrier callback 1\n" + carrier))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// CallbackPath is the path of the address that a carrier calls.
func CallbackPath(secret []byte, carrier string) string {
	return CallbackBase + carrier + "/" + CallbackSecret(secret, carrier)
}

// Carriers are the names of those that may call, in order.
func (c *Callbacks) Carriers() []string { return slices.Sorted(maps.Keys(c.secrets)) }

// Path is the path of the address that a carrier calls; "" = it does not call.
func (c *Callbacks) Path(carrier string) string {
	if c.secrets[carrier] == "" {
		return ""
	}
	return CallbackPath(c.o.Secret, carrier)
}

// Carrier is whose address a path is, "" = nobody's. It takes as long whatever is wrong.
func (c *Callbacks) Carrier(path string) string {
	rest, ok := strings.CutPrefix(path, CallbackBase)
	name, rest, _ := strings.Cut(rest, "/")
	secret, _, _ := strings.Cut(rest, "/")
	want, known := c.secrets[name]
	if !known {
		want = CallbackSecret(c.o.Secret, "")
	}
	if got := subtle.ConstantTimeCompare([]byte(secret), []byte(want)); !ok || !known || got != 1 {
		return ""
	}
	return name
}

// ServeHTTP implements http.Handler.
func (c *Callbacks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	name := c.Carrier(r.URL.Path)
	if name == "" {
		c.count.WithLabelValues("", callbackNobody).Inc()
		w.WriteHeader(http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestCallback))
	if err != nil {
		c.count.WithLabelValues(name, callbackRefused).Inc()
		status := http.StatusBadRequest
		if large := new(http.MaxBytesError); errors.As(err, &large) {
			status = http.StatusRequestEntityTooLarge
		}
		w.WriteHeader(status)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	outcome, answer := c.take(r.Context(), name, r)
	c.count.WithLabelValues(name, outcome).Inc()
	if outcome == callbackFailed {
		w.Header().Set("Retry-After", "60")
	}
	give(w, answer)
}

// take has a call read and its notices dealt with.
func (c *Callbacks) take(ctx context.Context, name string, r *http.Request) (outcome string, answer provider.Response) {
	notices, answer, err := c.o.Webhooks[name].Parse(r)
	if err != nil {
		c.o.Log.Info("a carrier's call is refused", zap.String("provider", name), zap.Error(err))
		if answer.Status < 400 || answer.Status > 599 {
			answer = provider.Response{Status: http.StatusForbidden}
		}
		return callbackRefused, answer
	}
	// What a person wants comes first, and nothing that fails keeps another from being dealt with: not every carrier comes again often.
	slices.SortStableFunc(notices, func(x, y provider.Notice) int { return cmp.Compare(turn(x.Kind), turn(y.Kind)) })
	var failed []error
	held := map[string]bool{} // whose answer failed: their next waits for it
	for _, n := range notices {
		from := n.From.Reveal()
		if from != "" && held[from] {
			continue
		}
		if err := c.o.Inbound.Handle(ctx, name, n); err != nil && !errors.Is(err, provider.ErrUnknownMessage) { // that is no better known another time
			failed, held[from] = append(failed, err), true
		}
	}
	if err := errors.Join(failed...); err != nil {
		c.o.Log.Warn("a carrier's call is not dealt with; it is to come again", zap.String("provider", name), zap.Error(err))
		return callbackFailed, provider.Response{Status: http.StatusServiceUnavailable}
	}
	return callbackHandled, answer
}

// turn is when a call's notices of a kind are dealt with.
func turn(k provider.Kind) int {
	if k == provider.ReportKind {
		return 1
	}
	return 0
}

// give writes what a carrier wants to hear, and not a byte beside it: some carriers send the body to the patient.
func give(w http.ResponseWriter, a provider.Response) {
	if a.ContentType != "" {
		w.Header().Set("Content-Type", a.ContentType)
	}
	if a.Status < 200 || a.Status > 599 {
		a.Status = http.StatusNoContent
	}
	w.WriteHeader(a.Status)
	if len(a.Body) > 0 && a.Status != http.StatusNoContent {
		_, _ = w.Write(a.Body) // whoever hung up comes again
	}
}
