package ledger

import (
	"context"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// The actions of the audit that say whose an address is not, as the staff API and WrongNumber write them; and that, after that, it
// was proven whose it is, as Contact writes it behind the proof.
const (
	actionWrong        = "wrong_number"
	actionAddressWrong = "address." + string(contact.Wrong)
	actionSettled      = "address.settled"
)

// foldDispute keeps since when an address is in dispute. The lock is held.
func (r *Replies) foldDispute(b replyEntry) {
	switch b.Action {
	case actionWrong, actionAddressWrong, actionMisdelivery:
		if b.At.After(r.disputes[b.Address]) {
			r.disputes[b.Address] = b.At
		}
	case actionSettled:
		if b.Proven.After(r.disputes[b.Address]) {
			delete(r.disputes, b.Address)
		}
	}
}

// settle writes of those records that settle something, and are folded, that they have ended a dispute. Without one that is older
// nothing is written. A register's is fresh by the register's own date, not by when it was asked.
func (r *Replies) settle(ctx context.Context, cs ...contact.Record) error {
	cs = slices.DeleteFunc(slices.Clone(cs), func(c contact.Record) bool { return !c.Settles() })
	if len(cs) == 0 {
		return nil
	}
	if err := r.current(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	cs = slices.DeleteFunc(cs, func(c contact.Record) bool {
		since, is := r.disputes[c.Hash]
		return !is || !c.EventTime.After(since)
	})
	r.mu.Unlock()
	if len(cs) == 0 {
		return nil
	}
	es := make([]replyEntry, len(cs))
	for i, c := range cs {
		es[i] = replyEntry{Audit: Audit{Actor: "husk", Action: actionSettled, Person: c.Person, Address: c.Hash}, Proven: c.EventTime}
	}
	_, err := r.append(ctx, es...)
	return err
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
