package ledger

import "time"

// ForgetDay has the next Day count anew.
func (l *Ledger) ForgetDay() {
	l.days.mu.Lock()
	defer l.days.mu.Unlock()
	l.days.until = time.Time{}
}
