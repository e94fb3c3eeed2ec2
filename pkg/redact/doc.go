// Package redact reads rendered messages and finds what must not leave: national ids, digits nobody can explain, other
// people's names, phones and mail addresses, unknown links, hidden characters and encoded text.
//
// The rule is default-deny on digits, not recognition. Six or more digits in a row, whatever stands between them short of
// a letter and whatever script they are written in, are a finding unless Known explains each of them by position: this
// message's appointment, the unit's phones, mail addresses, texts and links, a reference, or a placeholder whose value
// the renderer formats from a typed value (Options.Checked). The national-id rules (DK, FO, GL, SE, NO, FI, IS, DE) only
// name the reason, so a gap in a rule is not a leak. They decide alone in one case: when a part of an id happens to be
// explained, as the birth date of somebody born on the day of the appointment.
//
// Scan reads a rendered message and trusts nothing but Known and provenance. ScanText reads plain text of unknown
// origin, as a clerk pastes it: there a small table of typed shapes (shapes.go: organisation numbers with their check
// digit, IBAN, coordinates, opening hours, labelled codes and references, ...) passes too, unless a national-id rule
// fits. The two share every other rule.
//
// It guarantees: zero findings mean that no unexplained run of six digits is in the text or in what it decodes to (HTML
// entities and tags, percent-encoding, quoted-printable, RFC 2047, base64, each up to two layers deep; a third layer is
// itself a finding); time linear in the text; no allocation on a clean message; safe for concurrent use.
//
// It must never put a value, or a hash of one, into a Finding, an error or a log, and it keeps nothing between calls.
package redact
