package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/contact/code"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// How long whoever asked for a code waits for the line, and how long more where a worker has it in hand.
const (
	codeWait  = 10 * time.Second
	codeGrace = 5 * time.Second
	codePoll  = 25 * time.Millisecond
)

// codeLate is the reason of a code that the line did not send while somebody waited for it: it is taken back.
const codeLate = "not_in_time"

// codeIdle is the reason of a code that is asked for while this process alone owns the data and sends nothing.
const codeIdle = "not_running"

// codeLine is the line as the sender of codes: a code is journalled as a reminder that is due, and goes the way of all others, in
// whatever process a worker is free.
type codeLine struct {
	a    *App
	wait time.Duration
}

var _ code.Sender = codeLine{}

// Send implements code.Sender. The gate is asked first, so that whoever waits is told at once; and once more by the line.
func (s codeLine) Send(ctx context.Context, m code.Message) error {
	a := s.a
	if !a.sends(reminder.SMS) {
		return &code.NotSentError{Reason: string(gate.RouteClosed)}
	}
	if a.lead == nil && !a.runs() {
		return &code.NotSentError{Reason: codeIdle}
	}
	now := a.Now()
	d, err := a.Gate.Code(ctx, gate.CodeQuestion{Person: m.Person, Address: m.Address, Unit: m.Unit, NotAfter: m.NotAfter}, now)
	if err != nil || d.Outcome != gate.Allow {
		return &code.NotSentError{Reason: string(d.Reason)}
	}
	err = a.Ledger.PlanCode(ctx, ledger.Code{
		Person: m.Person, Challenge: reminder.Challenge{Address: m.Address, Code: m.Code}, Unit: m.Unit, Language: m.Language, Reference: m.Reference,
		NotAfter: m.NotAfter,
	})
	if err != nil && !errors.Is(err, ledger.ErrBehind) {
		return fmt.Errorf("app: a code may be journalled, or not: %w", err)
	}
	return s.outcome(ctx, m)
}

// runs reports whether the line runs.
func (a *App) runs() bool {
	select {
	case <-a.running:
		return true
	default:
		return false
	}
}

// sends reports whether a carrier takes messages on a channel.
func (a *App) sends(c reminder.Channel) bool {
	for _, r := range a.Routes {
		if r.Name == string(c) && r.Sender != nil {
			return true
		}
	}
	return false
}

// errCodeUnknown means that nobody knows whether a code left.
var errCodeUnknown = errors.New("app: nobody knows whether the code left")

// outcome waits for what becomes of a code. One that nobody has in hand when the waiting is over is taken back.
func (s codeLine) outcome(ctx context.Context, m code.Message) error {
	at, over, err := s.until(ctx, m, s.wait)
	if err == nil && !over {
		if at, err = s.a.Ledger.DropCode(ctx, m.Person, m.Reference, codeLate); err == nil && !at.Over() {
			at, _, err = s.until(ctx, m, codeGrace)
		}
	}
	switch {
	case err != nil:
		return err
	case at.Status == "", !at.Over(), at.Left() && !at.Sure():
		return errCodeUnknown
	case at.Left():
		return nil
	case at.Reason == "":
		return &code.NotSentError{Reason: string(at.Status)}
	}
	return &code.NotSentError{Reason: at.Reason}
}

// until looks where a code stands until nothing more comes of it, or the time is over.
func (s codeLine) until(ctx context.Context, m code.Message, wait time.Duration) (at ledger.CodeState, over bool, err error) {
	t := time.NewTicker(codePoll)
	defer t.Stop()
	end := time.NewTimer(wait)
	defer end.Stop()
	for {
		at, err = s.a.Ledger.CodeState(ctx, m.Person, m.Reference)
		if err != nil && !errors.Is(err, ledger.ErrNoCode) {
			return at, false, err
		}
		if err == nil && at.Over() {
			return at, true, nil
		}
		select {
		case <-t.C:
		case <-end.C:
			return at, false, nil
		case <-ctx.Done():
			return at, false, ctx.Err()
		}
	}
}
