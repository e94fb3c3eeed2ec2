package reminder

// Waiting counts what waits for a clinic's staff, and has waited too long. It tells of nobody.
type Waiting struct {
	Wishes        int // to cancel, not done yet
	Misdeliveries int // that nobody has taken on
	Letters       int // and calls that are final, and not made
	Doubts        int // attempts of which nobody knows whether they left
	Held          int // messages that are not clean
}

// Any reports whether anything waits.
func (w Waiting) Any() bool { return w != Waiting{} }
