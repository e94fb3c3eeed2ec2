// Package inbound reads what carriers tell us after a message went: what people answer, and what became of the message.
//
//	           ┌ STOP, START, wrong number ▶ Register
//	notice ──▶ ├ perhaps a cancellation ───▶ Desk: the clinic's inbox  ┐
//	           ├ anything else ────────────▶ Register: somebody wrote  ├▶ at most one fixed answer ▶ Replier
//	           ├ complaint ────────────────▶ Unsubscriber: bars the address that the message went to
//	           └ delivery report ──────────▶ Register                  ┘
//
// It decides which of a few things an answer is (Classify), hands that on, and acknowledges to the carrier only once that is
// done. One-click unsubscription of mail (RFC 8058) comes through Unsubscriber, and by mail through the token of its address.
//
// It guarantees that a STOP is never lost: while the Register fails, the notice stays unacknowledged and is read again; and
// nobody's START overtakes their STOP. A word that may mean the appointment and not the reminders (AFLYS, AVBOKA, AVBRYT, CANCEL)
// is no STOP: the clinic gets it, and who wrote it is told that nothing is cancelled yet. Nothing that a machine sent is answered
// (RFC 3834), nobody is answered more often than the Desk allows, and an answer that fails holds up nothing.
//
// It must never store, log or show what a person wrote, nor who; and never answer with anything but the fixed texts.
package inbound
