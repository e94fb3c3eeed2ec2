package web

import (
	"context"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
)

// Doubt is an attempt of which nobody knows whether its message left, or of which somebody has said so.
type Doubt struct {
	ledger.Doubt
	Hours int `json:"hours"` // since it was intended, rounded down
}

type doubtsInput struct {
	Unit string `query:"unit" maxLength:"64" doc:"Of the unit with this id alone; a key that is for some units must name one"`
	Max  int    `query:"max" default:"100" minimum:"1" maximum:"10000"`
}

func (a *API) doubts(ctx context.Context, c *caller, in *doubtsInput) ([]Doubt, error) {
	if err := a.unitKnown(in.Unit); err != nil {
		return nil, err
	}
	if err := a.audit(ctx, c, ofUnit(in.Unit), "attempt.list", "", "", ""); err != nil {
		return nil, err
	}
	found, err := a.o.Ledger.Doubts(ctx, in.Unit, in.Max)
	if err != nil {
		return nil, err
	}
	out := make([]Doubt, len(found))
	for i, d := range found {
		out[i] = a.aged(d)
	}
	return out, nil
}

func (a *API) aged(d ledger.Doubt) Doubt {
	return Doubt{d, max(0, int(a.o.Now().Sub(d.At)/time.Hour))}
}

// What somebody can say of an attempt that is in doubt.
const (
	AttemptLeft    = "left"
	AttemptNotLeft = "not_left"
)

// Settle is what POST /v1/attempts/{reference}/settle takes.
type Settle struct {
	Outcome string `json:"outcome" enum:"left,not_left"`
	Reason  string `json:"reason"` // how it was learnt, for the audit
}

type settleInput struct {
	Reference string `path:"reference" pattern:"^[0-9a-f]{28}$" patternDescription:"the reference that the carrier was given"`
	Body      Settle
}

func (a *API) settleAttempt(ctx context.Context, c *caller, in *settleInput) (Doubt, error) {
	if s := in.Body.Outcome; s != AttemptLeft && s != AttemptNotLeft {
		return Doubt{}, want("outcome", "left or not_left")
	}
	reason, err := reasonOf(in.Body.Reason, true)
	if err != nil {
		return Doubt{}, err
	}
	d, err := a.o.Ledger.Doubt(ctx, in.Reference)
	if err != nil {
		return Doubt{}, err
	}
	if err := a.audit(ctx, c, ofUnit(d.Unit), "attempt.settle "+in.Body.Outcome+" "+in.Reference, d.Person, "", reason); err != nil {
		return Doubt{}, err
	}
	d, err = a.o.Ledger.SettleByHand(ctx, in.Reference, in.Body.Outcome == AttemptLeft, c.actor)
	if err != nil {
		return Doubt{}, err
	}
	return a.aged(d), nil
}
