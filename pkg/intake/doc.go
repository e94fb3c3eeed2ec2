// Package intake takes booking events from the HUSK_EVENTS stream to the journal: fetch a batch, decode it, hand the
// appointments to the Sink, acknowledge.
//
// It guarantees: an event is acknowledged only after the Sink said that everything which follows from it is on disk, or
// that it lies sealed among the dead letters; so an event is never lost, and may be handed to the Sink more than once (the
// order inside the appointment makes that harmless). Events reach the Sink in stream order, except those that had to
// wait after a failure. One event that the Sink cannot digest does not hold up the others: see Run.
//
// It must never log, count or put into an error anything of an event's content; a dead letter's listing tells reason, field
// and shape, and its data go to the Sink to be sealed.
package intake
