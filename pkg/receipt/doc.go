// Package receipt is what is known of attempts: that one was intended, that its carrier answered, that the message was
// delivered, or that none was made and why. Its records are journalled and folded (package state); this package holds
// their shapes and the one rule for how a status may follow another.
//
// It guarantees that journal order decides: of several intents for one attempt the first keeps it, of several outcomes
// the first settles it, except that a doubt may be settled later by what the carrier really knows. It must never turn a
// doubt into a second message.
package receipt
