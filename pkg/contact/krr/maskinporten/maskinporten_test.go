package maskinporten

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact/register"
	"github.com/husk-reminders/husk/pkg/contact/verifytest"
)

func options(t *testing.T) Options {
	t.Helper()
	c, err := register.New(register.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return Options{Environment: Test, ClientID: "client", Scope: "a:b c:d", Key: verifytest.RSAKey(t), KeyID: "k", Client: c}
}

func TestNew(t *testing.T) {
	if _, err := New(options(t)); err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other := verifytest.NewAuthority(t).Server(t, "127.0.0.1", time.Hour)
	for want, change := range map[string]func(*Options){
		"TokenURL":       func(o *Options) { o.TokenURL = "http://maskinporten.no/token" },
		"Audience":       func(o *Options) { o.Audience = "" },
		"ClientID":       func(o *Options) { o.ClientID = "" },
		"Scope":          func(o *Options) { o.Scope = " " },
		"Key":            func(o *Options) { o.Key = nil },
		"2048":           func(o *Options) { o.Key = small },
		"RSA":            func(o *Options) { o.Key = curve },
		"KeyID or Chain": func(o *Options) { o.KeyID = "" },
		"one of the two": func(o *Options) { o.Chain = append(o.Chain, other.Leaf) },
		"Chain":          func(o *Options) { o.KeyID, o.Chain = "", append(o.Chain, other.Leaf) },
		"Client":         func(o *Options) { o.Client = nil },
	} {
		o := options(t)
		change(&o)
		if _, err := New(o); !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestGrant(t *testing.T) {
	o := options(t)
	o.Resource, o.ConsumerOrg = "https://api.example.no", "910753614"
	cert := verifytest.NewAuthority(t).Client(t, "organisation")
	root, err := x509.ParseCertificate(cert.Certificate[1])
	if err != nil {
		t.Fatal(err)
	}
	o.KeyID, o.Chain = "", []*x509.Certificate{cert.Leaf, root}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 9, 0, 0, 5e8, time.UTC)
	var seen []string
	for range 3 {
		jwt, err := s.grant(now)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(jwt, ".")
		var head, body map[string]any
		for i, m := range []*map[string]any{&head, &body} {
			raw, err := base64.RawURLEncoding.DecodeString(parts[i])
			if err != nil || json.Unmarshal(raw, m) != nil {
				t.Fatal(err)
			}
		}
		chain, _ := head["x5c"].([]any)
		if head["alg"] != "RS256" || head["kid"] != nil || len(chain) != 2 || chain[0] != base64.StdEncoding.EncodeToString(cert.Leaf.Raw) {
			t.Errorf("header %v", head)
		}
		iat, exp := body["iat"].(float64), body["exp"].(float64)
		if body["aud"] != Test.Audience || body["iss"] != "client" || body["scope"] != "a:b c:d" || iat != float64(now.Unix()) || exp-iat > 120 || exp-iat < 60 ||
			body["consumer_org"] != "910753614" || !slices.Equal(body["resource"].([]any), []any{"https://api.example.no"}) {
			t.Errorf("claims %v", body)
		}
		jti, _ := body["jti"].(string)
		if jti == "" || slices.Contains(seen, jti) {
			t.Errorf("jti %q", jti)
		}
		seen = append(seen, jti)
	}
}

func TestRead(t *testing.T) {
	for body, want := range map[string]bool{
		`{"access_token":"aB-._~+/=","token_type":"Bearer","expires_in":599,"scope":"c:d a:b e:f"}`: true,
		`{"access_token":"a","token_type":"bearer","expires_in":599}`:                               true,
		`{"access_token":"a","token_type":"Bearer","expires_in":599,"scope":"a:b"}`:                 false,
		`{"access_token":"a","token_type":"Bearer","expires_in":0}`:                                 false,
		`{"access_token":"a","token_type":"Bearer","expires_in":-1}`:                                false,
		`{"access_token":"a","token_type":"Bearer"}`:                                                false,
		`{"access_token":"a","token_type":"DPoP","expires_in":599}`:                                 false,
		`{"access_token":"","token_type":"Bearer","expires_in":599}`:                                false,
		`{"access_token":"a\r\nX: y","token_type":"Bearer","expires_in":599}`:                       false,
		`{"access_token":"å","token_type":"Bearer","expires_in":599}`:                               false,
		`{"access_token":"a","access_token":"b","token_type":"Bearer","expires_in":599}`:            false,
		`{"error":"invalid_grant"}`:                                                                 false,
	} {
		_, life, ok := read([]byte(body), "a:b c:d")
		if ok != want || (ok && life != 599*time.Second) {
			t.Errorf("%s: %v %s", body, ok, life)
		}
	}
	if _, life, ok := read([]byte(`{"access_token":"a","token_type":"Bearer","expires_in":9223372036854775807}`), "a"); !ok || life != longest {
		t.Errorf("%v %s", ok, life)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"access_token":"a","token_type":"Bearer","expires_in":599,"scope":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		token, life, ok := read(body, "x")
		if ok && (life <= 0 || life > longest || strings.ContainsAny(token, " \r\n")) {
			t.Errorf("%q %s", token, life)
		}
	})
}
