// Package redact reads rendered messages, and the bytes that a carrier is going to write, and finds what must not leave:
// national ids, digits nobody can explain, other people's names, phones and mail addresses, unknown links, hidden characters
// and encoded text.
//
// The rule is default-deny on digits, not recognition. Six or more digits in a row, whatever stands between them short of
// a letter and whatever script they are written in, are a finding unless Known explains each of them by position: this
// message's appointment, the unit's phones, mail addresses, texts and links, a reference, or a placeholder whose value
// the renderer formats from a typed value (Options.Checked). Letters that look like 0 and 1 among digits, and digits spelled
// out, are digits. The national-id rules (DK, FO, GL, SE, NO, FI, IS, DE) name the reason, so a gap in a rule is not a leak;
// Finding.Name is the register's own name of the number. They decide alone in two cases: when a part of an id happens to be
// explained, as the birth date of somebody born on the day of the appointment; and for letters that hardly look like digits
// (S, B) or stand beside them in ids that have letters.
//
// There are three ways in. Scan reads a rendered message part by part and trusts nothing but Known and provenance. ScanWire
// reads what a carrier made of it: it takes a mail apart into header lines, decoded bodies, file names and boundaries, and
// what it can't take apart is a finding. In both, the digits at the end of one part and at the beginning of another are one
// run, in any order of the parts. ScanText reads plain text of unknown origin, as a clerk pastes it: there a small table of
// typed shapes (shapes.go: organisation numbers with their check digit, IBAN, coordinates, opening hours, labelled codes and
// references, ...) passes too, unless a national-id rule fits. The three share every other rule.
//
// It guarantees: zero findings of Scan and ScanWire mean that no unexplained run of six digits is in a part, over the border
// of two, or in what it decodes to (HTML entities and tags, percent-encoding, quoted-printable, escapes of style sheets,
// RFC 2047, base64, each up to two layers deep; a third layer is itself a finding); time linear in the text; no allocation by
// Scan and ScanText on a clean message; safe for concurrent use.
//
// It must never put a value, or a hash of one, into a Finding, an error or a log, and it keeps nothing between calls.
package redact
