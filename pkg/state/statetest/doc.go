// Package statetest is the conformance suite of state.State: what every store must do, asked through the interface alone.
//
// It guarantees that a store which passes it folds each entry once and in order, answers nothing uncertified, and lets
// no attempt to the wire that the fold does not allow; and of one that passes Linear, that this holds whoever else is at work
// at the same time. It must never look behind the interface, so that every store is held to the same.
package statetest
