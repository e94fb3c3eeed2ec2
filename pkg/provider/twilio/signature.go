package twilio

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the algorithm is Twilio's; HMAC does not rest on SHA-1's collisions
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Sign is the value of X-Twilio-Signature (https://www.twilio.com/docs/usage/security): base64 of HMAC-SHA1, by the auth token, of the whole
// address that was called, and behind it each name and value of the form, sorted by name, with nothing between.
func Sign(token, address string, form map[string]string) string {
	h := hmac.New(sha1.New, []byte(token))
	_, _ = h.Write([]byte(address))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		_, _ = h.Write([]byte(name + form[name]))
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// signed reports whether the one header is the signature with one of the tokens. Twilio signs the address with its port or without, so
// both are tried. It takes as long whatever is wrong.
func signed(header, tokens []string, address string, form map[string]string) bool {
	if len(header) != 1 {
		return false
	}
	ok := 0
	for _, token := range tokens {
		for _, a := range ported(address) {
			ok |= subtle.ConstantTimeCompare([]byte(header[0]), []byte(Sign(token, a, form)))
		}
	}
	return ok == 1
}

// ported are the ways to write an address: as it is, and with its port added or taken away.
func ported(address string) []string {
	u, err := url.Parse(address)
	if err != nil {
		return []string{address}
	}
	port := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	with, without := u.Host, u.Host
	if u.Port() == "" {
		with = u.Host + ":" + port
	} else {
		without = strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	rest := strings.TrimPrefix(address, u.Scheme+"://"+u.Host) // to the letter: it is signed
	return []string{u.Scheme + "://" + with + rest, u.Scheme + "://" + without + rest}
}
