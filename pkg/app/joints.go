package app

import (
	"context"
	"errors"
	"time"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/inbound"
	"github.com/husk-reminders/husk/pkg/intake"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// The stations declare what they need in their own nouns, and ledger and state know none of the stations; here the two
// meet.

// people lets the gate ask the ledger and the state.
type people struct {
	l *ledger.Ledger
	s state.State
}

// People implements gate.People.
func (p people) People(ctx context.Context, keys []reminder.PersonKey) ([]gate.Person, error) {
	ps, err := p.l.People(ctx, keys)
	if err != nil {
		return nil, gateError(err)
	}
	out := make([]gate.Person, len(ps))
	for i, x := range ps {
		out[i] = gate.Person(x)
	}
	return out, nil
}

// Stopped implements gate.Switches.
func (p people) Stopped(ctx context.Context) (map[string]string, error) {
	m, err := p.s.Switches(ctx)
	return m, gateError(err)
}

// Certified is for gate.Options.Certified.
func (p people) Certified(ctx context.Context) error { return gateError(p.s.Certified(ctx)) }

// Confirm implements gate.Confirmer.
func (p people) Confirm(ctx context.Context, cs []gate.Confirmation) ([]error, error) {
	in := make([]state.Confirmation, len(cs))
	for i, c := range cs {
		in[i] = state.Confirmation{
			Reminder: c.Reminder, Person: c.Person, Token: c.Token, Version: c.Version, PersonVersion: c.PersonVersion, Attempt: c.Attempt,
			Claim: c.Claim, Address: c.Address, Switches: c.Switches, CapMax: c.Cap.Max, CapPer: c.Cap.Per, At: c.At, NotAfter: c.NotAfter,
		}
	}
	errs, err := p.s.Confirm(ctx, in)
	if err != nil {
		return nil, gateError(err)
	}
	for i := range errs {
		errs[i] = gateError(errs[i])
	}
	return errs, nil
}

// gateErrors are the state's answers in the gate's words.
var gateErrors = map[error]error{
	state.ErrNotCertified: gate.ErrNotCertified, state.ErrBarred: gate.ErrBarred, state.ErrMoved: gate.ErrMoved, state.ErrLost: gate.ErrLost,
	state.ErrClaim: gate.ErrClaim, state.ErrStopped: gate.ErrStopped, state.ErrCapped: gate.ErrCapped, state.ErrTooLate: gate.ErrOld,
}

func gateError(err error) error {
	for ours, theirs := range gateErrors {
		if errors.Is(err, ours) {
			return theirs
		}
	}
	return err
}

// sink lets intake write to the ledger.
type sink struct{ l *ledger.Ledger }

// Accept implements intake.Sink.
func (s sink) Accept(ctx context.Context, as []reminder.Appointment) ([]error, error) {
	errs, err := s.l.Accept(ctx, as)
	for i, e := range errs {
		switch {
		case errors.Is(e, plan.ErrUnknownUnit):
			errs[i] = intake.Refuse(intake.ReasonUnknownUnit, e)
		case errors.Is(e, plan.ErrIncomplete):
			errs[i] = intake.Refuse(intake.ReasonRefused, e)
		}
	}
	return errs, err
}

// Bury implements intake.Sink.
func (s sink) Bury(ctx context.Context, ds []intake.DeadLetter) error {
	out := make([]ledger.DeadLetter, len(ds))
	for i, d := range ds {
		out[i] = ledger.DeadLetter{Station: "intake", Reason: string(d.Reason), Detail: d.Detail, Shape: d.Shape, Received: d.Received, Sequence: d.Sequence, Subject: d.Subject, Type: d.ContentType, Data: d.Data}
	}
	return s.l.Bury(ctx, out)
}

// register lets inbound write to the ledger.
type register struct{ *ledger.Replies }

var _ inbound.Register = register{}

// reports are the carrier's statuses in the receipt's words: that a message is on its way settles a doubt.
var reports = map[provider.Status]receipt.Status{provider.Pending: receipt.Accepted, provider.Delivered: receipt.Delivered, provider.Undelivered: receipt.Undelivered}

// Stop implements inbound.Register.
func (r register) Stop(ctx context.Context, from reminder.Address, via string, said time.Time) error {
	return r.StopSaid(ctx, from, via, said)
}

// Start implements inbound.Register.
func (r register) Start(ctx context.Context, from reminder.Address, via string, said time.Time) error {
	return r.StartSaid(ctx, from, via, said)
}

// Report implements inbound.Register.
func (r register) Report(ctx context.Context, n provider.Report, via string) error {
	s, ok := reports[n.Status]
	if !ok {
		return nil
	}
	return r.Ledger.Report(ctx, receipt.Report{
		Claim: n.Reference, Carrier: via, CarrierID: n.CarrierID, Status: s, Code: (&provider.Error{Code: n.Code}).Label(), Fault: receipt.Fault(n.Fault), Signed: n.Signed, At: n.At,
	})
}
