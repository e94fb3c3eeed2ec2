// Package ledger is the one way to write: journal, then wait for the fold. It plans what intake hands it, keeps what
// dispatch intends and settles, makes STOP final, runs the projector that fills the state, and the sweeps.
//
// It guarantees that a method which returned nil has its entries on disk and folded: the caller reads its own write, and
// so does everybody else. When the broker's answer was lost it says so (journal.ErrUncertain) and does not append again:
// the journal's order decides.
//
// It must never let personal data out of the sealed parts of entries, nor into a log line or an error.
package ledger
