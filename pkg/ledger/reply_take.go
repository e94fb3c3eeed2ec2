package ledger

import (
	"context"
	"slices"
	"time"
)

// Taken is who sees to an entry of the inbox, or to a misdelivery, and since when; both zero = nobody yet.
type Taken struct {
	Owner string    `json:"owner,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// foldTaken notes who sees to something. The one who said so last does. The lock is held.
func (r *Replies) foldTaken(b replyEntry) {
	by := Taken{Owner: b.Actor, Since: b.At}
	if w := r.wishes[b.ID]; w != nil {
		w.taken = by
	}
	if i := slices.IndexFunc(r.misses, func(m Misdelivery) bool { return m.ID == b.ID }); i >= 0 {
		r.misses[i].Taken = by
	}
}

// Take notes that by sees to an entry of the inbox, or to a misdelivery: from whoever did so before, too. ErrNoWish when there is
// neither.
func (r *Replies) Take(ctx context.Context, id, by string) (Taken, error) {
	if err := r.current(ctx); err != nil {
		return Taken{}, err
	}
	b := replyEntry{Audit: Audit{At: r.o.Now(), Actor: by, Action: actionTaken}, ID: id}
	r.mu.Lock()
	w := r.wishes[id]
	there := w != nil || slices.ContainsFunc(r.misses, func(m Misdelivery) bool { return m.ID == id })
	if w != nil {
		b.Person = w.person
	}
	r.mu.Unlock()
	if !there {
		return Taken{}, ErrNoWish
	}
	_, err := r.append(ctx, b)
	return Taken{by, b.At}, err
}
