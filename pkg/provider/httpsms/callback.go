package httpsms

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
)

// maxCallback is how long a callback's body may be, in bytes.
const maxCallback = 256 << 10

// Why a callback is refused.
var (
	ErrProof    = errors.New("httpsms: callback: without the carrier's proof")
	ErrStale    = errors.New("httpsms: callback: signed too long ago, or in the future")
	ErrCallback = errors.New("httpsms: callback: not as the carrier's document describes it")
)

// Body reads the raw body of a callback, which must be a POST. With an error comes the refusal.
func Body(r *http.Request) ([]byte, provider.Response, error) {
	if r.Method != http.MethodPost {
		return nil, provider.Response{Status: http.StatusMethodNotAllowed}, ErrCallback
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxCallback+1))
	if err != nil {
		return nil, provider.Response{Status: http.StatusBadRequest}, fmt.Errorf("%w: %w", ErrCallback, err)
	}
	if len(body) > maxCallback {
		return nil, provider.Response{Status: http.StatusRequestEntityTooLarge}, ErrCallback
	}
	return body, provider.Response{}, nil
}

// Take answers a callback with a body: status once parse has taken its notices, the refusal that goes with its error otherwise. name is the
// carrier's, for the error.
func Take(r *http.Request, name string, status int, parse func(body []byte) ([]provider.Notice, error)) ([]provider.Notice, provider.Response, error) {
	body, refusal, err := Body(r)
	if err != nil {
		return nil, refusal, err
	}
	notices, err := parse(body)
	if err != nil {
		return nil, Refusal(err), fmt.Errorf("%s: %w", name, err)
	}
	return notices, provider.Response{Status: status}, nil
}

// Query reads the query of a callback that must be a GET without a body. With an error comes the refusal.
func Query(r *http.Request) (string, provider.Response, error) {
	if r.Method != http.MethodGet {
		return "", provider.Response{Status: http.StatusMethodNotAllowed}, ErrCallback
	}
	if n, err := io.ReadFull(r.Body, make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		return "", provider.Response{Status: http.StatusBadRequest}, ErrCallback
	}
	if len(r.URL.RawQuery) > maxCallback {
		return "", provider.Response{Status: http.StatusRequestURITooLong}, ErrCallback
	}
	return r.URL.RawQuery, provider.Response{}, nil
}

// Refusal is the answer to a callback that was refused with err: 503 where we are at fault and the carrier shall come again, 403
// without proof, else 400.
func Refusal(err error) provider.Response {
	switch {
	case errors.Is(err, ErrSecret):
		return provider.Response{Status: http.StatusServiceUnavailable}
	case errors.Is(err, ErrProof), errors.Is(err, ErrStale):
		return provider.Response{Status: http.StatusForbidden}
	}
	return provider.Response{Status: http.StatusBadRequest}
}

// SHA256 reports whether sum is the HMAC-SHA256 of the message's parts, one behind the other, with one of the keys. It takes as long
// whatever is wrong.
func SHA256(sum []byte, keys []string, parts ...[]byte) bool {
	ok := 0
	for _, k := range keys {
		h := hmac.New(sha256.New, []byte(k))
		for _, p := range parts {
			_, _ = h.Write(p)
		}
		ok |= subtle.ConstantTimeCompare(h.Sum(nil), sum)
	}
	return ok == 1
}

// Fresh refuses a moment of signing that is further back than the carrier comes again, or ahead of any clock's error.
func Fresh(signed, now time.Time, back time.Duration) error {
	const ahead = 5 * time.Minute
	if signed.Before(now.Add(-back)) || signed.After(now.Add(ahead)) {
		return ErrStale
	}
	return nil
}

// Caller is what a carrier must show that signs nothing: a user and password (RFC 7617), and the path of the address that it was given,
// which holds a secret. Both are needed. That is less than a signature: whoever has read them once can say anything.
type Caller struct {
	address   string
	path      string
	user      string
	passwords []string
}

// CallerConfig is the part of a carrier's settings that makes a Caller.
type CallerConfig struct {
	User         string `yaml:"callback_user" mapstructure:"callback_user"`                   // letters and digits
	PasswordFile string `yaml:"callback_password_file" mapstructure:"callback_password_file"` // at least 16 characters
}

// Check wants both or none.
func (c CallerConfig) Check(k *Checker) {
	k.Want((c.User == "") == (c.PasswordFile == ""), "callback_user and callback_password_file: set both or neither; what this carrier says is not signed")
	k.Want(strings.Trim(c.User, alphanumeric) == "", "callback_user: want letters and digits")
}

// Enabled reports whether the carrier may call at all.
func (c CallerConfig) Enabled() bool { return c.User != "" }

// NewCaller reads the password; a change takes a restart, and is taken from both lines of the file meanwhile (see Secrets). address is
// where the carrier is to call, with the secret in its path; "" = nowhere, and then every call is refused.
func NewCaller(c CallerConfig, address string) (*Caller, error) {
	if !c.Enabled() || address == "" {
		return &Caller{}, nil
	}
	u, err := Callback(address)
	if err != nil {
		return nil, err
	}
	passwords, err := Secrets(c.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("callback_password_file: %w", err)
	}
	const shortest = 16
	for _, s := range passwords {
		if len(s) < shortest {
			return nil, fmt.Errorf("callback_password_file: %w: want at least %d characters", ErrSecret, shortest)
		}
	}
	caller := &Caller{path: u.Path, user: c.User, passwords: passwords}
	u.User = url.UserPassword(c.User, passwords[0])
	caller.address = u.String()
	return caller, nil
}

// Callback reads the address at which a carrier is to call us. Its error does not quote it: it holds a secret.
func Callback(s string) (*url.URL, error) {
	u, err := address(s)
	if err != nil {
		return nil, fmt.Errorf("the address of our callbacks: %w", err)
	}
	return u, nil
}

// Address is where the carrier is to call, with user and password; "" = nowhere.
func (c *Caller) Address() string { return c.address }

// Prove refuses a call without both proofs. It takes as long whatever is wrong.
func (c *Caller) Prove(r *http.Request) error {
	user, password, _ := r.BasicAuth()
	ok := same(user, []string{c.user}) & same(password, c.passwords) & same(r.URL.Path, []string{c.path})
	if ok != 1 || c.address == "" {
		return ErrProof
	}
	return nil
}

// same reports 1 when s is one of the secrets. Sums are compared, so that not even the length shows.
func same(s string, secrets []string) int {
	got, ok := sha256.Sum256([]byte(s)), 0
	for _, x := range secrets {
		want := sha256.Sum256([]byte(x))
		ok |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	return ok
}

// Reference is the message's reference in the query of a callback, "" where there is none that we could have issued.
func Reference(s string) string {
	if provider.ValidReference(s) {
		return s
	}
	return ""
}

// Time reads a moment as RFC 3339 has it; zero when it is none.
func Time(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Hex reads a header of the form prefix and hex digits that is there once.
func Hex(h http.Header, name, prefix string) ([]byte, bool) {
	all := h.Values(name)
	if len(all) != 1 {
		return nil, false
	}
	digits, ok := strings.CutPrefix(all[0], prefix)
	sum, err := hex.DecodeString(digits)
	return sum, ok && err == nil
}

// Code is a carrier's own word for a status as it may be kept: "" where it is none, or could hold a number.
func Code(s string) string { return (&provider.Error{Code: s}).Label() }

// Form reads the body of a form in which no name is there twice.
func Form(body []byte) (map[string]string, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, ErrCallback
	}
	form := make(map[string]string, len(values))
	for name, v := range values {
		if len(v) != 1 {
			return nil, ErrCallback
		}
		form[name] = v[0]
	}
	return form, nil
}
