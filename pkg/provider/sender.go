package provider

import (
	"context"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Sender is a carrier that messages are handed to. It is safe for concurrent use. A Sender that holds connections also
// implements io.Closer; Close is called once, when no slot is open.
type Sender interface {
	// Encode writes what is to leave of a message: the bytes that Send will write, before anything of the message is intended, so
	// that they can be scanned as they are. It waits for nothing and sends nothing. Its error is an *Error of outcome Reject:
	// this carrier can't carry the message.
	Encode(m reminder.Message) (reminder.Wire, error)

	// Open waits for all that a message has to wait for: a free slot, the rate, a live connection. It writes nothing of
	// any message, so every error of Open means that nothing left. It ends early when ctx ends.
	Open(ctx context.Context) (Slot, error)
}

// Slot carries one message, once. It is for one goroutine.
type Slot interface {
	// Send writes m.Wire, which Encode made of m, at once. It neither changes a byte of it, nor retries, nor waits for a rate.
	//
	// ctx counts until the message itself begins to leave; its deadline is the write deadline, and the carrier's own
	// (at most one second by default) applies besides. After that ctx no longer matters: the carrier's answer is awaited for as
	// long as the carrier's configuration says, because to walk away from it would only make doubt.
	//
	// An error is an *Error, or means Unknown (OutcomeOf). A second call is refused with Retry: nothing of it leaves.
	Send(ctx context.Context, m reminder.Message) (Accepted, error)

	// Close gives the slot back. Calling it again does nothing.
	Close()
}

// Accepted is a carrier's yes. It says that the carrier took the message, not that a person has it.
type Accepted struct {
	CarrierID string    // the carrier's own id of the message, or ours where it has none; not personal data
	Parts     []string  // its ids of the second and further segments, where it numbers and reports each by itself
	At        time.Time // when the carrier took it, by the carrier's clock where it tells
}

// Lookup is implemented by a Sender whose carrier can be asked what became of a reference. It settles an Unknown.
type Lookup interface {
	// Lookup finds the message with this reference. found is false only when the carrier surely does not have it now, though it may
	// have it later: one that was just written may not be listed yet, or be on its way. All else is an error.
	Lookup(ctx context.Context, reference string) (a Accepted, found bool, err error)
}

// Final is implemented by a Lookup whose no is the last word after a while. Of any other carrier, what it does not find stays in
// doubt, and is never sent again.
type Final interface {
	Lookup
	// FinalAfter is how long after the last moment at which its write may have begun a message that is not found surely never
	// leaves; zero or more. The carrier's contract must say so: that nobody has seen it come later is not enough.
	FinalAfter() time.Duration
}

// Checker is implemented by a Sender that can be tried without sending anything.
type Checker interface {
	// Check goes as far as a message would, and stops before one. Its error names what to mend: it is for the operator and
	// may name hosts and files, but no person.
	Check(ctx context.Context) error
}
