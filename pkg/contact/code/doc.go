// Package code proves that a phone number is a person's: a code of six digits is sent there by SMS, and the person, whose
// identity somebody has checked, tells it back. Codes is the whole of it; Store keeps what must outlive the moment, Sender
// is the line.
//
// A challenge is one code for one person and one number. Its states:
//
//	          Start                    the right code
//	(none) ─────────▶ open ───────────────────────────────▶ proven
//	                   │
//	                   ├─ Start again, for any number ─────▶ (the new one takes its place)
//	                   ├─ the fifth wrong code ────────────▶ void: spent
//	                   ├─ ten minutes ─────────────────────▶ void: expired
//	                   ├─ the line surely did not send it ─▶ void: not_sent
//	                   ├─ the number is barred or disputed ▶ void: refused
//	                   └─ Void (STOP, wrong number, erase) ▶ void: withdrawn
//
// A person has one challenge at a time. Proven and void are final; a proof can be read for a day.
//
// It guarantees that a code is kept only as a keyed hash that holds for this challenge, person and number; that a try is on
// record before it is compared, so that five are five however many ask at once and whatever crashes between; that exactly
// one caller is told of the proof; that comparing takes the same time for every wrong code; that nobody is sent more codes
// than the limits allow, by number, person or clerk; and that whatever does not answer means no.
//
// It must never put a code, a number or a name into an error, a log or the store, and never send to a number which is barred or in
// dispute. The line, which must carry both, seals them with the person's own key.
package code
