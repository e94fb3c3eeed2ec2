package register

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
)

// Fault is a call that gave no answer; nil: it gave one. It is no error, so that no nil can pass for one, and its text is
// the reason alone.
type Fault struct {
	Reason contact.Reason // of contact.UnknownReasons
	After  time.Duration  // how long to wait before asking again; more than zero
	Status int            // the HTTP status, 0 when there was none
}

// String names the reason, and the HTTP status where there is one.
func (f *Fault) String() string {
	if f.Status != 0 {
		return "register: " + string(f.Reason) + " (HTTP " + strconv.Itoa(f.Status) + ")"
	}
	return "register: " + string(f.Reason)
}

// Answer is the fault as an answer to one question.
func (f *Fault) Answer(now time.Time) contact.Answer {
	return contact.NotKnown(f.Reason, now.Add(f.After))
}

// How long to wait after a fault that names no time itself.
const (
	soon  = 30 * time.Second // it may well pass by itself
	later = 5 * time.Minute  // somebody has to mend something first
)

// patience bounds what a Retry-After may ask.
const patience = time.Hour

// NewFault is a fault with the usual wait for its reason.
func NewFault(r contact.Reason) *Fault {
	switch r {
	case contact.Unreachable, contact.Timeout, contact.Interrupted, contact.Busy, contact.Broken:
		return &Fault{Reason: r, After: soon}
	}
	return &Fault{Reason: r, After: later}
}

// failed is the fault of a call that came to no status line. caller is the caller's own context: when that has ended, the
// host is not to blame.
func failed(caller context.Context, err error) *Fault {
	var (
		verify  *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		host    x509.HostnameError
		timeout net.Error
	)
	switch {
	case caller.Err() != nil:
		return NewFault(contact.Interrupted)
	case errors.As(err, &verify), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &unknown), errors.As(err, &invalid),
		errors.As(err, &host), errors.Is(err, http.ErrSchemeMismatch):
		return NewFault(contact.Insecure)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return NewFault(contact.Timeout)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return NewFault(contact.Garbled)
	}
	return NewFault(contact.Unreachable)
}

// refused is the fault of a status that is not 200.
func refused(res *http.Response, now time.Time) *Fault {
	var r contact.Reason
	wait := retryAfter(res.Header.Get("Retry-After"), now)
	switch s := res.StatusCode; {
	case s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable && wait > 0:
		r = contact.Busy
	case s >= 500:
		r = contact.Broken
	case s == http.StatusUnauthorized:
		r = contact.Unauthorised
	case s >= 400:
		r = contact.Refused
	case s >= 300:
		r = contact.Redirected
	default:
		r = contact.Garbled
	}
	f := NewFault(r)
	f.Status = res.StatusCode
	if wait > 0 {
		f.After = wait
	}
	return f
}

// retryAfter reads the header of RFC 9110 § 10.2.3, seconds or a date, bounded by patience; 0 when there is none to be
// read.
func retryAfter(h string, now time.Time) time.Duration {
	if h == "" {
		return 0
	}
	var d time.Duration
	if n, err := strconv.ParseUint(h, 10, 31); err == nil {
		d = time.Duration(n) * time.Second
	} else if t, err := http.ParseTime(h); err == nil {
		d = t.Sub(now)
	} else {
		return 0
	}
	return min(max(d, time.Second), patience)
}
