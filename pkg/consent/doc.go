// Package consent holds what people have said about being written to, and what is known of them that decides it: who has custody
// of a child, whose address is protected, who is dead, when care ended. Fold is the whole rule that turns the words into a yes or
// a no, Stand the whole rule of the rest, MayAsk says who may be asked again, and FHIR and Page hand a person's record out.
//
// It guarantees that the order of the records in a slice does not matter, that a no is never overridden by a yes given
// before it, however late that yes is recorded, that a yes which cannot be shown to be informed (unknown, imported or
// pre-ticked, without the notice that was shown) never counts, and that a guardian's yes ends on the birthday or with custody.
// The zero State is unknown, and unknown is no.
//
// It must never read a clock, store anything, or hold a name, an address or a national id: a record names its person by
// PersonKey alone.
package consent
