package nemsms

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/register"
)

// entityID is what tokens are asked for.
const entityID = "http://entityid.kombit.dk/service/postforespoerg/1"

// tokens gets and keeps the two tokens that a question needs. One caller at a time fetches.
type tokens struct {
	stsURL    string
	tokenURL  string
	cvr       string
	useKey    string // the certificate on one line
	client    *register.Client
	now       func() time.Time
	turn      chan struct{}
	saml      string
	samlUntil time.Time
	access    string // with its type in front, as the header wants it
	until     time.Time
}

// get gives an access token, the kept one while it holds.
func (t *tokens) get(ctx context.Context) (string, *register.Fault) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return "", register.NewFault(contact.Interrupted)
	}
	defer func() { <-t.turn }()
	if t.access != "" && t.now().Before(t.until) {
		return t.access, nil
	}
	if t.saml == "" || !t.now().Before(t.samlUntil) {
		if f := t.fetchSAML(ctx); f != nil {
			return "", f
		}
	}
	return t.fetchAccess(ctx)
}

// drop forgets an access token that was not taken, and the SAML token it came from. One that was fetched since stays.
func (t *tokens) drop(access string) {
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	if t.access == access {
		t.access, t.saml = "", ""
	}
}

// issue is the request for a SAML token (WS-Trust as JSON).
type issue struct {
	TokenType   string
	RequestType string
	KeyType     string
	Context     struct{ Cvr string } `json:"AnvenderKontekst"`
	UseKey      string
	AppliesTo   struct {
		EndpointReference struct{ Address string }
	}
	OnBehalfOf *string
}

func (t *tokens) fetchSAML(ctx context.Context) *register.Fault {
	t.saml, t.access = "", ""
	q := issue{ //nolint:gosec // names of WS-Trust, no credentials
		TokenType:   "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV2.0",
		RequestType: "http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue",
		KeyType:     "http://docs.oasis-open.org/ws-sx/ws-trust/200512/PublicKey",
		UseKey:      t.useKey,
	}
	q.Context.Cvr = t.cvr
	q.AppliesTo.EndpointReference.Address = entityID
	body, err := json.Marshal(q)
	if err != nil {
		return register.NewFault(contact.Garbled)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.stsURL, bytes.NewReader(body))
	if err != nil {
		return register.NewFault(contact.Garbled)
	}
	r.Header.Set("Content-Type", "application/json")
	reply, f := t.client.Do(ctx, r)
	if f != nil {
		return credentials(f)
	}
	var a struct {
		RequestedSecurityToken struct{ Assertion string }
	}
	if register.Unmarshal(reply.Body, &a) != nil {
		return register.NewFault(contact.Garbled)
	}
	until, ok := notOnOrAfter(a.RequestedSecurityToken.Assertion)
	if !ok {
		return register.NewFault(contact.Garbled)
	}
	if !until.After(t.now()) { // it has run out on the way: the clocks differ
		return register.NewFault(contact.ClockWrong)
	}
	t.saml, t.samlUntil = a.RequestedSecurityToken.Assertion, until.Add(-samlMargin)
	return nil
}

// samlMargin is how long before its end a SAML token is no longer exchanged. It lives eight hours.
const samlMargin = 15 * time.Minute

// notOnOrAfter reads when an assertion ends (SAML 2.0 core § 2.5.1) from its base64. The signature is the receiver's to
// check.
func notOnOrAfter(assertion string) (time.Time, bool) {
	raw, err := base64.StdEncoding.DecodeString(assertion)
	if err != nil || len(raw) == 0 {
		return time.Time{}, false
	}
	d := xml.NewDecoder(bytes.NewReader(raw))
	var until time.Time
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return until, !until.IsZero()
		}
		if err != nil {
			return time.Time{}, false
		}
		start, ok := t.(xml.StartElement)
		if !ok || start.Name.Space != "urn:oasis:names:tc:SAML:2.0:assertion" || start.Name.Local != "Conditions" {
			continue
		}
		for _, a := range start.Attr {
			if a.Name.Local != "NotOnOrAfter" {
				continue
			}
			end, err := time.Parse(time.RFC3339Nano, a.Value)
			if err != nil {
				return time.Time{}, false
			}
			if until.IsZero() || end.Before(until) {
				until = end
			}
		}
	}
}

// longest is as long as an access token is kept, whatever it says of itself.
const longest = time.Hour

func (t *tokens) fetchAccess(ctx context.Context) (string, *register.Fault) {
	t.access = ""
	asked := t.now()
	form := url.Values{"saml-token": {t.saml}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", register.NewFault(contact.Garbled)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	reply, f := t.client.Do(ctx, r)
	if f != nil {
		if f = credentials(f); f.Reason == contact.Unauthorised {
			t.saml = "" // perhaps it is to blame
		}
		return "", f
	}
	access, life, ok := readAccess(reply.Body)
	if !ok {
		return "", register.NewFault(contact.Garbled)
	}
	t.access, t.until = access, asked.Add(life-min(life/5, 5*time.Minute))
	return t.access, nil
}

// readAccess takes the token out of the answer: bound to the certificate (Holder-of-key), of characters that may stand in a
// header.
func readAccess(body []byte) (header string, life time.Duration, ok bool) {
	var a struct {
		Token   string `json:"access_token"`
		Type    string `json:"token_type"`
		Seconds int64  `json:"expires_in"`
	}
	if register.Unmarshal(body, &a) != nil || !strings.EqualFold(a.Type, "Holder-of-key") || a.Seconds <= 0 ||
		a.Token == "" || len(a.Token) > 16<<10 {
		return "", 0, false
	}
	for i := range len(a.Token) {
		if a.Token[i] <= ' ' || a.Token[i] > '~' {
			return "", 0, false
		}
	}
	return "Holder-of-key " + a.Token, min(time.Duration(min(a.Seconds, 1<<20))*time.Second, longest), true
}

// credentials is a fault of a token service: a 400 or 401 there means that certificate or agreement was not taken.
func credentials(f *register.Fault) *register.Fault {
	out := &register.Fault{Reason: f.Reason, After: f.After, Status: f.Status}
	if f.Status == http.StatusBadRequest || f.Status == http.StatusUnauthorized {
		out.Reason = contact.Unauthorised
	}
	return out
}

// useKey is the certificate as the Security Token Service wants it: the base64 of its DER on one line.
func useKey(c *tls.Certificate) (string, bool) {
	if c == nil || len(c.Certificate) == 0 {
		return "", false
	}
	return base64.StdEncoding.EncodeToString(c.Certificate[0]), true
}
