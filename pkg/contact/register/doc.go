// Package register is how a national register is asked over HTTPS. Client makes one call and says what came of it: the body
// of a 200, or a Fault with a reason of package contact's list. Unmarshal reads JSON that must be what it seems.
//
// It guarantees TLS 1.2 or later with a verified certificate, that no redirect is followed, that no body is longer than
// allowed, that a call ends within its timeout, and that a host which is down or asks for patience (Retry-After) is left
// alone for a while: then a call fails at once, without a packet.
//
// It must never try a failed call again, and never put a URL, a header, a body, or the text of an error from below (which
// quotes them) into an error or a log: one of the registers has the national id in its query.
package register
