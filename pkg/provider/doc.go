// Package provider is the contract between Husk and the carriers that bring a message to a person: a Sender hands out
// slots, a Slot writes one message, an Error says what became of it, and a Notice is what a carrier tells us later (a
// person's reply, a delivery report). Each carrier is a package below this one with its own configuration.
//
// It guarantees that doubt stays doubt: the zero Outcome is Unknown, and any error that does not say otherwise is
// Unknown, so a message that may have left is never taken for one that surely did not. The text of an Error holds no
// address, no name and no word of the message.
//
// A carrier must never retry, never render, never choose another address, and never keep a text. Retrying is the
// gate's business: each attempt is decided anew.
package provider
