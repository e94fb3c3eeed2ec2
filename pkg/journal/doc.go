// Package journal is the truth: what happened, as entries in NATS JetStream streams, on disk before anything acts on
// them.
//
// It guarantees that Append returns nil only when every entry is on disk (one atomic batch a stream, so never half of
// them), that entries come back in the order they were written, and that what is sealed can be read only with the
// person's data key, which is wrapped by an epoch key that lives outside the broker's storage. ErrUncertain means that
// the answer was lost: the entries may or may not be there, and the caller must wait for the fold, not append again.
//
// It must never put a national id, a name or an address into a subject, a header or the clear part of an entry.
package journal
