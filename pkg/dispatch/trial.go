package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
)

// The reasons why no trial is sent.
var (
	ErrNoTrialTo   = errors.New("dispatch: trial: no address for trials is configured for the channel: set send.test_sms or send.test_email")
	ErrNoCarrier   = errors.New("dispatch: trial: no such carrier in the routes")
	ErrTrialHalted = errors.New("dispatch: trial: everything, the carrier, the unit or its country is stopped")
)

// TrialComposer writes trials; see compose.Composer.
type TrialComposer interface {
	Trial(u reminder.Unit, to reminder.Address) (reminder.Message, error)
	InspectTrial(m reminder.Message) error
}

// TrialOptions of Trials. Composer, Router and Stopped are required.
type TrialOptions struct {
	Composer TrialComposer
	Routes   []Route
	Router   *routing.Router
	Stopped  func(ctx context.Context) (map[string]string, error)
	// To are the only addresses that trials go to, one a channel.
	To            map[reminder.Channel]reminder.Address
	Unit          reminder.Unit // that trials are from
	OpenWait      time.Duration // how long a slot may take to open; 0 = 10 s
	WriteDeadline time.Duration // how long a write may take; 0 = 1 s
}

// Trials hand an operator's synthetic message over to one carrier. It is the third thing beside a permit that leads to a carrier, and as
// narrow as notices are: it takes the name of a carrier, no text and no address, and writes to the configured addresses alone. It obeys
// switches, rates and caps, and has neither journal nor second try.
type Trials struct{ o TrialOptions }

// NewTrials checks the options.
func NewTrials(o TrialOptions) (*Trials, error) {
	if o.Composer == nil || o.Router == nil || o.Stopped == nil {
		return nil, errors.New("dispatch: TrialOptions: Composer, Router and Stopped are required")
	}
	var err error
	if o.Routes, err = named(o.Routes); err != nil {
		return nil, err
	}
	if o.OpenWait == 0 {
		o.OpenWait = 10 * time.Second
	}
	if o.WriteDeadline == 0 {
		o.WriteDeadline = time.Second
	}
	return &Trials{o}, nil
}

// Trial is what became of one.
type Trial struct {
	Channel   reminder.Channel
	Reference string // ours, as the carrier knows it
	CarrierID string
	Outcome   string // accepted, or the carrier's own: retry, reject, opted_out, unknown
	Code      string
}

// Send sends one trial by a carrier, on the first channel that it serves and has an address for. An error says that nothing was handed
// over; what the carrier said is no error.
func (t *Trials) Send(ctx context.Context, carrier string) (Trial, error) {
	i := slices.IndexFunc(t.o.Routes, func(r Route) bool { return r.Carrier == carrier && !t.to(r).IsZero() })
	switch {
	case i >= 0:
	case slices.ContainsFunc(t.o.Routes, func(r Route) bool { return r.Carrier == carrier }):
		return Trial{}, ErrNoTrialTo
	default:
		return Trial{}, ErrNoCarrier
	}
	r := t.o.Routes[i]
	if err := t.halted(ctx, r); err != nil {
		return Trial{}, err
	}
	m, err := t.o.Composer.Trial(t.o.Unit, t.to(r))
	if err != nil {
		return Trial{}, err
	}
	m.Reference = rand.Text()
	if m.Wire, err = r.Sender.Encode(m); err != nil {
		return Trial{}, err
	}
	if err := t.o.Composer.InspectTrial(m); err != nil {
		return Trial{}, err
	}
	wait, cancel := context.WithTimeout(ctx, t.o.OpenWait)
	defer cancel()
	pass, err := t.o.Router.Board(wait, carrier, m.Segments)
	if err != nil {
		return Trial{}, err
	}
	said, left := routing.Neither, false
	defer func() { pass.End(said, left) }()
	began := time.Now() //nolint:forbidigo // real time, as the carrier's is
	slot, err := r.Sender.Open(wait)
	if err != nil {
		said = routing.Judge(err, time.Since(began)) //nolint:forbidigo // as above
		return Trial{}, err
	}
	defer slot.Close()
	write, cancel := context.WithTimeout(ctx, t.o.WriteDeadline)
	defer cancel()
	if err := t.halted(write, r); err != nil { // a switch may have been set while turn and slot were waited for
		return Trial{}, err
	}
	began = time.Now() //nolint:forbidigo // as above
	a, err := slot.Send(write, m)
	said = routing.Judge(err, time.Since(began)) //nolint:forbidigo // as above
	x := Trial{Channel: m.Channel, Reference: m.Reference, CarrierID: a.CarrierID, Outcome: answerAccepted, Code: label(err)}
	if err != nil {
		x.Outcome = provider.OutcomeOf(err).String()
	}
	left = err == nil || provider.OutcomeOf(err) == provider.Unknown
	return x, nil
}

// halted asks the switches that stop a trial by a route. What nobody can say stops it too.
func (t *Trials) halted(ctx context.Context, r Route) error {
	stopped, err := t.o.Stopped(ctx)
	if err != nil {
		return fmt.Errorf("dispatch: trial: %w", err)
	}
	u := t.o.Unit
	for _, name := range []string{
		gate.SwitchAll, gate.SwitchCarrier + r.Carrier, gate.SwitchCarrier + r.Name, gate.SwitchUnit + u.ID, gate.SwitchCountry + string(u.Country),
	} {
		if _, is := stopped[name]; is {
			return ErrTrialHalted
		}
	}
	return nil
}

func (t *Trials) to(r Route) reminder.Address { return t.o.To[reminder.Channel(r.Name)] }
