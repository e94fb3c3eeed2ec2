// Package compose turns a Permit into a Message: it chooses the template, projects the few facts a template may use,
// renders them, has the result scanned, and measures it against the policy pack's limits.
//
// It guarantees that every message it returns came from a Permit, was found clean by the scanner in exactly the bytes it
// carries, is no longer and no more telling than the pack allows, and is useless after the lease's end. A value that must not
// leave is replaced by the catalogue's neutral text where there is one; then all is rendered and scanned again. What is still not
// clean is held.
//
// It must never send, store or log a text, put a value into an error, or look anything up: everything it says is in the
// Permit. None of its refusals goes away by trying again; a template, a unit or a person has to change.
package compose
