// Package dispatch is the workers: lease what is due, ask the gate, compose, intend, confirm, hand over, settle.
//
// It guarantees
//   - that a provider is called only after the intent is folded and the gate has confirmed it, with the slot already open;
//   - that no more attempts are open than the route has slots: a slot is given back when the outcome is journalled, not
//     when the carrier has answered;
//   - that it never tries again by itself: a refusal goes back to the due index, and the gate is asked anew;
//   - that what the carrier's silence leaves in doubt is settled as unknown, and never sent again; a carrier that can be asked
//     is asked first whether it has the message after all, and that it has not is no leave to send it again, unless its contract
//     says so and nobody can be about to write it (provider.Final);
//   - that what was planned for a channel without a carrier does not lie there in silence: it is moved to the channel the gate
//     names, denied or expired.
//
// Answers is beside the line: it hands the fixed answers to people who wrote over, decided, composed and looked through as all messages
// are, once and without a journal.
//
// It must never render, judge or remember: those are compose's, the gate's and the journal's.
package dispatch
