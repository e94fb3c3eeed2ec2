package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// heirs are the keys that a person goes by since, in the order in which each was given up for the next, to the end; none = the same key.
func (l *Ledger) heirs(ctx context.Context, key reminder.PersonKey) ([]reminder.PersonKey, error) {
	var err error
	out := follow(key, func(k reminder.PersonKey) (into reminder.PersonKey) {
		if err != nil {
			return ""
		}
		err = l.o.State.View(ctx, k, func(p *state.Person) error {
			into = p.Into
			return nil
		})
		return into
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

// follow is the chain of keys after key, where next answers "" at the end. Two that were given up for each other at the same moment end
// it: each is in it once.
func follow(key reminder.PersonKey, next func(reminder.PersonKey) reminder.PersonKey) []reminder.PersonKey {
	var out []reminder.PersonKey
	for k := next(key); k != "" && k != key && !slices.Contains(out, k); k = next(k) {
		out = append(out, k)
	}
	return out
}

// inherit has say called for a person and whom they go by since, the last first, each once. A merge that was under way meanwhile may
// not have seen what was said, and who says it may not have seen the merge: so it looks again when all is folded, until nobody is new.
// The merge looks once more, too, when it is folded: one of the two sees the other.
func (l *Ledger) inherit(ctx context.Context, key reminder.PersonKey, say func(reminder.PersonKey) error) error {
	said := map[reminder.PersonKey]bool{}
	for {
		heirs, err := l.heirs(ctx, key)
		if err != nil {
			return err
		}
		all := slices.DeleteFunc(append([]reminder.PersonKey{key}, heirs...), func(k reminder.PersonKey) bool { return said[k] })
		if len(all) == 0 {
			return nil
		}
		for _, k := range slices.Backward(all) {
			if err := say(k); err != nil {
				return err
			}
			said[k] = true
		}
	}
}

// isOfNobodyElse reports whether a no of one key says nothing when it is said of an heir: they are the guardian who said it.
func isOfNobodyElse(r consent.Record, heir reminder.PersonKey) bool {
	was := r.Validate() == nil
	r.Person = heir
	return was && r.Validate() != nil
}

// gaveUp is ErrMerged when a person goes by another key since.
func (l *Ledger) gaveUp(ctx context.Context, key reminder.PersonKey) error {
	heirs, err := l.heirs(ctx, key)
	if err == nil && len(heirs) > 0 {
		err = ErrMerged
	}
	return err
}

// contactOfAll is contact for a person and whom they go by since.
func (l *Ledger) contactOfAll(ctx context.Context, r contact.Record) (contact.Record, error) {
	last := r
	err := l.inherit(ctx, r.Person, func(k reminder.PersonKey) error {
		x := r
		x.Person = k
		x, err := l.complete(ctx, x)
		if err != nil {
			return err
		}
		e, err := l.contactEntry(x, nil)
		if err != nil {
			return err
		}
		if k == r.Person {
			last = x
		}
		return l.insist(ctx, func() error { return l.write(ctx, e) })
	})
	return last, err
}
