package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// ErrNoPack is the error of a past decision whose pack the installation does not have any more.
var ErrNoPack = errors.New("gate: no pack with this id and hash: keep the files of packs that were in force")

// Question asks how a decision would be made, or would have been.
type Question struct {
	Person  reminder.PersonKey
	Purpose reminder.Purpose
	Channel reminder.Channel // "" = the unit's, in their order
	Unit    string
	Route   string // of the carrier, for the switches; "" = none
	// BirthDate is what the booking would say; it counts where nothing else is known, as it does for a booking.
	BirthDate reminder.Date
	// Address is the number that a one-time code would go to; of the purpose verify alone.
	Address reminder.Address
	// At is the instant; zero is now. For an earlier one, records that were taken down later do not count; bars, switches and
	// how many people share an address are always those of now.
	At time.Time
}

// Explanation is a decision with every rule that was asked, in order.
type Explanation struct {
	Outcome   string               `json:"outcome"` // allow, deny, defer
	Reason    Reason               `json:"reason,omitempty"`
	At        time.Time            `json:"at"`
	Pack      policy.Ref           `json:"pack,omitzero"`
	Channel   reminder.Channel     `json:"channel,omitempty"`   // of allow
	Address   reminder.AddressHash `json:"address,omitempty"`   // of allow
	Basis     string               `json:"basis,omitempty"`     // of allow
	Recipient reminder.PersonKey   `json:"recipient,omitempty"` // of allow
	HidePlace bool                 `json:"hidePlace,omitempty"` // of allow
	Steps     []Step               `json:"steps"`
}

// Explain decides as Decide does, and says how. Nothing comes of it: it makes no permit. The error is that of what did not answer;
// the explanation beside it shows how far the decision came.
func (g *Gate) Explain(ctx context.Context, q Question) (Explanation, error) {
	m := mode{channel: q.Channel, trace: &trace{}}
	at, now := q.At, g.o.Now()
	if at.IsZero() {
		at = now
	}
	m.past = at.Before(now) && !q.At.IsZero()
	l := reminder.Lease{
		Person: q.Person, Purpose: q.Purpose, Due: at, Expires: at.Add(24 * time.Hour), Route: q.Route,
		Appointment: reminder.Appointment{Person: q.Person, Unit: q.Unit, BirthDate: q.BirthDate},
	}
	if q.Purpose == reminder.Verify {
		l.Appointment.Challenge = &reminder.Challenge{Address: q.Address}
	}
	ds, err := g.decide(ctx, []reminder.Lease{l}, at, m)
	return explained(ds[0], at, m.trace), err
}

// Replay makes a decision of the past again: with the pack it used, and of the person and the guardians as the records up to it
// had them. Switches and the window do not count, since a decision that they put off was no decision. The units are those of now.
func (g *Gate) Replay(l reminder.Lease, people []Person, pack policy.Ref, at time.Time) (Explanation, error) {
	if _, ok := g.o.Packs.Find(pack); !ok || pack.Hash == "" {
		return Explanation{}, fmt.Errorf("%w: %s", ErrNoPack, pack.ID)
	}
	f := facts{people: make(map[reminder.PersonKey]Person, len(people))}
	for _, p := range people {
		f.people[p.Key] = p
	}
	m := mode{preview: true, pack: pack, trace: &trace{}}
	return explained(g.one(l, f, at, m), at, m.trace), nil
}

func explained(d Decision, at time.Time, t *trace) Explanation {
	x := Explanation{Outcome: d.Outcome.String(), Reason: d.Reason, At: at, Pack: d.Pack, Steps: t.steps}
	if p := d.Permit; d.Outcome == Allow {
		x.Channel, x.Address, x.Basis, x.Recipient, x.HidePlace = p.Channel(), p.AddressHash(), p.Basis(), p.Recipient(), p.HidePlace()
	}
	return x
}
