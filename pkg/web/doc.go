// Package web is the staff API (JSON, for the admin socket), and health and metrics over HTTP.
//
// It guarantees that every read or change of a person is in the audit before it is answered (no write, no answer), that
// a withdrawal is answered only when it is final, and that while the line behind it is closed, starting or being rebuilt every
// question is answered with 503 and the reason: no old or half answer is given.
//
// It must never put a national id, a name, an address or a message text into an answer, an error, a URL or a log line. The
// one exception is a dead letter that staff asked to see: it is shown as it came, and the audit says to whom and why.
package web
