// Package verifytest tests verifiers: servers that speak the registers' protocols and check what is shown to them (TLS,
// client certificates, signatures, audience, scope, times), and the faults that any server can have. Run holds a verifier
// to the rule that a fault is Unknown, with a time to ask again, and never a yes; and that when it is mended the same
// question is answered.
//
// It guarantees that the servers refuse what the real ones are documented to refuse. It must never be imported by the
// product.
package verifytest
