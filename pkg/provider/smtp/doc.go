// Package smtp is the carrier for e-mail: it hands messages to a mail server (RFC 5321) over TLS, on connections it keeps alive between
// messages, and reads what comes back.
//
//	Encode   header, text, beside it HTML and a calendar file where the message has them, and over all a DKIM signature
//	Open     an idle connection that answers RSET, else a new one
//	Send     MAIL, RCPT, DATA, the text; one message, once
//	Poll     bounces (RFC 3464), complaints (RFC 5965) and answers, from a folder that a mail server delivers the return path into
//
// Where the doubt begins. A message surely did not leave until the server has answered DATA with 354 and the first byte
// of the text is written; every fault before that is Retry, or Reject where the server answered 5xx. From that byte on only a
// reply settles it: 2xx is accepted, 4xx Retry, 5xx Reject, and silence, a lost connection or anything else is Unknown.
// (RFC 5321 section 4.1.1.10 has a server drop a text whose end it never saw. We do not bet on it.)
//
// It guarantees that nothing is sent in the clear unless the configuration says so twice, that the server's certificate
// is verified, that one Send makes at most one message, and that no field of a message becomes a header or command of its own.
//
// What comes back proves nothing of itself: anybody can write a bounce. It counts for a message alone whose reference it has, and is never
// marked as signed.
//
// It must never retry, never keep a mail that came back and was dealt with, and never pass on a server's words: they quote addresses.
package smtp
