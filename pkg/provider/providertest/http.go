package providertest

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// HTTP is a carrier over HTTP under test, against a simulator of its vendor that is written from the vendor's document.
type HTTP struct {
	// Open makes the carrier, with two slots, and with the timeouts of the site.
	Open func(t *testing.T, at Site) provider.Sender
	// Message makes a message the carrier accepts, with this reference. Its recipient is Recipient, its text Text.
	Path string // of the request that sends a message
	// Query says that the vendor takes a message as the query of a GET. It is then the request's body to the suite, and no part of its address.
	Query bool
	// Authorization is the header of that request.
	Authorization string
	// Yes is the vendor's yes to a request.
	Yes func(r Received) Reply
	// Fields are the fields of a request's body by name, as their values are.
	Fields func(t *testing.T, body string) map[string]any
	// Reference is where in the fields our reference is, and the rest what may stand there beside it.
	Reference func(fields map[string]any) string
	// Refusals are the vendor's documented noes.
	Refusals []Refusal
	// Secrets may be in no error.
	Secrets []string
	// Questions answers what is asked beside sending, by path; nil where nothing is.
	Questions func(r Received, sent []Received) Reply
}

// Site is where a simulator is, and how long a carrier is to wait for it; 0 = as long as the carrier does by itself.
type Site struct {
	URL    string
	CAFile string

	DialTimeout, WriteTimeout, ReplyTimeout time.Duration
}

// What a carrier is told to wait: with patience, so that a busy machine fails no test, and where the waiting itself is under test.
const (
	patience   = 20 * time.Second
	impatience = 400 * time.Millisecond
	writing    = 5 * time.Second // the most that a carrier takes
)

// Received is a request that the simulator got.
type Received struct {
	Method string
	URL    string // path and query
	Header http.Header
	Body   string
}

// Reply is an answer of the simulator.
type Reply struct {
	Status int
	Header map[string]string
	Body   string
}

// Refusal is one of a vendor's noes and what it is to become.
type Refusal struct {
	Name    string
	Reply   Reply
	Outcome provider.Outcome
	Fault   provider.Fault
	Code    string // "" = any
	After   time.Duration
}

// What every message of the suite holds.
const (
	Recipient = "+4520987654"
	Text      = "Husk tiden på Ambulatoriet: rådyr & <æble> \"1+1\" 100 % €"
)

// SMS makes a message of the suite. Its other fields hold words that may not leave.
func SMS(reference string) reminder.Message {
	return reminder.Message{
		Reference: reference, Channel: reminder.SMS, Purpose: reminder.Remind, To: reminder.NewAddress(reminder.SMS, Recipient),
		Sender: "Rigshosp", ReplyTo: "canary-reply@example.org", Text: reminder.Mask(Text), Language: "da-canarylanguage", Segments: 2,
		Template: "da/canarytemplate.sms@3f2a91c0", Unit: "canaryunit", NotAfter: time.Now().Add(6 * time.Hour),
	}
}

// vendor is a simulator.
type vendor struct {
	*httptest.Server
	carrier HTTP

	mu  sync.Mutex
	got []Received // requests that send
	act func(w http.ResponseWriter, r *http.Request, got Received)
}

// serve starts a simulator; change may change its TLS before it starts.
func (h HTTP) serve(t *testing.T, change func(*tls.Config)) *vendor {
	t.Helper()
	v := &vendor{carrier: h}
	v.Server = httptest.NewUnstartedServer(http.HandlerFunc(v.handle))
	v.Config.ErrorLog = quiet
	v.TLS = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if change != nil {
		change(v.TLS)
	}
	v.StartTLS()
	t.Cleanup(v.Close)
	return v
}

func (v *vendor) handle(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	got := Received{Method: r.Method, URL: r.URL.RequestURI(), Header: r.Header.Clone(), Body: string(body)}
	v.mu.Lock()
	sends := r.Method == http.MethodPost && r.URL.Path == v.carrier.Path
	if v.carrier.Query && r.Method == http.MethodGet && r.URL.Path == v.carrier.Path && len(body) == 0 {
		got.URL, got.Body, sends = r.URL.Path, r.URL.RawQuery, true
	}
	if sends {
		v.got = append(v.got, got)
	}
	act, sent := v.act, append([]Received{}, v.got...)
	v.mu.Unlock()
	switch {
	case sends && act != nil:
		act(w, r, got)
	case sends:
		write(w, v.carrier.Yes(got))
	case v.carrier.Questions != nil:
		write(w, v.carrier.Questions(got, sent))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func write(w http.ResponseWriter, r Reply) {
	for k, x := range r.Header {
		w.Header().Set(k, x)
	}
	w.WriteHeader(r.Status)
	_, _ = io.WriteString(w, r.Body)
}

// will has the simulator do something else with requests that send.
func (v *vendor) will(act func(w http.ResponseWriter, r *http.Request, got Received)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.act = act
}

// sent are the requests that had this reference.
func (v *vendor) sent(t *testing.T, reference string) (of []Received) {
	t.Helper()
	v.mu.Lock()
	all := append([]Received{}, v.got...)
	v.mu.Unlock()
	for _, r := range all {
		if v.carrier.Reference(v.carrier.Fields(t, r.Body)) == reference {
			of = append(of, r)
		}
	}
	return of
}

// site is where the simulator is, by the name or address that its certificate has.
func (v *vendor) site(t *testing.T) Site {
	t.Helper()
	return Site{
		URL: v.URL, CAFile: caFile(t, v.TLS.Certificates[0].Certificate[0]),
		DialTimeout: patience, WriteTimeout: writing, ReplyTimeout: patience,
	}
}

// caFile writes a certificate that is to be trusted.
func caFile(t *testing.T, der []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// open starts a simulator and the carrier against it.
func (h HTTP) open(t *testing.T) (*vendor, provider.Sender) {
	t.Helper()
	v := h.serve(t, nil)
	return v, h.at(t, v.site(t))
}

// at makes the carrier against a simulator.
func (h HTTP) at(t *testing.T, site Site) provider.Sender {
	t.Helper()
	s := h.Open(t, site)
	if c, ok := s.(io.Closer); ok {
		t.Cleanup(func() { _ = c.Close() })
	}
	return s
}

// send opens a slot and sends one message of this reference. Every error is looked at.
func (h HTTP) send(t *testing.T, by provider.Sender, reference string) error {
	t.Helper()
	s, err := by.Open(t.Context())
	if err == nil {
		defer s.Close()
		_, err = Send(t.Context(), by, s, SMS(reference))
	}
	h.clean(t, err)
	return err
}

// clean fails when an error's text, or its code, tells of the person, the text or a secret.
func (h HTTP) clean(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	clean(t, err, SMS("x"))
	for _, s := range append([]string{strings.TrimPrefix(Recipient, "+"), h.Authorization}, h.Secrets...) {
		if s != "" && strings.Contains(err.Error(), s) {
			t.Errorf("an error tells a secret or the number")
		}
	}
}

// RunHTTP runs the suite of carriers over HTTP, and the suite of all carriers against the simulator.
func RunHTTP(t *testing.T, h HTTP) {
	t.Run("as every carrier", func(t *testing.T) {
		Run(t, func(t *testing.T) Harness {
			v, s := h.open(t)
			return Harness{
				Sender: s, Slots: 2, Message: SMS,
				Refused: func(reference string) reminder.Message {
					m := SMS(reference)
					m.To = reminder.NewAddress(reminder.SMS, "20987654")
					return m
				},
				Count: func(t *testing.T, reference string) int { return len(v.sent(t, reference)) },
				Written: func(t *testing.T, reference string) string {
					all := v.sent(t, reference)
					if len(all) != 1 {
						t.Fatalf("%d requests", len(all))
					}
					return all[0].Body
				},
			}
		})
	})
	for _, c := range []struct {
		name string
		run  func(*testing.T, HTTP)
	}{
		{"tells the recipient and the reference and nothing else of the person", tells},
		{"refuses senders and recipients that are none", unfit},
		{"knows every documented refusal", refusals},
		{"waits as long as Retry-After says", retryAfter},
		{"takes no status but the vendor's for a yes", statuses},
		{"follows no redirect", redirects},
		{"takes a broken answer for a doubt", broken},
		{"waits no longer than configured", slow},
		{"sends nothing again when a kept connection breaks", kept},
		{"sees that a connection was closed before it writes", closedBefore},
		{"begins nothing after the write deadline", deadline},
		{"refuses wrong certificates and old TLS", wrongTLS},
		{"says what is wrong when checked", checked},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, h) })
	}
}

// Serve starts a simulator and says where it is.
func Serve(t *testing.T, h HTTP) Site {
	t.Helper()
	return h.serve(t, nil).site(t)
}
