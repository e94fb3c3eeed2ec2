// Package routing chooses the carrier of each message: by the rules of the configuration, by how the carriers have been of late, and by
// what their accounts may carry.
//
// It guarantees
//   - that the rules alone say who may carry a message, and in which order: the first rule that fits a message's country and unit names its
//     carriers, the best first. Each attempt that was refused moves the beginning one place on in that order, so that a carrier which
//     has just refused is not asked again first. One that did not begin says nothing against its carrier, and moves nothing;
//   - that a carrier which fails gets no message until it has rested, and then few until they went well;
//   - that no more leaves by a carrier in a day, and costs no more, than its account may, by the count of all processes that share a
//     store. What surely did not leave is given back. A count that can't be read or written lets nothing pass.
//
// # Health
//
// Each process judges each carrier by what became of its own messages in the last Window (60 s). Bad are a hand-over in doubt, a
// refusal without a reason of the message's (no connection, no answer, 5xx, throttled), and an answer that took longer than Slow (10 s).
// What the carrier says of one message or number (rejected, opted out), and what this side ran out of (its own slots), counts neither
// way. A carrier rests
//
//   - after Row (5) bad ones in a row, or
//   - when of at least Least (10) in the window Share (half) were bad.
//
// It rests for Rest (30 s) and then gets Probe (5) messages at most until each of them went well. The first bad one among them makes it
// rest again; after the fifth good one it is as every other, with its window empty.
//
// It must never send, hold an address, or let a message pass because something is not known.
package routing
