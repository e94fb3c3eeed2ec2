package ledger

// Booked is how many answers, how many that are owed, and how many that are waited for, are remembered.
func (v *Verification) Booked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return max(len(v.book), len(v.owed), len(v.since))
}
