package ledger

// Booked is how many answers, and how many that are owed, are remembered.
func (v *Verification) Booked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return max(len(v.book), len(v.owed))
}
