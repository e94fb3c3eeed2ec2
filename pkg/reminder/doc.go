// Package reminder holds the nouns that travel through Husk: the Appointment a booking system publishes, the Lease on
// a due reminder, the Facts a template may use, the Rendered text with its provenance, and the Message a carrier is
// handed. It imports nothing of Husk.
//
// It guarantees that every value which is personal data (NationalID, Masked, Address) prints masked through fmt, JSON
// and zap; Reveal is the only way out, and only carriers, storage and the renderer call it.
package reminder
