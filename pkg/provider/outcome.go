package provider

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// Outcome is what became of a message that was not plainly accepted.
type Outcome uint8

// The outcomes.
const (
	// Unknown: it may have left. It is never sent again blindly. The zero value, so that forgetting is safe.
	Unknown Outcome = iota
	// Retry: it surely did not leave, and another attempt later may succeed.
	Retry
	// Reject: it surely did not leave, and never will like this.
	Reject
	// OptedOut: it surely did not leave, because the carrier knows that this person said stop.
	OptedOut
)

// String is a metric label: unknown, retry, reject, opted_out.
func (o Outcome) String() string {
	switch o {
	case Retry:
		return "retry"
	case Reject:
		return "reject"
	case OptedOut:
		return "opted_out"
	}
	return "unknown"
}

// Fault is what a carrier says is wrong with an address, for good. What is full, switched off, out of reach or barred for a while is no
// fault.
type Fault string

// The faults.
const (
	NoFault   Fault = ""
	NotInUse  Fault = "not_in_use" // nobody has this number or mailbox
	Barred    Fault = "barred"     // the network or mail server refuses messages to it for good
	NotMobile Fault = "not_mobile" // it can't receive messages of this channel
)

// Error is a carrier's no, or its silence.
type Error struct {
	Outcome Outcome
	// Code is the carrier's code ("550 5.1.1") or, where the fault was ours or the line's, a word of the carrier package
	// ("connection_lost"). It is short and never personal data.
	Code string
	// After is how long the carrier asks us to wait; zero when it does not say.
	After time.Duration
	// Fault is what the carrier says is wrong with the address for good; "" = nothing.
	Fault Fault
	// Err is the cause, for errors.Is and errors.As. It is not part of the text, because carriers quote addresses.
	Err error
}

// Error tells outcome and code only.
func (e *Error) Error() string {
	s := "provider: " + e.Outcome.String()
	if c := e.Label(); c != "" {
		s += ": " + c
	}
	return s
}

// Label is the code, "" where it could hold an address: what may be kept and shown.
func (e *Error) Label() string { return printableCode(e.Code) }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// OutcomeOf is what err says of the message. Every error that is not an *Error is Unknown.
func OutcomeOf(err error) Outcome {
	var e *Error
	if errors.As(err, &e) {
		return e.Outcome
	}
	return Unknown
}

// Cause sorts an error of the line or of the context into a word for Error.Code: cancelled, timeout, connection_refused,
// connection_lost.
func Cause(err error) string {
	var op *net.OpError
	var n net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.As(err, &n) && n.Timeout():
		return "timeout"
	case errors.As(err, &op) && op.Op == "dial":
		return "connection_refused"
	}
	return "connection_lost"
}

// printableCode drops a code that could hold an address: anything but a few short words of letters, digits, dots,
// underscores and hyphens, without a run of six digits.
func printableCode(c string) string {
	const longest = 40
	if len(c) > longest {
		return ""
	}
	digits := 0
	for _, r := range c {
		switch {
		case r >= '0' && r <= '9':
			if digits++; digits >= 6 {
				return ""
			}
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '.', r == '_', r == '-', r == ' ':
			digits = 0
		default:
			return ""
		}
	}
	return c
}
