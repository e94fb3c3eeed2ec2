package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
)

// AnswerGate decides on answers.
type AnswerGate interface {
	Answer(ctx context.Context, r gate.Reply, now time.Time) (gate.Permit, error)
	ConfirmAnswer(ctx context.Context, p gate.Permit, template string) error
}

// AnswerOptions of Answers. Gate and Composer are required.
type AnswerOptions struct {
	Gate     AnswerGate
	Composer Composer
	Routes   []Route
	// Router, Stopped and Country are as in Options.
	Router  *routing.Router
	Stopped func(ctx context.Context) (map[string]string, error)
	Country func(a reminder.Address) reminder.Country

	Now           func() time.Time // nil = time.Now
	Most          int              // answers at work at once; 0 = 8
	Patience      time.Duration    // how long Send waits for what becomes of one; 0 = 1 s
	OpenWait      time.Duration    // how long a slot may take to open; 0 = 2 s
	WriteDeadline time.Duration    // how long a write may take; 0 = 1 s
	Metrics       prometheus.Registerer
	Log           *zap.Logger
}

// Answers hands fixed answers over to people who wrote. Each is decided by the gate, composed and looked through like any message, and
// written once: it has no journal and no second try, for who gets none writes again or rings. The carrier's slots are shared with the
// reminders, and an answer waits shortly for one.
type Answers struct {
	o        AnswerOptions
	hands    chan struct{}
	busy     sync.WaitGroup
	outcomes *prometheus.CounterVec
}

// What became of an answer, beside the carrier's own outcomes: labels of metrics.
const (
	answerAccepted = "accepted"
	answerBusy     = "busy"         // too many are at work
	answerDenied   = "denied"       // the gate's no
	answerHeld     = "held"         // it can't be written cleanly, or the carrier can't carry it
	answerClosed   = "route_closed" // no route, or no slot
	answerLate     = "late"         // it was not to begin any more
)

// NewAnswers checks the options.
func NewAnswers(o AnswerOptions) (*Answers, error) {
	if o.Gate == nil || o.Composer == nil {
		return nil, errors.New("dispatch: AnswerOptions: Gate and Composer are required")
	}
	for _, r := range o.Routes {
		if r.Name == "" || r.Sender == nil {
			return nil, fmt.Errorf("dispatch: AnswerOptions: route %q: want a name and a sender", r.Name)
		}
	}
	var err error
	if o.Routes, err = named(o.Routes); err != nil {
		return nil, err
	}
	if o.Router == nil && len(o.Routes) > 0 {
		if o.Router, err = routing.New(routing.Options{Rules: inOrder(o.Routes), Now: o.Now, Log: o.Log}); err != nil {
			return nil, fmt.Errorf("dispatch: %w", err)
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Most == 0 {
		o.Most = 8
	}
	for d, v := range map[*time.Duration]time.Duration{&o.Patience: time.Second, &o.OpenWait: 2 * time.Second, &o.WriteDeadline: time.Second} {
		if *d == 0 {
			*d = v
		}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	a := &Answers{o: o, hands: make(chan struct{}, o.Most), outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "husk_dispatch_answers_total", Help: "Fixed answers to people who wrote, by what became of them.",
	}, []string{"route", "outcome"})}
	if o.Metrics != nil {
		if err := o.Metrics.Register(a.outcomes); err != nil {
			return nil, fmt.Errorf("dispatch: metrics: %w", err)
		}
	}
	return a, nil
}

var (
	errBusy    = errors.New("dispatch: answer: too many are at work")
	errNoRoute = errors.New("dispatch: answer: no carrier serves the channel")
	errLate    = errors.New("dispatch: answer: too late to begin")
)

// Send sends one answer. It returns after Patience at the latest; what is still at work then goes on by itself, and the error is one
// of outcome Unknown. No error holds an address or a text.
func (a *Answers) Send(ctx context.Context, r gate.Reply) error {
	select {
	case a.hands <- struct{}{}:
	default:
		a.outcomes.WithLabelValues(r.Route, answerBusy).Inc()
		return errBusy
	}
	done := make(chan error, 1)
	a.busy.Go(func() {
		defer func() { <-a.hands }()
		outcome, err := a.send(context.WithoutCancel(ctx), r)
		a.outcomes.WithLabelValues(r.Route, outcome).Inc()
		done <- err
	})
	patience := time.NewTimer(a.o.Patience)
	defer patience.Stop()
	select {
	case err := <-done:
		return err
	case <-patience.C:
		return &provider.Error{Outcome: provider.Unknown, Code: "slow"}
	}
}

// Wait returns when no answer is at work any more. Nothing may be sent from then on.
func (a *Answers) Wait() { a.busy.Wait() }

// send sees one answer through.
func (a *Answers) send(ctx context.Context, r gate.Reply) (outcome string, err error) {
	if !slices.ContainsFunc(a.o.Routes, func(x Route) bool { return x.Name == r.Route }) {
		return answerClosed, errNoRoute
	}
	p, err := a.o.Gate.Answer(ctx, r, a.o.Now())
	if err != nil {
		return answerDenied, err
	}
	m, err := written(ctx, a.o.Composer, p, rand.Text(), nil)
	if err != nil {
		return answerHeld, err
	}
	stopped, err := stoppedBy(ctx, a.o.Stopped)
	if err != nil {
		return answerClosed, err
	}
	why := errNoRoute
	outcome = answerClosed
	q := routing.Question{Country: countryOf(a.o.Country, p), Unit: p.Unit().ID}
	for _, name := range a.o.Router.Order(reminder.Channel(r.Route), q) {
		i := slices.IndexFunc(a.o.Routes, func(x Route) bool { return x.Name == r.Route && x.Carrier == name })
		if i < 0 || stopped(name) {
			continue
		}
		slot, pass, said, err := a.board(ctx, a.o.Routes[i], p, &m)
		if err == nil {
			return a.hand(ctx, name, p, m, slot, pass)
		}
		outcome, why = said, err
	}
	return outcome, why
}

// board has a carrier encode an answer, and gets it a slot there.
func (a *Answers) board(ctx context.Context, r Route, p gate.Permit, m *reminder.Message) (_ provider.Slot, _ *routing.Pass, outcome string, err error) {
	if m.Wire, err = r.Sender.Encode(*m); err == nil {
		err = a.o.Composer.Inspect(p, *m)
	}
	if err != nil {
		return nil, nil, answerHeld, err
	}
	wait, cancel := context.WithTimeout(ctx, a.o.OpenWait)
	defer cancel()
	pass, err := a.o.Router.Board(wait, r.Carrier, m.Segments)
	if err != nil {
		return nil, nil, answerClosed, err
	}
	began := time.Now() //nolint:forbidigo // real time, as the carrier's is
	slot, err := r.Sender.Open(wait)
	if err != nil {
		pass.End(routing.Judge(err, time.Since(began)), false) //nolint:forbidigo // as above
		return nil, nil, answerClosed, err
	}
	return slot, pass, "", nil
}

// hand writes an answer. A carrier that was stopped while its slot opened gets none.
func (a *Answers) hand(ctx context.Context, carrier string, p gate.Permit, m reminder.Message, slot provider.Slot, pass *routing.Pass) (outcome string, err error) {
	defer slot.Close()
	said, left := routing.Neither, false
	defer func() { pass.End(said, left) }()
	by := time.Now().Add(a.o.WriteDeadline)     //nolint:forbidigo // real time, as the write deadline is
	stopped, err := stoppedBy(ctx, a.o.Stopped) // before the gate, which asks last whether the store vouches for what it said
	if err != nil {
		return answerClosed, err
	}
	if stopped(carrier) {
		return answerClosed, fmt.Errorf("%s: %w", carrier, routing.ErrStopped)
	}
	if err := a.o.Gate.ConfirmAnswer(ctx, p, m.Template); err != nil {
		return answerDenied, err
	}
	began := time.Now() //nolint:forbidigo // as above
	if !began.Before(by) {
		return answerLate, errLate
	}
	write, cancel := context.WithDeadline(ctx, by)
	defer cancel()
	_, err = slot.Send(write, m)
	said = routing.Judge(err, time.Since(began)) //nolint:forbidigo // as above
	left = err == nil || provider.OutcomeOf(err) == provider.Unknown
	if err != nil {
		return provider.OutcomeOf(err).String(), asError(err)
	}
	return answerAccepted, nil
}

// asError keeps a carrier's error from telling more than its outcome and code.
func asError(err error) error {
	var e *provider.Error
	if errors.As(err, &e) {
		return e
	}
	return &provider.Error{Outcome: provider.Unknown, Code: provider.Cause(err), Err: err}
}
