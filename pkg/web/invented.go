package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
)

// OnlyInvented reports whether nobody but the demonstration's invented people is known to the line behind the door. What can't be
// told is no: an *Error of status 503 while the door is shut.
func (d *Door) OnlyInvented(ctx context.Context) (bool, error) {
	x, leave, why := d.enter()
	if x == nil {
		return false, &Error{code: http.StatusServiceUnavailable, Text: "not ready: " + why}
	}
	defer leave()
	if x.api.o.OnlyInvented == nil {
		return false, nil
	}
	return x.api.o.OnlyInvented(ctx)
}

// SignInSecret is 32 bytes for the pages' sign-in, the same in every process of the installation and at all times; an *Error of status
// 503 while the door is shut.
func (d *Door) SignInSecret() ([]byte, error) {
	x, leave, why := d.enter()
	if x == nil {
		return nil, &Error{code: http.StatusServiceUnavailable, Text: "not ready: " + why}
	}
	defer leave()
	m := hmac.New(sha256.New, x.api.o.Secret)
	_, _ = m.Write([]byte("husk sign-in 1"))
	return m.Sum(nil), nil
}
