package httpsms

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
)

// Ruling is what one of a carrier's codes says: of a message that it refuses, and of the address.
type Ruling struct {
	Outcome provider.Outcome
	Fault   provider.Fault
}

var (
	errRefused = errors.New("httpsms: the carrier refused the message")
	errNoID    = errors.New("httpsms: the carrier's answer is not the one that its document describes")
)

// Refused is what an answer says that is no yes: by the carrier's code where its table has it, else by the HTTP status. code is ""
// where the answer has none.
func (a Answer) Refused(code string, table map[string]Ruling) *provider.Error {
	after, asked := a.after()
	r, known := table[code]
	if !known {
		r = Ruling{Outcome: byStatus(a.Status, asked)}
	}
	if code == "" {
		code = "http " + strconv.Itoa(a.Status)
	}
	return &provider.Error{Outcome: r.Outcome, Code: code, Fault: r.Fault, After: after, Err: errRefused}
}

// Unclear is what an answer says that the carrier's document does not describe: nothing.
func (a Answer) Unclear() *provider.Error {
	return &provider.Error{Outcome: provider.Unknown, Code: "bad_answer", Err: errNoID}
}

// byStatus is what an HTTP status alone says of a message (RFC 9110 section 15). A status is a refusal only where the carrier surely did not
// do what was asked: those of 5xx also come from a proxy that lost sight of a carrier that did. So does 503, unless it says when to come
// again, as whoever turned the request away does (section 15.6.4).
func byStatus(status int, again bool) provider.Outcome {
	switch status {
	case http.StatusServiceUnavailable:
		if again {
			return provider.Retry
		}
		return provider.Unknown
	case http.StatusTooManyRequests,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect: // these two alone say that the request itself is to be made elsewhere
		return provider.Retry
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusProxyAuthRequired: // of our account or settings, not of the message
		return provider.Retry
	case http.StatusRequestTimeout, http.StatusConflict:
		return provider.Unknown
	}
	if status >= 400 && status < 500 {
		return provider.Reject
	}
	return provider.Unknown
}

// after reads Retry-After, in seconds or as a date, at most a day; false when it does not say.
func (a Answer) after() (time.Duration, bool) {
	v := strings.TrimSpace(a.Header.Get("Retry-After"))
	const longest = 24 * time.Hour
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, longest), true
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(t.Sub(a.At), 0), longest), true
	}
	return 0, false
}

// JSON reads the body into v; false when it is no JSON, or not of this shape.
func (a Answer) JSON(v any) bool { return json.Unmarshal(a.Body, v) == nil }

// Text is the body as a short text, for carriers that refuse in words. It may quote a number and never leaves the carrier package.
func (a Answer) Text() string { return string(bytes.ToLower(bytes.TrimSpace(a.Body))) }

// ValidID reports whether s can be a carrier's id of a message: 1 to 128 printable characters without spaces.
func ValidID(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// JSON writes v, a struct, as the body of a request: letters stay as they are.
func JSON(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", &provider.Error{Outcome: provider.Reject, Code: "bad_text", Err: err}
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// Basic is the header Authorization of a user and the password in a file (RFC 7617).
func Basic(user, passwordFile string) (string, error) {
	password, err := Secret(passwordFile)
	if err != nil {
		return "", err
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)), nil
}
