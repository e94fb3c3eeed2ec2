package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Written is what a reminder's message is made of, or was: never the message, which is kept nowhere.
type Written struct {
	Lease    reminder.Lease // with the appointment that the message is about; nobody holds it
	Sent     bool           // it left, or may have
	At       time.Time      // when it was intended, if Sent
	Channel  reminder.Channel
	Template string // with its version; "" = none was chosen yet
	Decision receipt.Decision
	Findings []reminder.Finding // for which it is held
}

// ErrNoFacts means that what a message was made of is not kept any more: the person was erased, or the appointment has changed since.
var ErrNoFacts = errors.New("ledger: what the message was made of is not kept any more")

// Written is what the message of a reminder is made of: where it left, as it was then; else as it would be now. ErrNoFacts when that is
// not known, journal.ErrNotFound when there is no such reminder.
func (l *Ledger) Written(ctx context.Context, p reminder.PersonKey, id reminder.ID) (Written, error) {
	var x Written
	var leased state.Leased
	ok, kept := false, false
	err := l.o.State.View(ctx, p, func(p *state.Person) error {
		if leased, ok = p.Lease(id); !ok {
			return nil
		}
		r := p.Reminders[id]
		a := p.Appointments[r.Appointment]
		leased.Route, x.Template, x.Findings, kept = r.Route, r.Template, r.Findings, r.Tag == a.Tag
		for _, t := range r.Attempts {
			if left(t.Status) {
				x.Sent, x.At, x.Channel, x.Template, x.Decision, x.Findings = true, t.At, t.Channel, t.Template, t.Decision, nil
			}
		}
		switch {
		case !x.Sent:
		case len(r.Sealed) > 0: // on its way
			leased.Sealed, kept = r.Sealed, true
		case a.Told == r.Tag && len(a.ToldOf) > 0:
			leased.Sealed, leased.Told, kept = a.ToldOf, nil, true
		}
		return nil
	})
	switch {
	case err != nil:
		return x, fmt.Errorf("ledger: %w", err)
	case !ok:
		return x, journal.ErrNotFound
	case !kept:
		return x, ErrNoFacts
	}
	x.Lease, err = l.unseal(leased)
	if errors.Is(err, journal.ErrErased) {
		err = ErrNoFacts
	}
	return x, err
}
