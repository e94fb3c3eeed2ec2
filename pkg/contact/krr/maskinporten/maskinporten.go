// Package maskinporten gets access tokens from Maskinporten, Norway's token service between public bodies: a JWT grant (RFC
// 7523) that the organisation's key signs, exchanged for a Bearer token. Sources: docs.digdir.no, "JWT grant", "/token
// endpoint" and "Feilsøking".
//
// It guarantees that a token is kept until shortly before it ends and asked for by one caller at a time, that each grant is
// signed anew with an id of its own (a grant can be used once), and that it lives 100 s (120 are allowed).
//
// It must never look into a token (its form may change), and never put token, grant or key into an error or a log.
package maskinporten

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/register"
)

// Environment is one of Maskinporten's: a client is known in one of them alone, and so are keys and certificates.
type Environment struct {
	TokenURL string
	Audience string // the issuer: what a grant's aud must be, to the letter
}

// The environments (docs.digdir.no, "well-known").
var (
	Production = Environment{TokenURL: "https://maskinporten.no/token", Audience: "https://maskinporten.no/"}           //nolint:gosec // addresses, no credentials
	Test       = Environment{TokenURL: "https://test.maskinporten.no/token", Audience: "https://test.maskinporten.no/"} //nolint:gosec // as above
)

// Options is who asks, and for what.
type Options struct {
	Environment
	ClientID string // the client's id, the grant's iss
	Scope    string // the scopes asked for, with spaces between them
	// Key signs the grants with RS256: RSA, 2048 bits or more. It may live in a device.
	Key crypto.Signer
	// KeyID names a key that was registered with the client beforehand (kid); else Chain is the business certificate of the
	// organisation, the leaf first (x5c). One of the two.
	KeyID string
	Chain []*x509.Certificate
	// ConsumerOrg is the organisation number on whose behalf a supplier asks (delegation in Altinn); "" = our own.
	ConsumerOrg string
	// Resource restricts the token to an API that asks for it; "" = none.
	Resource string
	Client   *register.Client
	// Now is the clock; time.Now when nil. Maskinporten takes a grant whose iat is within 10 s of its own.
	Now func() time.Time
}

// Source gives tokens. Many may use it at once.
type Source struct {
	o     Options
	url   string
	turn  chan struct{} // held by whoever reads or fetches the token
	token string
	until time.Time
}

// ErrOptions is wrapped by what New refuses. The text names the field and what is wanted.
var ErrOptions = errors.New("maskinporten: options")

func invalid(field, want string) error { return fmt.Errorf("%w: %s: want %s", ErrOptions, field, want) }

const minBits = 2048

// New checks the options.
func New(o Options) (*Source, error) {
	u, err := register.Endpoint("TokenURL", o.TokenURL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	public, isRSA := (*rsa.PublicKey)(nil), false
	if o.Key != nil {
		public, isRSA = o.Key.Public().(*rsa.PublicKey)
	}
	switch {
	case o.Audience == "":
		return nil, invalid("Audience", "the issuer of the environment, such as https://maskinporten.no/")
	case o.ClientID == "":
		return nil, invalid("ClientID", "the client's id")
	case strings.TrimSpace(o.Scope) == "":
		return nil, invalid("Scope", "at least one scope")
	case !isRSA || public.Size()*8 < minBits:
		return nil, invalid("Key", "an RSA key of 2048 bits or more")
	case (o.KeyID == "") == (len(o.Chain) == 0):
		return nil, invalid("KeyID or Chain", "one of the two: the id of a registered key, or the business certificate with its chain")
	case len(o.Chain) > 0 && !public.Equal(o.Chain[0].PublicKey):
		return nil, invalid("Chain", "the certificate of the key, the leaf first")
	case o.Client == nil:
		return nil, invalid("Client", "a client")
	}
	return &Source{o: o, url: u.String(), turn: make(chan struct{}, 1)}, nil
}

// Token gives a token, the kept one while it holds. The fault is of the call that was made for it.
func (s *Source) Token(ctx context.Context) (string, *register.Fault) {
	if f := s.take(ctx); f != nil {
		return "", f
	}
	defer s.leave()
	if s.token != "" && s.o.Now().Before(s.until) {
		return s.token, nil
	}
	return s.fetch(ctx)
}

// Drop forgets a token that was not taken. One that was fetched since stays.
func (s *Source) Drop(token string) {
	s.turn <- struct{}{}
	defer s.leave()
	if s.token == token {
		s.token = ""
	}
}

func (s *Source) take(ctx context.Context) *register.Fault {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return register.NewFault(contact.Interrupted)
	}
}

func (s *Source) leave() { <-s.turn }

func (s *Source) fetch(ctx context.Context) (string, *register.Fault) {
	s.token = ""
	asked := s.o.Now()
	grant, err := s.grant(asked)
	if err != nil {
		return "", register.NewFault(contact.Unauthorised)
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {grant}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, strings.NewReader(form.Encode()))
	if err != nil {
		return "", register.NewFault(contact.Unauthorised)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	reply, f := s.o.Client.Do(ctx, r)
	if f != nil {
		return "", s.why(reply, f)
	}
	token, life, ok := read(reply.Body, s.o.Scope)
	if !ok {
		return "", register.NewFault(contact.Garbled)
	}
	s.token, s.until = token, asked.Add(life-min(life/5, time.Minute))
	return token, nil
}

// skew is how far our clock may be from Maskinporten's.
const skew = 10 * time.Second

// why tells more of a refused grant: with a clock too far off every grant is refused (invalid_grant, MP-130 or "Issue time
// is after now"), and the one to mend is ours.
func (s *Source) why(reply register.Reply, f *register.Fault) *register.Fault {
	if f.Status != http.StatusBadRequest && f.Status != http.StatusUnauthorized {
		return f
	}
	if d := reply.Date.Sub(s.o.Now()); !reply.Date.IsZero() && d.Abs() > skew {
		return &register.Fault{Reason: contact.ClockWrong, After: f.After, Status: f.Status}
	}
	return &register.Fault{Reason: contact.Unauthorised, After: f.After, Status: f.Status}
}

// longest is as long as any token is kept, whatever it says of itself.
const longest = time.Hour

// read takes the token out of the answer of /token (RFC 6749 § 5.1). It must be a Bearer token (RFC 6750 § 2.1) of the
// scopes asked for.
func read(body []byte, scope string) (token string, life time.Duration, ok bool) {
	var a struct {
		Token   string  `json:"access_token"`
		Type    string  `json:"token_type"`
		Seconds int64   `json:"expires_in"`
		Scope   *string `json:"scope"`
	}
	if register.Unmarshal(body, &a) != nil || !strings.EqualFold(a.Type, "Bearer") || !b64token(a.Token) || a.Seconds <= 0 {
		return "", 0, false
	}
	if a.Scope != nil {
		given := strings.Fields(*a.Scope)
		for _, want := range strings.Fields(scope) {
			if !slices.Contains(given, want) {
				return "", 0, false
			}
		}
	}
	return a.Token, min(time.Duration(min(a.Seconds, 1<<20))*time.Second, longest), true
}

// b64token reports whether s may stand behind "Bearer " in a header.
func b64token(s string) bool {
	if s == "" || len(s) > 16<<10 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && strings.IndexByte("-._~+/=", c) < 0 {
			return false
		}
	}
	return true
}

// lifetime is how long a grant lives; exp - iat may be 120 s at most.
const lifetime = 100 * time.Second

type header struct {
	Alg string   `json:"alg"`
	Typ string   `json:"typ"`
	Kid string   `json:"kid,omitempty"`
	X5c []string `json:"x5c,omitempty"` // RFC 7515 § 4.1.6: base64, not base64url, of the DER
}

type claims struct {
	Aud         string   `json:"aud"`
	Iss         string   `json:"iss"`
	Scope       string   `json:"scope"`
	Iat         int64    `json:"iat"`
	Exp         int64    `json:"exp"`
	Jti         string   `json:"jti"`
	Resource    []string `json:"resource,omitempty"` // "currently only array supported"
	ConsumerOrg string   `json:"consumer_org,omitempty"`
}

// grant makes and signs a JWT (RFC 7515 § 3.1, RFC 7518 § 3.3: RSASSA-PKCS1-v1_5 with SHA-256).
func (s *Source) grant(now time.Time) (string, error) {
	var id [16]byte
	_, _ = rand.Read(id[:])
	h := header{Alg: "RS256", Typ: "JWT", Kid: s.o.KeyID}
	for _, c := range s.o.Chain {
		h.X5c = append(h.X5c, base64.StdEncoding.EncodeToString(c.Raw))
	}
	c := claims{
		Aud: s.o.Audience, Iss: s.o.ClientID, Scope: s.o.Scope, Iat: now.Unix(), Exp: now.Add(lifetime).Unix(), Jti: hex.EncodeToString(id[:]),
		ConsumerOrg: s.o.ConsumerOrg,
	}
	if s.o.Resource != "" {
		c.Resource = []string{s.o.Resource}
	}
	head, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	hash := crypto.SHA256.New()
	_, _ = hash.Write([]byte(signed))
	sig, err := s.o.Key.Sign(rand.Reader, hash.Sum(nil), crypto.SHA256)
	if err != nil {
		return "", err
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}
