// Package state says who may be reached where, and what is due when: the fold of the journal, and beside it the leases,
// wire marks and frequency caps of the work in hand.
//
// It guarantees
//   - that folded state changes only through Fold, in the journal's order, each entry once (a writer that read an older
//     Applied gets ErrStale);
//   - that Lease, Persons, Behind, Confirm, Wires, Claimants and Needs answer ErrNotCertified unless a projector that had caught
//     up vouched for the state within the last second: a store that lost writes never says yes, nor that nothing is there;
//   - that Confirm writes the wire mark first and checks bars, switches and versions after it, and that a mark goes only
//     when the attempt's outcome is folded.
//
// It must never hold a national id, a name or an address unsealed: what it keeps of those are the journal's sealed bytes.
// Losing leases, marks and caps is safe: a lost mark makes an attempt doubtful, never free to be sent again.
package state
