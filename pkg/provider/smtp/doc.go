// Package smtp is the carrier for e-mail: it hands plain UTF-8 messages to a mail server (RFC 5321) over TLS, on
// connections it keeps alive between messages.
//
// Where the doubt begins. A message surely did not leave until the server has answered DATA with 354 and the first byte
// of the text is written; every fault before that is Retry, or Reject where the server answered 5xx. From that byte on only a
// reply settles it: 2xx is accepted, 4xx Retry, 5xx Reject, and silence, a lost connection or anything else is Unknown.
// (RFC 5321 section 4.1.1.10 has a server drop a text whose end it never saw. We do not bet on it.)
//
// It guarantees that nothing is sent in the clear unless the configuration says so twice, that the server's certificate
// is verified, that one Send makes at most one message, and that no field of a message becomes a header or command of its own.
//
// It must never retry, and never pass on a server's words: they quote addresses.
package smtp
