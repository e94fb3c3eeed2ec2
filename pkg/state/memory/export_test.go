package memory

// Turn is how many persons are looked at before others get their turn.
const Turn = turn
