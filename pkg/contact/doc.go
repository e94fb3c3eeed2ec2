// Package contact holds the addresses of people and the evidence that they are theirs. Normalise turns what was typed
// into the one form an address has; Fold turns the records into what is known of each address now.
//
// It guarantees that the order of the records in a slice does not matter, that bad news (wrong, failed, removed) is only
// overridden by a proof made after it, and that a new address puts the old one on the same channel out of use until the old
// one is proven again.
//
// It must never read a clock, store anything, or put an address into an error or a log.
package contact
