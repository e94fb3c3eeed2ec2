package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Reply is somebody who wrote and is to have one of the fixed answers.
type Reply struct {
	To       reminder.Address
	Text     reminder.AnswerText
	Unit     string // whose message they answered
	Language string // of that message; "" = the unit's
	Route    string // the carrier route that the answer is to go
}

// ErrNoAnswer means that an answer may not go, now or ever: an answer is never tried again. The text tells the Reason.
var ErrNoAnswer = errors.New("gate: no answer")

// answerUseful is how long after it was allowed an answer is of use.
const answerUseful = 10 * time.Minute

// Answer gives the leave for one fixed answer to one who wrote. It asks for no basis and no bar: the person wrote, the text says
// nothing of anybody, and the one to whom a STOP is confirmed is barred by then. How often is the caller's to limit. What holds are the switches, a known unit, and the policy pack in force for its country, with its
// channels. Any doubt is a no: the error is ErrNoAnswer, or that of what did not answer.
func (g *Gate) Answer(ctx context.Context, r Reply, now time.Time) (Permit, error) {
	no := func(why Reason) (Permit, error) { return Permit{}, fmt.Errorf("%w: %s", ErrNoAnswer, why) }
	if r.To.IsZero() || r.Route == "" || !slices.Contains(reminder.AnswerTexts, r.Text) {
		return no(Unavailable)
	}
	u, ok := g.o.Units.Unit(r.Unit)
	if !ok || u.ID == "" || u.ID != r.Unit {
		return no(Unavailable)
	}
	pack, ok := g.o.Packs.For(u.Country, now)
	if !ok {
		return no(PolicyMissing)
	}
	if !pack.Allows(r.To.Channel) {
		return no(NoBasis)
	}
	p := Permit{
		ok: true, answer: r.Text, address: r.To, hash: g.o.Hash(r.To), unit: u, pack: pack, made: now,
		lease: reminder.Lease{
			Purpose: reminder.Reply, Route: r.Route, Due: now, Expires: now.Add(answerUseful),
			Appointment: reminder.Appointment{Unit: u.ID, Language: r.Language},
		},
	}
	if err := g.unstopped(ctx, p, ""); err != nil {
		return Permit{}, err
	}
	return p, nil
}

// ConfirmAnswer looks for the last time, when the answer is about to be written, whether anything stops it: a switch that was set
// meanwhile, or one of the very template that was chosen. template is as Rendered.Template has it. Only nil is a yes. A permit is as old
// as for Confirm.
func (g *Gate) ConfirmAnswer(ctx context.Context, p Permit, template string) error {
	now := g.o.Now()
	switch age := now.Sub(p.made); {
	case p.IsZero() || p.answer == "" || template == "":
		return ErrNoPermit
	case age > g.o.MaxAge || age < -g.o.MaxAge || !now.Before(p.lease.Expires):
		return ErrOld
	}
	return g.unstopped(ctx, p, template)
}

// unstopped asks the switches, and then whether the store vouches for what it said: one that does not is a no as well. Asked before,
// it could have lost them in between.
func (g *Gate) unstopped(ctx context.Context, p Permit, template string) error {
	stopped, err := g.o.Switches.Stopped(ctx)
	if err != nil {
		return fmt.Errorf("gate: switches: %w", err)
	}
	if g.o.Certified == nil {
		return fmt.Errorf("%w: certified: nobody answers", ErrUnavailable)
	}
	if err := g.o.Certified(ctx); err != nil {
		return fmt.Errorf("gate: certified: %w", err)
	}
	names := switches(p.unit, p.pack, p.lease.Purpose, template, p.lease.Route)
	names = append(names, SwitchTemplate+p.unit.AnswerSet(p.answer))
	if r := stoppedBy(stopped, names); r != "" {
		return fmt.Errorf("%w: %s", ErrNoAnswer, r)
	}
	return nil
}
