package signin_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/signin"
	"github.com/husk-reminders/husk/pkg/web/signin/signintest"
)

func TestSignIn(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		provider signintest.Options
		change   func(*signin.Options)
	}{
		{"with a secret", signintest.Options{}, nil},
		{"groups and name at the userinfo address", signintest.Options{UserInfoOnly: true}, nil},
		{"with an RSA key", signintest.Options{Key: key.Public(), KeyID: "k1"}, func(o *signin.Options) { o.ClientSecret, o.ClientKey, o.ClientKeyID = "", key, "k1" }},
		{"with a key on P-256", signintest.Options{Key: ec.Public(), KeyID: "k2"}, func(o *signin.Options) { o.ClientSecret, o.ClientKey, o.ClientKeyID = "", ec, "k2" }},
		{"acr in place of amr", signintest.Options{}, func(o *signin.Options) { o.AMR, o.ACR = nil, []string{"higher", "high"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, p := start(t, tt.provider, tt.change)
			a, err := s.signIn(ane)
			if err != nil {
				t.Fatal(err)
			}
			if want := []signin.Grant{{Role: web.Clerk, Units: []string{"rh-ortho"}}}; a.Name != "ane" || !reflect.DeepEqual(a.Grants, want) || a.Trial {
				t.Errorf("ane is %+v", a)
			}
			b, err := s.signIn(bo)
			if err != nil {
				t.Fatal(err)
			}
			want := []signin.Grant{{Role: web.Clerk, Units: []string{"rh-eye", "rh-ortho"}}, {Role: web.Approver}, {Role: web.Auditor}}
			if !reflect.DeepEqual(b.Grants, want) {
				t.Errorf("bo has %+v", b.Grants)
			}
			again, err := s.signIn(ane)
			if err != nil || again.Subject != a.Subject || a.Subject == b.Subject {
				t.Errorf("subjects %q, %q, %q, %v", a.Subject, again.Subject, b.Subject, err)
			}
			// Bo's user name is a mail address: the short subject stands in its place.
			if _, short, _ := strings.Cut(b.Subject, ":"); b.Name != short || !web.IsName(b.Name) {
				t.Errorf("bo goes by %q", b.Name)
			}
			if err := s.oidc.Holds(t.Context(), a.Subject); err != nil {
				t.Error(err)
			}
			for _, other := range []string{"trial-bcdfghjk-1", "bcdfghjk:bcdfghjkmnpqrstv", ""} {
				if err := s.oidc.Holds(t.Context(), other); !errors.Is(err, signin.ErrEnded) {
					t.Errorf("a session of %q holds: %v", other, err)
				}
			}
			nothingTold(t, s, p)
		})
	}
}

// nothingTold holds the log against what must not be in it.
func nothingTold(t *testing.T, s *site, p *signintest.Provider) {
	t.Helper()
	var secrets []string
	for _, x := range everybody() {
		secrets = append(secrets, x.Subject, x.Username, x.Password)
	}
	for _, answer := range p.Given() {
		var tokens map[string]any
		if json.Unmarshal([]byte(answer), &tokens) != nil {
			t.Fatalf("no JSON: %s", answer)
		}
		for _, name := range []string{"id_token", "access_token"} {
			if v, ok := tokens[name].(string); ok {
				secrets = append(secrets, strings.Split(v, ".")...)
			}
		}
	}
	secrets = slices.DeleteFunc(secrets, func(x string) bool { return len(x) < 5 })
	if len(secrets) < 8 {
		t.Fatal("there is nothing to look for")
	}
	for _, e := range s.logs.All() {
		line := e.Message + fmt.Sprint(e.ContextMap())
		for _, x := range append(secrets, signintest.ClientSecret) {
			if strings.Contains(line, x) {
				t.Errorf("told %q in %q", x, line)
			}
		}
	}
}

// claim is a token with one claim changed.
func claim(name string, v any) signintest.Lie { return signintest.Lie{Claims: map[string]any{name: v}} }

func TestClaimsOfOtherForms(t *testing.T) {
	for _, tt := range []struct {
		name   string
		claims map[string]any
		change func(*signin.Options)
	}{
		{"one amr", map[string]any{"amr": "otp"}, nil},
		{"one group", map[string]any{"groups": "husk-clerk-ortho"}, nil},
		{"groups by a path", map[string]any{"groups": nil, "realm_access": map[string]any{"roles": []string{"husk-clerk-ortho"}}},
			func(o *signin.Options) { o.GroupsClaim = "realm_access.roles" }},
		{"groups by a name with dots", map[string]any{"groups": nil, "https://hospital.example/groups": []string{"husk-clerk-ortho"}},
			func(o *signin.Options) { o.GroupsClaim = "https://hospital.example/groups" }},
		{"an audience of two, for us", map[string]any{"aud": []string{signintest.ClientID, "another"}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, p := start(t, signintest.Options{}, tt.change)
			p.Tell(signintest.Lie{Claims: tt.claims})
			who, err := s.signIn(ane)
			if want := []signin.Grant{{Role: web.Clerk, Units: []string{"rh-ortho"}}}; err != nil || !reflect.DeepEqual(who.Grants, want) {
				t.Errorf("got %+v, %v", who, err)
			}
		})
	}
}

func TestNobodyIsLetIn(t *testing.T) {
	for _, tt := range []struct {
		name   string
		who    signintest.Person
		lie    signintest.Lie
		info   bool // groups at the userinfo address alone
		change func(*signin.Options)
		want   error
	}{
		{"without a second factor", cai, signintest.Lie{}, false, nil, signin.ErrSecondFactor},
		{"with a weak acr", cai, signintest.Lie{}, false, func(o *signin.Options) { o.AMR, o.ACR = nil, []string{"high"} }, signin.ErrSecondFactor},
		{"with acr alone where both are demanded", ane, signintest.Lie{}, false, func(o *signin.Options) { o.AMR, o.ACR = []string{"hwk"}, []string{"high"} }, signin.ErrSecondFactor},
		{"in no group of ours", dan, signintest.Lie{}, false, nil, signin.ErrNoGrant},
		{"without groups", eva, signintest.Lie{}, false, nil, signin.ErrNoGrant},
		{"who gave the factors long ago", far, signintest.Lie{}, false, nil, signin.ErrStale},
		{"with another's nonce", ane, claim("nonce", "another"), false, nil, signin.ErrToken},
		{"without a nonce", ane, claim("nonce", nil), false, nil, signin.ErrToken},
		{"with another client's token", ane, claim("aud", "another"), false, nil, signin.ErrToken},
		{"with a token that another client got", ane, claim("azp", "another"), false, nil, signin.ErrToken},
		{"with a token for many", ane, signintest.Lie{Claims: map[string]any{"aud": []string{signintest.ClientID, "another"}, "azp": nil}}, false, nil, signin.ErrToken},
		{"with another issuer's token", ane, claim("iss", "https://elsewhere.example"), false, nil, signin.ErrToken},
		{"with a token that is over", ane, claim("exp", time.Now().Add(-2*time.Minute).Unix()), false, nil, signin.ErrToken},
		{"with a token of tomorrow", ane, claim("iat", time.Now().Add(24*time.Hour).Unix()), false, nil, signin.ErrToken},
		{"with a token of nobody", ane, claim("sub", nil), false, nil, signin.ErrToken},
		{"who never gave the factors", ane, claim("auth_time", nil), false, nil, signin.ErrToken},
		{"who will give the factors tomorrow", ane, claim("auth_time", time.Now().Add(24*time.Hour).Unix()), false, nil, signin.ErrToken},
		{"without amr", ane, claim("amr", nil), false, nil, signin.ErrSecondFactor},
		{"with an amr of another kind", ane, claim("amr", map[string]bool{"otp": true}), false, nil, signin.ErrSecondFactor},
		{"with groups of another kind", ane, claim("groups", map[string]bool{"husk-clerk-ortho": true}), false, nil, signin.ErrNoGrant},
		{"with a token signed by nobody", ane, signintest.Lie{WrongKey: true}, false, nil, signin.ErrToken},
		{"while the keys can't be fetched", ane, signintest.Lie{NoKeys: true}, false, nil, signin.ErrUnavailable},
		{"with somebody else's groups", ane, signintest.Lie{OtherUser: true}, true, nil, signin.ErrToken},
		{"by a client that has another secret", ane, signintest.Lie{}, false, func(o *signin.Options) { o.ClientSecret = "wrong" }, signin.ErrToken},
		{"whose clock is an hour behind the provider's", ane, signintest.Lie{}, false, func(o *signin.Options) {
			o.Now = func() time.Time { return time.Now().Add(-time.Hour) }
		}, signin.ErrToken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, p := start(t, signintest.Options{UserInfoOnly: tt.info}, tt.change)
			p.Tell(tt.lie)
			who, err := s.signIn(tt.who)
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %+v, %v, want %v", who, err, tt.want)
			}
			if !reflect.DeepEqual(who, signin.Identity{}) {
				t.Errorf("got %+v", who)
			}
			nothingTold(t, s, p)
		})
	}
}

func TestAClockAMinuteOffIsNoRefusal(t *testing.T) {
	for _, off := range []time.Duration{-50 * time.Second, 50 * time.Second} {
		s, _ := start(t, signintest.Options{}, nil)
		s.clock.move(off)
		if _, err := s.signIn(ane); err != nil {
			t.Errorf("%s: %v", off, err)
		}
	}
}

// with is an address with one parameter changed.
func with(t *testing.T, address, name, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestComingBack(t *testing.T) {
	s, p := start(t, signintest.Options{}, nil)
	for _, tt := range []struct {
		name string
		back func(b *browser, to string) (signin.Identity, error)
		want error
	}{
		{"with another state", func(b *browser, to string) (signin.Identity, error) {
			return b.follow(s, with(t, to, "state", "other"))
		}, signin.ErrAttempt},
		{"without state", func(b *browser, to string) (signin.Identity, error) {
			return b.follow(s, strings.Replace(to, "state=", "stat=", 1))
		}, signin.ErrAttempt},
		{"in another browser", func(_ *browser, to string) (signin.Identity, error) { return newBrowser(t).follow(s, to) }, signin.ErrAttempt},
		{"in a browser that began something else", func(_ *browser, to string) (signin.Identity, error) {
			other := newBrowser(t)
			other.back(s, bo)
			return other.follow(s, to)
		}, signin.ErrAttempt},
		{"with another's code", func(b *browser, to string) (signin.Identity, error) {
			u, err := url.Parse(newBrowser(t).back(s, bo))
			if err != nil {
				t.Fatal(err)
			}
			return b.follow(s, with(t, to, "code", u.Query().Get("code"))) // PKCE does not fit
		}, signin.ErrAttempt},
		{"with a code of nobody", func(b *browser, to string) (signin.Identity, error) { return b.follow(s, with(t, to, "code", "x")) }, signin.ErrAttempt},
		{"from another issuer", func(b *browser, to string) (signin.Identity, error) {
			return b.follow(s, with(t, to, "iss", "https://elsewhere.example"))
		}, signin.ErrToken},
		{"broken off", func(b *browser, to string) (signin.Identity, error) {
			return b.follow(s, with(t, to, "error", "access_denied"))
		}, signin.ErrDeclined},
		{"without the factors asked for", func(b *browser, to string) (signin.Identity, error) {
			return b.follow(s, with(t, to, "error", "unmet_authentication_requirements"))
		}, signin.ErrSecondFactor},
		{"too late", func(b *browser, to string) (signin.Identity, error) {
			s.clock.move(16 * time.Minute)
			defer s.clock.move(-16 * time.Minute)
			return b.follow(s, to)
		}, signin.ErrAttempt},
		{"a second time", func(b *browser, to string) (signin.Identity, error) {
			if _, err := b.follow(s, to); err != nil {
				t.Fatal(err)
			}
			return b.follow(s, to)
		}, signin.ErrAttempt},
		{"a second time, with the cookie kept", func(b *browser, to string) (signin.Identity, error) {
			u, err := url.Parse(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			kept := b.Jar.Cookies(u)
			if _, err := b.follow(s, to); err != nil {
				t.Fatal(err)
			}
			if len(kept) != 1 || len(b.Jar.Cookies(u)) != 0 {
				t.Fatalf("cookies %d, then %d", len(kept), len(b.Jar.Cookies(u)))
			}
			b.Jar.SetCookies(u, kept)
			return b.follow(s, to)
		}, signin.ErrAttempt},
		{"with a cookie that was changed", func(b *browser, to string) (signin.Identity, error) {
			u, err := url.Parse(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			c := b.Jar.Cookies(u)[0]
			c.Value = "A" + c.Value[1:]
			if c.Value == b.Jar.Cookies(u)[0].Value {
				c.Value = "B" + c.Value[1:]
			}
			b.Jar.SetCookies(u, []*http.Cookie{c})
			return b.follow(s, to)
		}, signin.ErrAttempt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBrowser(t)
			if who, err := tt.back(b, b.back(s, ane)); !errors.Is(err, tt.want) {
				t.Errorf("got %+v, %v, want %v", who, err, tt.want)
			}
		})
	}
	nothingTold(t, s, p)
}

// What the provider is asked for is what is demanded of its answer.
func TestTheRequest(t *testing.T) {
	s, p := start(t, signintest.Options{}, func(o *signin.Options) { o.ACR = []string{"high", "higher"} })
	b := newBrowser(t)
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := b.PostForm(s.URL+"/sign-in", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if !strings.HasPrefix(u.String(), p.Issuer) || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("nonce")) != 43 ||
		len(q.Get("state")) != 43 || q.Get("acr_values") != "high higher" || q.Get("max_age") != "43200" || q.Get("response_type") != "code" ||
		q.Get("redirect_uri") != s.callback() || q.Get("scope") != "openid profile" {
		t.Errorf("asked for %v", q)
	}
	c := resp.Cookies()
	if len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode || c[0].Path != "/" || c[0].MaxAge != 900 || c[0].Secure {
		t.Errorf("cookies %v", c)
	}
	for _, secret := range []string{q.Get("state"), q.Get("nonce")} {
		if strings.Contains(c[0].Value, secret) {
			t.Error("the cookie is not sealed")
		}
	}
}

func TestProviderDownThenUpThenDown(t *testing.T) {
	s := newSite(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	s.open("http://"+address, nil)
	if err := s.oidc.Ready(t.Context()); !errors.Is(err, signin.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	b := newBrowser(t)
	if to := b.back(s, ane); !strings.HasPrefix(to, s.callback()+"?error=temporarily_unavailable") {
		t.Fatalf("sent to %s", to)
	} else if _, err := b.follow(s, to); !errors.Is(err, signin.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	p, err := signintest.Start(signintest.Options{Address: address, Callbacks: []string{s.callback()}, People: everybody()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if err := s.oidc.Ready(t.Context()); !errors.Is(err, signin.ErrUnavailable) || len(p.Paths()) != 0 {
		t.Errorf("asked again at once: %v, %v", err, p.Paths())
	}
	s.clock.move(4 * time.Second)
	if _, err := s.signIn(ane); err != nil {
		t.Fatal(err)
	}
	to := b.back(s, ane)
	p.Close()
	if _, err := b.follow(s, to); !errors.Is(err, signin.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if s.logs.FilterMessage("nobody was let in").FilterFieldKey("reason").Len() != 2 {
		t.Errorf("logged %v", s.logs.All())
	}
}

func TestProviderThatIsSlowOrLies(t *testing.T) {
	for _, tt := range []struct {
		name string
		lie  signintest.Lie
	}{
		{"slow", signintest.Lie{Slow: time.Minute}},
		{"another issuer's document", signintest.Lie{OtherIss: true}},
		{"a document without end", signintest.Lie{EndlessDoc: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, p := start(t, signintest.Options{}, func(o *signin.Options) { o.CallTime = 300 * time.Millisecond })
			p.Tell(tt.lie)
			began := time.Now()
			const crowd = 8
			errs := make(chan error, crowd)
			for range crowd {
				go func() { errs <- s.oidc.Ready(t.Context()) }()
			}
			for range crowd {
				if err := <-errs; !errors.Is(err, signin.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%d waited %s behind a provider that does not answer", crowd, took)
			}
			if n := len(p.Paths()); n != 1 {
				t.Errorf("asked %d times", n)
			}
			p.Tell(signintest.Lie{})
			s.clock.move(4 * time.Second)
			if _, err := s.signIn(ane); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSigningOut(t *testing.T) {
	s, _ := start(t, signintest.Options{}, nil)
	if s.oidc.Logout() != "" {
		t.Errorf("before the provider was found: %q", s.oidc.Logout())
	}
	b := newBrowser(t)
	if _, err := b.follow(s, b.back(s, ane)); err != nil {
		t.Fatal(err)
	}
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if _, to := b.read(b.Get(s.oidc.Logout())); to != s.URL+"/sign-in" { //nolint:bodyclose // as above
		t.Errorf("the provider sends on to %q", to)
	}
}

func TestNumbersAreNoNames(t *testing.T) {
	s, _ := start(t, signintest.Options{}, nil)
	who, err := s.signIn(gry)
	if err != nil || strings.Contains(who.Name, "0770") || !web.IsName(who.Name) {
		t.Errorf("got %+v, %v", who, err)
	}
	if strings.ContainsAny(who.Subject, "0123456789") {
		t.Errorf("subject %q", who.Subject)
	}
}

func TestWithoutTheLineNobodySignsIn(t *testing.T) {
	down := errors.New("not ready")
	s, _ := start(t, signintest.Options{}, func(o *signin.Options) { o.Secret = func() ([]byte, error) { return nil, down } })
	if _, err := s.signIn(ane); !errors.Is(err, signin.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	good := signin.Options{
		Issuer: "https://id.example", ClientID: "husk", ClientSecret: "x", Callback: "https://husk.example/sign-in/callback", AMR: []string{"mfa"}, MaxAge: time.Hour,
		GroupsClaim: "groups", NameClaim: "name", Rules: rules(), Known: func(string) bool { return true }, Secret: func() ([]byte, error) { return nil, nil },
	}
	if _, err := signin.New(good); err != nil {
		t.Fatal(err)
	}
	weak, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*signin.Options){
		"Issuer":                    func(o *signin.Options) { o.Issuer = "http://id.example" },
		"ClientID":                  func(o *signin.Options) { o.ClientID = "" },
		"ClientSecret or ClientKey": func(o *signin.Options) { o.ClientSecret = "" },
		"Callback":                  func(o *signin.Options) { o.Callback = "https://husk.example/" },
		"ACR or AMR":                func(o *signin.Options) { o.AMR = nil },
		"MaxAge":                    func(o *signin.Options) { o.MaxAge = 0 },
		"GroupsClaim":               func(o *signin.Options) { o.GroupsClaim = "" },
		"Known and Secret":          func(o *signin.Options) { o.Secret = nil },
		"want at least one":         func(o *signin.Options) { o.Rules = nil },
		"line 1: value":             func(o *signin.Options) { o.Rules[0].Value = "" },
		"line 2: web: no such grant": func(o *signin.Options) {
			o.Rules[1].Grant.Units = nil
		},
		"line 5: web: no such grant": func(o *signin.Options) { o.Rules[4].Grant.Units = []string{"rh-eye"} },
		"line 3: web: no such grant": func(o *signin.Options) { o.Rules[2].Grant.Role = "boss" },
		`"rh-ortho" is not in the unit directory`: func(o *signin.Options) {
			o.Known = func(u string) bool { return u != "rh-ortho" }
		},
		"ClientKey: want an RSA": func(o *signin.Options) { o.ClientSecret, o.ClientKey = "", weak },
	} {
		o := good
		o.Rules = rules()
		change(&o)
		if _, err := signin.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}
