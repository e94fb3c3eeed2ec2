// Package memory is the state in this process's memory, for the embedded broker: filled by snapshot and replay at start,
// lost with the process, which is safe because the journal is the truth.
//
// One lock guards it all, so every method is one step for every other, but for those that look at all persons: they look at
// some at a time, so that a fold, and with it a STOP, waits for none of them, nor for a snapshot. Leases and the certificate end by the monotonic
// clock, whatever time the stations are told it is.
package memory
