// Package inbound reads what carriers tell us after a message went: what people answer, and what became of the message.
// It decides which of a few things an answer is, hands that to a Register, and acknowledges to the carrier only once the
// Register says that it is done.
//
// It guarantees that a STOP is never lost: while the Register fails, the notice stays unacknowledged and is read again;
// and nobody's START overtakes their STOP. A STOP is known whatever its case, spacing, punctuation or invisible characters.
// A word that may mean the appointment and not the reminders (AFLYS, AVBOKA, AVBRYT, CANCEL) is no STOP: a clerk gets it.
//
// It must never store or log what a person wrote, nor who; and never answer.
package inbound
