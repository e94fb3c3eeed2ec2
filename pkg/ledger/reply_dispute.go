package ledger

import (
	"context"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// The actions of the audit that say whose an address is not, or, after that, is: as the staff API and WrongNumber write them.
const (
	actionWrong         = "wrong_number"
	actionAddressWrong  = "address." + string(contact.Wrong)
	actionAddressProven = "address." + string(contact.Verified)
)

// foldDispute keeps since when an address is in dispute. The lock is held.
func (r *Replies) foldDispute(b replyEntry) {
	switch b.Action {
	case actionWrong, actionAddressWrong, actionMisdelivery:
		if b.At.After(r.disputes[b.Address]) {
			r.disputes[b.Address] = b.At
		}
	case actionAddressProven:
		delete(r.disputes, b.Address)
	}
}

// Disputed reports of each address whether somebody has said within sixty days that it is not who we think, of whomever it was said,
// and nobody has proven since, by another way than a code, whose it is.
func (r *Replies) Disputed(ctx context.Context, as []reminder.AddressHash) ([]bool, error) {
	if err := r.current(ctx); err != nil {
		return nil, err
	}
	out := make([]bool, len(as))
	since := r.o.Now().Add(-replyWindow)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, a := range as {
		at, is := r.disputes[a]
		out[i] = is && at.After(since)
	}
	return out, nil
}

// forgetDisputes drops those that are too old to count. The lock is held.
func (r *Replies) forgetDisputes(before time.Time) {
	for a, at := range r.disputes {
		if at.Before(before) {
			delete(r.disputes, a)
		}
	}
}
