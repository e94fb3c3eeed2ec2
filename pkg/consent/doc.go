// Package consent holds what people have said about being written to, and Fold, the whole rule that turns their records
// into a yes or a no.
//
// It guarantees that the order of the records in a slice does not matter, that a no is never overridden by a yes given
// before it, however late that yes is recorded, and that a yes which cannot be shown to be informed (unknown, imported or
// pre-ticked, without the notice that was shown) never counts. The zero State is unknown, and unknown is no.
//
// It must never read a clock, store anything, or hold a name, an address or a national id: a record names its person by
// PersonKey alone.
package consent
