// Package gate makes the last decision before a message: Decide turns due reminders into permits, refusals and
// postponements, each with a reason of a closed list; Confirm asks, at the moment of hand-over, that nothing has moved since.
// Answer and ConfirmAnswer are the same two looks for the fixed answers to people who write, which need neither basis nor person and pass
// a bar. Explain and Replay are the same decision with every rule it asks taken down: there is no second way to decide.
//
// It guarantees that there is no Permit, but that of an answer, without a person who is known, an active basis for purpose, channel and unit, an
// address that is proven to be the recipient's and is not barred, and a policy pack in force; that the recipient is the patient or a
// guardian with proven custody; that any error, missing or misplaced answer of what it asks means "not now"; and that a Permit
// can't be made, copied with changes or revived outside this package: its fields are unexported, and Confirm refuses the zero
// one and an old one.
//
// It must never send, render, store, retry, or guess a yes from something absent.
package gate
