package ledger

import (
	"context"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// LifeWithin is Life that reads no more than so many entries in a row.
func (l *Ledger) LifeWithin(ctx context.Context, p reminder.PersonKey, id reminder.ID, most int) (Life, error) {
	return l.life(ctx, p, id, most)
}

// Booked is how many answers, how many that are owed, and how many that are waited for, are remembered.
func (v *Verification) Booked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return max(len(v.book), len(v.owed), len(v.since))
}
