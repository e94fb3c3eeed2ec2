package web

import (
	"context"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Bar is what POST /v1/addresses/bars takes: somebody said STOP for an address, on paper or by mail say, or with Lifted, START.
type Bar struct {
	Channel reminder.Channel `json:"channel"`
	Address string           `json:"address"`
	Country reminder.Country `json:"country,omitempty"` // of a number without a country code; "" = the installation's
	Lifted  bool             `json:"lifted,omitempty"`
	Reason  string           `json:"reason"` // for the audit
}

// Barred answers POST /v1/addresses/bars.
type Barred struct {
	Hash   reminder.AddressHash `json:"hash"`
	Barred bool                 `json:"barred"`
	At     time.Time            `json:"at"`
}

type barInput struct{ Body Bar }

// bar bars an address, whoever is behind it, or lifts the bar. The answer to a STOP comes when it is final. START grants nothing.
// Anybody may take a STOP down; lifting one lets every unit write again, so a key that is for some units alone can't.
func (a *API) bar(ctx context.Context, c *caller, in *barInput) (Barred, error) {
	q := in.Body
	if q.Address == "" {
		return Barred{}, want("address", "the address")
	}
	address, err := a.normalise(q.Channel, q.Address, q.Country)
	if err != nil {
		return Barred{}, err
	}
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return Barred{}, err
	}
	action, change, of := "address.bar", a.o.Ledger.Stop, about(anybody)
	if q.Lifted {
		action, change, of = "address.unbar", a.o.Ledger.Start, everybody
	}
	out := Barred{Hash: a.o.Hash(address), Barred: !q.Lifted, At: a.o.Now()}
	if err := a.audit(ctx, c, of, action, "", out.Hash, reason); err != nil {
		return Barred{}, err
	}
	if err := change(ctx, address, state.ViaStaff); err != nil {
		return Barred{}, err
	}
	return out, nil
}
