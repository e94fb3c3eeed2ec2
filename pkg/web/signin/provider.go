package signin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// How long a call to the provider may take, how much it may answer, and how long a failed discovery answers for itself: who waits
// behind a provider that is down is told at once.
const (
	callTime  = 10 * time.Second
	maxAnswer = 1 << 20
	lookAgain = 3 * time.Second
)

// newClient calls the provider: no redirects, no endless answers.
func newClient(timeout time.Duration) *http.Client {
	t := http.DefaultTransport
	if d, ok := t.(*http.Transport); ok {
		t = d.Clone()
	}
	return &http.Client{
		Timeout: timeout, Transport: bounded{t},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}

// provider is what was found out about the provider.
type provider struct {
	*oidc.Provider
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
	keys     oidc.KeySet
	says     metadata
}

// metadata is what of the provider's document (OpenID Connect Discovery 1.0, 3; RFC 9207; RP-Initiated Logout 1.0) go-oidc does not give.
type metadata struct {
	JWKS        string   `json:"jwks_uri"`
	EndSession  string   `json:"end_session_endpoint"`
	UserInfo    string   `json:"userinfo_endpoint"`
	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	AlwaysIss   bool     `json:"authorization_response_iss_parameter_supported"`
}

// discover returns the provider, asked once until it answers; one asks at a time.
func (o *OIDC) discover(ctx context.Context) (*provider, error) {
	if p := o.found.Load(); p != nil {
		return p, nil
	}
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	if p := o.found.Load(); p != nil {
		return p, nil
	}
	if since := o.o.Now().Sub(o.failed); o.why != nil && since >= 0 && since < lookAgain {
		return nil, o.why
	}
	// Whoever asks first may hang up; the others wait for the same answer.
	p, err := o.ask(oidc.ClientContext(context.WithoutCancel(ctx), o.client))
	if err != nil {
		o.why, o.failed = fmt.Errorf("%w: %w", ErrUnavailable, err), o.o.Now()
		return nil, o.why
	}
	o.why = nil
	o.found.Store(p)
	return p, nil
}

func (o *OIDC) ask(ctx context.Context) (*provider, error) {
	found, err := oidc.NewProvider(ctx, o.o.Issuer)
	if err != nil {
		return nil, discoveryFault(err)
	}
	p := &provider{Provider: found}
	if err := found.Claims(&p.says); err != nil {
		return nil, errors.New("the discovery document can't be read")
	}
	e := found.Endpoint()
	for name, u := range map[string]string{"authorization_endpoint": e.AuthURL, "token_endpoint": e.TokenURL, "jwks_uri": p.says.JWKS} {
		if !trusted(u) {
			return nil, fmt.Errorf("the discovery document's %s is no https address", name)
		}
	}
	if !trusted(p.says.UserInfo) {
		p.says.UserInfo = ""
	}
	if !trusted(p.says.EndSession) {
		p.says.EndSession = ""
	}
	e.AuthStyle = oauth2.AuthStyleInHeader // what a provider must take that does not say otherwise (Discovery 1.0, 3)
	if o.key != nil || len(p.says.AuthMethods) > 0 && !slices.Contains(p.says.AuthMethods, "client_secret_basic") {
		e.AuthStyle = oauth2.AuthStyleInParams
	}
	p.oauth = oauth2.Config{ClientID: o.o.ClientID, ClientSecret: o.o.ClientSecret, Endpoint: e, RedirectURL: o.callback, Scopes: o.o.Scopes}
	p.keys = oidc.NewRemoteKeySet(ctx, p.says.JWKS)
	p.verifier = found.VerifierContext(ctx, &oidc.Config{ClientID: o.o.ClientID, Now: func() time.Time { return o.o.Now().Add(-skew) }})
	return p, nil
}

// discoveryFault says what went wrong without what was answered.
func discoveryFault(err error) error {
	var call *url.Error
	var other *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &call):
		return call
	case errors.As(err, &other):
		return other
	}
	return errors.New("there is no discovery document at the issuer's /.well-known/openid-configuration")
}

// trusted reports whether an address is https, or on this machine.
func trusted(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// originOf is an address's scheme, host and port.
func originOf(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Ready says why nobody can sign in now: ErrUnavailable, and what the provider did.
func (o *OIDC) Ready(ctx context.Context) error {
	_, err := o.discover(ctx)
	return err
}

// Origins are where the sign-in and sign-out forms lead: for the pages' form-action. Until the provider was found, its issuer's.
func (o *OIDC) Origins() []string {
	all := []string{originOf(o.o.Issuer)}
	if p := o.found.Load(); p != nil {
		all = append(all, originOf(p.oauth.Endpoint.AuthURL), originOf(p.says.EndSession))
	}
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" })
	slices.Sort(all)
	return slices.Compact(all)
}

// Logout is where the browser goes to sign out at the provider too (OpenID Connect RP-Initiated Logout 1.0), and comes back from to the
// pages' sign-in; "" where the provider has no such place.
func (o *OIDC) Logout() string {
	p := o.found.Load()
	if p == nil || p.says.EndSession == "" {
		return ""
	}
	u, err := url.Parse(p.says.EndSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", o.o.ClientID)
	q.Set("post_logout_redirect_uri", strings.TrimSuffix(o.o.Callback, "/callback"))
	u.RawQuery = q.Encode()
	return u.String()
}
