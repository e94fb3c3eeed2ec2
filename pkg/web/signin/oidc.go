package signin

import (
	"cmp"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/oauth2"

	"github.com/husk-reminders/husk/pkg/web"
)

// Options of an OIDC. All are required but ClientSecret or ClientKey (one of the two), ClientKeyID, ACR or AMR (at least one of them),
// CallTime, Metrics, Now and Log.
type Options struct {
	Issuer       string // to the letter
	ClientID     string
	ClientSecret string
	ClientKey    crypto.Signer // RSA or P-256: signs assertions (private_key_jwt, RFC 7523)
	ClientKeyID  string
	Callback     string   // the pages' address for people who come back; their sign-in is at it without the last element
	Scopes       []string // with openid
	ACR, AMR     []string // a second factor: the token's acr is one of them; its amr has one of them
	MaxAge       time.Duration
	GroupsClaim  string
	NameClaim    string
	Rules        []Rule
	Known        func(unit string) bool // the units there are
	// Secret gives 32 bytes or more that all processes of the installation share, and keep; an error while it can't.
	Secret   func() ([]byte, error)
	CallTime time.Duration         // of one call to the provider; 0 = 10 s
	Metrics  prometheus.Registerer // nil = nowhere
	Now      func() time.Time      // nil = time.Now
	Log      *zap.Logger
}

// OIDC signs people in by an OpenID provider. The provider is looked for when somebody comes, so it may be down before and between.
type OIDC struct {
	o        Options
	client   *http.Client
	key      *assertions // nil = a secret
	callback string
	secure   bool
	outcomes *prometheus.CounterVec

	found  atomic.Pointer[provider]
	turn   chan struct{} // held by whoever looks for the provider, and guards what follows
	why    error
	failed time.Time
}

// ErrOptions is wrapped by what New refuses. The text names the field and what is wanted.
var ErrOptions = errors.New("signin: options")

func invalid(field, want string) error { return fmt.Errorf("%w: %s: want %s", ErrOptions, field, want) }

// New checks the options. It does not call the provider.
func New(o Options) (*OIDC, error) {
	u, err := url.Parse(o.Callback)
	switch {
	case !trusted(o.Issuer):
		return nil, invalid("Issuer", "https, or an address of this machine")
	case o.ClientID == "":
		return nil, invalid("ClientID", "what the provider knows Husk by")
	case (o.ClientSecret == "") == (o.ClientKey == nil):
		return nil, invalid("ClientSecret or ClientKey", "one of the two")
	case err != nil || !trusted(o.Callback) || !strings.HasSuffix(u.Path, "/callback"):
		return nil, invalid("Callback", "https, or an address of this machine, that ends with /callback")
	case len(o.ACR)+len(o.AMR) == 0:
		return nil, invalid("ACR or AMR", "what shows a second factor: without it a password alone would do")
	case o.MaxAge <= 0:
		return nil, invalid("MaxAge", "how long ago people may have signed in at the provider")
	case o.GroupsClaim == "" || o.NameClaim == "":
		return nil, invalid("GroupsClaim and NameClaim", "names of claims")
	case o.Known == nil || o.Secret == nil:
		return nil, invalid("Known and Secret", "functions")
	}
	if err := CheckRules(o.Rules, o.Known); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	x := &OIDC{
		o: o, client: newClient(cmp.Or(o.CallTime, callTime)), callback: o.Callback, secure: u.Scheme == "https", turn: make(chan struct{}, 1),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "husk_signin_finished_total", Help: "People who came back from the OpenID provider, by what came of it.",
		}, []string{"outcome"}),
	}
	if o.ClientKey != nil {
		if x.key, err = newAssertions(o); err != nil {
			return nil, err
		}
	}
	if o.Metrics != nil {
		if err := o.Metrics.Register(x.outcomes); err != nil {
			return nil, fmt.Errorf("signin: %w", err)
		}
	}
	return x, nil
}

// Begin sends the browser to the provider. Where that can't be, it is sent straight to the callback, whose Finish says why.
func (o *OIDC) Begin(w http.ResponseWriter, r *http.Request) {
	a := attempt{State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), Until: o.o.Now().Add(attemptTime)}
	to := o.callback + "?error=temporarily_unavailable&state=" + a.State
	if p, err := o.discover(r.Context()); err != nil {
		o.o.Log.Warn("the OpenID provider can't be used", zap.Error(err))
	} else if sealed, err := o.sealed(a); err != nil {
		o.o.Log.Warn("no sign-in can begin", zap.Error(err))
	} else {
		http.SetCookie(w, o.cookie(sealed))
		to = p.oauth.AuthCodeURL(a.State, o.wishes(a)...)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// wishes are what the provider is asked for beside the ordinary.
func (o *OIDC) wishes(a attempt) []oauth2.AuthCodeOption {
	all := []oauth2.AuthCodeOption{
		oauth2.S256ChallengeOption(a.Verifier),
		oauth2.SetAuthURLParam("nonce", a.Nonce),
		oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(o.o.MaxAge.Seconds()))),
	}
	if len(o.o.ACR) > 0 {
		all = append(all, oauth2.SetAuthURLParam("acr_values", strings.Join(o.o.ACR, " ")))
	}
	return all
}

func (o *OIDC) sealed(a attempt) (string, error) {
	secret, err := o.o.Secret()
	if err != nil {
		return "", err
	}
	c, err := sealer(secret)
	if err != nil {
		return "", err
	}
	return a.seal(c)
}

// Finish says who has come back. What the attempt's cookie held is gone afterwards, whatever came of it.
func (o *OIDC) Finish(w http.ResponseWriter, r *http.Request) (Identity, error) {
	http.SetCookie(w, o.cookie(""))
	who, err := o.finish(r)
	if err != nil {
		o.outcomes.WithLabelValues(Reason(err)).Inc()
		o.o.Log.Warn("nobody was let in", zap.String("reason", Reason(err)), zap.Error(err))
		return Identity{}, err
	}
	o.outcomes.WithLabelValues("in").Inc()
	return who, nil
}

func (o *OIDC) finish(r *http.Request) (Identity, error) {
	q := r.URL.Query()
	if r.Method != http.MethodGet || len(q["state"]) != 1 {
		return Identity{}, ErrAttempt
	}
	if q.Get("error") == "temporarily_unavailable" || q.Get("error") == "server_error" {
		return Identity{}, ErrUnavailable
	}
	secret, err := o.o.Secret()
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	a, err := o.begun(r, secret)
	if err != nil {
		return Identity{}, err
	}
	if !same(a.State, q.Get("state")) {
		return Identity{}, ErrAttempt
	}
	p, err := o.discover(r.Context())
	if err != nil {
		return Identity{}, err
	}
	// Another provider's answer must not be taken to this one (RFC 9207).
	if iss := q.Get("iss"); iss != o.o.Issuer && (iss != "" || p.says.AlwaysIss) {
		return Identity{}, fmt.Errorf("%w: it came from another issuer", ErrToken)
	}
	switch e := q.Get("error"); {
	case e == "unmet_authentication_requirements":
		return Identity{}, ErrSecondFactor
	case e == "access_denied":
		return Identity{}, ErrDeclined
	case e != "":
		return Identity{}, fmt.Errorf("%w: it refused the request", ErrToken)
	case len(q["code"]) != 1 || q.Get("code") == "":
		return Identity{}, fmt.Errorf("%w: there is no code", ErrToken)
	}
	said, err := o.redeem(r.Context(), p, q.Get("code"), a)
	if err != nil {
		return Identity{}, err
	}
	return o.identity(said, secret)
}

// begun is the attempt that this browser began.
func (o *OIDC) begun(r *http.Request, secret []byte) (attempt, error) {
	c, err := sealer(secret)
	if err != nil {
		return attempt{}, err
	}
	sealed, err := r.Cookie(o.cookieName())
	if err != nil {
		return attempt{}, ErrAttempt
	}
	a, ok := openAttempt(c, sealed.Value, o.o.Now())
	if !ok {
		return attempt{}, ErrAttempt
	}
	return a, nil
}

// identity is who a checked token speaks of.
func (o *OIDC) identity(s said, secret []byte) (Identity, error) {
	grants := granted(o.o.Rules, s.groups)
	if len(grants) == 0 {
		return Identity{}, ErrNoGrant
	}
	key, err := derived(secret, "subject")
	if err != nil {
		return Identity{}, err
	}
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte(o.o.Issuer + "\x00" + s.subject))
	short := spell(m.Sum(nil), 16)
	name := s.name
	if !web.IsName(name) {
		name = short
	}
	return Identity{Subject: o.issuerMark() + ":" + short, Name: name, Grants: grants}, nil
}

// issuerMark begins the subjects of this provider.
func (o *OIDC) issuerMark() string {
	sum := sha256.Sum256([]byte(o.o.Issuer))
	return spell(sum[:], 8)
}

// Holds says that a session which another provider or a link began is over: ErrEnded.
func (o *OIDC) Holds(_ context.Context, subject string) error {
	if mark, _, ok := strings.Cut(subject, ":"); !ok || mark != o.issuerMark() {
		return ErrEnded
	}
	return nil
}
