package signin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
)

// assertions tell the provider who we are with a key in place of a secret: private_key_jwt (OpenID Connect Core 1.0, 9; RFC 7523).
type assertions struct {
	signer         jose.Signer
	client, issuer string
}

const assertionTime = time.Minute

func newAssertions(o Options) (*assertions, error) {
	var alg jose.SignatureAlgorithm
	switch k := o.ClientKey.Public().(type) {
	case *rsa.PublicKey:
		if k.Size()*8 >= 2048 {
			alg = jose.RS256
		}
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			alg = jose.ES256
		}
	}
	if alg == "" {
		return nil, invalid("ClientKey", "an RSA key of 2048 bits or more, or one on P-256")
	}
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if o.ClientKeyID != "" {
		opts = opts.WithHeader("kid", o.ClientKeyID)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: o.ClientKey}, opts)
	if err != nil {
		return nil, invalid("ClientKey", "a key that can sign")
	}
	return &assertions{s, o.ClientID, o.Issuer}, nil
}

// sign makes an assertion for one call.
func (a *assertions) sign(now time.Time) ([]oauth2.AuthCodeOption, error) {
	b, err := json.Marshal(map[string]any{
		"iss": a.client, "sub": a.client, "aud": a.issuer, "jti": random(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(assertionTime).Unix(),
	})
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	signed, err := a.signer.Sign(b)
	if err != nil {
		return nil, fmt.Errorf("signin: the client's key does not sign: %w", err)
	}
	jwt, err := signed.CompactSerialize()
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	return []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
		oauth2.SetAuthURLParam("client_assertion", jwt),
	}, nil
}
