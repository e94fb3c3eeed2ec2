// Package app wires Husk together in one straight function, and stops it in reverse order.
//
// It guarantees that one process owns a data directory (a lock taken before the broker starts, for a second embedded
// broker on the same files can lose acknowledged messages), that nothing is handed to a carrier before attempts that a
// dead process left open are settled, and that on the way down what is in hand is finished or put back.
//
// It must hold no rule of its own: the stations do.
package app
