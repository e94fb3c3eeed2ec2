package signin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// attemptTime is how long somebody may be with the provider.
const attemptTime = 15 * time.Minute

// attempt is a sign-in under way. It is sealed in a cookie of the browser that began it, so that every process of the installation
// can finish it and nobody else's browser can.
type attempt struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"` // of PKCE
	Until    time.Time `json:"u"`
}

// random is 256 bits.
func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// same compares two secrets.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// derived is a key of its own for one purpose.
func derived(secret []byte, purpose string) ([]byte, error) {
	k, err := hkdf.Key(sha256.New, secret, nil, "husk sign-in 1 "+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	return k, nil
}

func sealer(secret []byte) (cipher.AEAD, error) {
	k, err := derived(secret, "cookie")
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (a attempt) seal(c cipher.AEAD) (string, error) {
	b, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("signin: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(c.Seal(nil, nil, b, nil)), nil
}

func openAttempt(c cipher.AEAD, sealed string, now time.Time) (a attempt, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return attempt{}, false
	}
	if b, err = c.Open(nil, nil, b, nil); err != nil || json.Unmarshal(b, &a) != nil {
		return attempt{}, false
	}
	return a, now.Before(a.Until)
}

// cookieName is bound to the pages' own host where there is TLS (RFC 6265bis, 4.1.3.2).
func (o *OIDC) cookieName() string {
	if o.secure {
		return "__Host-husk-sign-in"
	}
	return "husk-sign-in"
}

// cookie holds a value for as long as an attempt; "" takes it away. It comes back with a redirect from the provider, which is another
// site: Lax.
func (o *OIDC) cookie(value string) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // Secure wherever there is TLS: not at a trial on loopback
		Name: o.cookieName(), Value: value, Path: "/", MaxAge: int(attemptTime.Seconds()), HttpOnly: true, Secure: o.secure, SameSite: http.SameSiteLaxMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}
