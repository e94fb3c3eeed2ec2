// Package web is the staff API (JSON, over the admin socket and over HTTPS), and health and metrics over HTTP.
//
// The operations are registered once, through huma, which makes the OpenAPI document of them; the admin socket and the HTTPS listener
// serve the same ones. Over HTTPS a caller has an API key with a role and perhaps units: rights says which operations a role may call,
// and each operation says what it is about, so that the key's units can be held against it. Whoever may open the admin socket may
// call all.
//
// It guarantees that every read or change of a person, and every call with a key, is in the audit before it is answered (no write, no
// answer), a refused one too; that a withdrawal is answered only when it is final; that where two people are needed to go on after a
// stop, one can't do it alone; and that while the line behind it is closed, starting or being rebuilt every question is answered with
// 503 and the reason: no old or half answer is given.
//
// It must never put a national id, a name, an address or a message text into an answer, an error, a URL or a log line. The
// exceptions are a dead letter that staff asked to see, which is shown as it came, and what is handed out to a person of their own
// record; the audit says to whom and why. It never keeps an API key, only a keyed hash of it.
package web
