package web

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// CancelWish is an entry of a clinic's inbox: somebody who was reminded perhaps wants to cancel. The appointment stands until the
// clinic takes it off.
type CancelWish struct {
	ledger.Wish
	Hours int `json:"hours"` // since it was last written, rounded down
}

type cancelWishesInput struct {
	Unit string `query:"unit" maxLength:"64" doc:"Of the unit with this id alone; a key that is for some units must name one"`
}

// cancelWishes lists who may want to cancel, the soonest appointment first.
func (a *API) cancelWishes(ctx context.Context, c *caller, in *cancelWishesInput) ([]CancelWish, error) {
	if err := a.unitKnown(in.Unit); err != nil {
		return nil, err
	}
	if err := a.audit(ctx, c, ofUnit(in.Unit), "reply.wishes", "", "", ""); err != nil {
		return nil, err
	}
	found, err := a.o.Ledger.Wishes(ctx, in.Unit)
	if err != nil {
		return nil, err
	}
	out := make([]CancelWish, len(found))
	for i, w := range found {
		out[i] = CancelWish{w, int(a.o.Now().Sub(w.At) / time.Hour)}
	}
	return out, nil
}

// Done is what POST /v1/replies/wishes/{id}/done and /v1/replies/misdeliveries/{id}/done take.
type Done struct {
	Reason string `json:"reason,omitempty"` // what was done, for the audit; of a misdelivery it is required
}

// Handled answers it.
type Handled struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

type doneInput struct {
	ID   string `path:"id" pattern:"^[0-9a-f]{24}$" patternDescription:"the id of an entry in the inbox"`
	Body Done
}

// wishDone takes a wish off the inbox: the clinic has seen to it. It cancels nothing.
func (a *API) wishDone(ctx context.Context, c *caller, in *doneInput) (Handled, error) {
	reason, err := reasonOf(in.Body.Reason, false)
	if err != nil {
		return Handled{}, err
	}
	person, of, err := a.ofWish(ctx, in.ID)
	if err != nil {
		return Handled{}, err
	}
	if err := a.audit(ctx, c, of, "reply.done "+in.ID, person, "", reason); err != nil {
		return Handled{}, err
	}
	if err := a.o.Ledger.Handled(ctx, in.ID, c.actor); err != nil {
		return Handled{}, err
	}
	return Handled{in.ID, a.o.Now()}, nil
}

// ofWish is whose an entry of the inbox is, and what it is about. ErrNotFound when there is none.
func (a *API) ofWish(ctx context.Context, id string) (reminder.PersonKey, about, error) {
	all, err := a.o.Ledger.Wishes(ctx, "")
	if err != nil {
		return "", nil, err
	}
	all = slices.DeleteFunc(all, func(w ledger.Wish) bool { return w.ID != id })
	if len(all) == 0 {
		return "", nil, ErrNotFound
	}
	return all[0].Person, func(ctx context.Context, a *API, c *caller) error {
		for _, w := range all { // one that an older release wrote may be of several units: then of all
			if err := ofUnit(w.Unit)(ctx, a, c); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// Misdelivery is that messages went to somebody who is not the patient. From aware on run the 72 hours of GDPR article 33(1).
type Misdelivery struct {
	ledger.Misdelivery
	Until     time.Time      `json:"until"`      // when they are over
	HoursLeft int            `json:"hours_left"` // of them, rounded down; 0 = they are over
	Count     int            `json:"count"`      // of messages
	Classes   map[string]int `json:"classes"`    // how many messages of each content class, 0 to 2; "unknown" = of a template that is not there any more
}

type misdeliveriesInput struct {
	Unit string `query:"unit" maxLength:"64" doc:"The unit's part alone; a key that is for some units must name one"`
}

// misdeliveries lists what went to the wrong person in the last sixty days, the oldest first.
func (a *API) misdeliveries(ctx context.Context, c *caller, in *misdeliveriesInput) ([]Misdelivery, error) {
	if err := a.unitKnown(in.Unit); err != nil {
		return nil, err
	}
	if err := a.audit(ctx, c, ofUnit(in.Unit), "reply.misdeliveries", "", "", ""); err != nil {
		return nil, err
	}
	found, err := a.o.Ledger.Misdeliveries(ctx, in.Unit)
	if err != nil {
		return nil, err
	}
	now := a.o.Now()
	out := make([]Misdelivery, len(found))
	for i, m := range found {
		x := Misdelivery{
			Misdelivery: m, Until: m.Until(), HoursLeft: max(0, int(m.Until().Sub(now)/time.Hour)), Count: len(m.Messages), Classes: map[string]int{},
		}
		for _, s := range m.Messages {
			class := "unknown"
			if s.Class != nil {
				class = strconv.FormatFloat(float64(*s.Class), 'f', -1, 64)
			}
			x.Classes[class]++
		}
		out[i] = x
	}
	return out, nil
}

// Inbox counts what people's answers wait for.
type Inbox struct {
	Wishes        int       `json:"wishes"`        // entries that no clinic has seen to
	Misdeliveries int       `json:"misdeliveries"` // that nobody has seen to, and whose 72 hours run
	Next          time.Time `json:"next,omitzero"` // when the first of these are over
}

// inboxTime is how long the status waits for the inbox, which is read from the audit.
const inboxTime = 2 * time.Second

// inbox counts what waits at a unit, "" = at all; nil when it can't be read now.
func (a *API) inbox(ctx context.Context, unit string) *Inbox {
	ctx, cancel := context.WithTimeout(ctx, inboxTime)
	defer cancel()
	ws, err := a.o.Ledger.Wishes(ctx, unit)
	if err != nil {
		return nil
	}
	ms, err := a.o.Ledger.Misdeliveries(ctx, unit)
	if err != nil {
		return nil
	}
	x, now := &Inbox{Wishes: len(ws)}, a.o.Now()
	for _, m := range ms {
		if u := m.Until(); u.After(now) && m.Done.IsZero() {
			x.Misdeliveries++
			if x.Next.IsZero() || u.Before(x.Next) {
				x.Next = u
			}
		}
	}
	return x
}

// WrongNumber is what POST /v1/addresses/wrong takes: somebody says that they get messages at an address that are not theirs. Who they
// are meant for need not be known.
type WrongNumber struct {
	Channel reminder.Channel `json:"channel"`
	Address string           `json:"address"`
	Country reminder.Country `json:"country,omitempty"` // of a number without a country code; "" = the installation's
	Reason  string           `json:"reason"`            // for the audit
}

// Blocked answers it. Whether anybody has the address as theirs is not told: it would be to whoever has a number to ask about.
type Blocked struct {
	Hash  reminder.AddressHash `json:"hash"`
	Aware time.Time            `json:"aware"` // from here run the 72 hours, if a message went there
}

type wrongNumberInput struct{ Body WrongNumber }

// wrongNumber takes an address from everybody who has it as theirs, and notes what went there. Anybody may take it down who hears it.
func (a *API) wrongNumber(ctx context.Context, c *caller, in *wrongNumberInput) (Blocked, error) {
	q := in.Body
	if q.Address == "" {
		return Blocked{}, want("address", "the address")
	}
	address, err := a.normalise(q.Channel, q.Address, q.Country)
	if err != nil {
		return Blocked{}, err
	}
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return Blocked{}, err
	}
	out := Blocked{Hash: a.o.Hash(address), Aware: a.o.Now()}
	if err := a.audit(ctx, c, anybody, "address.wrong_number", "", out.Hash, reason); err != nil {
		return Blocked{}, err
	}
	return out, a.o.Ledger.WrongNumber(ctx, address, state.ViaStaff)
}
